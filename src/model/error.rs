//! What can go wrong inside a model.

/// An error of a [`super::TensorSource`], one sentence that names the tensor.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a model could not be loaded or run.
///
/// The cause of a wrapped error is part of the message, so one line says everything.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// [`super::Probe::cancelled`] said so. Caches stay valid: nothing of the interrupted pass counts.
    #[error("Cancelled")]
    Cancelled,
    /// A tensor is missing, has another shape, or could not be read.
    #[error("{cause}")]
    Weights {
        /// Says which tensor, and in which file.
        cause: SourceError,
    },
    /// A configuration that no tensors can fit.
    #[error("Expected {expected} in the model configuration, found {found}")]
    Config {
        /// What would fit.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An operation inside a layer failed, or a probe did.
    #[error("{part} layer {layer_idx} failed: {cause}")]
    Layer {
        /// `Vision`, `Decoder` or `Text`.
        part: &'static str,
        /// 0-based layer.
        layer_idx: usize,
        /// What failed.
        cause: candle_core::Error,
    },
    /// An operation outside the layers failed.
    #[error("{part} failed: {cause}")]
    Part {
        /// Which: `Patch embedding`, `Projector`, `Output head`.
        part: &'static str,
        /// What failed.
        cause: candle_core::Error,
    },
    /// An input tensor of another shape than the model takes.
    #[error("Expected {what} of shape {expected:?}, found {found:?}")]
    InputShape {
        /// Which input.
        what: &'static str,
        /// The model's shape.
        expected: Vec<usize>,
        /// The input's.
        found: Vec<usize>,
    },
    /// A token id without a row in the embedding.
    #[error("Expected token ids below the vocabulary of {vocab_size}, found {id} at position {position}")]
    TokenOutOfRange {
        /// The id.
        id: u32,
        /// Where in the prompt.
        position: usize,
        /// Rows of the embedding.
        vocab_size: usize,
    },
    /// The prompt's image positions are not the image's tokens.
    #[error(
        "Expected the image tokens to fill positions {start}..{end} of a prompt of {prompt_len} tokens with \
            {num_features} image features"
    )]
    ImageSpan {
        /// First position claimed.
        start: usize,
        /// One past the last.
        end: usize,
        /// Positions of the prompt.
        prompt_len: usize,
        /// Image features there are.
        num_features: usize,
    },
    /// More positions than a cache has room for.
    #[error("Expected at most {capacity} positions, found {needed}")]
    ContextFull {
        /// Room.
        capacity: usize,
        /// What the step needs.
        needed: usize,
    },
    /// A cache made for another decoder.
    #[error("Expected a key/value cache of {expected} layers, found {found}")]
    CacheMismatch {
        /// The decoder's layers.
        expected: usize,
        /// The cache's.
        found: usize,
    },
    /// A result that is no number, or infinite.
    #[error("Expected a finite {what}, found {found}")]
    NotFinite {
        /// Which result.
        what: &'static str,
        /// Its value.
        found: f32,
    },
    /// A step without tokens.
    #[error("Expected at least one token, found an empty prompt")]
    EmptyPrompt,
}

impl ModelError {
    /// Whether this is the caller's own wish rather than a failure.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }

    /// What a part says of an operation that failed, for `map_err`.
    pub fn part(part: &'static str) -> impl Fn(candle_core::Error) -> Self {
        move |cause| Self::Part { part, cause }
    }

    pub(crate) fn layer(part: &'static str, layer_idx: usize) -> impl Fn(candle_core::Error) -> Self {
        move |cause| Self::Layer { part, layer_idx, cause }
    }

    /// An error unless every size is at least 1, and small enough that products of three cannot overflow.
    pub(crate) fn check_sizes(sizes: &[(&str, usize)]) -> Result<(), Self> {
        const LARGEST: usize = 1 << 20;
        match sizes.iter().find(|(_, size)| !(1..=LARGEST).contains(size)) {
            Some((name, size)) => {
                let (expected, found) = (format!("a {name} from 1 to {LARGEST}"), size.to_string());
                Err(Self::Config { expected, found })
            }
            None => Ok(()),
        }
    }

    /// An error unless `divisor` divides `value`.
    pub(crate) fn check_divides(divisor: usize, value: usize, what: &str) -> Result<(), Self> {
        if divisor > 0 && value.is_multiple_of(divisor) {
            Ok(())
        } else {
            Err(Self::Config { expected: what.to_owned(), found: format!("{value} and {divisor}") })
        }
    }
}
