//! LLaVA's `config.json` in its two forms.

use super::fields::Fields;
use super::parts::{self, CLIP_L14_336};
use crate::checkpoint::{Activation, CheckpointError, FeatureSelect, LlavaConfig, TextConfig, VisionConfig};
use serde_json::Value;

/// transformers' `LlavaConfig`; `generation` is `generation_config.json`.
pub(in crate::checkpoint) fn llava(fields: Fields<'_>, generation: Fields<'_>) -> Result<LlavaConfig, CheckpointError> {
    let vision = parts::vision(fields.object("vision_config")?, CLIP_L14_336)?;
    let text_fields = fields.object("text_config")?;
    let text = parts::text(text_fields, fields.flag("tie_word_embeddings")?.unwrap_or(false))?;
    let image_token_id = match fields.token_id("image_token_index")? {
        Some(id) => id,
        None => fields.token_id("image_token_id")?.unwrap_or(32_000),
    };
    Ok(LlavaConfig {
        vision_feature_layers: feature_layers(fields, "vision_feature_layer", vision.num_hidden_layers)?,
        vision_feature_select: feature_select(fields, "vision_feature_select_strategy", ["default", "full"])?,
        projector_hidden_act: fields.activation("projector_hidden_act", Activation::Gelu)?,
        multimodal_projector_bias: fields.flag("multimodal_projector_bias")?.unwrap_or(true),
        image_token_id,
        eos_token_ids: eos_token_ids(&[generation, fields, text_fields], &text)?,
        bos_token_id: bos_token_id(&[generation, fields, text_fields])?,
        vision,
        text,
    })
}

/// The authors' own `LlavaLlamaForCausalLM`: a LLaMA configuration with `mm_` fields. `tower` is the configuration of the vision tower
/// when the field that names it is a folder with one.
pub(in crate::checkpoint) fn original(
    fields: Fields<'_>,
    generation: Fields<'_>,
    tower: Option<Fields<'_>>,
) -> Result<LlavaConfig, CheckpointError> {
    for (key, supported) in [("mm_projector_type", "mlp2x_gelu"), ("mm_patch_merge_type", "flat")] {
        let found = fields.text(key)?.unwrap_or(if key == "mm_projector_type" { "linear" } else { "flat" });
        if found != supported {
            return Err(fields.refuse(key, supported, found));
        }
    }
    if fields.flag("mm_use_im_start_end")?.unwrap_or(false) {
        return Err(fields.refuse("mm_use_im_start_end", "false, as in LLaVA-1.5", "true"));
    }
    image_is_padded(fields)?;
    let vision = original_tower(fields, tower)?;
    let text = parts::text(fields, false)?;
    let eos_token_ids = eos_token_ids(&[generation, fields], &text)?;
    Ok(LlavaConfig {
        vision_feature_layers: feature_layers(fields, "mm_vision_select_layer", vision.num_hidden_layers)?,
        vision_feature_select: feature_select(fields, "mm_vision_select_feature", ["patch", "cls_patch"])?,
        projector_hidden_act: Activation::Gelu,
        multimodal_projector_bias: true,
        // The original marks the image with -200 in front of the embedding; the first id after the vocabulary can mean nothing else.
        image_token_id: u32::try_from(text.vocab_size).unwrap_or(u32::MAX),
        eos_token_ids,
        bos_token_id: bos_token_id(&[generation, fields])?,
        vision,
        text,
    })
}

/// `image_aspect_ratio` of the original layout: padded to a square, or cropped.
pub(in crate::checkpoint) fn image_is_padded(fields: Fields<'_>) -> Result<bool, CheckpointError> {
    match fields.text("image_aspect_ratio")?.unwrap_or("square") {
        "pad" => Ok(true),
        "square" => Ok(false),
        other => Err(fields.refuse("image_aspect_ratio", "one of pad, square", other)),
    }
}

fn original_tower(fields: Fields<'_>, tower: Option<Fields<'_>>) -> Result<VisionConfig, CheckpointError> {
    if let Some(tower) = tower {
        let inner = tower.object("vision_config")?;
        return parts::vision(if inner.is_given() { inner } else { tower }, CLIP_L14_336);
    }
    let name = fields.text("mm_vision_tower")?.unwrap_or("openai/clip-vit-large-patch14-336");
    parts::openai_clip(name).ok_or_else(|| {
        let expected = "the name of an OpenAI CLIP (openai/clip-vit-large-patch14-336) or a folder with a config.json";
        fields.refuse("mm_vision_tower", expected, name)
    })
}

/// Entries of `hidden_states`, counted from the front: 0 is the embeddings, k the output of layer k - 1.
fn feature_layers(fields: Fields<'_>, key: &str, num_hidden_layers: usize) -> Result<Vec<usize>, CheckpointError> {
    let count = i64::try_from(num_hidden_layers).unwrap_or(i64::MAX).saturating_add(1);
    let expected = || format!("a hidden state from {} to {}, or a list of them", -count, count - 1);
    let from_front = |value: &Value| {
        let index = value.as_i64().filter(|i| (-count..count).contains(i))?;
        usize::try_from(index.rem_euclid(count)).ok()
    };
    match fields.get(key) {
        None => Ok(vec![num_hidden_layers.saturating_sub(1)]),
        Some(Value::Array(list)) if !list.is_empty() => {
            list.iter().map(|value| from_front(value).ok_or_else(|| fields.refuse(key, expected(), value))).collect()
        }
        Some(value) => from_front(value).map(|layer| vec![layer]).ok_or_else(|| fields.refuse(key, expected(), value)),
    }
}

fn feature_select(fields: Fields<'_>, key: &str, [patches, full]: [&str; 2]) -> Result<FeatureSelect, CheckpointError> {
    match fields.text(key)? {
        None => Ok(FeatureSelect::Default),
        Some(name) if name == patches => Ok(FeatureSelect::Default),
        Some(name) if name == full => Ok(FeatureSelect::Full),
        Some(other) => Err(fields.refuse(key, format!("one of {patches}, {full}"), other)),
    }
}

/// The first place that says which ids end an answer; LLaMA's 2 when none does.
fn eos_token_ids(places: &[Fields<'_>], text: &TextConfig) -> Result<Vec<u32>, CheckpointError> {
    for place in places {
        let Some(ids) = place.token_ids("eos_token_id")? else { continue };
        let beyond = ids.iter().find(|id| usize::try_from(**id).is_ok_and(|id| id >= text.vocab_size));
        if let Some(id) = beyond {
            return Err(place.refuse("eos_token_id", format!("ids below the vocab_size {}", text.vocab_size), id));
        }
        return Ok(ids);
    }
    Ok(vec![2])
}

fn bos_token_id(places: &[Fields<'_>]) -> Result<Option<u32>, CheckpointError> {
    for place in places {
        if let Some(id) = place.token_id("bos_token_id")? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
