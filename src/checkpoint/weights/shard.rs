//! One safetensors or GGUF file: mapped, its header checked against its length.

use super::mapping::MappedFile;
use super::stored::StoredTensor;
use crate::checkpoint::CheckpointError;
use crate::checkpoint::files::{other_file, parse_strict_object};
use crate::checkpoint::gguf::{Header, read_gguf_header};
use crate::files;
use candle_core::DType;
use serde_json::Value;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The format's own limit.
const MAX_HEADER_BYTES: usize = 100_000_000;

/// Where a shard's bytes are.
#[derive(Debug)]
enum Bytes {
    Mapped(MappedFile),
    Embedded(&'static [u8]),
}

impl Bytes {
    fn all(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file.bytes(),
            Self::Embedded(bytes) => bytes,
        }
    }
}

/// How the numbers of a tensor are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoredAs {
    /// Each by itself.
    Floats(DType),
    /// In blocks of the type with this name, such as `Q4_K`.
    Blocks(String),
}

/// The bytes of a tensor where they lie in their file, which stays mapped as long as a clone of this lives.
#[derive(Debug, Clone)]
pub struct MappedTensor {
    bytes: Arc<Bytes>,
    range: Range<usize>,
    stored: StoredAs,
    rotary_heads: usize,
}

impl MappedTensor {
    /// Little-endian, row-major, at any alignment.
    pub fn bytes(&self) -> &[u8] {
        // The range was checked against the file's length when its header was read.
        self.bytes.all().get(self.range.clone()).unwrap_or_default()
    }

    /// How its numbers are stored.
    pub fn stored(&self) -> &StoredAs {
        &self.stored
    }

    /// Heads of a matrix whose rows have llama.cpp's order, the two channels of a rotary pair next to each other where
    /// the model has them half a head apart; 0 where rows have the model's order.
    ///
    /// **Source**: `LlamaModel.permute` of llama.cpp's `convert_hf_to_gguf.py`.
    pub fn rotary_heads(&self) -> usize {
        self.rotary_heads
    }
}

/// An open safetensors file.
#[derive(Debug, Clone)]
pub(in crate::checkpoint) struct Shard {
    path: PathBuf,
    bytes: Arc<Bytes>,
    header_bytes: usize,
}

impl Shard {
    /// Maps a file and reads its header.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<StoredTensor>), CheckpointError> {
        let read = |found| CheckpointError::Read { found, path: path.to_owned() };
        // An empty file cannot be mapped.
        let (_, len) = files::open(path).map_err(read)?;
        if len < 8 {
            return Err(CheckpointError::Header { found: format!("a file of {len} bytes"), path: path.to_owned() });
        }
        Self::new(path, Bytes::Mapped(MappedFile::open(path).map_err(read)?))
    }

    /// Maps a GGUF file and reads its header.
    pub(in crate::checkpoint) fn open_gguf(path: &Path) -> Result<(Self, Header), CheckpointError> {
        let read = |found| CheckpointError::Read { found, path: path.to_owned() };
        if files::open(path).map_err(read)?.1 == 0 {
            return Err(CheckpointError::GgufHeader { found: "an empty file".to_owned(), path: path.to_owned() });
        }
        let bytes = Bytes::Mapped(MappedFile::open(path).map_err(read)?);
        let mut shard = Self { path: path.to_owned(), bytes: Arc::new(bytes), header_bytes: 0 };
        if let Some(found) = other_file(shard.bytes().get(..64).unwrap_or_default()) {
            return Err(CheckpointError::GgufHeader { found: found.to_owned(), path: path.to_owned() });
        }
        let header = read_gguf_header(shard.bytes(), path)?;
        shard.header_bytes = header.data_start;
        Ok((shard, header))
    }

    /// A file inside the program.
    pub(super) fn embedded(path: &Path, bytes: &'static [u8]) -> Result<(Self, Vec<StoredTensor>), CheckpointError> {
        Self::new(path, Bytes::Embedded(bytes))
    }

    fn new(path: &Path, bytes: Bytes) -> Result<(Self, Vec<StoredTensor>), CheckpointError> {
        let mut shard = Self { path: path.to_owned(), bytes: Arc::new(bytes), header_bytes: 0 };
        let (header_bytes, tensors) = read_header(shard.bytes(), path)?;
        shard.header_bytes = header_bytes;
        Ok((shard, tensors))
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.all()
    }

    /// Some of its bytes, kept mapped.
    pub(super) fn tensor(&self, range: Range<usize>, stored: StoredAs, rotary_heads: usize) -> MappedTensor {
        MappedTensor { bytes: Arc::clone(&self.bytes), range, stored, rotary_heads }
    }

    /// The file.
    pub(in crate::checkpoint) fn path(&self) -> &Path {
        &self.path
    }

    /// The file as it is watched, if it is one.
    pub(super) fn mapped_file(&self) -> Option<&MappedFile> {
        match &*self.bytes {
            Bytes::Mapped(file) => Some(file),
            Bytes::Embedded(_) => None,
        }
    }

    /// Length of the header with its length field.
    pub(super) fn header_bytes(&self) -> usize {
        self.header_bytes
    }
}

/// Checks a safetensors file as strictly as the format's reference reader, and says which of its rules is broken.
///
/// Returns the length of the header with its length field, and the tensors in the order of their bytes.
pub(in crate::checkpoint) fn read_header(
    bytes: &[u8],
    path: &Path,
) -> Result<(usize, Vec<StoredTensor>), CheckpointError> {
    let refused = |found: String| CheckpointError::Header { found, path: path.to_owned() };
    if let Some(found) = foreign_format(bytes) {
        return Err(CheckpointError::ForeignWeights { found, path: path.to_owned() });
    }
    let Some(length) = bytes.first_chunk::<8>() else {
        return Err(refused(format!("a file of {} bytes", bytes.len())));
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_HEADER_BYTES {
        return Err(refused(format!("a header length of {length} bytes")));
    }
    let header_bytes = length + 8;
    let Some(header) = bytes.get(8..header_bytes) else {
        return Err(CheckpointError::Truncated {
            expected_bytes: header_bytes,
            found_bytes: bytes.len(),
            path: path.to_owned(),
        });
    };
    // A copy: what is read as text must not change while it is.
    let header = header.to_vec();
    let mut tensors = parse_strict_object(&header, path)
        .map_err(|error| match error {
            CheckpointError::Json { found, path } => CheckpointError::Header { found, path },
            other => other,
        })?
        .iter()
        .filter(|(name, _)| *name != "__metadata__")
        .map(|(name, info)| {
            stored_tensor(name, info, header_bytes).map_err(|why| refused(format!("the tensor {name} {why}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    tensors.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));
    let mut end = header_bytes;
    for tensor in &tensors {
        if tensor.range.start != end {
            return Err(refused(format!(
                "the tensor {} at byte {} where the one before ends at {end}",
                tensor.name, tensor.range.start
            )));
        }
        end = tensor.range.end;
    }
    if end != bytes.len() {
        return Err(CheckpointError::Truncated {
            expected_bytes: end,
            found_bytes: bytes.len(),
            path: path.to_owned(),
        });
    }
    Ok((header_bytes, tensors))
}

fn stored_tensor(name: &str, info: &Value, header_bytes: usize) -> Result<StoredTensor, String> {
    let size = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok());
    let sizes = |key: &str| -> Option<Vec<usize>> { info.get(key)?.as_array()?.iter().map(size).collect() };
    let dtype = info.get("dtype").and_then(Value::as_str).ok_or("without a type")?;
    let shape = sizes("shape").ok_or("without a shape")?;
    let offsets = sizes("data_offsets").ok_or("without offsets")?;
    let [start, end] = offsets[..] else { return Err("without two offsets".to_owned()) };
    let item_bytes = item_bytes(dtype).ok_or_else(|| format!("of the unknown type {dtype}"))?;
    let wanted =
        shape.iter().try_fold(item_bytes, |bytes, n| bytes.checked_mul(*n)).ok_or("of a size beyond any memory")?;
    if end.checked_sub(start) != Some(wanted) {
        return Err(format!("with the offsets {start} to {end} where {dtype} {shape:?} takes {wanted} bytes"));
    }
    let range =
        start.checked_add(header_bytes).zip(end.checked_add(header_bytes)).ok_or("at an offset beyond any file")?;
    Ok(StoredTensor { name: name.to_owned(), dtype: dtype.to_owned(), shape, range: range.0..range.1 })
}

fn item_bytes(dtype: &str) -> Option<usize> {
    match dtype {
        "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" => Some(1),
        "U16" | "I16" | "F16" | "BF16" => Some(2),
        "U32" | "I32" | "F32" => Some(4),
        "U64" | "I64" | "F64" | "C64" => Some(8),
        _ => None,
    }
}

/// Other files under the name of weights, told by their first bytes.
fn foreign_format(bytes: &[u8]) -> Option<&'static str> {
    const FORMATS: [(&[u8], &str); 2] = [
        (b"GGUF", "a GGUF file (give it its own ending, .gguf)"),
        (b"PK\x03\x04", "a PyTorch pickle archive (convert it with save_pretrained, which writes safetensors)"),
    ];
    let format = FORMATS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, found)| *found);
    // A header's length may begin like many formats, but not like a text.
    format.or_else(|| if bytes.starts_with(b"v") || bytes.starts_with(b"<") { other_file(bytes) } else { None })
}
