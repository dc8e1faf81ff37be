//! A map by name: everything it depends on, so that it can be compared, kept as a key and written down.

use super::maps::source_map;
use super::{
    AnalysisError, MapOptions, MapSource, Normalisation, PatchMap, Pick, Reduce, Selection, TokenRef, TokenSet,
};
use crate::trace::Trace;
use serde::{Deserialize, Serialize};

/// Whether an encoder is the first, which files leave out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(crate) fn is_first(encoder: &usize) -> bool {
    *encoder == 0
}

/// A map and how it is made, in the words of files. What the window shows, what a recipe names and what is computed
/// are all this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MapRequest {
    /// Whose attention.
    pub source: MapSource,
    /// Which encoder, of a source that is an encoder's: 0 is the first.
    #[serde(skip_serializing_if = "is_first")]
    pub encoder: usize,
    /// Layers of the source.
    pub layers: Pick,
    /// Heads of a layer; put together before layers.
    pub heads: Pick,
    /// While these were chosen, where the source has a map for each.
    pub tokens: Vec<TokenRef>,
    /// How several tokens become one, after layers and heads.
    pub together: Reduce,
    /// What values are parts of; those of a source without shares are always raw.
    pub normalisation: Normalisation,
    /// Leaves the first position out (the decoder's alone: the encoder parks nothing there).
    pub suppress_sink: bool,
}

impl MapRequest {
    /// Makes it. **Errors**: a layer, head or token that the trace has not, attention that is not finite.
    pub fn compute(&self, trace: &Trace) -> Result<PatchMap, AnalysisError> {
        let selection = Selection::new(self.layers, self.heads, self.source.all_heads(trace, self.encoder)?)?;
        let tokens = TokenSet::new(self.tokens.iter().copied(), self.together);
        let options = MapOptions {
            normalisation: self.normalisation,
            suppress_sink: self.suppress_sink && self.source.has_sink(),
        };
        source_map((self.source, self.encoder), trace, &tokens, selection, options)
    }
}
