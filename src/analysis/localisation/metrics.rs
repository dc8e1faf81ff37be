//! The figures of merit: one line each in [`METRICS`], from which `gazelens list metrics`, `gazelens metrics` and the
//! window's menus are made.

use super::{Counts, Ranked, Undefined};
use crate::registry::{Added, NameTaken};

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Large values.
    Higher,
    /// Small values.
    Lower,
}

/// A map against a mask at a threshold.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// All pixels.
    pub ranked: &'a Ranked,
    /// In the map's own numbers.
    pub threshold: f64,
    /// At the threshold.
    pub counts: Counts,
}

impl<'a> Evaluation<'a> {
    /// At the map's mean, as published.
    pub fn at_mean(ranked: &'a Ranked) -> Self {
        Self::at(ranked, ranked.mean())
    }

    /// At any threshold, in the map's own numbers.
    pub fn at(ranked: &'a Ranked, threshold: f64) -> Self {
        Self { ranked, threshold, counts: ranked.counts(threshold) }
    }

    /// Part of the pixels that the mask takes: what chance would find.
    pub fn area_share(&self) -> f64 {
        self.ranked.mask_area() as f64 / self.ranked.pixels() as f64
    }
}

/// One figure of merit.
#[derive(Debug)]
pub struct Metric {
    /// Unique name, also in JSON.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// Which way is good.
    pub better: Better,
    /// Smallest and largest value that it can have; the largest may be infinite.
    pub range: [f64; 2],
    /// Whether it moves with the threshold.
    pub thresholded: bool,
    /// The number, or why there is none; see [`Metric::value`].
    pub compute: fn(&Evaluation<'_>) -> Result<f64, Undefined>,
}

impl Metric {
    /// The figure, or why there is none.
    pub fn value(&self, evaluation: &Evaluation<'_>) -> Result<f64, Undefined> {
        (self.compute)(evaluation)
    }
}

const TOMITA: &str = "Tomita et al., attention heat maps thresholded at their mean against COCO masks";

/// Those that the crate brings, in the order of display.
pub const METRICS: &[Metric] = &[
    Metric {
        id: "precision",
        label: "Precision",
        help: "Of the pixels at or above the threshold, the fraction inside the mask",
        paper: TOMITA,
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: true,
        compute: |at| at.counts.precision().ok_or(Undefined::NothingAbove),
    },
    Metric {
        id: "recall",
        label: "Recall",
        help: "Of the mask, the part at or above the threshold",
        paper: TOMITA,
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: true,
        compute: |at| at.counts.recall().ok_or(Undefined::EmptyMask),
    },
    Metric {
        id: "iou",
        label: "IoU",
        help: "Pixels both inside the mask and at or above the threshold, divided by those that are either",
        paper: TOMITA,
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: true,
        // Both empty: the map is no better and no worse than the mask, and no number says so.
        compute: |at| at.counts.iou().ok_or(Undefined::EmptyMask),
    },
    Metric {
        id: "mse",
        label: "Mean squared error",
        help: "Mean squared difference of the map, brought to 0..1, and the mask",
        paper: TOMITA,
        better: Better::Lower,
        range: [0.0, 1.0],
        thresholded: false,
        compute: mse,
    },
    Metric {
        id: "mass",
        label: "Attention inside",
        help: "Part of the map's sum over pixels that lies inside the mask",
        paper: "Wang et al., Score-CAM (energy-based pointing game), CVPR Workshops 2020, arXiv:1910.01279",
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: false,
        compute: mass,
    },
    Metric {
        id: "mass_ratio",
        label: "Attention inside over area",
        help: "Part of the map's sum inside the mask, divided by the mask's part of the pixels; 1 is chance",
        paper: "Wang et al., Score-CAM (energy-based pointing game), CVPR Workshops 2020, arXiv:1910.01279; divided by \
            the area",
        better: Better::Higher,
        range: [0.0, f64::INFINITY],
        thresholded: false,
        compute: mass_ratio,
    },
    Metric {
        id: "pointing_game",
        label: "Pointing game",
        help: "1 if the map's maximum lies inside the mask, 0 if not; of several equal maxima, the fraction inside",
        paper: "Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016, arXiv:1608.00507; without \
            its 15 pixel margin",
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: false,
        compute: pointing_game,
    },
    Metric {
        id: "roc_auc",
        label: "ROC AUC",
        help: "Probability that a pixel inside the mask has a larger value than one outside, ties counting half; 0.5 \
            is chance",
        paper: "Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27, 2006",
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: false,
        compute: roc_auc,
    },
    Metric {
        id: "average_precision",
        label: "Average precision",
        help: "Precision at every value of the map, weighted by the recall gained there; the mask's part of the pixels \
            is chance",
        paper: "Everingham et al., The Pascal Visual Object Classes Challenge, IJCV 2010; sum of steps as in \
            scikit-learn, not interpolated",
        better: Better::Higher,
        range: [0.0, 1.0],
        thresholded: false,
        compute: average_precision,
    },
];

static ADDED: Added<Metric> = Added::new();

/// Every metric, in the order of display: [`METRICS`] and those that were added.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().chain(ADDED.all())
}

/// Adds a metric to them.
///
/// **Errors**: a name that another has.
pub fn add_metric(metric: &'static Metric) -> Result<(), NameTaken> {
    let own: Vec<&str> = METRICS.iter().map(|metric| metric.id).collect();
    ADDED.add(metric, |metric| metric.id, &own)
}

/// The metric of a name.
pub fn metric_by_id(id: &str) -> Option<&'static Metric> {
    metrics().find(|metric| metric.id == id)
}

fn mse(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    let mut sum = 0.0;
    for group in at.ranked.groups() {
        let value = at.ranked.scaled(f64::from(group.value)).ok_or(Undefined::ConstantMap)?;
        let outside = (group.pixels - group.inside) as f64;
        sum += outside * value * value + group.inside as f64 * (value - 1.0) * (value - 1.0);
    }
    Ok(sum / at.ranked.pixels() as f64)
}

fn mass(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    let (mut inside, mut all) = (0.0, 0.0);
    for group in at.ranked.groups() {
        let value = f64::from(group.value);
        if value < 0.0 {
            return Err(Undefined::NegativeMap);
        }
        inside += value * group.inside as f64;
        all += value * group.pixels as f64;
    }
    if all > 0.0 { Ok(inside / all) } else { Err(Undefined::ZeroMap) }
}

fn mass_ratio(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    if at.ranked.mask_area() == 0 {
        return Err(Undefined::EmptyMask);
    }
    Ok(mass(at)? / at.area_share())
}

fn pointing_game(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    if at.ranked.mask_area() == 0 {
        return Err(Undefined::EmptyMask);
    }
    let largest = at.ranked.groups().next().ok_or(Undefined::ZeroMap)?;
    Ok(largest.inside as f64 / largest.pixels as f64)
}

/// Mask pixels and others, both of which a ranking needs.
fn both_sides(at: &Evaluation<'_>) -> Result<(f64, f64), Undefined> {
    let (inside, pixels) = (at.ranked.mask_area(), at.ranked.pixels());
    match inside {
        0 => Err(Undefined::EmptyMask),
        _ if inside == pixels => Err(Undefined::FullMask),
        _ => Ok((inside as f64, (pixels - inside) as f64)),
    }
}

fn roc_auc(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    let (positives, negatives) = both_sides(at)?;
    let (mut found, mut area) = (0.0, 0.0);
    for group in at.ranked.groups() {
        let (inside, outside) = (group.inside as f64, (group.pixels - group.inside) as f64);
        area += outside * (found + inside / 2.0);
        found += inside;
    }
    Ok(area / (positives * negatives))
}

fn average_precision(at: &Evaluation<'_>) -> Result<f64, Undefined> {
    let all = at.ranked.mask_area();
    if all == 0 {
        return Err(Undefined::EmptyMask);
    }
    let (mut found, mut seen, mut sum) = (0, 0, 0.0);
    for group in at.ranked.groups() {
        found += group.inside;
        seen += group.pixels;
        sum += group.inside as f64 * (found as f64 / seen as f64);
    }
    Ok(sum / all as f64)
}
