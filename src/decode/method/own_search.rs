//! Searches that a method brings, in the place of those that options name.

use crate::ids::TokenSpan;

/// How a method searches; [`crate::decode::Search`] does it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OwnSearch {
    /// Beams with a penalty on what everything else relies on, and a way back.
    Opera(OverTrust),
}

impl OwnSearch {
    /// Answers that it follows at once.
    pub fn width(self) -> usize {
        match self {
            Self::Opera(OverTrust { beams, .. }) => beams,
        }
    }
}

/// What OPERA's search goes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverTrust {
    /// Answers that are followed at once.
    pub beams: usize,
    /// Continuations of each that are looked at.
    pub candidates: usize,
    /// Factor of every attention value in a column's product.
    pub scale: f64,
    /// How often a place has to be found before the search goes back to it.
    pub threshold: usize,
    /// Of the penalty.
    pub weight: f64,
    /// So many first tokens get what they have on the image instead of a penalty.
    pub warm_up: usize,
    /// Of a column's product.
    pub factor: f64,
    /// Last tokens that a penalty looks at, and last places that are counted.
    pub window: usize,
    /// Whether places are remembered by the beams' numbers, as the authors' code does.
    pub by_slot: bool,
    /// Whose attention it is.
    pub last_layer_idx: usize,
    /// Where the image is.
    pub image: TokenSpan,
}
