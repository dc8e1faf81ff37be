//! Matrices of weights, wherever they lie: in a mapped file, in a tensor, as quantised blocks.

use super::slices::{edit_values, with_storage};
use crate::checkpoint::{MappedTensor, StoredAs};
use crate::kernel::{self, BlockType, BlockWeight, WeightType};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{CpuStorage, DType, Device, Error, Result, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// A matrix of weights. **Shape** `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub(crate) struct Matrix {
    place: Place,
    rows: usize,
    cols: usize,
    /// Heads whose rows have llama.cpp's order where they lie; 0 where they have the model's.
    rotary_heads: usize,
}

#[derive(Debug, Clone)]
enum Place {
    /// Floats in candle's memory, or on its device.
    Tensor(Tensor),
    /// Floats or blocks as they lie in the file.
    Mapped(MappedTensor, Kind),
    /// Blocks in candle's memory, or on its device.
    Quantised(Arc<QTensor>),
}

/// What the kernels read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Floats(WeightType),
    Blocks(BlockType),
}

/// A matrix as the kernels read it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored<'a> {
    Floats(kernel::Weight<'a>),
    Blocks(BlockWeight<'a>),
}

impl<'a> Stored<'a> {
    fn new(bytes: &'a [u8], kind: Kind, rows: usize, cols: usize) -> Result<Self> {
        match kind {
            Kind::Floats(dtype) => kernel::Weight::new(bytes, dtype, rows, cols).map(Self::Floats),
            Kind::Blocks(kind) => BlockWeight::new(bytes, kind, rows, cols).map(Self::Blocks),
        }
        .map_err(Error::wrap)
    }

    pub(crate) fn rows(&self) -> usize {
        match self {
            Self::Floats(weight) => weight.rows(),
            Self::Blocks(weight) => weight.rows(),
        }
    }

    pub(crate) fn cols(&self) -> usize {
        match self {
            Self::Floats(weight) => weight.cols(),
            Self::Blocks(weight) => weight.cols(),
        }
    }

    /// Some of its rows as f32.
    pub(crate) fn widen(&self, rows: Range<usize>, out: &mut [f32]) -> Result<()> {
        match self {
            Self::Floats(weight) => weight.slice_rows(rows).and_then(|some| some.to_f32(out)),
            Self::Blocks(weight) => weight.slice_rows(rows).and_then(|some| some.to_f32(out)),
        }
        .map_err(Error::wrap)
    }

    /// The product with a few rows.
    pub(crate) fn multiply(&self, rows: &[f32], product: &mut [f32]) -> Result<()> {
        match self {
            Self::Floats(weight) => kernel::linear(rows, *weight, product),
            Self::Blocks(weight) => kernel::block_linear(rows, *weight, product),
        }
        .map_err(Error::wrap)
    }
}

impl Matrix {
    pub(crate) fn dense(tensor: Tensor) -> Self {
        let [rows, cols] = *tensor.dims() else { return Self::at(Place::Tensor(tensor), [0, 0]) };
        Self::at(Place::Tensor(tensor), [rows, cols])
    }

    /// `None` where it has a type that no kernel reads.
    pub(crate) fn mapped(mapped: MappedTensor, shape: [usize; 2]) -> Option<Self> {
        let kind = match mapped.stored() {
            StoredAs::Floats(dtype) => Kind::Floats(kernel_type(*dtype)?),
            StoredAs::Blocks(label) => Kind::Blocks(BlockType::named(label)?),
        };
        let rotary_heads = mapped.rotary_heads();
        Some(Self { rotary_heads, ..Self::at(Place::Mapped(mapped, kind), shape) })
    }

    pub(crate) fn quantised(blocks: Arc<QTensor>) -> Self {
        let [rows, cols] = *blocks.shape().dims() else { return Self::at(Place::Quantised(blocks), [0, 0]) };
        Self::at(Place::Quantised(blocks), [rows, cols])
    }

    fn at(place: Place, [rows, cols]: [usize; 2]) -> Self {
        Self { place, rows, cols, rotary_heads: 0 }
    }

    /// Bytes that reading it takes.
    pub(crate) fn bytes(&self) -> usize {
        match &self.place {
            Place::Tensor(tensor) => tensor.elem_count() * tensor.dtype().size_in_bytes(),
            Place::Mapped(mapped, _) => mapped.bytes().len(),
            Place::Quantised(blocks) => blocks.storage_size_in_bytes(),
        }
    }

    /// The tensor, where it is one.
    pub(crate) fn as_tensor(&self) -> Option<&Tensor> {
        if let Place::Tensor(tensor) = &self.place { Some(tensor) } else { None }
    }

    /// The blocks, where they are candle's.
    pub(crate) fn as_blocks(&self) -> Option<&QTensor> {
        if let Place::Quantised(blocks) = &self.place { Some(blocks) } else { None }
    }

    /// Hands the weights to a kernel where they lie; `None` where the kernels cannot read them: a GPU, 64 bits.
    pub(crate) fn with_weight<R>(&self, work: impl FnOnce(Stored<'_>) -> Result<R>) -> Option<Result<R>> {
        let (rows, cols) = (self.rows, self.cols);
        match &self.place {
            Place::Mapped(mapped, kind) => Some(Stored::new(mapped.bytes(), *kind, rows, cols).and_then(work)),
            Place::Quantised(blocks) if blocks.device().is_cpu() => {
                let kind = block_type(blocks.dtype())?;
                let bytes = blocks.data();
                Some(bytes.and_then(|bytes| work(Stored::new(&bytes, Kind::Blocks(kind), rows, cols)?)))
            }
            Place::Tensor(tensor) if tensor.device().is_cpu() && tensor.is_contiguous() => {
                kernel_type(tensor.dtype())?;
                Some(with_storage(tensor, |storage, range| {
                    let weight = match storage {
                        CpuStorage::F32(values) => kernel::Weight::of_f32(part(values, range), rows, cols),
                        CpuStorage::F16(values) => kernel::Weight::of_f16(part(values, range), rows, cols),
                        CpuStorage::BF16(values) => kernel::Weight::of_bf16(part(values, range), rows, cols),
                        _ => return Err(Error::msg("Expected 16 or 32 bits a weight")),
                    };
                    work(Stored::Floats(weight.map_err(Error::wrap)?))
                }))
            }
            _ => None,
        }
    }

    /// Brings the outputs of a product into the model's order. **Shape** `product`: `[rows, outputs]`, on the CPU,
    /// which nobody else has seen.
    pub(crate) fn order(&self, product: Tensor) -> Result<Tensor> {
        if self.rotary_heads == 0 {
            return Ok(product);
        }
        let head_len = self.rows / self.rotary_heads;
        edit_values(&product, |values| {
            let mut head = vec![0.0; head_len];
            for outputs in values.chunks_exact_mut(head_len) {
                let (even, odd) = head.split_at_mut(head_len / 2);
                for ((even, odd), pair) in even.iter_mut().zip(odd).zip(outputs.as_chunks::<2>().0) {
                    [*even, *odd] = *pair;
                }
                outputs.copy_from_slice(&head);
            }
            Ok(())
        })?;
        Ok(product)
    }

    /// Some of its rows, as activations have them. **Shape**: ids to `[ids, cols]`, in f32 on the CPU.
    pub(crate) fn gather(&self, ids: &[u32], device: &Device) -> Result<Tensor> {
        let gathered = self.with_weight(|weight| {
            let mut rows = vec![0.0; ids.len() * self.cols];
            for (id, row) in ids.iter().zip(rows.chunks_exact_mut(self.cols.max(1))) {
                let id = *id as usize;
                weight.widen(id..id + 1, row)?;
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

fn block_type(dtype: GgmlDType) -> Option<BlockType> {
    Some(match dtype {
        GgmlDType::Q4_0 => BlockType::Q4_0,
        GgmlDType::Q4_1 => BlockType::Q4_1,
        GgmlDType::Q5_0 => BlockType::Q5_0,
        GgmlDType::Q5_1 => BlockType::Q5_1,
        GgmlDType::Q8_0 => BlockType::Q8_0,
        GgmlDType::Q2K => BlockType::Q2K,
        GgmlDType::Q3K => BlockType::Q3K,
        GgmlDType::Q4K => BlockType::Q4K,
        GgmlDType::Q5K => BlockType::Q5K,
        GgmlDType::Q6K => BlockType::Q6K,
        GgmlDType::Q8K => BlockType::Q8K,
        _ => return None,
    })
}

fn kernel_type(dtype: DType) -> Option<WeightType> {
    match dtype {
        DType::F32 => Some(WeightType::F32),
        DType::F16 => Some(WeightType::F16),
        DType::BF16 => Some(WeightType::Bf16),
        _ => None,
    }
}
