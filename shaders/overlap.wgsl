// Map against mask, pixel by pixel of the photo: both, only the map, only the mask. CPU twin: src/render/overlap.rs;
// change both.
//
// Values and mask are looked up at the photo's own pixels, so that what is painted is what the figures count.

struct Uniforms {
    true_positive: vec4<f32>,
    false_positive: vec4<f32>,
    false_negative: vec4<f32>,
    origin_px: vec2<f32>,
    photo_scale: vec2<f32>,
    photo_offset: vec2<f32>,
    photo_size: vec2<f32>,
    mask_first: vec2<f32>,
    mask_size: vec2<f32>,
    threshold: f32,
    padding_0: u32,
    padding_1: u32,
    padding_2: u32,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var heat: texture_2d<f32>; // R32Float, one texel per photo pixel
@group(0) @binding(2) var mask: texture_2d<u32>; // R8Uint, the rectangle around the mask

fn in_mask(photo_px: vec2<f32>) -> bool {
    let at = photo_px - u.mask_first;
    return inside(at, u.mask_size) && textureLoad(mask, vec2<i32>(at), 0).r != 0u;
}

@fragment
fn fs(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let p = floor(position.xy - u.origin_px) + 0.5;
    let photo_px = floor(p * u.photo_scale + u.photo_offset);
    if (!inside(photo_px, u.photo_size)) {
        return vec4<f32>(0.0);
    }
    let value = textureLoad(heat, vec2<i32>(photo_px), 0).r;
    if (value > MISSING_ABOVE) {
        return vec4<f32>(0.0);
    }
    let above = value >= u.threshold;
    if (in_mask(photo_px)) {
        return select(u.false_negative, u.true_positive, above);
    }
    return select(vec4<f32>(0.0), u.false_positive, above);
}
