//! CLIP's `config.json`.

use super::fields::Fields;
use super::parts;
use crate::checkpoint::{Activation, CheckpointError, ClipConfig, VisionConfig};
use serde_json::{Map, Value};

/// transformers' `CLIPConfig`. The old `text_config_dict` and `vision_config_dict` win over their successors, as there.
pub(in crate::checkpoint) fn clip(fields: Fields<'_>) -> Result<ClipConfig, CheckpointError> {
    let projection_dim = parts::projection_dim(fields)?;
    let vision_map = merged(fields, "vision_config", "vision_config_dict")?;
    let vision_root = Map::from_iter([("vision_config".to_owned(), Value::Object(vision_map))]);
    let vision = parts::vision(Fields::new(&vision_root, fields.path()).object("vision_config")?, parts::CLIP_L14_336)?;
    let text_map = merged(fields, "text_config", "text_config_dict")?;
    let text_root = Map::from_iter([("text_config".to_owned(), Value::Object(text_map))]);
    let text = Fields::new(&text_root, fields.path()).object("text_config")?;
    let [hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, vocab_size, max_positions] =
        parts::clip_text(text)?;
    let eos = text.token_id("eos_token_id", vocab_size)?;
    text.token_id("bos_token_id", vocab_size)?;
    text.check_pad_id(vocab_size)?;
    Ok(ClipConfig {
        vision,
        text_hidden_size: hidden_size,
        text_intermediate_size: intermediate_size,
        text_num_hidden_layers: num_hidden_layers,
        text_num_attention_heads: num_attention_heads,
        text_vocab_size: vocab_size,
        text_max_position_embeddings: max_positions,
        text_layer_norm_eps: text.positive("layer_norm_eps")?.unwrap_or(1e-5),
        text_hidden_act: text.activation("hidden_act", Activation::QuickGelu)?,
        text_eos_token_id: eos.unwrap_or(49_407),
        projection_dim,
    })
}

/// transformers' `CLIPVisionConfig`: the image tower by itself.
pub(in crate::checkpoint) fn clip_vision(fields: Fields<'_>) -> Result<VisionConfig, CheckpointError> {
    parts::vision(fields, parts::CLIP_L14_336)
}

fn merged(
    fields: Fields<'_>,
    key: &'static str,
    overriding: &'static str,
) -> Result<Map<String, Value>, CheckpointError> {
    let mut merged = Map::new();
    for name in [key, overriding] {
        if fields.object(name)?.is_given()
            && let Some(Value::Object(map)) = fields.get(name)
        {
            merged.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
    }
    Ok(merged)
}
