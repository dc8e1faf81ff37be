//! `SigLIP`'s `config.json`, as far as its image tower goes.

use super::fields::Fields;
use super::parts::{self, HEADS, LAYERS, PIXELS, WIDTHS};
use crate::checkpoint::{Activation, CheckpointError, VisionConfig};

/// transformers' `SiglipVisionConfig`: by itself, or the `vision_config` of a `SiglipConfig`.
pub(in crate::checkpoint) fn siglip(fields: Fields<'_>) -> Result<VisionConfig, CheckpointError> {
    let is_both = fields.text("model_type")? == Some("siglip");
    let fields = if is_both { fields.object("vision_config")? } else { fields };
    let hidden_size = fields.size_or("hidden_size", 768, WIDTHS)?;
    let config = VisionConfig {
        hidden_size,
        intermediate_size: fields.size_or("intermediate_size", 3072, WIDTHS)?,
        num_hidden_layers: fields.size_or("num_hidden_layers", 12, LAYERS)?,
        num_attention_heads: fields.size_or("num_attention_heads", 12, HEADS)?,
        image_size: fields.size_or("image_size", 224, PIXELS)?,
        patch_size: fields.size_or("patch_size", 16, PIXELS)?,
        num_channels: fields.size_or("num_channels", 3, 3..=3)?,
        layer_norm_eps: fields.positive("layer_norm_eps")?.unwrap_or(1e-6),
        hidden_act: fields.activation("hidden_act", Activation::GeluTanh)?,
        projection_dim: hidden_size,
    };
    parts::divides(fields, hidden_size, config.num_attention_heads)?;
    if config.patch_size > config.image_size {
        let expected = format!("at most the image_size {}", config.image_size);
        return Err(fields.refuse("patch_size", expected, &config.patch_size));
    }
    Ok(config)
}
