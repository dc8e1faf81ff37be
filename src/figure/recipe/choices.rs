//! Which tokens, and what colours words.

use crate::analysis::{Pick, Reduce};
use crate::figure::FigureError;
use serde::{Deserialize, Serialize};

/// Tokens, by place or by meaning. What is meant by meaning is found anew in every answer; an answer that has no such
/// word has an empty panel
/// that says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// Generated ones; with no token at all the whole answer is meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<usize>,
    /// Positions of the expanded prompt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prompt: Vec<usize>,
    /// The tokens of this word; large and small letters are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Where the answer has `word` for the first time (1, as without it), the second time (2), ..
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<usize>,
    /// The tokens of the answer's first (1), second (2), .. object word: CHAIR's mentions, repeated ones too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object_word: Option<usize>,
    /// The tokens of the first object word that names nothing in the photo, by these annotations among the inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_hallucinated: Option<String>,
    /// The tokens of every object word of this kind: for marks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectWords>,
    /// The tokens of the word whose attention goes to the image most (0), second most (1), ..; articles and the like do
    /// not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looking: Option<usize>,
    /// How several become one.
    pub together: Reduce,
}

/// Object words of an answer: CHAIR's mentions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectWords {
    /// Which of them.
    pub verdict: Verdict,
    /// Annotations among the inputs that judge them; none is needed for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<String>,
}

/// Which object words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every one.
    Any,
    /// Those that name something in the photo.
    Grounded,
    /// Those that name nothing in it.
    Hallucinated,
}

impl Tokens {
    /// Annotations among the inputs that judge its words.
    pub fn annotations(&self) -> impl Iterator<Item = &String> {
        let of_set = self.objects.as_ref().and_then(|objects| objects.annotations.as_ref());
        self.first_hallucinated.iter().chain(of_set)
    }

    /// Whether they are found anew in every answer.
    pub fn by_meaning(&self) -> bool {
        let Self { word, looking, object_word, first_hallucinated, objects, .. } = self;
        let ranked = looking.is_some() || object_word.is_some();
        ranked || word.is_some() || first_hallucinated.is_some() || objects.is_some()
    }

    /// Numbers that count from 1.
    pub(super) fn check(&self) -> Result<(), FigureError> {
        for (field, number) in [("occurrence", self.occurrence), ("object_word", self.object_word)] {
            if number == Some(0) {
                let expected = format!("`{field}` counted from 1");
                return Err(FigureError::Setting { expected, found: "0".to_owned() });
            }
        }
        let judged = self.objects.as_ref().filter(|objects| objects.verdict != Verdict::Any);
        if judged.is_some_and(|objects| objects.annotations.is_none()) {
            let expected = "`annotations` that judge object words".to_owned();
            return Err(FigureError::Setting { expected, found: "none".to_owned() });
        }
        if self.occurrence.is_some() && self.word.is_none() {
            let expected = "`word` beside `occurrence`".to_owned();
            return Err(FigureError::Setting { expected, found: "none".to_owned() });
        }
        Ok(())
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
        layers: Pick,
        /// Heads; put together before layers.
        #[serde(default)]
        heads: Pick,
    },
    /// Of the chosen token at temperature 1.
    Probability,
    /// How undecided the model was. **Units** nats.
    Entropy,
    /// How many candidates stand out, see [`crate::analysis::elbow_k()`].
    ElbowK,
    /// What the method `base-rank` measured.
    BaseRank,
}
