//! How the images on offer are shown.

use serde::{Deserialize, Serialize};

/// How the images on offer are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ImagesView {
    /// One below the other, with what is known of each.
    #[default]
    List,
    /// As many beside each other as fit.
    Grid,
}

impl ImagesView {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::List => Self::Grid,
            Self::Grid => Self::List,
        }
    }
}
