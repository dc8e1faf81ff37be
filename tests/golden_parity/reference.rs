//! Golden files: tensors by name, and the words in their metadata.

use safetensors::{Dtype, SafeTensors};
use std::path::Path;

/// One file, read whole.
pub(crate) struct Golden {
    bytes: Vec<u8>,
    words: serde_json::Value,
}

impl Golden {
    pub(crate) fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|err| panic!("{err}: {}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
        let words = header.metadata().as_ref().and_then(|metadata| metadata.get("golden")).expect("golden words");
        let words = serde_json::from_str(words).expect("JSON");
        Self { bytes, words }
    }

    /// An entry of the metadata.
    pub(crate) fn word(&self, name: &str) -> &str {
        self.words[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.words))
    }

    /// A list of the metadata.
    pub(crate) fn list(&self, name: &str) -> &[serde_json::Value] {
        self.words[name].as_array().unwrap_or_else(|| panic!("no list {name} in {}", self.words))
    }

    /// Shape and values of an f32 tensor.
    pub(crate) fn floats(&self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, data) = self.tensor(name, Dtype::F32);
        let values = data.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        (shape, values.collect())
    }

    /// All entries of the metadata.
    pub(crate) fn words(&self) -> &serde_json::Value {
        &self.words
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn has(&self, name: &str) -> bool {
        SafeTensors::deserialize(&self.bytes).expect("a safetensors file").tensor(name).is_ok()
    }

    /// Values of a u8 tensor.
    pub(crate) fn levels(&self, name: &str) -> Vec<u8> {
        self.tensor(name, Dtype::U8).1.to_vec()
    }

    /// Values of an i64 tensor.
    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        self.tensor(name, Dtype::I64).1.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
    }

    fn tensor(&self, name: &str, dtype: Dtype) -> (Vec<usize>, &[u8]) {
        let file = SafeTensors::deserialize(&self.bytes).expect("a safetensors file");
        let view = file.tensor(name).unwrap_or_else(|err| panic!("{name}: {err}"));
        assert_eq!(view.dtype(), dtype, "type of {name}");
        (view.shape().to_vec(), view.data())
    }
}
