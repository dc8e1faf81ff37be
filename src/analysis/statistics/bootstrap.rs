//! Intervals of any metric: photos drawn again and again.

use super::{Estimate, Interval, NoEstimate, TAIL, squares};
use crate::analysis::seeded::Seeded;
use serde::Serialize;

/// How often photos are drawn.
pub const NUM_DRAWS: usize = 2000;

/// An estimate with what a table says about its draws.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bootstrap {
    /// The metric on all photos once; the standard deviation and the percentiles 2.5 and 97.5 of the draws.
    pub estimate: Estimate,
    /// Draws, [`NUM_DRAWS`].
    pub num_draws: usize,
    /// Draws on which the metric had no value; they are left out.
    pub num_undefined: usize,
    /// Of the draws: the same seed gives the same interval.
    pub seed: u64,
}

/// A metric of photos, with an interval by drawing as many photos as there are with replacement.
///
/// `metric` gets the numbers of the photos that were drawn, from 0 and with repeats; `None` or a number that is not
/// finite counts as undefined.
///
/// **Source**: Efron and Tibshirani, *An introduction to the bootstrap*, chapter 13 (percentiles, here interpolated as
/// `NumPy` does).
pub fn bootstrap(
    num_photos: usize,
    num_items: usize,
    seed: u64,
    metric: impl Fn(&[usize]) -> Option<f64>,
) -> Result<Bootstrap, NoEstimate> {
    if num_photos == 0 {
        return Err(NoEstimate::NoItems);
    }
    let metric = |photos: &[usize]| metric(photos).filter(|value| value.is_finite());
    let mut photos: Vec<usize> = (0..num_photos).collect();
    let value = metric(&photos).ok_or(NoEstimate::NoMetric)?;
    let mut seeded = Seeded::new(seed);
    let mut found = Vec::with_capacity(NUM_DRAWS);
    // One photo can only be drawn again: its draws say nothing.
    let num_draws = if num_photos > 1 { NUM_DRAWS } else { 0 };
    for _ in 0..num_draws {
        for photo in &mut photos {
            *photo = seeded.below(num_photos).unwrap_or_default();
        }
        found.extend(metric(&photos));
    }
    let num_undefined = num_draws - found.len();
    found.sort_by(f64::total_cmp);
    let (standard_error, interval) = match (percentile(&found, TAIL), percentile(&found, 1.0 - TAIL)) {
        (Some(low), Some(high)) => (deviation(&found), Some(Interval { low, high })),
        _ => (None, None),
    };
    let method = "bootstrap by photo, percentiles";
    let estimate = Estimate { value, standard_error, interval, num_items, num_clusters: num_photos, method };
    Ok(Bootstrap { estimate, num_draws, num_undefined, seed })
}

/// The same for a metric of sums over photos, such as counts of a confusion matrix.
///
/// **Shape**: N sums of every photo.
pub fn bootstrap_sums<const N: usize>(
    photos: &[[f64; N]],
    num_items: usize,
    seed: u64,
    metric: impl Fn(&[f64; N]) -> Option<f64>,
) -> Result<Bootstrap, NoEstimate> {
    bootstrap(photos.len(), num_items, seed, |drawn| metric(&sums(photos, drawn)))
}

/// A metric's difference between two settings, the first less the second. The same photos are drawn for both.
///
/// **Shape**: N sums of every photo, photos in the same order.
pub fn bootstrap_difference<const N: usize>(
    first: &[[f64; N]],
    second: &[[f64; N]],
    num_items: usize,
    seed: u64,
    metric: impl Fn(&[f64; N]) -> Option<f64>,
) -> Result<Bootstrap, NoEstimate> {
    if first.len() != second.len() {
        return Err(NoEstimate::WrongLength { expected: first.len(), found: second.len() });
    }
    bootstrap(first.len(), num_items, seed, |drawn| Some(metric(&sums(first, drawn))? - metric(&sums(second, drawn))?))
}

fn sums<const N: usize>(photos: &[[f64; N]], drawn: &[usize]) -> [f64; N] {
    let mut sums = [0.0; N];
    for photo in drawn.iter().filter_map(|photo| photos.get(*photo)) {
        for (sum, value) in sums.iter_mut().zip(photo) {
            *sum += value;
        }
    }
    sums
}

/// Between the two values next to it, in proportion. `sorted` in ascending order.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let part = at.fract();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of draws")]
    let below = at as usize;
    let low = sorted.get(below)?;
    let high = sorted.get(below + 1).unwrap_or(low);
    Some(low + part * (high - low))
}

fn deviation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
    (values.len() > 1).then(|| (squares(&deviations) / (n - 1.0)).sqrt())
}
