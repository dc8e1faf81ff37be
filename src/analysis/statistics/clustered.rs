//! Means and quotients of sums, with errors by photo.

use super::share::wilson_interval;
use super::{Estimate, Interval, NoEstimate, expect_finite, sandwich, squares, sums_by_photo};

/// A score of one item.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item {
    /// 1 and 0 for right and wrong, or any other number.
    pub score: f64,
    /// Equal for items of the same photo.
    pub photo: usize,
}

/// How the error of a [`mean`] is made. D is the sum of a photo's deviations from the mean, n the items, C the photos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MeanError {
    /// `sqrt(C / (C - 1) sum D^2) / n`, interval by Student's t with C - 1 degrees of freedom.
    #[default]
    ByPhoto,
    /// `sqrt(sd^2 / n + (1 / n^2) sum over photos of d_i d_j, i not j)`, interval by the normal distribution.
    ///
    /// **Source**: Miller, *Adding error bars to evals*, arXiv 2411.00640, equation 4.
    Miller,
    /// `sd / sqrt(n)`, as if no photo had two items; interval by the normal distribution. For comparison.
    Independent,
}

/// Shares outside of these have Wilson's interval: that of Student's t would leave 0..1.
const MIDDLE: std::ops::RangeInclusive<f64> = 0.1..=0.9;

/// Beyond it a standard error is 0 but for rounding.
const MOST_EFFECTIVE: f64 = 1e15;

/// The mean of scores.
///
/// With [`MeanError::ByPhoto`] scores that are all 0 or 1 and whose mean p lies outside of 0.1 to 0.9 get Wilson's
/// interval with `p (1 - p) / SE^2` items in place of n; with as many items as photos where the standard error is 0.
pub fn mean(items: &[Item], error: MeanError) -> Result<Estimate, NoEstimate> {
    expect_finite(items.iter().map(|item| item.score))?;
    if items.is_empty() {
        return Err(NoEstimate::NoItems);
    }
    let n = items.len() as f64;
    let value = items.iter().map(|item| item.score).sum::<f64>() / n;
    if !value.is_finite() {
        return Err(NoEstimate::OutOfRange { what: "scores with a finite sum", found: value });
    }
    let deviations: Vec<f64> = items.iter().map(|item| item.score - value).collect();
    let sums = sums_by_photo(items.iter().zip(&deviations).map(|(item, deviation)| (item.photo, *deviation)));
    let clusters = sums.len();
    let own = Some(squares(&deviations) / (n - 1.0) / n).filter(|own| own.is_finite());
    let (standard_error, method) = match error {
        MeanError::ByPhoto => (sandwich(&sums).map(|root| root / n), "by photo, t"),
        MeanError::Independent => (own.map(f64::sqrt), "independent items, normal"),
        MeanError::Miller => {
            let between = (squares(&sums) - squares(&deviations)) / (n * n);
            // A sum of squares; rounding may leave it just below 0.
            (own.filter(|_| clusters > 1).map(|own| (own + between).max(0.0).sqrt()), "by photo (Miller), normal")
        }
    };
    let mut estimate =
        Estimate { value, standard_error, interval: None, num_items: items.len(), num_clusters: clusters, method };
    if let Some(standard_error) = standard_error {
        if error == MeanError::ByPhoto {
            let zeros_and_ones = items.iter().all(|item| [0.0, 1.0].contains(&item.score));
            if zeros_and_ones && !MIDDLE.contains(&value) {
                let effective = value * (1.0 - value) / (standard_error * standard_error);
                let effective = if effective < MOST_EFFECTIVE { effective } else { clusters as f64 };
                estimate.interval = Some(wilson_interval(value, effective));
                estimate.method = "by photo, Wilson";
            } else {
                estimate.interval = Interval::student(value, standard_error, clusters);
            }
        } else {
            estimate.interval = Some(Interval::normal(value, standard_error));
        }
    }
    Ok(estimate)
}

/// One photo's part of a quotient of sums.
///
/// F1: twice the true positives over twice the true positives plus false positives and false negatives. Precision,
/// recall, share of yes: the counts above and below. `CHAIRi`: hallucinated mentions over mentions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotoRatio {
    /// What is summed above.
    pub numerator: f64,
    /// What is summed below.
    pub denominator: f64,
    /// Items of the photo, for the table.
    pub num_items: usize,
}

/// The quotient R of two sums over photos, each photo once.
///
/// `SE = sqrt(C / (C - 1) sum (y - R x)^2) / sum x`, interval by Student's t with C - 1 degrees of freedom.
///
/// **Source**: Cochran, *Sampling techniques*, section 6.3 (the ratio estimator).
pub fn ratio(photos: &[PhotoRatio]) -> Result<Estimate, NoEstimate> {
    expect_finite(photos.iter().map(|photo| photo.numerator))?;
    expect_finite(photos.iter().map(|photo| photo.denominator))?;
    if photos.is_empty() {
        return Err(NoEstimate::NoItems);
    }
    let above: f64 = photos.iter().map(|photo| photo.numerator).sum();
    let below: f64 = photos.iter().map(|photo| photo.denominator).sum();
    let value = above / below;
    if !value.is_finite() {
        return Err(NoEstimate::NothingBelow);
    }
    let rests: Vec<f64> = photos.iter().map(|photo| photo.numerator - value * photo.denominator).collect();
    let standard_error = sandwich(&rests).map(|root| root / below.abs());
    Ok(Estimate {
        value,
        standard_error,
        interval: standard_error.and_then(|error| Interval::student(value, error, photos.len())),
        num_items: photos.iter().map(|photo| photo.num_items).sum(),
        num_clusters: photos.len(),
        method: "ratio by photo, t",
    })
}
