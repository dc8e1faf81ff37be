//! Does a map lie on the object? Figures of a map against a mask, both on the photo's pixels.
//!
//! 1. A patch map becomes a [`PhotoMap`]: one value for every pixel, on exactly those pixels that the patches were made
//!    of, by a named [`Sampling`]. With nearest sampling a [`PatchCoverage`] does without the pixels.
//! 2. Map and mask become a [`Ranked`]: pixels by value, inside and outside. [`Counted`] says whether what a crop hid
//!    from the model counts.
//! 3. Every [`Metric`] of [`METRICS`] is a function of an [`Evaluation`], a [`Ranked`] at a threshold: the map's mean,
//!    or any other.
//!
//! Nothing here is ever not-a-number: a map with such a value is refused, and a figure that is not defined says why
//! ([`Undefined`]).
//!
//! | case | counts at the mean | figures without a value |
//! | --- | --- | --- |
//! | empty mask | everything above is false | recall, ratio, pointing game, ROC AUC, average precision |
//! | full mask | everything above is true | ROC AUC |
//! | constant map | everything is above (`>=`, as published) | squared error, unless the scale is 0..255 |
//! | zero map | the same | those of a constant map, and shares of attention |

mod categories;
mod coverage;
mod error;
mod grid;
mod metrics;
mod photo_map;
mod ranked;

#[cfg(test)]
mod tests;

pub use categories::{CategoryShare, category_shares};
pub use coverage::{Covered, PatchCoverage};
pub use error::{LocalisationError, Undefined};
pub use grid::MetricGrid;
pub use metrics::{Better, Evaluation, METRICS, Metric, add_metric, metric_by_id, metrics};
pub use photo_map::{Counted, PhotoMap, Sampling, SeenRect};
pub use ranked::{Counts, CurvePoint, Ranked, Scale};
