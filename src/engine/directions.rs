//! Directions for VTI: from photos, and from pairs of a true and a hallucinated caption of each.

mod file;
mod principal;
mod states;

use super::error::EngineError;
use super::messages::Prompt;
use super::open::{Answerer, OpenModel};
use super::plan::full_prompt;
use crate::data::Photo;
use crate::decode::DecoderPrompt;
use crate::model::{BranchInput, ImageFeatures, ImagePlace, LogitRows, Prepared, Tower};
use principal::mean_and_component;
use states::{Draws, MaskGrid, States};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A photo with a caption that is right and one that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionPair {
    /// The photo.
    pub image: PathBuf,
    /// What was asked about it.
    pub question: String,
    /// The caption without hallucinations.
    pub right: String,
    /// The same with some.
    pub wrong: String,
}

/// One direction a layer and token.
#[derive(Debug, Clone, PartialEq)]
pub struct TowerDirections {
    /// Layers, tokens and width; one token where a direction is the same for all.
    pub shape: [usize; 3],
    /// **Shape** [`TowerDirections::shape`].
    pub values: Vec<f32>,
}

impl TowerDirections {
    /// The mean over the tokens, the same for all of them.
    #[must_use]
    pub fn mean_over_tokens(&self) -> Self {
        let [layers, tokens, width] = self.shape;
        let mean = |layer: &[f32]| -> Vec<f32> {
            let of_column = |column: usize| {
                let sum: f64 = layer.iter().skip(column).step_by(width.max(1)).map(|value| f64::from(*value)).sum();
                #[expect(clippy::cast_possible_truncation, reason = "a mean of f32 values")]
                let mean = (sum / tokens.max(1) as f64) as f32;
                mean
            };
            (0..width).map(of_column).collect()
        };
        let values = self.values.chunks((tokens * width).max(1)).flat_map(mean).collect();
        Self { shape: [layers, 1, width], values }
    }
}

/// See [`vti_directions`].
#[derive(Debug, Clone, PartialEq)]
pub struct VtiDirections {
    /// Of every decoder layer.
    pub text: TowerDirections,
    /// Of every layer and token of the first vision encoder, `[CLS]` too; `None` where its input is no square photo in
    /// one grid of patches, or no masks were asked for.
    pub vision: Option<TowerDirections>,
    /// Share of the variance of the captions' differences that their first principal component has, 0 to 1.
    pub text_variance_share: f64,
}

/// Makes the directions of VTI with a model.
///
/// `text`: for every pair the difference of the residual streams at the last position of the prompt with the right
/// caption and with the wrong one, embeddings and all layers side by side; mean plus first principal component over the
/// pairs, without the embeddings. `vision`: for every photo the mean of the encoder's states over `num_masks` copies
/// with 99 % of the patches at the photo's mean colour, less those of the photo; the same over the photos, token by
/// token. `progress` gets the pairs done. A raised `cancel` ends it within one layer.
///
/// **Source**: VTI, `vti_utils/utils.py`.
/// **Differs** from that code where it mixes tokens and layers up by reshaping (a row is one token in all layers here),
/// and in the last layer of `text`, taken before the final norm because that is where it is added (test
/// `directions_are_what_captions_and_masks_change`).
pub fn vti_directions(
    model: &OpenModel,
    pairs: &[CaptionPair],
    (num_masks, seed): (usize, u64),
    progress: &mut dyn FnMut(usize),
    cancel: &AtomicBool,
) -> Result<VtiDirections, EngineError> {
    let model = model.answerer()?;
    let (mut texts, mut visions) = (Vec::new(), Vec::new());
    let mut draws = Draws::new(seed);
    for (idx, pair) in pairs.iter().enumerate() {
        let photo = Photo::open(&pair.image)?;
        let prepared = model.prepare(&photo, None)?;
        let mut clean = States::new(Tower::Vision, cancel);
        let features = model.vlm.see(&prepared.pixel_values, &prepared.framed.layout, 0, &mut clean)?;
        texts.push(caption_difference(model, pair, &prepared, &features, cancel)?);
        let encoder = model.vlm.encoders().first();
        if let Some(grid) = encoder.and_then(|encoder| MaskGrid::of(encoder, &prepared)).filter(|_| num_masks > 0) {
            let mut masked = States::new(Tower::Vision, cancel);
            for _ in 0..num_masks {
                let pixels = grid.masked(&prepared, &mut draws).map_err(EngineError::tensor("mask a photo"))?;
                model.vlm.see(&pixels, &prepared.framed.layout, 0, &mut masked)?;
            }
            visions.push(shifts(&masked, &clean)?);
        }
        progress(idx + 1);
    }
    let (text, text_variance_share) = mean_and_component(&texts);
    let config = model.vlm.decoder().config();
    let shape = [config.num_hidden_layers, 1, config.hidden_size];
    // The embeddings have no layer.
    let text = TowerDirections { shape, values: text.into_iter().skip(config.hidden_size).collect() };
    let vision = if visions.len() == pairs.len() { of_tokens(&visions) } else { None };
    Ok(VtiDirections { text, vision, text_variance_share })
}

/// Right less wrong at the last position, embeddings and all layers side by side.
fn caption_difference(
    model: &Answerer,
    pair: &CaptionPair,
    prepared: &Prepared,
    features: &ImageFeatures,
    cancel: &AtomicBool,
) -> Result<Vec<f32>, EngineError> {
    let (prompt, _) = full_prompt(model, &Prompt::Templated(pair.question.clone()))?;
    let layout = &prepared.framed.layout;
    let decoder = model.vlm.decoder();
    let mut last_rows = Vec::new();
    for caption in [&pair.right, &pair.wrong] {
        let ids = model.vlm.prompt(&model.checkpoint.tokenizer, &format!("{prompt}{caption}"), layout)?;
        let place = ImagePlace { layout: Some(layout), ..ImagePlace::new(ids.image_token_span, features) };
        let embedded = model.vlm.embed(&ids.ids, Some(place))?;
        let DecoderPrompt { ids, embeddings, positions, additions } = DecoderPrompt::new(ids.ids, embedded);
        let mut cache = decoder.new_cache(ids.len())?;
        let (branch_idx, positions) = (0, positions.range(0..ids.len()));
        let input = BranchInput { branch_idx, cache: &mut cache, embeddings, positions, additions };
        let mut states = States::new(Tower::Decoder, cancel);
        decoder.forward(&mut [input], LogitRows::Last, &mut states)?;
        last_rows.push(states.means().map_err(EngineError::tensor("read hidden states back"))?.concat());
    }
    let [right, wrong] = last_rows.as_slice() else { return Ok(Vec::new()) };
    Ok(subtract(right, wrong))
}

fn subtract(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// What masks change of a photo. **Shape** of `values`: `[1 + layers, tokens, width]`.
fn shifts(masked: &States<'_>, clean: &States<'_>) -> Result<TowerDirections, EngineError> {
    let read = |states: &States<'_>| states.means().map_err(EngineError::tensor("read hidden states back"));
    let (masked_means, clean_means) = (read(masked)?, read(clean)?);
    let values = masked_means.iter().zip(&clean_means).flat_map(|(masked, clean)| subtract(masked, clean)).collect();
    let [tokens, width] = clean.shape();
    Ok(TowerDirections { shape: [clean_means.len(), tokens, width], values })
}

/// Mean plus first component over photos, token by token, without the first entry, which has no layer.
fn of_tokens(shifts: &[TowerDirections]) -> Option<TowerDirections> {
    let [num_entries, tokens, width] = shifts.first()?.shape;
    let at = |entry: usize, token: usize| (entry * tokens + token) * width;
    let mut values = vec![0.0_f32; num_entries.saturating_sub(1) * tokens * width];
    for token in 0..tokens {
        let row = |shift: &TowerDirections| {
            let own = (0..num_entries).filter_map(|entry| shift.values.get(at(entry, token)..at(entry, token) + width));
            own.collect::<Vec<_>>().concat()
        };
        let (direction, _) = mean_and_component(&shifts.iter().map(row).collect::<Vec<_>>());
        for (layer_idx, part) in direction.chunks(width.max(1)).skip(1).enumerate() {
            let to = values.get_mut(at(layer_idx, token)..at(layer_idx, token) + width);
            if let Some(to) = to.filter(|to| to.len() == part.len()) {
                to.copy_from_slice(part);
            }
        }
    }
    Some(TowerDirections { shape: [num_entries.saturating_sub(1), tokens, width], values })
}
