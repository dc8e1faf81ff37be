// All layers x heads of one token in one instanced draw. CPU twin: src/render/grid_maps.rs; change both.
//
// Values and ranges lie in textures of fixed width, one after the other, so that no count of heads or patches meets a
// texture limit early.

const DIVERGING = 2u;
const LINEAR_TARGET = 32u;
const TEXTURE_WIDTH = 2048u;

struct Uniforms {
    viewport_min: vec2<i32>,
    viewport_size: vec2<u32>,
    first_px: vec2<i32>,
    pitch_px: vec2<u32>,
    cell_px: vec2<u32>,
    grid: vec2<u32>,
    heads: u32,
    colormap: u32,
    gamma: u32,
    flags: u32,
    shared_range: u32,
    padding: u32,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var values: texture_2d<f32>; // R32Float
@group(0) @binding(2) var ranges: texture_2d<f32>; // Rg32Float: lowest value, 1 / width
@group(0) @binding(3) var lut: texture_2d<f32>; // Rgba8Unorm, 256 colours a row

struct Vertex {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) map: u32,
};

fn corner_px(map: u32) -> vec2<i32> {
    return u.first_px + vec2<i32>(vec2<u32>(map % u.heads, map / u.heads) * u.pitch_px);
}

@vertex
fn vs(@builtin(vertex_index) vertex: u32, @builtin(instance_index) map: u32) -> Vertex {
    let unit = corner_of(vertex);
    let px = corner_px(map) + vec2<i32>(unit * u.cell_px) - u.viewport_min;
    let ndc = vec2<f32>(px) / vec2<f32>(u.viewport_size) * 2.0 - 1.0;
    return Vertex(vec4<f32>(ndc.x, -ndc.y, 0.0, 1.0), map);
}

// The patch under the pixel's centre, or all that the pixel touches where patches are smaller than pixels: first, and
// one past the last.
fn patches_under(i: u32, cell: u32, n: u32) -> vec2<u32> {
    if (n <= cell) {
        let at = (2u * i + 1u) * n / (2u * cell);
        return vec2<u32>(at, at + 1u);
    }
    return vec2<u32>(i * n / cell, ((i + 1u) * n + cell - 1u) / cell);
}

fn value_at(idx: u32) -> f32 {
    return textureLoad(values, vec2<i32>(vec2<u32>(idx % TEXTURE_WIDTH, idx / TEXTURE_WIDTH)), 0).r;
}

fn gamma_curve(x: f32) -> f32 {
    return select(pow(x, bitcast<f32>(u.gamma)), 0.0, x <= 0.0);
}

fn lut_colour(position: f32) -> vec3<f32> {
    let x = clamp(position, 0.0, 1.0) * 255.0;
    let below = i32(floor(x));
    let row = i32(u.colormap);
    let a = textureLoad(lut, vec2<i32>(below, row), 0).rgb;
    let b = textureLoad(lut, vec2<i32>(min(below + 1, 255), row), 0).rgb;
    return mix(a, b, fract(x));
}

@fragment
fn fs(vertex: Vertex) -> @location(0) vec4<f32> {
    let px = vec2<u32>(vec2<i32>(floor(vertex.position.xy)) - corner_px(vertex.map));
    let cols = patches_under(px.x, u.cell_px.x, u.grid.x);
    let rows = patches_under(px.y, u.cell_px.y, u.grid.y);
    let first = vertex.map * u.grid.x * u.grid.y;
    var peak = -MISSING_ABOVE;
    var found = false;
    for (var row = rows.x; row < rows.y; row++) {
        for (var col = cols.x; col < cols.y; col++) {
            let value = value_at(first + row * u.grid.x + col);
            if (value < MISSING_ABOVE) {
                peak = max(peak, value);
                found = true;
            }
        }
    }
    if (!found) {
        return vec4<f32>(0.0);
    }
    let range_idx = select(vertex.map, 0u, u.shared_range != 0u);
    let range = textureLoad(ranges, vec2<i32>(vec2<u32>(range_idx % TEXTURE_WIDTH, range_idx / TEXTURE_WIDTH)), 0).rg;
    let linear = clamp((peak - range.x) * range.y, 0.0, 1.0);
    var position = gamma_curve(linear);
    if ((u.flags & DIVERGING) != 0u) {
        let signed = 2.0 * linear - 1.0;
        position = 0.5 + 0.5 * gamma_curve(abs(signed)) * sign(signed);
    }
    var rgb = lut_colour(position);
    if ((u.flags & LINEAR_TARGET) != 0u) {
        rgb = linear_from_gamma(rgb);
    }
    return vec4<f32>(rgb, 1.0);
}
