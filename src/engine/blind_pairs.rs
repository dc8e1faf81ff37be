//! Pairs of photos that one encoder takes for nearly the same and another does not.

use super::embeddings::Embeddings;
use super::error::EngineError;
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

/// Rows and columns of one product: 16 MiB of cosines at a time.
const BLOCK: [usize; 2] = [512, 8192];
/// More than an f32 product of unit vectors is ever off.
const SLACK: f64 = 1e-4;

/// Which pairs are looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairLimits {
    /// The first encoder's cosine is larger than this.
    pub above: f64,
    /// The second encoder's is smaller than this.
    pub below: f64,
    /// Pairs that are returned, the best of them.
    pub most: usize,
}

impl PairLimits {
    /// MMVP's: cosines above 0.95 and below 0.6, 150 pairs.
    pub const MMVP: Self = Self { above: 0.95, below: 0.6, most: 150 };
}

/// Two photos.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlindPair {
    /// Index of the photo that comes first.
    pub first: usize,
    /// Index of the other.
    pub second: usize,
    /// Cosine of the first encoder's embeddings.
    pub cosine: f64,
    /// Cosine of the second encoder's.
    pub second_cosine: f64,
}

impl BlindPair {
    /// The best come first: largest difference of the two cosines, then the photos' order.
    fn order(&self, other: &Self) -> Ordering {
        let difference = |pair: &Self| pair.cosine - pair.second_cosine;
        let by_difference = difference(other).total_cmp(&difference(self));
        by_difference.then((self.first, self.second).cmp(&(other.first, other.second)))
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BlindPairs {
    /// At most as many as were asked for, largest difference of the cosines first.
    pub pairs: Vec<BlindPair>,
    /// How many there are.
    pub num_pairs: u64,
}

/// Every pair of photos whose cosine is above a limit for one encoder and below another limit for a second one.
///
/// Both give each photo one embedding of unit length. The first encoder's cosines come from products of blocks; those
/// near the limit or above it are computed again in f64, and the second encoder's for them alone, so that the result
/// depends neither on blocks nor on threads. `progress` gets the share that is done. A raised `cancel` ends it within
/// a block.
///
/// All pairs of 40,000 photos at the widths of the large encoders (768 and 1024) take a minute on two cores that others
/// use too: 27 s of processor time in an unoptimised build (`cargo bench --bench pairs`).
///
/// **Source**: Tong et al., *Eyes Wide Shut? Exploring the Visual Shortcomings of Multimodal LLMs*, arXiv 2401.06209,
/// section 2 (CLIP-blind pairs).
///
/// **Errors**: embeddings of different numbers of photos.
pub fn blind_pairs(
    first: &Embeddings,
    second: &Embeddings,
    limits: PairLimits,
    progress: &mut dyn FnMut(f64),
    cancel: &AtomicBool,
) -> Result<BlindPairs, EngineError> {
    let n = first.len();
    if second.len() != n {
        return Err(EngineError::PhotoCount { expected: n, found: second.len() });
    }
    let product = EngineError::tensor("multiply embeddings");
    let all = Tensor::from_slice(&first.values, (n, first.width), &Device::Cpu).map_err(&product)?;
    let [num_rows, num_cols] = BLOCK;
    let mut found = BlindPairs::default();
    for top in (0..n).step_by(num_rows) {
        for left in (top..n).step_by(num_cols) {
            if cancel.load(Memory::Relaxed) {
                return Err(EngineError::Cancelled);
            }
            let (rows, cols) = (num_rows.min(n - top), num_cols.min(n - left));
            let cosines = cosines(&all, [top, rows], [left, cols]).map_err(&product)?;
            let of_row = |(row, cosines): (usize, &[f32])| -> Vec<BlindPair> {
                let row = top + row;
                let near = cosines.iter().enumerate().filter(|(_, cosine)| f64::from(**cosine) > limits.above - SLACK);
                let pairs = near.map(|(col, _)| [row, left + col]).filter(|[row, col]| col > row);
                pairs.filter_map(|pair| blind_pair(first, second, limits, pair)).collect()
            };
            let pairs: Vec<Vec<BlindPair>> = cosines.par_chunks(cols.max(1)).enumerate().map(of_row).collect();
            found.take(pairs.into_iter().flatten(), limits.most);
        }
        // The rows that are left meet fewer columns each.
        let left = n.saturating_sub(top + num_rows) as f64 / n as f64;
        progress(1.0 - left * left);
    }
    found.keep(limits.most);
    Ok(found)
}

impl BlindPairs {
    fn take(&mut self, pairs: impl Iterator<Item = BlindPair>, most: usize) {
        for pair in pairs {
            self.num_pairs += 1;
            self.pairs.push(pair);
            if self.pairs.len() >= most.saturating_mul(2).max(4096) {
                self.keep(most);
            }
        }
    }

    fn keep(&mut self, most: usize) {
        self.pairs.sort_by(BlindPair::order);
        self.pairs.truncate(most);
    }
}

/// **Shape** of the result: rows by columns.
fn cosines(all: &Tensor, [top, rows]: [usize; 2], [left, cols]: [usize; 2]) -> candle_core::Result<Vec<f32>> {
    all.narrow(0, top, rows)?.matmul(&all.narrow(0, left, cols)?.t()?)?.flatten_all()?.to_vec1()
}

fn blind_pair(
    first: &Embeddings,
    second: &Embeddings,
    limits: PairLimits,
    [row, col]: [usize; 2],
) -> Option<BlindPair> {
    let dot = |of: &Embeddings| -> f64 {
        of.row(row).iter().zip(of.row(col)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let cosine = Some(dot(first)).filter(|cosine| *cosine > limits.above)?;
    let second_cosine = Some(dot(second)).filter(|cosine| *cosine < limits.below)?;
    Some(BlindPair { first: row, second: col, cosine, second_cosine })
}
