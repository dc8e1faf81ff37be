//! How probable "yes" was before a word was chosen.

use crate::trace::{Candidate, ContrastCandidate, OutputToken};
use serde::{Deserialize, Serialize};

/// Which tokens are "yes" and "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum YesNoWords {
    /// `pair`: the one token "Yes" and the one token "No" in the form that begins an answer: with a space before it
    /// where the vocabulary has that (3869 and 1939 of LLaVA-1.5).
    #[default]
    Pair,
    /// `any`: every token that reads yes or no, whatever its case and with or without a space.
    Any,
}

impl YesNoWords {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pair, Self::Any];

    /// Its name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Any => "any",
        }
    }

    /// Those of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|words| words.id() == id)
    }
}

/// Vocabulary ids of "yes" and "no".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct YesNoIds {
    /// Tokens that say yes.
    pub yes: Vec<u32>,
    /// Tokens that say no.
    pub no: Vec<u32>,
}

/// Marks of a space before a piece, in the vocabularies of `SentencePiece` and of byte-level encodings, and written
/// out.
const SPACES: [&str; 3] = ["\u{2581}", "\u{120}", " "];

impl YesNoIds {
    /// Looks them up in a vocabulary: `id_of` gives the id of a piece as the vocabulary writes it (`▁Yes`, `ĠYes`).
    pub fn look_up(words: YesNoWords, id_of: impl Fn(&str) -> Option<u32>) -> Self {
        let find = |word: &str| -> Vec<u32> {
            let spaced = SPACES.iter().find_map(|space| id_of(&format!("{space}{word}")));
            match words {
                YesNoWords::Pair => spaced.or_else(|| id_of(word)).into_iter().collect(),
                YesNoWords::Any => {
                    let mut ids = Vec::new();
                    for form in [word.to_owned(), word.to_lowercase(), word.to_uppercase()] {
                        ids.extend(SPACES.iter().filter_map(|space| id_of(&format!("{space}{form}"))));
                        ids.extend(id_of(&form));
                    }
                    ids.sort_unstable();
                    ids.dedup();
                    ids
                }
            }
        };
        Self { yes: find("Yes"), no: find("No") }
    }

    /// Finds them among the candidates of a step by their text, for those who have no vocabulary at hand. With
    /// [`YesNoWords::Pair`] the more probable of "Yes" with and without a space is taken, as both are the same word to
    /// a reader. Words that are not among the candidates are not found.
    pub fn among(words: YesNoWords, candidates: &[Candidate]) -> Self {
        let find = |word: &str| -> Vec<u32> {
            let reads = |candidate: &&Candidate| {
                let text =
                    SPACES.iter().fold(candidate.text.as_str(), |text, space| text.strip_prefix(space).unwrap_or(text));
                match words {
                    YesNoWords::Pair => text == word,
                    YesNoWords::Any => text.eq_ignore_ascii_case(word),
                }
            };
            let most = if words == YesNoWords::Pair { 1 } else { usize::MAX };
            candidates.iter().filter(reads).take(most).map(|candidate| candidate.id).collect()
        };
        Self { yes: find("Yes"), no: find("No") }
    }
}

/// Probability of yes: softmax over the yes and no tokens alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct YesProbability {
    /// Between 0 and 1.
    pub yes: f64,
    /// The least it can be: equal to `yes` when it is known exactly.
    pub at_least: f64,
    /// The most it can be.
    pub at_most: f64,
    /// The tokens it was made of.
    pub ids: YesNoIds,
}

impl YesProbability {
    /// From what a trace keeps of the first token of an answer: of the distribution that it was chosen from, which is
    /// the one after the contrast where there is a second branch.
    pub fn of_token(token: &OutputToken, words: YesNoWords) -> Option<Self> {
        let Some(contrast) = &token.contrast else {
            return Self::from_candidates(&token.candidates, &YesNoIds::among(words, &token.candidates));
        };
        let of = |candidate: &ContrastCandidate| Candidate {
            id: candidate.id,
            text: candidate.text.clone(),
            logprob: candidate.final_logprob.unwrap_or(f32::NEG_INFINITY),
        };
        let mut candidates: Vec<Candidate> = contrast.candidates.iter().map(of).collect();
        candidates.sort_by(|a, b| b.logprob.total_cmp(&a.logprob));
        Self::from_candidates(&candidates, &YesNoIds::among(words, &candidates))
    }

    /// From the candidates that a trace keeps of that step. A token that is not among them is less probable than the
    /// last of them: `yes` takes it for 0, the bounds say what that can do. `None` if neither side is among them.
    pub fn from_candidates(candidates: &[Candidate], ids: &YesNoIds) -> Option<Self> {
        let probability = |candidate: &Candidate| f64::from(candidate.logprob).exp();
        // What a cut-off removed is there with nothing: it says nothing of those that are not.
        let last = candidates.iter().rev().map(probability).find(|part| *part > 0.0).unwrap_or(0.0);
        let rest = (1.0 - candidates.iter().map(probability).sum::<f64>()).max(0.0);
        let side = |ids: &[u32]| -> (f64, f64) {
            let found: Vec<f64> = candidates.iter().filter(|c| ids.contains(&c.id)).map(probability).collect();
            // A side that could not be looked up has at least one token somewhere.
            let missing = ids.len().max(1) - found.len().min(ids.len().max(1));
            (found.iter().sum(), (last * missing as f64).min(rest))
        };
        let ((yes, more_yes), (no, more_no)) = (side(&ids.yes), side(&ids.no));
        // The sum of nothing is minus zero.
        let share = |yes: f64, no: f64| (yes + no > 0.0).then(|| yes / (yes + no) + 0.0);
        Some(Self {
            yes: share(yes, no)?,
            at_least: share(yes, no + more_no)?,
            at_most: share(yes + more_yes, no)?,
            ids: ids.clone(),
        })
    }
}
