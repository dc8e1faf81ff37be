//! The small parts that all transformers share.

use crate::checkpoint::Activation;
use candle_core::quantized::QTensor;
use candle_core::{DType, Result, Tensor};
use std::sync::Arc;

/// `y = x Wᵀ + b` over rows. The one place where weights meet activations: a faster kernel goes in here.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
}

#[derive(Debug, Clone)]
enum Weight {
    Dense(Tensor),
    /// Blocks as they are in the file.
    Quantised(Arc<QTensor>),
}

impl Linear {
    /// **Shape**: weight `[outputs, inputs]`, bias `[outputs]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self { weight: Weight::Dense(weight), bias }
    }

    /// Quantised weights, which are multiplied as they are.
    ///
    /// **Differs** from a product with the same weights as floats: candle rounds each row of activations to int8 in blocks of 32 (of 256 for
    /// the K types), a relative error of up to 1/254 of a block's largest value (`tests/golden_parity/gguf.rs` bounds what it does to attention).
    ///
    /// candle keeps a rearranged copy of `Q4_K`, `Q6_K` and `Q8_0` from the first product on (`engine::MemoryEstimate` counts it).
    pub fn quantised(weight: Arc<QTensor>, bias: Option<Tensor>) -> Self {
        Self { weight: Weight::Quantised(weight), bias }
    }

    /// **Shape**: `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let product = match &self.weight {
            Weight::Dense(weight) => rows.matmul(&weight.t()?)?,
            Weight::Quantised(weight) => {
                rows.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(weight.as_ref())?.to_dtype(rows.dtype())?
            }
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }

    /// Bytes of weights that one product reads.
    pub fn bytes(&self) -> usize {
        let dense = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        let weight = match &self.weight {
            Weight::Dense(weight) => dense(weight),
            Weight::Quantised(weight) => weight.storage_size_in_bytes(),
        };
        weight + self.bias.as_ref().map_or(0, dense)
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
