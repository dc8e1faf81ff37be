//! Small safetensors files.

use serde_json::{Map, Value, json};

/// A tensor as bytes.
#[derive(Debug)]
pub(super) struct FileTensor {
    pub(super) name: String,
    /// `F32`, `U8`.
    pub(super) dtype: &'static str,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl FileTensor {
    /// **Shape** of `values`: `shape`.
    pub(super) fn f32(name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.to_owned(), dtype: "F32", shape: shape.to_vec(), bytes }
    }
}

/// The file. Its header is written by hand, so that the same tensors give the same bytes.
pub(super) fn tensor_file(metadata: Value, tensors: &[FileTensor]) -> Vec<u8> {
    let mut entries = Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut start = 0;
    for FileTensor { name, dtype, shape, bytes } in tensors {
        let end = start + bytes.len();
        entries.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
        start = end;
    }
    let mut header = Value::Object(entries).to_string();
    let filled = header.len().next_multiple_of(8);
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    let length = (header.len() as u64).to_le_bytes();
    let parts = [&length[..], header.as_bytes()].into_iter().chain(tensors.iter().map(|tensor| &*tensor.bytes));
    parts.collect::<Vec<_>>().concat()
}
