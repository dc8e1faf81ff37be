//! One query against the cached keys and values of its branch, each read once, one key head to a core.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use half::f16;
use rayon::prelude::*;

use super::{
    block::{self, Block, Packed},
    dtype::WeightType,
    error::KernelError,
    lanes::{F32, Format, Job, Lanes, Level},
    softmax::{SoftmaxRows, Visible},
};

/// Keys or values in memory. **Shape** `[num_key_value_heads, capacity, head_dim]` of a [`Run`], row-major.
#[derive(Debug, Clone, Copy)]
pub enum Cached<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Half precision.
    F16(&'a [f16]),
}

impl<'a> Cached<'a> {
    fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F16(values) => values.len(),
        }
    }

    fn bytes(self) -> (&'a [u8], WeightType) {
        match self {
            Self::F32(values) => (pulp::bytemuck::cast_slice(values), WeightType::F32),
            Self::F16(values) => (pulp::bytemuck::cast_slice(values), WeightType::F16),
        }
    }
}

/// Cached keys or values of consecutive positions. A cache is a list of them: what several branches have in common is
/// there once, and however the positions are cut into runs, the results are the same to the bit.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// All of its memory.
    pub cached: Cached<'a>,
    /// Positions there is room for.
    pub capacity: usize,
    /// Positions that count, from the first on.
    pub len: usize,
}

/// Sizes of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheShape {
    /// Query heads; a multiple of the key heads, which consecutive query heads share.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Size of one head.
    pub head_dim: usize,
    /// Keys that are filled, those of all runs.
    pub key_len: usize,
}

impl CacheShape {
    /// Query heads that share a key head, once the shape is found to be possible.
    fn group(&self) -> Result<usize, KernelError> {
        let Self { num_attention_heads, num_key_value_heads, .. } = *self;
        match num_attention_heads.checked_rem(num_key_value_heads) {
            Some(0) => Ok(num_attention_heads / num_key_value_heads),
            _ => Err(KernelError::HeadGroups { num_key_value_heads, num_attention_heads }),
        }
    }

    fn check(
        &self,
        (what, runs): (&'static str, &[Run<'_>]),
        buffers: &[(&'static str, usize, usize)],
    ) -> Result<usize, KernelError> {
        let mut num_keys = 0_usize;
        let format = |run: &Run<'_>| run.cached.bytes().1;
        if runs.windows(2).any(|pair| pair.first().map(format) != pair.last().map(format)) {
            return Err(KernelError::RunFormats { what });
        }
        for &Run { cached, capacity, len } in runs {
            if len > capacity {
                return Err(KernelError::CacheLength { capacity, key_len: len });
            }
            let (expected, found) = (self.num_key_value_heads * capacity * self.head_dim, cached.len());
            if expected != found {
                return Err(KernelError::Length { what, expected, found });
            }
            num_keys = num_keys.saturating_add(len);
        }
        if num_keys != self.key_len {
            return Err(KernelError::RunLength { what, expected: self.key_len, found: num_keys });
        }
        let group = self.group()?;
        for &(what, expected, found) in buffers {
            if expected != found {
                return Err(KernelError::Length { what, expected, found });
            }
        }
        Ok(group)
    }

    fn is_empty(&self) -> bool {
        self.num_attention_heads * self.head_dim * self.key_len == 0
    }

    fn keys(&self) -> usize {
        self.num_attention_heads * self.key_len
    }

    fn hidden(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }
}

/// `scores = scale · q · Kᵀ`, for a [`softmax`](super::softmax()) and [`mix`] to follow once they have been looked at
/// or changed.
///
/// **Shape** `query`: `[num_attention_heads, head_dim]`, `scores`: `[num_attention_heads, key_len]`.
pub fn scores(
    shape: &CacheShape,
    query: &[f32],
    keys: &[Run<'_>],
    scale: f32,
    scores: &mut [f32],
) -> Result<(), KernelError> {
    let group = shape
        .check(("keys", keys), &[("query", shape.hidden(), query.len()), ("scores", shape.keys(), scores.len())])?;
    if shape.is_empty() {
        scores.fill(0.0);
        return Ok(());
    }
    let level = Level::widest();
    scores
        .par_chunks_mut(group * shape.key_len)
        .zip(query.par_chunks(group * shape.head_dim))
        .enumerate()
        .for_each(|(head, (scores, query))| head_scores(level, shape, head, query, keys, scale, scores));
    Ok(())
}

/// `out = probabilities · V`.
///
/// **Shape** `probabilities`: `[num_attention_heads, key_len]`, `out`: `[num_attention_heads, head_dim]`.
pub fn mix(shape: &CacheShape, probabilities: &[f32], values: &[Run<'_>], out: &mut [f32]) -> Result<(), KernelError> {
    let group = shape.check(
        ("values", values),
        &[("probabilities", shape.keys(), probabilities.len()), ("out", shape.hidden(), out.len())],
    )?;
    if shape.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    let level = Level::widest();
    out.par_chunks_mut(group * shape.head_dim)
        .zip(probabilities.par_chunks(group * shape.key_len))
        .enumerate()
        .for_each(|(head, (out, probabilities))| head_mix(level, shape, head, probabilities, values, out));
    Ok(())
}

/// `probabilities = softmax(scale · q · Kᵀ)` and `out = probabilities · V` in one go, split by key head over the
/// current rayon pool.
///
/// **Shape** `query` and `out`: `[num_attention_heads, head_dim]`, `probabilities`: `[num_attention_heads, key_len]`.
pub fn attend(
    shape: &CacheShape,
    query: &[f32],
    (keys, values): (&[Run<'_>], &[Run<'_>]),
    scale: f32,
    probabilities: &mut [f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    attend_at(Level::widest(), shape, query, (keys, values), scale, probabilities, out)
}

/// [`attend`] with chosen instructions.
pub(super) fn attend_at(
    level: Level,
    shape: &CacheShape,
    query: &[f32],
    (keys, values): (&[Run<'_>], &[Run<'_>]),
    scale: f32,
    probabilities: &mut [f32],
    out: &mut [f32],
) -> Result<(), KernelError> {
    shape.check(("keys", keys), &[("query", shape.hidden(), query.len())])?;
    let group = shape.check(
        ("values", values),
        &[("probabilities", shape.keys(), probabilities.len()), ("out", shape.hidden(), out.len())],
    )?;
    if shape.is_empty() {
        // Without keys nothing is attended to; without a head size every score is zero.
        probabilities.fill(1.0 / shape.key_len.max(1) as f32);
        out.fill(0.0);
        return Ok(());
    }
    probabilities
        .par_chunks_mut(group * shape.key_len)
        .zip(out.par_chunks_mut(group * shape.head_dim))
        .zip(query.par_chunks(group * shape.head_dim))
        .enumerate()
        .for_each(|(head, ((probabilities, out), query))| {
            head_scores(level, shape, head, query, keys, scale, probabilities);
            level.run(SoftmaxRows { scores: probabilities, cols: shape.key_len, first: 0, visible: Visible::All });
            head_mix(level, shape, head, probabilities, values, out);
        });
    Ok(())
}

/// The filled part of one key head.
fn head_bytes<'a>(shape: &CacheShape, head: usize, run: Run<'a>) -> (&'a [u8], WeightType, usize) {
    let (bytes, dtype) = run.cached.bytes();
    let row_bytes = shape.head_dim * dtype.size_bytes();
    (&bytes[head * run.capacity * row_bytes..][..run.len * row_bytes], dtype, row_bytes)
}

fn head_scores(
    level: Level,
    shape: &CacheShape,
    head: usize,
    query: &[f32],
    keys: &[Run<'_>],
    scale: f32,
    scores: &mut [f32],
) {
    let Some(first) = keys.first() else { return };
    let scaled: Vec<f32> = query.iter().map(|value| value * scale).collect();
    let x = Packed::new(&scaled, shape.head_dim, first.cached.bytes().1, level);
    let mut start = 0;
    for run in keys.iter().filter(|run| run.len > 0) {
        let (bytes, dtype, row_bytes) = head_bytes(shape, head, *run);
        let own = scores.chunks_exact_mut(shape.key_len).map(|row| &mut row[start..][..run.len]);
        let mut y: Vec<&mut [f32]> = own.collect();
        level.run(Block { bytes, dtype, row_bytes, x: &x, y: &mut y });
        start += run.len;
    }
}

fn head_mix(level: Level, shape: &CacheShape, head: usize, probabilities: &[f32], values: &[Run<'_>], out: &mut [f32]) {
    let lanes = level.f32_lanes();
    let mut packed = vec![0.0; shape.head_dim.next_multiple_of(2 * lanes)];
    let even_odd = values.first().is_some_and(|run| level.even_odd(run.cached.bytes().1));
    for (probabilities, out) in probabilities.chunks_exact(shape.key_len).zip(out.chunks_exact_mut(shape.head_dim)) {
        packed.fill(0.0);
        let mut start = 0;
        for run in values.iter().filter(|run| run.len > 0) {
            let (bytes, dtype, row_bytes) = head_bytes(shape, head, *run);
            let probabilities = &probabilities[start..][..run.len];
            level.run(Mix { bytes, dtype, row_bytes, probabilities, out: &mut packed });
            start += run.len;
        }
        if even_odd {
            for (from, to) in packed.chunks_exact(2 * lanes).zip(out.chunks_mut(2 * lanes)) {
                let (even, odd) = from.split_at(lanes);
                to.iter_mut().step_by(2).zip(even).for_each(|(slot, value)| *slot = *value);
                to.iter_mut().skip(1).step_by(2).zip(odd).for_each(|(slot, value)| *slot = *value);
            }
        } else {
            out.copy_from_slice(&packed[..shape.head_dim]);
        }
    }
}

/// Adds the weighted sum of the rows of one value head, in the order that the format is read in.
struct Mix<'a> {
    bytes: &'a [u8],
    dtype: WeightType,
    row_bytes: usize,
    probabilities: &'a [f32],
    /// Padded to whole pairs of vectors.
    out: &'a mut [f32],
}

impl Job for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        match self.dtype {
            WeightType::F32 => self.run_as::<S, F32>(simd),
            WeightType::F16 => self.run_as::<S, S::Half>(simd),
            WeightType::Bf16 => self.run_as::<S, super::lanes::Bf16>(simd),
        }
    }
}

impl Mix<'_> {
    #[inline(always)]
    fn run_as<S: Lanes, F: Format<S>>(self, simd: S) {
        let full_pairs = self.row_bytes / (F::REGISTERS * size_of::<S::u8s>());
        let mut at = 0;
        let (pairs, _) = S::as_mut_simd_f32s(self.out);
        let (pairs, _) = pairs.as_chunks_mut::<2>();
        let (full, last) = pairs.split_at_mut(full_pairs);
        let (fours, ones) = full.as_chunks_mut::<4>();
        for four in fours {
            add_columns::<S, F, 4>(simd, self.bytes, self.row_bytes, at, self.probabilities, four);
            at += 4;
        }
        for one in ones.as_chunks_mut::<1>().0 {
            add_columns::<S, F, 1>(simd, self.bytes, self.row_bytes, at, self.probabilities, one);
            at += 1;
        }
        for pair in last {
            let mut sums = *pair;
            for (row, probability) in self.bytes.chunks_exact(self.row_bytes).zip(self.probabilities) {
                let rest = &row[at * F::REGISTERS * size_of::<S::u8s>()..];
                let [a, b] = block::padded_pair::<S, F>(simd, rest);
                let probability = simd.splat_f32s(*probability);
                sums = [simd.fma(a, probability, sums[0]), simd.fma(b, probability, sums[1])];
            }
            *pair = sums;
        }
    }
}

/// Adds the weighted sum over all rows of `P` pairs of vectors, from pair `first` on.
#[inline(always)]
fn add_columns<S: Lanes, F: Format<S>, const P: usize>(
    simd: S,
    bytes: &[u8],
    row_bytes: usize,
    first: usize,
    probabilities: &[f32],
    out: &mut [[S::f32s; 2]; P],
) {
    let mut sums = *out;
    for (row, probability) in bytes.chunks_exact(row_bytes).zip(probabilities) {
        let registers = &S::as_simd_u8s(row).0[first * F::REGISTERS..][..P * F::REGISTERS];
        let probability = simd.splat_f32s(*probability);
        for (sums, registers) in sums.iter_mut().zip(registers.chunks_exact(F::REGISTERS)) {
            let [a, b] = F::pair(simd, registers);
            *sums = [simd.fma(a, probability, sums[0]), simd.fma(b, probability, sums[1])];
        }
    }
    *out = sums;
}

#[cfg(test)]
mod tests;
