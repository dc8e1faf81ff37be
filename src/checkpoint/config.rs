//! Model configurations under Hugging Face's names, after all spellings of a field were brought to one.

mod clip;
mod dinov2;
mod family;
mod fields;
mod llava;
mod parts;
mod siglip;
#[cfg(test)]
mod tests;

pub(super) use clip::{clip, clip_vision};
pub(super) use dinov2::dinov2;
pub use family::ModelType;
pub(super) use fields::{Fields, number};
pub(super) use llava::{image_is_padded, llava, original};
pub(super) use siglip::siglip;

use serde::{Deserialize, Serialize};

/// A feed-forward or projector activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x * sigmoid(1.702 x)`, CLIP's.
    QuickGelu,
    /// The exact (erf) GELU.
    Gelu,
    /// The tanh approximation.
    GeluTanh,
    /// SiLU.
    Silu,
    /// `ReLU`.
    Relu,
}

/// A vision tower with a `[CLS]` token (CLIP's ViT).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VisionConfig {
    /// Width.
    pub hidden_size: usize,
    /// Feed-forward width.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Square input, pixels.
    pub image_size: usize,
    /// Square patch, pixels.
    pub patch_size: usize,
    /// Colour channels.
    pub num_channels: usize,
    /// Epsilon of the layer norms.
    pub layer_norm_eps: f64,
    /// Feed-forward activation.
    pub hidden_act: Activation,
    /// Width of the shared image-text space (CLIP).
    pub projection_dim: usize,
}

/// `DINOv2`: a vision transformer with `[CLS]`, perhaps registers, and layer scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dinov2Config {
    /// The sizes it shares with other encoders; `image_size` is the input's, `intermediate_size` that of one half of a
    /// gated part.
    pub vision: VisionConfig,
    /// Side of the grid that the position table is made for, which need not be the input's.
    pub positions_per_side: usize,
    /// Whether positions are smoothed when they are brought to a smaller grid (the encoder with registers).
    pub antialiased_positions: bool,
    /// Tokens between `[CLS]` and the patches.
    pub num_register_tokens: usize,
    /// Biases on q, k, v.
    pub qkv_bias: bool,
    /// A gated feed-forward part.
    pub use_swiglu_ffn: bool,
}

/// A LLaMA-type decoder.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of Hugging Face's configurations")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextConfig {
    /// Width.
    pub hidden_size: usize,
    /// Feed-forward width.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key/value heads.
    pub num_key_value_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Vocabulary, as many rows as the embedding has.
    pub vocab_size: usize,
    /// Most positions.
    pub max_position_embeddings: usize,
    /// Epsilon of the RMS norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary angles.
    pub rope_theta: f64,
    /// How the rotary angles were changed for longer contexts.
    pub rope_scaling: RopeScaling,
    /// What each pair's rotary frequency is divided by, one number a pair of channels; empty is by nothing
    /// (`rope_freqs.weight` of GGUF files).
    pub rope_divisors: Vec<f32>,
    /// Pairs of channels that turn by time, by height and by width (`mrope_section`); empty where a token has one
    /// position.
    pub rope_sections: Vec<usize>,
    /// Feed-forward activation.
    pub hidden_act: Activation,
    /// Biases on q, k, v (Qwen2) and, with LLaMA's flag, on o.
    pub qkv_bias: bool,
    /// Bias on the attention's output projection.
    pub o_bias: bool,
    /// Biases of the feed-forward part.
    pub mlp_bias: bool,
    /// The output head is the embedding. Before the weights are looked at, what the configuration says; a head of its
    /// own among the weights makes it false, as in transformers.
    pub tie_word_embeddings: bool,
    /// Attention over the nearest positions only (Mistral, Qwen2); `None` is over all, also where the window is no
    /// narrower than the context.
    pub sliding_window: Option<SlidingWindow>,
}

/// How rotary angles are changed for contexts longer than those of the training.
///
/// **Source**: transformers, `modeling_rope_utils.py`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All frequencies are divided by a factor.
    Linear {
        /// Above 0.
        factor: f64,
    },
    /// LLaMA-3.1's: low frequencies are divided by the factor, high ones are left, those between are interpolated.
    Llama3 {
        /// Above 0.
        factor: f64,
        /// Wavelengths above the context divided by this are long.
        low_freq_factor: f64,
        /// Wavelengths below the context divided by this are short.
        high_freq_factor: f64,
        /// The context of the training, **units** positions.
        original_max_position_embeddings: usize,
    },
}

/// Attention over the nearest positions only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlidingWindow {
    /// Positions that a query sees, its own included.
    pub positions: usize,
    /// First layer that has the window; those before it see everything (Qwen2's `max_window_layers`).
    pub first_layer: usize,
}

/// Which of the vision tower's tokens the projector gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureSelect {
    /// Patches only.
    Default,
    /// `[CLS]` first, then the patches.
    Full,
}

/// LLaVA: vision tower, projector, decoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LlavaConfig {
    /// The vision tower.
    pub vision: VisionConfig,
    /// The decoder.
    pub text: TextConfig,
    /// Entries of `hidden_states` (0 = embeddings, k = output of layer k - 1) that are concatenated, already counted
    /// from the front.
    pub vision_feature_layers: Vec<usize>,
    /// See [`FeatureSelect`].
    pub vision_feature_select: FeatureSelect,
    /// Between the projector's two matrices.
    pub projector_hidden_act: Activation,
    /// Whether the projector's matrices have biases.
    pub multimodal_projector_bias: bool,
    /// Id of the `<image>` placeholder.
    pub image_token_id: u32,
    /// Ids that end an answer.
    pub eos_token_ids: Vec<u32>,
    /// Id put before a prompt.
    pub bos_token_id: Option<u32>,
}

impl LlavaConfig {
    /// Image tokens in the prompt: patches, and `[CLS]` with [`FeatureSelect::Full`].
    pub fn image_seq_length(&self) -> usize {
        let side = self.vision.image_size / self.vision.patch_size.max(1);
        side * side + usize::from(self.vision_feature_select == FeatureSelect::Full)
    }
}

/// CLIP with both towers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClipConfig {
    /// The image tower.
    pub vision: VisionConfig,
    /// Width of the text tower.
    pub text_hidden_size: usize,
    /// Its feed-forward width.
    pub text_intermediate_size: usize,
    /// Its layers.
    pub text_num_hidden_layers: usize,
    /// Its heads.
    pub text_num_attention_heads: usize,
    /// Its vocabulary.
    pub text_vocab_size: usize,
    /// Its positions.
    pub text_max_position_embeddings: usize,
    /// Epsilon of its layer norms.
    pub text_layer_norm_eps: f64,
    /// Its activation.
    pub text_hidden_act: Activation,
    /// Where the text embedding is read: 2 in old configurations means "the largest id" (transformers' own rule).
    pub text_eos_token_id: u32,
    /// Width of the shared space.
    pub projection_dim: usize,
}
