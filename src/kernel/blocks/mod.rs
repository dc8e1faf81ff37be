//! Products with quantised weights, straight from the file: no copy, no other order, nothing to do when a model opens.
//!
//! The codes of a block go from the file into registers, its values are `code · factor + offset` in f32, and they meet
//! f32 activations: the product is that with the dequantised matrix, up to the rounding of sums.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

mod layout;
#[cfg(test)]
mod tests;

pub use layout::BlockType;

use super::block::{Packed, fetch};
use super::dtype::WeightType;
use super::error::KernelError;
use super::lanes::{Lanes, Level};
use super::linear::{num_rows, pieces};
use layout::{BlockJob, Layout, Scales, dispatch};
use rayon::prelude::*;
use std::ops::Range;

/// **Units** bytes of weights in one piece of work.
const PIECE_BYTES: usize = 128 << 10;
/// Weight rows side by side, so that sums wait for each other less.
const STRIP_ROWS: usize = 2;
/// Activation rows that a block's values meet in registers.
const GROUP_ROWS: usize = 4;
/// A matrix of quantised weights over bytes that something else owns, usually a mapped file. Costs nothing to make;
/// make one for each product.
///
/// **Shape** `[rows, cols]` = `[out_features, in_features]`, row-major, blocks along a row, at any alignment.
#[derive(Debug, Clone, Copy)]
pub struct BlockWeight<'a> {
    bytes: &'a [u8],
    kind: BlockType,
    rows: usize,
    cols: usize,
}

impl<'a> BlockWeight<'a> {
    /// A view of `bytes`, which must be exactly as long as the shape says.
    ///
    /// **Errors**: another length, or rows that are not whole blocks.
    pub fn new(bytes: &'a [u8], kind: BlockType, rows: usize, cols: usize) -> Result<Self, KernelError> {
        let (values, block) = (kind.block_values(), kind.block_bytes());
        let expected_bytes = (cols / values).checked_mul(block).and_then(|row| row.checked_mul(rows));
        if cols.is_multiple_of(values) && expected_bytes == Some(bytes.len()) {
            Ok(Self { bytes, kind, rows, cols })
        } else {
            Err(KernelError::WeightLength { dtype: kind.label(), rows, cols, found_bytes: bytes.len() })
        }
    }

    /// Block type.
    pub const fn kind(&self) -> BlockType {
        self.kind
    }

    /// Output features.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Input features.
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// **Units** bytes of one row.
    pub const fn row_bytes(&self) -> usize {
        self.cols / self.kind.block_values() * self.kind.block_bytes()
    }

    /// Some consecutive rows as a matrix of their own.
    pub fn slice_rows(&self, rows: Range<usize>) -> Result<Self, KernelError> {
        let (start, end, available) = (rows.start, rows.end, self.rows);
        if start > end || end > available {
            return Err(KernelError::RowRange { start, end, available });
        }
        let row_bytes = self.row_bytes();
        let bytes = &self.bytes[start * row_bytes..end * row_bytes];
        Ok(Self { bytes, rows: end - start, ..*self })
    }

    /// Writes the matrix as f32, on all cores.
    ///
    /// **Shape** `out`: `[rows, cols]`.
    pub fn to_f32(&self, out: &mut [f32]) -> Result<(), KernelError> {
        self.to_f32_at(Level::widest(), out)
    }

    fn to_f32_at(self, level: Level, out: &mut [f32]) -> Result<(), KernelError> {
        let expected = self.rows * self.cols;
        if out.len() != expected {
            return Err(KernelError::Length { what: "out", expected, found: out.len() });
        }
        if out.is_empty() {
            return Ok(());
        }
        let pieces = out.par_chunks_mut(self.cols).zip(self.bytes.par_chunks(self.row_bytes()));
        pieces.for_each(|(out, bytes)| dispatch(level, self.kind, self.cols, Widen { bytes, out }));
        Ok(())
    }
}

/// `y = x · wᵀ` with quantised weights, accumulated in f32, `w` read once whatever the number of rows in `x`, split
/// over the current rayon pool.
///
/// The values of a row, and the order of their sums, do not depend on the rows beside it nor on the number of threads.
///
/// **Shape** `x`: `[m, w.cols()]`, `y`: `[m, w.rows()]`.
pub fn block_linear(x: &[f32], w: BlockWeight<'_>, y: &mut [f32]) -> Result<(), KernelError> {
    linear_at(Level::widest(), x, w, y)
}

fn linear_at(level: Level, x: &[f32], w: BlockWeight<'_>, y: &mut [f32]) -> Result<(), KernelError> {
    num_rows(x, w.cols, y, w.rows)?;
    if y.is_empty() {
        return Ok(());
    }
    if w.cols == 0 {
        y.fill(0.0);
        return Ok(());
    }
    let packed = Packed::new(x, w.cols, WeightType::F32, level);
    let row_bytes = w.row_bytes();
    let rows_per_piece = (PIECE_BYTES / row_bytes).next_multiple_of(STRIP_ROWS).max(STRIP_ROWS);
    let mut pieces = pieces(y, w.rows, rows_per_piece);
    pieces.par_iter_mut().zip(w.bytes.par_chunks(rows_per_piece * row_bytes)).for_each(|(y, bytes)| {
        dispatch(level, w.kind, w.cols, Product { bytes, row_bytes, x: &packed, y });
    });
    Ok(())
}

/// One row as f32.
struct Widen<'a> {
    bytes: &'a [u8],
    out: &'a mut [f32],
}

impl BlockJob for Widen<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes, L: Layout>(self, simd: S) {
        widen::<S, L>(simd, self.bytes, self.out);
    }
}

/// Does something for each 32 values of a block, whose number is a constant for the compiler: so are all shifts.
macro_rules! each_segment {
    ($layout:ident, $step:ident::<$($types:tt),*> $args:tt) => {
        $step::<$($types,)* 0> $args;
        if $layout::VALUES > 32 {
            $step::<$($types,)* 1> $args;
            $step::<$($types,)* 2> $args;
            $step::<$($types,)* 3> $args;
            $step::<$($types,)* 4> $args;
            $step::<$($types,)* 5> $args;
            $step::<$($types,)* 6> $args;
            $step::<$($types,)* 7> $args;
        }
    };
}

#[inline(always)]
fn widen<S: Lanes, L: Layout>(simd: S, row: &[u8], out: &mut [f32]) {
    for (block, out) in row.chunks_exact(L::BYTES).zip(out.chunks_exact_mut(L::VALUES)) {
        let scales = L::scales(simd, block);
        each_segment!(L, widen_segment::<S, L>(simd, block, &scales, out));
    }
}

#[inline(always)]
fn widen_segment<S: Lanes, L: Layout, const SEGMENT: usize>(simd: S, block: &[u8], scales: &Scales, out: &mut [f32]) {
    let out = S::as_mut_simd_f32s(&mut out[32 * SEGMENT..32 * SEGMENT + 32]).0.as_chunks_mut::<2>().0;
    for (pair, out) in out.iter_mut().enumerate() {
        *out = values::<S, L, SEGMENT>(simd, block, scales, pair * 2 * S::F32_LANES);
    }
}

/// Two vectors of a block's values, `at` behind the start of a segment.
#[inline(always)]
fn values<S: Lanes, L: Layout, const SEGMENT: usize>(
    simd: S,
    block: &[u8],
    scales: &Scales,
    at: usize,
) -> [S::f32s; 2] {
    let [a, b] = L::pair::<S, SEGMENT>(simd, block, at);
    let first = 32 * SEGMENT + at;
    [value::<S, L>(simd, a, scales, first), value::<S, L>(simd, b, scales, first + S::F32_LANES)]
}

#[inline(always)]
fn value<S: Lanes, L: Layout>(simd: S, codes: S::u32s, scales: &Scales, first: usize) -> S::f32s {
    let factor = simd.splat_f32s(scales.factors[first / L::GROUP]);
    simd.fma(simd.whole_to_float(codes), factor, simd.splat_f32s(scales.offsets[first / L::GROUP]))
}

/// One core's share: consecutive weight rows against all activation rows.
struct Product<'a, 'y> {
    bytes: &'a [u8],
    row_bytes: usize,
    x: &'a Packed,
    y: &'a mut [&'y mut [f32]],
}

impl BlockJob for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes, L: Layout>(self, simd: S) {
        let Product { bytes, row_bytes, x, y } = self;
        for (strip_idx, strip) in bytes.chunks(STRIP_ROWS * row_bytes).enumerate() {
            let first = strip_idx * STRIP_ROWS;
            if L::IS_FETCHED {
                fetch(simd, strip);
            }
            match strip.split_at_checked(row_bytes).filter(|(_, second)| !second.is_empty()) {
                Some((above, below)) => strip_dots::<S, L, STRIP_ROWS>(simd, [above, below], x, first, y),
                None => strip_dots::<S, L, 1>(simd, [strip], x, first, y),
            }
        }
    }
}

/// A strip of weight rows against all activation rows, a few at a time.
#[inline(always)]
fn strip_dots<S: Lanes, L: Layout, const R: usize>(
    simd: S,
    rows: [&[u8]; R],
    x: &Packed,
    first: usize,
    y: &mut [&mut [f32]],
) {
    for group in (0..x.num_rows()).step_by(GROUP_ROWS) {
        match x.num_rows() - group {
            1 => group_dots::<S, L, R, 1>(simd, rows, x, [group, first], y),
            2 => group_dots::<S, L, R, 2>(simd, rows, x, [group, first], y),
            3 => group_dots::<S, L, R, 3>(simd, rows, x, [group, first], y),
            _ => group_dots::<S, L, R, GROUP_ROWS>(simd, rows, x, [group, first], y),
        }
    }
}

#[inline(always)]
fn group_dots<S: Lanes, L: Layout, const R: usize, const M: usize>(
    simd: S,
    rows: [&[u8]; R],
    x: &Packed,
    [group, first]: [usize; 2],
    y: &mut [&mut [f32]],
) {
    let mut x_rows = [[].as_slice(); M];
    for (m, slot) in x_rows.iter_mut().enumerate() {
        *slot = S::as_simd_f32s(x.row(group + m)).0.as_chunks::<2>().0;
    }
    let dots = dots::<S, L, R, M>(simd, rows, x_rows);
    for (m, y) in y[group..].iter_mut().enumerate().take(M) {
        for r in 0..R {
            y[first + r] = dots[r][m];
        }
    }
}

/// The dots of `R` rows of blocks with `M` activation rows.
#[inline(always)]
fn dots<S: Lanes, L: Layout, const R: usize, const M: usize>(
    simd: S,
    rows: [&[u8]; R],
    x_rows: [&[[S::f32s; 2]]; M],
) -> [[f32; M]; R] {
    let pairs_per_block = L::VALUES / (2 * S::F32_LANES);
    let mut sums = [[[simd.splat_f32s(0.0); 2]; M]; R];
    for block_idx in 0..rows[0].len() / L::BYTES {
        let mut blocks = [[].as_slice(); R];
        let mut scales = [Scales::ZERO; R];
        for r in 0..R {
            blocks[r] = &rows[r][block_idx * L::BYTES..][..L::BYTES];
            scales[r] = L::scales(simd, blocks[r]);
        }
        let mut xs = [[].as_slice(); M];
        for m in 0..M {
            xs[m] = &x_rows[m][block_idx * pairs_per_block..][..pairs_per_block];
        }
        each_segment!(L, add_segment::<S, L, R, M>(simd, &blocks, &scales, &xs, &mut sums));
    }
    let mut dots = [[0.0; M]; R];
    for r in 0..R {
        for m in 0..M {
            dots[r][m] = simd.reduce_sum_f32s(simd.add_f32s(sums[r][m][0], sums[r][m][1]));
        }
    }
    dots
}

#[inline(always)]
fn add_segment<S: Lanes, L: Layout, const R: usize, const M: usize, const SEGMENT: usize>(
    simd: S,
    blocks: &[&[u8]; R],
    scales: &[Scales; R],
    xs: &[&[[S::f32s; 2]]; M],
    sums: &mut [[[S::f32s; 2]; M]; R],
) {
    let pairs = 32 / (2 * S::F32_LANES);
    for pair in 0..pairs {
        for r in 0..R {
            let [a, b] = values::<S, L, SEGMENT>(simd, blocks[r], &scales[r], pair * 2 * S::F32_LANES);
            for m in 0..M {
                let [x, y] = xs[m][SEGMENT * pairs + pair];
                sums[r][m][0] = simd.fma(a, x, sums[r][m][0]);
                sums[r][m][1] = simd.fma(b, y, sums[r][m][1]);
            }
        }
    }
}
