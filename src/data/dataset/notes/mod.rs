//! What people write about photos. It belongs to the photo: it lies in a file in the photo's folder ([`keep`]),
//! whatever annotations the photo was opened with, and is found there again. Files of earlier versions, which lay
//! beside annotations, are read and taken over; they stay as they are.

mod file;
mod keep;
mod older;
mod said;

#[cfg(test)]
mod tests;

pub use file::{NotesError, is_notes_name, notes_beside_annotations, notes_in_folder};
pub use keep::{Kept, NotesChange, NotesPlaces, TakenOver, keep};
pub use said::{ImageNotes, Tag};

use super::{Dataset, PhotoPlace, names};
use file::NotesFile;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// Notes about the photos of a data set, by the keys of its rows.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    images: BTreeMap<String, ImageNotes>,
    /// Those that no file has.
    held: BTreeSet<String>,
    /// Folders other than the photo's own whose files speak of it too: it lies there as well.
    also_in: BTreeMap<String, Vec<PathBuf>>,
    /// Folders that cannot be written, and the file that is written instead.
    moved: BTreeMap<PathBuf, PathBuf>,
    nothing: ImageNotes,
}

/// What was read for a data set.
#[derive(Debug, Clone, Default)]
pub struct ReadNotes {
    /// The notes.
    pub notes: Notes,
    /// What files of earlier versions say that was not taken over before; it is in `notes`. By the keys of rows.
    pub taken: BTreeMap<String, Vec<TakenOver>>,
    /// Files that cannot be read: a sentence each. They are left as they are.
    pub problems: Vec<String>,
}

impl ReadNotes {
    /// How many photos something was taken over for, and the names of the files.
    pub fn taken_words(&self) -> Option<String> {
        let mut files: Vec<String> = self.taken.values().flatten().map(TakenOver::file_name).collect();
        files.sort();
        files.dedup();
        let photos = match self.taken.len() {
            0 => return None,
            1 => "1 photo".to_owned(),
            many => format!("{many} photos"),
        };
        Some(format!("Tags and notes of {photos} are kept beside the photos now; they were in {}", files.join(", ")))
    }
}

impl Notes {
    /// Notes that are kept nowhere.
    pub fn in_memory() -> Self {
        Self::default()
    }

    /// Reads what is noted about the photos of a data set: in the folders of `photos` (all that were opened, whether
    /// they are rows or repeat one), in the user's own folder, in files of earlier versions, and in `further` ones.
    pub fn of_dataset(
        dataset: &Dataset,
        photos: &[PhotoPlace],
        places: &NotesPlaces,
        further: &[PathBuf],
    ) -> ReadNotes {
        let mut read = ReadNotes::default();
        let folders = folders_of(photos);
        let mut homes = BTreeMap::new();
        for folder in &folders {
            let [own, spare] = [Some(notes_in_folder(folder)), places.spare_of(folder)].map(|path| {
                let path = path?;
                let found = NotesFile::read(&path);
                found.unwrap_or_else(|why| {
                    read.problems.push(why.to_string());
                    None
                })
            });
            if let (None, Some(spare)) = (&own, &spare) {
                read.notes.moved.insert(folder.clone(), spare.path.clone());
            }
            homes.insert(folder.clone(), [own, spare]);
        }
        for (folder, files) in &homes {
            for (file, other) in [(&files[0], &files[1]), (&files[1], &files[0])] {
                let Some(file) = file else { continue };
                for (name, noted) in &file.stored.images {
                    if other.as_ref().is_some_and(|other| other.has_taken_over(&file.hash, name)) {
                        continue;
                    }
                    read.notes.add(dataset, name, noted, folder);
                }
            }
        }
        for path in older::files(dataset, &folders, further, &mut read.problems) {
            take_over(dataset, &path, &homes, &mut read);
        }
        read
    }

    fn add(&mut self, dataset: &Dataset, name: &str, noted: &ImageNotes, folder: &Path) {
        let Some(row) = dataset.row_of_name(name).and_then(|row| dataset.rows().get(row)) else { return };
        let Some(PhotoPlace::File(photo)) = &row.photo else { return };
        if photo.parent() != Some(folder) {
            let also_in = self.also_in.entry(row.key.to_string()).or_default();
            if !also_in.iter().any(|other| other == folder) {
                also_in.push(folder.to_owned());
            }
        }
        self.images.entry(row.key.to_string()).or_default().merge(noted);
    }

    /// What is said about a photo.
    pub fn of(&self, key: &str) -> &ImageNotes {
        self.images.get(key).unwrap_or(&self.nothing)
    }

    /// Changes what is said about a photo, in memory: it counts as what no file has.
    pub fn edit(&mut self, key: &str, change: impl FnOnce(&mut ImageNotes)) {
        let notes = self.images.entry(key.to_owned()).or_default();
        change(notes);
        notes.tags.retain(|tag| !tag.trim().is_empty());
        if *notes == ImageNotes::default() {
            self.images.remove(key);
            self.held.remove(key);
        } else {
            self.held.insert(key.to_owned());
        }
    }

    /// Changes what is said about a photo that has a file, and says what is to be written.
    pub fn change(&mut self, key: &str, photo: &Path, change: impl FnOnce(&mut ImageNotes)) -> NotesChange {
        // Of what no file has all is new.
        let is_held = self.held.contains(key);
        let before = if is_held { ImageNotes::default() } else { self.of(key).clone() };
        self.edit(key, change);
        self.held.remove(key);
        let folders = photo.parent().map(Path::to_owned).into_iter();
        let folders = folders.chain(self.also_in.get(key).into_iter().flatten().cloned()).collect();
        let name = photo.file_name().unwrap_or_default().to_string_lossy().into_owned();
        NotesChange { key: key.to_owned(), name, folders, before, after: self.of(key).clone() }
    }

    /// Takes what is known better than the files do.
    pub fn set(&mut self, key: &str, noted: ImageNotes) {
        self.edit(key, |notes| *notes = noted);
        self.held.remove(key);
    }

    /// What of the notes no file has, in the order of the keys.
    pub fn held(&self) -> impl Iterator<Item = (&str, &ImageNotes)> {
        self.images().filter(|(key, _)| self.held.contains(*key))
    }

    /// What is said about a photo and no file has.
    pub fn held_of(&self, key: &str) -> Option<&ImageNotes> {
        self.held.contains(key).then(|| self.of(key))
    }

    /// Photos about which something is said, in the order of their keys.
    pub fn images(&self) -> impl Iterator<Item = (&str, &ImageNotes)> {
        self.images.iter().map(|(key, notes)| (key.as_str(), notes))
    }

    /// Tags of one's own, with the number of photos that have each.
    pub fn own_tags(&self) -> BTreeMap<&str, usize> {
        let mut tags = BTreeMap::new();
        for tag in self.images.values().flat_map(|notes| &notes.tags) {
            *tags.entry(tag.as_str()).or_default() += 1;
        }
        tags
    }

    /// The file that has what is said about a photo.
    pub fn kept_in(&self, photo: &Path) -> Option<PathBuf> {
        let folder = photo.parent()?;
        Some(self.moved.get(folder).cloned().unwrap_or_else(|| notes_in_folder(folder)))
    }

    /// A folder cannot be written: its notes are in this file.
    pub fn moved(&mut self, folder: &Path, to: &Path) {
        self.moved.insert(folder.to_owned(), to.to_owned());
    }
}

/// Folders of photos, each once.
fn folders_of(photos: &[PhotoPlace]) -> Vec<PathBuf> {
    let mut seen = HashSet::new();
    let of_file = |place: &PhotoPlace| match place {
        PhotoPlace::File(path) => path.parent().map(Path::to_owned),
        PhotoPlace::Bundled(_) => None,
    };
    photos.iter().filter_map(of_file).filter(|folder| seen.insert(folder.clone())).collect()
}

/// Takes what a file of an earlier version says, as far as it was not taken over before.
fn take_over(
    dataset: &Dataset,
    file: &NotesFile,
    homes: &BTreeMap<PathBuf, [Option<NotesFile>; 2]>,
    read: &mut ReadNotes,
) {
    for (name, noted) in &file.stored.images {
        let Some(row) = dataset.row_of_name(name).and_then(|row| dataset.rows().get(row)) else { continue };
        let Some(PhotoPlace::File(photo)) = &row.photo else { continue };
        let home = photo.parent().and_then(|folder| homes.get(folder));
        let taken = |kept: &NotesFile| kept.has_taken_over(&file.hash, name);
        if home.is_some_and(|home| home.iter().flatten().any(taken)) {
            continue;
        }
        read.notes.images.entry(row.key.to_string()).or_default().merge(noted);
        let taken = TakenOver {
            photo: photo.clone(),
            file: file.path.clone(),
            hash: file.hash.clone(),
            name: name.clone(),
            noted: noted.clone(),
        };
        read.taken.entry(row.key.to_string()).or_default().push(taken);
    }
}

/// The name under which a file speaks of a photo: its own, else another one of the same photo.
fn key_of<'a>(images: &'a BTreeMap<String, ImageNotes>, name: &'a str) -> &'a str {
    if images.contains_key(name) {
        return name;
    }
    images.keys().find(|key| names::is_same_photo(key, name)).map_or(name, String::as_str)
}
