//! Filter kernels and the weights Pillow derives from them.

use crate::geometry::Resample;
use std::f64::consts::PI;

/// Bits behind the point of a weight: 32 less 8 of the value less 2 of headroom.
pub(super) const PRECISION_BITS: u32 = 32 - 8 - 2;

/// A kernel and how far it reaches at a scale of 1.
#[derive(Clone, Copy)]
pub(super) struct Kernel {
    weight: fn(f64) -> f64,
    support: f64,
}

impl Kernel {
    /// The kernel of a filter; `None` for nearest, which has none.
    pub(super) fn of(filter: Resample) -> Option<Self> {
        let (weight, support): (fn(f64) -> f64, f64) = match filter {
            Resample::Nearest => return None,
            Resample::Box => (box_weight, 0.5),
            Resample::Bilinear => (bilinear_weight, 1.0),
            Resample::Hamming => (hamming_weight, 1.0),
            Resample::Bicubic => (bicubic_weight, 2.0),
            Resample::Lanczos => (lanczos_weight, 3.0),
        };
        Some(Self { weight, support })
    }
}

fn box_weight(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn bilinear_weight(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 { 1.0 - x } else { 0.0 }
}

fn hamming_weight(x: f64) -> f64 {
    let x = x.abs();
    if x == 0.0 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    let x = x * PI;
    x.sin() / x * (0.54 + 0.46 * x.cos())
}

fn bicubic_weight(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        return ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    }
    if x < 2.0 {
        return (((x - 5.0) * x + 8.0) * x - 4.0) * A;
    }
    0.0
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let x = x * PI;
    x.sin() / x
}

fn lanczos_weight(x: f64) -> f64 {
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// The inputs that make one output pixel along one axis: `weights.len()` of them from `start`.
pub(super) struct Taps<'a> {
    pub(super) start: usize,
    pub(super) weights: &'a [i32],
}

/// The weights of a run of output pixels along one axis.
pub(super) struct Weights {
    start: Vec<usize>,
    end: Vec<usize>,
    values: Vec<i32>,
}

impl Weights {
    /// Weights for outputs `first..first + count` when `in_len` pixels become `out_len`.
    ///
    /// **Source**: Pillow, `src/libImaging/Resample.c`, `precompute_coeffs` and `normalize_coeffs_8bpc`.
    pub(super) fn new(kernel: Kernel, in_len: usize, out_len: usize, first: usize, count: usize) -> Self {
        let scale = in_len as f64 / out_len as f64;
        let filter_scale = scale.max(1.0);
        let support = kernel.support * filter_scale;
        let inverse = 1.0 / filter_scale;
        let mut weights = Self { start: Vec::with_capacity(count), end: Vec::with_capacity(count), values: Vec::new() };
        let mut raw = Vec::new();
        for out in first..first + count {
            let center = (out as f64 + 0.5) * scale;
            let start = truncated(center - support + 0.5);
            let end = truncated(center + support + 0.5).min(in_len);
            raw.clear();
            raw.extend((start..end).map(|x| (kernel.weight)((x as f64 - center + 0.5) * inverse)));
            let sum: f64 = raw.iter().sum();
            let norm = |w: f64| if sum == 0.0 { w } else { w / sum };
            weights.start.push(start);
            weights.values.extend(raw.iter().map(|&w| fixed(norm(w))));
            weights.end.push(weights.values.len());
        }
        weights
    }

    /// Taps of the `idx`-th output of the run.
    pub(super) fn taps(&self, idx: usize) -> Taps<'_> {
        let from = if idx == 0 { 0 } else { self.end[idx - 1] };
        Taps { start: self.start[idx], weights: &self.values[from..self.end[idx]] }
    }

    /// Number of outputs.
    pub(super) fn len(&self) -> usize {
        self.start.len()
    }

    /// First and one past the last input that any output of the run needs.
    pub(super) fn input_range(&self) -> std::ops::Range<usize> {
        let start = self.start.iter().copied().min().unwrap_or(0);
        let end = (0..self.len()).map(|i| self.start[i] + self.taps(i).weights.len()).max().unwrap_or(0);
        start..end.max(start)
    }
}

/// C's `(int)x`, clamped at 0.
fn truncated(x: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "truncation is Pillow's (int) cast; negatives saturate to the 0 it clamps to"
    )]
    let x = x as usize;
    x
}

/// Round half away from zero to the fixed point.
fn fixed(w: f64) -> i32 {
    let scaled = w * f64::from(1_u32 << PRECISION_BITS);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "|weight| <= 2 by construction; truncation is Pillow's (int) cast"
    )]
    let value = if w < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 };
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_one_at_zero_and_zero_beyond_their_support() {
        for filter in [Resample::Box, Resample::Bilinear, Resample::Hamming, Resample::Bicubic, Resample::Lanczos] {
            let kernel = Kernel::of(filter).expect("has a kernel");
            assert!(((kernel.weight)(0.0) - 1.0).abs() < 1e-12, "{filter:?} at 0");
            assert!((kernel.weight)(kernel.support + 0.01).abs() < 1e-12, "{filter:?} beyond its support");
        }
        assert!(Kernel::of(Resample::Nearest).is_none(), "nearest has no kernel");
    }

    #[test]
    fn weights_of_every_output_sum_to_one_within_rounding() {
        for (from, to) in [(7, 3), (3, 7), (100, 1), (1, 100), (640, 448)] {
            let kernel = Kernel::of(Resample::Lanczos).expect("has a kernel");
            let weights = Weights::new(kernel, from, to, 0, to);
            for idx in 0..to {
                let taps = weights.taps(idx);
                let sum: i64 = taps.weights.iter().map(|&w| i64::from(w)).sum();
                let off = (sum - (1 << PRECISION_BITS)).unsigned_abs();
                assert!(off <= taps.weights.len() as u64, "{from} to {to}, output {idx}: off by {off}");
            }
        }
    }
}
