//! Rotary position embedding, the half-split form of Hugging Face checkpoints.

use crate::checkpoint::{RopeScaling, TextConfig};
use candle_core::{Device, Result, Tensor};

/// Angles per position.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    /// One per pair of channels, scaling and divisors applied.
    inv_freq: Vec<f32>,
}

impl Rope {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "transformers computes the angles in f32; so do we, to agree at large positions"
    )]
    pub(crate) fn new(config: &TextConfig) -> Self {
        let theta = config.rope_theta as f32;
        let head_dim = config.head_dim as f32;
        let divisors = config.rope_divisors.iter().copied().chain(std::iter::repeat(1.0));
        let inv_freq = (0..config.head_dim / 2).zip(divisors).map(|(pair, divisor)| {
            let inv_freq = 1.0 / theta.powf((2 * pair) as f32 / head_dim);
            scaled(inv_freq, config.rope_scaling) / divisor
        });
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

/// A frequency as its scaling makes it.
///
/// **Source**: transformers, `modeling_rope_utils.py`, `_compute_linear_scaling_rope_parameters` and
/// `_compute_llama3_parameters`, in their order of operations.
#[expect(clippy::cast_possible_truncation, reason = "transformers computes in f32")]
fn scaled(inv_freq: f32, scaling: RopeScaling) -> f32 {
    match scaling {
        RopeScaling::None => inv_freq,
        RopeScaling::Linear { factor } => inv_freq / factor as f32,
        RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
            let context = original_max_position_embeddings as f64;
            let (low_wavelen, high_wavelen) = ((context / low_freq_factor) as f32, (context / high_freq_factor) as f32);
            let wavelen = std::f32::consts::TAU / inv_freq;
            let divided = if wavelen > low_wavelen { inv_freq / factor as f32 } else { inv_freq };
            if wavelen < high_wavelen || wavelen > low_wavelen {
                return divided;
            }
            let width = (high_freq_factor - low_freq_factor) as f32;
            let smooth = (context as f32 / wavelen - low_freq_factor as f32) / width;
            (1.0 - smooth) * divided / factor as f32 + smooth * divided
        }
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
