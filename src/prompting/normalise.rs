//! The steps between a raw map and a mask, each on one value a patch. A map without differences is `None`: the
//! published formulas divide by 0 there.

use crate::geometry::PatchGrid;

/// Smallest and largest value; `None` where they are the same, or so close that their distance is lost.
fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = high - low;
    // Differences below the rounding of the f32 values that a map is made of are noise.
    let noise = low.abs().max(high.abs()) * f64::from(f32::EPSILON);
    (range.is_finite() && range > noise).then_some((low, high))
}

/// Stretched to 0..1: `(x - min) / (max - min)`.
pub(super) fn stretched(values: &[f64]) -> Option<Vec<f64>> {
    let (low, high) = ends(values)?;
    Some(values.iter().map(|value| (value - low) / (high - low)).collect())
}

/// Turned round and stretched to 0..1: `(max - x) / (max - min)`.
pub(super) fn turned_round(values: &[f64]) -> Option<Vec<f64>> {
    let (low, high) = ends(values)?;
    Some(values.iter().map(|value| (high - value) / (high - low)).collect())
}

/// `sigmoid(c (x - mean) / std)` of the stretched map; the standard deviation is the unbiased one (N - 1).
pub(super) fn enhanced(values: &[f64], coefficient: f64) -> Option<Vec<f64>> {
    let values = stretched(values)?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    // A map with two ends has at least two values and a spread.
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let std = variance.sqrt();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    Some(values.iter().map(|value| sigmoid(coefficient * (value - mean) / std)).collect())
}

/// Mean over a square of `kernel` x `kernel` patches (odd); beyond the edge the nearest patch counts on. **Shape**:
/// `[rows, cols]`.
pub(super) fn box_filtered(values: &[f64], grid: PatchGrid, kernel: usize) -> Vec<f64> {
    let radius = kernel / 2;
    let rows: Vec<f64> = values.chunks_exact(grid.cols.max(1)).flat_map(|row| means(row, radius)).collect();
    let mut out = vec![0.0; values.len()];
    for col in 0..grid.cols {
        let column: Vec<f64> = rows.iter().skip(col).step_by(grid.cols).copied().collect();
        let cells = out.iter_mut().skip(col).step_by(grid.cols);
        cells.zip(means(&column, radius)).for_each(|(cell, mean)| *cell = mean);
    }
    out
}

/// Means over `2 radius + 1` neighbours; those beyond an end are counted, not visited, so a huge radius costs nothing.
fn means(values: &[f64], radius: usize) -> Vec<f64> {
    let Some((first, last)) = values.first().zip(values.last()) else { return Vec::new() };
    let end = values.len() - 1;
    let count = 2.0 * radius as f64 + 1.0;
    let mean = |at: usize| {
        let (from, to) = (at.saturating_sub(radius), at.saturating_add(radius).min(end));
        let (before, behind) = (radius.saturating_sub(at), radius.saturating_sub(end - at));
        let inner: f64 = values.get(from..=to).unwrap_or_default().iter().sum();
        (inner + first * before as f64 + last * behind as f64) / count
    };
    (0..values.len()).map(mean).collect()
}
