//! Two settings on the same items, and several against one.

use super::distributions::{chi_square_tail, fair_binomial, normal_two_sided, t_two_sided};
use super::{Estimate, Interval, Item, MeanError, NoEstimate, mean, squares, sums_by_photo};
use serde::Serialize;

/// McNemar's test on items that are right or wrong. It takes items as independent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct McNemar {
    /// Items that only the first setting has right.
    pub only_first: u64,
    /// Items that only the second has right.
    pub only_second: u64,
    /// Exact p: `min(1, 2 P(X <= min(b, c)))` of `b + c` fair coins.
    pub exact_p: f64,
    /// `(|b - c| - 1)^2 / (b + c)`, one degree of freedom; `None` where the settings never differ.
    pub chi_square: Option<f64>,
    /// Its p.
    pub chi_square_p: Option<f64>,
    /// `(b - c) / sqrt(b + c)`, without correction.
    pub z: Option<f64>,
}

/// McNemar's test, exact and with Edwards' correction.
///
/// **Source**: McNemar 1947, Edwards 1948; as `mcnemar` of statsmodels, whose correction is made for `b = c` too.
pub fn mcnemar(only_first: u64, only_second: u64) -> McNemar {
    let both = only_first.saturating_add(only_second);
    let (b, c, n) = (only_first as f64, only_second as f64, both as f64);
    let chi_square = (both > 0).then(|| ((b - c).abs() - 1.0).powi(2) / n);
    McNemar {
        only_first,
        only_second,
        exact_p: (2.0 * fair_binomial(only_first.min(only_second), both)).min(1.0),
        chi_square,
        chi_square_p: chi_square.map(chi_square_tail),
        z: (both > 0).then(|| (b - c) / n.sqrt()),
    }
}

/// The scores of two settings on one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedItem {
    /// Of the first setting.
    pub first: f64,
    /// Of the second.
    pub second: f64,
    /// Equal for items of the same photo.
    pub photo: usize,
}

/// How two settings differ on the same items, by photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairedDifference {
    /// Mean of the first less the second.
    pub difference: Estimate,
    /// `difference / SE`, C - 1 degrees of freedom; `None` without a standard error above 0.
    pub t: Option<f64>,
    /// Its p, below 0.05 exactly where the interval leaves 0 out.
    pub p: Option<f64>,
    /// `sum D / sqrt(sum D^2)` over the photos' sums of differences: McNemar's z where photos have several items.
    /// `None` where the settings never differ.
    pub z: Option<f64>,
    /// Its p.
    pub z_p: Option<f64>,
}

/// The difference of two settings on the same items, clustered by photo.
pub fn paired_difference(items: &[PairedItem]) -> Result<PairedDifference, NoEstimate> {
    let differences: Vec<Item> =
        items.iter().map(|item| Item { score: item.first - item.second, photo: item.photo }).collect();
    let difference = mean_difference(&differences)?;
    let sums = sums_by_photo(differences.iter().map(|item| (item.photo, item.score)));
    let t = difference.standard_error.filter(|error| *error > 0.0).map(|error| difference.value / error);
    let root = squares(&sums).sqrt();
    let z = (root > 0.0).then(|| sums.iter().sum::<f64>() / root);
    let df = difference.num_clusters.saturating_sub(1) as f64;
    Ok(PairedDifference { p: t.map(|t| t_two_sided(t, df)), t, z_p: z.map(normal_two_sided), z, difference })
}

/// A difference is no share, even where it is 0 or 1 for every item: its interval is Student's.
fn mean_difference(differences: &[Item]) -> Result<Estimate, NoEstimate> {
    let mut estimate = mean(differences, MeanError::ByPhoto)?;
    let (value, clusters) = (estimate.value, estimate.num_clusters);
    estimate.interval = estimate.standard_error.and_then(|error| Interval::student(value, error, clusters));
    estimate.method = "paired by photo, t";
    Ok(estimate)
}

/// Holm's adjusted p-values of a family of tests, in the order given.
///
/// **Source**: Holm, *A simple sequentially rejective multiple test procedure*, 1979.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, NoEstimate> {
    if let Some(found) = p_values.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(NoEstimate::OutOfRange { what: "a p-value from 0 to 1", found: *found });
    }
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (left, (idx, p)) in (1..=order.len()).rev().zip(order) {
        largest = largest.max(p * left as f64).min(1.0);
        if let Some(slot) = adjusted.get_mut(idx) {
            *slot = largest;
        }
    }
    Ok(adjusted)
}
