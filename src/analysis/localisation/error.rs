//! Why a map and a mask give no figure.

use crate::geometry::ImageSize;

/// A map and a mask that cannot be compared at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocalisationError {
    /// One value and one mask pixel for every pixel of the photo.
    #[error("Expected {expected} {what}, found {found}")]
    WrongLength {
        /// `map values`, `mask pixels`.
        what: &'static str,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The map's patches are not those of the layout.
    #[error("Expected a map of {expected} patches, found one of {found} values")]
    WrongGrid {
        /// Of the layout.
        expected: usize,
        /// Values of the map.
        found: usize,
    },
    /// A mask of another photo.
    #[error(
        "Expected a mask of {} x {} pixels, found one of {} x {}",
        expected.width_px, expected.height_px, found.width_px, found.height_px
    )]
    WrongSize {
        /// Of the photo.
        expected: ImageSize,
        /// Of the mask.
        found: ImageSize,
    },
    /// Not-a-number or infinity in the map.
    #[error("Expected finite map values, found {found}")]
    NotFinite {
        /// `NaN` or infinity.
        found: String,
    },
    /// There is no pixel to count.
    #[error("Expected at least one pixel that the model saw, found none")]
    NoPixels,
    /// Somebody raised the flag.
    #[error("Stopped before the end")]
    Cancelled,
}

/// Why one figure has no value where others have. Shown in its place; a figure is never not-a-number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Undefined {
    /// Nothing to find.
    #[error("the mask is empty")]
    EmptyMask,
    /// Nothing to tell it from.
    #[error("the mask fills everything that counts")]
    FullMask,
    /// The threshold lies above the map.
    #[error("no pixel reaches the threshold")]
    NothingAbove,
    /// No attention to share out.
    #[error("the map is zero throughout")]
    ZeroMap,
    /// Shares of a sum need parts that are not negative.
    #[error("the map has values below zero")]
    NegativeMap,
    /// A constant cannot be brought to 0..1.
    #[error("the map is the same everywhere, so it has no scale")]
    ConstantMap,
}

/// As many as there must be.
pub(super) fn expect_len(what: &'static str, expected: usize, found: usize) -> Result<(), LocalisationError> {
    if expected == found { Ok(()) } else { Err(LocalisationError::WrongLength { what, expected, found }) }
}
