//! What a folder is that holds no checkpoint, or only a part of one.

use super::CheckpointError;
use super::adapter::{ADAPTER, adapter};
use super::weights::foreign_weights;
use std::path::{Path, PathBuf};

/// How many folders a message lists.
const FOLDERS_IN_MESSAGE: usize = 3;

/// Why a folder without a `config.json` is no checkpoint.
pub(super) fn no_checkpoint(folder: &Path) -> CheckpointError {
    if let Some(adapter) = adapter(folder) {
        return adapter;
    }
    let Ok(entries) = entries(folder) else { return missing_config(folder) };
    let found = |found: String| CheckpointError::NotAFolder { found, path: folder.to_owned() };
    let has = |name: &str| folder.join(name).exists();
    let inside = inner_checkpoints(&entries);
    if entries.is_empty() {
        return found("an empty folder".to_owned());
    }
    if let Some(snapshot) = has("snapshots").then(|| folder.join("snapshots")).filter(|folder| folder.is_dir()) {
        let names = inner_checkpoints(&self::entries(&snapshot).unwrap_or_default());
        let inside = names.first().map_or_else(String::new, |name| format!(", whose checkpoint is snapshots/{name}"));
        return found(format!("a model's folder of the hub's cache{inside}"));
    }
    if has("model_index.json") {
        return found("a diffusers pipeline, which makes pictures".to_owned());
    }
    if !inside.is_empty() {
        let mut names = inside.iter().take(FOLDERS_IN_MESSAGE).cloned().collect::<Vec<_>>().join(", ");
        if inside.len() > FOLDERS_IN_MESSAGE {
            names.push_str(", ...");
        }
        return found(format!("a folder of checkpoints (open one of them: {names})"));
    }
    if has("params.json") {
        return found("a checkpoint in its authors' own format (params.json), not in that of Hugging Face".to_owned());
    }
    foreign_weights(folder).unwrap_or_else(|| missing_config(folder))
}

fn missing_config(folder: &Path) -> CheckpointError {
    CheckpointError::MissingFile {
        expected: "the configuration of a Hugging Face checkpoint".to_owned(),
        path: folder.join("config.json"),
    }
}

/// What is in a folder, hidden entries aside, in the order of the names.
fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_hidden = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut paths =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| !is_hidden(path));
    paths.sort();
    Ok(paths)
}

/// Names of the folders among them that hold a configuration.
fn inner_checkpoints(entries: &[PathBuf]) -> Vec<String> {
    let names = entries.iter().filter(|path| path.join("config.json").is_file() || path.join(ADAPTER).is_file());
    names.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect()
}
