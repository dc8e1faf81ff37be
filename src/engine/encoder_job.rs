//! One photo through an encoder: where `[CLS]` looks and, with a text tower, how well texts fit.

use super::asked::NO_STRATEGY;
use super::embeddings::embed_with;
use super::encoder::{Encoder, Towers};
use super::error::EngineError;
use super::messages::{Answer, Event, Prompt, PromptRows, Prompting, Question, RunId, Stage, Timings};
use super::method_specs::MethodSpecs;
use super::photo::{asked_photo, image_path, kept_values};
use super::recorder::{Recorder, Sizes};
use crate::checkpoint::ClipCheckpoint;
use crate::data::Photo;
use crate::decode::DecodeError;
use crate::ids::TokenSpan;
use crate::model::{Clip, Framed};
use crate::trace::{Extras, RunInfo, Sampling, SpecInfo, TextSimilarity, Trace, VisionAttention, compare};
use candle_core::Tensor;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Looks at a photo. The prompt is texts, one a line. See [`super::run_job`].
pub(super) fn see(
    encoder: &Encoder,
    id: RunId,
    question: &Question,
    emit: &mut dyn FnMut(Event),
    cancel: &AtomicBool,
) -> Result<Answer, EngineError> {
    let methods = MethodSpecs::of(question);
    if !methods.strategy.is_plain() {
        // A strategy that has no tokens to choose.
        return Err(EngineError::NoDecoder { path: encoder.info.id.clone().into() });
    }
    see_with(encoder, id, question, texts(encoder, question)?, emit, cancel)
}

/// Looks at a photo and nothing else: the question's words are not used.
pub(super) fn see_alone(encoder: &Encoder, question: &Question, cancel: &AtomicBool) -> Result<Trace, EngineError> {
    let answer = see_with(encoder, RunId(0), question, (Vec::new(), Vec::new()), &mut |_| {}, cancel)?;
    Ok(answer.trace)
}

/// The same with the texts to compare, and what the user should know of them.
fn see_with(
    encoder: &Encoder,
    id: RunId,
    question: &Question,
    (texts, mut warnings): (Vec<String>, Vec<String>),
    emit: &mut dyn FnMut(Event),
    cancel: &AtomicBool,
) -> Result<Answer, EngineError> {
    emit(Event::Stage(id, Stage::Photo));
    let photo = asked_photo(question)?;
    warnings.extend(photo.warnings.iter().cloned());
    let prepared = encoder.prepare(&photo, question.framing)?;

    emit(Event::Stage(id, Stage::Vision));
    let started = Instant::now();
    let mut recorder = Recorder::new(NO_DECODER, &[encoder.tower()], &question.record, cancel);
    let embedding = encode(encoder, &prepared.pixel_values, &mut recorder)?;
    let vision = recorder.take_vision().map_err(EngineError::tensor("read the vision attention back"))?;
    if let Some(layer_idx) = vision.iter().find_map(VisionAttention::first_layer_without_numbers) {
        return Err(EngineError::Decode(DecodeError::VisionNotFinite { layer_idx }));
    }
    let vision_secs = started.elapsed().as_secs_f64();

    emit(Event::Stage(id, Stage::Prefill));
    let started = Instant::now();
    let similarity = match (&encoder.towers, embedding) {
        (Towers::Both { clip, checkpoint }, Some(image)) => {
            similarity(clip, checkpoint, &image, &texts, &mut warnings, cancel)?
        }
        _ => Vec::new(),
    };
    let trace = Trace {
        run: Arc::new(run_info(encoder, question, &texts, &photo, &prepared.framed)),
        prompt: Vec::new().into(),
        image_token_span: TokenSpan { start: 0, len: 0 },
        layout: Arc::new(prepared.framed.layout.clone()),
        num_hidden_layers: 0,
        num_attention_heads: 0,
        output: Vec::new(),
        decoder_attention: Vec::new(),
        prompt_attention: Vec::new(),
        vision: vision.into_iter().next().map(Arc::new),
        further_vision: Vec::new(),
        similarity,
        // They come with the end, once.
        warnings: Vec::new(),
    };
    encoder.files.expect_whole()?;
    emit(Event::Started(id, Box::new(trace.clone())));
    let timings = Timings { vision_secs, prefill_secs: started.elapsed().as_secs_f64(), ..Timings::default() };
    let extras = Extras { pixel_values: kept_values(&prepared, question), ..Extras::default() };
    Ok(Answer { trace: Trace { warnings, ..trace }, extras, timings })
}

/// The texts to compare, and what of the question has no place here.
fn texts(encoder: &Encoder, question: &Question) -> Result<(Vec<String>, Vec<String>), EngineError> {
    let mut warnings = Vec::new();
    if !question.strategy.name.is_empty() {
        warnings.push(format!("The strategy {} was not used: there is no decoder", question.strategy.name));
    }
    let methods = MethodSpecs::of(question);
    for intervention in &methods.interventions {
        warnings.push(format!("The intervention {} was not used: there is no decoder", intervention.name));
    }
    for method in &methods.methods {
        warnings.push(format!("The method {} was not used: there is no decoder", method.name));
    }
    let seed = question.sampling.seed;
    if question.sampling != (Sampling { seed, ..Sampling::default() }) {
        warnings.push("How tokens are chosen was not used: there is no decoder".to_owned());
    }
    if question.fork.is_some() {
        warnings.push("The answer's first ids were not used: there is no decoder".to_owned());
    }
    if question.record.logits {
        warnings.push("Logits were not recorded: there is no decoder".to_owned());
    }
    if question.record.prompt_rows != PromptRows::None {
        warnings.push("Rows of the prompt were not recorded: there is no decoder".to_owned());
    }
    let words = match (&question.prompt, &encoder.towers) {
        (Prompt::Templated(words) | Prompt::Raw(words), Towers::Image(_)) => {
            if !words.trim().is_empty() {
                warnings.push("The prompt was not used: this encoder has no text tower".to_owned());
            }
            return Ok((Vec::new(), warnings));
        }
        (Prompt::Raw(_), Towers::Both { .. }) => return Err(EngineError::RawPrompt),
        (Prompt::Templated(words), Towers::Both { .. }) => words,
    };
    let texts: Vec<String> =
        words.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect();
    if texts.is_empty() { Err(EngineError::NoTexts) } else { Ok((texts, warnings)) }
}

/// Of a model without a decoder.
const NO_DECODER: Sizes = Sizes {
    num_hidden_layers: 0,
    num_attention_heads: 0,
    prompt_len: 0,
    image_token_span: TokenSpan { start: 0, len: 0 },
};

/// Runs the image tower; its embedding where there are texts to compare it with.
fn encode(
    encoder: &Encoder,
    pixel_values: &Tensor,
    recorder: &mut Recorder<'_>,
) -> Result<Option<Tensor>, EngineError> {
    match &encoder.towers {
        Towers::Both { clip, .. } => Ok(Some(clip.image_embedding(pixel_values, recorder)?)),
        Towers::Image(tower) => {
            tower.look(pixel_values, recorder)?;
            Ok(None)
        }
    }
}

fn similarity(
    clip: &Clip,
    checkpoint: &ClipCheckpoint,
    image: &Tensor,
    texts: &[String],
    warnings: &mut Vec<String>,
    cancel: &AtomicBool,
) -> Result<Vec<TextSimilarity>, EngineError> {
    let mut cosines = Vec::with_capacity(texts.len());
    for text in texts {
        if cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        let embedding = embed_with(clip, checkpoint, text, warnings)?;
        cosines.push((text.clone(), clip.cosine(image, &embedding)?));
    }
    Ok(compare(cosines, clip.logit_scale()))
}

fn run_info(encoder: &Encoder, question: &Question, texts: &[String], photo: &Photo, framed: &Framed) -> RunInfo {
    let (Prompt::Templated(words) | Prompt::Raw(words)) = &question.prompt;
    RunInfo {
        model_id: encoder.info.id.clone(),
        weight_hash: encoder.info.weight_hash.clone(),
        image_path: image_path(&question.image),
        image_hash: photo.sha256.clone(),
        prompt: words.clone(),
        templated: false,
        full_prompt: texts.join("\n"),
        template: None,
        template_date: None,
        strategy: SpecInfo { name: NO_STRATEGY.to_owned(), parameters: BTreeMap::new() },
        interventions: Vec::new(),
        methods: Vec::new(),
        temperature: 0.0,
        top_p: None,
        top_k: None,
        repetition_penalty: 1.0,
        seed: question.sampling.seed,
        beams: 1,
        length_penalty: 1.0,
        max_new_tokens: 0,
        prompting: question.prompted.as_deref().map(Prompting::info),
        forced_ids: Vec::new(),
        preprocessing: framed.preprocessing.clone(),
        view: framed.view,
        device: encoder.place.device_label(),
        dtype: encoder.place.dtype_label().to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
