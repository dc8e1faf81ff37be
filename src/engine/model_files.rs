//! The files behind a model, so that nothing is written over them.

use super::messages::ModelSource;
use crate::checkpoint::files_of;
use std::path::PathBuf;

impl ModelSource {
    /// Every file on this disk that opening the model reads. Of a model of the hub that was not fetched yet there are
    /// none.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Demo | Self::DemoClip => Vec::new(),
            Self::Folder(path) => files_of(path),
            Self::Gguf { decoder, mmproj: None } => files_of(decoder),
            Self::Gguf { decoder, mmproj: Some(mmproj) } => vec![decoder.clone(), mmproj.clone()],
            Self::Hub { id, folder } => files_of(folder.as_deref().unwrap_or(id.to_string().as_ref())),
        }
    }
}
