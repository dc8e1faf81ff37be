//! A checkpoint's small files, from a folder or from the program itself.

use super::CheckpointError;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Configuration files are kilobytes and tokenizers a few megabytes; anything beyond this is not one of them.
pub(crate) const MAX_TEXT_FILE_BYTES: u64 = 256 << 20;

/// A JSON object with the file it is from.
pub(super) type FileObject = (Map<String, Value>, PathBuf);

/// Where the files of a checkpoint are.
#[derive(Debug, Clone)]
pub(super) enum Files {
    /// A folder on disk.
    Folder(PathBuf),
    /// Files inside the program.
    Embedded {
        /// What messages call the place.
        root: &'static str,
        /// Name and content.
        files: &'static [(&'static str, &'static [u8])],
    },
    /// Files made from another format.
    Memory {
        /// The file they are made from, which messages name.
        root: PathBuf,
        /// Name and content.
        files: BTreeMap<&'static str, Vec<u8>>,
    },
}

impl Files {
    /// How messages name a file.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.join(name),
            Self::Embedded { root, .. } => Path::new(root).join(name),
            Self::Memory { root, .. } => root.clone(),
        }
    }

    /// The file's bytes, `None` when there is no such file.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Cow<'static, [u8]>>, CheckpointError> {
        match self {
            Self::Embedded { files, .. } => {
                Ok(files.iter().find(|(n, _)| *n == name).map(|(_, bytes)| Cow::Borrowed(*bytes)))
            }
            Self::Memory { files, .. } => Ok(files.get(name).map(|bytes| Cow::Owned(bytes.clone()))),
            Self::Folder(folder) => read_file(&folder.join(name)),
        }
    }

    /// The file as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, CheckpointError> {
        let Some(bytes) = self.bytes(name)? else { return Ok(None) };
        String::from_utf8(bytes.into_owned()).map(Some).map_err(|error| CheckpointError::Json {
            found: format!("bytes that are not UTF-8 ({})", error.utf8_error()),
            path: self.path(name),
        })
    }

    /// The file as a JSON object.
    pub(super) fn object(&self, name: &str) -> Result<Option<Map<String, Value>>, CheckpointError> {
        let Some(bytes) = self.bytes(name)? else { return Ok(None) };
        parse_object(&bytes, &self.path(name)).map(Some)
    }
}

/// A JSON object from bytes; Python writes no byte order mark, Windows editors do.
pub(super) fn parse_object(bytes: &[u8], path: &Path) -> Result<Map<String, Value>, CheckpointError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let refused = |found: String| CheckpointError::Json { found, path: path.to_owned() };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(refused(kind_of(&other).to_owned())),
        Err(error) => Err(refused(format!("a JSON error ({error})"))),
    }
}

/// What a JSON value is, for messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn read_file(path: &Path) -> Result<Option<Cow<'static, [u8]>>, CheckpointError> {
    let read = |found| CheckpointError::Read { found, path: path.to_owned() };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(read(error)),
    };
    if !meta.is_file() || meta.len() > MAX_TEXT_FILE_BYTES {
        let found =
            if meta.is_file() { format!("{} bytes", meta.len()) } else { "something else than a file".to_owned() };
        return Err(CheckpointError::Json { found, path: path.to_owned() });
    }
    std::fs::read(path).map(|bytes| Some(Cow::Owned(bytes))).map_err(read)
}
