//! LLaVA's `config.json` in its two forms.

use super::fields::{Fields, signed};
use super::parts::{self, CLIP_L14_336};
use crate::checkpoint::files::shown;
use crate::checkpoint::{Activation, CheckpointError, FeatureSelect, LlavaConfig, VisionConfig};
use serde_json::Value;

/// transformers' `LlavaConfig`; `generation` is `generation_config.json`.
pub(in crate::checkpoint) fn llava(fields: Fields<'_>, generation: Fields<'_>) -> Result<LlavaConfig, CheckpointError> {
    let vision = parts::vision(fields.object("vision_config")?, CLIP_L14_336)?;
    let text_fields = fields.object("text_config")?;
    let text = parts::text(text_fields, fields.flag("tie_word_embeddings")?.unwrap_or(false))?;
    // Conversions to GGUF leave the placeholder out: it is the first id behind the vocabulary.
    let num_image_ids = text.vocab_size.saturating_add(1);
    let index = fields.token_id("image_token_index", num_image_ids)?;
    let image_token_id = fields.token_id("image_token_id", num_image_ids)?;
    let special = SpecialIds::read(&[generation, fields, text_fields], text.vocab_size)?;
    Ok(LlavaConfig {
        vision_feature_layers: feature_layers(fields, "vision_feature_layer", vision.num_hidden_layers)?,
        vision_feature_select: feature_select(fields, "vision_feature_select_strategy", ["default", "full"])?,
        projector_hidden_act: fields.activation("projector_hidden_act", Activation::Gelu)?,
        multimodal_projector_bias: fields.flag("multimodal_projector_bias")?.unwrap_or(true),
        image_token_id: index.or(image_token_id).unwrap_or(32_000),
        eos_token_ids: special.eos,
        bos_token_id: special.bos,
        vision,
        text,
    })
}

/// The authors' own `LlavaLlamaForCausalLM`: a LLaMA configuration with `mm_` fields. `tower` is the configuration of
/// the vision tower when the field that names it is a folder with one.
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
    let special = SpecialIds::read(&[generation, fields], text.vocab_size)?;
    Ok(LlavaConfig {
        vision_feature_layers: feature_layers(fields, "mm_vision_select_layer", vision.num_hidden_layers)?,
        vision_feature_select: feature_select(fields, "mm_vision_select_feature", ["patch", "cls_patch"])?,
        projector_hidden_act: Activation::Gelu,
        multimodal_projector_bias: true,
        // The original marks the image with -200 in front of the embedding; the first id after the vocabulary can mean
        // nothing else.
        image_token_id: u32::try_from(text.vocab_size).unwrap_or(u32::MAX),
        eos_token_ids: special.eos,
        bos_token_id: special.bos,
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
        let index = signed(value).filter(|i| (-count..count).contains(i))?;
        usize::try_from(index.rem_euclid(count)).ok()
    };
    match fields.get(key) {
        None => Ok(vec![num_hidden_layers.saturating_sub(1)]),
        Some(Value::Array(list)) if !list.is_empty() => list
            .iter()
            .map(|value| from_front(value).ok_or_else(|| fields.refuse(key, expected(), &shown(value))))
            .collect(),
        Some(value) => {
            from_front(value).map(|layer| vec![layer]).ok_or_else(|| fields.refuse(key, expected(), &shown(value)))
        }
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

/// Ids with a meaning of their own.
struct SpecialIds {
    /// Those that end an answer.
    eos: Vec<u32>,
    /// The one in front of a prompt.
    bos: Option<u32>,
}

impl SpecialIds {
    /// Of several places that say them the first counts, and all are checked: an id that is none would leave a prompt
    /// without its beginning. LLaMA's 2 ends answers where no place says another.
    fn read(places: &[Fields<'_>], vocab_size: usize) -> Result<Self, CheckpointError> {
        let (mut eos, mut bos) = (None, None);
        for place in places {
            let (found_eos, found_bos) =
                (place.token_ids("eos_token_id", vocab_size)?, place.token_id("bos_token_id", vocab_size)?);
            place.check_pad_id(vocab_size)?;
            (eos, bos) = (eos.or(found_eos), bos.or(found_bos));
        }
        Ok(Self { eos: eos.unwrap_or_else(|| vec![2]), bos })
    }
}
