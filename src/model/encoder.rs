//! The pre-norm encoder layer that CLIP's two towers share.

use super::ModelError;
use super::attention::{CausalMask, attend, score_scale, show_heads, show_hidden, show_input, show_mlp, split_heads};
use super::linear::{LayerNorm, Linear, activate};
use super::probe::{Probe, Site};
use super::weights::Scope;
use crate::checkpoint::{Activation, VisionConfig};
use candle_core::{Result, Tensor};

/// What an encoder layer needs to know of its tower.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EncoderShape {
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) layer_norm_eps: f64,
    pub(crate) hidden_act: Activation,
}

impl EncoderShape {
    /// Of an image tower.
    pub(crate) fn of_vision(config: &VisionConfig) -> Self {
        Self {
            hidden_size: config.hidden_size,
            intermediate_size: config.intermediate_size,
            num_attention_heads: config.num_attention_heads,
            layer_norm_eps: config.layer_norm_eps,
            hidden_act: config.hidden_act,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct EncoderLayer {
    shape: EncoderShape,
    layer_norm1: LayerNorm,
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    layer_norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
}

impl EncoderLayer {
    pub(crate) fn load(scope: &Scope<'_>, shape: EncoderShape) -> std::result::Result<Self, ModelError> {
        let EncoderShape { hidden_size, intermediate_size, num_attention_heads, layer_norm_eps, .. } = shape;
        ModelError::check_sizes(&[("hidden_size", hidden_size), ("intermediate_size", intermediate_size)])?;
        ModelError::check_divides(num_attention_heads, hidden_size, "a width that the attention heads divide")?;
        let (attention, mlp) = (scope.at("self_attn"), scope.at("mlp"));
        Ok(Self {
            shape,
            layer_norm1: scope.layer_norm("layer_norm1", hidden_size, layer_norm_eps)?,
            q_proj: attention.linear("q_proj", hidden_size, hidden_size, true)?,
            k_proj: attention.linear("k_proj", hidden_size, hidden_size, true)?,
            v_proj: attention.linear("v_proj", hidden_size, hidden_size, true)?,
            out_proj: attention.linear("out_proj", hidden_size, hidden_size, true)?,
            layer_norm2: scope.layer_norm("layer_norm2", hidden_size, layer_norm_eps)?,
            fc1: mlp.linear("fc1", hidden_size, intermediate_size, true)?,
            fc2: mlp.linear("fc2", intermediate_size, hidden_size, true)?,
        })
    }

    /// All layers of a tower.
    pub(crate) fn load_all(
        tower: &Scope<'_>,
        num_hidden_layers: usize,
        shape: EncoderShape,
    ) -> std::result::Result<Vec<Self>, ModelError> {
        let layers = tower.at("encoder").at("layers");
        (0..num_hidden_layers).map(|layer_idx| Self::load(&layers.at(layer_idx), shape)).collect()
    }

    /// **Shape**: `[tokens, hidden_size]` to the same.
    pub(crate) fn forward(
        &self,
        rows: &Tensor,
        mask: Option<&CausalMask>,
        site: &Site,
        probe: &mut dyn Probe,
    ) -> Result<Tensor> {
        let num_heads = self.shape.num_attention_heads;
        let head_dim = self.shape.hidden_size / num_heads;
        show_input(rows, site, probe)?;
        let normed = self.layer_norm1.forward(rows)?;
        let query = (split_heads(&self.q_proj.forward(&normed)?, num_heads, head_dim)? * score_scale(head_dim))?;
        let key = split_heads(&self.k_proj.forward(&normed)?, num_heads, head_dim)?;
        let value = split_heads(&self.v_proj.forward(&normed)?, num_heads, head_dim)?;
        let attended = attend(&query, &key, &value, mask, site, probe)?;
        let attended = show_heads(attended, site, probe)?.to_dtype(rows.dtype())?;
        let rows = (rows + self.out_proj.forward(&attended)?)?;

        let widened = activate(self.shape.hidden_act, self.fc1.forward(&self.layer_norm2.forward(&rows)?)?)?;
        let fed = show_mlp(self.fc2.forward(&widened)?, site, probe)?;
        show_hidden((rows + fed)?, site, probe)
    }

    /// What each token writes into `[CLS]` through this layer's attention; the sum over tokens is what `[CLS]` gets.
    ///
    /// The output projection's bias is shared out evenly.
    ///
    /// **Shape**: `rows`, the layer's input, `[tokens, hidden_size]` and `cls_probs` `[heads, tokens]` to `[tokens,
    /// hidden_size]`.
    pub(crate) fn cls_contributions(&self, rows: &Tensor, cls_probs: &Tensor) -> Result<Tensor> {
        let (num_tokens, hidden_size) = rows.dims2()?;
        let num_heads = self.shape.num_attention_heads;
        let value = self.v_proj.forward(&self.layer_norm1.forward(rows)?)?;
        let value = split_heads(&value, num_heads, self.shape.hidden_size / num_heads)?;
        let weighted = value.broadcast_mul(&cls_probs.unsqueeze(2)?)?;
        let weighted = weighted.transpose(0, 1)?.reshape((num_tokens, hidden_size))?.to_dtype(rows.dtype())?;
        let bias = self.out_proj.forward(&weighted.narrow(0, 0, 1)?.zeros_like()?)?;
        let surplus = (bias * (1.0 - 1.0 / num_tokens as f64))?;
        self.out_proj.forward(&weighted)?.broadcast_sub(&surplus)
    }
}
