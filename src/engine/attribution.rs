//! Where a model looked for a query, for attention prompting on the image.

use super::embeddings::embed_with;
use super::encoder::{Encoder, Towers};
use super::error::EngineError;
use super::messages::{Attributed, AttributionRequest, Prompt, Question, RecordOptions, RunId, Spec};
use super::open::{ModelKind, OpenModel};
use super::photo::open_photo;
use super::run::{run_job, with_files_held};
use crate::checkpoint::ClipCheckpoint;
use crate::model::{Clip, Probe};
use crate::prompting::{Attribution, ClipMaps, LlavaMaps, Maps, PreOutput, Source, clip_pre_output_texts, object_of};
use crate::trace::{RowPrecision, Sampling, compare};
use candle_core::Tensor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Runs the model once on a photo and a query. A raised `cancel` ends it within one layer.
///
/// LLaVA's is the answer of [`run_job`], decoded greedily: whoever has such an answer can go on from its trace with
/// [`LlavaMaps::from_trace`] and needs no other run.
pub fn attribute(
    model: &OpenModel,
    request: &AttributionRequest,
    cancel: &AtomicBool,
) -> Result<Attributed, EngineError> {
    match (request.source, model.kind()) {
        (Source::Clip, ModelKind::Sees(encoder)) => match &encoder.towers {
            Towers::Both { clip, checkpoint } => {
                let of_clip = || of_clip(encoder, clip, checkpoint, request, cancel);
                let (mut attributed, warnings) = with_files_held(model, of_clip)?;
                attributed.warnings.extend(warnings);
                Ok(attributed)
            }
            Towers::Image(_) => Err(refused(model, request.source, "an image tower without a text tower")),
        },
        (Source::Llava, ModelKind::Answers(_)) => of_llava(model, request, cancel),
        (Source::Clip, ModelKind::Answers(_)) => {
            Err(refused(model, request.source, "a vision-language model with a decoder"))
        }
        (Source::Llava, ModelKind::Sees(_)) => Err(refused(model, request.source, "an encoder without a decoder")),
    }
}

fn refused(model: &OpenModel, source: Source, found: &'static str) -> EngineError {
    let expected = match source {
        Source::Clip => "a CLIP with both towers",
        Source::Llava => "a vision-language model that answers questions",
    };
    EngineError::Source { attribution: source.id(), expected, found, path: model.info().id.clone().into() }
}

fn of_llava(model: &OpenModel, request: &AttributionRequest, cancel: &AtomicBool) -> Result<Attributed, EngineError> {
    let question = Question {
        image: request.image.clone(),
        prompt: Prompt::Templated(request.query.clone()),
        framing: request.framing,
        sampling: Sampling::default(),
        max_new_tokens: request.max_new_tokens,
        strategy: Spec::default(),
        interventions: Vec::new(),
        methods: Vec::new(),
        prompted: None,
        fork: None,
        record: RecordOptions { precision: RowPrecision::F32, ..RecordOptions::default() },
    };
    let answer = run_job(model, RunId(0), &question, &mut |_| {}, cancel)?;
    let attribution = Arc::new(LlavaMaps::from_trace(&answer.trace, request.max_new_tokens)?);
    let pre_output = PreOutput::of_answer(answer.trace.text().trim().to_owned());
    let photo = open_photo(&request.image)?;
    Ok(Attributed { photo, attribution, pre_output: Some(pre_output), warnings: answer.trace.warnings })
}

fn of_clip(
    encoder: &Encoder,
    clip: &Clip,
    checkpoint: &ClipCheckpoint,
    request: &AttributionRequest,
    cancel: &AtomicBool,
) -> Result<Attributed, EngineError> {
    let photo = open_photo(&request.image)?;
    let mut warnings = photo.warnings.to_vec();
    let prepared = encoder.prepare(&photo, request.framing)?;
    let query = embed_with(clip, checkpoint, &request.query, &mut warnings)?;
    let parts = clip.contributions(&prepared.pixel_values, &query, &mut Stop(cancel))?;
    let maps = ClipMaps {
        num_layers: parts.num_layers,
        contributions: parts.attention,
        similarities: parts.patches,
        last_cosines: parts.last_cosines,
    };
    let object = request.object.clone().or_else(|| object_of(&request.query));
    let pre_output = if let Some(object) = object {
        Some(clip_pre_output(clip, checkpoint, &parts.image_embedding, object, cancel)?)
    } else {
        warnings.push("CLIP was not asked whether the object is there: the query names none".to_owned());
        None
    };
    Ok(Attributed {
        photo,
        attribution: Arc::new(Attribution { view: prepared.framed.view, maps: Maps::Clip(maps) }),
        pre_output,
        warnings,
    })
}

/// How probable `photo of ...s` is against `photo of no ...s`, with the model's own scale (100 for the published ones).
fn clip_pre_output(
    clip: &Clip,
    checkpoint: &ClipCheckpoint,
    image: &Tensor,
    object: String,
    cancel: &AtomicBool,
) -> Result<PreOutput, EngineError> {
    let mut cosines = Vec::new();
    for text in clip_pre_output_texts(&object) {
        if cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        let embedding = embed_with(clip, checkpoint, &text, &mut Vec::new())?;
        cosines.push((text, clip.cosine(image, &embedding)?));
    }
    let yes = compare(cosines, clip.logit_scale()).first().map_or(0.0, |first| first.probability);
    Ok(PreOutput::of_probability(object, yes))
}

/// Looks at nothing and stops when told.
struct Stop<'a>(&'a AtomicBool);

impl Probe for Stop<'_> {
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
