//! A job on whatever model is open.

use super::error::EngineError;
use super::messages::{Answer, Event, ImageSource, Prompt, Question, RecordOptions, RunId};
use super::open::{Answerer, ModelKind, OpenModel};
use super::{encoder_job, job};
use crate::decode::DecodeError;
use crate::trace::{RowPrecision, Trace};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Answers a question. `emit` gets [`Event::Stage`], [`Event::Started`], [`Event::Token`] and [`Event::Rewind`] as they
/// come; how it ends is the result.
///
/// `Started` comes before the prefill, or after it when prompt rows were asked for, because they are made there. An
/// encoder has its whole trace in `Started` and no tokens; its prompt is texts, one a line, to compare with the photo.
/// A raised `cancel` ends the job within one layer with [`EngineError::Cancelled`]; what was emitted before stays
/// valid.
pub fn run_job(
    model: &OpenModel,
    id: RunId,
    question: &Question,
    emit: &mut dyn FnMut(Event),
    cancel: &AtomicBool,
) -> Result<Answer, EngineError> {
    let (mut answer, warnings) = with_files_held(model, || match model.kind() {
        ModelKind::Answers(model) => {
            job::answer(model, id, question, emit, cancel).map_err(|err| name_the_weights(err, model))
        }
        ModelKind::Sees(encoder) => encoder_job::see(encoder, id, question, emit, cancel),
    })?;
    answer.trace.warnings.extend(warnings);
    Ok(answer)
}

/// What an encoder sees in a photo alone, in every layer and head: where its `[CLS]` looks, or for one without it what
/// its patches receive. A trace without texts and without an answer. A raised `cancel` ends it within one layer.
///
/// **Errors**: a model with a decoder; a photo that cannot be prepared; attention that is not finite.
pub fn look_at(model: &OpenModel, image: &ImageSource, cancel: &AtomicBool) -> Result<Trace, EngineError> {
    let ModelKind::Sees(encoder) = model.kind() else {
        let found = "a model that answers questions".to_owned();
        return Err(EngineError::NoEmbedding { found, path: model.info().id.clone().into() });
    };
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    // Every layer and head.
    let record = RecordOptions { precision, budget_bytes: usize::MAX, ..RecordOptions::default() };
    let question = Question { record, ..Question::new(image.clone(), Prompt::Templated(String::new())) };
    let (mut trace, warnings) = with_files_held(model, || encoder_job::see_alone(encoder, &question, cancel))?;
    trace.warnings.extend(warnings);
    Ok(trace)
}

/// Does something with a model whose weights on disk are looked at before and behind it; returns what the user should
/// know of them.
pub(super) fn with_files_held<T>(
    model: &OpenModel,
    work: impl FnOnce() -> Result<T, EngineError>,
) -> Result<(T, Vec<String>), EngineError> {
    let files = model.kind().files();
    let mut warnings = files.expect_unchanged()?;
    let result = work();
    // What else went wrong may come of it.
    files.expect_whole()?;
    let result = result?;
    for warning in files.warnings() {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok((result, warnings))
}

/// Logits that are no numbers come from the checkpoint, not from the question.
pub(super) fn name_the_weights(err: EngineError, model: &Answerer) -> EngineError {
    match err {
        EngineError::Decode(found @ (DecodeError::NotFinite { .. } | DecodeError::VisionNotFinite { .. })) => {
            EngineError::NotFinite {
                found: Box::new(found),
                dtype: model.place.dtype.as_str(),
                path: named_folder(model).unwrap_or_else(|| model.checkpoint.model_id.clone().into()),
            }
        }
        other => other,
    }
}

/// The folder of the checkpoint, where it has a name: that of a bare `decoder.gguf` has none.
fn named_folder(model: &Answerer) -> Option<PathBuf> {
    model.checkpoint.folder.clone().filter(|folder| !folder.as_os_str().is_empty())
}
