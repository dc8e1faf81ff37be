//! The tokenizer inside a GGUF file, as the `tokenizer.json` it was made from.

use super::vocabulary::{TokenizerJson, Vocabulary, expect_bos, expect_one_each};
use super::{Metadata, byte_level};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::tokenizer::GGUF_ADD_BOS;
use serde_json::{Value, json};
use std::collections::HashMap;

const MODEL: &str = "tokenizer.ggml.model";
/// Ways to make the pieces of a vocabulary of each other: LLaMA's has 61,249 and the largest published one 580,604. A
/// file can ask for the square of its own length.
const MOST_MERGES: usize = 1_000_000;

/// Builds the tokenizer that a vocabulary was written from.
///
/// **Errors**: a vocabulary of another kind than SentencePiece's (`llama`) and byte-level BPE (`gpt2`).
pub(super) fn tokenizer_json(metadata: &Metadata<'_>) -> Result<TokenizerJson, CheckpointError> {
    match metadata.text(MODEL)? {
        "llama" => sentence_pieces(metadata),
        "gpt2" => byte_level::tokenizer_json(metadata),
        other => Err(metadata.refuse(
            MODEL,
            "llama (SentencePiece pieces and scores) or gpt2 (byte-level BPE and merges)",
            other,
        )),
    }
}

/// Builds a byte-fallback BPE from pieces and scores.
///
/// SentencePiece merges the neighbours whose joint piece has the best score. That is the merge list of every way to
/// split a piece into two, best score first, and among the splits of one piece by the ids of their parts, as
/// transformers orders them.
///
/// **Source**: transformers' `convert_slow_tokenizer.py` (`generate_merges`, `LlamaConverter`).
fn sentence_pieces(metadata: &Metadata<'_>) -> Result<TokenizerJson, CheckpointError> {
    let vocabulary = Vocabulary::read(metadata)?;
    let pieces = vocabulary.pieces;
    let scores = metadata.numbers("tokenizer.ggml.scores")?;
    expect_one_each(metadata, "tokenizer.ggml.scores", scores.len(), pieces.len())?;
    let bos = vocabulary.named(metadata, "tokenizer.ggml.bos_token_id", Some(1))?;
    let eos = vocabulary.named(metadata, "tokenizer.ggml.eos_token_id", Some(2))?;
    let unknown = vocabulary.named(metadata, "tokenizer.ggml.unknown_token_id", Some(0))?;
    let merges = merges(pieces, scores);
    if merges.len() > MOST_MERGES {
        let expected = format!("pieces that are made of each other in at most {MOST_MERGES} ways");
        return Err(metadata.refuse("tokenizer.ggml.tokens", expected, "more"));
    }
    let merges: Vec<Value> = merges.into_iter().map(|(left, right)| json!([left, right])).collect();
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
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": vocabulary.added,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null, "post_processor": null, "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "dropout": null, "unk_token": unknown, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "vocab": vocabulary.vocab,
                "merges": merges},
    });
    let adds_bos = metadata.flag(GGUF_ADD_BOS)?.unwrap_or(true);
    expect_bos(metadata, adds_bos, bos)?;
    let config = json!({
        "bos_token": bos, "eos_token": eos, "unk_token": unknown, GGUF_ADD_BOS: adds_bos,
        "chat_template": metadata.optional_text("tokenizer.chat_template")?,
    });
    Ok(TokenizerJson { tokenizer, config, image_token_id: vocabulary.image_token_id })
}

/// Every way to split a piece into two pieces, best score first, then by the ids of the parts; of more than
/// [`MOST_MERGES`] only the first found.
pub(super) fn merges<'a>(pieces: &'a [String], scores: &[f64]) -> Vec<(&'a str, &'a str)> {
    let ids: HashMap<&str, usize> = pieces.iter().enumerate().map(|(id, piece)| (piece.as_str(), id)).collect();
    let mut merges: Vec<(f64, usize, usize, &str, &str)> = Vec::new();
    for (piece, score) in pieces.iter().zip(scores) {
        if merges.len() > MOST_MERGES {
            break;
        }
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
