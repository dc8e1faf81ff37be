//! Maps by their source.

use super::reduce::Accumulator;
use super::row_values::vision_of;
use super::{
    AnalysisError, MapOptions, MapSource, Normalisation, PatchMap, Pick, Reduce, Selection, SourceAt, TokenSet,
};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::Trace;

/// A map of any source: at each token, heads are put together first, then layers, then tokens. See the module for the
/// order of reductions.
///
/// **Errors**: a source that the trace has not, a token without a row, values that are not finite.
pub(super) fn source_map(
    (source, encoder): (MapSource, usize),
    trace: &Trace,
    tokens: &TokenSet,
    selection: Selection,
    options: MapOptions,
) -> Result<PatchMap, AnalysisError> {
    let keys = source.keys(trace)?;
    let [num_layers, num_heads] = source.all_heads(trace, encoder)?;
    let layers = selection.layers.indices(num_layers)?;
    let (reduce_heads, heads) = if source.has_heads() {
        (selection.heads.reduce(), selection.heads.indices(num_heads)?)
    } else {
        (Reduce::Mean, HeadIdx::all(1).collect())
    };
    let tokens = source.of_tokens().then_some(tokens);
    let rows =
        tokens.map_or_else(|| Ok(vec![None]), |tokens| Ok(tokens.rows(trace)?.into_iter().map(Some).collect()))?;
    let layout = source.layout(trace, encoder);
    let num_cells = layout.len();
    let mut over_tokens = Accumulator::new(tokens.map_or(Reduce::Mean, TokenSet::reduce), num_cells);
    for token in rows {
        let mut over_layers = Accumulator::new(selection.layers.reduce(), num_cells);
        for &layer_idx in &layers {
            let mut over_heads = Accumulator::new(reduce_heads, num_cells);
            for &head_idx in &heads {
                let (keys, suppress_sink) = (keys.as_ref(), options.suppress_sink);
                let at = SourceAt { trace, encoder, keys, token, layer_idx, head_idx, suppress_sink };
                over_heads.add(source.values(&at, num_cells)?);
            }
            over_layers.add(over_heads.finish());
        }
        over_tokens.add(over_layers.finish());
    }
    let is_raw = source.entry().share_unit.is_none();
    let normalisation = if is_raw { Normalisation::Raw } else { options.normalisation };
    PatchMap::new(&layout, &over_tokens.finish(), normalisation)
}

/// Where the decoder looked when it chose these tokens.
pub fn decoder_map(
    trace: &Trace,
    tokens: &TokenSet,
    selection: Selection,
    options: MapOptions,
) -> Result<PatchMap, AnalysisError> {
    source_map((MapSource::DECODER, 0), trace, tokens, selection, options)
}

/// Where the vision encoder's `[CLS]` looked, or for one without it the attention that patches received: heads are put
/// together first, then layers. The `[CLS]` column is not part of the map.
pub fn vision_map(
    trace: &Trace,
    selection: Selection,
    normalisation: Normalisation,
) -> Result<PatchMap, AnalysisError> {
    let source = if vision_of(trace, 0)?.has_cls() { MapSource::VISION } else { MapSource::RECEIVED };
    let options = MapOptions { normalisation, suppress_sink: false };
    source_map((source, 0), trace, &TokenSet::default(), selection, options)
}

/// L2 norms of the patch states after one layer of the vision encoder: outliers are the large ones.
pub fn norm_map(trace: &Trace, layer_idx: LayerIdx) -> Result<PatchMap, AnalysisError> {
    norms_map(trace, Pick::One(layer_idx))
}

/// The same of one layer, or of all put together patch by patch.
///
/// **Errors**: a trace without norms, a layer that is not there.
pub fn norms_map(trace: &Trace, layers: Pick<LayerIdx>) -> Result<PatchMap, AnalysisError> {
    let selection = Selection { layers, ..Selection::default() };
    source_map((MapSource::NORMS, 0), trace, &TokenSet::default(), selection, MapOptions::default())
}
