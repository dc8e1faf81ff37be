//! One word: its probability as it is, and without each head.

use super::silenced::{Inputs, Silenced};
use super::{JudgedWord, WordPlace};
use crate::data::Photo;
use crate::decode::{DecodeError, DecoderPrompt, Distribution};
use crate::engine::error::EngineError;
use crate::engine::open::Answerer;
use crate::engine::plan::full_prompt;
use crate::model::{BranchInput, ImageFeatures, ImagePlace, KvCache, LogitRows, ModelError, Prepared};
use candle_core::Tensor;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Heads that are tried in one pass: a row each, so that weights are read once for all of them.
const HEADS_A_PASS: usize = 16;
/// Positions that are taken with the first word of a photo, for further ones.
const ROOM: usize = 256;

/// Reads words, and keeps the photo and the keys of the last one.
pub(super) struct Reader<'a> {
    model: &'a Answerer,
    cancel: &'a AtomicBool,
    photo: Option<Seen>,
}

struct Seen {
    image: PathBuf,
    prepared: Prepared,
    features: ImageFeatures,
    /// Of the positions of `ids`.
    cache: KvCache,
    ids: Vec<u32>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(model: &'a Answerer, cancel: &'a AtomicBool) -> Self {
        Self { model, cancel, photo: None }
    }

    /// What each head adds to the probability of a word's first token, layer by layer.
    pub(super) fn influences(&mut self, word: &JudgedWord) -> Result<Vec<f64>, EngineError> {
        let (model, cancel) = (self.model, self.cancel);
        let decoder = model.vlm.decoder();
        let mut seen = match self.photo.take().filter(|seen| seen.image == word.image) {
            Some(seen) => seen,
            None => see(model, &word.image, cancel)?,
        };
        let (prompt, _) = full_prompt(model, &word.prompt)?;
        let layout = &seen.prepared.framed.layout;
        let ids_of = |text: &str| model.vlm.prompt(&model.checkpoint.tokenizer, text, layout);
        let prompt_ids = ids_of(&prompt)?;
        let (ids, target) = match &word.place {
            WordPlace::Tokens(answer) => {
                let (target, before) = answer.split_last().ok_or_else(|| no_token(""))?;
                ([&prompt_ids.ids[..], before].concat(), *target)
            }
            WordPlace::Text { before, word } => {
                let (start, whole) = (format!("{prompt}{before}"), format!("{prompt}{before}{word}"));
                let (mut whole, start) = (ids_of(&whole)?.ids, ids_of(&start)?.ids);
                let common = common_len(&whole, &start);
                let target = *whole.get(common).ok_or_else(|| no_token(word))?;
                whole.truncate(common);
                (whole, target)
            }
        };
        let place = ImagePlace { layout: Some(layout), ..ImagePlace::new(prompt_ids.image_token_span, &seen.features) };
        let prompt = DecoderPrompt::new(ids.clone(), model.vlm.embed(&ids, Some(place))?);
        let last = ids.len().saturating_sub(1);
        if seen.cache.capacity() < ids.len() {
            seen.cache = seen.cache.copy(ids.len() + ROOM)?;
        }
        let known = common_len(&seen.ids, &ids).min(last);
        seen.cache.truncate(known);
        if known < last {
            let mut nothing = Inputs { cancel, of_layers: Vec::new() };
            let input = rows(&prompt, known..last, &mut seen.cache, 0)?;
            decoder.forward(&mut [input], LogitRows::Last, &mut nothing)?;
        }
        seen.ids = ids.get(..last).unwrap_or_default().to_vec();
        let influences = of_heads(model, &prompt, &seen.cache, target, cancel)?;
        self.photo = Some(seen);
        Ok(influences)
    }
}

fn see(model: &Answerer, image: &Path, cancel: &AtomicBool) -> Result<Seen, EngineError> {
    let prepared = model.prepare(&Photo::open(image)?, None)?;
    let mut watch = Inputs { cancel, of_layers: Vec::new() };
    let features = model.vlm.see(&prepared.pixel_values, &prepared.framed.layout, 0, &mut watch)?;
    let cache = model.vlm.decoder().new_cache(prepared.framed.layout.num_tokens())?;
    Ok(Seen { image: image.to_owned(), prepared, features, cache, ids: Vec::new() })
}

/// Of the last position of a prompt, all others of which the cache holds.
fn of_heads(
    model: &Answerer,
    prompt: &DecoderPrompt,
    cache: &KvCache,
    target: u32,
    cancel: &AtomicBool,
) -> Result<Vec<f64>, EngineError> {
    let decoder = model.vlm.decoder();
    let config = decoder.config();
    let (last, num_heads) = (cache.len(), config.num_attention_heads);
    let mut inputs = Inputs { cancel, of_layers: Vec::with_capacity(config.num_hidden_layers) };
    let mut fork = cache.fork();
    let row = rows(prompt, last..last + 1, &mut fork, 0)?;
    let logits = decoder.forward(&mut [row], LogitRows::Last, &mut inputs)?;
    let whole = logits.first().map_or(Ok(0.0), |logits| probability(logits, target))?;
    let mut forks: Vec<KvCache> = (0..HEADS_A_PASS.min(num_heads)).map(|_| cache.fork()).collect();
    let mut influences = Vec::with_capacity(config.num_hidden_layers * num_heads);
    for (layer_idx, input) in inputs.of_layers.iter().enumerate() {
        for first_head in (0..num_heads).step_by(HEADS_A_PASS) {
            let count = HEADS_A_PASS.min(num_heads - first_head);
            let branches = forks.iter_mut().take(count).enumerate().map(|(branch_idx, cache)| {
                cache.truncate(last);
                let row = rows(prompt, last..last + 1, cache, branch_idx)?;
                Ok(BranchInput { embeddings: input.clone(), ..row })
            });
            let mut branches = branches.collect::<Result<Vec<_>, EngineError>>()?;
            let mut silenced = Silenced { cancel, layer_idx, first_head, head_dim: config.head_dim };
            for logits in decoder.forward_from(layer_idx, &mut branches, LogitRows::Last, &mut silenced)? {
                influences.push(whole - probability(&logits, target)?);
            }
        }
    }
    Ok(influences)
}

/// Positions of a prompt as the next of a branch.
fn rows<'a>(
    prompt: &DecoderPrompt,
    range: std::ops::Range<usize>,
    cache: &'a mut KvCache,
    branch_idx: usize,
) -> Result<BranchInput<'a>, EngineError> {
    let embeddings = prompt.embeddings.narrow(0, range.start, range.len());
    let embeddings = embeddings.map_err(ModelError::part("Token embedding"))?;
    let (positions, additions) = (prompt.positions.range(range), prompt.additions.clone());
    Ok(BranchInput { branch_idx, cache, embeddings, positions, additions })
}

fn probability(logits: &Tensor, id: u32) -> Result<f64, EngineError> {
    let logits: Vec<f32> = logits.to_vec1().map_err(EngineError::tensor("read logits"))?;
    let distribution = Distribution::new(&logits).map_err(|_| DecodeError::NothingToChoose)?;
    Ok(f64::from(distribution.logprob(id)).exp())
}

fn common_len(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn no_token(word: &str) -> EngineError {
    EngineError::NoToken { word: word.to_owned() }
}
