//! Text to ids and back, exactly as the checkpoint's own processor does it.
//!
//! A tokenizer is a file of whoever made the checkpoint, and the library that runs it trusts it. What it can make of a
//! text is bounded by `shape` and `growth` when the file is opened and by `bounds` for each text and answer; a panic of
//! the library is an error that names the file.

mod bounds;
mod clip;
mod growth;
mod load;
mod pieces;
mod prompt;
mod shape;
#[cfg(test)]
mod tests;

pub use clip::ClipTextIds;
pub(super) use load::{GGUF_ADD_BOS, TokenizerFiles, TokenizerSpec, load};
pub use pieces::StreamDecoder;
pub use prompt::PromptIds;

use super::CheckpointError;
use bounds::{Bounds, MOST_TEXT_BYTES, contained};
use std::collections::HashSet;
use std::path::PathBuf;

/// How a family's processor puts the image into the ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptStyle {
    /// transformers' `LlavaProcessor`: `<image>` is repeated in the text, then all of it is tokenised at once.
    Expanded,
    /// The original LLaVA's `tokenizer_image_token`: the texts before and behind `<image>` are tokenised separately.
    Chunks,
    /// CLIP: no image in the text.
    TextOnly,
}

/// A checkpoint's tokenizer with what its configuration says about special tokens.
#[derive(Debug)]
pub struct TextTokenizer {
    inner: tokenizers::Tokenizer,
    bounds: Bounds,
    path: PathBuf,
    style: PromptStyle,
    /// Ids that [`TextTokenizer::decode`] leaves out.
    special: HashSet<u32>,
    image_token_id: Option<u32>,
    bos: Option<(String, u32)>,
    /// What a GGUF file says of it.
    add_bos: Option<bool>,
    pad_token_id: Option<u32>,
    /// Rows of the embedding.
    num_rows: usize,
}

impl TextTokenizer {
    /// The text of ids without special tokens: transformers' `decode(ids, skip_special_tokens=True)`.
    pub fn decode(&self, ids: &[u32]) -> Result<String, CheckpointError> {
        let kept: Vec<u32> = ids.iter().copied().filter(|id| !self.is_special(*id)).collect();
        self.decode_kept(&kept)
    }

    fn decode_kept(&self, ids: &[u32]) -> Result<String, CheckpointError> {
        let name_bytes = || ids.iter().filter_map(|id| self.inner.id_to_token(*id)).map(|name| name.len()).sum();
        self.bounds.expect_ids(ids.len(), name_bytes).map_err(|found| self.refused(found))?;
        let decoded = contained(|| Ok(self.inner.decode(ids, true))).map_err(|found| self.refused(found))?;
        decoded.map_err(|error| CheckpointError::Text { found: format!("ids that do not decode ({error})") })
    }

    fn refused(&self, found: String) -> CheckpointError {
        CheckpointError::Tokenizer { found, path: self.path.clone() }
    }

    /// Whether an id is a special token (`<s>`, `</s>`, `<image>`), which is shown but is no part of the text.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.contains(&id) || self.image_token_id == Some(id)
    }

    /// An id as it reads in the middle of a text, with its leading space: for lists of candidates. Special tokens, and
    /// bytes that are no character of their own, keep their name in the vocabulary (`</s>`, `<0xE2>`).
    pub fn piece(&self, id: u32) -> String {
        let name = self.inner.id_to_token(id).unwrap_or_else(|| {
            if self.image_token_id == Some(id) { super::IMAGE_PLACEHOLDER.to_owned() } else { format!("<{id}>") }
        });
        if self.is_special(id) {
            return name;
        }
        if let Some(word) = name.strip_suffix("</w>") {
            return format!("{word} ");
        }
        // A text's first token loses its space in many vocabularies: what the second of two adds is the whole piece.
        let (Ok(once), Ok(twice)) = (self.decode_kept(&[id]), self.decode_kept(&[id, id])) else { return name };
        match twice.strip_prefix(&once) {
            Some(piece) if !piece.is_empty() && !piece.contains('\u{fffd}') => piece.to_owned(),
            _ => name,
        }
    }

    /// Id of a token of the vocabulary.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Number of ids, added tokens included.
    pub fn num_tokens(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// See [`PromptStyle`].
    pub fn style(&self) -> PromptStyle {
        self.style
    }

    /// Ids of a text with the special tokens that a text begins (and ends) with; a text that already begins with the
    /// first one does not get it twice.
    fn encode_text(&self, text: &str) -> Result<Vec<u32>, CheckpointError> {
        let (encoding, has_bos) = self.encoding(text, false)?;
        let mut ids = encoding.get_ids().to_vec();
        if let (Some((_, bos)), Some(add_bos), false) = (&self.bos, self.add_bos, has_bos) {
            match (ids.first() == Some(bos), add_bos) {
                (true, false) => drop(ids.remove(0)),
                (false, true) => ids.insert(0, *bos),
                _ => {}
            }
        }
        self.expect_rows(&ids)?;
        Ok(ids)
    }

    /// A text as the library reads it, and whether it has its first special token already. Where in the text each token
    /// lies, in bytes, is found only if asked for.
    fn encoding(&self, text: &str, with_offsets: bool) -> Result<(tokenizers::Encoding, bool), CheckpointError> {
        // CLIP's texts are words of users, not rendered templates: they always get both special tokens.
        let is_template = self.style != PromptStyle::TextOnly;
        let has_bos = is_template && self.bos.as_ref().is_some_and(|(bos, _)| text.starts_with(bos.as_str()));
        if text.len() > MOST_TEXT_BYTES {
            return Err(CheckpointError::Text { found: format!("{} bytes, more than {MOST_TEXT_BYTES}", text.len()) });
        }
        self.bounds.expect_text(text).map_err(|found| self.refused(found))?;
        let encode = || {
            if with_offsets { self.inner.encode(text, !has_bos) } else { self.inner.encode_fast(text, !has_bos) }
        };
        let encoded = contained(|| Ok(encode())).map_err(|found| self.refused(found))?;
        let encoding = encoded
            .map_err(|error| CheckpointError::Text { found: format!("a text that does not tokenise ({error})") })?;
        Ok((encoding, has_bos))
    }

    fn expect_rows(&self, ids: &[u32]) -> Result<(), CheckpointError> {
        let beyond = ids.iter().find(|id| self.image_token_id != Some(**id) && self.is_beyond_rows(**id));
        beyond.map_or(Ok(()), |id| Err(self.vocabulary_error(*id)))
    }

    fn is_beyond_rows(&self, id: u32) -> bool {
        usize::try_from(id).is_ok_and(|id| id >= self.num_rows)
    }

    fn vocabulary_error(&self, id: u32) -> CheckpointError {
        let token = self.inner.id_to_token(id).unwrap_or_default();
        CheckpointError::Vocabulary { rows: self.num_rows, token, id, path: self.path.clone() }
    }
}
