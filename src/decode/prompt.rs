//! What a branch reads.

use crate::model::{Additions, Decoder, Embedded, ModelError, Positions};
use candle_core::Tensor;

/// A prompt as the decoder gets it.
#[derive(Debug)]
pub struct DecoderPrompt {
    /// Ids of all positions; what the repetition penalty looks at (the ordinary branch's).
    pub ids: Vec<u32>,
    /// **Shape**: `[ids, hidden_size]`.
    pub embeddings: Tensor,
    /// Where they stand for the rotary embedding; what is decoded counts on from there.
    pub positions: Positions,
    /// What is added behind the first layers.
    pub additions: Additions,
}

impl DecoderPrompt {
    /// A prompt of text alone.
    pub fn text(decoder: &Decoder, ids: Vec<u32>) -> Result<Self, ModelError> {
        let embeddings = decoder.embed(&ids)?;
        Ok(Self::new(ids, Embedded::counted(embeddings)))
    }

    /// A prompt as a model embedded it.
    pub fn new(ids: Vec<u32>, embedded: Embedded) -> Self {
        let Embedded { embeddings, positions, additions } = embedded;
        Self { ids, embeddings, positions, additions }
    }
}
