//! What is asked of an answer, and what is known of its tokens.

use super::{DecodeError, TokenCandidate};
use crate::trace::{Sampling, TokenAction, TokenContrast};

/// Most beams: what a window or a command line may ask for.
pub const MOST_BEAMS: usize = 16;

/// Finds what a search with several beams cannot use.
pub fn check_beams(sampling: &Sampling) -> Result<(), DecodeError> {
    let Sampling { temperature, beams, length_penalty, .. } = *sampling;
    let check = |fits: bool, parameter: &'static str, expected: String, found: String| {
        let owner = "beam search".to_owned();
        if fits { Ok(()) } else { Err(DecodeError::BadParameter { owner, parameter, expected, found }) }
    };
    let fits = (1..=MOST_BEAMS).contains(&beams);
    check(fits, "beams", format!("a whole number from 1 to {MOST_BEAMS}"), beams.to_string())?;
    let fits = length_penalty.abs() <= 100.0;
    check(fits, "length_penalty", "a number from -100 to 100".to_owned(), length_penalty.to_string())?;
    if beams > 1 && temperature > 0.0 {
        return Err(DecodeError::DrawnBeams { beams, temperature });
    }
    Ok(())
}

/// How an answer is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct GenerateOptions {
    /// Most tokens to generate.
    pub max_new_tokens: usize,
    /// Ids that end an answer; the one that does is its last token.
    pub stop_token_ids: Vec<u32>,
    /// How tokens are chosen, and how many answers are followed at once.
    pub sampling: Sampling,
    /// Whether the tokens of several beams come with their logits: all of them are kept until one of the answers
    /// stands.
    pub logits: bool,
    /// Candidates kept with every token.
    pub num_candidates: usize,
    /// Ids that the answer begins with, whatever the logits say: what a fork keeps of another answer. The rest is
    /// chosen.
    pub forced: Vec<u32>,
    /// So many last ids of every prompt are the answer's first: nothing is reported of them, and counting goes on
    /// behind them.
    pub answered: usize,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        let (stop_token_ids, forced, sampling) = (Vec::new(), Vec::new(), Sampling::default());
        Self { max_new_tokens: 256, stop_token_ids, sampling, logits: true, num_candidates: 20, forced, answered: 0 }
    }
}

/// One generated token and what was known when it was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenStep {
    /// 0-based.
    pub step_idx: usize,
    /// Position of the row that predicted it: the last prompt position for the first token.
    pub query_position: usize,
    /// Vocabulary id.
    pub id: u32,
    /// Whether it ends the answer.
    pub is_stop: bool,
    /// Natural logarithm of its probability in the ordinary branch at temperature 1, before any filter.
    pub logprob: f32,
    /// Entropy of that distribution, **units** nats.
    pub entropy_nats: f32,
    /// The most probable tokens of that distribution, most probable first.
    pub candidates: Vec<TokenCandidate>,
    /// Untouched logits of every branch, the ordinary one first, **shape** `[vocab_size]` each; none where they are not
    /// asked for, see [`GenerateOptions::logits`].
    pub branch_logits: Vec<Vec<f32>>,
    /// What the methods made of them; `None` if they left the ordinary branch's as they are.
    pub final_logits: Option<Vec<f32>>,
    /// What a second branch did to it; `None` unless one contrast was all that was done.
    pub contrast: Option<TokenContrast>,
    /// What each method did, in their order, where it was anything else.
    pub actions: Vec<TokenAction>,
    /// So many tokens that steps before this one gave were taken back: this is the one behind those that stand.
    pub num_retracted: usize,
    /// Number of the position that predicted it, see [`crate::model::Probe::turn_to`]; a token that is told again has
    /// its first one.
    pub row_id: u64,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended it.
    StopToken,
    /// It reached `max_new_tokens`.
    MaxNewTokens,
    /// The model has no further positions.
    ContextFull,
}
