//! Why no prompted photo could be made.

/// One sentence each.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PromptingError {
    /// A layer that the maps do not have.
    #[error("Expected a layer below {count}, found {found}")]
    Layer {
        /// How many there are.
        count: usize,
        /// Which was asked for.
        found: usize,
    },
    /// A kernel without a middle.
    #[error("Expected an odd kernel size from 1, found {found}")]
    Kernel {
        /// Its size.
        found: usize,
    },
    /// An enhancement coefficient that is no number or below 0.
    #[error("Expected an enhancement coefficient from 0, found {found}")]
    Enhance {
        /// What was given.
        found: f64,
    },
    /// A map with a value that is no number.
    #[error("Expected finite numbers in the attribution map, found {found} at patch {patch_idx}")]
    NotFinite {
        /// Which patch.
        patch_idx: usize,
        /// Its value.
        found: f64,
    },
    /// Maps that do not fill the grid.
    #[error("Expected {expected} values in {what}, found {found}")]
    Size {
        /// Which.
        what: &'static str,
        /// What the grid and the layers take.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A trace without the rows that an attribution is made of.
    #[error("Expected an answer with recorded attention to the image, found {found}")]
    NoRows {
        /// What there is.
        found: &'static str,
    },
    /// Tokens that the answer does not have.
    #[error("Expected a run of tokens within the {count} that have a row, found {start} to {end}")]
    Tokens {
        /// How many have a row.
        count: usize,
        /// First asked for.
        start: usize,
        /// One past the last.
        end: usize,
    },
}
