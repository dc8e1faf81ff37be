//! The text that each token adds, so that the pieces of an answer are the answer.
//!
//! A token may be a part of a character (a byte, or half of an emoji), and the first token of a text loses its leading
//! space: a token's text depends on the tokens before it. Both readers here decode a short window: the tokens of the
//! character in progress, behind the tokens of the last complete one.

use super::TextTokenizer;
use crate::checkpoint::CheckpointError;

/// What a decoder writes for a byte sequence that is no character, or not yet.
const INCOMPLETE: char = '\u{fffd}';

/// The tokens of the last complete text and of the one in progress.
#[derive(Debug, Clone, Default)]
struct Window {
    ids: Vec<u32>,
    /// How many of them are already told.
    num_base: usize,
    /// The text of those.
    base: String,
}

impl Window {
    /// Takes in a token; returns the text of the whole window.
    fn push(&mut self, tokenizer: &TextTokenizer, id: u32) -> Result<String, CheckpointError> {
        self.ids.push(id);
        tokenizer.decode_kept(&self.ids)
    }

    /// Everything in the window is told: only what was new stays, as the context of what comes.
    fn advance(&mut self, tokenizer: &TextTokenizer) -> Result<(), CheckpointError> {
        self.ids.drain(..self.num_base);
        self.num_base = self.ids.len();
        self.base = tokenizer.decode_kept(&self.ids)?;
        Ok(())
    }
}

impl TextTokenizer {
    /// The text that each id adds. Their concatenation is [`TextTokenizer::decode`] of all ids; special tokens add
    /// nothing, and a character made of several tokens is carried by the last of them.
    pub fn pieces(&self, ids: &[u32]) -> Result<Vec<String>, CheckpointError> {
        let full = self.decode(ids)?;
        let mut window = Window::default();
        // Bytes of `full` told so far, and told when the window last advanced.
        let (mut told, mut anchor) = (0, 0);
        let mut pieces = vec![String::new(); ids.len()];
        for (position, id) in ids.iter().enumerate() {
            if self.is_special(*id) {
                continue;
            }
            let text = window.push(self, *id)?;
            let target = full.get(anchor..).unwrap_or_default();
            // A window whose told part changed is in a byte sequence that turns out to be no text: wait for its end.
            let Some(new) = text.strip_prefix(&window.base) else { continue };
            let agreed = common_prefix_bytes(new, target);
            if anchor + agreed > told {
                full.get(told..anchor + agreed).unwrap_or_default().clone_into(&mut pieces[position]);
                told = anchor + agreed;
            }
            if agreed == new.len() {
                anchor = told;
                window.advance(self)?;
            }
        }
        let last = ids.iter().rposition(|id| !self.is_special(*id));
        if let (Some(last), Some(rest)) = (last, full.get(told..)) {
            pieces[last].push_str(rest);
        }
        Ok(pieces)
    }

    /// Starts reading an answer token by token.
    pub fn stream(&self) -> StreamDecoder<'_> {
        StreamDecoder { tokenizer: self, ids: Vec::new(), window: Window::default() }
    }
}

/// Text of an answer while it is generated.
///
/// The texts of [`StreamDecoder::push`] are the answer, with one exception that cannot be known in advance: bytes that
/// were a character and become, with the bytes behind them, no text at all. [`StreamDecoder::finish`] gives the exact
/// pieces.
#[derive(Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a TextTokenizer,
    ids: Vec<u32>,
    window: Window,
}

impl StreamDecoder<'_> {
    /// The text that this token completes; empty for a special token and inside a character.
    pub fn push(&mut self, id: u32) -> Result<String, CheckpointError> {
        self.ids.push(id);
        if self.tokenizer.is_special(id) {
            return Ok(String::new());
        }
        let text = self.window.push(self.tokenizer, id)?;
        if text.ends_with(INCOMPLETE) {
            return Ok(String::new());
        }
        let new = match text.strip_prefix(&self.window.base) {
            Some(new) => new.to_owned(),
            None => text.chars().skip(self.window.base.chars().count()).collect(),
        };
        self.window.advance(self.tokenizer)?;
        Ok(new)
    }

    /// The ids so far.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The exact pieces of all tokens, [`TextTokenizer::pieces`].
    pub fn finish(self) -> Result<Vec<String>, CheckpointError> {
        self.tokenizer.pieces(&self.ids)
    }
}

/// Bytes that two texts have in common from their beginning, in whole characters.
fn common_prefix_bytes(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
}
