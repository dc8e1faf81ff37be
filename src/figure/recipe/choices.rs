//! Which tokens, layers and heads, and how they become one.

use crate::analysis::{Normalisation, Pick, Reduce};
use crate::ids::{HeadIdx, LayerIdx};
use serde::{Deserialize, Serialize};

/// Tokens, by place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// Generated ones; with no token at all the whole answer is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<usize>,
    /// Positions of the expanded prompt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt: Vec<usize>,
    /// The tokens of this word where the answer has it first: the same recipe then fits other answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The tokens of the word whose attention goes to the image most (0), second most (1), ..; articles and the like do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looking: Option<usize>,
    /// How several become one.
    pub together: Together,
}

/// How several numbers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Together {
    /// Their mean.
    #[default]
    Mean,
    /// The largest.
    Max,
}

impl From<Together> for Reduce {
    fn from(together: Together) -> Self {
        match together {
            Together::Mean => Self::Mean,
            Together::Max => Self::Max,
        }
    }
}

/// One of a row of layers or heads, or several put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    /// One.
    One(usize),
    /// From the first to the last, both included.
    Span {
        /// First.
        first: usize,
        /// Last.
        last: usize,
        /// How they become one.
        together: Together,
    },
    /// All there are.
    All(Together),
}

impl Default for Choice {
    fn default() -> Self {
        Self::All(Together::Mean)
    }
}

impl Choice {
    /// The layers of a model with `count`; `None` where one is not there.
    pub fn layers(self, count: usize) -> Option<Pick<LayerIdx>> {
        self.pick(|idx| LayerIdx::new(idx, count).ok())
    }

    /// The heads of a model with `count` a layer; `None` where one is not there.
    pub fn heads(self, count: usize) -> Option<Pick<HeadIdx>> {
        self.pick(|idx| HeadIdx::new(idx, count).ok())
    }

    fn pick<I>(self, index: impl Fn(usize) -> Option<I>) -> Option<Pick<I>> {
        Some(match self {
            Self::One(idx) => Pick::One(index(idx)?),
            Self::Span { first, last, together } => {
                Pick::Span { first: index(first)?, last: index(last)?, reduce: together.into() }
            }
            Self::All(together) => Pick::All(together.into()),
        })
    }
}

/// A number a token, which colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shade {
    /// Attention on the image.
    ImageShare {
        /// Layers.
        #[serde(default)]
        layers: Choice,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Choice,
    },
    /// Of the chosen token at temperature 1.
    Probability,
    /// How undecided the model was. **Units** nats.
    Entropy,
}

/// What the values of a map are parts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Of all positions: probabilities as the model has them.
    #[default]
    Raw,
    /// Of what goes to the image: the map sums to 1.
    ImageShare,
}

impl From<Norm> for Normalisation {
    fn from(norm: Norm) -> Self {
        match norm {
            Norm::Raw => Self::Raw,
            Norm::ImageShare => Self::ImageShare,
        }
    }
}
