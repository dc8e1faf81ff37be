//! Keys and values of the positions a branch has seen.

use super::ModelError;
use super::slices::with_storage;
use crate::checkpoint::TextConfig;
use crate::kernel::Cached;
use candle_core::{CpuStorage, DType, Device, Error, Result, Tensor};

/// Keys and values of one layer. **Shape**: `[num_key_value_heads, capacity, head_dim]` each.
#[derive(Debug)]
struct LayerCache {
    key: Tensor,
    value: Tensor,
}

/// One branch's keys and values, in memory that is taken once.
///
/// They are f16 in a model that was loaded as f16 on the CPU, whose kernels widen them as they read them, and f32 otherwise: bf16 reaches
/// further than f16, and on a GPU a 16-bit cache would have to be widened at every step. **Differs** from transformers in bf16 and on GPUs,
/// where it rounds keys and values to the model's type (`tests/demo_llava.rs` bounds all types); f32 and f16 are the same.
///
/// A pass that fails or is cancelled leaves the length as it was, so the cache stays usable.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
    capacity: usize,
    /// Positions from here to `len` come from the first branch in the next pass.
    shared_from: Option<usize>,
}

impl KvCache {
    pub(crate) fn new(config: &TextConfig, capacity: usize, dtype: DType, device: &Device) -> Result<Self> {
        let shape = (config.num_key_value_heads, capacity, config.head_dim);
        let layers = (0..config.num_hidden_layers).map(|_| {
            let (key, value) = (Tensor::zeros(shape, dtype, device)?, Tensor::zeros(shape, dtype, device)?);
            Ok(LayerCache { key, value })
        });
        Ok(Self { layers: layers.collect::<Result<_>>()?, len: 0, capacity, shared_from: None })
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Positions there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Layers of the decoder it was made for.
    pub fn num_hidden_layers(&self) -> usize {
        self.layers.len()
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        let bytes = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        self.layers.iter().map(|layer| bytes(&layer.key) + bytes(&layer.value)).sum()
    }

    /// Forgets everything from position `len` on, and what [`KvCache::share_prefix`] promised.
    pub fn truncate(&mut self, len: usize) {
        let filled = self.shared_from.take().unwrap_or(self.len);
        self.len = filled.min(len);
    }

    /// Lets the next pass fill the positions up to `len` from the cache of its first branch, layer by layer, instead of computing them
    /// twice: both branches must read the same there. The new positions of this branch start behind them.
    pub fn share_prefix(&mut self, len: usize) {
        if len > self.len && len <= self.capacity {
            self.shared_from.get_or_insert(self.len);
            self.len = len;
        }
    }

    /// Keeps that promise in one layer, after the first branch has written its own.
    pub(crate) fn take_shared(&self, layer_idx: usize, first: &Self) -> Result<()> {
        let Some(from) = self.shared_from else { return Ok(()) };
        let (own, first) = (self.layer(layer_idx)?, first.layer(layer_idx)?);
        for (to, from_first) in [(&own.key, &first.key), (&own.value, &first.value)] {
            to.slice_set(&from_first.narrow(1, from, self.len - from)?.contiguous()?, 1, from)?;
        }
        Ok(())
    }

    /// A copy with its own memory: two answers from one prompt, or the same one with more room.
    pub fn fork(&self, capacity: usize) -> std::result::Result<Self, ModelError> {
        let len = self.shared_from.unwrap_or(self.len);
        if capacity < len {
            return Err(ModelError::ContextFull { capacity, needed: len });
        }
        let copy = |from: &Tensor| -> Result<Tensor> {
            let (num_key_value_heads, _, head_dim) = from.dims3()?;
            let to = Tensor::zeros((num_key_value_heads, capacity, head_dim), from.dtype(), from.device())?;
            if len > 0 {
                to.slice_set(&from.narrow(1, 0, len)?.contiguous()?, 1, 0)?;
            }
            Ok(to)
        };
        let layers =
            self.layers.iter().map(|layer| Ok(LayerCache { key: copy(&layer.key)?, value: copy(&layer.value)? }));
        let layers = layers.collect::<Result<_>>().map_err(ModelError::part("Copying a key/value cache"))?;
        Ok(Self { layers, len, capacity, shared_from: None })
    }

    fn layer(&self, layer_idx: usize) -> Result<&LayerCache> {
        self.layers.get(layer_idx).ok_or_else(|| Error::msg("No such layer"))
    }

    /// Writes the keys and values of new positions behind those that count.
    ///
    /// **Shape**: `[num_key_value_heads, query_len, head_dim]`.
    pub(crate) fn write(&self, layer_idx: usize, key: &Tensor, value: &Tensor) -> Result<()> {
        let layer = self.layer(layer_idx)?;
        layer.key.slice_set(&key.to_dtype(layer.key.dtype())?, 1, self.len)?;
        layer.value.slice_set(&value.to_dtype(layer.value.dtype())?, 1, self.len)
    }

    /// Keys and values of the first `key_len` positions in f32, views where they are so in memory.
    ///
    /// **Shape**: `[num_key_value_heads, key_len, head_dim]`.
    pub(crate) fn read(&self, layer_idx: usize, key_len: usize) -> Result<(Tensor, Tensor)> {
        let layer = self.layer(layer_idx)?;
        let part = |tensor: &Tensor| tensor.narrow(1, 0, key_len)?.to_dtype(DType::F32);
        Ok((part(&layer.key)?, part(&layer.value)?))
    }

    /// Hands the keys and values of a layer to the kernels, on the CPU.
    pub(crate) fn with_layer(
        &self,
        layer_idx: usize,
        work: impl FnOnce(Cached<'_>, Cached<'_>) -> Result<()>,
    ) -> Result<()> {
        let layer = self.layer(layer_idx)?;
        with_storage(&layer.key, |key, _| with_storage(&layer.value, |value, _| work(cached(key)?, cached(value)?)))
    }

    /// Makes `query_len` written positions count.
    pub(crate) fn advance(&mut self, query_len: usize) {
        self.len = (self.len + query_len).min(self.capacity);
        self.shared_from = None;
    }
}

fn cached(storage: &CpuStorage) -> Result<Cached<'_>> {
    match storage {
        CpuStorage::F32(values) => Ok(Cached::F32(values)),
        CpuStorage::F16(values) => Ok(Cached::F16(values)),
        _ => Err(Error::msg("Expected a cache of f32 or f16")),
    }
}
