//! Embeddings that were computed before, as a file.

use super::Embeddings;
use crate::engine::error::EngineError;
use crate::engine::tensor_file::{FileTensor, tensor_file};
use candle_core::{DType, Device, Tensor};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

/// Of a SHA-256.
const HASH_BYTES: usize = 32;
/// Names of a model's two tensors are these and its key.
const VECTORS: &str = "embeddings ";
const PHOTOS: &str = "photos ";

/// Embeddings by model (its weights, number type and preprocessing) and photo (its SHA-256).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddingCache {
    models: BTreeMap<String, OfModel>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct OfModel {
    embeddings: Embeddings,
    /// Rows by photo.
    rows: HashMap<[u8; HASH_BYTES], usize>,
}

impl OfModel {
    fn insert(&mut self, photo: [u8; HASH_BYTES], embedding: &[f32]) {
        let (before, is_known) = (self.embeddings.len(), self.rows.contains_key(&photo));
        if !is_known {
            self.embeddings.push(embedding);
        }
        if self.embeddings.len() > before {
            self.rows.insert(photo, before);
        }
    }
}

impl EmbeddingCache {
    /// How many embeddings there are, of all models.
    pub fn len(&self) -> usize {
        self.models.values().map(|model| model.embeddings.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, key: &str, photo: &str) -> Option<&[f32]> {
        let model = self.models.get(key)?;
        model.rows.get(&hash_bytes(photo)?).map(|row| model.embeddings.row(*row))
    }

    pub(super) fn insert(&mut self, key: &str, photo: &str, embedding: &[f32]) {
        if let Some(photo) = hash_bytes(photo) {
            self.models.entry(key.to_owned()).or_default().insert(photo, embedding);
        }
    }

    /// The file: for each model f32 `embeddings KEY` `[photos, width]` and u8 `photos KEY` `[photos, 32]`, the SHA-256
    /// of each photo. The same embeddings give the same bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let tensors = self.models.iter().flat_map(|(key, OfModel { embeddings, rows })| {
            let mut photos: Vec<_> = rows.iter().map(|(photo, row)| (*row, *photo)).collect();
            photos.sort_unstable();
            let bytes = photos.into_iter().flat_map(|(_, photo)| photo).collect();
            let vectors = [embeddings.len(), embeddings.width];
            let shape = vec![embeddings.len(), HASH_BYTES];
            [
                FileTensor::f32(&format!("{VECTORS}{key}"), &vectors, &embeddings.values),
                FileTensor { name: format!("{PHOTOS}{key}"), dtype: "U8", shape, bytes },
            ]
        });
        tensor_file(json!({"format": "gazelens-embeddings", "version": "1"}), &tensors.collect::<Vec<_>>())
    }

    /// Reads such a file back.
    ///
    /// **Errors**: another file, or a damaged one.
    pub fn read(bytes: &[u8]) -> Result<Self, EngineError> {
        let refused = |found: &str| EngineError::EmbeddingsFile { found: found.to_owned() };
        let unread = |err: candle_core::Error| refused(err.to_string().lines().next().unwrap_or_default());
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(unread)?;
        let mut cache = Self::default();
        for (name, photos) in &tensors {
            let Some(key) = name.strip_prefix(PHOTOS) else {
                if name.starts_with(VECTORS) {
                    continue;
                }
                return Err(refused(&format!("the tensor {name}")));
            };
            let vectors = tensors.get(&format!("{VECTORS}{key}"));
            let vectors = vectors.ok_or_else(|| refused("photos without embeddings"))?;
            let model = of_model(photos, vectors).map_err(unread)?;
            cache
                .models
                .insert(key.to_owned(), model.ok_or_else(|| refused("embeddings that are not of unit length"))?);
        }
        if 2 * cache.models.len() == tensors.len() { Ok(cache) } else { Err(refused("embeddings without photos")) }
    }
}

/// `None` for what is no row of unit length for each photo.
fn of_model(photos: &Tensor, vectors: &Tensor) -> candle_core::Result<Option<OfModel>> {
    let (num_photos, hash_len) = photos.dims2()?;
    let (num_rows, width) = vectors.dims2()?;
    let are_sound = photos.dtype() == DType::U8 && vectors.dtype() == DType::F32 && width > 0;
    if !are_sound || hash_len != HASH_BYTES || num_photos != num_rows {
        return Ok(None);
    }
    let (photos, values) = (photos.flatten_all()?.to_vec1::<u8>()?, vectors.flatten_all()?.to_vec1::<f32>()?);
    let mut model = OfModel::default();
    for (photo, row) in photos.chunks_exact(HASH_BYTES).zip(values.chunks_exact(width)) {
        let norm: f64 = row.iter().map(|value| f64::from(*value).powi(2)).sum();
        let is_unit = (norm - 1.0).abs() < 1e-3;
        let Some(photo) = photo.first_chunk().filter(|_| is_unit) else { return Ok(None) };
        model.insert(*photo, row);
    }
    Ok(Some(model))
}

/// A photo's hash, written as 64 digits.
fn hash_bytes(photo: &str) -> Option<[u8; HASH_BYTES]> {
    let mut bytes = [0; HASH_BYTES];
    for (idx, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(photo.get(2 * idx..2 * idx + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: &str = "00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff";

    fn cache() -> EmbeddingCache {
        let mut cache = EmbeddingCache::default();
        cache.insert("a \"b\"", PHOTO, &[0.6, 0.8]);
        cache.insert("a \"b\"", &PHOTO.replace("ff", "01"), &[1.0, 0.0]);
        cache.insert("c", PHOTO, &[0.0, 0.0, -1.0]);
        cache
    }

    #[test]
    fn embeddings_come_back_as_they_were() {
        let (cache, bytes) = (cache(), cache().bytes());
        let read = EmbeddingCache::read(&bytes).expect("its own file");
        assert_eq!(read, cache, "everything");
        assert_eq!(read.bytes(), bytes, "and the same bytes");
        assert_eq!((read.len(), read.is_empty()), (3, false), "counted over models");
        assert_eq!(read.get("c", PHOTO), Some(&[0.0, 0.0, -1.0][..]), "by model and photo");
        assert_eq!(read.get("d", PHOTO), None, "another model");
        assert_eq!(read.get("c", &PHOTO.replace("ff", "01")), None, "another photo");
        assert_eq!(
            EmbeddingCache::read(&EmbeddingCache::default().bytes()).ok(),
            Some(EmbeddingCache::default()),
            "none"
        );
    }

    #[test]
    fn damaged_embeddings_never_panic() {
        let bytes = cache().bytes();
        let mut refused = 0;
        for at in 0..bytes.len() {
            for change in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                refused += usize::from(EmbeddingCache::read(&changed).is_err());
            }
            assert!(EmbeddingCache::read(&bytes[..at]).is_err(), "cut off after {at} bytes");
        }
        assert!(refused > bytes.len(), "{refused} changes are found");
        let other = tensor_file(json!({}), &[FileTensor::f32("noise", &[1], &[1.0])]);
        let sentence = EmbeddingCache::read(&other).expect_err("another file").to_string();
        assert_eq!(sentence, "Expected a file of embeddings, found the tensor noise", "said");
    }
}
