//! Opening a checkpoint, in whichever layout a folder or a file has it.

use super::CheckpointError;
use super::adapter::adapter_warning;
use super::assembled::{CONFIG, Checkpoint, config_file};
use super::config::Fields;
use super::families;
use super::files::Files;
use super::folder::no_checkpoint;
use super::gguf;
use super::weights::Weights;
use std::path::Path;

impl Checkpoint {
    /// Opens a folder in any of the layouts, with a pair of GGUF files, or a GGUF decoder whose projector lies beside
    /// it. `progress` gets the share that is done (0 to 1) and what is being read.
    pub fn open(folder: &Path, progress: &mut dyn FnMut(f32, &str)) -> Result<Self, CheckpointError> {
        if is_gguf(folder) && folder.is_file() {
            return Self::open_gguf(folder, None, progress);
        }
        expect_folder(folder)?;
        if !folder.join(CONFIG).is_file()
            && let Some((decoder, mmproj)) = gguf::pair_in(folder)?
        {
            return Self::open_gguf(&decoder, Some(&mmproj), progress);
        }
        progress(0.0, "weights");
        let files = Files::Folder(folder.to_owned());
        if !folder.join(CONFIG).exists() {
            return Err(no_checkpoint(folder));
        }
        let config = config_file(&files)?;
        // A family that is not supported is told before anything about its weights.
        families::whole(&files, Fields::new(&config, &files.path(CONFIG)))?;
        let weights = Weights::open(folder)?;
        let mut checkpoint = Self::assemble(&files, &config, weights, model_id(folder), progress)?;
        checkpoint.folder = Some(folder.to_owned());
        checkpoint.warnings.extend(adapter_warning(folder));
        progress(1.0, "checkpoint");
        Ok(checkpoint)
    }
}

/// What traces call a folder: the hub's name where it lies in the hub's cache (`models--ORG--NAME/snapshots/HASH`),
/// otherwise its own name.
pub(super) fn model_id(folder: &Path) -> String {
    let path = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
    let hub = match names.as_slice() {
        [.., cached, snapshots, _] if snapshots == "snapshots" => {
            cached.strip_prefix("models--").map(|id| id.replace("--", "/"))
        }
        _ => None,
    };
    hub.or_else(|| names.last().map(|name| name.clone().into_owned())).unwrap_or_default()
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

pub(super) fn expect_folder(path: &Path) -> Result<(), CheckpointError> {
    if path.is_dir() {
        return Ok(());
    }
    if is_gguf(path) && path.is_file() {
        let found = "a GGUF file, which is opened together with its mmproj file".to_owned();
        return Err(CheckpointError::NotAFolder { found, path: path.to_owned() });
    }
    if !path.exists() {
        return Err(CheckpointError::NoSuchFolder { path: path.to_owned() });
    }
    Err(CheckpointError::NotAFolder { found: "a file".to_owned(), path: path.to_owned() })
}
