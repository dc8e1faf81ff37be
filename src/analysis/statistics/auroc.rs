//! Detectors: a score and a label for every item.

use super::distributions::{normal_quantile, normal_two_sided, t_two_sided};
use super::{Estimate, Interval, NoEstimate, TAIL, expect_finite, sandwich, squares, student_factor, sums_by_photo};
use serde::Serialize;
use std::ops::RangeInclusive;

/// The score of one item; higher says positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelledItem {
    /// The detector's.
    pub score: f64,
    /// The truth.
    pub is_positive: bool,
    /// Equal for items of the same photo.
    pub photo: usize,
}

/// The scores of two detectors on one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelledPair {
    /// The first detector's.
    pub first: f64,
    /// The second detector's.
    pub second: f64,
    /// The truth.
    pub is_positive: bool,
    /// Equal for items of the same photo.
    pub photo: usize,
}

/// The area under the ROC curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Auroc {
    /// With the error by photo.
    pub by_photo: Estimate,
    /// The same area with DeLong's error, which takes items as independent.
    pub delong: Estimate,
    /// Positive items.
    pub num_positives: usize,
    /// Negative items.
    pub num_negatives: usize,
}

/// How two detectors' areas differ on the same items.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AurocDifference {
    /// The first less the second, with the error by photo.
    pub by_photo: Estimate,
    /// `difference / SE` by photo, C - 1 degrees of freedom; `None` without a standard error above 0.
    pub t: Option<f64>,
    /// Its p.
    pub p: Option<f64>,
    /// The same difference with DeLong's error.
    pub delong: Estimate,
    /// `difference / SE` by DeLong.
    pub delong_z: Option<f64>,
    /// Its p.
    pub delong_p: Option<f64>,
}

/// The area under the curve of precision over recall.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AveragePrecision {
    /// Sum over distinct scores, highest first, of precision times the gain in recall.
    pub value: f64,
    /// Share of positives: what a detector that knows nothing has on average.
    pub prevalence: f64,
    /// Positive items.
    pub num_positives: usize,
    /// All items.
    pub num_items: usize,
}

/// Areas outside of these have their interval on the logit scale, or it would leave 0..1.
const MIDDLE: RangeInclusive<f64> = 0.1..=0.9;

/// The area under the ROC curve, ties counted as halves.
///
/// DeLong: with V and U the placements of positives among negatives and the other way round,
/// `SE^2 = var(V) / m + var(U) / n`. By photo: `u = sum (V - A) / m + sum (U - A) / n` over a photo's items,
/// `SE = sqrt(C / (C - 1) sum u^2)`. Intervals: normal for DeLong, Student's t with C - 1 degrees of freedom by
/// photo; on the logit scale for an area above 0.9 or below 0.1, none for 0 and 1, where the errors are 0.
///
/// **Source**: DeLong, DeLong and Clarke-Pearson 1988; midranks as in Sun and Xu 2014.
pub fn auroc(items: &[LabelledItem]) -> Result<Auroc, NoEstimate> {
    expect_finite(items.iter().map(|item| item.score))?;
    let labels: Vec<(bool, usize)> = items.iter().map(|item| (item.is_positive, item.photo)).collect();
    let sizes = Sizes::of(&labels)?;
    let placed = placements(&items.iter().map(|item| item.score).collect::<Vec<_>>(), &labels, sizes);
    let value = area(&placed, &labels, sizes);
    let estimate = |method, standard_error: Option<f64>, factor: Option<f64>| Estimate {
        value,
        standard_error,
        interval: standard_error.zip(factor).and_then(|(error, factor)| area_interval(value, error, factor)),
        num_items: items.len(),
        num_clusters: sizes.photos,
        method,
    };
    let (delong, by_photo) = errors(&placed, &labels, value, sizes);
    Ok(Auroc {
        by_photo: estimate("AUROC by photo, t", by_photo, student_factor(sizes.photos)),
        delong: estimate("DeLong, normal", delong, Some(normal_quantile(1.0 - TAIL))),
        num_positives: sizes.positives,
        num_negatives: sizes.negatives,
    })
}

/// The difference of two detectors' areas on the same items; errors as for [`auroc`], of the placements' differences.
pub fn auroc_difference(items: &[LabelledPair]) -> Result<AurocDifference, NoEstimate> {
    expect_finite(items.iter().map(|item| item.first))?;
    expect_finite(items.iter().map(|item| item.second))?;
    let labels: Vec<(bool, usize)> = items.iter().map(|item| (item.is_positive, item.photo)).collect();
    let sizes = Sizes::of(&labels)?;
    let first = placements(&items.iter().map(|item| item.first).collect::<Vec<_>>(), &labels, sizes);
    let second = placements(&items.iter().map(|item| item.second).collect::<Vec<_>>(), &labels, sizes);
    let placed: Vec<f64> = first.iter().zip(&second).map(|(first, second)| first - second).collect();
    let value = area(&placed, &labels, sizes);
    let (delong, by_photo) = errors(&placed, &labels, value, sizes);
    let estimate = |method, standard_error, interval| Estimate {
        value,
        standard_error,
        interval,
        num_items: items.len(),
        num_clusters: sizes.photos,
        method,
    };
    let over = |error: Option<f64>| error.filter(|error| *error > 0.0).map(|error| value / error);
    let (t, z) = (over(by_photo), over(delong));
    let student = by_photo.and_then(|error| Interval::student(value, error, sizes.photos));
    Ok(AurocDifference {
        by_photo: estimate("AUROC difference by photo, t", by_photo, student),
        t,
        p: t.map(|t| t_two_sided(t, sizes.photos.saturating_sub(1) as f64)),
        delong: estimate("DeLong, normal", delong, delong.map(|error| Interval::normal(value, error))),
        delong_z: z,
        delong_p: z.map(normal_two_sided),
    })
}

/// Average precision with equal scores taken together, as `average_precision_score` of scikit-learn.
///
/// It depends on the share of positives, which stands beside it. For an interval draw photos
/// ([`super::bootstrap`]).
pub fn average_precision(items: &[LabelledItem]) -> Result<AveragePrecision, NoEstimate> {
    expect_finite(items.iter().map(|item| item.score))?;
    let num_positives = items.iter().filter(|item| item.is_positive).count();
    if items.is_empty() {
        return Err(NoEstimate::NoItems);
    }
    if num_positives == 0 {
        return Err(NoEstimate::OneClass);
    }
    let mut sorted: Vec<(f64, bool)> = items.iter().map(|item| (item.score + 0.0, item.is_positive)).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut seen, mut right, mut value) = (0_usize, 0_usize, 0.0);
    for level in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let gained = level.iter().filter(|(_, is_positive)| *is_positive).count();
        seen += level.len();
        right += gained;
        value += right as f64 / seen as f64 * gained as f64 / num_positives as f64;
    }
    let prevalence = num_positives as f64 / items.len() as f64;
    Ok(AveragePrecision { value, prevalence, num_positives, num_items: items.len() })
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    positives: usize,
    negatives: usize,
    photos: usize,
}

impl Sizes {
    fn of(labels: &[(bool, usize)]) -> Result<Self, NoEstimate> {
        let positives = labels.iter().filter(|(is_positive, _)| *is_positive).count();
        let negatives = labels.len() - positives;
        if labels.is_empty() {
            return Err(NoEstimate::NoItems);
        }
        if positives == 0 || negatives == 0 {
            return Err(NoEstimate::OneClass);
        }
        let photos = sums_by_photo(labels.iter().map(|(_, photo)| (*photo, 0.0))).len();
        Ok(Self { positives, negatives, photos })
    }

    /// Of an item's own class.
    fn own(self, is_positive: bool) -> f64 {
        if is_positive { self.positives as f64 } else { self.negatives as f64 }
    }
}

/// For a positive the share of negatives below it, for a negative the share of positives above it; equals as halves.
fn placements(scores: &[f64], labels: &[(bool, usize)], sizes: Sizes) -> Vec<f64> {
    let everyone: Vec<usize> = (0..scores.len()).collect();
    let among_all = midranks(scores, &everyone);
    let mut placed = vec![0.0; scores.len()];
    for class in [true, false] {
        let members: Vec<usize> =
            labels.iter().enumerate().filter(|(_, label)| label.0 == class).map(|(idx, _)| idx).collect();
        let others = sizes.own(!class);
        for ((idx, within), all) in members
            .iter()
            .zip(midranks(scores, &members))
            .filter_map(|(idx, within)| among_all.get(*idx).map(|all| ((*idx, within), *all)))
        {
            let below = (all - within) / others;
            if let Some(slot) = placed.get_mut(idx) {
                *slot = if class { below } else { 1.0 - below };
            }
        }
    }
    placed
}

/// Ranks from 1 among the members; equal scores share the mean of theirs.
fn midranks(scores: &[f64], members: &[usize]) -> Vec<f64> {
    // Adding 0 makes both zeros the same.
    let mut sorted: Vec<(f64, usize)> =
        members.iter().enumerate().filter_map(|(at, idx)| scores.get(*idx).map(|score| (score + 0.0, at))).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut ranks = vec![0.0; members.len()];
    let mut before = 0_usize;
    for equal in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let rank = before as f64 + 0.5 * (equal.len() as f64 + 1.0);
        for (_, at) in equal {
            if let Some(slot) = ranks.get_mut(*at) {
                *slot = rank;
            }
        }
        before += equal.len();
    }
    ranks
}

/// Mean placement of the positives.
fn area(placed: &[f64], labels: &[(bool, usize)], sizes: Sizes) -> f64 {
    let sum: f64 = placed.iter().zip(labels).filter(|(_, label)| label.0).map(|(placement, _)| placement).sum();
    sum / sizes.positives as f64
}

/// DeLong's standard error and that by photo, of placements or of their differences.
fn errors(placed: &[f64], labels: &[(bool, usize)], value: f64, sizes: Sizes) -> (Option<f64>, Option<f64>) {
    let variance_part = |class: bool| {
        let m = sizes.own(class);
        let of_class = placed.iter().zip(labels).filter(|(_, label)| label.0 == class);
        let deviations: Vec<f64> = of_class.map(|(placement, _)| placement - value).collect();
        (m > 1.0).then(|| squares(&deviations) / (m - 1.0) / m)
    };
    let delong = variance_part(true).zip(variance_part(false)).map(|(above, below)| (above + below).sqrt());
    let influence = placed.iter().zip(labels);
    let influence = influence.map(|(placement, label)| (label.1, (placement - value) / sizes.own(label.0)));
    (delong, sandwich(&sums_by_photo(influence)))
}

fn area_interval(value: f64, error: f64, factor: f64) -> Option<Interval> {
    if MIDDLE.contains(&value) {
        return Some(Interval::around(value, factor * error));
    }
    let spread = value * (1.0 - value);
    if spread <= 0.0 {
        return None;
    }
    let ends = Interval::around((value / (1.0 - value)).ln(), factor * error / spread);
    let back = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Some(Interval { low: back(ends.low), high: back(ends.high) })
}
