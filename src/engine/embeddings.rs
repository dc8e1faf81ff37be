//! Embeddings of photos and texts: one vector of unit length each, by an encoder that stands by itself.

mod cache;

pub use cache::EmbeddingCache;

use super::encoder::{Encoder, Towers};
use super::error::EngineError;
use super::open::{ModelKind, OpenModel};
use crate::checkpoint::ClipCheckpoint;
use crate::data::Photo;
use crate::model::{Clip, ModelError, Probe};
use candle_core::Tensor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Vectors of one length, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embeddings {
    /// Numbers in each.
    pub width: usize,
    /// **Shape** `[photos, width]`.
    pub values: Vec<f32>,
}

impl Embeddings {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One of them; nothing beyond the last.
    pub fn row(&self, idx: usize) -> &[f32] {
        let start = idx.saturating_mul(self.width);
        self.values.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// Puts one behind the others; all have the width of the first.
    pub fn push(&mut self, row: &[f32]) {
        if self.values.is_empty() {
            self.width = row.len();
        }
        if row.len() == self.width {
            self.values.extend(row);
        }
    }
}

/// A photo that has no embedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadPhoto {
    /// The photo.
    pub path: PathBuf,
    /// A sentence.
    pub why: String,
}

/// Ends the encoder at its next layer.
struct Cancel<'a>(&'a AtomicBool);

impl Probe for Cancel<'_> {
    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The embedding of a photo, of unit length: CLIP's projected image embedding, or `[CLS]` of `DINOv2` after its last
/// norm. A raised `cancel` ends it within one layer.
///
/// **Errors**: a model with a decoder, an encoder without such a vector, a photo that cannot be prepared.
pub fn embed_photo(model: &OpenModel, photo: &Photo, cancel: &AtomicBool) -> Result<Vec<f32>, EngineError> {
    let encoder = encoder(model)?;
    let prepared = encoder.prepare(photo, None)?;
    let mut probe = Cancel(cancel);
    let embedding = match &encoder.towers {
        Towers::Both { clip, .. } => Some(clip.image_embedding(&prepared.pixel_values, &mut probe)?),
        Towers::Image(tower) => tower.embedding(&prepared.pixel_values, &mut probe)?,
    };
    let path = || encoder.info.id.clone().into();
    let embedding = embedding.ok_or_else(|| EngineError::NoEmbedding {
        found: format!("{}, which gives none", encoder.tower().name),
        path: path(),
    })?;
    unit(&embedding, "direction of the photo's embedding")
}

/// A text's embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddedText {
    /// Of unit length.
    pub embedding: Vec<f32>,
    /// What the user should know of the text.
    pub warning: Option<String>,
}

/// The embedding of a text by CLIP's text tower, of unit length: its dot product with [`embed_photo`]'s is the cosine.
///
/// **Errors**: a model without a text tower, a text that cannot be encoded.
pub fn embed_text(model: &OpenModel, text: &str) -> Result<EmbeddedText, EngineError> {
    let encoder = encoder(model)?;
    let Towers::Both { clip, checkpoint } = &encoder.towers else {
        let found = format!("{}, which has no text tower", encoder.tower().name);
        return Err(EngineError::NoEmbedding { found, path: encoder.info.id.clone().into() });
    };
    let mut warnings = Vec::new();
    let embedding = embed_with(clip, checkpoint, text, &mut warnings)?;
    Ok(EmbeddedText { embedding: unit(&embedding, "direction of a text's embedding")?, warning: warnings.pop() })
}

/// What CLIP multiplies a cosine by; `None` for a model without a text tower.
pub fn logit_scale(model: &OpenModel) -> Option<f32> {
    let ModelKind::Sees(encoder) = model.kind() else { return None };
    match &encoder.towers {
        Towers::Both { clip, .. } => Some(clip.logit_scale()),
        Towers::Image(_) => None,
    }
}

/// A text through the text tower; `warnings` are told where the tower does not see it whole.
pub(super) fn embed_with(
    clip: &Clip,
    checkpoint: &ClipCheckpoint,
    text: &str,
    warnings: &mut Vec<String>,
) -> Result<Tensor, EngineError> {
    let encoded = checkpoint.encode_text(text)?;
    if encoded.truncated {
        let most = checkpoint.config.text_max_position_embeddings;
        warnings.push(format!("A text was cut off at the encoder's {most} tokens: {text}"));
    }
    Ok(clip.text_embedding(encoded.seen())?)
}

/// A vector of unit length.
fn unit(embedding: &Tensor, what: &'static str) -> Result<Vec<f32>, EngineError> {
    let values = embedding.to_vec1::<f32>().map_err(EngineError::tensor("read an embedding back"))?;
    let norm = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if !norm.is_finite() || norm <= 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "for a sentence")]
        let found = norm as f32;
        return Err(ModelError::NotFinite { what, found }.into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 1")]
    let unit = |value: &f32| (f64::from(*value) / norm) as f32;
    Ok(values.iter().map(unit).collect())
}

/// The encoder of a model without a decoder.
fn encoder(model: &OpenModel) -> Result<&Encoder, EngineError> {
    match model.kind() {
        ModelKind::Sees(encoder) => Ok(encoder),
        ModelKind::Answers(_) => Err(EngineError::NoEmbedding {
            found: "a model that answers questions".to_owned(),
            path: model.info().id.clone().into(),
        }),
    }
}

/// Embeddings of the photos that could be read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddedPhotos {
    /// One for each of `photos`.
    pub embeddings: Embeddings,
    /// Photos with an embedding, as indices into the paths.
    pub photos: Vec<usize>,
    /// Photos that cannot be read or prepared.
    pub unread: Vec<UnreadPhoto>,
    /// Embeddings that were in the cache.
    pub num_cached: usize,
    /// What the user should know of photos that were read: sentences that name the file.
    pub warnings: Vec<String>,
}

/// Embeddings of photos, in their order. Photos that cannot be read or prepared are listed and left out; new embeddings
/// go into `cache`. `progress` gets the photos done. A raised `cancel` ends it within one layer.
///
/// **Errors**: those of [`embed_photo`] that are about the model.
pub fn embed_photos(
    model: &OpenModel,
    paths: &[PathBuf],
    cache: &mut EmbeddingCache,
    progress: &mut dyn FnMut(usize),
    cancel: &AtomicBool,
) -> Result<EmbeddedPhotos, EngineError> {
    let key = key(encoder(model)?);
    let mut found = EmbeddedPhotos::default();
    for (idx, path) in paths.iter().enumerate() {
        if cancel.load(Ordering::Relaxed) {
            return Err(EngineError::Cancelled);
        }
        match embedding_of(model, path, &key, cache, cancel) {
            Ok((embedding, is_cached, warnings)) => {
                found.embeddings.push(&embedding);
                found.photos.push(idx);
                found.num_cached += usize::from(is_cached);
                found.warnings.extend(warnings);
            }
            Err(err @ (EngineError::Photo(_) | EngineError::Preprocess(_))) => {
                found.unread.push(UnreadPhoto { path: path.clone(), why: err.to_string() });
            }
            Err(err) => return Err(err),
        }
        progress(idx + 1);
    }
    model.kind().files().expect_whole()?;
    Ok(found)
}

fn embedding_of(
    model: &OpenModel,
    path: &Path,
    key: &str,
    cache: &mut EmbeddingCache,
    cancel: &AtomicBool,
) -> Result<(Vec<f32>, bool, Vec<String>), EngineError> {
    let photo = Photo::open(path)?;
    let warnings = photo.warnings.to_vec();
    if let Some(cached) = cache.get(key, &photo.sha256) {
        return Ok((cached.to_vec(), true, warnings));
    }
    let embedding = embed_photo(model, &photo, cancel)?;
    cache.insert(key, &photo.sha256, &embedding);
    Ok((embedding, false, warnings))
}

/// What an embedding depends on besides the photo.
fn key(encoder: &Encoder) -> String {
    let steps = serde_json::to_string(&encoder.preprocess).unwrap_or_default();
    format!("{} {} {steps}", encoder.info.weight_hash, encoder.place.dtype_label())
}
