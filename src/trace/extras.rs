//! What only a trace file holds: too large for the window, wanted by those who compare numbers.

use super::file::regions::RegionNote;
use serde::{Deserialize, Serialize};

/// The model's input.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelValues {
    /// Rows.
    pub height_px: usize,
    /// Columns.
    pub width_px: usize,
    /// **Shape** `[3, height_px, width_px]`, normalised as the processor says.
    pub values: Vec<f32>,
}

/// Rows of logits, one per generated token, each as long as the vocabulary; empty when they were not kept.
pub type LogitRows = Vec<Vec<f32>>;

/// What only a trace file holds: too large for the window, wanted by those who compare numbers. Everything is empty
/// unless it was asked for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extras {
    /// Untouched logits of the ordinary branch.
    pub logits: LogitRows,
    /// Logits of a contrastive strategy's other branch.
    pub negative_logits: LogitRows,
    /// What a contrastive strategy chose from; removed candidates are negative infinity.
    pub final_logits: LogitRows,
    /// DAMRO: patches kept in the negative branch, in descending `[CLS]` attention.
    pub outlier_tokens: Option<Vec<usize>>,
    /// The model's input.
    pub pixel_values: Option<PixelValues>,
}

/// Facts about a file that are not in the contract's tensors; written as the JSON string `notes`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Notes {
    /// The trace's warnings.
    pub warnings: Vec<String>,
    /// Rows of `decoder_attention` that were recorded; those after them are zero.
    pub decoder_attention_rows: usize,
    /// What the tensors `image_regions` and `image_region_rects` do not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_regions: Vec<RegionNote>,
    /// See [`super::VisionAttention`].
    pub vision_feature_layer_idx: Option<usize>,
    /// The same of each further encoder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub further_feature_layer_idx: Vec<usize>,
}
