//! Products with quantised weights, straight from the file: no copy, no other order, nothing to do when a model opens.
//!
//! A block is taken apart into codes, factors and offsets in the nearest cache, its values are `code · factor + offset`
//! in f32, and they meet f32 activations: the product is that with the dequantised matrix, up to the rounding of sums.
//! One to [`MOST_FUSED_ROWS`] rows never write the values down; more rows share a tile of them.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

mod layout;
#[cfg(test)]
mod tests;

pub use layout::BlockType;

use super::block::{Packed, TILE_ROWS, multiply_tile};
use super::dtype::WeightType;
use super::error::KernelError;
use super::lanes::{Lanes, Level};
use super::linear::{num_rows, pieces};
use layout::{BlockJob, Layout, Parts, dispatch};
use rayon::prelude::*;
use std::ops::Range;

/// **Units** bytes of weights in one piece of work.
const PIECE_BYTES: usize = 128 << 10;
/// Activation rows that a block's values meet in registers.
const MOST_FUSED_ROWS: usize = 4;

/// A matrix of quantised weights over bytes that something else owns, usually a mapped file. Costs nothing to make; make
/// one for each product.
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
        if cols % values == 0 && expected_bytes == Some(bytes.len()) {
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

    fn to_f32_at(&self, level: Level, out: &mut [f32]) -> Result<(), KernelError> {
        let expected = self.rows * self.cols;
        if out.len() != expected {
            return Err(KernelError::Length { what: "out", expected, found: out.len() });
        }
        if out.is_empty() {
            return Ok(());
        }
        let pieces = out.par_chunks_mut(self.cols).zip(self.bytes.par_chunks(self.row_bytes()));
        pieces.for_each(|(out, bytes)| dispatch(level, self.kind, Widen { bytes, out }));
        Ok(())
    }
}

/// `y = x · wᵀ` with quantised weights, accumulated in f32, `w` read once whatever the number of rows in `x`, split over
/// the current rayon pool.
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
    let rows_per_piece = (PIECE_BYTES / row_bytes).next_multiple_of(TILE_ROWS).max(TILE_ROWS);
    let mut pieces = pieces(y, w.rows, rows_per_piece);
    pieces.par_iter_mut().zip(w.bytes.par_chunks(rows_per_piece * row_bytes)).for_each(|(y, bytes)| {
        dispatch(level, w.kind, Product { bytes, row_bytes, cols: w.cols, x: &packed, y });
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

#[inline(always)]
fn widen<S: Lanes, L: Layout>(simd: S, row: &[u8], out: &mut [f32]) {
    let mut parts = Parts::EMPTY;
    for (block, out) in row.chunks_exact(L::BYTES).zip(out.chunks_exact_mut(L::VALUES)) {
        L::take_apart(block, &mut parts);
        let pairs = S::as_mut_simd_f32s(out).0.as_chunks_mut::<2>().0;
        for (pair, out) in pairs.iter_mut().enumerate() {
            *out = values::<S, L>(simd, &parts, pair);
        }
    }
}

/// Two vectors of a block's values.
#[inline(always)]
fn values<S: Lanes, L: Layout>(simd: S, parts: &Parts, pair: usize) -> [S::f32s; 2] {
    let first = pair * 2 * S::F32_LANES;
    let [a, b] = simd.widen_bytes(&parts.codes[first..first + 2 * S::F32_LANES]);
    let [i, j] = [first / L::GROUP, (first + S::F32_LANES) / L::GROUP];
    let value = |codes, group: usize| {
        simd.fma(codes, simd.splat_f32s(parts.factors[group]), simd.splat_f32s(parts.offsets[group]))
    };
    [value(a, i), value(b, j)]
}

/// One core's share: consecutive weight rows against all activation rows.
struct Product<'a, 'y> {
    bytes: &'a [u8],
    row_bytes: usize,
    cols: usize,
    x: &'a Packed,
    y: &'a mut [&'y mut [f32]],
}

impl BlockJob for Product<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes, L: Layout>(self, simd: S) {
        match self.x.num_rows() {
            1 => fused::<S, L, 1>(simd, self),
            2 => fused::<S, L, 2>(simd, self),
            3 => fused::<S, L, 3>(simd, self),
            MOST_FUSED_ROWS => fused::<S, L, MOST_FUSED_ROWS>(simd, self),
            _ => tiled::<S, L>(simd, self),
        }
    }
}

/// Values stay in registers.
#[inline(always)]
fn fused<S: Lanes, L: Layout, const M: usize>(simd: S, job: Product<'_, '_>) {
    let Product { bytes, row_bytes, x, y, .. } = job;
    let mut x_rows = [[].as_slice(); M];
    for (m, slot) in x_rows.iter_mut().enumerate() {
        *slot = S::as_simd_f32s(x.row(m)).0.as_chunks::<2>().0;
    }
    let pairs_per_block = L::VALUES / (2 * S::F32_LANES);
    let mut parts = Parts::EMPTY;
    for (row_idx, row) in bytes.chunks_exact(row_bytes).enumerate() {
        let mut sums = [[simd.splat_f32s(0.0); 2]; M];
        for (block_idx, block) in row.chunks_exact(L::BYTES).enumerate() {
            L::take_apart(block, &mut parts);
            let first = block_idx * pairs_per_block;
            let mut xs = [[].as_slice(); M];
            for m in 0..M {
                xs[m] = &x_rows[m][first..first + pairs_per_block];
            }
            for pair in 0..pairs_per_block {
                let [a, b] = values::<S, L>(simd, &parts, pair);
                for m in 0..M {
                    sums[m][0] = simd.fma(a, xs[m][pair][0], sums[m][0]);
                    sums[m][1] = simd.fma(b, xs[m][pair][1], sums[m][1]);
                }
            }
        }
        for (y, sums) in y.iter_mut().zip(sums) {
            y[row_idx] = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
        }
    }
}

/// A tile of rows is written down as f32 and meets all activation rows as such.
#[inline(always)]
fn tiled<S: Lanes, L: Layout>(simd: S, job: Product<'_, '_>) {
    let Product { bytes, row_bytes, cols, x, y } = job;
    let mut tile = vec![0.0; TILE_ROWS * cols];
    for (tile_idx, rows) in bytes.chunks(TILE_ROWS * row_bytes).enumerate() {
        let num_rows = rows.len() / row_bytes;
        for (row, out) in rows.chunks_exact(row_bytes).zip(tile.chunks_exact_mut(cols)) {
            widen::<S, L>(simd, row, out);
        }
        multiply_tile(simd, &tile[..num_rows * cols], cols, tile_idx * TILE_ROWS, x, y);
    }
}
