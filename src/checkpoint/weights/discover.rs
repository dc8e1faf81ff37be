//! Which files of a folder hold the weights.

use crate::checkpoint::{CheckpointError, adapter::adapter, files::Files};
use serde_json::Value;
use std::path::{Path, PathBuf};

const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// The index's pairs of stored tensor and shard.
type IndexPairs = Vec<(String, String)>;

/// The weight files of a folder in the order of their names, and what the index, if there is one, says about them.
///
/// As transformers does: `model.safetensors` before `model.safetensors.index.json`; then, for folders packed by hand,
/// all `*.safetensors`.
pub(in crate::checkpoint) fn weight_files(folder: &Path) -> Result<(Vec<PathBuf>, IndexPairs), CheckpointError> {
    let single = folder.join(SINGLE);
    if single.is_file() {
        return Ok((vec![single], Vec::new()));
    }
    if let Some(index) = Files::Folder(folder.to_owned()).object(INDEX)? {
        let pairs = index_pairs(&index, &folder.join(INDEX))?;
        let mut shards: Vec<&str> = pairs.iter().map(|(_, shard)| shard.as_str()).collect();
        shards.sort_unstable();
        shards.dedup();
        for shard in &shards {
            if !folder.join(shard).is_file() {
                return Err(CheckpointError::MissingShard { shard: (*shard).to_owned(), index: folder.join(INDEX) });
            }
        }
        let paths = shards.iter().map(|shard| folder.join(shard)).collect();
        return Ok((paths, pairs));
    }
    let names = file_names(folder)?;
    let is_weights = |name: &&String| has_extension(name, "safetensors") && !name.starts_with("adapter_");
    let found: Vec<PathBuf> = names.iter().filter(is_weights).map(|name| folder.join(name)).collect();
    if !found.is_empty() {
        return Ok((found, Vec::new()));
    }
    Err(adapter(folder).or_else(|| foreign_weights(folder)).unwrap_or_else(|| CheckpointError::MissingFile {
        expected: "the weights as safetensors".to_owned(),
        path: folder.join(SINGLE),
    }))
}

/// The `weight_map` of an index. Shards are plain file names: an index must not reach out of its folder.
pub(in crate::checkpoint) fn index_pairs(
    index: &serde_json::Map<String, Value>,
    path: &Path,
) -> Result<IndexPairs, CheckpointError> {
    let refused = |expected: &str, found: String| CheckpointError::Field {
        field: "weight_map".to_owned(),
        expected: expected.to_owned(),
        found,
        path: path.to_owned(),
    };
    let Some(Value::Object(map)) = index.get("weight_map") else {
        return Err(refused("a map from tensor to file", "none".to_owned()));
    };
    if map.is_empty() {
        return Err(refused("a map from tensor to file", "an empty one".to_owned()));
    }
    map.iter()
        .map(|(tensor, shard)| match shard.as_str() {
            Some(shard) if is_plain_name(shard) => Ok((tensor.clone(), shard.to_owned())),
            _ => Err(refused("names of files beside the index", format!("{shard} for {tensor}"))),
        })
        .collect()
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(std::path::Component::Normal(_)), None)) && !name.contains('\\')
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// Names of a folder's entries, sorted: the order of shards must not depend on the file system.
fn file_names(folder: &Path) -> Result<Vec<String>, CheckpointError> {
    let read = |found| CheckpointError::Read { found, path: folder.to_owned() };
    let mut names = std::fs::read_dir(folder)
        .map_err(read)?
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()).map_err(read))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    Ok(names)
}

/// Weights of a folder that are in no format that is read; `None` where there are none at all.
pub(in crate::checkpoint) fn foreign_weights(folder: &Path) -> Option<CheckpointError> {
    /// Beginnings of names, endings, and what such a file is.
    type Format = (&'static str, &'static [&'static str], &'static str);
    const FORMATS: [Format; 6] = [
        ("", &["gguf"], "a GGUF file (give the file itself, or a folder without a config.json)"),
        ("openvino", &["bin", "xml"], "OpenVINO's format (open the checkpoint that it was made from)"),
        (
            "",
            &["bin", "pt", "pth", "ckpt", "pkl"],
            "a PyTorch pickle file, which can run code when it is opened (convert it with save_pretrained, which \
                writes safetensors)",
        ),
        (
            "",
            &["h5", "msgpack", "pb", "tflite"],
            "TensorFlow or Flax weights (convert them with save_pretrained, which writes safetensors)",
        ),
        ("", &["onnx"], "an ONNX file (open the checkpoint that it was made from)"),
        ("", &["mlmodel", "mlpackage"], "Core ML's format (open the checkpoint that it was made from)"),
    ];
    // ONNX exports and TensorFlow's have a folder of their own.
    ["", "onnx", "saved_model"].iter().find_map(|inner| {
        let folder = if inner.is_empty() { folder.to_owned() } else { folder.join(inner) };
        let names = file_names(&folder).ok()?;
        FORMATS.iter().find_map(|(start, extensions, found)| {
            let is_one = |name: &&String| {
                name.starts_with(start)
                    && !is_of_training(name)
                    && extensions.iter().any(|end| has_extension(name, end))
            };
            let name = names.iter().find(is_one)?;
            Some(CheckpointError::ForeignWeights { found, path: folder.join(name) })
        })
    })
}

/// Files that a training leaves behind and that hold no weights.
fn is_of_training(name: &str) -> bool {
    ["training_args", "optimizer", "scheduler", "rng_state", "trainer_state"]
        .iter()
        .any(|start| name.starts_with(start))
}
