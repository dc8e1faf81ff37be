//! Weights of every published layout under one naming, left in the file until a tensor is made of them.

mod discover;
mod gguf;
mod hash;
mod mapping;
mod names;
mod quantised;
mod shard;
mod state;
mod stored;

pub(super) use discover::foreign_weights;
#[cfg(test)]
pub(super) use discover::index_pairs;
pub(super) use discover::weight_files;
pub(super) use gguf::GgufTensors;
#[cfg(test)]
pub(super) use shard::read_header;

use super::CheckpointError;
use candle_core::{DType, Device, Tensor};
use half::{bf16, f16};
use names::{canonical_name, is_harmless};
use shard::Shard;
pub use shard::{MappedTensor, StoredAs};
pub use state::WeightFiles;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use stored::{StoredTensor, ggml_type};

/// How many names an error lists before it only counts.
const NAMES_IN_MESSAGE: usize = 3;

/// The tensors of a checkpoint by canonical name (the table is in this module's `names`).
///
/// The files are mapped, not read: opening 13 GB costs nothing. A tensor's bytes are copied when it is asked for as a
/// tensor, and stay in the file when it is asked for as a [`MappedTensor`]. Every tensor that was asked for is
/// remembered, so that [`Weights::finish`] can name those that have no place in the model.
#[derive(Debug, Default)]
pub struct Weights {
    shards: Vec<Shard>,
    entries: BTreeMap<String, Entry>,
    hash: OnceLock<String>,
}

#[derive(Debug)]
struct Entry {
    stored: StoredTensor,
    shard_idx: usize,
    used: AtomicBool,
    /// Heads whose rows have llama.cpp's order; 0 is none.
    rotary_heads: usize,
}

impl Weights {
    /// Opens the safetensors files of a folder: one, the shards of an index, or all there are.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let (paths, index) = weight_files(folder)?;
        let shards = paths.iter().map(|path| Shard::open(path)).collect::<Result<Vec<_>, _>>()?;
        let weights = Self::new(shards)?;
        for (stored, shard) in index {
            weights.expect_in_shard(&stored, &folder.join(shard))?;
        }
        Ok(weights)
    }

    /// Weights inside the program.
    pub fn from_static(name: &str, bytes: &'static [u8]) -> Result<Self, CheckpointError> {
        Self::new(vec![Shard::embedded(Path::new(name), bytes)?])
    }

    fn new(opened: Vec<(Shard, Vec<StoredTensor>)>) -> Result<Self, CheckpointError> {
        let mut weights = Self { shards: Vec::new(), entries: BTreeMap::new(), hash: OnceLock::new() };
        for (shard_idx, (shard, tensors)) in opened.into_iter().enumerate() {
            weights.shards.push(shard);
            for stored in tensors {
                weights.insert(shard_idx, stored)?;
            }
        }
        Ok(weights)
    }

    fn insert(&mut self, shard_idx: usize, stored: StoredTensor) -> Result<(), CheckpointError> {
        let canonical = canonical_name(&stored.name);
        if let Some(first) = self.entries.get(&canonical) {
            if is_harmless(&stored.name) {
                return Ok(());
            }
            return Err(CheckpointError::Duplicate {
                first: first.stored.name.clone(),
                first_path: self.path(first.shard_idx),
                second: stored.name,
                second_path: self.path(shard_idx),
                canonical,
            });
        }
        let used = AtomicBool::new(is_harmless(&stored.name));
        self.entries.insert(canonical, Entry { stored, shard_idx, used, rotary_heads: 0 });
        Ok(())
    }

    fn expect_in_shard(&self, stored: &str, path: &Path) -> Result<(), CheckpointError> {
        let found = self.entries.get(&canonical_name(stored)).is_some_and(|entry| self.path(entry.shard_idx) == path);
        if found || is_harmless(stored) {
            return Ok(());
        }
        Err(CheckpointError::NotInShard { tensor: stored.to_owned(), path: path.to_owned() })
    }

    fn path(&self, shard_idx: usize) -> PathBuf {
        self.shards.get(shard_idx).map(|shard| shard.path().to_owned()).unwrap_or_default()
    }

    /// Names of the weight files, for messages.
    pub fn files(&self) -> String {
        self.shards.iter().map(|shard| shard.path().display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// The tensor of a canonical name, of the expected shape, as `dtype` on `device`.
    ///
    /// **Errors**: a missing tensor names itself and the files; another shape says both.
    pub fn tensor(
        &self,
        canonical: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor, CheckpointError> {
        self.optional(canonical, shape, dtype, device)?
            .ok_or_else(|| CheckpointError::MissingTensor { name: canonical.to_owned(), files: self.files() })
    }

    /// The same for a tensor that some models have and some have not.
    pub fn optional(
        &self,
        canonical: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, CheckpointError> {
        let Some(entry) = self.entries.get(canonical) else { return Ok(None) };
        entry.used.store(true, Ordering::Relaxed);
        let stored = &entry.stored;
        let path = || self.path(entry.shard_idx);
        // A CLIP's logit scale is stored as a scalar by some versions and as one number by others.
        let scalar = stored.shape.iter().all(|n| *n == 1) && shape.iter().all(|n| *n == 1);
        if stored.shape != shape && !scalar {
            return Err(CheckpointError::Shape {
                name: stored.name.clone(),
                expected: shape.to_vec(),
                found: stored.shape.clone(),
                path: path(),
            });
        }
        let made = if stored::is_quantised(&stored.dtype) {
            gguf::dequantised(stored, self.rows(entry)).and_then(|tensor| tensor.to_dtype(dtype)?.to_device(device))
        } else {
            let file_dtype = float_dtype(&stored.dtype).ok_or_else(|| CheckpointError::Dtype {
                name: stored.name.clone(),
                found: stored.dtype.clone(),
                path: path(),
            })?;
            Tensor::from_raw_buffer(&self.rows(entry), file_dtype, shape, device)
                .and_then(|tensor| tensor.to_dtype(dtype))
        };
        made.map(Some).map_err(|found| CheckpointError::Tensor {
            name: stored.name.clone(),
            found: Box::new(found),
            path: path(),
        })
    }

    /// A matrix where it lies in its file, for products that read it there; `None` where it is not there, or is stored
    /// in a type of other than 16 or 32 bits that is no block type either.
    ///
    /// **Shape**: `[outputs, inputs]`; another one is told when the matrix is asked for as a tensor.
    pub fn mapped(&self, canonical: &str, shape: &[usize]) -> Option<MappedTensor> {
        let entry = self.entries.get(canonical)?;
        let stored = &entry.stored;
        let stored_as = if stored::is_quantised(&stored.dtype) {
            StoredAs::Blocks(stored.dtype.clone())
        } else {
            StoredAs::Floats(float_dtype(&stored.dtype).filter(|dtype| *dtype != DType::F64)?)
        };
        if stored.shape != shape {
            return None;
        }
        entry.used.store(true, Ordering::Relaxed);
        let rows = shape.first().copied().unwrap_or(1);
        let rotary_heads = if gguf::is_in_pairs(rows, entry.rotary_heads) { entry.rotary_heads } else { 0 };
        self.shards.get(entry.shard_idx).map(|shard| shard.tensor(stored.range.clone(), stored_as, rotary_heads))
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        // The range was checked against the file's length when its header was read.
        self.shards
            .get(entry.shard_idx)
            .and_then(|shard| shard.bytes().get(entry.stored.range.clone()))
            .unwrap_or_default()
    }

    /// Whether there is a tensor of that canonical name.
    pub fn contains(&self, canonical: &str) -> bool {
        self.entries.contains_key(canonical)
    }

    /// The shape of a tensor, without loading it.
    pub fn shape(&self, canonical: &str) -> Option<&[usize]> {
        self.entries.get(canonical).map(|entry| entry.stored.shape.as_slice())
    }

    /// The type that most of the bytes have.
    pub fn dtype(&self) -> DType {
        let mut bytes_by_dtype: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in self.entries.values() {
            *bytes_by_dtype.entry(&entry.stored.dtype).or_default() += entry.stored.range.len();
        }
        let most = bytes_by_dtype.into_iter().max_by_key(|(_, bytes)| *bytes);
        most.and_then(|(dtype, _)| float_dtype(dtype).or_else(|| stored::natural_dtype(dtype))).unwrap_or(DType::F32)
    }

    /// Whether any matrix is stored as quantised blocks.
    pub fn is_quantised(&self) -> bool {
        self.entries.values().any(|entry| stored::is_quantised(&entry.stored.dtype))
    }

    /// Every tensor's canonical name, its shape, its type as the file spells it, and its bytes there: for estimates.
    pub fn stored(&self) -> impl Iterator<Item = (&str, &[usize], &str, u64)> {
        self.entries.iter().map(|(name, entry)| {
            let stored = &entry.stored;
            (name.as_str(), stored.shape.as_slice(), stored.dtype.as_str(), stored.range.len() as u64)
        })
    }

    /// Canonical names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Counts every tensor under a prefix as used: for parts that a model leaves out on purpose, such as the vision
    /// layers behind the one whose output LLaVA reads. Returns how many there are.
    pub fn leave_out(&self, canonical_prefix: &str) -> usize {
        let under = self.entries.iter().filter(|(name, _)| name.starts_with(canonical_prefix));
        under.map(|(_, entry)| entry.used.store(true, Ordering::Relaxed)).count()
    }

    /// To be called when the model is complete: names the tensors that nobody asked for.
    ///
    /// **Errors**: a tensor without a place means that the weights are those of another model than the configuration
    /// describes.
    pub fn finish(&self) -> Result<(), CheckpointError> {
        let unused: Vec<&Entry> = self.entries.values().filter(|entry| !entry.used.load(Ordering::Relaxed)).collect();
        if unused.is_empty() {
            return Ok(());
        }
        let mut names =
            unused.iter().take(NAMES_IN_MESSAGE).map(|e| e.stored.name.as_str()).collect::<Vec<_>>().join(", ");
        if unused.len() > NAMES_IN_MESSAGE {
            names.push_str(", ...");
        }
        let mut shards: Vec<usize> = unused.iter().map(|entry| entry.shard_idx).collect();
        shards.dedup();
        shards.truncate(NAMES_IN_MESSAGE);
        let files = shards.iter().map(|idx| self.path(*idx).display().to_string()).collect::<Vec<_>>().join(", ");
        Err(CheckpointError::Unused { count: unused.len(), names, files })
    }

    /// Whether two tensors have the same shape and values, whatever the types they are stored in.
    pub(super) fn are_equal(&self, first: &str, second: &str) -> bool {
        let (Some(first), Some(second)) = (self.entries.get(first), self.entries.get(second)) else { return false };
        let (a, b) = (self.bytes(first), self.bytes(second));
        let same_type = first.stored.dtype == second.stored.dtype;
        first.stored.shape == second.stored.shape
            && ((same_type && a == b)
                || numbers(&first.stored.dtype, a).zip(numbers(&second.stored.dtype, b)).is_some_and(|(a, b)| a.eq(b)))
    }

    /// Gives a tensor another canonical name; one that has that name already stays as it is.
    pub(super) fn rename(&mut self, canonical: &str, other: &str) {
        if self.entries.contains_key(other) {
            return;
        }
        if let Some(entry) = self.entries.remove(canonical) {
            self.entries.insert(other.to_owned(), entry);
        }
    }

    /// Bytes of all tensors, **units** bytes of the files' own types.
    pub fn total_bytes(&self) -> u64 {
        self.entries.values().map(|entry| entry.stored.range.len() as u64).sum()
    }

    /// The files, for asking later whether they are still what was opened.
    pub fn opened(&self) -> WeightFiles {
        WeightFiles::new(&self.shards, self.weight_hash())
    }

    /// SHA-256 of the weights in hexadecimal, computed once.
    ///
    /// One file of up to 64 MiB: what `sha256sum` prints. A larger one: of its length, its header and 64 evenly spaced
    /// blocks of 1 MiB. Several files: of their hashes in the order of their names.
    pub fn weight_hash(&self) -> &str {
        self.hash.get_or_init(|| hash::weight_hash(&self.shards))
    }
}

fn float_dtype(stored: &str) -> Option<DType> {
    match stored {
        "F64" => Some(DType::F64),
        "F32" => Some(DType::F32),
        "F16" => Some(DType::F16),
        "BF16" => Some(DType::BF16),
        _ => None,
    }
}

/// The numbers of a tensor of floats, exact; `None` for other types.
fn numbers<'a>(dtype: &str, bytes: &'a [u8]) -> Option<Box<dyn Iterator<Item = f64> + 'a>> {
    match float_dtype(dtype)? {
        DType::F64 => Some(Box::new(bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number)))),
        DType::F32 => Some(Box::new(bytes.as_chunks().0.iter().map(|number| f64::from(f32::from_le_bytes(*number))))),
        DType::F16 => Some(Box::new(bytes.as_chunks().0.iter().map(|number| f16::from_le_bytes(*number).to_f64()))),
        DType::BF16 => Some(Box::new(bytes.as_chunks().0.iter().map(|number| bf16::from_le_bytes(*number).to_f64()))),
        _ => None,
    }
}
