//! Rotary position embedding, the half-split form of Hugging Face checkpoints.

use crate::checkpoint::TextConfig;
use candle_core::{Device, Result, Tensor};

/// Angles per position.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    /// One per pair of channels, already divided by the linear scaling factor.
    inv_freq: Vec<f32>,
}

impl Rope {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "transformers computes the angles in f32; so do we, to agree at large positions"
    )]
    pub(crate) fn new(config: &TextConfig) -> Self {
        let (theta, factor) = (config.rope_theta as f32, config.rope_linear_factor as f32);
        let head_dim = config.head_dim as f32;
        let inv_freq = (0..config.head_dim / 2).map(|pair| 1.0 / theta.powf((2 * pair) as f32 / head_dim) / factor);
        Self { inv_freq: inv_freq.collect() }
    }

    /// Cosines and sines of a run of positions, each of **shape** `[len, head_dim / 2]`.
    pub(crate) fn angles(&self, start: usize, len: usize, device: &Device) -> Result<(Tensor, Tensor)> {
        let angles = (start..start + len).flat_map(|position| self.inv_freq.iter().map(move |f| position as f32 * f));
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        let shape = (len, self.inv_freq.len());
        Ok((Tensor::from_vec(cos, shape, device)?, Tensor::from_vec(sin, shape, device)?))
    }
}

/// Turns `[heads, len, head_dim]` by the angles of its positions.
pub(crate) fn rotate(heads: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    candle_nn::rotary_emb::rope(&heads.unsqueeze(0)?, cos, sin)?.squeeze(0)
}

/// The same for one position on the CPU, in place. **Shape**: `heads` `[heads, head_dim]`, `cos` and `sin` `[head_dim / 2]`.
pub(crate) fn rotate_one(heads: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in heads.chunks_exact_mut(2 * cos.len().max(1)) {
        let (first, second) = head.split_at_mut(cos.len());
        for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}
