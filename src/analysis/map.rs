//! One number a patch.

use super::reduce::Accumulator;
use super::{AnalysisError, ImageKeys, Pick, Range, Selection, TokenSet};
use crate::geometry::{ImageLayout, PatchPos};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::{AttentionRow, Trace, VisionAttention};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the numbers of a map are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Probabilities as the model computed them: parts of all keys, so the map sums to the attention on the image, at most 1.
    #[default]
    Raw,
    /// Parts of the map's own sum, divided once after all reductions: the map sums to 1 (or is zero throughout, if nothing looked at the image).
    ImageShare,
}

/// How decoder maps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MapOptions {
    /// What the numbers are parts of.
    pub normalisation: Normalisation,
    /// Drops the first position's key (the first token, where many decoders park attention they have no use for) from every head's row and
    /// divides the rest by what is left, before anything is put together.
    ///
    /// With [`Normalisation::Raw`] the numbers are then parts of all keys *but the first*. With [`Normalisation::ImageShare`] the shares of a
    /// single head do not change, but those of several do: heads that park much count for what they do with the rest.
    /// A row that has nothing but its first key becomes zeros.
    pub suppress_sink: bool,
}

/// A finished map.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchMap {
    /// How the values lie on the photo.
    pub layout: Arc<ImageLayout>,
    /// One for each cell of the layout: `[rows, cols]`, row-major, where there is one region; non-negative and finite.
    pub values: Vec<f32>,
    /// Sum over patches before any normalisation: with `Raw` the attention on the image, and the denominator of `ImageShare`.
    pub total: f64,
    /// Of `values`.
    pub range: Range,
}

impl PatchMap {
    /// The value at a patch.
    pub fn at(&self, pos: PatchPos) -> Option<f32> {
        self.values.get(self.layout.idx(pos)?).copied()
    }

    /// The patch's part of the map's sum, whatever the normalisation; `None` outside the grid or when the map is zero throughout.
    pub fn share(&self, pos: PatchPos) -> Option<f64> {
        let sum: f64 = self.values.iter().map(|&v| f64::from(v)).sum();
        let value = self.at(pos)?;
        (sum > 0.0).then(|| f64::from(value) / sum)
    }

    /// Checks, normalises, rounds to f32.
    pub(super) fn new(
        layout: &Arc<ImageLayout>,
        values: &[f64],
        normalisation: Normalisation,
    ) -> Result<Self, AnalysisError> {
        if values.len() != layout.len() {
            return Err(AnalysisError::WrongShape { what: "patches", expected: layout.len(), found: values.len() });
        }
        if let Some(patch_idx) = values.iter().position(|value| !value.is_finite()) {
            return Err(AnalysisError::NotFinite { found: values[patch_idx].to_string(), patch_idx });
        }
        let total: f64 = values.iter().sum();
        let divisor = match normalisation {
            Normalisation::ImageShare if total > 0.0 => total,
            Normalisation::ImageShare | Normalisation::Raw => 1.0,
        };
        #[expect(clippy::cast_possible_truncation, reason = "f32 is what textures hold")]
        let values: Vec<f32> = values.iter().map(|value| (value / divisor) as f32).collect();
        let range = Range::of(&values).ok_or(AnalysisError::NothingSelected { what: "patch" })?;
        Ok(Self { layout: Arc::clone(layout), values, total, range })
    }
}

/// Where the decoder looked when it chose these tokens. See the module for the order of reductions.
pub fn decoder_map(
    trace: &Trace,
    tokens: &TokenSet,
    selection: Selection,
    options: MapOptions,
) -> Result<PatchMap, AnalysisError> {
    let keys = ImageKeys::of(trace)?;
    let layers = selection.layers.indices(trace.num_hidden_layers)?;
    let heads = selection.heads.indices(trace.num_attention_heads)?;
    let mut over_tokens = Accumulator::new(tokens.reduce(), keys.num_cells());
    for row in tokens.rows(trace)? {
        let mut over_layers = Accumulator::new(selection.layers.reduce(), keys.num_cells());
        for &layer_idx in &layers {
            let mut over_heads = Accumulator::new(selection.heads.reduce(), keys.num_cells());
            for &head_idx in &heads {
                over_heads.add(patch_values(row, layer_idx, head_idx, &keys, options.suppress_sink));
            }
            over_layers.add(over_heads.finish());
        }
        over_tokens.add(over_layers.finish());
    }
    PatchMap::new(&trace.layout, &over_tokens.finish(), options.normalisation)
}

/// One head's probabilities over the cells, after sink suppression. Where rounding took the row's sum above 1, they are parts of that sum:
/// no sum of them is above 1.
pub(super) fn patch_values(
    row: &AttentionRow,
    layer_idx: LayerIdx,
    head_idx: HeadIdx,
    keys: &ImageKeys,
    suppress_sink: bool,
) -> Vec<f64> {
    let probabilities = row.head(layer_idx, head_idx);
    let mut values = keys.values(&probabilities);
    if suppress_sink {
        let rest: f64 = probabilities.iter().skip(1).map(|&p| f64::from(p)).sum();
        if let Some(sink) = keys.first_position().and_then(|cell| values.get_mut(cell)) {
            *sink = 0.0;
        }
        // Summed, not 1 - p: near 1 an f16 cannot hold the difference.
        let scale = if rest > 0.0 || rest.is_nan() { 1.0 / rest } else { 0.0 };
        for value in &mut values {
            *value *= scale;
        }
        return values;
    }
    let whole = whole(&probabilities);
    for value in &mut values {
        *value /= whole;
    }
    values
}

/// One head's `[CLS]` row over the patches, no sum of which is above 1 either.
pub(super) fn cls_values(vision: &VisionAttention, layer_idx: LayerIdx, head_idx: HeadIdx) -> Vec<f64> {
    let row = vision.head(layer_idx, head_idx);
    let whole = whole(row);
    row.iter().map(|&p| f64::from(p) / whole).collect()
}

/// Where the vision encoder's `[CLS]` looked, or for one without it the attention that patches received: heads are put together first, then layers. The `[CLS]` column is not part of the map.
pub fn vision_map(
    trace: &Trace,
    selection: Selection,
    normalisation: Normalisation,
) -> Result<PatchMap, AnalysisError> {
    let vision = vision_of(trace)?;
    let layers = selection.layers.indices(vision.num_hidden_layers)?;
    let heads = selection.heads.indices(vision.num_attention_heads)?;
    let mut over_layers = Accumulator::new(selection.layers.reduce(), vision.num_patches);
    for &layer_idx in &layers {
        let mut over_heads = Accumulator::new(selection.heads.reduce(), vision.num_patches);
        for &head_idx in &heads {
            over_heads.add(cls_values(vision, layer_idx, head_idx));
        }
        over_layers.add(over_heads.finish());
    }
    PatchMap::new(&trace.layout, &over_layers.finish(), normalisation)
}

/// L2 norms of the patch states after one layer of the vision encoder: outliers are the large ones.
pub fn norm_map(trace: &Trace, layer_idx: LayerIdx) -> Result<PatchMap, AnalysisError> {
    norms_map(trace, Pick::One(layer_idx))
}

/// The same of one layer, or of all put together patch by patch.
///
/// **Errors**: a trace without norms, a layer that is not there.
pub fn norms_map(trace: &Trace, layers: Pick<LayerIdx>) -> Result<PatchMap, AnalysisError> {
    let vision = vision_of(trace)?;
    let mut over_layers = Accumulator::new(layers.reduce(), vision.num_patches);
    for layer_idx in layers.indices(vision.num_hidden_layers)? {
        let norms = vision.norms(layer_idx);
        if norms.len() != vision.num_patches {
            return Err(AnalysisError::WrongShape { what: "norms", expected: vision.num_patches, found: norms.len() });
        }
        over_layers.add(norms.iter().map(|&norm| f64::from(norm)));
    }
    PatchMap::new(&trace.layout, &over_layers.finish(), Normalisation::Raw)
}

/// The vision part of a trace, with its tensors checked against their announced shapes.
pub(super) fn vision_of(trace: &Trace) -> Result<&VisionAttention, AnalysisError> {
    let vision = trace.vision.as_deref().ok_or(AnalysisError::NoVision)?;
    let expected = vision.num_hidden_layers * vision.num_attention_heads * vision.num_patches;
    if vision.rows().len() != expected {
        let (what, found) = ("values of the vision encoder's attention", vision.rows().len());
        return Err(AnalysisError::WrongShape { what, expected, found });
    }
    if vision.num_patches != trace.layout.len() {
        return Err(AnalysisError::SpanMismatch { expected: trace.layout.len(), found: vision.num_patches });
    }
    Ok(vision)
}

/// What a row's probabilities are parts of: 1, or their own sum where rounding took that above 1. Some hundred values kept in 16 bits come to
/// 1.0002 at times, and a part above the whole is none.
pub(super) fn whole(probabilities: &[f32]) -> f64 {
    let sum: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    if sum > 1.0 { sum } else { 1.0 }
}
