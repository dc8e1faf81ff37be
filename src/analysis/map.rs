//! One number a patch.

use super::{AnalysisError, Range};
use crate::geometry::{ImageLayout, PatchPos};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the numbers of a map are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// Probabilities as the model computed them: parts of all keys, so the map sums to the attention on the image, at
    /// most 1.
    #[default]
    Raw,
    /// Parts of the map's own sum, divided once after all reductions: the map sums to 1 (or is zero throughout, if
    /// nothing looked at the image).
    ImageShare,
}

/// How decoder maps are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MapOptions {
    /// What the numbers are parts of.
    pub normalisation: Normalisation,
    /// Drops the first position's key (the first token, where many decoders park attention they have no use for) from
    /// every head's row and divides the rest by what is left, before anything is put together.
    ///
    /// With [`Normalisation::Raw`] the numbers are then parts of all keys *but the first*. With
    /// [`Normalisation::ImageShare`] the shares of a single head do not change, but those of several do: heads that
    /// park much count for what they do with the rest. A row that has nothing but its first key becomes zeros.
    pub suppress_sink: bool,
}

/// A finished map.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchMap {
    /// How the values lie on the photo.
    pub layout: Arc<ImageLayout>,
    /// One for each cell of the layout: `[rows, cols]`, row-major, where there is one region; non-negative and finite.
    pub values: Vec<f32>,
    /// Sum over patches before any normalisation: with `Raw` the attention on the image, and the denominator of
    /// `ImageShare`.
    pub total: f64,
    /// Of `values`.
    pub range: Range,
}

impl PatchMap {
    /// The value at a patch.
    pub fn at(&self, pos: PatchPos) -> Option<f32> {
        self.values.get(self.layout.idx(pos)?).copied()
    }

    /// The patch's part of the map's sum, whatever the normalisation; `None` outside the grid or when the map is zero
    /// throughout.
    pub fn share(&self, pos: PatchPos) -> Option<f64> {
        let sum: f64 = self.values.iter().map(|&v| f64::from(v)).sum();
        let value = self.at(pos)?;
        (sum > 0.0).then(|| f64::from(value) / sum)
    }

    /// Checks, normalises, rounds to f32.
    pub(super) fn new(
        layout: &Arc<ImageLayout>,
        values: &[f64],
        normalisation: Normalisation,
    ) -> Result<Self, AnalysisError> {
        if values.len() != layout.len() {
            return Err(AnalysisError::WrongShape { what: "patches", expected: layout.len(), found: values.len() });
        }
        if let Some(patch_idx) = values.iter().position(|value| !value.is_finite()) {
            return Err(AnalysisError::NotFinite { found: values[patch_idx].to_string(), patch_idx });
        }
        let total: f64 = values.iter().sum();
        let divisor = match normalisation {
            Normalisation::ImageShare if total > 0.0 => total,
            Normalisation::ImageShare | Normalisation::Raw => 1.0,
        };
        #[expect(clippy::cast_possible_truncation, reason = "f32 is what textures hold")]
        let values: Vec<f32> = values.iter().map(|value| (value / divisor) as f32).collect();
        let range = Range::of(&values).ok_or(AnalysisError::NothingSelected { what: "patch" })?;
        Ok(Self { layout: Arc::clone(layout), values, total, range })
    }
}
