//! Which numbers a panel plots.

use super::choices::Tokens;
use super::maps::{MapSpec, Truth, is_false};
use crate::analysis::Pick;
use serde::{Deserialize, Serialize};

/// Numbers that are plotted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PlotKind {
    /// Attention on the image, layer by layer; a line for every set of tokens and choice of heads.
    ImageSharePerLayer {
        /// Whole answer where there is none.
        lines: Vec<Tokens>,
        /// Mean over heads where there is none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heads: Vec<Pick>,
    },
    /// The vision encoder's `[CLS]` attention on all patches, layer by layer; a line for every choice of heads.
    ClsPerLayer {
        /// Mean over heads where there is none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        heads: Vec<Pick>,
    },
    /// Attention on the image, token by token: mean over layers and heads, as a line.
    ImageSharePerToken,
    /// The same at chosen layers and heads, a column a token with its words.
    ImageShareOfTokens {
        /// Layers.
        #[serde(default)]
        layers: Pick,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Pick,
    },
    /// The most probable tokens in place of one.
    Candidates {
        /// Which was chosen.
        token: usize,
        /// The first token of these, in place of `token`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<Tokens>,
        /// How many are shown.
        most: usize,
    },
    /// What a contrastive strategy did to the candidates of a token: their probability in both branches and after the
    /// contrast.
    Contrast {
        /// Which was chosen.
        token: usize,
        /// The first token of these, in place of `token`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        word: Option<Tokens>,
        /// How many are shown.
        most: usize,
    },
    /// How many choices of the answer another strength of the contrast would change, over that strength.
    Strength {
        /// Largest strength; as multiples of the recorded one where that was another at every step.
        most: f64,
    },
    /// CLIP's texts by their probability.
    Similarity,
    /// What words attended to: first token, system text, image, question, answer.
    Split {
        /// A group of bars each; the whole answer where there is none.
        words: Vec<Tokens>,
        /// Layers.
        #[serde(default)]
        layers: Pick,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Pick,
    },
    /// The part of a map inside of each category's masks.
    Objects {
        /// Which map.
        map: MapSpec,
        /// The categories; all that the image has unless given.
        truth: Truth,
    },
    /// Precision, recall and intersection over union of a map against an object, over the threshold.
    Threshold {
        /// Which map.
        map: MapSpec,
        /// The object.
        truth: Truth,
        /// Where the threshold is marked, as a part of the largest value; at the map's mean unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<f32>,
        /// What a crop hid from the model counts too, as published.
        #[serde(default, skip_serializing_if = "is_false")]
        whole: bool,
    },
    /// How far the patches that words look at most are those that the encoder's `[CLS]` looks at most, against the
    /// other tokens.
    Outliers {
        /// The words.
        tokens: Tokens,
        /// The encoder's `[CLS]` as the mean over heads instead of unsplit.
        #[serde(default, skip_serializing_if = "is_false")]
        head_mean: bool,
    },
}

impl PlotKind {
    /// What it is called in messages.
    pub fn label(&self) -> &'static str {
        match self {
            Self::ImageSharePerLayer { .. } | Self::ClsPerLayer { .. } => "plot by layer",
            Self::ImageSharePerToken | Self::ImageShareOfTokens { .. } => "plot by token",
            Self::Candidates { .. } => "candidates plot",
            Self::Contrast { .. } => "plot of both branches",
            Self::Strength { .. } => "strength plot",
            Self::Similarity => "similarity plot",
            Self::Split { .. } => "plot of the attention's parts",
            Self::Objects { .. } => "objects plot",
            Self::Threshold { .. } => "threshold plot",
            Self::Outliers { .. } => "outliers plot",
        }
    }
}
