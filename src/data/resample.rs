//! Pillow's 8-bit resize, bit for bit: two passes, mostly horizontal first, weights in 22-bit fixed point, rounded to 8
//! bits between them.
//!
//! Only the window that is asked for is computed (a centre crop needs a third of a panorama), which changes no pixel of
//! it: passes and weights do not depend on each other's neighbours.
//!
//! **Source**: Pillow, `src/libImaging/Resample.c` and, for nearest, `Geometry.c` `ImagingScaleAffine`.

use super::resample_filter::{Kernel, PRECISION_BITS, Weights};
use crate::geometry::{ImageSize, Resample};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// Eight-bit pixels of `C` interleaved channels, lying on a larger canvas of one colour (LLaVA's padding) or filling
/// it.
///
/// The canvas is never made: a strip of 1 x 60,000 pixels on its square would take 10 GB.
#[derive(Debug, Clone, Copy)]
pub struct Canvas<'a, const C: usize> {
    pixels: &'a [u8],
    size: ImageSize,
    whole: ImageSize,
    left_px: u32,
    top_px: u32,
    fill: [u8; C],
}

/// Part of the resized image to compute, in its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First column.
    pub left_px: u32,
    /// First row.
    pub top_px: u32,
    /// Columns and rows.
    pub size: ImageSize,
}

impl<'a, const C: usize> Canvas<'a, C> {
    /// The pixels themselves; `None` if their number does not match the size or the size is empty.
    pub fn new(pixels: &'a [u8], size: ImageSize) -> Option<Self> {
        let expected = (size.width_px as usize).checked_mul(size.height_px as usize)?.checked_mul(C)?;
        (expected > 0 && pixels.len() == expected).then_some(Self {
            pixels,
            size,
            whole: size,
            left_px: 0,
            top_px: 0,
            fill: [0; C],
        })
    }

    /// The same pixels centred on a square of one colour.
    ///
    /// **Source**: LLaVA, `llava/mm_utils.py` `expand2square`: offsets `(side - edge) // 2`.
    #[must_use]
    pub fn padded_to_square(self, fill: [u8; C]) -> Self {
        let side = self.size.width_px.max(self.size.height_px);
        Self {
            whole: ImageSize { width_px: side, height_px: side },
            left_px: (side - self.size.width_px) / 2,
            top_px: (side - self.size.height_px) / 2,
            fill,
            ..self
        }
    }

    /// Size with the padding.
    pub fn whole_size(&self) -> ImageSize {
        self.whole
    }

    /// The photo's own pixels in one row of the canvas; empty where the row is padding from end to end.
    fn row(&self, y: usize) -> &'a [u8] {
        let stride = self.size.width_px as usize * C;
        let inner = y.checked_sub(self.top_px as usize).filter(|&y| y < self.size.height_px as usize);
        inner.and_then(|y| self.pixels.get(y * stride..(y + 1) * stride)).unwrap_or(&[])
    }

    /// Columns of the canvas that hold the photo.
    fn columns(&self) -> Range<usize> {
        let left = self.left_px as usize;
        left..left + self.size.width_px as usize
    }
}

/// Resizes RGB pixels as `PIL.Image.resize` does; `None` if `pixels` does not match `from` or a size is empty.
///
/// **Shape**: `[height, width, 3]` in and out.
pub fn resize_rgb(pixels: &[u8], from: ImageSize, to: ImageSize, filter: Resample) -> Option<Vec<u8>> {
    resize_window(&Canvas::<3>::new(pixels, from)?, to, Window { left_px: 0, top_px: 0, size: to }, filter)
}

/// Resizes a single channel (mode `L`) as `PIL.Image.resize` does; `None` if `pixels` does not match `from` or a size
/// is empty.
///
/// **Shape**: `[height, width]` in and out.
pub fn resize_grey(pixels: &[u8], from: ImageSize, to: ImageSize, filter: Resample) -> Option<Vec<u8>> {
    resize_window(&Canvas::<1>::new(pixels, from)?, to, Window { left_px: 0, top_px: 0, size: to }, filter)
}

/// Computes a window of the canvas resized to `to`; `None` if a size is empty or the window reaches beyond `to`.
pub fn resize_window<const C: usize>(
    source: &Canvas<'_, C>,
    to: ImageSize,
    window: Window,
    filter: Resample,
) -> Option<Vec<u8>> {
    let fits = |start: u32, len: u32, whole: u32| len > 0 && start.checked_add(len).is_some_and(|end| end <= whole);
    if !fits(window.left_px, window.size.width_px, to.width_px)
        || !fits(window.top_px, window.size.height_px, to.height_px)
    {
        return None;
    }
    Some(match Kernel::of(filter) {
        None => nearest(source, to, window),
        Some(kernel) => two_pass(source, to, window, kernel),
    })
}

/// The run of output pixels along one axis that a window asks for.
#[derive(Clone, Copy)]
struct Axis {
    in_len: usize,
    out_len: usize,
    first: usize,
    count: usize,
}

impl Axis {
    fn new(in_len: u32, out_len: u32, first: u32, count: u32) -> Self {
        Self { in_len: in_len as usize, out_len: out_len as usize, first: first as usize, count: count as usize }
    }

    fn columns(from: ImageSize, to: ImageSize, window: Window) -> Self {
        Self::new(from.width_px, to.width_px, window.left_px, window.size.width_px)
    }

    fn rows(from: ImageSize, to: ImageSize, window: Window) -> Self {
        Self::new(from.height_px, to.height_px, window.top_px, window.size.height_px)
    }

    /// `None` where the pass is skipped because no length changes, as Pillow does.
    fn weights(self, kernel: Kernel) -> Option<Weights> {
        (self.in_len != self.out_len).then(|| Weights::new(kernel, self.in_len, self.out_len, self.first, self.count))
    }

    /// Input pixel of each output pixel for nearest: the position is added up, as Pillow does, rounding errors
    /// included.
    fn nearest(self) -> Vec<usize> {
        let step = self.in_len as f64 / self.out_len as f64;
        let mut at = step * 0.5;
        let mut inputs = Vec::with_capacity(self.count);
        for out in 0..self.first + self.count {
            if out >= self.first {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 <= at, within the input"
                )]
                inputs.push((at as usize).min(self.in_len - 1));
            }
            at += step;
        }
        inputs
    }
}

fn nearest<const C: usize>(source: &Canvas<'_, C>, to: ImageSize, window: Window) -> Vec<u8> {
    let columns = Axis::columns(source.whole_size(), to, window).nearest();
    let rows = Axis::rows(source.whole_size(), to, window).nearest();
    let mut out = vec![0; columns.len() * rows.len() * C];
    out.par_chunks_exact_mut(columns.len() * C).zip(rows.par_iter()).for_each(|(out, &y)| {
        take_columns(source, source.row(y), columns.iter().copied(), out);
    });
    out
}

/// Copies columns of a row of the canvas.
fn take_columns<const C: usize>(
    source: &Canvas<'_, C>,
    row: &[u8],
    columns: impl Iterator<Item = usize>,
    out: &mut [u8],
) {
    let left = source.columns().start;
    for (out, x) in out.chunks_exact_mut(C).zip(columns) {
        let inner = x.checked_sub(left).and_then(|x| row.get(x * C..(x + 1) * C));
        out.copy_from_slice(inner.unwrap_or(&source.fill));
    }
}

fn two_pass<const C: usize>(source: &Canvas<'_, C>, to: ImageSize, window: Window, kernel: Kernel) -> Vec<u8> {
    let columns = Axis::columns(source.whole_size(), to, window);
    let rows = Axis::rows(source.whole_size(), to, window);
    let weights = rows.weights(kernel);
    let needed = weights.as_ref().map_or(rows.first..rows.first + rows.count, Weights::input_range);
    let stride = columns.count * C;
    match weights {
        Some(weights) if is_vertical_first(source.whole_size(), to) => {
            let size = ImageSize { width_px: source.whole.width_px, height_px: window.size.height_px };
            let narrow = vertical(&strip(source, needed.clone()), size.width_px as usize * C, &weights, needed.start);
            let narrow = Canvas { pixels: &narrow, size, whole: size, left_px: 0, top_px: 0, fill: source.fill };
            let mut out = vec![0; rows.count * stride];
            horizontal(&narrow, columns, kernel, 0, &mut out);
            out
        }
        weights => {
            let mut narrow = vec![0; needed.len() * stride];
            horizontal(source, columns, kernel, needed.start, &mut narrow);
            match weights {
                Some(weights) => vertical(&narrow, stride, &weights, needed.start),
                None => narrow,
            }
        }
    }
}

/// Whether the vertical pass comes first, which rounds differently: when the height loses more than twice what the
/// width does.
///
/// **Source**: Pillow 13.0 (pull request 9549); earlier versions always start horizontally. Photos of up to 2:1 are the
/// same in all.
fn is_vertical_first(from: ImageSize, to: ImageSize) -> bool {
    let lost = |from: u32, to: u32| i64::from(from) - i64::from(to);
    let (height, width) = (lost(from.height_px, to.height_px), lost(from.width_px, to.width_px));
    height > 0 && height > 2 * width
}

/// Whole rows of the canvas; copied only where there is padding.
fn strip<'a, const C: usize>(source: &Canvas<'a, C>, rows: Range<usize>) -> Cow<'a, [u8]> {
    let stride = source.whole.width_px as usize * C;
    if source.whole == source.size {
        return Cow::Borrowed(source.pixels.get(rows.start * stride..rows.end * stride).unwrap_or(&[]));
    }
    let mut pixels = vec![0; rows.len() * stride];
    for (y, out) in rows.zip(pixels.chunks_exact_mut(stride)) {
        take_columns(source, source.row(y), 0..source.whole.width_px as usize, out);
    }
    Cow::Owned(pixels)
}

/// Rows of `stride` bytes, the first of them row `first_row` of the input, resized along y.
fn vertical(pixels: &[u8], stride: usize, weights: &Weights, first_row: usize) -> Vec<u8> {
    let mut out = vec![0; weights.len() * stride];
    out.par_chunks_exact_mut(stride).enumerate().for_each(|(idx, out)| {
        let taps = weights.taps(idx);
        let mut sums = vec![1_i32 << (PRECISION_BITS - 1); stride];
        for (row, &weight) in pixels.chunks_exact(stride).skip(taps.start - first_row).zip(taps.weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        for (out, &sum) in out.iter_mut().zip(&sums) {
            *out = clipped(sum);
        }
    });
    out
}

/// Fills `out` with the canvas rows from `first_row` on, resized along x.
fn horizontal<const C: usize>(source: &Canvas<'_, C>, axis: Axis, kernel: Kernel, first_row: usize, out: &mut [u8]) {
    let weights = axis.weights(kernel);
    let pass = |row: &[u8], out: &mut [u8]| match &weights {
        None => take_columns(source, row, axis.first..axis.first + axis.count, out),
        Some(weights) => horizontal_row(source, row, weights, out),
    };
    let stride = axis.count * C;
    let mut padding = vec![0; stride];
    pass(&[], &mut padding);
    out.par_chunks_exact_mut(stride).enumerate().for_each(|(idx, out)| match source.row(first_row + idx) {
        [] => out.copy_from_slice(&padding),
        row => pass(row, out),
    });
}

/// One row along x. Padding is one product with the sum of its weights: integers, so the same to the last bit as pixel
/// by pixel.
fn horizontal_row<const C: usize>(source: &Canvas<'_, C>, row: &[u8], weights: &Weights, out: &mut [u8]) {
    let columns = if row.is_empty() { 0..0 } else { source.columns() };
    for (idx, out) in out.chunks_exact_mut(C).enumerate() {
        let taps = weights.taps(idx);
        let end = taps.start + taps.weights.len();
        let from = columns.start.clamp(taps.start, end);
        let to = columns.end.clamp(from, end);
        let inner = &taps.weights[from - taps.start..to - taps.start];
        let mut sums = [1_i32 << (PRECISION_BITS - 1); C];
        if inner.len() < taps.weights.len() {
            let outside = taps.sum - inner.iter().sum::<i32>();
            for (sum, &value) in sums.iter_mut().zip(&source.fill) {
                *sum += i32::from(value) * outside;
            }
        }
        let pixels = row.get((from.saturating_sub(columns.start)) * C..).unwrap_or(&[]).chunks_exact(C);
        for (pixel, &weight) in pixels.zip(inner) {
            for (sum, &value) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(value) * weight;
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = clipped(sum);
        }
    }
}

fn clipped(sum: i32) -> u8 {
    #[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
    let value = (sum >> PRECISION_BITS).clamp(0, 255) as u8;
    value
}
