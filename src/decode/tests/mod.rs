//! Decoding on tiny random models.

mod generate;
mod interventions;
mod registries;
mod strategies;

use crate::model::fixtures::random_tensor;
use crate::model::{ImageFeatures, Llava};
use crate::{decode::DecoderPrompt, ids::TokenSpan};

/// Nine patches behind two text tokens.
pub(super) const SPAN: TokenSpan = TokenSpan { start: 2, len: 9 };

/// A prompt with an image, as the tiny model takes it.
pub(super) fn image_prompt(model: &Llava) -> (DecoderPrompt, ImageFeatures) {
    let features = model.encode_image(&random_tensor(5, &[3, 12, 12], 1.5), &mut ()).unwrap();
    let ids: Vec<u32> = [1, 7].into_iter().chain([48; 9]).chain([8, 30, 12]).collect();
    let embeddings = model.embed_prompt(&ids, Some((SPAN, &features))).unwrap();
    (DecoderPrompt { ids, embeddings }, features)
}
