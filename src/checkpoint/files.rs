//! A checkpoint's small files, from a folder or from the program itself.

use super::CheckpointError;
use crate::json;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::ErrorKind;
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

/// A JSON object from bytes, as Python reads it: with `NaN`, a byte order mark and NUL bytes at the end, see
/// [`json::tidy`].
///
/// **Errors**: files that are no JSON are called by what they are, where their first bytes tell it.
pub(super) fn parse_object(bytes: &[u8], path: &Path) -> Result<Map<String, Value>, CheckpointError> {
    if let Some(found) = other_file(bytes) {
        return Err(CheckpointError::Json { found: found.to_owned(), path: path.to_owned() });
    }
    parse_strict_object(&json::tidy(bytes), path)
}

/// A JSON object of the standard and nothing else: a header that is part of a binary format.
pub(super) fn parse_strict_object(bytes: &[u8], path: &Path) -> Result<Map<String, Value>, CheckpointError> {
    let refused = |found: String| CheckpointError::Json { found, path: path.to_owned() };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Err(refused(kind_of(&other).to_owned())),
        Err(error) => Err(refused(format!("a JSON error ({error})"))),
    }
}

/// What lies under the name of a checkpoint's file and is another file, told by its first bytes.
pub(super) fn other_file(bytes: &[u8]) -> Option<&'static str> {
    const BEGINNINGS: [(&[u8], &str); 3] = [
        (b"version https://git-lfs", "a Git LFS pointer instead of the file (run `git lfs pull` in the folder)"),
        (b"<!DOCTYPE", "a web page (was the download answered with a login page?)"),
        (b"<html", "a web page (was the download answered with a login page?)"),
    ];
    let begins = |(beginning, _): &&(&[u8], &str)| {
        bytes.get(..beginning.len()).is_some_and(|found| found.eq_ignore_ascii_case(beginning))
    };
    BEGINNINGS.iter().find(begins).map(|(_, found)| *found).or_else(|| json::other_form(bytes))
}

/// What a JSON value is, for messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        _ if json::no_number(value).is_some() => "a number that is none (NaN or Infinity)",
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A JSON value for messages: as it stands in the file, with Python's words for what is no number.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(",")),
        Value::Object(map) => json::no_number(value).map_or_else(
            || {
                let members = map.iter().map(|(key, value)| format!("{}:{}", json!(key), shown(value)));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            },
            str::to_owned,
        ),
        other => other.to_string(),
    }
}

fn read_file(path: &Path) -> Result<Option<Cow<'static, [u8]>>, CheckpointError> {
    let read = |found| CheckpointError::Read { found, path: path.to_owned() };
    match crate::files::read(path, MAX_TEXT_FILE_BYTES) {
        Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error)
            if matches!(error.kind(), ErrorKind::IsADirectory | ErrorKind::InvalidInput | ErrorKind::FileTooLarge) =>
        {
            Err(CheckpointError::Json { found: error.to_string(), path: path.to_owned() })
        }
        Err(error) => Err(read(error)),
    }
}
