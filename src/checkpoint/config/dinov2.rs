//! `DINOv2`'s `config.json`, with and without registers.

use super::fields::Fields;
use super::parts::{self, HEADS, LAYERS, PIXELS, WIDTHS};
use crate::checkpoint::{Activation, CheckpointError, Dinov2Config, VisionConfig};

/// transformers' `Dinov2Config` (`registers` false) or `Dinov2WithRegistersConfig`; `input_size` is what the image
/// processor makes.
pub(in crate::checkpoint) fn dinov2(
    fields: Fields<'_>,
    registers: bool,
    input_size: Option<usize>,
) -> Result<Dinov2Config, CheckpointError> {
    let hidden_size = fields.size_or("hidden_size", 768, WIDTHS)?;
    let mlp_ratio = fields.size_or("mlp_ratio", 4, 1..=64)?;
    let table_size = fields.size_or("image_size", 224, PIXELS)?;
    let patch_size = fields.size_or("patch_size", if registers { 16 } else { 14 }, PIXELS)?;
    let image_size = input_size.unwrap_or(table_size);
    let swiglu = fields.flag("use_swiglu_ffn")?.unwrap_or(false);
    // Two thirds of the width, rounded up to a multiple of 8: two matrices in, one out (transformers' Dinov2SwiGLUFFN).
    let width = hidden_size * mlp_ratio;
    let intermediate_size = if swiglu { (width * 2 / 3).div_ceil(8) * 8 } else { width };
    let vision = VisionConfig {
        hidden_size,
        intermediate_size,
        num_hidden_layers: fields.size_or("num_hidden_layers", 12, LAYERS)?,
        num_attention_heads: fields.size_or("num_attention_heads", 12, HEADS)?,
        image_size,
        patch_size,
        num_channels: fields.size_or("num_channels", 3, 3..=3)?,
        layer_norm_eps: fields.positive("layer_norm_eps")?.unwrap_or(1e-6),
        hidden_act: fields.activation("hidden_act", Activation::Gelu)?,
        projection_dim: hidden_size,
    };
    parts::divides(fields, hidden_size, vision.num_attention_heads)?;
    if patch_size > image_size.min(table_size) {
        let expected = format!("at most the size of the input, {}", image_size.min(table_size));
        return Err(fields.refuse("patch_size", expected, &patch_size));
    }
    let num_register_tokens = if registers { fields.size_or("num_register_tokens", 4, 0..=1024)? } else { 0 };
    Ok(Dinov2Config {
        positions_per_side: table_size / patch_size,
        antialiased_positions: registers,
        num_register_tokens,
        qkv_bias: fields.flag("qkv_bias")?.unwrap_or(true),
        use_swiglu_ffn: swiglu,
        vision,
    })
}
