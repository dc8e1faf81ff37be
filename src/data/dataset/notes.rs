//! What people write about photos, in a file beside the annotations.

use crate::files::{self, reason, replace};
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

/// Notes that cannot be used, or not be written. Messages end with the file.
#[derive(Debug, thiserror::Error)]
pub enum NotesError {
    /// The system refused.
    #[error("Expected a file of notes that can be {action}, found \"{}\": {}", reason(found), path.display())]
    Io {
        /// "read", "written".
        action: &'static str,
        /// The system's own words.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Damaged, or something else; it stays as it is.
    #[error("Expected notes of gazelens (JSON with format={FORMAT} and version={VERSION}), found {found}; the file is left as it is: {}", path.display())]
    NotNotes {
        /// What is there.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Another program, or a person, has written it since; it stays as it is.
    #[error("Expected the notes as they were read, found them changed by somebody else; open them again: {}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
}

/// Something that is said about a photo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tag {
    /// Worth coming back to.
    Star,
    /// The model says what is not there.
    Hallucinates,
    /// The ground truth is wrong.
    AnnotationWrong,
    /// There is a note.
    Note,
    /// A tag of one's own.
    Own(String),
}

/// Everything that is said about one photo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageNotes {
    /// Worth coming back to.
    #[serde(skip_serializing_if = "is_false")]
    pub star: bool,
    /// The model says what is not there.
    #[serde(skip_serializing_if = "is_false")]
    pub hallucinates: bool,
    /// The ground truth is wrong.
    #[serde(skip_serializing_if = "is_false")]
    pub annotation_wrong: bool,
    /// Tags of one's own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Text of one's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Written by a later version; kept as it is.
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ImageNotes {
    /// Whether this is said.
    pub fn has(&self, tag: &Tag) -> bool {
        match tag {
            Tag::Star => self.star,
            Tag::Hallucinates => self.hallucinates,
            Tag::AnnotationWrong => self.annotation_wrong,
            Tag::Note => !self.note.trim().is_empty(),
            Tag::Own(name) => self.tags.contains(name),
        }
    }

    /// Whether all of these are.
    pub fn has_all(&self, tags: &[Tag]) -> bool {
        tags.iter().all(|tag| self.has(tag))
    }
}

/// What a file of notes holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Stored {
    format: String,
    version: u64,
    #[serde(default)]
    images: BTreeMap<String, ImageNotes>,
    /// Written by a later version; kept as it is.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Notes about the photos of a data set, by their keys.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    path: Option<PathBuf>,
    stored: Stored,
    /// Hash of the file as it was read or written last; `None` where there was none.
    on_disk: Option<[u8; 32]>,
    nothing: ImageNotes,
}

/// What names of notes beside annotations end in.
const BESIDE: &str = ".gazelens.json";
/// The name of notes in a folder.
const IN_FOLDER: &str = "gazelens-notes.json";

/// Whether a file's name is one that this program gives to notes.
pub fn is_notes_name(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name == IN_FOLDER || name.ends_with(BESIDE))
}

/// Where the notes of an annotation file lie: beside it.
pub fn notes_beside_annotations(annotations: &Path) -> PathBuf {
    let mut name = annotations.file_name().unwrap_or_default().to_owned();
    name.push(BESIDE);
    annotations.with_file_name(name)
}

/// Where the notes of a folder of photos lie: in it.
pub fn notes_in_folder(folder: &Path) -> PathBuf {
    folder.join(IN_FOLDER)
}

impl Notes {
    /// Notes that are kept nowhere.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Reads a file; one that is not there holds no notes yet.
    pub fn open(path: &Path) -> Result<Self, NotesError> {
        let bytes = read(path)?;
        let stored = bytes.as_deref().map(|bytes| parse(bytes, path)).transpose()?.unwrap_or_default();
        Ok(Self { path: Some(path.to_owned()), stored, on_disk: bytes.as_deref().map(hash), ..Self::default() })
    }

    /// Their file.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// What is said about a photo.
    pub fn of(&self, key: &str) -> &ImageNotes {
        self.stored.images.get(key).unwrap_or(&self.nothing)
    }

    /// Changes what is said about a photo, in memory.
    pub fn edit(&mut self, key: &str, change: impl FnOnce(&mut ImageNotes)) {
        let notes = self.stored.images.entry(key.to_owned()).or_default();
        change(notes);
        notes.tags.retain(|tag| !tag.trim().is_empty());
        if *notes == ImageNotes::default() {
            self.stored.images.remove(key);
        }
    }

    /// Photos about which something is said, in the order of their keys.
    pub fn images(&self) -> impl Iterator<Item = (&str, &ImageNotes)> {
        self.stored.images.iter().map(|(key, notes)| (key.as_str(), notes))
    }

    /// Tags of one's own, with the number of photos that have each.
    pub fn own_tags(&self) -> BTreeMap<&str, usize> {
        let mut tags = BTreeMap::new();
        for tag in self.stored.images.values().flat_map(|notes| &notes.tags) {
            *tags.entry(tag.as_str()).or_default() += 1;
        }
        tags
    }

    /// Writes them where they were read, whole or not at all; a file that has changed since is left as it is. Notes in memory go nowhere.
    pub fn save(&mut self) -> Result<(), NotesError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        if read(&path)?.as_deref().map(hash) != self.on_disk {
            return Err(NotesError::Changed { path });
        }
        if self.on_disk.is_none() && self.stored.images.is_empty() {
            return Ok(());
        }
        FORMAT.clone_into(&mut self.stored.format);
        self.stored.version = VERSION;
        let written = |found| NotesError::Io { action: "written", found, path: path.clone() };
        if self.on_disk.is_none() && std::fs::symlink_metadata(&path).is_ok() {
            // A link to a file that is not there: whoever made the folder chose where that would be.
            return Err(written(std::io::Error::new(ErrorKind::AlreadyExists, "a link that leads nowhere")));
        }
        let bytes = serde_json::to_vec_pretty(&self.stored).map_err(|err| written(err.into()))?;
        replace(&path, |file| file.write_all(&bytes)).map_err(written)?;
        self.on_disk = Some(hash(&bytes));
        Ok(())
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, NotesError> {
    let io = |found| NotesError::Io { action: "read", found, path: path.to_owned() };
    match files::read(path, MOST_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) if err.kind() == ErrorKind::FileTooLarge => {
            let found = format!("a file of more than {MOST_BYTES} bytes");
            Err(NotesError::NotNotes { found, path: path.to_owned() })
        }
        Err(err) => Err(io(err)),
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<Stored, NotesError> {
    let not_notes = |found: String| NotesError::NotNotes { found, path: path.to_owned() };
    let stored: Stored = serde_json::from_slice(bytes).map_err(|err| not_notes(format!("\"{err}\"")))?;
    if stored.format != FORMAT || stored.version != VERSION {
        return Err(not_notes(format!("format={} and version={}", stored.format, stored.version)));
    }
    Ok(stored)
}
