//! Why a job did not end as asked.

use crate::checkpoint::CheckpointError;
use crate::data::{PhotoError, PreprocessError};
use crate::decode::DecodeError;
use crate::hub::HubError;
use crate::model::ModelError;
use crate::prompting::PromptingError;
use std::path::PathBuf;

/// Why a SPEC was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Not of the form.
    #[error("Expected `name` or `name:key=value,key=value`, found `{found}`")]
    Form {
        /// What was given.
        found: String,
    },
    /// A parameter given twice.
    #[error("Expected `{parameter}` of `{name}` once, found it twice")]
    Repeated {
        /// The registered name.
        name: String,
        /// Its parameter.
        parameter: String,
    },
}

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user asked for it.
    #[error("Stopped on request")]
    Cancelled,
    /// A question without a model.
    #[error("Expected an open model, found none: open one first")]
    NoModel,
    /// A checkpoint that cannot answer.
    #[error("Expected a vision-language model that answers questions, found an encoder without a decoder: \
        {}", path.display())]
    NoDecoder {
        /// The checkpoint.
        path: PathBuf,
    },
    /// What the photo was darkened by is in no run.
    #[error(
        "Expected a trace file of an answer about a darkened photo, because it cannot be asked again, found none: {}",
        path.display()
    )]
    Darkened {
        /// The photo.
        path: PathBuf,
    },
    /// A run says a number where a method takes text.
    #[error(
        "Expected `{parameter}` of {method} as text in the run, found the number {found}, which says too little to ask \
         again (3.1 may have been 3.10)"
    )]
    NumberForText {
        /// Registered name.
        method: String,
        /// Its parameter.
        parameter: String,
        /// As it stands there.
        found: String,
    },
    /// Nothing to compare the photo with.
    #[error("Expected one or more texts to compare with the photo, one a line, found none")]
    NoTexts,
    /// An answer cannot begin with what is no token.
    #[error("Expected ids of tokens, 0 to {}, as the answer's beginning, found {found}: \
        {}", vocab_size.saturating_sub(1), path.display())]
    ForcedId {
        /// Tokens of the model.
        vocab_size: usize,
        /// The id.
        found: u32,
        /// The model.
        path: PathBuf,
    },
    /// Nothing is left to choose.
    #[error("Expected fewer forced tokens than the {expected} that are to be generated at most, found {found}")]
    ForcedTooMany {
        /// Most tokens of the answer.
        expected: usize,
        /// Forced.
        found: usize,
    },
    /// Heads cannot be ranked by what tells nothing apart.
    #[error("Expected hallucinated and grounded words to rank heads by, found {hallucinated} and {grounded}")]
    OneKindOfWords {
        /// Of one kind.
        hallucinated: usize,
        /// Of the other.
        grounded: usize,
    },
    /// A word that nothing predicts.
    #[error("Expected a word that adds a token to the answer, found `{word}`")]
    NoToken {
        /// The word.
        word: String,
    },
    /// A prompt that is made for a decoder.
    #[error("Expected texts to compare with the photo, found an exact prompt, which needs a model with a decoder")]
    RawPrompt,
    /// An attribution of another kind of model.
    #[error("Expected {expected} for the attribution {attribution}, found {found}: {}", path.display())]
    Source {
        /// The attribution.
        attribution: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What is open.
        found: &'static str,
        /// The checkpoint.
        path: PathBuf,
    },
    /// An encoder that gives no vector of a photo.
    #[error(
        "Expected an encoder that gives photos an embedding (CLIP with both towers, DINOv2), found {found}: {}",
        path.display()
    )]
    NoEmbedding {
        /// What is open.
        found: String,
        /// The checkpoint.
        path: PathBuf,
    },
    /// Two encoders' embeddings of different photos.
    #[error("Expected embeddings of the same {expected} photos by both encoders, found {found} by the second")]
    PhotoCount {
        /// Of the first.
        expected: usize,
        /// Of the second.
        found: usize,
    },
    /// A file for embeddings that holds something else.
    #[error("Expected a file of embeddings, found {found}")]
    EmbeddingsFile {
        /// What stands there.
        found: String,
    },
    /// No bundled image has that name.
    #[error("Expected the name of a bundled image such as {example}, found {name}")]
    NoBundledImage {
        /// One that exists.
        example: &'static str,
        /// What was asked for.
        name: String,
    },
    /// A photo that nothing could name afterwards.
    #[error(
        "Cannot ask about a photo whose name is not UTF-8, as the answer would name another one; rename it: {}",
        path.display()
    )]
    PhotoName {
        /// The photo.
        path: PathBuf,
    },
    /// A device that this program was built without.
    #[error(
        "Expected a build with {device}, found one without: build it with `cargo build --release --features \
            {feature}`, or use --device cpu"
    )]
    NotBuilt {
        /// For people.
        device: &'static str,
        /// The cargo feature.
        feature: &'static str,
    },
    /// A device that does not answer.
    #[error("Expected {what} with number {ordinal}, found none that works ({reason}): use --device cpu")]
    Device {
        /// "a CUDA device".
        what: &'static str,
        /// Its number.
        ordinal: usize,
        /// The driver's words.
        reason: String,
    },
    /// A model that the memory is too small for.
    #[error("Expected {needed} of free memory ({parts}), found {free}: {advice}")]
    Memory {
        /// All of it.
        needed: String,
        /// What it is made of.
        parts: String,
        /// What is free.
        free: String,
        /// What would fit.
        advice: String,
    },
    /// A tensor could not be made or read back.
    #[error("Could not {action} ({reason})")]
    Tensor {
        /// "read attention back".
        action: &'static str,
        /// candle's words.
        reason: String,
    },
    /// A SPEC.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The model's way from the hub.
    #[error(transparent)]
    Hub(Box<HubError>),
    /// The photo.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// The photo's way to the model.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// The model.
    #[error(transparent)]
    Model(ModelError),
    /// The attention prompting.
    #[error(transparent)]
    Prompting(#[from] PromptingError),
    /// The decoding.
    #[error(transparent)]
    Decode(DecodeError),
    /// The model computed nonsense: no other photo or question helps.
    #[error("{found}: the weights hold values that are no numbers, or {dtype} is too narrow for them: {path}")]
    NotFinite {
        /// Where it came up.
        found: Box<DecodeError>,
        /// What the model runs in.
        dtype: &'static str,
        /// The checkpoint.
        path: PathBuf,
    },
}

impl EngineError {
    /// Whether the request itself was wrong: an unknown name, a parameter that cannot be.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Spec(_)
            | Self::NoTexts
            | Self::RawPrompt
            | Self::ForcedId { .. }
            | Self::ForcedTooMany { .. }
            | Self::PhotoName { .. } => true,
            Self::Checkpoint(err) => matches!(err, CheckpointError::PlaceholderInQuestion { .. }),
            Self::Decode(err) => matches!(
                err,
                DecodeError::UnknownName { .. }
                    | DecodeError::UnknownParameter { .. }
                    | DecodeError::RepeatedParameter { .. }
                    | DecodeError::BadParameter { .. }
                    | DecodeError::NoQuestion { .. }
                    | DecodeError::NoFork { .. }
                    | DecodeError::OwnBeams { .. }
                    | DecodeError::RetractsBeams { .. }
                    | DecodeError::DrawnBeams { .. }
            ),
            _ => false,
        }
    }

    /// Whether the words are refused: another question may do.
    pub fn is_about_the_prompt(&self) -> bool {
        let of_checkpoint = |err: &CheckpointError| {
            use CheckpointError::{Placeholder, PlaceholderInQuestion};
            matches!(err, Placeholder { .. } | PlaceholderInQuestion { .. })
        };
        match self {
            Self::NoTexts | Self::RawPrompt => true,
            Self::Checkpoint(err) => of_checkpoint(err),
            _ => false,
        }
    }

    /// Whether the sentence names neither a file nor the model that it is about.
    pub fn names_no_file(&self) -> bool {
        use DecodeError::{Model, NoCls, NoImage, NotFinite, NothingToChoose, NumBranches, OtherPrompt, StrategyShape};
        let of_decoding = |err: &DecodeError| {
            let of_images = matches!(err, Model(_) | NoCls { .. } | NoImage { .. } | OtherPrompt { .. });
            of_images || matches!(err, NotFinite { .. } | NothingToChoose | NumBranches { .. } | StrategyShape { .. })
        };
        match self {
            Self::Decode(err) => of_decoding(err),
            Self::Model(_)
            | Self::Preprocess(_)
            | Self::Prompting(_)
            | Self::Tensor { .. }
            | Self::NumberForText { .. }
            | Self::Checkpoint(CheckpointError::Text { .. }) => true,
            _ => self.is_about_the_prompt(),
        }
    }

    /// Whether the open model is no longer the one on disk: opening it again helps.
    pub fn is_outdated(&self) -> bool {
        matches!(self, Self::Checkpoint(CheckpointError::Lost { .. } | CheckpointError::Changed { .. }))
    }

    pub(super) fn device(what: &'static str, ordinal: usize, err: &candle_core::Error) -> Self {
        Self::Device { what, ordinal, reason: first_line(err) }
    }

    pub(super) fn tensor(action: &'static str) -> impl Fn(candle_core::Error) -> Self {
        move |err| Self::Tensor { action, reason: first_line(&err) }
    }
}

/// The library's own words are one line; what it adds below is a backtrace.
fn first_line(err: &candle_core::Error) -> String {
    err.to_string().lines().next().unwrap_or_default().to_owned()
}

impl From<ModelError> for EngineError {
    fn from(err: ModelError) -> Self {
        if err.is_cancelled() { Self::Cancelled } else { Self::Model(err) }
    }
}

impl From<HubError> for EngineError {
    fn from(err: HubError) -> Self {
        if matches!(err, HubError::Cancelled) { Self::Cancelled } else { Self::Hub(Box::new(err)) }
    }
}

impl From<DecodeError> for EngineError {
    fn from(err: DecodeError) -> Self {
        if err.is_cancelled() { Self::Cancelled } else { Self::Decode(err) }
    }
}
