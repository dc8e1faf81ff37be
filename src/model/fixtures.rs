//! Tiny models with seeded random weights.

use super::error::SourceError;
use super::weights::TensorSource;
use super::{Clip, Decoder, Llava};
use crate::checkpoint::{Activation, ClipConfig, FeatureSelect, LlavaConfig, RopeScaling, TextConfig, VisionConfig};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;

/// Weights drawn from a hash of the seed and the tensor's name; `overrides` wins.
#[derive(Default)]
pub(crate) struct RandomWeights {
    pub(crate) seed: u64,
    pub(crate) overrides: HashMap<String, Tensor>,
}

/// Splitmix64.
pub(crate) fn next_random(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / 16_777_216.0 - 0.5
}

/// Uniform values in `-scale..scale`.
pub(crate) fn random_tensor(seed: u64, shape: &[usize], scale: f32) -> Tensor {
    let mut state = seed;
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| 2.0 * scale * next_random(&mut state)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

impl TensorSource for RandomWeights {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        if let Some(tensor) = self.overrides.get(name) {
            return Ok(tensor.to_dtype(dtype)?.reshape(shape)?);
        }
        let hash = name.bytes().fold(self.seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        let is_norm = name.contains("norm") && name.ends_with("weight");
        let tensor = random_tensor(hash, shape, if is_norm { 0.2 } else { 0.35 });
        let tensor = if is_norm { (tensor + 1.0)? } else { tensor };
        Ok(tensor.to_device(device)?.to_dtype(dtype)?)
    }

    fn optional(&self, _: &str, _: &[usize], _: DType, _: &Device) -> Result<Option<Tensor>, SourceError> {
        Ok(None)
    }
}

pub(crate) fn text_config() -> TextConfig {
    TextConfig {
        hidden_size: 24,
        intermediate_size: 40,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 6,
        vocab_size: 50,
        max_position_embeddings: 64,
        rms_norm_eps: 1e-5,
        rope_theta: 10000.0,
        rope_scaling: RopeScaling::None,
        rope_divisors: Vec::new(),
        rope_sections: Vec::new(),
        hidden_act: Activation::Silu,
        qkv_bias: false,
        o_bias: false,
        mlp_bias: false,
        tie_word_embeddings: false,
        sliding_window: None,
    }
}

pub(crate) fn vision_config() -> VisionConfig {
    VisionConfig {
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        image_size: 12,
        patch_size: 4,
        num_channels: 3,
        layer_norm_eps: 1e-5,
        hidden_act: Activation::QuickGelu,
        projection_dim: 8,
    }
}

pub(crate) fn llava_config() -> LlavaConfig {
    LlavaConfig {
        vision: vision_config(),
        text: text_config(),
        vision_feature_layers: vec![2],
        vision_feature_select: FeatureSelect::Default,
        projector_hidden_act: Activation::Gelu,
        multimodal_projector_bias: true,
        image_token_id: 48,
        eos_token_ids: vec![2],
        bos_token_id: Some(1),
    }
}

pub(crate) fn clip_config() -> ClipConfig {
    ClipConfig {
        vision: vision_config(),
        text_hidden_size: 12,
        text_intermediate_size: 20,
        text_num_hidden_layers: 2,
        text_num_attention_heads: 2,
        text_vocab_size: 30,
        text_max_position_embeddings: 10,
        text_layer_norm_eps: 1e-5,
        text_hidden_act: Activation::QuickGelu,
        text_eos_token_id: 29,
        projection_dim: 8,
    }
}

pub(crate) fn decoder_with(config: &TextConfig, weights: &RandomWeights) -> Decoder {
    Decoder::load(weights, config, DType::F32, &Device::Cpu).unwrap()
}

pub(crate) fn decoder() -> Decoder {
    decoder_with(&text_config(), &RandomWeights::default())
}

pub(crate) fn llava() -> Llava {
    Llava::load(&RandomWeights::default(), &llava_config(), DType::F32, &Device::Cpu).unwrap()
}

pub(crate) fn clip() -> Clip {
    Clip::load(&RandomWeights::default(), &clip_config(), DType::F32, &Device::Cpu).unwrap()
}

/// Largest absolute difference.
pub(crate) fn max_diff(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims(), "shapes differ");
    (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar().unwrap()
}
