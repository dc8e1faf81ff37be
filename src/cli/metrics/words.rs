//! The tokens that the command line names, by number or by word.

use super::super::failure::Failure;
use super::super::truth_args::{MetricsArgs, NthWord};
use crate::analysis::chair::{Extractor, Mention, tokens_of, words};
use crate::analysis::{TokenRef, TokenSet};
use crate::names::hint;
use crate::trace::Trace;
use anyhow::anyhow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Generated tokens, and what they say.
pub(super) struct Selected {
    pub(super) set: TokenSet,
    /// Counted from 0.
    pub(super) idxs: Vec<usize>,
    pub(super) text: String,
}

/// A number that the answer does not have is a wrong value of the option; a word that it does not have is one that the
/// data do not have.
pub(super) fn selected(args: &MetricsArgs, trace: &Trace) -> Result<Selected, Failure> {
    let set = match (args.token, &args.word) {
        (Some(token), _) => TokenSet::output(token),
        (None, Some(word)) => tokens_of(trace, &place_of(trace, word)?),
        (None, None) => return Err(Failure::usage(anyhow!("Expected --token or --word with --trace, found neither"))),
    };
    let of_answer = set.tokens().iter().filter_map(|token| match token {
        TokenRef::Output(idx) => Some(*idx),
        TokenRef::Prompt(_) => None,
    });
    let idxs: Vec<usize> = of_answer.collect();
    let count = trace.decoder_attention.len();
    if let Some(found) = idxs.iter().find(|idx| **idx >= count) {
        let expected = format!("one of {count} generated tokens with attention, counted from 0");
        return Err(match args.token {
            Some(_) => Failure::usage(anyhow!("Expected --token as {expected}, found {found}")),
            None => Failure::work(anyhow!("Expected the word as {expected}, found token {found}")),
        });
    }
    let text = idxs.iter().filter_map(|idx| trace.output.get(*idx)).map(|token| token.text.as_str()).collect();
    Ok(Selected { set, idxs, text })
}

/// Bytes of the word in the answer.
fn place_of(trace: &Trace, NthWord { word, place }: &NthWord) -> Result<Range<usize>, Failure> {
    let text = trace.text();
    let mentions = Extractor::default().mentions(&text);
    let written = |bytes: &Range<usize>| text.get(bytes.clone()).is_some_and(|text| text.to_lowercase() == *word);
    let is_meant = mentions.iter().filter(|one| one.word == *word || one.category == *word || written(&one.bytes));
    let mut places: Vec<Range<usize>> = is_meant.map(|mention| mention.bytes.clone()).collect();
    let all = words(&text);
    if places.is_empty() {
        // A plural may be asked for where the answer has a singular, or another word of the category: `People`.
        let asked = Extractor::default().mentions(word).into_iter().find(|one| one.bytes == (0..word.len()));
        let is_meant = |one: &&Mention| {
            asked.as_ref().is_some_and(|asked| {
                one.word == asked.word || (asked.word == asked.category && one.category == asked.category)
            })
        };
        places = mentions.iter().filter(is_meant).map(|mention| mention.bytes.clone()).collect();
    }
    if places.is_empty() {
        places = all.iter().filter(|one| one.text == *word).map(|one| one.bytes.clone()).collect();
    }
    let known: BTreeSet<&str> = all.iter().map(|one| one.text.as_str()).collect();
    let near = hint(word, known);
    match (places.get(place.saturating_sub(1)), places.len()) {
        (Some(bytes), _) => Ok(bytes.clone()),
        (None, 0) => Err(Failure::work(anyhow!("Expected --word as a word of the answer, found `{word}`{near}"))),
        (None, 1) => Err(Failure::work(anyhow!(
            "Expected --word as {word}, which stands in the answer once, found {word}:{place}"
        ))),
        (None, count) => Err(Failure::work(anyhow!(
            "Expected --word as {word}:1 to {word}:{count}, the places of `{word}` in the answer, found {word}:{place}"
        ))),
    }
}
