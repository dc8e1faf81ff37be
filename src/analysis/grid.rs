//! Every layer and head as a small map.

use super::reduce::Accumulator;
use super::row_values::{cls_values, patch_values, vision_of};
use super::source::SourceAt;
use super::{
    AnalysisError, ImageKeys, MapOptions, MapSource, Normalisation, PatchMap, Range, TokenRef, TokenSet, shared_range,
};
use crate::geometry::ImageLayout;
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::Trace;
use std::sync::Arc;

/// Maps of all layers and heads, for a grid of small pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerHeadMaps {
    /// How each map lies on the photo.
    pub layout: Arc<ImageLayout>,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads a layer.
    pub num_attention_heads: usize,
    /// **Shape** `[num_hidden_layers, num_attention_heads, cells]`: one upload.
    pub values: Vec<f32>,
    /// Sum over patches of each map before normalisation, **shape** `[num_hidden_layers, num_attention_heads]`.
    pub totals: Vec<f64>,
    /// Range of each map, same shape as `totals`.
    pub ranges: Vec<Range>,
    /// One range for all of them, so that heads can be compared.
    pub shared: Range,
}

impl LayerHeadMaps {
    /// Place of a map in `totals` and `ranges`.
    pub fn cell(&self, layer_idx: LayerIdx, head_idx: HeadIdx) -> Option<usize> {
        let inside = layer_idx.get() < self.num_hidden_layers && head_idx.get() < self.num_attention_heads;
        inside.then(|| layer_idx.get() * self.num_attention_heads + head_idx.get())
    }

    /// The values of one map; empty for a layer or head that is not there.
    pub fn map(&self, layer_idx: LayerIdx, head_idx: HeadIdx) -> &[f32] {
        let len = self.layout.len();
        self.cell(layer_idx, head_idx).and_then(|cell| self.values.get(cell * len..(cell + 1) * len)).unwrap_or(&[])
    }

    fn collect(
        layout: &Arc<ImageLayout>,
        num_hidden_layers: usize,
        num_attention_heads: usize,
        mut map: impl FnMut(LayerIdx, HeadIdx) -> Result<PatchMap, AnalysisError>,
    ) -> Result<Self, AnalysisError> {
        let cells = num_hidden_layers * num_attention_heads;
        let mut values = Vec::with_capacity(cells * layout.len());
        let (mut totals, mut ranges) = (Vec::with_capacity(cells), Vec::with_capacity(cells));
        for layer_idx in LayerIdx::all(num_hidden_layers) {
            for head_idx in HeadIdx::all(num_attention_heads) {
                let map = map(layer_idx, head_idx)?;
                values.extend_from_slice(&map.values);
                totals.push(map.total);
                ranges.push(map.range);
            }
        }
        let shared = shared_range([values.as_slice()]).ok_or(AnalysisError::NothingSelected { what: "head" })?;
        Ok(Self { layout: Arc::clone(layout), num_hidden_layers, num_attention_heads, values, totals, ranges, shared })
    }
}

/// The decoder's maps of these tokens, one for each layer and head.
pub fn layer_head_maps(trace: &Trace, tokens: &TokenSet, options: MapOptions) -> Result<LayerHeadMaps, AnalysisError> {
    let keys = ImageKeys::of(trace)?;
    let rows = tokens.rows(trace)?;
    LayerHeadMaps::collect(&trace.layout, trace.num_hidden_layers, trace.num_attention_heads, |layer_idx, head_idx| {
        let mut over_tokens = Accumulator::new(tokens.reduce(), keys.num_cells());
        for (_, row) in &rows {
            over_tokens.add(patch_values(row, layer_idx, head_idx, &keys, options.suppress_sink));
        }
        PatchMap::new(&trace.layout, &over_tokens.finish(), options.normalisation)
    })
}

/// Raw maps of all heads of one layer of a source (of an encoder, where it is one's), head after head, for one token
/// where it has a map for each: a grid that grows with an answer is summed up from these, a few layers a frame.
///
/// **Shape** `[heads, cells]`. **Errors**: a token without a row, a layer that does not exist, values that are not
/// finite.
pub fn layer_maps(
    (source, encoder): (MapSource, usize),
    trace: &Trace,
    token: Option<TokenRef>,
    layer_idx: LayerIdx,
    suppress_sink: bool,
) -> Result<Vec<f64>, AnalysisError> {
    let keys = source.keys(trace)?;
    let token = token.filter(|_| source.of_tokens()).map(|token| Ok((token, token.row(trace)?))).transpose()?;
    let [count, heads] = source.shape(trace, encoder)?;
    let found = layer_idx.get();
    if found >= count {
        return Err(AnalysisError::OutOfRange { what: "layer", count, found });
    }
    let (num_cells, suppress_sink) = (source.layout(trace, encoder).len(), suppress_sink && source.has_sink());
    let mut values = Vec::with_capacity(heads * num_cells);
    for head_idx in HeadIdx::all(heads) {
        let at = SourceAt { trace, encoder, keys: keys.as_ref(), token, layer_idx, head_idx, suppress_sink };
        values.extend(source.values(&at, num_cells)?);
    }
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(at) => {
            let patch_idx = at % num_cells.max(1);
            let found = values.get(at).map(ToString::to_string).unwrap_or_default();
            Err(AnalysisError::NotFinite { found, patch_idx })
        }
    }
}

/// The vision encoder's `[CLS]` maps, one for each layer and head.
pub fn vision_layer_head_maps(trace: &Trace, normalisation: Normalisation) -> Result<LayerHeadMaps, AnalysisError> {
    let (vision, layout) = (vision_of(trace, 0)?, trace.encoder_layout(0));
    LayerHeadMaps::collect(&layout, vision.num_hidden_layers, vision.num_attention_heads, |layer_idx, head_idx| {
        PatchMap::new(&layout, &cls_values(vision, layer_idx, head_idx), normalisation)
    })
}
