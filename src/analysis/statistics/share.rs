//! A share of independent items.

use super::distributions::normal_quantile;
use super::{Estimate, Interval, NoEstimate, TAIL};

/// The share of successes among independent items, each of a photo of its own, with Wilson's interval.
///
/// Centre `(p + z^2 / 2n) / (1 + z^2 / n)`, half width `z sqrt(p (1 - p) / n + z^2 / 4n^2) / (1 + z^2 / n)`, with z the
/// normal quantile; the standard error is `sqrt(p (1 - p) / n)`.
///
/// **Source**: Wilson, *Probable inference, the law of succession, and statistical inference*, 1927; as
/// `proportion_confint` of statsmodels.
pub fn wilson(successes: u64, num_items: u64) -> Result<Estimate, NoEstimate> {
    if num_items == 0 {
        return Err(NoEstimate::NoItems);
    }
    if successes > num_items {
        return Err(NoEstimate::TooMany { num_items, found: successes });
    }
    let n = num_items as f64;
    let share = successes as f64 / n;
    let count = usize::try_from(num_items).unwrap_or(usize::MAX);
    Ok(Estimate {
        value: share,
        standard_error: Some((share * (1.0 - share) / n).sqrt()),
        interval: Some(wilson_interval(share, n)),
        num_items: count,
        num_clusters: count,
        method: "Wilson",
    })
}

/// The same for a number of items that need not be whole.
pub(super) fn wilson_interval(share: f64, num_items: f64) -> Interval {
    let z = normal_quantile(1.0 - TAIL);
    let square = z * z / num_items;
    let centre = (share + 0.5 * square) / (1.0 + square);
    let half = z * (share * (1.0 - share) / num_items + 0.25 * square / num_items).sqrt() / (1.0 + square);
    let Interval { low, high } = Interval::around(centre, half);
    // Rounding alone would take the ends of 0 and 1 beyond them.
    Interval { low: low.max(0.0), high: high.min(1.0) }
}
