//! A prompt's ids with the image's positions in them.

use super::{PromptStyle, TextTokenizer};
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER};
use crate::ids::TokenSpan;
use std::ops::Range;

/// A tokenised prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptIds {
    /// Ids of the expanded prompt: one position per image token.
    pub ids: Vec<u32>,
    /// The image tokens' positions.
    pub image_token_span: TokenSpan,
}

impl TextTokenizer {
    /// Ids of a prompt with exactly one `<image>`, which becomes `num_image_tokens` positions. Special tokens are added
    /// as the tokenizer adds them, the first one once.
    ///
    /// **Source**: transformers' `LlavaProcessor.__call__`; for the original layout LLaVA's `mm_utils.py`,
    /// `tokenizer_image_token`.
    pub fn encode_prompt(&self, text: &str, num_image_tokens: usize) -> Result<PromptIds, CheckpointError> {
        let found = text.matches(IMAGE_PLACEHOLDER).count();
        let (1, Some((before, behind)), Some(image)) = (found, text.split_once(IMAGE_PLACEHOLDER), self.image_token_id)
        else {
            return Err(CheckpointError::Placeholder { found });
        };
        let (ids, start) = match self.style {
            PromptStyle::Chunks => self.encode_chunks(before, behind, image, num_image_tokens)?,
            PromptStyle::Expanded | PromptStyle::TextOnly => {
                let expanded = [before, &IMAGE_PLACEHOLDER.repeat(num_image_tokens), behind].concat();
                let ids = self.encode_text(&expanded)?;
                let start = ids.iter().position(|id| *id == image).unwrap_or(ids.len());
                (ids, start)
            }
        };
        let image_token_span = TokenSpan { start, len: num_image_tokens };
        let is_whole = ids.get(image_token_span.range()).is_some_and(|span| span.iter().all(|id| *id == image))
            && ids.iter().filter(|id| **id == image).count() == num_image_tokens;
        if is_whole {
            return Ok(PromptIds { ids, image_token_span });
        }
        let count = ids.iter().filter(|id| **id == image).count();
        Err(CheckpointError::Text {
            found: format!("{count} image tokens of id {image} in place of {num_image_tokens} in a row"),
        })
    }

    /// Which tokens of a prompt share a character with a part of the text behind its `<image>`, in bytes: how many
    /// there are, and how many follow them. None share one with an empty part, also where a token lies across it.
    pub fn tokens_of(&self, text: &str, part: Range<usize>) -> Result<(usize, usize), CheckpointError> {
        if part.is_empty() {
            return Ok((0, 0));
        }
        let behind = match self.style {
            PromptStyle::Chunks => text.find(IMAGE_PLACEHOLDER).map_or(0, |at| at + IMAGE_PLACEHOLDER.len()),
            PromptStyle::Expanded | PromptStyle::TextOnly => 0,
        };
        let (encoding, _) = self.encoding(text.get(behind..).unwrap_or_default(), true)?;
        let part = part.start.saturating_sub(behind)..part.end.saturating_sub(behind);
        let shares = |(start, end): &(usize, usize)| *start < part.end && part.start < *end;
        let offsets = encoding.get_offsets();
        let last = offsets.iter().rposition(shares);
        let following = last.map_or(0, |last| offsets.len() - 1 - last);
        Ok((offsets.iter().filter(|offsets| shares(offsets)).count(), following))
    }

    fn encode_chunks(
        &self,
        before: &str,
        behind: &str,
        image: u32,
        num_image_tokens: usize,
    ) -> Result<(Vec<u32>, usize), CheckpointError> {
        let mut ids = self.encode_text(before)?;
        let start = ids.len();
        ids.extend(std::iter::repeat_n(image, num_image_tokens));
        let behind = self.encode_text(behind)?;
        let bos = self.bos.as_ref().map(|(_, id)| *id);
        let skip = usize::from(bos.is_some() && behind.first().copied() == bos);
        ids.extend_from_slice(behind.get(skip..).unwrap_or_default());
        Ok((ids, start))
    }
}
