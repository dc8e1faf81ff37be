//! Names of a checkpoint's files, and the index that names the shards of its weights.

use serde::Deserialize;
use std::collections::BTreeSet;

pub(super) const CONFIG: &str = "config.json";
pub(super) const SINGLE: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";
pub(super) const SAFETENSORS: &str = ".safetensors";

/// Longest small file: what a checkpoint reads of one at most.
pub(super) const SMALL_FILE_BYTES: u64 = 256 << 20;

/// A name that stays in its folder, on every system.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with('.')
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|'))
}

/// Shards that an index names, each once; the error is what was found instead.
pub(super) fn shards(index: &[u8]) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Raw {
        weight_map: std::collections::BTreeMap<String, String>,
    }
    let raw: Raw = serde_json::from_slice(index).map_err(|err| format!("a JSON error ({err})"))?;
    let names: BTreeSet<String> = raw.weight_map.into_values().collect();
    match names.iter().find(|name| !is_plain_name(name) || !name.ends_with(SAFETENSORS)) {
        Some(name) => Err(format!("{name}, which is no safetensors file beside it")),
        None if names.is_empty() => Err("no shard".to_owned()),
        None => Ok(names.into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn an_index_names_files_beside_it() {
        let of = |map: Value| shards(json!({ "weight_map": map }).to_string().as_bytes());
        let two = of(json!({"x": "b.safetensors", "y": "a.safetensors", "z": "b.safetensors"}));
        assert_eq!(two, Ok(vec!["a.safetensors".to_owned(), "b.safetensors".to_owned()]), "each once");
        assert!(of(json!({"x": "../../b.safetensors"})).is_err(), "another folder");
        assert!(of(json!({"x": "pytorch_model.bin"})).is_err(), "a pickle");
        assert!(of(json!({})).is_err(), "nothing");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = shards(&bytes);
        }

        #[test]
        fn any_index_names_plain_files(names in prop::collection::vec("[./\\\\a-c]{0,6}(\\.safetensors)?", 0..4)) {
            let map: serde_json::Map<String, Value> =
                names.iter().enumerate().map(|(idx, name)| (idx.to_string(), Value::from(name.as_str()))).collect();
            if let Ok(found) = shards(json!({ "weight_map": map }).to_string().as_bytes()) {
                prop_assert!(found.iter().all(|name| is_plain_name(name)), "{found:?}");
            }
        }
    }
}
