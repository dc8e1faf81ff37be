//! What a branch reads.

use crate::model::{Decoder, ModelError};
use candle_core::Tensor;

/// A prompt as the decoder gets it.
#[derive(Debug)]
pub struct DecoderPrompt {
    /// Ids of all positions; what the repetition penalty looks at (the ordinary branch's).
    pub ids: Vec<u32>,
    /// **Shape**: `[ids, hidden_size]`.
    pub embeddings: Tensor,
}

impl DecoderPrompt {
    /// A prompt of text alone.
    pub fn text(decoder: &Decoder, ids: Vec<u32>) -> Result<Self, ModelError> {
        let embeddings = decoder.embed(&ids)?;
        Ok(Self { ids, embeddings })
    }
}
