//! Two answers held against each other: which tokens they share, and which were changed, put in or left out.
//!
//! The longest common subsequence by Myers' greedy algorithm in linear space: a dozen differences in two thousand
//! tokens cost a few thousand comparisons, two answers without a common token a few million. What lies between two
//! shared stretches is paired in order: the tokens of both sides that stand at the same place are *changed*, what is
//! left over on one side is *inserted* or *removed*.
//!
//! **Source**: Myers, An O(ND) Difference Algorithm and Its Variations, Algorithmica 1, 1986, sections 3 and 4b.

mod myers;

use crate::trace::{OutputToken, Trace};
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// What became of a stretch of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// The same in both.
    Kept,
    /// Other tokens in the same place.
    Changed,
    /// Only in the other answer.
    Inserted,
    /// Only in the reference.
    Removed,
}

/// A stretch of tokens with one fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignedSpan {
    /// Its fate.
    pub change: Change,
    /// Tokens of the reference; empty for what was inserted.
    pub reference: Range<usize>,
    /// Tokens of the other answer; empty for what was removed.
    pub other: Range<usize>,
}

/// Tokens by what happened to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeCounts {
    /// Shared.
    pub kept: usize,
    /// Pairs of different tokens.
    pub changed: usize,
    /// Only in the other answer.
    pub inserted: usize,
    /// Only in the reference.
    pub removed: usize,
}

/// Two answers held against each other: which tokens they share, and which were changed, put in or left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alignment {
    spans: Vec<AlignedSpan>,
    /// For every token of the reference its change and its partner.
    of_reference: Vec<(Change, Option<usize>)>,
    /// For every token of the other answer.
    of_other: Vec<(Change, Option<usize>)>,
}

impl Alignment {
    /// Aligns two sequences of anything that can be told apart.
    pub fn new<T: Eq + Hash>(reference: &[T], other: &[T]) -> Self {
        // Numbers in place of what may be long texts: most of the work is comparing.
        let mut names = HashMap::new();
        let mut numbered = |tokens| -> Vec<usize> {
            let mut number = |token| {
                let next = names.len();
                *names.entry(token).or_insert(next)
            };
            <&[T]>::into_iter(tokens).map(&mut number).collect()
        };
        let (reference, other) = (numbered(reference), numbered(other));
        let shared = myers::common(&reference, &other);
        Self::of_pairs(&shared, reference.len(), other.len())
    }

    /// Aligns two answers: by vocabulary ids if one model gave both, by the tokens' texts if not.
    pub fn of_answers(reference: &Trace, other: &Trace) -> Self {
        let (a, b) = (&reference.output, &other.output);
        if reference.run.weight_hash == other.run.weight_hash {
            let ids = |tokens: &[OutputToken]| tokens.iter().map(|token| token.id).collect::<Vec<_>>();
            Self::new(&ids(a), &ids(b))
        } else {
            let texts = |tokens: &'_ [OutputToken]| tokens.iter().map(|token| token.text.clone()).collect::<Vec<_>>();
            Self::new(&texts(a), &texts(b))
        }
    }

    /// `shared` are the pairs of equal tokens, ascending on both sides.
    fn of_pairs(shared: &[(usize, usize)], reference_len: usize, other_len: usize) -> Self {
        let mut made = Self {
            spans: Vec::new(),
            of_reference: Vec::with_capacity(reference_len),
            of_other: Vec::with_capacity(other_len),
        };
        for &(reference, other) in shared {
            made.gap(reference, other);
            made.extend(Change::Kept, 1);
        }
        made.gap(reference_len, other_len);
        made
    }

    /// What lies between the last pair and the next one.
    fn gap(&mut self, reference: usize, other: usize) {
        let left = reference.saturating_sub(self.of_reference.len());
        let right = other.saturating_sub(self.of_other.len());
        let paired = left.min(right);
        self.extend(Change::Changed, paired);
        self.extend(Change::Removed, left - paired);
        self.extend(Change::Inserted, right - paired);
    }

    fn extend(&mut self, change: Change, count: usize) {
        if count == 0 {
            return;
        }
        let (from_reference, from_other) = (self.of_reference.len(), self.of_other.len());
        for step in 0..count {
            if change != Change::Inserted {
                self.of_reference.push((change, (change != Change::Removed).then_some(from_other + step)));
            }
            if change != Change::Removed {
                self.of_other.push((change, (change != Change::Inserted).then_some(from_reference + step)));
            }
        }
        let (reference, other) = (self.of_reference.len(), self.of_other.len());
        match self.spans.last_mut().filter(|span| span.change == change) {
            Some(span) => (span.reference.end, span.other.end) = (reference, other),
            None => {
                self.spans.push(AlignedSpan { change, reference: from_reference..reference, other: from_other..other });
            }
        }
    }

    /// Stretches in reading order; together they are both answers.
    pub fn spans(&self) -> &[AlignedSpan] {
        &self.spans
    }

    /// The other answer's token at the place of a token of the reference; `None` if it was removed.
    pub fn other_of(&self, reference_idx: usize) -> Option<usize> {
        self.of_reference.get(reference_idx)?.1
    }

    /// The reference's token at the place of a token of the other answer; `None` if it was inserted.
    pub fn reference_of(&self, other_idx: usize) -> Option<usize> {
        self.of_other.get(other_idx)?.1
    }

    /// What became of a token of the reference; `None` beyond its end.
    pub fn change_of_reference(&self, reference_idx: usize) -> Option<Change> {
        Some(self.of_reference.get(reference_idx)?.0)
    }

    /// How a token of the other answer came about; `None` beyond its end.
    pub fn change_of_other(&self, other_idx: usize) -> Option<Change> {
        Some(self.of_other.get(other_idx)?.0)
    }

    /// How many tokens met which fate.
    pub fn counts(&self) -> ChangeCounts {
        let mut counts = ChangeCounts::default();
        for span in &self.spans {
            let (count, len) = match span.change {
                Change::Kept => (&mut counts.kept, span.other.len()),
                Change::Changed => (&mut counts.changed, span.other.len()),
                Change::Inserted => (&mut counts.inserted, span.other.len()),
                Change::Removed => (&mut counts.removed, span.reference.len()),
            };
            *count += len;
        }
        counts
    }

    /// Whether both answers are token by token the same.
    pub fn is_same(&self) -> bool {
        self.spans.iter().all(|span| span.change == Change::Kept)
    }

    /// The first token at which they differ, 0-based: before it both have the same, so it has this number in both.
    pub fn first_difference(&self) -> Option<usize> {
        self.spans.iter().find(|span| span.change != Change::Kept).map(|span| span.other.start)
    }

    /// "3 changed, 1 inserted, 2 removed of 14 tokens; first difference at token 5"; numbers of tokens are those of the
    /// reference.
    pub fn sentence(&self) -> String {
        let counts = self.counts();
        let num_tokens = self.of_reference.len();
        let Some(first) = self.first_difference() else {
            return match num_tokens {
                0 => "Both answers are empty".to_owned(),
                1 => "The answers are the same: 1 token".to_owned(),
                _ => format!("The answers are the same: {num_tokens} tokens"),
            };
        };
        let parts = [(counts.changed, "changed"), (counts.inserted, "inserted"), (counts.removed, "removed")];
        let parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let noun = if num_tokens == 1 { "token" } else { "tokens" };
        format!("{} of {num_tokens} {noun}; first difference at token {first}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests;
