// The photo at one of its points: one texel when it is drawn large, else between texels and halvings.

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
