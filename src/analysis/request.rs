//! A map by name: everything it depends on, so that it can be compared, kept as a key and written down.

use super::{
    AnalysisError, MapOptions, Normalisation, PatchMap, Pick, Reduce, Selection, TokenRef, TokenSet, decoder_map,
    norms_map, vision_map,
};
use crate::trace::{Trace, VisionAttention};
use serde::{Deserialize, Serialize};

/// Whose attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapSource {
    /// The decoder, when it chose a token.
    #[default]
    Decoder,
    /// The vision encoder's `[CLS]` token.
    Vision,
    /// All queries of a vision encoder without `[CLS]`: what its patches receive.
    Received,
    /// Nobody's: how large the states of the vision encoder's patches are.
    Norms,
}

impl MapSource {
    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decoder => "Decoder",
            Self::Vision => "Vision [CLS]",
            Self::Received => "Received attention",
            Self::Norms => "Patch norms",
        }
    }

    /// One line about it.
    pub fn help(self) -> &'static str {
        match self {
            Self::Decoder => "Where the decoder looked when it chose the selected tokens",
            Self::Vision => "Where the vision encoder's [CLS] token looked; the same for every token",
            Self::Received => {
                "What each patch received in the vision encoder, which has no [CLS]: the mean over all queries"
            }
            Self::Norms => {
                "L2 norms of the patches' states after a layer of the vision encoder: outliers are the large ones"
            }
        }
    }

    /// Whether it is the vision encoder's.
    pub fn is_encoder(self) -> bool {
        self != Self::Decoder
    }

    /// Whether it has heads; norms are of whole states.
    pub fn has_heads(self) -> bool {
        self != Self::Norms
    }

    /// Whether a trace has it.
    pub fn is_in(self, trace: &Trace) -> bool {
        let vision = trace.vision.as_deref();
        match self {
            Self::Decoder => trace.has_decoder(),
            Self::Vision => vision.is_some_and(VisionAttention::has_cls),
            Self::Received => vision.is_some_and(|vision| !vision.has_cls()),
            Self::Norms => vision.is_some_and(|vision| !vision.patch_norms.is_empty()),
        }
    }
}

/// A map and how it is made, in the words of files. What the window shows, what a recipe names and what is computed
/// are all this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapRequest {
    /// Whose attention.
    pub source: MapSource,
    /// Layers of the source.
    pub layers: Pick,
    /// Heads of a layer; put together before layers.
    pub heads: Pick,
    /// Of the decoder, while it chose these; the vision encoder looks the same for all.
    pub tokens: Vec<TokenRef>,
    /// How several tokens become one, after layers and heads.
    pub together: Reduce,
    /// What values are parts of; norms are always raw.
    pub normalisation: Normalisation,
    /// Leaves the first position out (the decoder's alone: the encoder parks nothing there).
    pub suppress_sink: bool,
}

impl MapRequest {
    /// Makes it. **Errors**: a layer, head or token that the trace has not, attention that is not finite.
    pub fn compute(&self, trace: &Trace) -> Result<PatchMap, AnalysisError> {
        match self.source {
            MapSource::Decoder => {
                let shape = [trace.num_hidden_layers, trace.num_attention_heads];
                let selection = Selection::new(self.layers, self.heads, shape)?;
                let tokens = TokenSet::new(self.tokens.iter().copied(), self.together);
                let options = MapOptions { normalisation: self.normalisation, suppress_sink: self.suppress_sink };
                decoder_map(trace, &tokens, selection, options)
            }
            MapSource::Vision | MapSource::Received | MapSource::Norms => {
                let vision = trace.vision.as_ref().ok_or(AnalysisError::NoVision)?;
                // One is never taken for the other.
                if self.source != MapSource::Norms && !self.source.is_in(trace) {
                    return Err(AnalysisError::NoVision);
                }
                let shape = [vision.num_hidden_layers, vision.num_attention_heads];
                let selection = Selection::new(self.layers, self.heads, shape)?;
                match self.source {
                    MapSource::Norms => norms_map(trace, selection.layers),
                    _ => vision_map(trace, selection, self.normalisation),
                }
            }
        }
    }
}
