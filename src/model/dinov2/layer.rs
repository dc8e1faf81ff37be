//! One layer: pre-norm attention and feed-forward part, each scaled by a learned vector.

use crate::checkpoint::{Activation, Dinov2Config};
use crate::model::ModelError;
use crate::model::attention::{attend, score_scale, show_heads, show_hidden, show_input, show_mlp, split_heads};
use crate::model::linear::{LayerNorm, Linear, activate};
use crate::model::probe::{Probe, Site};
use crate::model::weights::Scope;
use candle_core::{Result, Tensor};

#[derive(Debug, Clone)]
enum FeedForward {
    Plain {
        fc1: Linear,
        hidden_act: Activation,
        fc2: Linear,
    },
    /// Gate and value in one matrix, the gate first.
    Gated {
        weights_in: Linear,
        weights_out: Linear,
    },
}

impl FeedForward {
    fn load(scope: &Scope<'_>, config: &Dinov2Config) -> std::result::Result<Self, ModelError> {
        let (width, inner) = (config.vision.hidden_size, config.vision.intermediate_size);
        if config.use_swiglu_ffn {
            let weights_in = scope.linear("weights_in", width, 2 * inner, true)?;
            return Ok(Self::Gated { weights_in, weights_out: scope.linear("weights_out", inner, width, true)? });
        }
        let fc1 = scope.linear("fc1", width, inner, true)?;
        let fc2 = scope.linear("fc2", inner, width, true)?;
        Ok(Self::Plain { fc1, hidden_act: config.vision.hidden_act, fc2 })
    }

    fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        match self {
            Self::Plain { fc1, hidden_act, fc2 } => fc2.forward(&activate(*hidden_act, fc1.forward(rows)?)?),
            Self::Gated { weights_in, weights_out } => {
                let halves = weights_in.forward(rows)?.chunk(2, 1)?;
                let [gate, value] = halves.as_slice() else {
                    return Err(candle_core::Error::Msg("Expected a gate and a value".to_owned()));
                };
                weights_out.forward(&(gate.silu()? * value)?)
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Layer {
    num_attention_heads: usize,
    head_dim: usize,
    norm1: LayerNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    scale1: Tensor,
    norm2: LayerNorm,
    mlp: FeedForward,
    scale2: Tensor,
}

impl Layer {
    pub(super) fn load(scope: &Scope<'_>, config: &Dinov2Config) -> std::result::Result<Self, ModelError> {
        let vision = &config.vision;
        let width = vision.hidden_size;
        ModelError::check_divides(vision.num_attention_heads, width, "a width that the attention heads divide")?;
        let (outer, attention) = (scope.at("attention"), scope.at("attention").at("attention"));
        Ok(Self {
            num_attention_heads: vision.num_attention_heads,
            head_dim: width / vision.num_attention_heads,
            norm1: scope.layer_norm("norm1", width, vision.layer_norm_eps)?,
            query: attention.linear("query", width, width, config.qkv_bias)?,
            key: attention.linear("key", width, width, config.qkv_bias)?,
            value: attention.linear("value", width, width, config.qkv_bias)?,
            output: outer.at("output").linear("dense", width, width, true)?,
            scale1: scope.at("layer_scale1").tensor("lambda1", &[width])?,
            norm2: scope.layer_norm("norm2", width, vision.layer_norm_eps)?,
            mlp: FeedForward::load(&scope.at("mlp"), config)?,
            scale2: scope.at("layer_scale2").tensor("lambda1", &[width])?,
        })
    }

    /// **Shape**: `[tokens, hidden_size]` to the same.
    pub(super) fn forward(&self, rows: &Tensor, site: &Site, probe: &mut dyn Probe) -> Result<Tensor> {
        let (num_heads, head_dim) = (self.num_attention_heads, self.head_dim);
        show_input(rows, site, probe)?;
        let normed = self.norm1.forward(rows)?;
        let query = (split_heads(&self.query.forward(&normed)?, num_heads, head_dim)? * score_scale(head_dim))?;
        let key = split_heads(&self.key.forward(&normed)?, num_heads, head_dim)?;
        let value = split_heads(&self.value.forward(&normed)?, num_heads, head_dim)?;
        let attended = attend(&query, &key, &value, None, site, probe)?;
        let attended = show_heads(attended, site, probe)?.to_dtype(rows.dtype())?;
        let rows = (rows + self.output.forward(&attended)?.broadcast_mul(&self.scale1)?)?;
        let fed = show_mlp(self.mlp.forward(&self.norm2.forward(&rows)?)?, site, probe)?;
        show_hidden((&rows + fed.broadcast_mul(&self.scale2)?)?, site, probe)
    }
}
