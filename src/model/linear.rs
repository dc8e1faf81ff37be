//! The small parts that all transformers share.

use super::matrix::{Matrix, Stored};
use super::slices::{edit_values, with_values};
use crate::checkpoint::Activation;
use crate::kernel::{self, Gate};
use candle_core::quantized::QTensor;
use candle_core::{DType, Error, Result, Tensor};
use std::sync::Arc;

/// Up to so many rows the product reads each weight once and is bound by the memory; from here on arithmetic counts,
/// and a blocked product is faster. With 40, a further question of a few words on a known image takes a third of the
/// time that it takes with 12.
const MOST_DOT_ROWS: usize = 40;
/// Values of a block of weights that a blocked product widens at a time: small enough for the caches.
const BLOCK_VALUES: usize = 1 << 20;

/// `y = x Wᵀ + b` over rows. The one place where weights meet activations.
///
/// On the CPU weights are read where they lie, in the type they have, and rows are f32; on a GPU rows have the weights'
/// type.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Linear {
    /// **Shape**: weight `[outputs, inputs]`, bias `[outputs]`.
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self::over(Matrix::dense(weight), bias)
    }

    /// Weights wherever they lie.
    pub(crate) fn over(weight: Matrix, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// Quantised weights, which are multiplied as they are: on the CPU with f32 activations, so the product is that
    /// with the same weights as floats; on a GPU by candle, which rounds activations to int8 in blocks.
    pub fn quantised(weight: Arc<QTensor>, bias: Option<Tensor>) -> Self {
        Self::over(Matrix::quantised(weight), bias)
    }

    /// **Shape**: `[rows, inputs]` to `[rows, outputs]`.
    pub fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let few = rows.dim(0)? <= MOST_DOT_ROWS;
        // Many rows and f32 in memory are what candle's product is made for: no block is copied.
        let is_f32 = |tensor: &Tensor| tensor.dtype() == DType::F32;
        let as_it_is = !few && is_f32(rows) && self.weight.as_tensor().is_some_and(is_f32);
        let on_the_cpu = || self.weight.with_weight(|weight| on_the_cpu(rows, weight, few));
        if let Some(product) = (!as_it_is).then(on_the_cpu).flatten() {
            return add_bias(self.weight.order(product?)?, self.bias.as_ref());
        }
        let product = match (self.weight.as_blocks(), self.weight.as_tensor()) {
            (Some(blocks), _) => {
                rows.to_dtype(DType::F32)?.contiguous()?.apply_op1_no_bwd(blocks)?.to_dtype(rows.dtype())?
            }
            (None, Some(weight)) => rows.matmul(&weight.t()?)?,
            (None, None) => return Err(Error::msg("Expected 16 or 32 bits a weight")),
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }

    /// Bytes of weights that one product reads.
    pub fn bytes(&self) -> usize {
        let bias = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.weight.bytes() + self.bias.as_ref().map_or(0, bias)
    }
}

/// Few rows read the weights once where they are; many are multiplied with blocks of them.
fn on_the_cpu(rows: &Tensor, weight: Stored<'_>, few: bool) -> Result<Tensor> {
    let (num_rows, inputs) = rows.dims2()?;
    if inputs != weight.cols() {
        return Err(Error::Msg(format!("Expected rows of {} values, found {inputs}", weight.cols())));
    }
    let rows = rows.to_dtype(DType::F32)?.contiguous()?;
    if few {
        let mut product = vec![0.0; num_rows * weight.rows()];
        with_values(&rows, |rows| weight.multiply(rows, &mut product))?;
        return Tensor::from_vec(product, (num_rows, weight.rows()), rows.device());
    }
    let block_rows = (BLOCK_VALUES / inputs.max(1)).max(1);
    let blocks = (0..weight.rows()).step_by(block_rows).map(|start| {
        let end = (start + block_rows).min(weight.rows());
        let mut block = vec![0.0; (end - start) * inputs];
        weight.widen(start..end, &mut block)?;
        rows.matmul(&Tensor::from_vec(block, (end - start, inputs), rows.device())?.t()?)
    });
    let blocks = blocks.collect::<Result<Vec<_>>>()?;
    match blocks.as_slice() {
        [one] => Ok(one.clone()),
        several => Tensor::cat(several, 1),
    }
}

/// Adds a bias to rows on the CPU that nobody else has seen.
fn add_bias(rows: Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if let Some(bias) = bias {
        with_values(&bias.to_dtype(DType::F32)?, |bias| {
            edit_values(&rows, |rows| {
                for row in rows.chunks_exact_mut(bias.len().max(1)) {
                    row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                }
                Ok(())
            })
        })?;
    }
    Ok(rows)
}

/// Layer norm, computed in f32 whatever the type of the activations.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
    pub(crate) eps: f32,
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

/// Applies a feed-forward activation to a tensor that nobody else has seen.
pub(crate) fn activate(activation: Activation, xs: Tensor) -> Result<Tensor> {
    if let Some(gate) = gate_of(activation, &xs) {
        edit_values(&xs, |values| {
            kernel::activate(gate, values);
            Ok(())
        })?;
        return Ok(xs);
    }
    match activation {
        Activation::QuickGelu => &xs * candle_nn::ops::sigmoid(&(&xs * 1.702)?)?,
        Activation::Gelu => xs.gelu_erf(),
        Activation::GeluTanh => xs.gelu(),
        Activation::Silu => xs.silu(),
        Activation::Relu => xs.relu(),
    }
}

/// `activation(gate) * up`, of tensors that nobody else has seen.
pub(crate) fn activate_and_multiply(activation: Activation, gate: Tensor, up: &Tensor) -> Result<Tensor> {
    let Some(kind) = gate_of(activation, &gate) else { return activate(activation, gate)? * up };
    with_values(up, |up| {
        edit_values(&gate, |gate| kernel::activate_and_multiply(kind, gate, up).map_err(Error::wrap))
    })?;
    Ok(gate)
}

/// The kernel for an activation of this tensor, if there is one.
fn gate_of(activation: Activation, xs: &Tensor) -> Option<Gate> {
    let kind = match activation {
        Activation::QuickGelu => Gate::QuickGelu,
        Activation::GeluTanh => Gate::GeluTanh,
        Activation::Silu => Gate::Silu,
        Activation::Gelu | Activation::Relu => return None,
    };
    (xs.device().is_cpu() && xs.dtype() == DType::F32 && xs.is_contiguous()).then_some(kind)
}
