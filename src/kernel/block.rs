//! Row dots: a run of weight rows against a few rows of activations, each weight read once.
//!
//! Four weight rows form a tile; while a tile is in the nearest caches it meets all activation rows, at most five at a
//! time, so that the sums stay in registers.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use std::hint::black_box;

use super::{
    dtype::WeightType,
    lanes::{Bf16, F32, Format, Job, Lanes, Level},
};

/// Weight rows in a tile.
pub(super) const TILE_ROWS: usize = 4;
/// Activation rows whose sums fit the registers.
const GROUP_ROWS: usize = 5;
/// **Units** bytes that are read ahead of their products: a few pages in a row, and half of what the nearest caches
/// hold at least.
const FETCH_BYTES: usize = 32 << 10;
/// **Units** bytes of activations that stay in the nearest cache beside a stream of weights.
const NEAR_BYTES: usize = 24 << 10;
/// **Units** bytes of the widest pair: two 512-bit registers.
const PAIR_BYTES: usize = 128;

/// Activations as the kernels want them: rows padded with zeros to whole pairs of vectors and, where the format is read
/// so, each pair reordered to the even columns followed by the odd ones.
#[derive(Debug)]
pub(super) struct Packed {
    values: Vec<f32>,
    rows: usize,
    row_len: usize,
}

impl Packed {
    /// Packs `x`. **Shape** `[rows, cols]`.
    pub(super) fn new(x: &[f32], cols: usize, dtype: WeightType, level: Level) -> Self {
        let lanes = level.f32_lanes();
        let row_len = cols.next_multiple_of(2 * lanes);
        let rows = x.len().checked_div(cols).unwrap_or(0);
        let mut values = vec![0.0; rows * row_len];
        if cols > 0 {
            for (row, packed) in x.chunks_exact(cols).zip(values.chunks_exact_mut(row_len)) {
                if level.even_odd(dtype) {
                    for (from, to) in row.chunks(2 * lanes).zip(packed.chunks_exact_mut(2 * lanes)) {
                        let (even, odd) = to.split_at_mut(lanes);
                        from.iter().step_by(2).zip(even).for_each(|(value, slot)| *slot = *value);
                        from.iter().skip(1).step_by(2).zip(odd).for_each(|(value, slot)| *slot = *value);
                    }
                } else {
                    packed[..cols].copy_from_slice(row);
                }
            }
        }
        Self { values, rows, row_len }
    }

    /// Activation rows.
    pub(super) const fn num_rows(&self) -> usize {
        self.rows
    }

    /// One row with its padding.
    #[inline(always)]
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.row_len..][..self.row_len]
    }
}

/// One core's share: consecutive weight rows against all activation rows.
#[derive(Debug)]
pub(super) struct Block<'a, 'y> {
    /// The weight rows, little-endian, at any alignment.
    pub(super) bytes: &'a [u8],
    /// Format of the weights.
    pub(super) dtype: WeightType,
    /// Bytes of one weight row.
    pub(super) row_bytes: usize,
    /// The activations.
    pub(super) x: &'a Packed,
    /// One output row for each activation row, one value for each weight row.
    pub(super) y: &'a mut [&'y mut [f32]],
}

impl Job for Block<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        match self.dtype {
            WeightType::F32 => run::<S, F32>(simd, self),
            WeightType::Bf16 => run::<S, Bf16>(simd, self),
            WeightType::F16 => run::<S, S::Half>(simd, self),
        }
    }
}

#[inline(always)]
fn run<S: Lanes, F: Format<S>>(simd: S, job: Block<'_, '_>) {
    let Block { bytes, row_bytes, x, y, .. } = job;
    // A few short rows that the processor itself widens keep up with the memory: one weight row after the other, as
    // with one row (measured with two, three and four: 1.0, 1.15 and 1.4 times one row; 1.25, 1.45 and 1.6 otherwise).
    let is_near = size_of_val(&*x.values) <= NEAR_BYTES;
    let is_stream = (2..=4).contains(&x.rows) && F::REGISTERS == 1 && !F::EVEN_ODD && is_near;
    let is_dense = x.rows > 2 || x.rows == 2 && (F::REGISTERS == 1 || S::REGISTER_COUNT < 32);
    let is_fetched = is_dense && !is_stream;
    let fetched_tiles = (FETCH_BYTES / (TILE_ROWS * row_bytes)).max(1);
    for (tile_idx, tile) in bytes.chunks(TILE_ROWS * row_bytes).enumerate() {
        let mut rows = [[].as_slice(); TILE_ROWS];
        let num_rows = tile.len() / row_bytes;
        for (slot, row) in rows.iter_mut().zip(tile.chunks_exact(row_bytes)) {
            *slot = row;
        }
        let first = tile_idx * TILE_ROWS;
        if is_fetched && tile_idx % fetched_tiles == 0 {
            let ahead = &bytes[first * row_bytes..];
            fetch(simd, &ahead[..ahead.len().min(fetched_tiles * TILE_ROWS * row_bytes)]);
        }
        for group in (0..x.rows).step_by(GROUP_ROWS) {
            let mut sums = [[0.0; TILE_ROWS]; GROUP_ROWS];
            if is_stream {
                match x.rows {
                    2 => strips::<S, F, 1, 2>(simd, &rows[..num_rows], x, group, &mut sums),
                    3 => strips::<S, F, 1, 3>(simd, &rows[..num_rows], x, group, &mut sums),
                    _ => strips::<S, F, 1, 4>(simd, &rows[..num_rows], x, group, &mut sums),
                }
            } else {
                tile_dots::<S, F>(simd, &rows[..num_rows], x, group, &mut sums);
            }
            store(y, group, first, num_rows, &sums);
        }
    }
}

/// Reads one register of every cache line, in the order of the memory, so that they are in the cache when their
/// products begin. Memory is then read at its full rate, which the products of several rows are too busy to ask for
/// (measured: 1.4 times faster with two rows).
#[inline(always)]
pub(super) fn fetch<S: Lanes>(simd: S, tiles: &[u8]) {
    const LINE_BYTES: usize = 64;
    let mut all = simd.splat_u32s(0);
    for register in S::as_simd_u8s(tiles).0.iter().step_by(LINE_BYTES / size_of::<S::u8s>()) {
        all = simd.or_u32s(all, pulp::cast(*register));
    }
    black_box(all);
}

#[inline(always)]
fn store(y: &mut [&mut [f32]], group: usize, first: usize, num_rows: usize, sums: &[[f32; TILE_ROWS]; GROUP_ROWS]) {
    for (y, sums) in y[group..].iter_mut().zip(sums) {
        y[first..first + num_rows].copy_from_slice(&sums[..num_rows]);
    }
}

/// Adds to `sums` the dots of a tile's rows with the activation rows of a group.
#[inline(always)]
fn tile_dots<S: Lanes, F: Format<S>>(
    simd: S,
    w: &[&[u8]],
    x: &Packed,
    group: usize,
    sums: &mut [[f32; TILE_ROWS]; GROUP_ROWS],
) {
    // Two vectors of sums for each pair of rows: 20 of 32 registers, or 10 of 16.
    let roomy = S::REGISTER_COUNT >= 32;
    match ((x.rows - group).min(GROUP_ROWS), roomy) {
        // Short rows side by side cross pages too often for the processor to fetch ahead.
        (1, _) if F::REGISTERS == 1 => strips::<S, F, 1, 1>(simd, w, x, group, sums),
        (1, _) => strips::<S, F, 4, 1>(simd, w, x, group, sums),
        (2, true) => strips::<S, F, 4, 2>(simd, w, x, group, sums),
        (2, false) => strips::<S, F, 2, 2>(simd, w, x, group, sums),
        (3, true) => strips::<S, F, 2, 3>(simd, w, x, group, sums),
        (3, false) => strips::<S, F, 1, 3>(simd, w, x, group, sums),
        (4, true) => strips::<S, F, 2, 4>(simd, w, x, group, sums),
        (4, false) => strips::<S, F, 1, 4>(simd, w, x, group, sums),
        (_, true) => strips::<S, F, 2, 5>(simd, w, x, group, sums),
        (_, false) => strips::<S, F, 1, 5>(simd, w, x, group, sums),
    }
}

#[inline(always)]
fn strips<S: Lanes, F: Format<S>, const R: usize, const M: usize>(
    simd: S,
    w: &[&[u8]],
    x: &Packed,
    group: usize,
    sums: &mut [[f32; TILE_ROWS]; GROUP_ROWS],
) {
    let mut x_rows = [[].as_slice(); M];
    for (m, slot) in x_rows.iter_mut().enumerate() {
        *slot = x.row(group + m);
    }
    let (full, rest) = w.as_chunks::<R>();
    for (strip, rows) in full.iter().enumerate() {
        let dots = dot::<S, F, R, M>(simd, *rows, x_rows);
        for (m, sums) in sums.iter_mut().enumerate().take(M) {
            for (r, dots) in dots.iter().enumerate() {
                sums[strip * R + r] += dots[m];
            }
        }
    }
    for (r, row) in rest.iter().enumerate() {
        let [dots] = dot::<S, F, 1, M>(simd, [*row], x_rows);
        for (sums, dot) in sums.iter_mut().zip(dots) {
            sums[full.len() * R + r] += dot;
        }
    }
}

/// The pair at the end of a row, which is shorter than its registers.
#[inline(always)]
pub(super) fn padded_pair<S: Lanes, F: Format<S>>(simd: S, rest: &[u8]) -> [S::f32s; 2] {
    let mut padded = [0_u8; PAIR_BYTES];
    padded[..rest.len()].copy_from_slice(rest);
    F::pair(simd, S::as_simd_u8s(&padded).0)
}

/// The dots of `R` weight rows with `M` activation rows, which are padded to whole pairs of vectors.
#[inline(always)]
fn dot<S: Lanes, F: Format<S>, const R: usize, const M: usize>(
    simd: S,
    w: [&[u8]; R],
    x: [&[f32]; M],
) -> [[f32; M]; R] {
    let register = size_of::<S::u8s>();
    let pairs = w[0].len() / (F::REGISTERS * register);
    let rest = w[0].len() % (F::REGISTERS * register);
    let mut w_regs = [[].as_slice(); R];
    for (slot, row) in w_regs.iter_mut().zip(&w) {
        *slot = &S::as_simd_u8s(row).0[..pairs * F::REGISTERS];
    }
    let mut x_regs = [[].as_slice(); M];
    for (slot, row) in x_regs.iter_mut().zip(&x) {
        *slot = &S::as_simd_f32s(row).0.as_chunks::<2>().0[..pairs + usize::from(rest > 0)];
    }
    let mut sums = [[[simd.splat_f32s(0.0); 2]; M]; R];
    for i in 0..pairs {
        let mut xs = [[simd.splat_f32s(0.0); 2]; M];
        for m in 0..M {
            xs[m] = x_regs[m][i];
        }
        for r in 0..R {
            let [a, b] = F::pair(simd, &w_regs[r][i * F::REGISTERS..(i + 1) * F::REGISTERS]);
            for m in 0..M {
                sums[r][m][0] = simd.fma(a, xs[m][0], sums[r][m][0]);
                sums[r][m][1] = simd.fma(b, xs[m][1], sums[r][m][1]);
            }
        }
    }
    if rest > 0 {
        for r in 0..R {
            let [a, b] = padded_pair::<S, F>(simd, &w[r][w[r].len() - rest..]);
            for m in 0..M {
                sums[r][m][0] = simd.fma(a, x_regs[m][pairs][0], sums[r][m][0]);
                sums[r][m][1] = simd.fma(b, x_regs[m][pairs][1], sums[r][m][1]);
            }
        }
    }
    let mut out = [[0.0; M]; R];
    for r in 0..R {
        for m in 0..M {
            out[r][m] = simd.reduce_sum_f32s(simd.add_f32s(sums[r][m][0], sums[r][m][1]));
        }
    }
    out
}
