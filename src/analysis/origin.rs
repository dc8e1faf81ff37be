//! Where a word came from: what is known about the choice of its tokens, for one word of an answer.

use super::{AnalysisError, AttentionSplit, Selection, TokenRef, TokenSet, split};
use crate::trace::{Candidate, OutputToken, Trace};

/// Where a token stood among all that could have been chosen, most probable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rank {
    /// 1 is the most probable.
    At(usize),
    /// Less probable than this many candidates, which are all that a trace keeps.
    Beyond(usize),
}

/// One token of the word.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenOrigin {
    /// 0-based among generated tokens.
    pub output_idx: usize,
    /// What it adds to the answer.
    pub text: String,
    /// Its probability at temperature 1 before any sampling filter.
    pub probability: f64,
    /// Entropy of the choice, **units** nats.
    pub entropy_nats: f64,
    /// Where it stood.
    pub rank: Rank,
    /// The most probable tokens at that step.
    pub candidates: Vec<Candidate>,
    /// Attention of the position that predicted it; `None` when its row was not kept.
    pub split: Option<AttentionSplit>,
}

impl TokenOrigin {
    fn new(output_idx: usize, token: &OutputToken, split: Option<AttentionSplit>) -> Self {
        let place = token.candidates.iter().position(|candidate| candidate.id == token.id);
        Self {
            output_idx,
            text: token.text.clone(),
            probability: f64::from(token.logprob).exp(),
            entropy_nats: f64::from(token.entropy_nats),
            rank: place.map_or(Rank::Beyond(token.candidates.len()), |place| Rank::At(place + 1)),
            candidates: token.candidates.clone(),
            split,
        }
    }
}

/// A word of one or several tokens, which are one selection.
#[derive(Debug, Clone, PartialEq)]
pub struct WordOrigin {
    /// What its tokens add to the answer, without white space around it.
    pub text: String,
    /// Token by token, in order.
    pub tokens: Vec<TokenOrigin>,
    /// Arithmetic mean of the tokens' splits; `None` when no token's row was kept.
    pub mean_split: Option<AttentionSplit>,
    /// Tokens in that mean: less than there are tokens when rows are missing.
    pub num_split: usize,
    /// Arithmetic mean of the tokens' entropies, **units** nats.
    pub mean_entropy_nats: f64,
    /// Probability of the whole word after what stood before it: the product over its tokens.
    pub probability: f64,
}

/// Collects what is known about generated tokens. Layers and heads are put together as `selection` says; with means the
/// parts of every split sum to 1.
///
/// **Errors**: nothing selected, a prompt token or one that does not exist, a layer or head that does not exist. Rows
/// that were not kept are no error.
pub fn word_origin(trace: &Trace, word: &TokenSet, selection: Selection) -> Result<WordOrigin, AnalysisError> {
    if word.tokens().is_empty() {
        return Err(AnalysisError::NothingSelected { what: "token" });
    }
    let mut tokens = Vec::with_capacity(word.tokens().len());
    for &token_ref in word.tokens() {
        let chosen = match token_ref {
            TokenRef::Output(idx) => trace.output.get(idx).map(|token| (idx, token)),
            TokenRef::Prompt(_) => None,
        };
        let (idx, token) = chosen.ok_or(AnalysisError::NoRow { token: token_ref })?;
        let split = match split(trace, token_ref, selection) {
            Ok(split) => Some(split),
            Err(AnalysisError::NoRow { .. }) => None,
            Err(err) => return Err(err),
        };
        tokens.push(TokenOrigin::new(idx, token, split));
    }
    let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
    let splits: Vec<AttentionSplit> = tokens.iter().filter_map(|token| token.split).collect();
    let entropy: f64 = tokens.iter().map(|token| token.entropy_nats).sum();
    Ok(WordOrigin {
        text: text.trim().to_owned(),
        mean_split: AttentionSplit::mean(&splits),
        num_split: splits.len(),
        mean_entropy_nats: entropy / tokens.len() as f64,
        probability: tokens.iter().map(|token| token.probability).product(),
        tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Reduce;
    use crate::analysis::fixture::{FIRST, SECOND, trace};

    fn candidate(id: u32, probability: f32) -> Candidate {
        Candidate { id, text: id.to_string(), logprob: probability.ln() }
    }

    fn example() -> Trace {
        let mut trace = trace(&[FIRST, SECOND]);
        for (token, probability, text) in [(0, 0.5_f32, " ski"), (1, 0.25, "s")] {
            let token = &mut trace.output[token];
            token.text = text.into();
            token.logprob = probability.ln();
            token.candidates = vec![candidate(3, 0.6), candidate(9, probability)];
        }
        trace.output[1].entropy_nats = 0.1;
        trace
    }

    fn word() -> TokenSet {
        TokenSet::new([TokenRef::Output(0), TokenRef::Output(1)], Reduce::Mean)
    }

    #[test]
    fn two_tokens_are_one_word_worked_by_hand() {
        let origin = word_origin(&example(), &word(), Selection::default()).expect("rows are there");
        assert_eq!(origin.text, "skis", "the word without its space");
        assert_eq!(origin.tokens[0].rank, Rank::At(2), "one candidate was more probable");
        assert!((origin.probability - 0.125).abs() < 1e-6, "1/2 times 1/4");
        assert!((origin.mean_entropy_nats - 0.4).abs() < 1e-6, "mean of 0.7 and 0.1");
        let mean = origin.mean_split.expect("both rows are there");
        // Token 0: image 0.3, 1.0, 0.2, 0.4 over the four heads; token 1: all of it.
        assert!(
            (mean.image - f64::midpoint(0.475, 1.0)).abs() < 1e-6,
            "mean over heads, layers, then tokens: {mean:?}"
        );
        assert!((mean.parts().iter().sum::<f64>() - 1.0).abs() < 1e-6, "the parts sum to one");
        assert_eq!(origin.num_split, 2, "two rows");
    }

    #[test]
    fn a_missing_row_leaves_the_rest() {
        let mut trace = example();
        trace.decoder_attention.truncate(1);
        let origin = word_origin(&trace, &word(), Selection::default()).expect("one row is there");
        assert_eq!((origin.num_split, origin.tokens.len()), (1, 2), "the mean says how many it has");
        assert!(origin.tokens[1].split.is_none(), "the second row is missing");
        assert!((origin.mean_split.expect("one row").image - 0.475).abs() < 1e-6, "the mean of one");
    }

    #[test]
    fn a_token_outside_the_candidates_is_beyond_them() {
        let mut trace = example();
        trace.output[0].id = 77;
        let origin = word_origin(&trace, &TokenSet::output(0), Selection::default()).expect("a row is there");
        assert_eq!(origin.tokens[0].rank, Rank::Beyond(2), "two candidates are kept");
    }

    #[test]
    fn what_was_not_generated_came_from_nowhere() {
        let trace = example();
        let origin = |tokens: &TokenSet| word_origin(&trace, tokens, Selection::default());
        let none = TokenSet::new([], Reduce::Mean);
        assert_eq!(origin(&none), Err(AnalysisError::NothingSelected { what: "token" }), "nothing");
        for token in [TokenRef::Prompt(0), TokenRef::Output(2)] {
            let set = TokenSet::new([token], Reduce::Mean);
            assert_eq!(origin(&set), Err(AnalysisError::NoRow { token }), "{token}");
        }
    }
}
