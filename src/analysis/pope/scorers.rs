//! The published ways to read an answer to a yes/no question. They differ, and so do the figures made with them.

use super::Label;
use serde::{Deserialize, Serialize};

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Said {
    /// The object is there.
    Yes,
    /// It is not.
    No,
    /// Neither can be read from it.
    Unknown,
}

/// What an answer counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Counted as yes.
    Yes,
    /// Counted as no.
    No,
    /// Left out of every figure.
    Excluded,
}

impl Outcome {
    /// Whether it is right; `None` when it is left out.
    pub fn is_right(self, label: Label) -> Option<bool> {
        match self {
            Self::Yes => Some(label == Label::Yes),
            Self::No => Some(label == Label::No),
            Self::Excluded => None,
        }
    }
}

/// A way to read an answer.
pub struct Scorer {
    /// Its name.
    pub id: &'static str,
    /// A short name for people.
    pub label: &'static str,
    /// Its rule.
    pub help: &'static str,
    /// Where it is from.
    pub paper: &'static str,
    said: fn(&str) -> Said,
    outcome: fn(&str, Label) -> Outcome,
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Scorer {
    /// What the answer says, whatever is right.
    pub fn said(&self, answer: &str) -> Said {
        (self.said)(answer)
    }

    /// What the answer counts as for a question with this label. Some scorers look for the right word only, so that the
    /// same answer is right for both labels, or wrong for both.
    pub fn outcome(&self, answer: &str, label: Label) -> Outcome {
        (self.outcome)(answer, label)
    }
}

/// Every way, by name.
pub fn scorers() -> &'static [Scorer] {
    &SCORERS
}

/// The way of that name.
pub fn scorer(id: &str) -> Option<&'static Scorer> {
    SCORERS.iter().find(|scorer| scorer.id == id)
}

const SCORERS: [Scorer; 6] = [
    Scorer {
        id: "official",
        label: "POPE, LLaVA",
        help: "In the first sentence the word No, no or not means no; everything else means yes, also an answer that \
            is none.",
        paper: "Li et al. 2023, evaluate.py; LLaVA's eval_pope.py",
        said: official,
        outcome: |answer, _| counted(official(answer)),
    },
    Scorer {
        id: "vcd",
        label: "VCD, DAMRO",
        help: "Right if the letters of the label, yes or no, occur anywhere: \"snow\" is a no. An answer with neither \
            is wrong.",
        paper: "Leng et al. 2024, eval_pope.py; Gong et al. 2024",
        said: |answer| substring(answer, &["no"]),
        outcome: |answer, label| by_label(answer, label, &["no"]),
    },
    Scorer {
        id: "clearsight",
        label: "ClearSight",
        help: "As vcd, with the letters no or not for no.",
        paper: "Yin et al. 2025",
        said: |answer| substring(answer, &["no", "not"]),
        outcome: |answer, label| by_label(answer, label, &["no", "not"]),
    },
    Scorer {
        id: "opera",
        label: "OPERA, PAI, SID",
        help: "In all sentences a word No, not, no, NO or one that ends in n't means no; everything else means yes.",
        paper: "Huang et al. 2024, pope_eval.py",
        said: opera,
        outcome: |answer, _| counted(opera(answer)),
    },
    Scorer {
        id: "icd",
        label: "ICD",
        help: "As official for no; yes needs the word Yes or yes; everything else is left out.",
        paper: "Wang et al. 2024",
        said: icd,
        outcome: |answer, _| counted(icd(answer)),
    },
    Scorer {
        id: "s0",
        label: "First word",
        help: "The first word, Yes or No, decides; everything else, Not Sure too, is left out.",
        paper: "Tomita et al.",
        said: first_word,
        outcome: |answer, _| counted(first_word(answer)),
    },
];

fn counted(said: Said) -> Outcome {
    match said {
        Said::Yes => Outcome::Yes,
        Said::No => Outcome::No,
        Said::Unknown => Outcome::Excluded,
    }
}

fn yes_unless(no: bool) -> Said {
    if no { Said::No } else { Said::Yes }
}

/// Words of the first sentence as the official script splits them: at single spaces, so that a line break or a
/// quotation mark stays.
fn says_no(answer: &str) -> bool {
    let first = answer.split('.').next().unwrap_or_default().replace(',', "");
    first.split(' ').any(|word| matches!(word, "No" | "not" | "no"))
}

fn official(answer: &str) -> Said {
    yes_unless(says_no(answer))
}

fn opera(answer: &str) -> Said {
    let text = answer.replace(['.', ','], "");
    yes_unless(text.split(' ').any(|word| matches!(word, "No" | "not" | "no" | "NO") || word.ends_with("n't")))
}

fn icd(answer: &str) -> Said {
    let first = answer.split('.').next().unwrap_or_default().replace(',', "");
    let yes = first.split(' ').any(|word| matches!(word, "Yes" | "yes"));
    match (says_no(answer), yes) {
        (true, _) => Said::No,
        (false, true) => Said::Yes,
        (false, false) => Said::Unknown,
    }
}

fn first_word(answer: &str) -> Said {
    let first: String = answer.trim_start().chars().take_while(|c| c.is_alphabetic()).collect();
    match first.to_lowercase().as_str() {
        "yes" => Said::Yes,
        "no" => Said::No,
        _ => Said::Unknown,
    }
}

fn contains(answer: &str, no: &[&str]) -> (bool, bool) {
    let answer = answer.to_lowercase();
    (answer.contains("yes"), no.iter().any(|no| answer.contains(no)))
}

fn substring(answer: &str, no: &[&str]) -> Said {
    match contains(answer, no) {
        (true, false) => Said::Yes,
        (false, true) => Said::No,
        (true, true) | (false, false) => Said::Unknown,
    }
}

/// Without the letters of the label the answer counts as the other one, also if it says neither.
fn by_label(answer: &str, label: Label, no: &[&str]) -> Outcome {
    let (has_yes, has_no) = contains(answer, no);
    match label {
        Label::Yes if has_yes => Outcome::Yes,
        Label::Yes => Outcome::No,
        Label::No if has_no => Outcome::No,
        Label::No => Outcome::Yes,
    }
}
