//! What the model that made the map says itself, and what was published about photos on which it is right or wrong.
//!
//! **Source**: Tomita et al., Table 1. Its rows are different questions: their accuracies say how hard the questions
//! are as well as what prompting does, and where the model that answers made the map itself the split is circular. So
//! the numbers are cited, and nothing is concluded from them for one photo.

use super::Source;
use crate::analysis::pope::{Said, Scorer, scorer, suffixes};
use crate::data::pope::Label;
use serde::{Deserialize, Serialize};

/// What the model that made the map says itself, and what was published about photos on which it is right or wrong.
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

/// Accuracy in Table 1 of Tomita et al. after a right and after a wrong pre-output, **units** per cent.
const ACCURACIES: [(Source, f64, f64); 2] = [(Source::Clip, 89.40, 82.54), (Source::Llava, 89.63, 43.06)];

/// Table 1 of Tomita et al., for whoever wants all of it.
pub const TABLE_1: &str = "Tomita et al., Table 1: accuracy of LLaVA-1.5 7B, both classes counted alike. Without \
    prompting 86.23 %. Prompted by CLIP 86.52 %: 89.40 % where CLIP's pre-output is right (65 % of the questions), \
    82.54 % where it is wrong. Prompted by LLaVA 86.11 %: 89.63 % where it is right (92 %), 43.06 % where it is wrong. \
    These are different questions: harder ones are among those where the pre-output is wrong";

/// What is said of a pre-output whose right answer is known: that it is right or wrong, and the published numbers of
/// such questions. The same sentences in the window and on the command line.
pub fn citation(pre_output: &PreOutput, source: Source, label: Label) -> String {
    let name = match source {
        Source::Clip => "CLIP",
        Source::Llava => "LLaVA",
    };
    let Some(is_right) = pre_output.is_right(label) else {
        return format!("{name} says neither yes nor no: that is neither right nor wrong");
    };
    let there = match (&pre_output.basis, label) {
        (_, _) if is_right => String::new(),
        (PreOutputBasis::Probability { object, .. }, Label::Yes) => format!(": “{}” is in it", object.trim()),
        (PreOutputBasis::Probability { object, .. }, Label::No) => format!(": “{}” is not in it", object.trim()),
        (PreOutputBasis::Answer { .. }, Label::Yes) => ": the right answer is yes".to_owned(),
        (PreOutputBasis::Answer { .. }, Label::No) => ": the right answer is no".to_owned(),
    };
    let verdict = if is_right { "right" } else { "wrong" };
    let (right, wrong) = ACCURACIES
        .into_iter()
        .find_map(|(of, right, wrong)| (of == source).then_some((right, wrong)))
        .unwrap_or_default();
    let numbers = if is_right {
        format!("higher on such questions ({right:.1} against {wrong:.1} %)")
    } else {
        format!("lower on such questions ({wrong:.1} against {right:.1} %)")
    };
    let circular = match source {
        Source::Clip => "",
        Source::Llava => {
            ". Where the same model answers, this split is circular: its pre-output is its own answer without \
            prompting, \
             so prompting can only lower the accuracy where that is right and raise it where it is wrong"
        }
    };
    format!("{name} is {verdict} about this photo{there}. In Tomita et al. (Table 1) accuracy was {numbers}{circular}")
}

/// The object that a yes/no question asks about, whatever is said after the question to make the answer short.
pub fn asked_object(question: &str) -> Option<String> {
    let question = question.trim();
    let bare = suffixes().iter().filter(|suffix| !suffix.text.is_empty());
    let bare = bare.filter_map(|suffix| question.strip_suffix(suffix.text.trim())).map(str::trim_end).next();
    let question = bare.unwrap_or(question);
    let lower = question.to_lowercase();
    YES_NO_FORMS.iter().any(|form| lower.starts_with(form)).then(|| object_of(question)).flatten()
}

/// How yes/no questions about an object begin.
const YES_NO_FORMS: [&str; 5] = ["is there ", "are there ", "can you see ", "does the image contain ", "do you see "];

/// The two texts that CLIP chooses between. The plural is the published one: an s, whatever the word.
pub fn clip_pre_output_texts(object: &str) -> [String; 2] {
    [format!("photo of {object}s"), format!("photo of no {object}s")]
}

/// Longest query that is taken for the name of an object, **units** words.
const MOST_WORDS: usize = 4;

/// The object that a query is about: that of a yes/no question as POPE words them, or the query itself where it is a
/// name and no sentence.
pub fn object_of(query: &str) -> Option<String> {
    let text = query.trim().trim_end_matches(['?', '.']).trim();
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return None;
    }
    let mut asked = YES_NO_FORMS.into_iter().chain(["a photo of ", "photo of "]);
    let Some(start) = asked.find_map(|asked| lower.starts_with(asked).then_some(asked.len())) else {
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
