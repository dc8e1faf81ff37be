//! Tokens with what was known when they were chosen.

use super::{TokenAction, TokenContrast};
use serde::{Deserialize, Serialize};

/// One position of the expanded prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptToken {
    /// Vocabulary id.
    pub id: u32,
    /// The text this token adds; empty for image tokens and for all but the last byte of a character made of several
    /// tokens; the name of a special one.
    pub text: String,
    /// A special token (`<s>`), shown but not part of the text.
    pub special: bool,
    /// An image token.
    pub image: bool,
}

/// A token that could have been chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Vocabulary id.
    pub id: u32,
    /// Its text, as a piece of the vocabulary.
    pub text: String,
    /// Natural logarithm of its probability (softmax over the whole vocabulary at temperature 1).
    pub logprob: f32,
}

/// One generated token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutputToken {
    /// Vocabulary id.
    pub id: u32,
    /// The text this token adds to the answer; several tokens may make one character, then the last one carries it. The
    /// name of a special one.
    pub text: String,
    /// An end token or another special one, not part of the text.
    pub special: bool,
    /// Natural logarithm of its probability at temperature 1, before any sampling filter.
    pub logprob: f32,
    /// Entropy of that distribution, **units** nats.
    pub entropy_nats: f32,
    /// The twenty most probable tokens, most probable first.
    pub candidates: Vec<Candidate>,
    /// What a contrastive strategy did to it; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Box<TokenContrast>>,
    /// What each method did to the logits, in their order, where that is more than one contrast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<TokenAction>,
}
