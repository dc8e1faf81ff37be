//! Why a number could not be made.

use super::TokenRef;

/// A question to a trace that has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnalysisError {
    /// Nothing was selected.
    #[error("Expected at least one {what}, found none selected")]
    NothingSelected {
        /// `token`, `layer`, `head`, `patch`.
        what: &'static str,
    },
    /// A selection that does not fit the model of this trace.
    #[error("Expected a {what} below {count}, found {found}")]
    OutOfRange {
        /// `layer`, `head`, `patch`.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// Which was asked for.
        found: usize,
    },
    /// The token exists but its attention was not recorded (budget, or prompt rows not asked for), or it does not
    /// exist.
    #[error("Expected the attention row of {token}, found none kept in this trace")]
    NoRow {
        /// Which.
        token: TokenRef,
    },
    /// The encoder has no `[CLS]`, or vision was not recorded.
    #[error("Expected [CLS] attention of the vision encoder, found none in this trace")]
    NoVision,
    /// An encoder that the model does not have.
    #[error("Expected a vision encoder below {count}, found {found}")]
    NoEncoder {
        /// How many were recorded.
        count: usize,
        /// Which was asked for.
        found: usize,
    },
    /// A trace without what a source of maps is made of.
    #[error("Expected a trace with {what}, found one without")]
    NotRecorded {
        /// The source.
        what: &'static str,
    },
    /// Written before the unsplit row was recorded.
    #[error("Expected the [CLS] row of the unsplit head, found none in this trace: an earlier version recorded it")]
    NoUnsplit,
    /// The image tokens are not those of the layout.
    #[error("Expected {expected} image tokens, as many as lie on the photo and beside it, found {found}")]
    SpanMismatch {
        /// Image tokens of the layout.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A row that is shorter or longer than its place in the trace demands.
    #[error("Expected rows of {expected} {what}, found {found}")]
    WrongShape {
        /// What the axis counts.
        what: &'static str,
        /// Its length by the trace.
        expected: usize,
        /// Its length.
        found: usize,
    },
    /// Not-a-number or infinity: the model's arithmetic overflowed, and no colour should hide that.
    #[error("Expected finite attention, found {found} at patch {patch_idx}")]
    NotFinite {
        /// `NaN` or infinity.
        found: String,
        /// Where.
        patch_idx: usize,
    },
}
