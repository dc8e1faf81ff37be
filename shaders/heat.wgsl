// A photo, the model's view of it, and raw values coloured on top. CPU twin:
// src/render/{compose,resample,colour,photo}.rs; change both.
//
// Points are measured in drawn pixels from the picture's corner (p) and turned into pixels of the photo and into
// patches by two affine maps that were computed in double precision. Everything is gamma-encoded and premultiplied
// until the last line.

const HAS_HEAT = 1u;
const DIVERGING = 2u;
const GRID_LINES = 4u;
const BORDER = 8u;
const SELECTION = 16u;
const LINEAR_TARGET = 32u;

const PI = 3.14159265;

const UNSEEN = 0.35;
const PADDING = vec4<f32>(0.1675, 0.1593, 0.1428, 0.35);
const OUTLINE = vec4<f32>(1.0, 1.0, 1.0, 1.0);
const OUTLINE_SHADOW = vec4<f32>(0.0, 0.0, 0.0, 0.75);
const BORDER_LINE = vec4<f32>(0.85, 0.85, 0.85, 0.85);
const BORDER_SHADOW = vec4<f32>(0.0, 0.0, 0.0, 0.6);
const GRID_LIGHT = 0.45;
const GRID_DARK = 0.3;
const GRID_FADE_PX = vec2<f32>(4.0, 12.0);
const LINE_PHASE = 0.37;

// A grid of cells, by two affine maps from drawn pixels.
struct Region {
    scale: vec2<f32>,
    offset: vec2<f32>,
    grid: vec2<f32>,
    first: vec2<f32>, // of its texels
    counts: u32,
    padding_0: u32,
    padding_1: u32,
    padding_2: u32,
};

struct Uniforms {
    origin_px: vec2<f32>,
    photo_size: vec2<f32>,
    photo_scale: vec2<f32>,
    photo_offset: vec2<f32>,
    frame_scale: vec2<f32>,
    frame_offset: vec2<f32>,
    frame: vec2<f32>,
    lo: f32,
    inv_width: f32,
    gamma: f32,
    opacity: f32,
    alpha_ramp: f32,
    lod: f32,
    line_px: f32,
    resampling: u32,
    colormap: u32,
    flags: u32,
    regions: u32,
    combine: u32, // where regions overlap: 0 their mean, 1 the largest value
    padding_0: u32,
    padding_1: u32,
    region: array<Region, 128>,
};

@group(0) @binding(0) var<uniform> u: Uniforms;
@group(0) @binding(1) var photo: texture_2d<f32>; // Rgba8Unorm with halvings
@group(0) @binding(2) var heat: texture_2d<f32>; // R32Float, one texel per cell, region below region
@group(0) @binding(3) var lut: texture_2d<f32>; // Rgba8Unorm, 256 colours a row, one row per colour map
@group(0) @binding(4) var selection: texture_2d<u32>; // R8Uint, as heat

fn cell_at(p: vec2<f32>, r: Region) -> vec2<f32> {
    return p * r.scale + r.offset;
}

fn covers(r: Region, p: vec2<f32>) -> bool {
    return inside(cell_at(p, r), r.grid);
}

fn is_seen(p: vec2<f32>) -> bool {
    for (var i = 0u; i < u.regions; i++) {
        if (covers(u.region[i], p)) {
            return true;
        }
    }
    return false;
}

// Values between cells, edges clamped

fn heat_cell(at: vec2<f32>, r: Region) -> f32 {
    return textureLoad(heat, vec2<i32>(r.first + clamp(at, vec2<f32>(0.0), r.grid - 1.0)), 0).r;
}

fn heat_or(at: vec2<f32>, r: Region, nearest: f32) -> f32 {
    let value = heat_cell(at, r);
    return select(value, nearest, value > MISSING_ABOVE);
}

// Keys 1981 with a = -0.5.
fn catmull_rom(t: f32) -> array<f32, 6> {
    let t2 = t * t;
    let t3 = t2 * t;
    return array<f32, 6>(
        -0.5 * t3 + t2 - 0.5 * t, 1.5 * t3 - 2.5 * t2 + 1.0, -1.5 * t3 + 2.0 * t2 + 0.5 * t, 0.5 * t3 - 0.5 * t2, 0.0,
            0.0,
    );
}

// sinc(x) sinc(x / 3), brought to sum 1; sine and cosine only within -pi..=pi, rotated by 60 degrees a step.
fn lanczos3(t: f32) -> array<f32, 6> {
    let rotation_cos = array<f32, 6>(-0.5, 0.5, 1.0, 0.5, -0.5, -1.0);
    let rotation_sin = array<f32, 6>(0.8660254, 0.8660254, 0.0, -0.8660254, -0.8660254, 0.0);
    let whole = sin(PI * t);
    let third = vec2<f32>(sin(PI * t / 3.0), cos(PI * t / 3.0));
    var weights = array<f32, 6>();
    var sum = 0.0;
    for (var k = 0; k < 6; k++) {
        let distance = t + 2.0 - f32(k);
        var weight = 1.0;
        if (abs(distance) >= 1e-3) {
            let x = PI * distance;
            let alternating = select(-whole, whole, (k & 1) == 0);
            weight = 3.0 * alternating * dot(third, vec2<f32>(rotation_cos[k], rotation_sin[k])) / (x * x);
        }
        weights[k] = weight;
        sum += weight;
    }
    for (var k = 0; k < 6; k++) {
        weights[k] /= sum;
    }
    return weights;
}

fn heat_weighted(
    first: vec2<f32>, r: Region, nearest: f32, count: i32, weights_x: array<f32, 6>, weights_y: array<f32, 6>,
) -> f32 {
    // Indexing by a variable needs memory.
    var wx = weights_x;
    var wy = weights_y;
    var sum = 0.0;
    for (var j = 0; j < count; j++) {
        var row = 0.0;
        for (var i = 0; i < count; i++) {
            row += wx[i] * heat_or(first + vec2<f32>(f32(i), f32(j)), r, nearest);
        }
        sum += wy[j] * row;
    }
    return sum;
}

fn heat_value(cell: vec2<f32>, r: Region, nearest: f32) -> f32 {
    let at = cell - 0.5;
    let base = floor(at);
    let f = at - base;
    switch u.resampling {
        case 0u: {
            return nearest;
        }
        case 1u: {
            let x = array<f32, 6>(1.0 - f.x, f.x, 0.0, 0.0, 0.0, 0.0);
            let y = array<f32, 6>(1.0 - f.y, f.y, 0.0, 0.0, 0.0, 0.0);
            return heat_weighted(base, r, nearest, 2, x, y);
        }
        case 2u: {
            return heat_weighted(base - 1.0, r, nearest, 4, catmull_rom(f.x), catmull_rom(f.y));
        }
        default: {
            return heat_weighted(base - 2.0, r, nearest, 6, lanczos3(f.x), lanczos3(f.y));
        }
    }
}

// Colour

fn lut_colour(position: f32) -> vec3<f32> {
    let x = clamp(position, 0.0, 1.0) * 255.0;
    let below = i32(floor(x));
    let row = i32(u.colormap);
    let a = textureLoad(lut, vec2<i32>(below, row), 0).rgb;
    let b = textureLoad(lut, vec2<i32>(min(below + 1, 255), row), 0).rgb;
    return mix(a, b, fract(x));
}

fn gamma_curve(x: f32) -> f32 {
    return select(pow(x, u.gamma), 0.0, x <= 0.0);
}

fn paint(value: f32) -> vec4<f32> {
    let linear = clamp((value - u.lo) * u.inv_width, 0.0, 1.0);
    var strength = gamma_curve(linear);
    var position = strength;
    if (has(DIVERGING)) {
        let signed = 2.0 * linear - 1.0;
        strength = gamma_curve(abs(signed));
        position = 0.5 + 0.5 * strength * sign(signed);
    }
    let alpha = u.opacity * (1.0 - u.alpha_ramp + u.alpha_ramp * strength);
    return vec4<f32>(lut_colour(position) * alpha, alpha);
}

// Regions that cover the pixel are put together before they are coloured.
fn heat_colour(p: vec2<f32>) -> vec4<f32> {
    var sum = 0.0;
    var count = 0.0;
    var largest = -MISSING_ABOVE;
    for (var i = 0u; i < u.regions; i++) {
        let r = u.region[i];
        let cell = cell_at(p, r);
        if (r.counts == 0u || !inside(cell, r.grid)) {
            continue;
        }
        let nearest = heat_cell(floor(cell), r);
        if (nearest > MISSING_ABOVE) {
            continue;
        }
        let value = heat_value(cell, r, nearest);
        sum += value;
        count += 1.0;
        largest = max(largest, value);
    }
    if (count == 0.0) {
        return vec4<f32>(0.0);
    }
    return paint(select(sum / count, largest, u.combine == 1u));
}

// Lines

fn is_edge(a: vec2<f32>, b: vec2<f32>, grid: vec2<f32>) -> bool {
    return any((abs(a - b) > vec2<f32>(0.5)) & (b > vec2<f32>(0.5)) & (b < grid - 0.5));
}

// Of the region with the smallest cells.
fn grid_lines(p: vec2<f32>) -> vec4<f32> {
    var found = false;
    var r = Region();
    for (var i = 0u; i < u.regions; i++) {
        let region = u.region[i];
        if (region.counts == 0u || !covers(region, p)) {
            continue;
        }
        if (!found || region.scale.x * region.scale.y > r.scale.x * r.scale.y) {
            found = true;
            r = region;
        }
    }
    if (!found) {
        return vec4<f32>(0.0);
    }
    let before = floor(cell_at(p + LINE_PHASE - u.line_px, r));
    let here = floor(cell_at(p + LINE_PHASE, r));
    let after = floor(cell_at(p + LINE_PHASE + u.line_px, r));
    let patch_px = min(1.0 / r.scale.x, 1.0 / r.scale.y);
    let fade = clamp((patch_px - GRID_FADE_PX.x) / (GRID_FADE_PX.y - GRID_FADE_PX.x), 0.0, 1.0);
    if (is_edge(before, here, r.grid)) {
        return vec4<f32>(GRID_LIGHT * fade);
    }
    if (is_edge(here, after, r.grid)) {
        return vec4<f32>(0.0, 0.0, 0.0, GRID_DARK * fade);
    }
    return vec4<f32>(0.0);
}

fn border(cell: vec2<f32>) -> vec4<f32> {
    let depth = min(cell, u.frame - cell) / u.frame_scale;
    let inwards_px = min(depth.x, depth.y);
    if (inwards_px >= u.line_px || inwards_px < -u.line_px) {
        return vec4<f32>(0.0);
    }
    if (inwards_px >= 0.0) {
        return BORDER_LINE;
    }
    return BORDER_SHADOW;
}

fn is_selected(p: vec2<f32>) -> bool {
    for (var i = 0u; i < u.regions; i++) {
        let r = u.region[i];
        let cell = cell_at(p, r);
        if (inside(cell, r.grid) && textureLoad(selection, vec2<i32>(r.first + floor(cell)), 0).r != 0u) {
            return true;
        }
    }
    return false;
}

fn outline(p: vec2<f32>) -> vec4<f32> {
    let inner = is_selected(p);
    let reach = select(u.line_px, 2.0 * u.line_px, inner);
    var differs = false;
    for (var j = -1; j <= 1; j++) {
        for (var i = -1; i <= 1; i++) {
            differs = differs || is_selected(p + vec2<f32>(f32(i), f32(j)) * reach) != inner;
        }
    }
    if (!differs) {
        return vec4<f32>(0.0);
    }
    if (inner) {
        return OUTLINE;
    }
    return OUTLINE_SHADOW;
}

@fragment
fn fs(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let p = floor(position.xy - u.origin_px) + 0.5;
    let photo_px = p * u.photo_scale + u.photo_offset;
    let seen = is_seen(p);
    var out = vec4<f32>(0.0);
    if (inside(photo_px, u.photo_size)) {
        let light = select(1.0, UNSEEN, has(BORDER) && !seen);
        out = vec4<f32>(photo_colour(photo_px) * light, 1.0);
    } else if (has(BORDER) && seen) {
        out = PADDING;
    }
    if (seen && has(HAS_HEAT)) {
        out = over(heat_colour(p), out);
    }
    if (seen && has(GRID_LINES)) {
        out = over(grid_lines(p), out);
    }
    if (has(BORDER)) {
        out = over(border(p * u.frame_scale + u.frame_offset), out);
    }
    if (has(SELECTION)) {
        out = over(outline(p), out);
    }
    if (has(LINEAR_TARGET)) {
        out = vec4<f32>(linear_from_gamma(out.rgb), out.a);
    }
    return out;
}
