//! Directions as a safetensors file.

use super::{TowerDirections, VtiDirections};
use serde_json::{Map, Value, json};

impl VtiDirections {
    /// The file that the method `vti` reads: f32 `text` `[layers, hidden_size]` and, where there are some, `vision`
    /// `[layers, tokens, width]`, or `[layers, width]` where all tokens have the same. The
    /// metadata has `run`, where they come from.
    ///
    /// The header is written by hand, so that the same directions give the same bytes.
    pub fn bytes(&self, run: &Value) -> Vec<u8> {
        let metadata = json!({"format": "gazelens-vti-directions", "version": "1", "run": run.to_string()});
        let mut entries = Map::from_iter([("__metadata__".to_owned(), metadata)]);
        let mut data = Vec::new();
        for (name, tower) in [("text", Some(&self.text)), ("vision", self.vision.as_ref())] {
            let Some(TowerDirections { shape: [layers, tokens, width], values }) = tower else { continue };
            let start = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let shape = if *tokens == 1 { json!([layers, width]) } else { json!([layers, tokens, width]) };
            let offsets = [start, data.len()];
            entries.insert(name.to_owned(), json!({"dtype": "F32", "shape": shape, "data_offsets": offsets}));
        }
        let mut header = Value::Object(entries).to_string();
        let filled = header.len().next_multiple_of(8);
        header.extend(std::iter::repeat_n(' ', filled - header.len()));
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
    }
}
