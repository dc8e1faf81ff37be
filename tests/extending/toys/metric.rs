//! A metric: how much of the photo the map takes at its threshold.

use gazelens::analysis::localisation::{Better, Metric};

pub(crate) static TOY: Metric = Metric {
    id: "toy_cover",
    label: "Cover",
    help: "Of all pixels, the part at or above the threshold",
    paper: "none",
    better: Better::Lower,
    range: [0.0, 1.0],
    thresholded: true,
    compute: |at| Ok((at.counts.true_positive + at.counts.false_positive) as f64 / at.ranked.pixels() as f64),
};
