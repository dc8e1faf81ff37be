//! A CLIP checkpoint: both towers and the tokenizer of the text tower.

use super::assembled::{Checkpoint, CheckpointNotes};
use super::families::CheckpointKind;
use super::tokenizer::{ClipTextIds, TextTokenizer};
use super::weights::Weights;
use super::{CheckpointError, ClipConfig};
use crate::geometry::PreprocessSpec;
use std::path::{Path, PathBuf};

/// An open CLIP checkpoint.
#[derive(Debug)]
pub struct ClipCheckpoint {
    /// What traces call it.
    pub model_id: String,
    /// Its folder; `None` for the bundled one.
    pub folder: Option<PathBuf>,
    /// Its sizes.
    pub config: ClipConfig,
    /// Its tensors by canonical name.
    pub weights: Weights,
    /// The text tower's tokenizer.
    pub tokenizer: TextTokenizer,
    /// What it does to a photo.
    pub preprocess: PreprocessSpec,
    /// See [`CheckpointNotes`].
    pub notes: CheckpointNotes,
    /// What was not as expected and did not matter enough to refuse the checkpoint.
    pub warnings: Vec<String>,
}

impl ClipCheckpoint {
    /// Opens a CLIP folder.
    pub fn open(folder: &Path, progress: &mut dyn FnMut(f32, &str)) -> Result<Self, CheckpointError> {
        Self::from_checkpoint(Checkpoint::open(folder, progress)?)
    }

    /// The CLIP that a checkpoint is.
    ///
    /// **Errors**: a checkpoint of another family.
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Result<Self, CheckpointError> {
        let Checkpoint { model_id, folder, kind, weights, tokenizer, preprocess, notes, warnings, .. } = checkpoint;
        let CheckpointKind::Clip(config) = kind else {
            return Err(CheckpointError::Field {
                field: "model_type".to_owned(),
                expected: "clip".to_owned(),
                found: "llava".to_owned(),
                path: folder.unwrap_or_default().join("config.json"),
            });
        };
        Ok(Self { model_id, folder, config, weights, tokenizer, preprocess, notes, warnings })
    }

    /// Ids of a text, cut or filled to the text tower's positions.
    pub fn encode_text(&self, text: &str) -> Result<ClipTextIds, CheckpointError> {
        self.tokenizer.encode_clip(text, &self.config)
    }
}
