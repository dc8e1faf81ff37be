//! The tokenizer inside a GGUF file, as the `tokenizer.json` it was made from.

use super::Metadata;
use crate::checkpoint::{CheckpointError, IMAGE_PLACEHOLDER};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// `tokenizer.ggml.token_type`.
const UNKNOWN: u8 = 2;
const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;

/// What a vocabulary becomes.
pub(super) struct TokenizerJson {
    pub(super) tokenizer: Value,
    /// `tokenizer_config.json`, with the chat template.
    pub(super) config: Value,
    pub(super) image_token_id: u32,
}

/// Builds a byte-fallback BPE from pieces and scores.
///
/// SentencePiece merges the neighbours whose joint piece has the best score. That is the merge list of every way to split a piece into two,
/// best score first, and among the splits of one piece by the ids of their parts, as transformers orders them.
///
/// **Source**: transformers' `convert_slow_tokenizer.py` (`generate_merges`, `LlamaConverter`).
/// **Errors**: a vocabulary of another kind than SentencePiece's (`llama`).
pub(super) fn tokenizer_json(metadata: &Metadata<'_>) -> Result<TokenizerJson, CheckpointError> {
    let kind = metadata.text("tokenizer.ggml.model")?;
    if kind != "llama" {
        return Err(metadata.refuse("tokenizer.ggml.model", "llama (SentencePiece pieces and scores)", kind));
    }
    let pieces = metadata.texts("tokenizer.ggml.tokens")?;
    let scores = metadata.numbers("tokenizer.ggml.scores")?;
    let types = metadata.numbers("tokenizer.ggml.token_type")?;
    for (key, len) in [("tokenizer.ggml.scores", scores.len()), ("tokenizer.ggml.token_type", types.len())] {
        if len != pieces.len() {
            return Err(metadata.refuse(key, format!("one for each of the {} tokens", pieces.len()), &len));
        }
    }
    let mut vocab = Map::new();
    for (id, piece) in pieces.iter().enumerate() {
        if vocab.insert(piece.clone(), json!(id)).is_some() {
            return Err(metadata.refuse("tokenizer.ggml.tokens", "every token once", piece));
        }
    }
    let is = |id: usize, wanted: u8| types.get(id).is_some_and(|kind| kind.to_bits() == f64::from(wanted).to_bits());
    let mut added: Vec<Value> = (0..pieces.len())
        .filter(|id| is(*id, UNKNOWN) || is(*id, CONTROL) || is(*id, USER_DEFINED))
        .filter_map(|id| Some(added_token(id, pieces.get(id)?, !is(id, USER_DEFINED))))
        .collect();
    let image_token = if let Some(id) = pieces.iter().position(|piece| piece == IMAGE_PLACEHOLDER) {
        id
    } else {
        // Conversions leave the placeholder out, as the authors' own layout does: the first id behind the vocabulary can mean nothing else.
        added.push(added_token(pieces.len(), IMAGE_PLACEHOLDER, true));
        vocab.insert(IMAGE_PLACEHOLDER.to_owned(), json!(pieces.len()));
        pieces.len()
    };
    let name = |key: &str, default: usize| -> Option<&String> {
        let id = metadata.size(key).ok().flatten().unwrap_or(default);
        pieces.get(id)
    };
    let (bos, eos) = (name("tokenizer.ggml.bos_token_id", 1), name("tokenizer.ggml.eos_token_id", 2));
    let unknown = name("tokenizer.ggml.unknown_token_id", 0);
    let merges: Vec<Value> = merges(pieces, scores).into_iter().map(|(left, right)| json!([left, right])).collect();
    let prefix = metadata.flag("tokenizer.ggml.add_space_prefix")?.unwrap_or(true);
    let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let normalizers = if prefix { vec![prepend, replace] } else { vec![replace] };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "vocab": vocab, "merges": merges},
    });
    let config = json!({
        "bos_token": bos, "eos_token": eos, "unk_token": unknown,
        "add_bos_token": metadata.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(true),
        "chat_template": metadata.optional_text("tokenizer.chat_template")?,
    });
    let image_token_id = u32::try_from(image_token).unwrap_or(u32::MAX);
    Ok(TokenizerJson { tokenizer, config, image_token_id })
}

fn added_token(id: usize, content: &str, special: bool) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": special})
}

/// Every way to split a piece into two pieces, best score first, then by the ids of the parts.
pub(super) fn merges<'a>(pieces: &'a [String], scores: &[f64]) -> Vec<(&'a str, &'a str)> {
    let ids: HashMap<&str, usize> = pieces.iter().enumerate().map(|(id, piece)| (piece.as_str(), id)).collect();
    let mut merges: Vec<(f64, usize, usize, &str, &str)> = Vec::new();
    for (piece, score) in pieces.iter().zip(scores) {
        for (at, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(at);
            if let (Some(left_id), Some(right_id)) = (ids.get(left), ids.get(right)) {
                merges.push((*score, *left_id, *right_id, left, right));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    merges.into_iter().map(|(.., left, right)| (left, right)).collect()
}
