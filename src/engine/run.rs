//! A job on whatever model is open, and what every kind of job begins with.

use super::error::EngineError;
use super::messages::{Event, ImageSource, Question, RunId, Timings};
use super::open::{Answerer, ModelKind, OpenModel};
use super::{encoder_job, job};
use crate::data::{self, Photo};
use crate::decode::DecodeError;
use crate::model::Prepared;
use crate::trace::{Extras, PixelValues, Trace};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// A question that was answered, or a photo that was looked at.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Everything the window shows.
    pub trace: Trace,
    /// What was kept besides, see [`super::RecordOptions`].
    pub extras: Extras,
    /// Where the time went.
    pub timings: Timings,
}

/// Answers a question. `emit` gets [`Event::Stage`], [`Event::Started`], [`Event::Token`] and [`Event::Rewind`] as they
/// come; how it ends is the result.
///
/// `Started` comes before the prefill, or after it when prompt rows were asked for, because they are made there. An encoder has its whole
/// trace in `Started` and no tokens; its prompt is texts, one a line, to compare with the photo. A raised `cancel` ends the job within one
/// layer with [`EngineError::Cancelled`]; what was emitted before stays valid.
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
fn name_the_weights(err: EngineError, model: &Answerer) -> EngineError {
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

pub(super) fn open_photo(source: &ImageSource) -> Result<Photo, EngineError> {
    match source {
        // Traces and maps tell names as text: this one would become that of a photo that does not exist.
        ImageSource::Path(path) if path.to_str().is_none() => Err(EngineError::PhotoName { path: path.clone() }),
        ImageSource::Path(path) => Ok(Photo::open(path)?),
        ImageSource::Bundled(name) => {
            let image = data::demo::image(name).ok_or_else(|| EngineError::NoBundledImage {
                example: data::demo::IMAGES.first().map_or("", |image| image.file_name),
                name: name.clone(),
            })?;
            Ok(image.photo()?)
        }
    }
}

/// What traces call a photo; [`open_photo`] opens none whose name is no text.
pub(super) fn image_path(source: &ImageSource) -> String {
    match source {
        ImageSource::Path(path) => path.display().to_string(),
        ImageSource::Bundled(name) => name.clone(),
    }
}

/// A photo's values as they are kept with a trace, where the question asks for them.
pub(super) fn kept_values(prepared: &Prepared, question: &Question) -> Option<PixelValues> {
    let &[.., height_px, width_px] = prepared.pixel_values.dims() else { return None };
    let values = || prepared.values.to_vec();
    question.record.pixel_values.then(|| PixelValues { height_px, width_px, values: values() })
}
