//! Directions as a safetensors file.

use super::{TowerDirections, VtiDirections};
use crate::engine::tensor_file::{FileTensor, tensor_file};
use serde_json::{Value, json};

impl VtiDirections {
    /// The file that the method `vti` reads: f32 `text` `[layers, hidden_size]` and, where there are some, `vision`
    /// `[layers, tokens, width]`, or `[layers, width]` where all tokens have the same. The
    /// metadata has `run`, where they come from.
    pub fn bytes(&self, run: &Value) -> Vec<u8> {
        let metadata = json!({"format": "gazelens-vti-directions", "version": "1", "run": run.to_string()});
        let towers = [("text", Some(&self.text)), ("vision", self.vision.as_ref())];
        let tensors = towers.into_iter().filter_map(|(name, tower)| {
            let TowerDirections { shape: [layers, tokens, width], values } = tower?;
            let shape = if *tokens == 1 { vec![*layers, *width] } else { vec![*layers, *tokens, *width] };
            Some(FileTensor::f32(name, &shape, values))
        });
        tensor_file(metadata, &tensors.collect::<Vec<_>>())
    }
}
