//! CLIP's texts: cut or filled to the text tower's positions.

use super::TextTokenizer;
use crate::checkpoint::{CheckpointError, ClipConfig};

/// Old configurations give 2 for the end token's id, which no CLIP has; there the end token is the largest id
/// (transformers' own rule).
const LEGACY_EOS: u32 = 2;

/// A text for CLIP's text tower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipTextIds {
    /// As many ids as the tower has positions.
    pub ids: Vec<u32>,
    /// How many of them are the text with its start and end token.
    pub len: usize,
    /// Where the text's embedding is read.
    pub eot_position: usize,
    /// The text was longer than the tower can read.
    pub truncated: bool,
}

impl ClipTextIds {
    /// The text with its start and end token: what fills the rest comes after the end token, which cannot see it.
    pub fn seen(&self) -> &[u32] {
        self.ids.get(..self.len).unwrap_or(&self.ids)
    }
}

impl TextTokenizer {
    /// Ids of a text, cut (the end token stays) or filled to the tower's positions.
    ///
    /// **Source**: `CLIPTokenizer(text, padding="max_length", truncation=True)` and the pooling of
    /// `CLIPTextTransformer`.
    pub fn encode_clip(&self, text: &str, config: &ClipConfig) -> Result<ClipTextIds, CheckpointError> {
        let max_positions = config.text_max_position_embeddings;
        let mut ids = self.encode_text(text)?;
        let truncated = ids.len() > max_positions;
        if let (true, Some(end)) = (truncated, ids.last().copied()) {
            ids.truncate(max_positions.saturating_sub(1));
            ids.push(end);
        }
        let len = ids.len();
        let eot_position = if config.text_eos_token_id == LEGACY_EOS {
            let largest = ids.iter().max().copied();
            ids.iter().position(|id| Some(*id) == largest)
        } else {
            ids.iter().position(|id| *id == config.text_eos_token_id)
        };
        let Some(eot_position) = eot_position else {
            return Err(CheckpointError::Text {
                found: format!("no end token of id {} behind the text", config.text_eos_token_id),
            });
        };
        let pad = self.pad_token_id.or(ids.last().copied()).unwrap_or_default();
        ids.resize(max_positions, pad);
        Ok(ClipTextIds { ids, len, eot_position, truncated })
    }
}
