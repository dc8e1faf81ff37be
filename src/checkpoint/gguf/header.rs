//! A GGUF file's header, checked against the file's length before anything is allocated for it.
//!
//! **Source**: the GGUF specification (ggml-org/ggml, docs/gguf.md), versions 2 and 3, little endian.

use crate::checkpoint::CheckpointError;
use crate::checkpoint::weights::{StoredTensor, ggml_type};
use std::collections::BTreeMap;
use std::path::Path;

/// A vocabulary of a quarter of a million pieces takes 10 MB; beyond this a header is none.
const MAX_HEADER_BYTES: usize = 256 << 20;
const MAX_DIMS: u32 = 4;
const DEFAULT_ALIGNMENT: usize = 32;

/// A metadata value. Numbers of all widths are one kind: every number that counts is exact in f64.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checkpoint) enum Value {
    Number(f64),
    Flag(bool),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// Everything in front of the tensors' bytes.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checkpoint) struct Header {
    pub(in crate::checkpoint) metadata: BTreeMap<String, Value>,
    /// In the order of their bytes; shapes have the rows first, as everywhere else.
    pub(in crate::checkpoint) tensors: Vec<StoredTensor>,
    /// Where the tensors' bytes begin.
    pub(in crate::checkpoint) data_start: usize,
}

/// What is wrong, without the file's name.
type Found<T> = Result<T, String>;

/// Reads and checks a header.
pub(in crate::checkpoint) fn read_gguf_header(bytes: &[u8], path: &Path) -> Result<Header, CheckpointError> {
    let refused = |found: String| CheckpointError::GgufHeader { found, path: path.to_owned() };
    let mut reader = Reader { bytes: bytes.get(..MAX_HEADER_BYTES).unwrap_or(bytes), at: 0 };
    reader.header(bytes.len()).map_err(refused)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Found<&'a [u8]> {
        let end = self.at.checked_add(len).ok_or("a length beyond any file")?;
        let part = self.bytes.get(self.at..end).ok_or_else(|| {
            format!("{len} bytes wanted at byte {} of {} (was the download interrupted?)", self.at, self.bytes.len())
        })?;
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Found<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| "an impossible length".to_owned())
    }

    fn u32(&mut self) -> Found<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn size(&mut self) -> Found<usize> {
        let size = u64::from_le_bytes(self.array()?);
        usize::try_from(size).map_err(|_| format!("the length {size}"))
    }

    /// A count of things that take at least so many bytes each.
    fn count(&mut self, least_bytes: usize, what: &str) -> Found<usize> {
        let count = self.size()?;
        let left = self.bytes.len().saturating_sub(self.at);
        if count.checked_mul(least_bytes).is_some_and(|bytes| bytes <= left) {
            return Ok(count);
        }
        Err(format!("{count} {what} in the {left} bytes that are left"))
    }

    fn text(&mut self) -> Found<String> {
        let len = self.count(1, "bytes of text")?;
        Ok(String::from_utf8_lossy(self.take(len)?).into_owned())
    }

    fn header(&mut self, file_bytes: usize) -> Found<Header> {
        if self.take(4)? != b"GGUF" {
            return Err("a file that does not begin with GGUF".to_owned());
        }
        let version = self.u32()?;
        if matches!(version.swap_bytes(), 1..=3) {
            return Err("a big-endian file (convert it to little-endian)".to_owned());
        }
        if !matches!(version, 2 | 3) {
            return Err(format!("version {version} (2 and 3 are read)"));
        }
        let num_tensors = self.count(24, "tensors")?;
        let num_values = self.count(13, "metadata values")?;
        let mut metadata = BTreeMap::new();
        for _ in 0..num_values {
            let key = self.text()?;
            let kind = self.u32()?;
            let value = self.value(kind).map_err(|found| format!("{key} with {found}"))?;
            metadata.insert(key, value);
        }
        let mut tensors = Vec::new();
        for _ in 0..num_tensors {
            tensors.push(self.tensor()?);
        }
        let alignment = alignment(&metadata)?;
        let data_start = self.at.next_multiple_of(alignment);
        place(&mut tensors, data_start, alignment, file_bytes)?;
        Ok(Header { metadata, tensors, data_start })
    }

    fn value(&mut self, kind: u32) -> Found<Value> {
        match kind {
            7 => self.flag().map(Value::Flag),
            8 => self.text().map(Value::Text),
            9 => self.list(),
            _ => self.number(kind).map(Value::Number),
        }
    }

    fn list(&mut self) -> Found<Value> {
        let kind = self.u32()?;
        if kind == 8 {
            let count = self.count(8, "texts")?;
            return (0..count).map(|_| self.text()).collect::<Found<_>>().map(Value::Texts);
        }
        let width = number_bytes(kind).or((kind == 7).then_some(1)).ok_or_else(|| format!("a list of type {kind}"))?;
        let count = self.count(width, "numbers")?;
        let number = |reader: &mut Self| {
            if kind == 7 { reader.flag().map(|flag| f64::from(u8::from(flag))) } else { reader.number(kind) }
        };
        (0..count).map(|_| number(self)).collect::<Found<_>>().map(Value::Numbers)
    }

    fn flag(&mut self) -> Found<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(format!("the flag {other}")),
        }
    }

    fn number(&mut self, kind: u32) -> Found<f64> {
        Ok(match kind {
            0 => f64::from(u8::from_le_bytes(self.array()?)),
            1 => f64::from(i8::from_le_bytes(self.array()?)),
            2 => f64::from(u16::from_le_bytes(self.array()?)),
            3 => f64::from(i16::from_le_bytes(self.array()?)),
            4 => f64::from(self.u32()?),
            5 => f64::from(i32::from_le_bytes(self.array()?)),
            6 => f64::from(f32::from_le_bytes(self.array()?)),
            10 => u64::from_le_bytes(self.array()?) as f64,
            11 => i64::from_le_bytes(self.array()?) as f64,
            12 => f64::from_le_bytes(self.array()?),
            other => return Err(format!("the unknown type {other}")),
        })
    }

    /// A tensor, its range still counted from the beginning of the data.
    fn tensor(&mut self) -> Found<StoredTensor> {
        let name = self.text()?;
        let num_dims = self.u32()?;
        if num_dims == 0 || num_dims > MAX_DIMS {
            return Err(format!("the tensor {name} with {num_dims} dimensions"));
        }
        // The file counts from the fastest dimension.
        let mut shape = (0..num_dims).map(|_| self.size()).collect::<Found<Vec<_>>>()?;
        shape.reverse();
        let kind = self.u32()?;
        let (dtype, stored) = type_of(kind).map_err(|found| format!("the tensor {name} {found}"))?;
        let row = shape.last().copied().unwrap_or_default();
        if !row.is_multiple_of(stored.block_size()) {
            return Err(format!("the tensor {name} of {dtype} with rows of {row}"));
        }
        let elements = shape.iter().try_fold(1_usize, |product, n| product.checked_mul(*n));
        let bytes = elements.and_then(|n| (n / stored.block_size()).checked_mul(stored.type_size()));
        let start = self.size()?;
        let end = bytes.and_then(|bytes| start.checked_add(bytes));
        let end = end.ok_or_else(|| format!("the tensor {name} of a size beyond any file"))?;
        Ok(StoredTensor { name, dtype: dtype.to_owned(), shape, range: start..end })
    }
}

fn number_bytes(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// The file's number of a type, as its name and candle's type.
///
/// **Errors**: a type that is not read, by its name.
fn type_of(kind: u32) -> Found<(&'static str, candle_core::quantized::GgmlDType)> {
    let name = type_name(kind).ok_or_else(|| format!("of the unknown type {kind}"))?;
    let not_read =
        || format!("of the type {name}, which is not read (F32, F16, BF16, Q4_0 to Q8_0 and Q2_K to Q8_K are)");
    Ok((name, ggml_type(name).ok_or_else(not_read)?))
}

/// **Source**: `ggml.h`, `enum ggml_type`.
fn type_name(kind: u32) -> Option<&'static str> {
    Some(match kind {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        4 => "Q4_2",
        5 => "Q4_3",
        6 => "Q5_0",
        7 => "Q5_1",
        8 => "Q8_0",
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        12 => "Q4_K",
        13 => "Q5_K",
        14 => "Q6_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        30 => "BF16",
        31 => "Q4_0_4_4",
        32 => "Q4_0_4_8",
        33 => "Q4_0_8_8",
        34 => "TQ1_0",
        35 => "TQ2_0",
        36 => "IQ4_NL_4_4",
        37 => "IQ4_NL_4_8",
        38 => "IQ4_NL_8_8",
        39 => "MXFP4",
        40 => "NVFP4",
        _ => return None,
    })
}

fn alignment(metadata: &BTreeMap<String, Value>) -> Found<usize> {
    match metadata.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::Number(number)) => [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]
            .into_iter()
            .find(|n: &u16| f64::from(*n).to_bits() == number.to_bits())
            .map(usize::from)
            .ok_or_else(|| format!("an alignment of {number}")),
        Some(_) => Err("an alignment that is no number".to_owned()),
    }
}

/// Turns offsets into places in the file and checks that they neither leave it nor overlap.
fn place(tensors: &mut [StoredTensor], data_start: usize, alignment: usize, file_bytes: usize) -> Found<()> {
    tensors.sort_by_key(|tensor| (tensor.range.start, tensor.range.end));
    let mut taken = data_start;
    for tensor in tensors {
        let range = &tensor.range;
        let (start, end) = (range.start.checked_add(data_start), range.end.checked_add(data_start));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(format!("the tensor {} beyond any file", tensor.name));
        };
        if !range.start.is_multiple_of(alignment) || start < taken {
            return Err(format!("the tensor {} at byte {start}, where another one ends at {taken}", tensor.name));
        }
        if end > file_bytes {
            return Err(format!(
                "the tensor {} up to byte {end} of {file_bytes} (was the download interrupted?)",
                tensor.name
            ));
        }
        tensor.range = start..end;
        taken = end;
    }
    Ok(())
}
