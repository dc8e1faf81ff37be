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

// One triangle over the whole viewport.
@vertex
fn vs(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((i << 1u) & 2u), f32(i & 2u));
    return vec4<f32>(corner * vec2<f32>(2.0, -2.0) + vec2<f32>(-1.0, 1.0), 0.0, 1.0);
}

fn has(flag: u32) -> bool {
    return (u.flags & flag) != 0u;
}

fn inside(p: vec2<f32>, size: vec2<f32>) -> bool {
    return all(p >= vec2<f32>(0.0)) && all(p < size);
}

// The photo as heat.wgsl draws it.

fn photo_texel(at: vec2<f32>, level: i32, size: vec2<f32>) -> vec3<f32> {
    let texel = clamp(at, vec2<f32>(0.0), size - 1.0);
    return textureLoad(photo, vec2<i32>(texel), level).rgb;
}

fn photo_bilinear(uv: vec2<f32>, wanted: i32) -> vec3<f32> {
    let level = clamp(wanted, 0, i32(textureNumLevels(photo)) - 1);
    let size = vec2<f32>(textureDimensions(photo, level));
    let at = uv * size - 0.5;
    let base = floor(at);
    let f = at - base;
    let top = mix(photo_texel(base, level, size), photo_texel(base + vec2<f32>(1.0, 0.0), level, size), f.x);
    let bottom =
        mix(photo_texel(base + vec2<f32>(0.0, 1.0), level, size), photo_texel(base + vec2<f32>(1.0, 1.0), level,
            size), f.x);
    return mix(top, bottom, f.y);
}

fn photo_colour(photo_px: vec2<f32>) -> vec3<f32> {
    let uv = photo_px / u.photo_size;
    if (u.lod < 0.0) {
        let size = vec2<f32>(textureDimensions(photo, 0));
        return photo_texel(floor(uv * size), 0, size);
    }
    let fine = photo_bilinear(uv, i32(floor(u.lod)));
    let f = fract(u.lod);
    if (f == 0.0) {
        return fine;
    }
    return mix(fine, photo_bilinear(uv, i32(floor(u.lod)) + 1), f);
}

fn linear_from_gamma(c: vec3<f32>) -> vec3<f32> {
    return select(pow((c + 0.055) / 1.055, vec3<f32>(2.4)), c / 12.92, c <= vec3<f32>(0.04045));
}

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
