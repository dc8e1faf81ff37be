//! Outlines to pixels.

use super::error::Mismatch;

/// Points of a boundary, five a pixel; more than the boundary of any object in a photo that is read.
const MOST_POINTS: u64 = 1 << 26;
/// Farther out, five times a coordinate is no 32-bit number any more.
const MOST_COORDINATE: f64 = 4e8;

/// Pixels, counted down the columns, where a walk in column order enters or leaves the polygon: even ones in, odd ones
/// out.
///
/// The boundary is walked in steps of a fifth of a pixel; wherever it passes from one column to the next through the
/// columns' middle, the pixel at or below is a crossing.
///
/// **Source** pycocotools 2.0.11, `maskApi.c` `rleFrPoly`, with its roundings: C's conversion to `int` cuts towards
/// zero as Rust's does.
pub(super) fn crossings(xy: &[f64], width_px: u32, height_px: u32) -> Result<Vec<u32>, Mismatch> {
    let points = upsampled(xy)?;
    let (last_column, height) = (f64::from(width_px) - 1.0, f64::from(height_px));
    let mut crossings = Vec::new();
    let mut before: Option<[i32; 2]> = None;
    let mut step = |u: i32, v: i32| {
        if let Some([u_before, v_before]) = before.filter(|[u_before, _]| *u_before != u) {
            let middle = (f64::from(if u < u_before { u } else { u - 1 }) + 0.5) / SCALE - 0.5;
            #[expect(clippy::float_cmp, reason = "whole numbers are exact here, as in the reference")]
            let in_image = middle.floor() == middle && middle >= 0.0 && middle <= last_column;
            if in_image {
                let y = ((f64::from(v.min(v_before)) + 0.5) / SCALE - 0.5).clamp(0.0, height).ceil();
                crossings.push(pixel(middle, y, height_px));
            }
        }
        before = Some([u, v]);
    };
    let next = points.iter().skip(1).chain(points.first());
    for (&start, &end) in points.iter().zip(next) {
        walk(start, end, &mut step);
    }
    let pixels = width_px.saturating_mul(height_px);
    if crossings.len() % 2 == 1 {
        crossings.push(pixels);
    }
    crossings.sort_unstable();
    Ok(crossings)
}

const SCALE: f64 = 5.0;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers from 0 to the image's edges"
)]
fn pixel(x: f64, y: f64, height_px: u32) -> u32 {
    // At most the number of pixels, which a mask bounds.
    (x as u32).saturating_mul(height_px).saturating_add(y as u32)
}

/// The polygon's points in fifths of a pixel.
fn upsampled(xy: &[f64]) -> Result<Vec<[i32; 2]>, Mismatch> {
    let mut points = Vec::with_capacity(xy.len() / 2);
    for pair in xy.chunks_exact(2) {
        let [x, y] = *pair else { continue };
        if !(x.abs() < MOST_COORDINATE && y.abs() < MOST_COORDINATE) {
            return Err(Mismatch::new("coordinates within 400 million pixels", format!("{x}, {y}")));
        }
        #[expect(clippy::cast_possible_truncation, reason = "cut towards zero, as in the reference; bounded above")]
        let fifths = |value: f64| (SCALE * value + 0.5) as i32;
        points.push([fifths(x), fifths(y)]);
    }
    let next = points.iter().skip(1).chain(points.first());
    let steps = points.iter().zip(next).map(|(a, b)| u64::from(a[0].abs_diff(b[0]).max(a[1].abs_diff(b[1]))) + 1);
    let steps: u64 = steps.sum();
    if steps > MOST_POINTS {
        return Err(Mismatch::new("a boundary of at most 13 million pixels", format!("{} pixels", steps / 5)));
    }
    Ok(points)
}

/// Every point from one corner to the next, both included.
fn walk(start: [i32; 2], end: [i32; 2], step: &mut impl FnMut(i32, i32)) {
    let [(mut xs, mut ys), (mut xe, mut ye)] = [(start[0], start[1]), (end[0], end[1])];
    let (dx, dy) = ((xe - xs).abs(), (ye - ys).abs());
    let along_x = dx >= dy;
    // The walk is computed from the smaller coordinate on, so that both directions meet the same pixels.
    let flipped = if along_x { xs > xe } else { ys > ye };
    if flipped {
        std::mem::swap(&mut xs, &mut xe);
        std::mem::swap(&mut ys, &mut ye);
    }
    let (long, rise) = if along_x { (dx, ye - ys) } else { (dy, xe - xs) };
    // A corner that repeats the last one has no slope, and its only point is never looked at.
    let slope = if long == 0 { 0.0 } else { f64::from(rise) / f64::from(long) };
    for d in 0..=long {
        let t = if flipped { long - d } else { d };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "cut towards zero, as in the reference; between the corners"
        )]
        let across = |from: i32| (f64::from(from) + slope * f64::from(t) + 0.5) as i32;
        if along_x { step(t + xs, across(ys)) } else { step(across(xs), t + ys) }
    }
}
