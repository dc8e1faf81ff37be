//! The photo of a question: opened, darkened where the question wants that, named and kept.

use super::error::EngineError;
use super::messages::{ImageSource, Question};
use crate::data::{self, Photo};
use crate::model::Prepared;
use crate::trace::PixelValues;

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

/// The photo of a question as the model sees it.
pub(super) fn asked_photo(question: &Question) -> Result<Photo, EngineError> {
    let photo = open_photo(&question.image)?;
    match &question.prompted {
        Some(prompting) => prompting.apply(&photo),
        None => Ok(photo),
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
