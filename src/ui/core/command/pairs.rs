//! What people do with pairs of photos.

use crate::analysis::Normalisation;
use crate::ui::core::settings::LayerHead;
use std::path::PathBuf;

/// What people do with pairs of photos.
#[derive(Debug, Clone, PartialEq)]
pub enum PairsCommand {
    /// Choose a file of pairs in a dialog.
    Pick,
    /// Show this one.
    Open(PathBuf),
    /// Let go of the file, and of the encoders that were opened for it.
    Close,
    /// What is shown of it.
    SetView(PairsView),
    /// Look at the pair at this place of the file.
    Choose(usize),
    /// Stop looking.
    Stop,
    /// Look once more at the chosen pair.
    LookAgain,
    /// Show the first (0) or second (1) photo of the chosen pair in the photo's panel.
    ShowPhoto(usize),
}

/// What the panel of pairs shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairsView {
    /// How pairs are sorted.
    pub order: PairOrder,
    /// Layer and head of each encoder.
    pub layer_heads: [LayerHead; 2],
    /// What values are parts of.
    pub normalisation: Normalisation,
}

/// How pairs are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PairOrder {
    /// Largest difference of the two cosines first.
    #[default]
    Difference,
    /// Those that are most alike to the first encoder first.
    First,
    /// Those that are least alike to the second encoder first.
    Second,
    /// By the photos' names.
    Names,
}
