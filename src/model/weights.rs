//! Where a model's tensors come from, and how its parts ask for them.

use super::error::{ModelError, SourceError};
use super::linear::{LayerNorm, Linear, RmsNorm};
use super::matrix::Matrix;
use crate::checkpoint::MappedTensor;
use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Tensor};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Gives out tensors by their canonical names (the newest transformers layout; a checkpoint maps its own names to
/// these).
///
/// A source is expected to remember what was asked for, so that a tensor nobody asked for can be reported.
pub trait TensorSource {
    /// The tensor `name`, which must be there and have exactly this shape.
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError>;

    /// The tensor `name` if it is there; then it must have exactly this shape.
    fn optional(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, SourceError>;

    /// A matrix as the blocks it is stored in, from a source that has such and keeps them; then it counts as asked for.
    fn quantised(&self, _name: &str, _shape: &[usize], _device: &Device) -> Result<Option<Arc<QTensor>>, SourceError> {
        Ok(None)
    }

    /// A matrix where it lies in its file, from a source that has such and finds the file's type fit to stand for
    /// `dtype`; then it counts as asked for. Only asked on the CPU, whose products read every type as it is stored.
    fn mapped(&self, _name: &str, _shape: &[usize], _dtype: DType) -> Result<Option<MappedTensor>, SourceError> {
        Ok(None)
    }
}

/// Why a [`TensorMap`] has no such tensor.
#[derive(Debug, thiserror::Error)]
pub enum TensorMapError {
    /// It is not there.
    #[error("Expected a tensor {name} of shape {expected:?}, found none")]
    Missing {
        /// Canonical name.
        name: String,
        /// Shape the model needs.
        expected: Vec<usize>,
    },
    /// It has another shape.
    #[error("Expected a tensor {name} of shape {expected:?}, found {found:?}")]
    Shape {
        /// Canonical name.
        name: String,
        /// Shape the model needs.
        expected: Vec<usize>,
        /// Shape it has.
        found: Vec<usize>,
    },
}

/// Tensors that are in memory already: converted formats and tests.
#[derive(Debug, Default)]
pub struct TensorMap {
    tensors: HashMap<String, Tensor>,
    used: Mutex<HashSet<String>>,
}

impl TensorMap {
    /// Tensors by canonical name.
    pub fn new(tensors: HashMap<String, Tensor>) -> Self {
        Self { tensors, used: Mutex::default() }
    }

    /// Names that nobody asked for, sorted.
    pub fn unused(&self) -> Vec<String> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> = self.tensors.keys().filter(|name| !used.contains(*name)).cloned().collect();
        names.sort();
        names
    }
}

impl TensorSource for TensorMap {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        self.optional(name, shape, dtype, device)?
            .ok_or_else(|| TensorMapError::Missing { name: name.to_owned(), expected: shape.to_vec() }.into())
    }

    fn optional(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, SourceError> {
        let Some(tensor) = self.tensors.get(name) else { return Ok(None) };
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        if tensor.dims() != shape {
            let (expected, found) = (shape.to_vec(), tensor.dims().to_vec());
            return Err(TensorMapError::Shape { name: name.to_owned(), expected, found }.into());
        }
        Ok(Some(tensor.to_device(device)?.to_dtype(dtype)?))
    }
}

/// The type that activations have beside weights of a type: f32 on the CPU, whose kernels widen every weight as they
/// read it, elsewhere the weights' own.
///
/// **Differs** from transformers, whose activations have the weights' type everywhere: 16-bit weights give more exact
/// results here.
pub(crate) fn activation_dtype(weights: DType, device: &Device) -> DType {
    if device.is_cpu() { DType::F32 } else { weights }
}

/// A place in the tree of names, with the type and device that weights are wanted in.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    source: &'a dyn TensorSource,
    prefix: String,
    dtype: DType,
    device: &'a Device,
}

impl<'a> Scope<'a> {
    pub(crate) fn root(source: &'a dyn TensorSource, dtype: DType, device: &'a Device) -> Self {
        Self { source, prefix: String::new(), dtype, device }
    }

    /// The place one name further down.
    pub(crate) fn at(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..self.clone() }
    }

    /// A tensor that meets activations one to one, and so has their type.
    pub(crate) fn tensor(&self, name: &str, shape: &[usize]) -> Result<Tensor, ModelError> {
        self.typed(name, shape, activation_dtype(self.dtype, self.device))
    }

    fn typed(&self, name: &str, shape: &[usize], dtype: DType) -> Result<Tensor, ModelError> {
        let name = format!("{}{name}", self.prefix);
        self.source.tensor(&name, shape, dtype, self.device).map_err(|cause| ModelError::Weights { cause })
    }

    pub(crate) fn optional(&self, name: &str, shape: &[usize]) -> Result<Option<Tensor>, ModelError> {
        let name = format!("{}{name}", self.prefix);
        let dtype = activation_dtype(self.dtype, self.device);
        self.source.optional(&name, shape, dtype, self.device).map_err(|cause| ModelError::Weights { cause })
    }

    /// A number.
    pub(crate) fn scalar(&self, name: &str) -> Result<f32, ModelError> {
        self.typed(name, &[], DType::F32)?.to_scalar().map_err(ModelError::part("Reading a number"))
    }

    /// A matrix left where it is, if the source has it there.
    fn mapped(&self, name: &str, shape: [usize; 2]) -> Result<Option<Matrix>, ModelError> {
        if !self.device.is_cpu() {
            return Ok(None);
        }
        let mapped = self.source.mapped(&format!("{}{name}", self.prefix), &shape, self.dtype);
        let mapped = mapped.map_err(|cause| ModelError::Weights { cause })?;
        Ok(mapped.and_then(|mapped| Matrix::mapped(mapped, shape)))
    }

    /// A matrix, left where it is if the source has it there. **Shape**: `[outputs, inputs]`.
    fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        match self.mapped(name, shape)? {
            Some(mapped) => Ok(mapped),
            None => Ok(Matrix::dense(self.typed(name, &shape, self.dtype)?)),
        }
    }

    /// Counts a matrix as asked for, if it is there, that the model has no use for.
    pub(crate) fn pass_over(&self, name: &str, shape: [usize; 2]) -> Result<(), ModelError> {
        match self.mapped(name, shape)? {
            Some(_) => Ok(()),
            None => self.optional(name, &shape).map(drop),
        }
    }

    /// A table whose rows are looked up. **Shape**: `[rows, width]`.
    pub(crate) fn table(&self, name: &str, shape: [usize; 2]) -> Result<Matrix, ModelError> {
        self.at(name).matrix("weight", shape)
    }

    /// A matrix `[outputs, inputs]` with its bias, if it has one.
    pub(crate) fn linear(&self, name: &str, inputs: usize, outputs: usize, bias: bool) -> Result<Linear, ModelError> {
        let scope = self.at(name);
        let bias = if bias { Some(scope.tensor("bias", &[outputs])?) } else { None };
        if let Some(mapped) = scope.mapped("weight", [outputs, inputs])? {
            return Ok(Linear::over(mapped, bias));
        }
        let full_name = format!("{}weight", scope.prefix);
        let blocks = self.source.quantised(&full_name, &[outputs, inputs], self.device);
        match blocks.map_err(|cause| ModelError::Weights { cause })? {
            Some(blocks) => Ok(Linear::quantised(blocks, bias)),
            None => Ok(Linear::over(scope.matrix("weight", [outputs, inputs])?, bias)),
        }
    }

    /// Norms are computed in f32 in every dtype, so their weights are f32.
    pub(crate) fn layer_norm(&self, name: &str, width: usize, eps: f64) -> Result<LayerNorm, ModelError> {
        let scope = self.at(name);
        let weight = scope.typed("weight", &[width], DType::F32)?;
        let bias = scope.typed("bias", &[width], DType::F32)?;
        Ok(LayerNorm::new(weight, bias, eps))
    }

    /// See [`Self::layer_norm`].
    pub(crate) fn rms_norm(&self, name: &str, width: usize, eps: f64) -> Result<RmsNorm, ModelError> {
        Ok(RmsNorm::new(self.at(name).typed("weight", &[width], DType::F32)?, eps))
    }
}
