//! Rotary position embedding, the half-split form of Hugging Face checkpoints.

use super::positions::Positions;
use crate::checkpoint::{RopeScaling, TextConfig};
use candle_core::{Device, Result, Tensor};

/// Angles per position.
#[derive(Debug, Clone)]
pub(crate) struct Rope {
    /// One per pair of channels, scaling and divisors applied.
    inv_freq: Vec<f32>,
    /// Which row of positions turns a pair; the first turns all where there is one.
    rows: Vec<usize>,
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
        let rows = config.rope_sections.iter().enumerate().flat_map(|(row, pairs)| std::iter::repeat_n(row, *pairs));
        Self { inv_freq: inv_freq.collect(), rows: rows.collect() }
    }

    /// Rows of positions that it turns by: 1 or 3.
    pub(crate) fn num_rows(&self) -> usize {
        if self.rows.is_empty() { 1 } else { 3 }
    }

    /// Cosines and sines of positions, each of **shape** `[positions, head_dim / 2]`. With three rows the first pairs
    /// turn by time, the next by height, the last by width.
    ///
    /// **Source** of the rows: transformers, `modeling_qwen2_vl.py`, `apply_multimodal_rotary_pos_emb`.
    pub(crate) fn angles(&self, positions: &Positions, device: &Device) -> Result<(Tensor, Tensor)> {
        let row = |pair: usize| self.rows.get(pair).copied().unwrap_or(0);
        let angles = (0..positions.len()).flat_map(|idx| {
            let place = positions.at(idx);
            let position = move |pair| place.get(row(pair)).copied().unwrap_or_default();
            self.inv_freq.iter().enumerate().map(move |(pair, f)| position(pair) as f32 * f)
        });
        let (cos, sin): (Vec<f32>, Vec<f32>) = angles.map(|angle| (angle.cos(), angle.sin())).unzip();
        let shape = (positions.len(), self.inv_freq.len());
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

/// The same for one position on the CPU, in place. **Shape**: `heads` `[heads, head_dim]`, `cos` and `sin` `[head_dim /
/// 2]`.
pub(crate) fn rotate_one(heads: &mut [f32], cos: &[f32], sin: &[f32]) {
    for head in heads.chunks_exact_mut(2 * cos.len().max(1)) {
        let (first, second) = head.split_at_mut(cos.len());
        for ((a, b), (cos, sin)) in first.iter_mut().zip(second).zip(cos.iter().zip(sin)) {
            (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::text_config;

    /// The formula in plain loops: `[tokens, pairs]` angles.
    fn angles(places: &[[usize; 3]], sections: [usize; 3], theta: f64, head_dim: usize) -> Vec<f64> {
        let mut angles = Vec::new();
        for place in places {
            for pair in 0..head_dim / 2 {
                let row = if pair < sections[0] {
                    0
                } else if pair < sections[0] + sections[1] {
                    1
                } else {
                    2
                };
                angles.push(place[row] as f64 / theta.powf(2.0 * pair as f64 / head_dim as f64));
            }
        }
        angles
    }

    fn expect_angles(rope: &Rope, positions: &Positions, expected: &[f64]) {
        let (cos, sin) = rope.angles(positions, &Device::Cpu).unwrap();
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for ((cos, sin), angle) in values(&cos).iter().zip(values(&sin)).zip(expected) {
            let worst = (f64::from(*cos) - angle.cos()).abs().max((f64::from(sin) - angle.sin()).abs());
            assert!(worst < 1e-5, "angle {angle}: {cos}, {sin}");
        }
        assert_eq!(cos.dims(), [positions.len(), expected.len() / positions.len()], "a row for each token");
    }

    #[test]
    fn three_rows_turn_their_own_pairs_and_one_row_turns_all() {
        let base = TextConfig { head_dim: 16, rope_theta: 10_000.0, ..text_config() };
        let places = [[0, 0, 0], [1, 1, 1], [2, 2, 2], [2, 2, 3], [2, 3, 2], [2, 3, 3], [4, 4, 4]];
        let sections = [2, 3, 3];
        let three = Rope::new(&TextConfig { rope_sections: sections.to_vec(), ..base.clone() });
        assert_eq!(three.num_rows(), 3, "it has sections");
        let positions = Positions::three_rows(places.to_vec());
        expect_angles(&three, &positions, &angles(&places, sections, 10_000.0, 16));
        expect_angles(&three, &positions.range(6..9), &angles(&[[4; 3], [5; 3], [6; 3]], sections, 10_000.0, 16));

        let one = Rope::new(&base);
        let shifted = [7, 7, 8, 40];
        let expected = angles(&shifted.map(|position| [position; 3]), [8, 0, 0], 10_000.0, 16);
        expect_angles(&one, &Positions::one_row(shifted), &expected);
        assert_eq!(one.num_rows(), 1, "it has none");
    }
}
