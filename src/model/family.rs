//! What a family says of itself.

use super::ModelError;
use super::vlm::{Encoder, ModelSizes, VisionLanguageModel};
use super::weights::TensorSource;
use crate::checkpoint::{Checkpoint, ModelType, VisionCheckpoint};
use candle_core::{DType, Device};

/// A model family: all that menus, dispatch, the memory estimate and refusals know of it.
#[derive(Debug, Clone, Copy)]
pub struct FamilyEntry {
    /// Unique name.
    pub id: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// One line.
    pub help: &'static str,
    /// Where it comes from.
    pub paper: &'static str,
    /// `model_type` values of `config.json` that belong to it.
    pub model_types: &'static [&'static str],
    /// How a checkpoint becomes a model.
    pub open: FamilyOpen,
}

/// Loads a model that answers from the weights of its checkpoint.
pub type LoadModel =
    fn(&Checkpoint, &dyn TensorSource, DType, &Device) -> Result<Box<dyn VisionLanguageModel>, ModelError>;
/// Loads an encoder that stands by itself.
pub type LoadEncoder = fn(&VisionCheckpoint, &dyn TensorSource, DType, &Device) -> Result<Box<dyn Encoder>, ModelError>;

/// What models of a family do, and how a checkpoint becomes one.
#[derive(Debug, Clone, Copy)]
pub enum FamilyOpen {
    /// They answer questions.
    Answers {
        /// What the memory estimate counts with; `None` for a checkpoint of another family.
        sizes: fn(&Checkpoint) -> Option<ModelSizes<'_>>,
        /// Loads one.
        load: LoadModel,
    },
    /// They see.
    Sees {
        /// Loads the image tower.
        load: LoadEncoder,
        /// Those of [`FamilyEntry::model_types`] that have a text tower beside it, as CLIP has.
        with_texts: &'static [&'static str],
    },
}

impl FamilyEntry {
    /// Whether a checkpoint of it only sees: it has neither a decoder nor a text tower.
    pub fn only_sees(&self, model_type: &ModelType) -> bool {
        match self.open {
            FamilyOpen::Answers { .. } => false,
            FamilyOpen::Sees { with_texts, .. } => !with_texts.contains(&model_type.model_type.as_str()),
        }
    }
}

/// What a family says of a checkpoint that is not its own.
pub(crate) fn another_encoder() -> ModelError {
    ModelError::Config { expected: "that of the family's encoder".to_owned(), found: "another".to_owned() }
}
