//! What a method changes of the model, and how often it did.

use crate::decode::Word;

/// What of a pass over a prompt the probe of a method changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Whether the vision tower may compute something else.
    pub vision: bool,
    /// First position whose keys or values may differ from those without it; a layer's own position counts when its
    /// output changes.
    pub first_position: usize,
    /// Whether a changed position depends only on the prompt up to it, and not on which pass it came in or on what
    /// follows: then it is kept for a later question with the same method.
    pub by_position: bool,
}

impl Reach {
    /// Nothing may be kept.
    pub const EVERYTHING: Self = Self { vision: true, first_position: 0, by_position: false };
    /// Everything may.
    pub const NOTHING: Self = Self { vision: false, first_position: usize::MAX, by_position: true };

    /// What two change one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            vision: self.vision || other.vision,
            first_position: self.first_position.min(other.first_position),
            by_position: self.by_position && other.by_position,
        }
    }
}

/// What the numbers of an [`ActionReport`] count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// Calls are layers times forward passes, values are the scores changed in them, all heads counted.
    OnScores,
    /// The same of probabilities after the softmax.
    OnProbs,
    /// Calls are layers times forward passes, values are the outputs of heads changed in them, all rows counted.
    OnHeads,
    /// Calls are layers times forward passes, values are the positions whose hidden states changed in them.
    OnHidden,
    /// Calls are steps in which it spoke, values are those in which it moved the distribution.
    OnLogits,
    /// Calls are questions, values are the characters that it added to them.
    OnWords,
}

/// How often a method acted. Nothing silently does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionReport {
    /// Registered name.
    pub id: &'static str,
    /// What is counted.
    pub acted: Acted,
    /// Times that it could act.
    pub num_calls: usize,
    /// What it changed.
    pub num_values: usize,
}

impl ActionReport {
    /// A warning for the trace if nothing was changed.
    pub fn warning(&self, word: Word) -> Option<String> {
        (self.num_values == 0).then(|| format!("The {} {} changed nothing in this run", word.name(), self.id))
    }
}

impl std::fmt::Display for ActionReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, acted, num_calls, num_values } = self;
        match acted {
            Acted::OnScores => write!(f, "{id} changed {num_values} scores in {num_calls} layer passes"),
            Acted::OnProbs => write!(f, "{id} changed {num_values} probabilities in {num_calls} layer passes"),
            Acted::OnHeads => write!(f, "{id} changed {num_values} head outputs in {num_calls} layer passes"),
            Acted::OnHidden => write!(f, "{id} moved {num_values} hidden states in {num_calls} layer passes"),
            Acted::OnLogits => write!(f, "{id} moved the distribution of {num_values} of {num_calls} tokens"),
            Acted::OnWords => write!(f, "{id} added {num_values} characters to the question"),
        }
    }
}
