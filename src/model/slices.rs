//! Tensors on the CPU as the slices that the kernels work on.

use candle_core::{CpuStorage, Error, InplaceOp1, Layout, Result, Storage, Tensor};
use std::ops::Range;

/// The storage of a contiguous tensor on the CPU, and where in it the tensor lies.
pub(crate) fn with_storage<R>(tensor: &Tensor, work: impl FnOnce(&CpuStorage, Range<usize>) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => work(storage, start..end),
        _ => Err(Error::msg("Expected a contiguous tensor on the CPU")),
    }
}

/// The values of a contiguous f32 tensor on the CPU.
pub(crate) fn with_values<R>(tensor: &Tensor, work: impl FnOnce(&[f32]) -> Result<R>) -> Result<R> {
    with_storage(tensor, |storage, range| work(storage.as_slice::<f32>()?.get(range).unwrap_or_default()))
}

/// Changes the values of a contiguous f32 tensor on the CPU where they are. Every clone and view of the tensor sees the
/// change, so only for tensors that nobody else was given.
pub(crate) fn edit_values(tensor: &Tensor, work: impl Fn(&mut [f32]) -> Result<()>) -> Result<()> {
    tensor.inplace_op1(&Edit(work))
}

struct Edit<F>(F);

impl<F: Fn(&mut [f32]) -> Result<()>> InplaceOp1 for Edit<F> {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            return Err(Error::msg("Expected a contiguous f32 tensor"));
        };
        self.0(values.get_mut(start..end).unwrap_or_default())
    }
}
