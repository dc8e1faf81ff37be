//! Keys and values of the positions a branch has seen.

use super::ModelError;
use crate::checkpoint::TextConfig;
use crate::kernel::{Cached, Run};
use candle_core::{CpuStorage, DType, Device, Error, Result, Storage, Tensor};
use std::sync::Arc;

/// A shared run of fewer positions is copied by whoever goes on behind it: attention reads few long runs instead of
/// many short ones.
const SHORT_RUN: usize = 64;

/// Keys and values of one layer. **Shape**: `[num_key_value_heads, capacity, head_dim]` each.
#[derive(Debug)]
struct LayerCache {
    key: Tensor,
    value: Tensor,
}

/// Keys and values of all layers for consecutive positions, in memory that is taken once.
#[derive(Debug)]
struct Memory {
    layers: Vec<LayerCache>,
    capacity: usize,
}

impl Memory {
    fn new(
        num_layers: usize,
        shape: (usize, usize),
        capacity: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Arc<Self>> {
        let (num_key_value_heads, head_dim) = shape;
        let shape = (num_key_value_heads, capacity, head_dim);
        let layers = (0..num_layers).map(|_| {
            let (key, value) = (Tensor::zeros(shape, dtype, device)?, Tensor::zeros(shape, dtype, device)?);
            Ok(LayerCache { key, value })
        });
        Ok(Arc::new(Self { layers: layers.collect::<Result<_>>()?, capacity }))
    }

    fn layer(&self, layer_idx: usize) -> Result<&LayerCache> {
        self.layers.get(layer_idx).ok_or_else(|| Error::msg("No such layer"))
    }
}

/// Memory and how many of its positions are this cache's.
#[derive(Debug, Clone)]
struct Part {
    memory: Arc<Memory>,
    len: usize,
}

impl Part {
    /// Whether nobody else reads this memory, so that positions may be written behind those that count.
    fn is_own(&self) -> bool {
        Arc::strong_count(&self.memory) == 1
    }
}

/// One branch's keys and values: runs of positions one behind the other. Only the last may be written, and only while
/// no other cache shares it: [`KvCache::fork`] shares all of them and copies nothing, and what is appended after it
/// starts a new run.
///
/// They are f16 in a model that was loaded as f16 on the CPU, whose kernels widen them as they read them, and f32
/// otherwise: bf16 reaches further than f16, and on a GPU a 16-bit cache would have to be widened at every
/// step. **Differs** from transformers in bf16 and on GPUs, where it rounds keys and values to the model's type
/// (`tests/models/demo_llava.rs` bounds all types); f32 and f16 are the same.
///
/// A pass that fails or is cancelled leaves the length as it was, so the cache stays usable.
#[derive(Debug)]
pub struct KvCache {
    /// Never empty.
    parts: Vec<Part>,
    len: usize,
    capacity: usize,
    num_layers: usize,
    /// `num_key_value_heads`, `head_dim`.
    shape: (usize, usize),
    dtype: DType,
    device: Device,
}

impl KvCache {
    pub(crate) fn new(config: &TextConfig, capacity: usize, dtype: DType, device: &Device) -> Result<Self> {
        let (num_layers, shape) = (config.num_hidden_layers, (config.num_key_value_heads, config.head_dim));
        let memory = Memory::new(num_layers, shape, capacity, dtype, device)?;
        let parts = vec![Part { memory, len: 0 }];
        Ok(Self { parts, len: 0, capacity, num_layers, shape, dtype, device: device.clone() })
    }

    /// Positions held.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no position is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Positions there may be.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Layers of the decoder it was made for.
    pub fn num_hidden_layers(&self) -> usize {
        self.num_layers
    }

    /// Bytes taken, what it shares with others included.
    pub fn bytes(&self) -> usize {
        let (num_key_value_heads, head_dim) = self.shape;
        let positions: usize = self.parts.iter().map(|part| part.memory.capacity).sum();
        positions * num_key_value_heads * head_dim * self.num_layers * 2 * self.dtype.size_in_bytes()
    }

    /// Leading positions whose memory is that of another cache as well.
    pub fn shared_len(&self, other: &Self) -> usize {
        let pairs = self.parts.iter().zip(&other.parts);
        let same = pairs.take_while(|(own, other)| Arc::ptr_eq(&own.memory, &other.memory));
        same.map(|(own, other)| own.len.min(other.len)).sum()
    }

    /// Positions that are there: fewer than [`KvCache::len`] while some are promised, see [`KvCache::share_prefix`].
    fn filled(&self) -> usize {
        self.parts.iter().map(|part| part.len).sum()
    }

    /// Forgets everything from position `len` on, and what [`KvCache::share_prefix`] promised.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.filled().min(len);
        let mut left = self.len;
        for part in &mut self.parts {
            part.len = part.len.min(left);
            left -= part.len;
        }
        let filled = self.parts.iter().take_while(|part| part.len > 0).count();
        self.parts.truncate(filled.max(1));
    }

    /// Lets the next pass fill the positions up to `len` from the cache of its first branch, layer by layer, instead of
    /// computing them twice: both branches must read the same there. The new positions of this branch start behind
    /// them.
    pub fn share_prefix(&mut self, len: usize) {
        if len > self.len && len <= self.capacity {
            self.len = len;
        }
    }

    /// Keeps that promise in one layer, after the first branch has written its own.
    pub(crate) fn take_shared(&self, layer_idx: usize, first: &Self) -> Result<()> {
        let from = self.filled();
        if from >= self.len {
            return Ok(());
        }
        let (key, value) = first.stored(layer_idx, self.len)?;
        let rows = |tensor: &Tensor| tensor.narrow(1, from, self.len - from)?.contiguous();
        self.write_at(layer_idx, from, &rows(&key)?, &rows(&value)?)
    }

    /// A branch that has seen the same: all memory is shared, nothing is copied.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut fork = Self { parts: self.parts.clone(), device: self.device.clone(), ..*self };
        fork.truncate(usize::MAX);
        fork
    }

    /// A copy with its own memory: the same one with more room, or with less.
    pub fn copy(&self, capacity: usize) -> std::result::Result<Self, ModelError> {
        let len = self.filled();
        if capacity < len {
            return Err(ModelError::ContextFull { capacity, needed: len });
        }
        let memory = || -> Result<Arc<Memory>> {
            let memory = Memory::new(self.num_layers, self.shape, capacity, self.dtype, &self.device)?;
            copy_into(&memory, &self.parts)?;
            Ok(memory)
        };
        let memory = memory().map_err(ModelError::part("Copying a key/value cache"))?;
        Ok(Self { parts: vec![Part { memory, len }], len, capacity, device: self.device.clone(), ..*self })
    }

    /// Before a pass: makes sure that what comes can be written behind what counts.
    pub(crate) fn make_room(&mut self, query_len: usize) -> Result<()> {
        let filled = self.filled();
        let needed = self.len - filled + query_len;
        if self.parts.last().is_some_and(|part| part.is_own() && part.memory.capacity - part.len >= needed) {
            return Ok(());
        }
        let is_short = |part: &&Part| part.len < SHORT_RUN;
        let num_short = self.parts.iter().skip(1).rev().take_while(is_short).count();
        // A first run without a position has nothing to share.
        let num_kept = if filled == 0 { 0 } else { self.parts.len() - num_short };
        let short = self.parts.get(num_kept..).unwrap_or_default();
        let len: usize = short.iter().map(|part| part.len).sum();
        let most = self.capacity.saturating_sub(filled - len);
        let capacity = (len + needed).next_multiple_of(SHORT_RUN).min(most);
        let memory = Memory::new(self.num_layers, self.shape, capacity, self.dtype, &self.device)?;
        copy_into(&memory, short)?;
        self.parts.truncate(num_kept);
        self.parts.push(Part { memory, len });
        Ok(())
    }

    fn last(&self) -> Result<&Part> {
        self.parts.last().ok_or_else(|| Error::msg("Expected a cache to have memory"))
    }

    /// Writes the keys and values of new positions behind those that count.
    ///
    /// **Shape**: `[num_key_value_heads, query_len, head_dim]`.
    pub(crate) fn write(&self, layer_idx: usize, key: &Tensor, value: &Tensor) -> Result<()> {
        self.write_at(layer_idx, self.len, key, value)
    }

    fn write_at(&self, layer_idx: usize, position: usize, key: &Tensor, value: &Tensor) -> Result<()> {
        let last = self.last()?;
        let before = self.filled() - last.len;
        let at = position.checked_sub(before).filter(|at| *at >= last.len && last.is_own());
        let at = at.ok_or_else(|| Error::msg("Expected a cache to be written behind what is shared"))?;
        let layer = last.memory.layer(layer_idx)?;
        layer.key.slice_set(&key.to_dtype(self.dtype)?, 1, at)?;
        layer.value.slice_set(&value.to_dtype(self.dtype)?, 1, at)
    }

    /// Every run with the positions of it among the first `key_len`: what was written behind the last counts, too.
    fn spans(&self, key_len: usize) -> impl Iterator<Item = (&Part, usize)> {
        let last = self.parts.len().saturating_sub(1);
        let mut left = key_len;
        self.parts.iter().enumerate().map(move |(idx, part)| {
            let len = if idx == last { left } else { part.len.min(left) };
            left -= len;
            (part, len)
        })
    }

    /// Keys and values of the first `key_len` positions, views where they are one run.
    fn stored(&self, layer_idx: usize, key_len: usize) -> Result<(Tensor, Tensor)> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for (part, len) in self.spans(key_len) {
            let layer = part.memory.layer(layer_idx)?;
            keys.push(layer.key.narrow(1, 0, len)?);
            values.push(layer.value.narrow(1, 0, len)?);
        }
        match (keys.as_slice(), values.as_slice()) {
            ([key], [value]) => Ok((key.clone(), value.clone())),
            _ => Ok((Tensor::cat(&keys, 1)?, Tensor::cat(&values, 1)?)),
        }
    }

    /// Keys and values of the first `key_len` positions in f32, views where they are so in memory.
    ///
    /// **Shape**: `[num_key_value_heads, key_len, head_dim]`.
    pub(crate) fn read(&self, layer_idx: usize, key_len: usize) -> Result<(Tensor, Tensor)> {
        let (key, value) = self.stored(layer_idx, key_len)?;
        Ok((key.to_dtype(DType::F32)?, value.to_dtype(DType::F32)?))
    }

    /// Hands the first `key_len` keys and values of a layer to the kernels, on the CPU.
    pub(crate) fn with_layer(
        &self,
        layer_idx: usize,
        key_len: usize,
        work: impl FnOnce(&[Run<'_>], &[Run<'_>]) -> Result<()>,
    ) -> Result<()> {
        let mut held = Vec::with_capacity(self.parts.len());
        for (part, len) in self.spans(key_len) {
            let layer = part.memory.layer(layer_idx)?;
            held.push((
                layer.key.storage_and_layout().0,
                layer.value.storage_and_layout().0,
                part.memory.capacity,
                len,
            ));
        }
        let keys = held.iter().map(|(key, _, capacity, len)| as_run(key, *capacity, *len));
        let values = held.iter().map(|(_, value, capacity, len)| as_run(value, *capacity, *len));
        work(&keys.collect::<Result<Vec<_>>>()?, &values.collect::<Result<Vec<_>>>()?)
    }

    /// Makes `query_len` written positions count.
    pub(crate) fn advance(&mut self, query_len: usize) {
        let len = (self.len + query_len).min(self.capacity);
        let new = len.saturating_sub(self.filled());
        if let Some(last) = self.parts.last_mut() {
            last.len += new;
        }
        self.len = len;
    }
}

/// Puts the positions of several runs at the beginning of other memory.
fn copy_into(memory: &Memory, parts: &[Part]) -> Result<()> {
    for (layer_idx, to) in memory.layers.iter().enumerate() {
        let mut at = 0;
        for part in parts.iter().filter(|part| part.len > 0) {
            let from = part.memory.layer(layer_idx)?;
            to.key.slice_set(&from.key.narrow(1, 0, part.len)?.contiguous()?, 1, at)?;
            to.value.slice_set(&from.value.narrow(1, 0, part.len)?.contiguous()?, 1, at)?;
            at += part.len;
        }
    }
    Ok(())
}

/// Memory of a cache fills its storage: it was taken for nothing else.
fn as_run(storage: &Storage, capacity: usize, len: usize) -> Result<Run<'_>> {
    let cached = match storage {
        Storage::Cpu(CpuStorage::F32(values)) => Cached::F32(values),
        Storage::Cpu(CpuStorage::F16(values)) => Cached::F16(values),
        _ => return Err(Error::msg("Expected a cache of f32 or f16 on the CPU")),
    };
    Ok(Run { cached, capacity, len })
}
