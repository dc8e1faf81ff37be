//! Which of the ground truth is shown, how it is painted, and what is scored.

use crate::analysis::ClsVariant;
use serde::{Deserialize, Serialize};

/// How objects are painted on the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MaskStyle {
    /// Only the line around them.
    #[default]
    Outlined,
    /// Their pixels.
    Filled,
}

/// Where a map is cut into what is looked at and what is not.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Cut {
    /// At the map's mean over the pixels that count: the published choice.
    #[default]
    Mean,
    /// At this part of the map's largest value.
    OfMax(f32),
}

/// What of the ground truth is shown, and how; kept between days.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
pub struct TruthView {
    /// Objects on the photo.
    pub masks_visible: bool,
    /// Their names beside them; without, that of the one under the pointer.
    pub names_visible: bool,
    /// How they are painted.
    pub style: MaskStyle,
    /// Of filled objects, 0 to 1.
    pub opacity: f32,
    /// Hits and misses in place of the heat map.
    pub overlap: bool,
    /// Colours of hits and misses that do not need red and green to be told apart.
    pub colour_blind_safe: bool,
    /// Where the map is cut.
    pub cut: Cut,
    /// Pixels that a crop hid from the model count too, as published.
    pub paper_area: bool,
    /// The figure that colours the grid of layers and heads, while that is in sight.
    pub grid_metric: MetricChoice,
    /// Whether the encoder's outliers are marked on the photo.
    pub outliers_visible: bool,
    /// Which reading of the encoder's `[CLS]` counts for outliers: unsplit, as published, or the mean over heads.
    pub cls_head_mean: bool,
}

impl Default for TruthView {
    fn default() -> Self {
        Self {
            masks_visible: true,
            names_visible: false,
            style: MaskStyle::default(),
            opacity: 0.45,
            overlap: false,
            colour_blind_safe: false,
            cut: Cut::Mean,
            paper_area: false,
            grid_metric: MetricChoice(4),
            outliers_visible: false,
            cls_head_mean: false,
        }
    }
}

impl TruthView {
    /// The reading of the encoder's `[CLS]`.
    pub fn cls_variant(&self) -> ClsVariant {
        if self.cls_head_mean { ClsVariant::HeadMean } else { ClsVariant::Unsplit }
    }
}

/// A registered metric by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MetricChoice(pub usize);
