//! Estimates over many answers with their intervals, and comparisons of two settings: what the tables of a study hold.
//!
//! Photos are the sampling unit, not questions: answers about one photo resemble each other. Every function gets the
//! photo of each item as a number that is equal for items of the same photo, and what it gives is by photo unless its
//! name says otherwise. Intervals are of 95 %, p-values two-sided.
//!
//! | question | function |
//! | --- | --- |
//! | a share of independent items | [`wilson`] |
//! | a mean over items | [`mean`] |
//! | precision, recall, F1, share of yes, `CHAIRi` | [`ratio`] |
//! | any other metric | [`bootstrap`], [`bootstrap_sums`] |
//! | two settings on the same items | [`paired_difference`], [`mcnemar`], [`bootstrap_difference`] |
//! | several settings and one baseline | [`holm`] |
//! | how many items a study needs | [`items_needed`] |
//! | a detector's scores and labels | [`auroc`], [`average_precision`] |
//! | two detectors on the same items | [`auroc_difference`] |
//!
//! Nothing here is ever not-a-number: what has no value says why ([`NoEstimate`]), and what has a value without a
//! standard error (one photo) has `None` there.
//!
//! **Source**: Miller, *Adding error bars to evals*, arXiv 2411.00640; each function has its own.

mod auroc;
mod bootstrap;
mod clustered;
mod distributions;
mod paired;
mod power;
mod share;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

pub use auroc::{
    Auroc, AurocDifference, AveragePrecision, LabelledItem, LabelledPair, auroc, auroc_difference, average_precision,
};
pub use bootstrap::{Bootstrap, NUM_DRAWS, bootstrap, bootstrap_difference, bootstrap_sums};
pub use clustered::{Item, MeanError, PhotoRatio, mean, ratio};
pub use paired::{McNemar, PairedDifference, PairedItem, holm, mcnemar, paired_difference};
pub use power::{items_needed, sd_of_difference, sd_of_paired_shares};
pub use share::wilson;

use distributions::{normal_quantile, t_quantile};
use serde::Serialize;
use std::collections::BTreeMap;

/// Half of what an interval of 95 % leaves out.
const TAIL: f64 = 0.025;

/// Both ends of an interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A number with what is known about its error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error; `None` where the data does not say (one photo).
    pub standard_error: Option<f64>,
    /// Of 95 %; `None` where there is no standard error, or where it says nothing about an interval.
    pub interval: Option<Interval>,
    /// Items that went in.
    pub num_items: usize,
    /// Photos that they are of.
    pub num_clusters: usize,
    /// How error and interval were made, for a table.
    pub method: &'static str,
}

/// Why there is no number. Shown in its place.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NoEstimate {
    /// Nothing went in.
    #[error("there are no items")]
    NoItems,
    /// A detector needs something to tell apart.
    #[error("all items are of one class")]
    OneClass,
    /// A quotient of sums whose lower part is 0.
    #[error("nothing is divided by")]
    NothingBelow,
    /// A metric that is not defined on all photos together.
    #[error("the metric has no value on these photos")]
    NoMetric,
    /// A not-a-number or infinity among the items.
    #[error("item {item_idx} is not finite")]
    NotFinite {
        /// Which, from 0.
        item_idx: usize,
    },
    /// More successes than items.
    #[error("expected at most {num_items} successes, found {found}")]
    TooMany {
        /// Items.
        num_items: u64,
        /// Successes.
        found: u64,
    },
    /// Two settings over different photos.
    #[error("expected {expected} photos in both settings, found {found} in the second")]
    WrongLength {
        /// Of the first.
        expected: usize,
        /// Of the second.
        found: usize,
    },
    /// A parameter outside its range.
    #[error("expected {what}, found {found}")]
    OutOfRange {
        /// What it should be.
        what: &'static str,
        /// What it is.
        found: f64,
    },
}

impl Interval {
    /// `value` plus and minus `half`.
    fn around(value: f64, half: f64) -> Self {
        Self { low: value - half, high: value + half }
    }

    /// From Student's t with `num_clusters - 1` degrees of freedom; `None` for fewer than two.
    fn student(value: f64, standard_error: f64, num_clusters: usize) -> Option<Self> {
        student_factor(num_clusters).map(|factor| Self::around(value, factor * standard_error))
    }

    /// From the normal distribution.
    fn normal(value: f64, standard_error: f64) -> Self {
        Self::around(value, normal_quantile(1.0 - TAIL) * standard_error)
    }
}

/// How many standard errors an interval reaches to each side.
fn student_factor(num_clusters: usize) -> Option<f64> {
    (num_clusters > 1).then(|| t_quantile(TAIL, (num_clusters - 1) as f64))
}

/// Sums by photo, in the photos' order: sums that follow come out the same each time.
fn sums_by_photo(items: impl Iterator<Item = (usize, f64)>) -> Vec<f64> {
    let mut sums = BTreeMap::<usize, f64>::new();
    for (photo, value) in items {
        *sums.entry(photo).or_default() += value;
    }
    sums.into_values().collect()
}

/// Root of the sum of squares with the factor for `C` clusters, `C / (C - 1)`; `None` for fewer than two, or where the
/// sum is too large a number.
fn sandwich(sums: &[f64]) -> Option<f64> {
    let clusters = sums.len() as f64;
    Some((clusters / (clusters - 1.0) * squares(sums)).sqrt()).filter(|root| root.is_finite())
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// The first value that is no number, by its item.
fn expect_finite(values: impl Iterator<Item = f64>) -> Result<(), NoEstimate> {
    values
        .enumerate()
        .find(|(_, value)| !value.is_finite())
        .map_or(Ok(()), |(item_idx, _)| Err(NoEstimate::NotFinite { item_idx }))
}
