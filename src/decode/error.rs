//! What can go wrong while an answer is decoded.

use crate::checkpoint::CheckpointError;
use crate::model::ModelError;
use std::path::PathBuf;

/// What can go wrong while an answer is decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The model failed, or was cancelled.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing of that name is registered.
    #[error("Expected one of the {kind} {known}, found {found}{hint}")]
    UnknownName {
        /// `strategies`, `interventions`, `methods`.
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
        /// The method.
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
        /// The method.
        owner: String,
        /// The parameter.
        parameter: String,
    },
    /// A parameter whose value cannot be used.
    #[error("Expected {owner} to get {parameter} as {expected}, found {found}")]
    BadParameter {
        /// Method or sampling.
        owner: String,
        /// The parameter.
        parameter: &'static str,
        /// What would do.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A method that works on the image has nothing to work on.
    #[error("Expected an image in the prompt for {owner}, found none")]
    NoImage {
        /// The method.
        owner: &'static str,
    },
    /// A method that asks where `[CLS]` looks.
    #[error("Expected a vision encoder with a [CLS] token for {owner}, found one without")]
    NoCls {
        /// The method.
        owner: &'static str,
    },
    /// A method that changes the question, where only a whole prompt is known.
    #[error("Expected a question for {owner}, found a raw prompt, in which the end of the question is not known")]
    NoQuestion {
        /// The method.
        owner: &'static str,
    },
    /// A file of noise that cannot be used.
    #[error("Expected a safetensors file with a tensor `noise` for {owner}, found {found}: {}", path.display())]
    NoiseFile {
        /// The method.
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
    /// A file of directions that cannot be used.
    #[error("Expected a safetensors file with directions for {owner}, found {found}: {}", path.display())]
    DirectionsFile {
        /// The method.
        owner: &'static str,
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A list of heads that cannot be used.
    #[error("Expected a file of `gazelens heads` as heads of {owner}, found {found}: {}", path.display())]
    HeadsFile {
        /// The method.
        owner: &'static str,
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A file of directions that cannot be read.
    #[error("Cannot read the directions of {owner} from a file: {why}: {}", path.display())]
    DirectionsUnread {
        /// The method.
        owner: &'static str,
        /// Why.
        why: String,
        /// The file.
        path: PathBuf,
    },
    /// Directions for another model.
    #[error("Expected directions `{tensor}` of shape {expected} for this model, found {found:?}: {}", path.display())]
    DirectionsShape {
        /// Name of the tensor.
        tensor: &'static str,
        /// What the model needs.
        expected: String,
        /// That of the file's tensor.
        found: Vec<usize>,
        /// The file.
        path: PathBuf,
    },
    /// A prompt of another branch that cannot be read.
    #[error("{owner}, prompt of its other branch: {cause}")]
    OtherPrompt {
        /// The method.
        owner: &'static str,
        /// What is wrong with it.
        cause: Box<CheckpointError>,
    },
    /// A method got logits of more or fewer branches than it made.
    #[error("Expected logits of {expected} branches, found {found}")]
    NumBranches {
        /// As many as it made.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A method returned logits of another length, or asked for branches it did not make.
    #[error("Expected {expected} logits from the strategy, found {found}")]
    StrategyShape {
        /// Size of the vocabulary.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// A method reads what it did not ask to see.
    #[error("Expected a method to read what it asked to see, found the {what} {idx}, which it did not ask for")]
    NotSeen {
        /// Of what.
        what: &'static str,
        /// Which of them.
        idx: usize,
    },
    /// A method asks for a layer that the decoder does not have.
    #[error("Expected a layer up to {expected} of the decoder, found {found}")]
    NoSuchLayer {
        /// The last one.
        expected: usize,
        /// What was asked for.
        found: usize,
    },
    /// A method that cannot follow several answers at once.
    #[error("Expected 1 beam with {owner}, which keeps no separate state for each of several")]
    NoFork {
        /// The method.
        owner: &'static str,
    },
    /// A method that searches itself, where the options have several beams or another one does.
    #[error("Expected 1 beam and no other search with {owner}, which has beams of its own")]
    OwnBeams {
        /// The method.
        owner: &'static str,
    },
    /// A method that takes back tokens, where the search does.
    #[error("Expected 1 beam with {owner}, which takes tokens back itself")]
    RetractsBeams {
        /// The method.
        owner: &'static str,
    },
    /// Beams that are drawn at random.
    #[error("Expected temperature 0 with {beams} beams, which are not drawn at random, found {temperature}")]
    DrawnBeams {
        /// How many.
        beams: usize,
        /// What was given.
        temperature: f64,
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
