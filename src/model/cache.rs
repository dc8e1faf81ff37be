//! Keys and values of the positions a branch has seen.

use super::ModelError;
use crate::checkpoint::TextConfig;
use candle_core::{DType, Device, Result, Tensor};

/// Keys and values of one layer. **Shape**: `[num_key_value_heads, capacity, head_dim]` each.
#[derive(Debug)]
struct LayerCache {
    key: Tensor,
    value: Tensor,
}

/// One branch's keys and values, in memory that is taken once.
///
/// They are f32 in every dtype: scores and softmax are computed in f32, and a 16-bit cache would have to be widened at every step.
/// **Differs** from transformers in f16/bf16, which rounds keys and values to the model's type; in f32 there is no difference
/// (`tests/demo_llava.rs` bounds both).
///
/// A pass that fails or is cancelled leaves the length as it was, so the cache stays usable.
#[derive(Debug)]
pub struct KvCache {
    layers: Vec<LayerCache>,
    len: usize,
    capacity: usize,
}

impl KvCache {
    pub(crate) fn new(config: &TextConfig, capacity: usize, device: &Device) -> Result<Self> {
        let shape = (config.num_key_value_heads, capacity, config.head_dim);
        let layers = (0..config.num_hidden_layers).map(|_| {
            let (key, value) = (Tensor::zeros(shape, DType::F32, device)?, Tensor::zeros(shape, DType::F32, device)?);
            Ok(LayerCache { key, value })
        });
        Ok(Self { layers: layers.collect::<Result<_>>()?, len: 0, capacity })
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
        let elements = |layer: &LayerCache| layer.key.elem_count() + layer.value.elem_count();
        self.layers.iter().map(elements).sum::<usize>() * DType::F32.size_in_bytes()
    }

    /// Forgets everything from position `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// A copy with its own memory: two answers from one prompt, or the same one with more room.
    pub fn fork(&self, capacity: usize) -> std::result::Result<Self, ModelError> {
        if capacity < self.len {
            return Err(ModelError::ContextFull { capacity, needed: self.len });
        }
        let copy = |from: &Tensor| -> Result<Tensor> {
            let (num_key_value_heads, _, head_dim) = from.dims3()?;
            let to = Tensor::zeros((num_key_value_heads, capacity, head_dim), from.dtype(), from.device())?;
            if self.len > 0 {
                to.slice_set(&from.narrow(1, 0, self.len)?.contiguous()?, 1, 0)?;
            }
            Ok(to)
        };
        let layers =
            self.layers.iter().map(|layer| Ok(LayerCache { key: copy(&layer.key)?, value: copy(&layer.value)? }));
        let layers = layers.collect::<Result<_>>().map_err(ModelError::part("Copying a key/value cache"))?;
        Ok(Self { layers, len: self.len, capacity })
    }

    /// Writes the keys and values of new positions behind those that count, and gives back views of all of them.
    pub(crate) fn write(&self, layer_idx: usize, key: &Tensor, value: &Tensor) -> Result<(Tensor, Tensor)> {
        let layer = self.layers.get(layer_idx).ok_or_else(|| candle_core::Error::Msg("No such layer".to_owned()))?;
        let (_, query_len, _) = key.dims3()?;
        let key_len = self.len + query_len;
        layer.key.slice_set(key, 1, self.len)?;
        layer.value.slice_set(value, 1, self.len)?;
        Ok((layer.key.narrow(1, 0, key_len)?, layer.value.narrow(1, 0, key_len)?))
    }

    /// Makes `query_len` written positions count.
    pub(crate) fn advance(&mut self, query_len: usize) {
        self.len = (self.len + query_len).min(self.capacity);
    }
}
