//! A map by name: everything it depends on, comparable and hashable, so that it can be a cache's key.

use super::{AnalysisError, MapOptions, PatchMap, Selection, TokenSet, decoder_map, norm_map, vision_map};
use crate::ids::LayerIdx;
use crate::trace::Trace;

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MapSource {
    /// The decoder, from these tokens.
    Decoder(TokenSet),
    /// The vision encoder's `[CLS]`.
    VisionCls,
    /// Norms of the vision encoder's patch states after a layer.
    VisionNorm(LayerIdx),
}

/// A map and how it is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MapRequest {
    /// What is looked at.
    pub source: MapSource,
    /// Layers and heads (norms ignore it).
    pub selection: Selection,
    /// Normalisation and sink suppression (the vision encoder has no sink to suppress; norms ignore both).
    pub options: MapOptions,
}

impl MapRequest {
    /// Makes it.
    pub fn compute(&self, trace: &Trace) -> Result<PatchMap, AnalysisError> {
        match &self.source {
            MapSource::Decoder(tokens) => decoder_map(trace, tokens, self.selection, self.options),
            MapSource::VisionCls => vision_map(trace, self.selection, self.options.normalisation),
            MapSource::VisionNorm(layer_idx) => norm_map(trace, *layer_idx),
        }
    }
}
