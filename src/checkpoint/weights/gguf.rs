//! Tensors of GGUF files: quantised blocks, and the order of rotary rows.

use super::stored::{StoredTensor, ggml_type, is_quantised};
use super::{Entry, Shard, Weights};
use crate::checkpoint::CheckpointError;
use crate::checkpoint::gguf::Header;
use candle_core::quantized::{QStorage, QTensor};
use candle_core::{Device, Result as CandleResult, Tensor};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Blocks hold 16-bit and 32-bit numbers; candle wants them where such numbers may lie.
const BLOCK_ALIGNMENT: usize = 8;

/// One file's tensors and what they are called in the model.
pub(in crate::checkpoint) struct GgufTensors {
    pub(in crate::checkpoint) shard: Shard,
    pub(in crate::checkpoint) tensors: Vec<StoredTensor>,
    pub(in crate::checkpoint) name: Box<dyn Fn(&str) -> String>,
    /// Heads of q and of k, whose rows have llama.cpp's order; 0 where there are none.
    pub(in crate::checkpoint) rotary_heads: [usize; 2],
}

impl Weights {
    /// Maps a GGUF file and reads its header.
    pub(in crate::checkpoint) fn map_gguf(path: &Path) -> Result<(Shard, Header), CheckpointError> {
        Shard::open_gguf(path)
    }

    /// Weights of GGUF files.
    pub(in crate::checkpoint) fn from_gguf(files: Vec<GgufTensors>) -> Result<Self, CheckpointError> {
        let mut weights = Self::default();
        for (shard_idx, file) in files.into_iter().enumerate() {
            weights.shards.push(file.shard);
            for stored in file.tensors {
                let canonical = (file.name)(&stored.name);
                let [q, k] = file.rotary_heads;
                let heads = if stored.name.contains(".attn_q.") { q } else { k };
                let rotary = stored.name.contains(".attn_q.") || stored.name.contains(".attn_k.");
                let rotary_heads = if rotary { heads } else { 0 };
                // Text towers of CLIP in older projector files: LLaVA has none.
                let used = AtomicBool::new(stored.name.starts_with("t."));
                if let Some(first) = weights.entries.get(&canonical) {
                    return Err(CheckpointError::Duplicate {
                        first: first.stored.name.clone(),
                        first_path: weights.path(first.shard_idx),
                        second: stored.name,
                        second_path: weights.path(shard_idx),
                        canonical,
                    });
                }
                weights.entries.insert(canonical, Entry { stored, shard_idx, used, rotary_heads });
            }
        }
        Ok(weights)
    }

    /// A quantised matrix as it is in the file, for products that read the blocks themselves; `None` where it is stored
    /// as floats, or is not there.
    ///
    /// **Shape**: `[outputs, inputs]`, checked as in [`Weights::tensor`].
    pub fn quantised(
        &self,
        canonical: &str,
        shape: &[usize],
        device: &Device,
    ) -> Result<Option<Arc<QTensor>>, CheckpointError> {
        let Some(entry) = self.entries.get(canonical) else { return Ok(None) };
        if !is_quantised(&entry.stored.dtype) || entry.stored.shape != shape {
            // Another shape is told when the matrix is asked for as floats.
            return Ok(None);
        }
        entry.used.store(true, Ordering::Relaxed);
        let tensor = blocks(&entry.stored, self.rows(entry), device).map_err(|found| CheckpointError::Tensor {
            name: entry.stored.name.clone(),
            found: Box::new(found),
            path: self.path(entry.shard_idx),
        })?;
        Ok(Some(Arc::new(tensor)))
    }

    /// Bytes of a tensor with its rows in the model's order.
    pub(super) fn rows(&self, entry: &Entry) -> Cow<'_, [u8]> {
        let bytes = self.bytes(entry);
        let rows = entry.stored.shape.first().copied().unwrap_or(1);
        match pairs_to_halves(bytes, rows, entry.rotary_heads) {
            Some(ordered) => Cow::Owned(ordered),
            None => Cow::Borrowed(bytes),
        }
    }
}

/// A quantised tensor as f32.
pub(super) fn dequantised(stored: &StoredTensor, bytes: Cow<'_, [u8]>) -> CandleResult<Tensor> {
    blocks(stored, bytes, &Device::Cpu)?.dequantize(&Device::Cpu)
}

fn blocks(stored: &StoredTensor, bytes: Cow<'_, [u8]>, device: &Device) -> CandleResult<QTensor> {
    let dtype = ggml_type(&stored.dtype)
        .ok_or_else(|| candle_core::Error::Msg(format!("a type that no GGUF file has, {}", stored.dtype)))?;
    let storage = if bytes.as_ptr().align_offset(BLOCK_ALIGNMENT) == 0 {
        QStorage::from_data(bytes, device, dtype)?
    } else {
        let mut room = vec![0_u8; bytes.len() + BLOCK_ALIGNMENT];
        let start = room.as_ptr().align_offset(BLOCK_ALIGNMENT).min(BLOCK_ALIGNMENT);
        let aligned = room.get_mut(start..start + bytes.len()).unwrap_or_default();
        aligned.copy_from_slice(&bytes);
        QStorage::from_data(Cow::Borrowed(aligned), device, dtype)?
    };
    QTensor::new(storage, stored.shape.as_slice())
}

/// Whether so many rows of so many heads can have llama.cpp's order.
pub(super) fn is_in_pairs(rows: usize, heads: usize) -> bool {
    rows.checked_div(heads).is_some_and(|head_rows| head_rows >= 2 && head_rows * heads == rows && head_rows % 2 == 0)
}

/// llama.cpp keeps the two channels of a rotary pair next to each other, Hugging Face half a head apart. `None` where
/// nothing is to do.
///
/// **Source**: `LlamaModel.permute` of llama.cpp's `convert_hf_to_gguf.py`, undone.
fn pairs_to_halves(bytes: &[u8], rows: usize, heads: usize) -> Option<Vec<u8>> {
    let head_rows = rows.checked_div(heads)?;
    let row_bytes = bytes.len().checked_div(rows)?;
    if row_bytes == 0 || !is_in_pairs(rows, heads) {
        return None;
    }
    let mut ordered = Vec::with_capacity(bytes.len());
    for head in bytes.chunks_exact(head_rows * row_bytes) {
        for half in 0..2 {
            for pair in head.chunks_exact(2 * row_bytes) {
                ordered.extend_from_slice(pair.get(half * row_bytes..(half + 1) * row_bytes)?);
            }
        }
    }
    Some(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotary_rows_go_from_pairs_to_halves() {
        let rows: Vec<u8> = (0..8).flat_map(|row| [row; 3]).collect();
        let ordered = pairs_to_halves(&rows, 8, 2).expect("two heads of four rows");
        let firsts: Vec<u8> = ordered.chunks(3).map(|row| row[0]).collect();
        assert_eq!(firsts, [0, 2, 1, 3, 4, 6, 5, 7], "of each head the even rows, then the odd ones");
        assert_eq!(pairs_to_halves(&rows, 8, 0), None, "no rotary matrix");
        assert_eq!(pairs_to_halves(&rows, 8, 3), None, "not whole heads");
    }
}
