// One object's mask, filled and outlined. CPU twin: src/render/mask.rs; change both.

struct Uniforms {
    fill: vec4<f32>,
    outline: vec4<f32>,
    shadow: vec4<f32>,
    origin_px: vec2<f32>,
    photo_scale: vec2<f32>,
    photo_offset: vec2<f32>,
    mask_first: vec2<f32>,
    mask_size: vec2<f32>,
    out_size: vec2<f32>,
    bounds_min: vec2<f32>,
    bounds_max: vec2<f32>,
    line_px: f32,
    padding_0: u32,
    padding_1: u32,
    padding_2: u32,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var mask: texture_2d<u32>; // R8Uint, the rectangle around the mask

// Only the rectangle that the mask can reach: a photo may have a hundred masks.
@vertex
fn vs(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4<f32> {
    let unit = vec2<f32>(corner_of(vertex));
    let ndc = mix(u.bounds_min, u.bounds_max, unit) / u.out_size * 2.0 - 1.0;
    return vec4<f32>(ndc.x, -ndc.y, 0.0, 1.0);
}

fn in_mask(p: vec2<f32>) -> bool {
    let at = floor(p * u.photo_scale + u.photo_offset) - u.mask_first;
    return inside(at, u.mask_size) && textureLoad(mask, vec2<i32>(at), 0).r != 0u;
}

@fragment
fn fs(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let p = floor(position.xy - u.origin_px) + 0.5;
    let inner = in_mask(p);
    let reach = select(u.line_px, 2.0 * u.line_px, inner);
    var differs = false;
    for (var j = -1; j <= 1; j++) {
        for (var i = -1; i <= 1; i++) {
            differs = differs || in_mask(p + vec2<f32>(f32(i), f32(j)) * reach) != inner;
        }
    }
    let fill = select(vec4<f32>(0.0), u.fill, inner);
    let line = select(u.shadow, u.outline, inner);
    return over(select(vec4<f32>(0.0), line, differs), fill);
}
