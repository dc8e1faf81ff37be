//! Files of notes.

use super::ImageNotes;
use crate::files::{self, reason, replace};
use crate::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

const FORMAT: &str = "gazelens-notes";
const VERSION: u64 = 1;
/// Longest file of notes.
const MOST_BYTES: u64 = 64 << 20;
/// What names of notes beside annotations end in.
const BESIDE: &str = ".gazelens.json";
/// The name of notes in a folder.
const IN_FOLDER: &str = "gazelens-notes.json";

/// Notes that cannot be used, or not be written. Messages end with the file.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// The system refused.
    #[error("Tags and notes cannot be {action}: {}: {}", reason(found), path.display())]
    Io {
        /// "read", "written".
        action: &'static str,
        /// The system's own words.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or something else; it stays as it is.
    #[error(
        "Expected notes of gazelens (JSON with format={FORMAT} and version={VERSION}), found {found}; the file is left \
            as it is: {}",
        path.display()
    )]
    NotNotes {
        /// What is there.
        found: String,
        /// The file.
        path: PathBuf,
    },
}

/// Whether a file's name is one that this program gives to notes.
pub fn is_notes_name(path: &Path) -> bool {
    is_beside_annotations(path) || path.file_name().is_some_and(|name| name == IN_FOLDER)
}

/// Whether it is the name of notes beside annotations.
pub(super) fn is_beside_annotations(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(BESIDE))
}

/// Where earlier versions kept the notes of an annotation file: beside it. They are read, and never written.
pub fn notes_beside_annotations(annotations: &Path) -> PathBuf {
    let mut name = annotations.file_name().unwrap_or_default().to_owned();
    name.push(BESIDE);
    annotations.with_file_name(name)
}

/// Where the notes of a folder of photos lie: in it.
pub fn notes_in_folder(folder: &Path) -> PathBuf {
    folder.join(IN_FOLDER)
}

/// What a file of notes holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stored {
    format: String,
    version: u64,
    /// The folder of the photos, where the file is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) folder: Option<String>,
    #[serde(default)]
    pub(super) images: BTreeMap<String, ImageNotes>,
    /// Names that were taken over from other files, by those files' hashes: what was taken back since does not come
    /// back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) taken_over: BTreeMap<String, BTreeSet<String>>,
    /// Written by a later version; kept as it is.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// A file of notes that was read.
#[derive(Debug, Clone)]
pub(super) struct NotesFile {
    pub(super) path: PathBuf,
    pub(super) hash: String,
    pub(super) stored: Stored,
}

impl NotesFile {
    /// `None` where there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, NotesError> {
        let bytes = match files::read(path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) if err.kind() == ErrorKind::FileTooLarge => {
                let found = format!("a file of more than {MOST_BYTES} bytes");
                return Err(NotesError::NotNotes { found, path: path.to_owned() });
            }
            Err(found) => return Err(NotesError::Io { action: "read", found, path: path.to_owned() }),
        };
        let not_notes = |found: String| NotesError::NotNotes { found, path: path.to_owned() };
        let stored: Stored = json::from_slice(&bytes).map_err(|err| not_notes(format!("\"{err}\"")))?;
        if stored.format != FORMAT || stored.version != VERSION {
            return Err(not_notes(format!("format={} and version={}", stored.format, stored.version)));
        }
        let hash = Sha256::digest(&bytes).iter().fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
        Ok(Some(Self { path: path.to_owned(), hash, stored }))
    }

    /// Whether this file has what another one, by its hash, says about a photo.
    pub(super) fn has_taken_over(&self, hash: &str, name: &str) -> bool {
        self.stored.taken_over.get(hash).is_some_and(|names| names.contains(name))
    }
}

/// Writes a file, whole or not at all.
pub(super) fn write(path: &Path, stored: &mut Stored) -> Result<(), NotesError> {
    FORMAT.clone_into(&mut stored.format);
    stored.version = VERSION;
    let failed = |found| NotesError::Io { action: "written", found, path: path.to_owned() };
    if std::fs::symlink_metadata(path).is_ok_and(|there| there.is_symlink()) && !path.exists() {
        // Whoever made the folder chose where that would be.
        return Err(failed(std::io::Error::new(ErrorKind::AlreadyExists, "a link that leads nowhere")));
    }
    let bytes = serde_json::to_vec_pretty(stored).map_err(|err| failed(err.into()))?;
    replace(path, |file| file.write_all(&bytes)).map_err(failed)
}
