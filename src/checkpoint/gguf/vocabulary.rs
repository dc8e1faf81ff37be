//! The vocabulary inside a GGUF file, whichever way its pieces are put together.

use super::Metadata;
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER};
use serde_json::{Map, Value, json};

/// `tokenizer.ggml.token_type`.
const UNKNOWN: u8 = 2;
pub(super) const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;

/// What a vocabulary becomes.
pub(super) struct TokenizerJson {
    pub(super) tokenizer: Value,
    /// `tokenizer_config.json`, with the chat template.
    pub(super) config: Value,
    pub(super) image_token_id: u32,
}

/// Pieces by id, and those that are tokens of their own.
pub(super) struct Vocabulary<'a> {
    pub(super) pieces: &'a [String],
    /// `model.vocab` of a `tokenizer.json`.
    pub(super) vocab: Map<String, Value>,
    /// `added_tokens` of it.
    pub(super) added: Vec<Value>,
    pub(super) image_token_id: u32,
}

impl<'a> Vocabulary<'a> {
    pub(super) fn read(metadata: &Metadata<'a>) -> Result<Self, CheckpointError> {
        let pieces = metadata.texts("tokenizer.ggml.tokens")?;
        metadata.check_pad_id()?;
        let types = metadata.numbers("tokenizer.ggml.token_type")?;
        expect_one_each(metadata, "tokenizer.ggml.token_type", types.len(), pieces.len())?;
        let mut vocab = Map::new();
        for (id, piece) in pieces.iter().enumerate() {
            if vocab.insert(piece.clone(), json!(id)).is_some() {
                return Err(metadata.refuse("tokenizer.ggml.tokens", "every token once", piece));
            }
        }
        let is =
            |id: usize, wanted: u8| types.get(id).is_some_and(|kind| kind.to_bits() == f64::from(wanted).to_bits());
        let mut added: Vec<Value> = (0..pieces.len())
            .filter(|id| is(*id, UNKNOWN) || is(*id, CONTROL) || is(*id, USER_DEFINED))
            .filter_map(|id| Some(added_token(id, pieces.get(id)?, !is(id, USER_DEFINED))))
            .collect();
        let image_token = if let Some(id) = pieces.iter().position(|piece| piece == IMAGE_PLACEHOLDER) {
            id
        } else {
            // Conversions leave the placeholder out, as the authors' own layout does: the first id behind the
            // vocabulary can mean nothing else.
            added.push(added_token(pieces.len(), IMAGE_PLACEHOLDER, true));
            vocab.insert(IMAGE_PLACEHOLDER.to_owned(), json!(pieces.len()));
            pieces.len()
        };
        Ok(Self { pieces, vocab, added, image_token_id: u32::try_from(image_token).unwrap_or(u32::MAX) })
    }

    /// The token whose id stands under a key.
    pub(super) fn named(
        &self,
        metadata: &Metadata<'_>,
        key: &str,
        default: Option<usize>,
    ) -> Result<Option<&'a String>, CheckpointError> {
        Ok(metadata.token_id(key)?.or(default).and_then(|id| self.pieces.get(id)))
    }
}

pub(super) fn expect_one_each(
    metadata: &Metadata<'_>,
    key: &str,
    len: usize,
    pieces: usize,
) -> Result<(), CheckpointError> {
    if len == pieces {
        return Ok(());
    }
    Err(metadata.refuse(key, format!("one for each of the {pieces} tokens"), &len))
}

/// A text that begins with a token has to know which one.
pub(super) fn expect_bos(metadata: &Metadata<'_>, adds_bos: bool, bos: Option<&String>) -> Result<(), CheckpointError> {
    if adds_bos && bos.is_none() {
        let expected = "the id of the token that stands in front of every prompt";
        return Err(metadata.refuse("tokenizer.ggml.bos_token_id", expected, "none"));
    }
    Ok(())
}

fn added_token(id: usize, content: &str, special: bool) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": special})
}
