//! Towers and decoders as LLaVA's and CLIP's configurations describe them, with transformers' defaults for what they
//! leave out.

use super::fields::Fields;
use crate::checkpoint::{Activation, CheckpointError, RopeScaling, SlidingWindow, TextConfig, VisionConfig};
use std::ops::RangeInclusive;

// Beyond these a number is a mistake, not a model; they keep products of two far from overflow.
pub(super) const WIDTHS: RangeInclusive<usize> = 1..=1 << 20;
pub(super) const LAYERS: RangeInclusive<usize> = 1..=1024;
pub(super) const HEADS: RangeInclusive<usize> = 1..=4096;
const VOCABULARY: RangeInclusive<usize> = 1..=1 << 24;
const POSITIONS: RangeInclusive<usize> = 1..=1 << 24;
pub(super) const PIXELS: RangeInclusive<usize> = 1..=8192;

/// What a vision configuration leaves out: `CLIPVisionConfig()`.
const CLIP_VISION: VisionConfig = VisionConfig {
    hidden_size: 768,
    intermediate_size: 3072,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    image_size: 224,
    patch_size: 32,
    num_channels: 3,
    layer_norm_eps: 1e-5,
    hidden_act: Activation::QuickGelu,
    projection_dim: 512,
};

/// `openai/clip-vit-large-patch14-336`, and LLaVA's tower when its configuration says nothing at all.
pub(in crate::checkpoint) const CLIP_L14_336: VisionConfig = VisionConfig {
    hidden_size: 1024,
    intermediate_size: 4096,
    num_hidden_layers: 24,
    num_attention_heads: 16,
    image_size: 336,
    patch_size: 14,
    projection_dim: 768,
    ..CLIP_VISION
};

/// The vision tower that the original LLaVA names instead of describing.
pub(in crate::checkpoint) fn openai_clip(name: &str) -> Option<VisionConfig> {
    let id = name.trim_end_matches('/').rsplit(['/', '\\']).next().unwrap_or(name);
    match id {
        "clip-vit-large-patch14-336" => Some(CLIP_L14_336),
        "clip-vit-large-patch14" => Some(VisionConfig { image_size: 224, ..CLIP_L14_336 }),
        "clip-vit-base-patch32" => Some(CLIP_VISION),
        "clip-vit-base-patch16" => Some(VisionConfig { patch_size: 16, ..CLIP_VISION }),
        _ => None,
    }
}

/// A `vision_config`. Absent as a whole it is `defaults`, otherwise what it leaves out is `CLIPVisionConfig`'s.
pub(super) fn vision(fields: Fields<'_>, absent: VisionConfig) -> Result<VisionConfig, CheckpointError> {
    if !fields.is_given() {
        return Ok(absent);
    }
    let model_type = fields.text("model_type")?.unwrap_or("clip_vision_model");
    if !matches!(model_type, "clip_vision_model" | "clip") {
        return Err(fields.refuse("model_type", "clip_vision_model, the vision tower with a [CLS] token", model_type));
    }
    let d = CLIP_VISION;
    let config = VisionConfig {
        hidden_size: fields.size_or("hidden_size", d.hidden_size, WIDTHS)?,
        intermediate_size: fields.size_or("intermediate_size", d.intermediate_size, WIDTHS)?,
        num_hidden_layers: fields.size_or("num_hidden_layers", d.num_hidden_layers, LAYERS)?,
        num_attention_heads: fields.size_or("num_attention_heads", d.num_attention_heads, HEADS)?,
        image_size: fields.size_or("image_size", d.image_size, PIXELS)?,
        patch_size: fields.size_or("patch_size", d.patch_size, PIXELS)?,
        num_channels: fields.size_or("num_channels", d.num_channels, 3..=3)?,
        layer_norm_eps: fields.positive("layer_norm_eps")?.unwrap_or(d.layer_norm_eps),
        hidden_act: fields.activation("hidden_act", d.hidden_act)?,
        projection_dim: fields.size_or("projection_dim", d.projection_dim, WIDTHS)?,
    };
    divides(fields, config.hidden_size, config.num_attention_heads)?;
    if config.patch_size > config.image_size {
        return Err(fields.refuse(
            "patch_size",
            format!("at most the image_size {}", config.image_size),
            &config.patch_size,
        ));
    }
    Ok(config)
}

/// Heads of equal width.
pub(super) fn divides(fields: Fields<'_>, hidden_size: usize, heads: usize) -> Result<(), CheckpointError> {
    if hidden_size.is_multiple_of(heads.max(1)) {
        return Ok(());
    }
    Err(fields.refuse("num_attention_heads", format!("a divisor of the hidden_size {hidden_size}"), &heads))
}

/// What decoder families differ in.
struct Decoder {
    vocab_size: usize,
    intermediate_size: usize,
    num_key_value_heads: Option<usize>,
    max_position_embeddings: usize,
    qkv_bias: bool,
    o_bias: bool,
    mlp_bias: bool,
}

/// **Source**: `LlamaConfig`, `MistralConfig`, `Qwen2Config` of transformers, and what their attention does with it:
/// only LLaMA reads `attention_bias` and `mlp_bias`, Qwen2 always has biases on q, k, v and never on o.
fn decoder(fields: Fields<'_>, model_type: &str) -> Result<Decoder, CheckpointError> {
    let (vocab_size, intermediate_size, num_key_value_heads, max_position_embeddings) = match model_type {
        "llama" | "llava" | "llava_llama" | "vicuna" => (32_000, 11_008, None, 2048),
        "mistral" | "llava_mistral" => (32_000, 14_336, Some(8), 131_072),
        "qwen2" | "llava_qwen" | "llava_qwen2" => (151_936, 22_016, Some(32), 32_768),
        other => return Err(fields.refuse("model_type", "one of the decoders llama, mistral, qwen2", other)),
    };
    let llama = !is_mistral(model_type) && !is_qwen2(model_type);
    let o_bias = llama && fields.flag("attention_bias")?.unwrap_or(false);
    let mlp_bias = llama && fields.flag("mlp_bias")?.unwrap_or(false);
    let qkv_bias = o_bias || is_qwen2(model_type);
    let sizes = Decoder {
        vocab_size,
        intermediate_size,
        num_key_value_heads,
        max_position_embeddings,
        qkv_bias,
        o_bias,
        mlp_bias,
    };
    Ok(sizes)
}

fn is_mistral(model_type: &str) -> bool {
    matches!(model_type, "mistral" | "llava_mistral")
}

fn is_qwen2(model_type: &str) -> bool {
    matches!(model_type, "qwen2" | "llava_qwen" | "llava_qwen2")
}

/// The window of Mistral (4096 where the field is left out, none where it is null) and of Qwen2 (only with
/// `use_sliding_window`, from layer `max_window_layers` on). One that is no narrower than the context is none.
fn sliding_window(
    fields: Fields<'_>,
    model_type: &str,
    num_hidden_layers: usize,
    context: usize,
) -> Result<Option<SlidingWindow>, CheckpointError> {
    const DEFAULT_WINDOW: usize = 4096;
    let first_layer = if is_mistral(model_type) {
        0
    } else if is_qwen2(model_type) && fields.flag("use_sliding_window")?.unwrap_or(false) {
        match first_windowed_layer(fields)? {
            Some(layer) => layer,
            None => fields.size_or("max_window_layers", 28, 0..=1024)?,
        }
    } else {
        return Ok(None);
    };
    if fields.is_null("sliding_window") {
        return Ok(None);
    }
    let positions = fields.size_or("sliding_window", DEFAULT_WINDOW, POSITIONS)?;
    let active = positions < context && first_layer < num_hidden_layers;
    Ok(active.then_some(SlidingWindow { positions, first_layer }))
}

/// `layer_types` of the newest configurations: all full layers come before the windowed ones, or this is another model.
fn first_windowed_layer(fields: Fields<'_>) -> Result<Option<usize>, CheckpointError> {
    let Some(list) = fields.get("layer_types").and_then(|list| list.as_array()) else { return Ok(None) };
    let windowed = |value: &serde_json::Value| value.as_str() == Some("sliding_attention");
    let first = list.iter().position(windowed).unwrap_or(list.len());
    if list.iter().skip(first).all(windowed) {
        return Ok(Some(first));
    }
    Err(fields.refuse(
        "layer_types",
        "full attention in the first layers and sliding attention in the others",
        "a mixture",
    ))
}

/// A decoder's configuration; `tied` is what the configuration around it says about the output head.
pub(super) fn text(fields: Fields<'_>, tied: bool) -> Result<TextConfig, CheckpointError> {
    let model_type = fields.text("model_type")?.unwrap_or("llama");
    let family = decoder(fields, model_type)?;
    let hidden_size = fields.size_or("hidden_size", 4096, WIDTHS)?;
    let num_attention_heads = fields.size_or("num_attention_heads", 32, HEADS)?;
    let num_key_value_heads =
        fields.size("num_key_value_heads", HEADS)?.or(family.num_key_value_heads).unwrap_or(num_attention_heads);
    if !num_attention_heads.is_multiple_of(num_key_value_heads) {
        let expected = format!("a divisor of the {num_attention_heads} attention heads");
        return Err(fields.refuse("num_key_value_heads", expected, &num_key_value_heads));
    }
    let head_dim = if let Some(head_dim) = fields.size("head_dim", WIDTHS)? {
        head_dim
    } else {
        divides(fields, hidden_size, num_attention_heads)?;
        hidden_size / num_attention_heads
    };
    if !head_dim.is_multiple_of(2) {
        return Err(fields.refuse("head_dim", "an even number, for rotary positions", &head_dim));
    }
    let num_hidden_layers = fields.size_or("num_hidden_layers", 32, LAYERS)?;
    let max_position_embeddings =
        fields.size_or("max_position_embeddings", family.max_position_embeddings, POSITIONS)?;
    let (rope_theta, rope_scaling) = rope(fields, max_position_embeddings)?;
    Ok(TextConfig {
        hidden_size,
        intermediate_size: fields.size_or("intermediate_size", family.intermediate_size, WIDTHS)?,
        num_hidden_layers,
        num_attention_heads,
        num_key_value_heads,
        head_dim,
        vocab_size: fields.size_or("vocab_size", family.vocab_size, VOCABULARY)?,
        max_position_embeddings,
        rms_norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(1e-6),
        rope_theta,
        rope_scaling,
        rope_divisors: Vec::new(),
        rope_sections: Vec::new(),
        hidden_act: fields.activation("hidden_act", Activation::Silu)?,
        qkv_bias: family.qkv_bias,
        o_bias: family.o_bias,
        mlp_bias: family.mlp_bias,
        tie_word_embeddings: tied || fields.flag("tie_word_embeddings")?.unwrap_or(false),
        sliding_window: sliding_window(fields, model_type, num_hidden_layers, max_position_embeddings)?,
    })
}

/// Base and scaling of the rotary angles: `rope_theta` and `rope_scaling`, or `rope_parameters` (newest). Where a file
/// has both, `rope_scaling` counts unless it is empty.
///
/// **Source**: transformers, `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict` and `standardize_rope_params`.
fn rope(fields: Fields<'_>, max_position_embeddings: usize) -> Result<(f64, RopeScaling), CheckpointError> {
    let older = fields.object("rope_scaling")?;
    let scaling = if older.is_empty() { fields.object("rope_parameters")? } else { older };
    let theta = match scaling.positive("rope_theta")? {
        Some(theta) => theta,
        None => fields.positive("rope_theta")?.unwrap_or(10_000.0),
    };
    let partial = match scaling.positive("partial_rotary_factor")? {
        Some(factor) => Some(factor),
        None => fields.positive("partial_rotary_factor")?,
    };
    if let Some(factor) = partial.filter(|factor| (factor - 1.0).abs() > f64::EPSILON) {
        return Err(scaling.refuse("partial_rotary_factor", "1, rotary positions on all of a head", &factor));
    }
    let kind_key = if scaling.has("rope_type") { "rope_type" } else { "type" };
    let kind = scaling.text(kind_key)?.unwrap_or("default");
    let needed = |key: &str| match scaling.positive(key)? {
        Some(number) => Ok(number),
        None => Err(scaling.refuse(key, format!("a number above 0 for {kind} scaling"), "none")),
    };
    let found = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: needed("factor")? },
        "llama3" => {
            const CONTEXT: &str = "original_max_position_embeddings";
            // The field beside the scaling goes before the one inside it.
            let context =
                fields.size(CONTEXT, POSITIONS)?.map_or_else(|| scaling.size(CONTEXT, POSITIONS), |n| Ok(Some(n)));
            let [factor, low_freq_factor, high_freq_factor] =
                [needed("factor")?, needed("low_freq_factor")?, needed("high_freq_factor")?];
            if (high_freq_factor - low_freq_factor).abs() < f64::EPSILON {
                let expected = format!("another number than the low_freq_factor {low_freq_factor}");
                return Err(scaling.refuse("high_freq_factor", expected, &high_freq_factor));
            }
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: context?.unwrap_or(max_position_embeddings),
            }
        }
        other => return Err(scaling.refuse(kind_key, "one of default, linear, llama3", other)),
    };
    Ok((theta, found))
}

/// The sizes of CLIP's text tower.
pub(super) fn clip_text(fields: Fields<'_>) -> Result<[usize; 6], CheckpointError> {
    let sizes = [
        fields.size_or("hidden_size", 512, WIDTHS)?,
        fields.size_or("intermediate_size", 2048, WIDTHS)?,
        fields.size_or("num_hidden_layers", 12, LAYERS)?,
        fields.size_or("num_attention_heads", 8, HEADS)?,
        fields.size_or("vocab_size", 49_408, VOCABULARY)?,
        fields.size_or("max_position_embeddings", 77, 2..=1 << 24)?,
    ];
    divides(fields, sizes[0], sizes[3])?;
    Ok(sizes)
}

/// The width of the shared space.
pub(super) fn projection_dim(fields: Fields<'_>) -> Result<usize, CheckpointError> {
    fields.size_or("projection_dim", 512, WIDTHS)
}
