//! Which keys of a row are patches.

use super::AnalysisError;
use crate::ids::TokenSpan;
use crate::trace::Trace;

/// The patches among the keys of every row of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageKeys {
    /// All image tokens.
    pub image: TokenSpan,
    /// Those that lie on the grid.
    pub patches: TokenSpan,
    /// Whether the first image token is the encoder's `[CLS]` (`vision_feature_select_strategy` `full`), which has no place on the photo
    /// and is left out of maps, but counts as image where attention is split among image and text.
    pub cls_skipped: bool,
}

impl ImageKeys {
    /// Checks the trace's image tokens against its grid.
    pub fn of(trace: &Trace) -> Result<Self, AnalysisError> {
        let (image, grid) = (trace.image_token_span, trace.image_grid);
        let cls_skipped = match image.len.checked_sub(grid.len()) {
            Some(0) if !grid.is_empty() => false,
            Some(1) if !grid.is_empty() => true,
            _ => return Err(AnalysisError::SpanMismatch { grid, found: image.len }),
        };
        let (expected, found) = (trace.prompt.len(), image.start.saturating_add(image.len));
        if found > expected {
            return Err(AnalysisError::WrongShape { what: "prompt positions", expected, found });
        }
        let patches = TokenSpan { start: image.start + usize::from(cls_skipped), len: grid.len() };
        Ok(Self { image, patches, cls_skipped })
    }
}
