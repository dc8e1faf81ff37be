//! Keeping notes: each change is made to what the file says at that moment, so that of two windows neither loses what
//! the other wrote.

use super::file::{NotesError, NotesFile, Stored, write};
use super::{ImageNotes, key_of, notes_in_folder};
use crate::files::reason;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest time that is waited for another window that writes the same file.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where notes are kept that cannot lie beside their photos.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotesPlaces {
    /// A folder of the user's own; it is made when it is needed. `None` keeps such notes nowhere.
    pub spare: Option<PathBuf>,
}

impl NotesPlaces {
    /// The file for the photos of a folder.
    pub fn spare_of(&self, folder: &Path) -> Option<PathBuf> {
        let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let hash = Sha256::digest(full.to_string_lossy().as_bytes());
        let hash = hash.iter().take(8).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"));
        let name: String = full.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
        Some(self.spare.as_ref()?.join(format!("{name}-{hash}.json")))
    }
}

/// A change of what is said about a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesChange {
    /// The row's key.
    pub key: String,
    /// The photo's name in its folder.
    pub name: String,
    /// The photo's folder, then further ones whose notes speak of it.
    pub folders: Vec<PathBuf>,
    /// What was said before, as far as a file has it.
    pub before: ImageNotes,
    /// What is said now.
    pub after: ImageNotes,
}

/// Something that a file of an earlier version says about a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The photo.
    pub photo: PathBuf,
    /// The file, which stays as it is.
    pub file: PathBuf,
    /// Its hash.
    pub(super) hash: String,
    /// What it calls the photo.
    pub(super) name: String,
    /// What it says.
    pub noted: ImageNotes,
}

impl TakenOver {
    /// The file's name.
    pub fn file_name(&self) -> String {
        self.file.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Where notes of a folder were kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The file.
    pub path: PathBuf,
    /// Why it is not in the folder of the photos; `None` where it is.
    pub moved: Option<String>,
    /// What the file says now about the photos that were changed, in the order of the changes.
    pub said: Vec<ImageNotes>,
}

/// Makes changes to what is kept for a folder, and takes over what earlier versions kept.
///
/// The folder's own file is written, or, where that cannot be read or written, the one in the user's own folder; the
/// other one stays as it is, and what it says is in the one that is written.
///
/// # Errors
/// Neither can be written.
pub fn keep(
    folder: &Path,
    places: &NotesPlaces,
    changes: &[&NotesChange],
    taken: &[TakenOver],
) -> Result<Kept, NotesError> {
    let _lock = lock(folder);
    let own_path = notes_in_folder(folder);
    let spare_path = places.spare_of(folder);
    let own = NotesFile::read(&own_path);
    let spare = spare_path.as_ref().map_or(Ok(None), |path| NotesFile::read(path));
    let make = |first: Option<&NotesFile>, second: Option<&NotesFile>| {
        let mut stored = put_together(first, second);
        for one in taken {
            let names = stored.taken_over.entry(one.hash.clone()).or_default();
            if names.insert(one.name.clone()) {
                let photo = one.photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let key = key_of(&stored.images, &photo).to_owned();
                stored.images.entry(key).or_default().merge(&one.noted);
            }
        }
        let mut said = Vec::new();
        for change in changes {
            let key = key_of(&stored.images, &change.name).to_owned();
            let noted = stored.images.entry(key.clone()).or_default();
            noted.apply(&change.before, &change.after);
            said.push(noted.clone());
            if *noted == ImageNotes::default() {
                stored.images.remove(&key);
            }
        }
        (stored, said)
    };
    let other = spare.as_ref().ok().and_then(Option::as_ref);
    let why = match own {
        Ok(own) => {
            let (mut stored, said) = make(own.as_ref(), other);
            stored.folder = None;
            let is_same = own.as_ref().map_or(stored == Stored::default(), |own| own.stored == stored);
            let written = if is_same { Ok(()) } else { write(&own_path, &mut stored) };
            match written {
                Ok(()) => return Ok(Kept { path: own_path, moved: None, said }),
                Err(why) => why,
            }
        }
        Err(why) => why,
    };
    // One that cannot be read is not written over either.
    let (Some(path), Ok(spare)) = (spare_path, &spare) else { return Err(why) };
    let beside = NotesFile::read(&own_path).ok().flatten();
    let (mut stored, said) = make(spare.as_ref(), beside.as_ref());
    stored.folder = Some(folder.to_string_lossy().into_owned());
    if let Some(parent) = path.parent() {
        let failed = |found| NotesError::Io { action: "written", found, path: path.clone() };
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    if spare.as_ref().is_none_or(|spare| spare.stored != stored) {
        write(&path, &mut stored)?;
    }
    let moved = match why {
        NotesError::Io { found, .. } => reason(&found),
        NotesError::NotNotes { .. } => "the file there is not one of notes".to_owned(),
    };
    Ok(Kept { path, moved: Some(moved), said })
}

/// What the first file says, and what of the second one it does not know yet.
fn put_together(first: Option<&NotesFile>, second: Option<&NotesFile>) -> Stored {
    let mut stored = first.map(|file| file.stored.clone()).unwrap_or_default();
    let Some(second) = second else { return stored };
    for (hash, names) in &second.stored.taken_over {
        // What the second took over from the first is newer there.
        if first.is_some_and(|first| first.hash == *hash) {
            for name in names {
                stored.images.remove(name);
            }
        }
    }
    for (name, noted) in &second.stored.images {
        if first.is_none_or(|first| !first.has_taken_over(&second.hash, name)) {
            stored.images.entry(name.clone()).or_default().merge(noted);
        }
    }
    for (hash, names) in &second.stored.taken_over {
        stored.taken_over.entry(hash.clone()).or_default().extend(names.iter().cloned());
    }
    let names = second.stored.images.keys().cloned();
    stored.taken_over.entry(second.hash.clone()).or_default().extend(names);
    stored
}

/// Held while a file in the folder is read and written. Where the system has no such locks, or somebody holds it for
/// long, it goes on without.
fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(std::fs::TryLockError::WouldBlock) if begun.elapsed() < LONGEST_WAIT => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(_) => return None,
        }
    }
}
