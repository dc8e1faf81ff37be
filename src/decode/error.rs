//! What can go wrong while an answer is decoded.

use crate::checkpoint::CheckpointError;
use crate::model::ModelError;
use std::path::PathBuf;

/// See the module's documentation.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The model failed, or was cancelled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing of that name is registered.
    #[error("Expected one of the {kind} {known}, found {found}{hint}")]
    UnknownName {
        /// `strategies`, `interventions`.
        kind: &'static str,
        /// Registered names.
        known: String,
        /// What was asked for.
        found: String,
        /// Which were perhaps meant, see [`crate::names::hint`].
        hint: String,
    },
    /// A parameter that does not exist.
    #[error("Expected {owner} to get only the parameters {known}, found {found}{hint}")]
    UnknownParameter {
        /// Strategy or intervention.
        owner: String,
        /// Its parameters.
        known: String,
        /// What was given.
        found: String,
        /// Which were perhaps meant, see [`crate::names::hint`].
        hint: String,
    },
    /// A parameter that was given twice.
    #[error("Expected {owner} to get {parameter} once, found it twice")]
    RepeatedParameter {
        /// Strategy or intervention.
        owner: String,
        /// The parameter.
        parameter: String,
    },
    /// A parameter whose value cannot be used.
    #[error("Expected {owner} to get {parameter} as {expected}, found {found}")]
    BadParameter {
        /// Strategy, intervention or sampling.
        owner: String,
        /// The parameter.
        parameter: &'static str,
        /// What would do.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An intervention that has nothing to work on.
    #[error("Expected an image in the prompt for {owner}, found none")]
    NoImage {
        /// The intervention.
        owner: &'static str,
    },
    /// A strategy that asks where `[CLS]` looks.
    #[error("Expected a vision encoder with a [CLS] token for {owner}, found one without")]
    NoCls {
        /// The strategy.
        owner: &'static str,
    },
    /// A file of noise that cannot be used.
    #[error("Expected a safetensors file with a tensor `noise` for {owner}, found {found}: {}", path.display())]
    NoiseFile {
        /// The strategy.
        owner: &'static str,
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of noise that cannot be read.
    #[error("Cannot read `noise` of {owner} from a file: {why}: {}", path.display())]
    NoiseUnread {
        /// The strategy.
        owner: &'static str,
        /// Why.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// Noise for another image.
    #[error("Expected `noise` of shape {expected:?} for this model, found {found:?}: {}", path.display())]
    NoiseShape {
        /// That of the model's input.
        expected: Vec<usize>,
        /// That of the file's tensor.
        found: Vec<usize>,
        /// The file.
        path: PathBuf,
    },
    /// A prompt of another branch that cannot be read.
    #[error("{owner}, prompt of its other branch: {cause}")]
    OtherPrompt {
        /// The strategy.
        owner: &'static str,
        /// What is wrong with it.
        cause: Box<CheckpointError>,
    },
    /// A strategy got logits of more or fewer branches than it made.
    #[error("Expected logits of {expected} branches, found {found}")]
    NumBranches {
        /// As many as it made.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A strategy returned logits of another length, or asked for branches it did not make.
    #[error("Expected {expected} logits from the strategy, found {found}")]
    StrategyShape {
        /// Size of the vocabulary.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// The model computed nonsense.
    #[error("Expected finite logits for generated token {step_idx} in branch {branch_idx}, found {found} at id {id}")]
    NotFinite {
        /// 0-based generated token.
        step_idx: usize,
        /// Which branch.
        branch_idx: usize,
        /// The first bad entry.
        id: usize,
        /// Its value.
        found: f32,
    },
    /// The vision encoder computed nonsense.
    #[error("Expected finite attention of the vision encoder, found another value in layer {layer_idx}")]
    VisionNotFinite {
        /// 0-based.
        layer_idx: usize,
    },
    /// No token is left to choose.
    #[error("Expected at least one token to choose from, found all of them removed or not a number")]
    NothingToChoose,
}

impl DecodeError {
    /// Whether this is the caller's own wish rather than a failure.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Model(err) if err.is_cancelled())
    }
}
