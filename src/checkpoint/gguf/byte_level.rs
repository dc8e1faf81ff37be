//! Byte-level BPE inside a GGUF file (`gpt2`: Qwen2, LLaMA-3, GPT-2), as the `tokenizer.json` it was made from.

use super::Metadata;
use super::vocabulary::{TokenizerJson, Vocabulary, expect_bos};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::tokenizer::GGUF_ADD_BOS;
use serde_json::{Value, json};

const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

/// How a text is cut into words before anything is merged.
struct Words {
    /// Names that files give it, the first for messages.
    names: &'static [&'static str],
    /// One after the other, each within what the one before left whole.
    patterns: &'static [&'static str],
    /// Whether a word that is a token stays one, whatever the merges say.
    ignores_merges: bool,
    /// Whether a text begins with the first special token unless the file says otherwise.
    adds_bos: bool,
    /// Whether the published tokenizer composes characters first.
    composes: bool,
}

/// **Source**: llama.cpp's `llama-vocab.cpp` (`tokenizer_pre`, `llm_tokenizer_bpe`) for the names, the published
/// `tokenizer.json` of the models for the patterns. **Differs** from llama.cpp in composing characters (NFC) for Qwen2,
/// as its `tokenizer.json` does.
const WORDS: [Words; 4] = [
    Words {
        names: &["llama-bpe", "llama3", "llama-v3"],
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        ignores_merges: true,
        adds_bos: true,
        composes: false,
    },
    Words {
        names: &["qwen2", "deepseek-r1-qwen", "megrez"],
        patterns: &[
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        ],
        ignores_merges: false,
        adds_bos: false,
        composes: true,
    },
    Words { names: &["gpt-2"], patterns: &[GPT_2], ignores_merges: false, adds_bos: false, composes: false },
    Words {
        names: &["default"],
        patterns: &[r"[\p{P}\$\+<=>\^~\|]+", GPT_2, r"\p{N}+", r"[0-9][0-9][0-9]"],
        ignores_merges: false,
        adds_bos: false,
        composes: false,
    },
];
const GPT_2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

/// Builds a byte-level BPE from pieces and merges.
///
/// **Errors**: a way to cut words that is not known, by its name; merges that are no pairs.
pub(super) fn tokenizer_json(metadata: &Metadata<'_>) -> Result<TokenizerJson, CheckpointError> {
    // A file that does not say is of before May 2024, and llama.cpp reads it in this way.
    let name = metadata.optional_text(PRE)?.unwrap_or("default");
    let Some(words) = WORDS.iter().find(|words| words.names.contains(&name)) else {
        let known: Vec<&str> = WORDS.iter().filter_map(|words| words.names.first().copied()).collect();
        return Err(metadata.refuse(PRE, format!("one of the pre-tokenizers {}", known.join(", ")), name));
    };
    let vocabulary = Vocabulary::read(metadata)?;
    let merges = metadata.texts(MERGES)?.iter().map(|merge| match merge.split_once(' ') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() && !right.contains(' ') => {
            Ok(json!([left, right]))
        }
        _ => Err(metadata.refuse(MERGES, "two pieces with a space between them", merge)),
    });
    let merges: Vec<Value> = merges.collect::<Result<_, _>>()?;
    let split = |pattern: &&str| {
        json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated",
        "invert": false})
    };
    let mut cuts: Vec<Value> = words.patterns.iter().map(split).collect();
    cuts.push(json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}));
    let bos = vocabulary.named(metadata, "tokenizer.ggml.bos_token_id", None)?;
    let eos = vocabulary.named(metadata, "tokenizer.ggml.eos_token_id", None)?;
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": vocabulary.added,
        "normalizer": if words.composes { json!({"type": "NFC"}) } else { Value::Null },
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": cuts}, "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": words.ignores_merges,
            "vocab": vocabulary.vocab, "merges": merges},
    });
    let adds_bos = metadata.flag(GGUF_ADD_BOS)?.unwrap_or(words.adds_bos);
    expect_bos(metadata, adds_bos, bos)?;
    let config = json!({
        "bos_token": bos, "eos_token": eos, GGUF_ADD_BOS: adds_bos,
        "chat_template": metadata.optional_text("tokenizer.chat_template")?,
    });
    Ok(TokenizerJson { tokenizer, config, image_token_id: vocabulary.image_token_id })
}
