// A photo darkened to one grey where a mask says so, or the mask itself. CPU twin: src/render/prompt.rs; change both.
//
// At one drawn pixel per photo pixel this is the photo that the model is asked about: the same product, truncated to 8
// bits.

const LINEAR_TARGET = 1u;
const MASK_ALONE = 2u;

// Below what two different grey levels can be apart, above the rounding of single precision.
const TRUNCATION_SLACK = 0.001;

struct Uniforms {
    origin_px: vec2<f32>,
    photo_size: vec2<f32>,
    photo_scale: vec2<f32>,
    photo_offset: vec2<f32>,
    grey: f32,
    lod: f32,
    flags: u32,
    padding: u32,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var photo: texture_2d<f32>; // Rgba8Unorm with halvings
@group(0) @binding(2) var mask: texture_2d<u32>; // R8Uint, one texel per photo pixel: how much of it stays, of 255

@fragment
fn fs(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let p = floor(position.xy - u.origin_px) + 0.5;
    let photo_px = p * u.photo_scale + u.photo_offset;
    if (!inside(photo_px, u.photo_size)) {
        return vec4<f32>(0.0);
    }
    let stays = f32(textureLoad(mask, vec2<i32>(photo_px), 0).r) / 255.0;
    var out = vec3<f32>(stays);
    if (!has(MASK_ALONE)) {
        let mixed = photo_colour(photo_px) * stays + u.grey * (1.0 - stays);
        out = floor(mixed * 255.0 + TRUNCATION_SLACK) / 255.0;
    }
    if (has(LINEAR_TARGET)) {
        out = linear_from_gamma(out);
    }
    return vec4<f32>(out, 1.0);
}
