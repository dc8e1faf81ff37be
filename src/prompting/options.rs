//! What can be chosen, with the published defaults.

use super::PromptingError;
use crate::geometry::Resample;
use serde::{Deserialize, Serialize};

/// How maps are made of a model's inner workings: as the authors' code does it, or as their paper writes it.
///
/// The code's way is the default here, though the paper's is elsewhere in this program: every published figure was made
/// with the code, and so was what reproduces them (the layers 22 of 24 and 20 of 32, the stretching of both maps
/// to 0..1). The paper's is one word away, `--formula paper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Formula {
    /// `official`: what the published figures were made with.
    ///
    /// CLIP: the contributions of one layer, joined with how little the patches that leave this layer resemble the
    /// query, both stretched to 0..1. LLaVA: every head's attention is divided by what it spends on the image.
    #[default]
    Official,
    /// `paper`: CLIP: the contributions of this and all later layers are added up, joined with one minus the cosine of
    /// each patch of the last layer and the query. LLaVA: ordinary attention, so that heads that hardly look at the
    /// image hardly count.
    Paper,
}

impl Formula {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Official, Self::Paper];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Paper => "paper",
        }
    }

    /// The one of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|formula| formula.id() == id)
    }
}

/// How the mask of the patches lies on the photo. The published way is the default, so that results compare with
/// published ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskGeometry {
    /// `official`: stretched over the whole photo, whatever of it the model saw. On photos that are not square the mask
    /// is off: CLIP's is pulled apart over borders that were cropped away, a padded one is squeezed.
    #[default]
    Official,
    /// `aligned`: every patch on the pixels that it was made of; what the model did not see is left as it is.
    Aligned,
}

impl MaskGeometry {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Official, Self::Aligned];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Aligned => "aligned",
        }
    }

    /// The one of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|geometry| geometry.id() == id)
    }
}

/// Everything between the maps and the prompted photo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromptOptions {
    /// 0-based layer; `None` is [`super::Attribution::default_layer`].
    pub layer_idx: Option<usize>,
    /// See [`Formula`].
    pub formula: Formula,
    /// Side of the box filter, odd, **units** patches. 1 is none.
    pub kernel: usize,
    /// Steepness of the sigmoid that spreads the map: the published `enhance_coe`. 0 makes every patch alike.
    pub enhance: f64,
    /// From patches to pixels.
    pub resample: Resample,
    /// What the mask darkens to: 0 is black.
    ///
    /// **Differs** from the command line of the authors' LLaVA variant, which ignores its flag and takes 200; that is
    /// one `grey` away.
    pub grey: u8,
    /// See [`MaskGeometry`].
    pub geometry: MaskGeometry,
}

impl Default for PromptOptions {
    /// Those of the authors' command line: `enhance_coe` 5, kernel 3, Lanczos, black.
    fn default() -> Self {
        Self {
            layer_idx: None,
            formula: Formula::default(),
            kernel: 3,
            enhance: 5.0,
            resample: Resample::Lanczos,
            grey: 0,
            geometry: MaskGeometry::default(),
        }
    }
}

impl PromptOptions {
    /// What can be said about them without maps.
    pub fn check(&self) -> Result<(), PromptingError> {
        if self.kernel.is_multiple_of(2) {
            return Err(PromptingError::Kernel { found: self.kernel });
        }
        if !self.enhance.is_finite() || self.enhance < 0.0 {
            return Err(PromptingError::Enhance { found: self.enhance });
        }
        Ok(())
    }
}
