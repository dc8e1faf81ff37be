//! From the bytes of an answer to its tokens.

use crate::analysis::{Reduce, TokenRef, TokenSet};
use crate::trace::Trace;
use std::ops::Range;

/// Bytes of [`Trace::text`] that each generated token adds; empty for special tokens and for all but the last part of a
/// character that several tokens make.
///
/// **Shape**: one a generated token.
pub fn answer_ranges(trace: &Trace) -> Vec<Range<usize>> {
    let mut end = 0;
    let texts = trace.output.iter();
    texts
        .map(|token| {
            let start = end;
            end += if token.special { 0 } else { token.text.len() };
            start..end
        })
        .collect()
}

/// The generated tokens that make these bytes of [`Trace::text`], as one selection with the mean over tokens. Tokens
/// that add nothing because they are a part of a character belong to the token that completes it. Empty when the bytes
/// lie outside the answer.
pub fn tokens_of(trace: &Trace, bytes: &Range<usize>) -> TokenSet {
    let mut tokens = Vec::new();
    // Parts of a character that is not complete yet.
    let mut parts = Vec::new();
    for (idx, range) in answer_ranges(trace).into_iter().enumerate() {
        if trace.output.get(idx).is_none_or(|token| token.special) {
            parts.clear();
        } else if range.is_empty() {
            parts.push(TokenRef::Output(idx));
        } else {
            let selected = !bytes.is_empty() && range.start < bytes.end && bytes.start < range.end;
            if selected {
                tokens.append(&mut parts);
                tokens.push(TokenRef::Output(idx));
            }
            parts.clear();
        }
    }
    TokenSet::new(tokens, Reduce::Mean)
}
