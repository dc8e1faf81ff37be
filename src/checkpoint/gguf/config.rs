//! Two files' metadata as the `config.json` and `preprocessor_config.json` they were made from.

use super::Metadata;
use super::header::Value as Stored;
use super::vocabulary::CONTROL;
use crate::checkpoint::CheckpointError;
use serde_json::{Value, json};

/// `text_config`.
///
/// **Errors**: another architecture than `llama` and `qwen2`, a scaling of the rotary angles that is not linear, ids of
/// special tokens that no token has.
pub(super) fn text_config(decoder: &Metadata<'_>) -> Result<Value, CheckpointError> {
    let architecture = decoder.text("general.architecture")?;
    if !matches!(architecture, "llama" | "qwen2") {
        let expected = "one of the decoders llama (LLaMA, Vicuna, Mistral), qwen2";
        return Err(decoder.refuse("general.architecture", expected, architecture));
    }
    let key = |name: &str| format!("{architecture}.{name}");
    let scaling = scaling(decoder, architecture)?;
    let heads = decoder.needed_size(&key("attention.head_count"))?;
    let window = decoder.size(&key("attention.sliding_window"))?.filter(|window| *window > 0);
    let (hidden_size, head_dim) =
        (decoder.needed_size(&key("embedding_length"))?, decoder.size(&key("attention.key_length"))?);
    let rotated = head_dim.or(hidden_size.checked_div(heads));
    if let Some(found) = decoder.size(&key("rope.dimension_count"))?.filter(|found| Some(*found) != rotated) {
        let expected = format!("rotary positions on all of a head, {}", rotated.unwrap_or_default());
        return Err(decoder.refuse(&key("rope.dimension_count"), expected, &found));
    }
    let Some(&[vocab_size, _]) = decoder.shape("token_embd.weight") else {
        return Err(decoder.refuse("token_embd.weight", "a matrix of that name", "none"));
    };
    Ok(json!({
        // Mistral is written as llama; what makes it one is its window.
        "model_type": if window.is_some() && architecture == "llama" { "mistral" } else { architecture },
        "sliding_window": window,
        "hidden_size": hidden_size,
        "intermediate_size": decoder.needed_size(&key("feed_forward_length"))?,
        "num_hidden_layers": decoder.needed_size(&key("block_count"))?,
        "num_attention_heads": heads,
        "num_key_value_heads": decoder.size(&key("attention.head_count_kv"))?.unwrap_or(heads),
        "head_dim": head_dim,
        "max_position_embeddings": decoder.needed_size(&key("context_length"))?,
        "rms_norm_eps": decoder.number(&key("attention.layer_norm_rms_epsilon"))?.unwrap_or(1e-5),
        "rope_theta": decoder.number(&key("rope.freq_base"))?.unwrap_or(10_000.0),
        "rope_scaling": scaling,
        "vocab_size": vocab_size,
        "attention_bias": decoder.shape("blk.0.attn_q.bias").is_some(),
        "tie_word_embeddings": decoder.shape("output.weight").is_none(),
        // The tokenizer's own file checks them, and says which one stands in front of a prompt.
        "bos_token_id": decoder.token_id("tokenizer.ggml.bos_token_id")?,
        "eos_token_id": end_ids(decoder)?,
    }))
}

/// Tokens that end an answer whatever a file says of them.
///
/// **Source**: llama.cpp, `llama_vocab::impl::load`, the texts behind `special_eog_ids`.
const ENDS: [&str; 12] = [
    "<|eot_id|>",
    "<|eom_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "<EOT>",
    "_<EOT>",
    "<｜end▁of▁sentence｜>",
    "<end_of_utterance>",
];

/// Ids that end an answer, where llama.cpp ends it: the end of a text, of a turn and of a message, and the control
/// tokens of [`ENDS`].
pub(super) fn end_ids(decoder: &Metadata<'_>) -> Result<Vec<usize>, CheckpointError> {
    let mut ids = vec![decoder.token_id("tokenizer.ggml.eos_token_id")?.unwrap_or(2)];
    for key in ["tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        ids.extend(decoder.token_id(key)?);
    }
    let types = decoder.numbers("tokenizer.ggml.token_type")?;
    for (id, (piece, kind)) in decoder.texts("tokenizer.ggml.tokens")?.iter().zip(types).enumerate() {
        if kind.to_bits() == f64::from(CONTROL).to_bits() && ENDS.contains(&piece.as_str()) {
            ids.push(id);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// `rope_scaling`.
///
/// **Source**: llama.cpp, `llama_model::load_hparams`: a factor without a type is linear, no factor and 0 are none.
fn scaling(decoder: &Metadata<'_>, architecture: &str) -> Result<Value, CheckpointError> {
    let [kind_key, factor_key, older_key] =
        ["rope.scaling.type", "rope.scaling.factor", "rope.scale_linear"].map(|name| format!("{architecture}.{name}"));
    let factor = match decoder.number(&factor_key)? {
        Some(factor) => Some(factor),
        None => decoder.number(&older_key)?,
    };
    match (decoder.optional_text(&kind_key)?.unwrap_or("linear"), factor) {
        ("none", _) | ("linear", None) => Ok(Value::Null),
        ("linear", Some(factor)) if factor.to_bits() << 1 == 0 => Ok(Value::Null),
        ("linear", Some(factor)) if factor > 0.0 => Ok(json!({"type": "linear", "factor": factor})),
        ("linear", Some(factor)) => Err(decoder.refuse(&factor_key, "a number above 0", &factor)),
        (other, _) => Err(decoder.refuse(&kind_key, "one of none, linear", other)),
    }
}

/// Whether the feed-forward part's names are those of before 2025, when `ffn_down` was the first matrix: told by the
/// shape, which widens in the first matrix, or, where both are square, by the converter that wrote the file.
pub(super) fn is_swapped(projector: &Metadata<'_>) -> bool {
    match projector.shape("v.blk.0.ffn_down.weight") {
        Some(&[outputs, inputs]) if outputs != inputs => outputs > inputs,
        _ => !is_new(projector),
    }
}

/// Files of `convert_hf_to_gguf.py --mmproj` say what they are.
fn is_new(projector: &Metadata<'_>) -> bool {
    matches!(projector.get("general.type"), Some(Stored::Text(kind)) if kind == "mmproj")
}

/// The rest of `config.json`, and `preprocessor_config.json`.
///
/// The older converter leaves out the last layer, whose output LLaVA does not read, so all layers of its files count;
/// the newer one keeps it, and the last but one counts unless the file says otherwise. **Differs** from llama.cpp,
/// which leaves out a layer of the older files a second time.
pub(super) fn vision_config(projector: &Metadata<'_>) -> Result<(Value, Value), CheckpointError> {
    let architecture = projector.text("general.architecture")?;
    if architecture != "clip" {
        return Err(projector.refuse("general.architecture", "clip, a projector file (mmproj)", architecture));
    }
    let kind = projector.optional_text("clip.projector_type")?.unwrap_or("mlp");
    if kind != "mlp" {
        return Err(projector.refuse("clip.projector_type", "mlp, LLaVA-1.5's", kind));
    }
    let size = |key: &str| projector.needed_size(&format!("clip.vision.{key}"));
    let (layers, image_size) = (size("block_count")?, size("image_size")?);
    let activation = if projector.flag("clip.use_silu")?.unwrap_or(false) {
        "silu"
    } else if projector.flag("clip.use_gelu")?.unwrap_or(false) {
        "gelu"
    } else {
        "quick_gelu"
    };
    let feature_layer = match projector.get("clip.vision.feature_layer") {
        Some(Stored::Numbers(list)) => json!(list.iter().map(|layer| whole(*layer)).collect::<Vec<i64>>()),
        _ if is_new(projector) => json!(layers.saturating_sub(1)),
        _ => json!(layers),
    };
    let numbers = |key: &str| match projector.get(key) {
        Some(Stored::Numbers(list)) => json!(list),
        _ => Value::Null,
    };
    let square = json!({"height": image_size, "width": image_size});
    let preprocessor = json!({
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": image_size}, "crop_size": square,
            "resample": 3,
        "image_mean": numbers("clip.vision.image_mean"), "image_std": numbers("clip.vision.image_std"),
    });
    let config = json!({
        "model_type": "clip_vision_model", "hidden_size": size("embedding_length")?,
            "intermediate_size": size("feed_forward_length")?,
        "num_hidden_layers": layers, "num_attention_heads": size("attention.head_count")?, "image_size": image_size,
        "patch_size": size("patch_size")?, "hidden_act": activation,
        "layer_norm_eps": projector.number("clip.vision.attention.layer_norm_epsilon")?.unwrap_or(1e-5),
    });
    Ok((json!({"vision_config": config, "vision_feature_layer": feature_layer}), preprocessor))
}

/// A layer's number; one that is no whole number becomes one that no model has.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
fn whole(number: f64) -> i64 {
    if number.fract() == 0.0 && number.abs() < 1e6 { number as i64 } else { i64::MAX }
}
