//! One step as a method sees it: what it asked for, what it gets, what it may say.

use crate::decode::DecodeError;

/// Logits of hidden states inside the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Readout {
    /// Of the hidden states as transformers counts them: 0 are the embeddings, k is the output of layer k - 1, and the
    /// last entry is behind the final norm.
    pub entry: usize,
    /// Whether they go through the final norm before the output head. The last entry has been through it.
    pub normed: bool,
}

/// What a method wants to see of the ordinary branch's position that predicts, at every step, after every edit of the
/// stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Asks {
    /// Logits of inner layers.
    pub readouts: Vec<Readout>,
    /// Entries of the hidden states, as in [`Readout::entry`].
    pub hidden: Vec<usize>,
    /// Decoder layers whose attention row is wanted.
    pub attention: Vec<usize>,
}

impl Asks {
    /// What both want, each once.
    pub(super) fn extend(&mut self, other: &Self) {
        fn add<T: Copy + PartialEq>(all: &mut Vec<T>, more: &[T]) {
            for one in more {
                if !all.contains(one) {
                    all.push(*one);
                }
            }
        }
        add(&mut self.readouts, &other.readouts);
        add(&mut self.hidden, &other.hidden);
        add(&mut self.attention, &other.attention);
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.readouts.is_empty() && self.hidden.is_empty() && self.attention.is_empty()
    }
}

/// The attention of one position in one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct HeadRows {
    /// Keys it sees.
    pub key_len: usize,
    /// **Shape** `[num_attention_heads, key_len]`.
    pub values: Vec<f32>,
}

impl HeadRows {
    /// Head by head, **shape** `[key_len]` each.
    pub fn heads(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.key_len.max(1))
    }
}

/// What was seen at a step for all methods together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    pub(super) readouts: Vec<(Readout, Vec<f32>)>,
    pub(super) hidden: Vec<(usize, Vec<f32>)>,
    pub(super) attention: Vec<(usize, HeadRows)>,
}

impl Seen {
    /// See [`Step::attention`].
    pub(in crate::decode) fn attention(&self, layer_idx: usize) -> Result<&HeadRows, DecodeError> {
        let found = self.attention.iter().find(|(of, _)| *of == layer_idx).map(|(_, rows)| rows);
        found.ok_or_else(|| not_seen("attention of layer", layer_idx))
    }
}

/// The logits of a step and what else was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// 0-based token of the answer that is about to be chosen.
    pub step_idx: usize,
    /// Ids of the ordinary branch: its prompt and the answer so far.
    pub ids: &'a [u32],
    /// How many of them are the prompt.
    pub prompt_len: usize,
    /// The ordinary branch's logits, as the methods before this one left them: removed candidates are minus infinity.
    /// **Shape** `[vocab_size]`.
    pub logits: &'a [f32],
    /// The ordinary branch's logits as the model made them, after edits inside of it.
    pub raw_logits: &'a [f32],
    /// Logits of the method's own branches, in the order in which it made them.
    pub branches: &'a [Vec<f32>],
    /// See [`Step::readout`], [`Step::hidden`] and [`Step::attention`].
    pub seen: &'a Seen,
}

impl<'a> Step<'a> {
    /// The answer so far.
    pub fn answer(&self) -> &'a [u32] {
        self.ids.get(self.prompt_len..).unwrap_or_default()
    }

    /// Logits of the method's only further branch.
    pub fn branch(&self) -> Result<&'a [f32], DecodeError> {
        match self.branches {
            [negative] if negative.len() == self.logits.len() => Ok(negative),
            [negative] => Err(DecodeError::StrategyShape { expected: self.logits.len(), found: negative.len() }),
            _ => Err(DecodeError::NumBranches { expected: 2, found: 1 + self.branches.len() }),
        }
    }

    /// Logits of an inner layer that [`Asks::readouts`] has, **shape** `[vocab_size]`.
    pub fn readout(&self, readout: Readout) -> Result<&'a [f32], DecodeError> {
        let found = self.seen.readouts.iter().find(|(of, _)| *of == readout).map(|(_, logits)| logits.as_slice());
        found.ok_or_else(|| not_seen("logits of the hidden states", readout.entry))
    }

    /// Hidden states that [`Asks::hidden`] has, **shape** `[hidden_size]`.
    pub fn hidden(&self, entry: usize) -> Result<&'a [f32], DecodeError> {
        let found = self.seen.hidden.iter().find(|(of, _)| *of == entry).map(|(_, values)| values.as_slice());
        found.ok_or_else(|| not_seen("hidden states", entry))
    }

    /// The attention row of a layer that [`Asks::attention`] has.
    pub fn attention(&self, layer_idx: usize) -> Result<&'a HeadRows, DecodeError> {
        self.seen.attention(layer_idx)
    }
}

fn not_seen(what: &'static str, idx: usize) -> DecodeError {
    DecodeError::NotSeen { what, idx }
}

/// A token that was chosen and is not yet told to anybody.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// 0-based token of the answer.
    pub step_idx: usize,
    /// The token.
    pub id: u32,
    /// Ids of the ordinary branch's prompt and of the answer before this token.
    pub ids: &'a [u32],
    /// How many of them are the prompt.
    pub prompt_len: usize,
}

/// What becomes of a chosen token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Verdict {
    /// It stands.
    #[default]
    Keep,
    /// It is taken back, and with it every token of the answer from number `to_len` on; the token of that number is
    /// then chosen again, in that one step not from these. A number behind the chosen token means that one.
    Retract {
        /// Tokens of the answer that stand.
        to_len: usize,
        /// Ids that are not chosen.
        barred: Vec<u32>,
    },
}
