//! Matrices of weights, wherever they lie: in a mapped file, in a tensor, as quantised blocks.

use super::slices::with_storage;
use crate::checkpoint::MappedTensor;
use crate::kernel::{self, WeightType};
use candle_core::quantized::QTensor;
use candle_core::{CpuStorage, DType, Device, Error, Result, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// A matrix of weights. **Shape** `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    place: Place,
    rows: usize,
    cols: usize,
}

#[derive(Debug, Clone)]
enum Place {
    /// Floats in candle's memory, or on its device.
    Tensor(Tensor),
    /// Floats as they lie in the file.
    Mapped(MappedTensor),
    /// Blocks as they are in the file.
    Quantised(Arc<QTensor>),
}

impl Matrix {
    pub(crate) fn dense(tensor: Tensor) -> Self {
        let [rows, cols] = *tensor.dims() else { return Self { rows: 0, cols: 0, place: Place::Tensor(tensor) } };
        Self { rows, cols, place: Place::Tensor(tensor) }
    }

    pub(crate) fn mapped(mapped: MappedTensor, [rows, cols]: [usize; 2]) -> Self {
        Self { rows, cols, place: Place::Mapped(mapped) }
    }

    pub(crate) fn quantised(blocks: Arc<QTensor>) -> Self {
        let [rows, cols] = *blocks.shape().dims() else {
            return Self { rows: 0, cols: 0, place: Place::Quantised(blocks) };
        };
        Self { rows, cols, place: Place::Quantised(blocks) }
    }

    /// Bytes that reading it takes.
    pub(crate) fn bytes(&self) -> usize {
        match &self.place {
            Place::Tensor(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Place::Mapped(mapped) => mapped.bytes().len(),
            Place::Quantised(blocks) => blocks.storage_size_in_bytes(),
        }
    }

    /// The type of its floats; `None` for blocks.
    fn dtype(&self) -> Option<DType> {
        match &self.place {
            Place::Tensor(tensor) => Some(tensor.dtype()),
            Place::Mapped(mapped) => Some(mapped.dtype()),
            Place::Quantised(_) => None,
        }
    }

    /// The tensor, where it is one.
    pub(crate) fn as_tensor(&self) -> Option<&Tensor> {
        if let Place::Tensor(tensor) = &self.place { Some(tensor) } else { None }
    }

    /// The blocks, where it is quantised.
    pub(crate) fn as_blocks(&self) -> Option<&QTensor> {
        if let Place::Quantised(blocks) = &self.place { Some(blocks) } else { None }
    }

    /// Hands the floats to a kernel where they lie; `None` where the kernels cannot read them: blocks, a GPU, 64 bits.
    pub(crate) fn with_weight<R>(&self, work: impl FnOnce(kernel::Weight<'_>) -> Result<R>) -> Option<Result<R>> {
        let dtype = self.dtype().and_then(kernel_type)?;
        let (rows, cols) = (self.rows, self.cols);
        match &self.place {
            Place::Mapped(mapped) => {
                Some(kernel::Weight::new(mapped.bytes(), dtype, rows, cols).map_err(Error::wrap).and_then(work))
            }
            Place::Tensor(tensor) if tensor.device().is_cpu() && tensor.is_contiguous() => {
                Some(with_storage(tensor, |storage, range| {
                    let weight = match storage {
                        CpuStorage::F32(values) => kernel::Weight::of_f32(part(values, range), rows, cols),
                        CpuStorage::F16(values) => kernel::Weight::of_f16(part(values, range), rows, cols),
                        CpuStorage::BF16(values) => kernel::Weight::of_bf16(part(values, range), rows, cols),
                        _ => return Err(Error::msg("Expected 16 or 32 bits a weight")),
                    };
                    work(weight.map_err(Error::wrap)?)
                }))
            }
            _ => None,
        }
    }

    /// Some of its rows, as activations have them. **Shape**: ids to `[ids, cols]`, in f32 on the CPU.
    pub(crate) fn gather(&self, ids: &[u32], device: &Device) -> Result<Tensor> {
        let gathered = self.with_weight(|weight| {
            let mut rows = vec![0.0; ids.len() * self.cols];
            for (id, row) in ids.iter().zip(rows.chunks_exact_mut(self.cols.max(1))) {
                let id = *id as usize;
                weight.slice_rows(id..id + 1).and_then(|one| one.to_f32(row)).map_err(Error::wrap)?;
            }
            Tensor::from_vec(rows, (ids.len(), self.cols), device)
        });
        match (gathered, self.as_tensor()) {
            (Some(rows), _) => rows,
            (None, Some(tensor)) => tensor.index_select(&Tensor::new(ids, device)?, 0),
            (None, None) => Err(Error::msg("Expected a table of floats, found quantised blocks")),
        }
    }
}

/// The part of a storage that a tensor's layout names, which lies within it.
fn part<T>(values: &[T], range: Range<usize>) -> &[T] {
    values.get(range).unwrap_or_default()
}

fn kernel_type(dtype: DType) -> Option<WeightType> {
    match dtype {
        DType::F32 => Some(WeightType::F32),
        DType::F16 => Some(WeightType::F16),
        DType::BF16 => Some(WeightType::Bf16),
        _ => None,
    }
}
