//! Why a job did not end as asked.

use super::spec::SpecError;

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user asked for it.
    #[error("Stopped on request")]
    Cancelled,
    /// A question without a model.
    #[error("Expected an open model, found none: open one first")]
    NoModel,
    /// A device that this program was built without.
    #[error(
        "Expected a build with {device}, found one without: build it with `cargo build --release --features {feature}`, or use --device cpu"
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
    /// A SPEC.
    #[error(transparent)]
    Spec(#[from] SpecError),
}

impl EngineError {
    pub(super) fn device(what: &'static str, ordinal: usize, err: &candle_core::Error) -> Self {
        // The driver's own words are one line; what candle adds below is a backtrace.
        let reason = err.to_string().lines().next().unwrap_or_default().to_owned();
        Self::Device { what, ordinal, reason }
    }
}
