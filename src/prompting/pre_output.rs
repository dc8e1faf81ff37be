//! What the model that made the map thinks itself.
//!
//! Prompting helps where this is right and hurts where it is wrong (Tomita et al.: 89 and 83 % against 86 % without, with CLIP's maps), so
//! whoever sees the prompted photo should see this first.

use crate::analysis::pope::{Said, Scorer, scorer};
use crate::data::pope::Label;
use serde::{Deserialize, Serialize};

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreOutput {
    /// What it says.
    pub said: Said,
    /// What that was read from.
    pub basis: PreOutputBasis,
}

/// What a pre-output was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PreOutputBasis {
    /// CLIP: how probable the first of two texts is.
    Probability {
        /// What was asked about.
        object: String,
        /// `photo of ...s`, against `photo of no ...s`.
        yes_probability: f32,
    },
    /// LLaVA: the answer during which the map was made.
    Answer {
        /// Its words.
        text: String,
    },
}

impl PreOutput {
    /// CLIP's: yes from one half on.
    pub fn of_probability(object: String, yes_probability: f32) -> Self {
        let said = if yes_probability >= 0.5 { Said::Yes } else { Said::No };
        Self { said, basis: PreOutputBasis::Probability { object, yes_probability } }
    }

    /// LLaVA's: the first word decides, as in Tomita et al.
    pub fn of_answer(text: String) -> Self {
        let said = scorer("s0").map_or(Said::Unknown, |scorer: &Scorer| scorer.said(&text));
        Self { said, basis: PreOutputBasis::Answer { text } }
    }

    /// Whether it is right; `None` where it says neither yes nor no.
    pub fn is_right(&self, label: Label) -> Option<bool> {
        match self.said {
            Said::Yes => Some(label == Label::Yes),
            Said::No => Some(label == Label::No),
            Said::Unknown => None,
        }
    }
}

/// The two texts that CLIP chooses between. The plural is the published one: an s, whatever the word.
pub fn clip_pre_output_texts(object: &str) -> [String; 2] {
    [format!("photo of {object}s"), format!("photo of no {object}s")]
}

/// Longest query that is taken for the name of an object, **units** words.
const MOST_WORDS: usize = 4;

/// The object that a query is about: that of a yes/no question as POPE words them, or the query itself where it is a name and no sentence.
pub fn object_of(query: &str) -> Option<String> {
    let text = query.trim().trim_end_matches(['?', '.']).trim();
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    let asked = [
        "is there ",
        "are there ",
        "can you see ",
        "does the image contain ",
        "do you see ",
        "a photo of ",
        "photo of ",
    ];
    let Some(start) = asked.iter().find_map(|asked| lower.starts_with(asked).then_some(asked.len())) else {
        let is_name = !query.contains(['?', '.', '!']) && text.split_whitespace().count() <= MOST_WORDS;
        return (is_name && !text.is_empty()).then(|| text.to_owned());
    };
    let mut object = text.get(start..)?;
    for article in ["a ", "an ", "any ", "some ", "the "] {
        object = strip(object, article).unwrap_or(object);
    }
    for tail in [" in the image", " in the imange", " in this image", " in the photo", " in the picture"] {
        let head = object.len().checked_sub(tail.len());
        if let Some(head) = head.filter(|head| object.get(*head..).is_some_and(|end| end.eq_ignore_ascii_case(tail))) {
            object = object.get(..head)?;
        }
    }
    let object = object.trim();
    let is_article = ["a", "an", "any", "some", "the"].contains(&object.to_lowercase().as_str());
    let is_name = !is_article && (1..=MOST_WORDS).contains(&object.split_whitespace().count());
    is_name.then(|| object.to_owned())
}

fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    if start.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}
