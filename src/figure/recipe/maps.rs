//! Which map, and which objects.

use super::choices::Tokens;
use crate::analysis::{MapSource, Normalisation, Pick};
use crate::data::coco::Crowds;
use serde::{Deserialize, Serialize};

/// Objects of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// Annotations among the inputs.
    pub annotations: String,
    /// Number of the image; the one with the photo's file name unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<u64>,
    /// By name; all that the image has unless given.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Leaves out groups whose members were not told apart.
    #[serde(default)]
    pub no_crowd: bool,
}

impl Truth {
    /// See `no_crowd`.
    pub fn crowds(&self) -> Crowds {
        if self.no_crowd { Crowds::LeftOut } else { Crowds::Included }
    }
}

/// A map of a trace, or of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum MapSpec {
    /// Where the decoder looked.
    Decoder {
        /// Trace.
        of: String,
        /// While it chose these.
        #[serde(default)]
        tokens: Tokens,
        /// Layers.
        #[serde(default)]
        layers: Pick,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Pick,
        /// What values are parts of.
        #[serde(default)]
        normalisation: Normalisation,
        /// Leaves the first position out.
        #[serde(default)]
        suppress_sink: bool,
    },
    /// Where the vision encoder's `[CLS]` looked; for an encoder without it the attention that its patches received.
    VisionCls {
        /// Trace.
        of: String,
        /// Which encoder; the first unless given.
        #[serde(default, skip_serializing_if = "crate::analysis::is_first")]
        encoder: usize,
        /// Layers.
        #[serde(default)]
        layers: Pick,
        /// Heads.
        #[serde(default)]
        heads: Pick,
        /// What values are parts of.
        #[serde(default)]
        normalisation: Normalisation,
    },
    /// Norms of the patches' states in the vision encoder.
    PatchNorms {
        /// Trace.
        of: String,
        /// Which encoder; the first unless given.
        #[serde(default, skip_serializing_if = "crate::analysis::is_first")]
        encoder: usize,
        /// Layers.
        #[serde(default)]
        layers: Pick,
    },
    /// A map of any other source.
    Registered {
        /// Trace.
        of: String,
        /// Which.
        name: MapSource,
        /// Which encoder, of a source that is one's; the first unless given.
        #[serde(default, skip_serializing_if = "crate::analysis::is_first")]
        encoder: usize,
        /// While the model chose these, where the source has a map for each token.
        #[serde(default)]
        tokens: Tokens,
        /// Layers.
        #[serde(default)]
        layers: Pick,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Pick,
        /// What values are parts of.
        #[serde(default)]
        normalisation: Normalisation,
        /// Leaves the first position out, where that says something.
        #[serde(default)]
        suppress_sink: bool,
    },
    /// Attention prompting's attribution of the answer's decoder.
    Llava {
        /// Trace.
        of: String,
        /// How it is made.
        #[serde(default)]
        options: PromptSpec,
    },
    /// A map of a file, CLIP's or LLaVA's.
    File {
        /// Among the inputs' maps.
        map: String,
        /// Image or trace that it belongs to.
        of: String,
    },
}

impl MapSpec {
    /// The trace or image that it belongs to.
    pub fn of(&self) -> &str {
        match self {
            Self::Decoder { of, .. }
            | Self::VisionCls { of, .. }
            | Self::PatchNorms { of, .. }
            | Self::Registered { of, .. }
            | Self::Llava { of, .. }
            | Self::File { of, .. } => of,
        }
    }
}

/// The part of attention prompting's options that decides on maps and pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PromptSpec {
    /// Layer; the published one unless given.
    pub layer: Option<usize>,
    /// `official` or `paper`.
    pub formula: String,
    /// Side of the box filter.
    pub kernel: usize,
    /// Steepness.
    pub enhance: f64,
    /// Grey level that the photo is darkened to.
    pub grey: u8,
    /// `official` or `aligned`.
    pub geometry: String,
    /// First answer tokens that count.
    pub most_tokens: usize,
}

impl Default for PromptSpec {
    fn default() -> Self {
        let (formula, geometry) = ("official".to_owned(), "aligned".to_owned());
        Self { layer: None, formula, kernel: 3, enhance: 5.0, grey: 0, geometry, most_tokens: 20 }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}
