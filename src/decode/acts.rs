//! Where in a model a method acts.

use serde::Serialize;

/// Where a method acts: the groups of menus, in the order in which an answer comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Acts {
    /// On the photo, before the model sees it.
    Photo,
    /// On the words of the question.
    Prompt,
    /// Inside the vision encoder.
    Encoder,
    /// On attention of the decoder.
    Attention,
    /// On single heads of the decoder.
    Heads,
    /// On hidden states of the decoder.
    HiddenStates,
    /// On logits, with those of inner layers.
    Layers,
    /// On logits, against a further branch of the decoder.
    Branch,
    /// On logits alone.
    Logits,
    /// On the search for the answer.
    Search,
}

impl Acts {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Photo,
        Self::Prompt,
        Self::Encoder,
        Self::Attention,
        Self::Heads,
        Self::HiddenStates,
        Self::Layers,
        Self::Branch,
        Self::Logits,
        Self::Search,
    ];

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Prompt => "question",
            Self::Encoder => "encoder",
            Self::Attention => "attention",
            Self::Heads => "heads",
            Self::HiddenStates => "hidden states",
            Self::Layers => "layer readouts",
            Self::Branch => "second branch",
            Self::Logits => "logits",
            Self::Search => "search",
        }
    }

    /// What that means, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Photo => "Changes the photo before the model sees it",
            Self::Prompt => "Changes the words that the model is asked with, or asks another question first",
            Self::Encoder => "Changes what the vision encoder makes of the photo",
            Self::Attention => "Changes where the decoder looks",
            Self::Heads => "Changes what single heads of the decoder pass on",
            Self::HiddenStates => "Pushes the decoder's hidden states in a direction",
            Self::Layers => "Reads logits off inner layers and puts them together with the last one's",
            Self::Branch => {
                "Holds the model's logits against those of a second run without, or with less of, the photo"
            }
            Self::Logits => "Changes or removes candidates by the model's own logits; the controls are here",
            Self::Search => "Follows several answers and goes back where one went wrong",
        }
    }
}
