//! The small parts that all transformers share.

use crate::checkpoint::Activation;
use candle_core::{DType, Result, Tensor};

/// `y = x Wᵀ + b` over rows. The one place where weights meet activations: a faster kernel goes in here.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// **Shape**: weight `[outputs, inputs]`, bias `[outputs]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// **Shape**: `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let product = rows.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }

    /// Bytes of weights that one product reads.
    pub fn bytes(&self) -> usize {
        let bias = self.bias.as_ref().map_or(0, Tensor::elem_count);
        (self.weight.elem_count() + bias) * self.weight.dtype().size_in_bytes()
    }
}

/// Layer norm, computed in f32 whatever the type of the activations.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl LayerNorm {
    pub(crate) fn new(weight: Tensor, bias: Tensor, eps: f64) -> Self {
        Self { weight, bias, eps: narrow_eps(eps) }
    }

    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let dtype = rows.dtype();
        let rows = rows.to_dtype(DType::F32)?.contiguous()?;
        candle_nn::ops::layer_norm(&rows, &self.weight, &self.bias, self.eps)?.to_dtype(dtype)
    }
}

/// Root mean square norm, computed in f32 whatever the type of the activations.
#[derive(Debug, Clone)]
pub(crate) struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    pub(crate) fn new(weight: Tensor, eps: f64) -> Self {
        Self { weight, eps: narrow_eps(eps) }
    }

    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let dtype = rows.dtype();
        let rows = rows.to_dtype(DType::F32)?.contiguous()?;
        candle_nn::ops::rms_norm(&rows, &self.weight, self.eps)?.to_dtype(dtype)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an epsilon of 1e-5 or 1e-6; candle's norms take f32")]
fn narrow_eps(eps: f64) -> f32 {
    eps as f32
}

/// Applies a feed-forward activation.
pub(crate) fn activate(activation: Activation, xs: &Tensor) -> Result<Tensor> {
    match activation {
        Activation::QuickGelu => xs * candle_nn::ops::sigmoid(&(xs * 1.702)?)?,
        Activation::Gelu => xs.gelu_erf(),
        Activation::GeluTanh => xs.gelu(),
        Activation::Silu => xs.silu(),
        Activation::Relu => xs.relu(),
    }
}
