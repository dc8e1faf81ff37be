//! Notes as earlier versions kept them: beside whichever annotation file was opened first.

use super::file::{NotesFile, is_beside_annotations};
use super::{notes_beside_annotations, notes_in_folder};
use crate::data::dataset::Dataset;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked at, and folders.
const MOST_ENTRIES: usize = 20_000;
const MOST_FOLDERS: usize = 50;

/// Files beside the open annotations, and `further` ones; and those beside other annotations that speak of photos of
/// this data set only.
pub(super) fn files(
    dataset: &Dataset,
    folders: &[PathBuf],
    further: &[PathBuf],
    problems: &mut Vec<String>,
) -> Vec<NotesFile> {
    let annotations = [
        dataset.instances().map(|file| file.path()),
        dataset.captions().map(|file| file.path()),
        dataset.questions().map(|file| file.path()),
    ];
    let annotations: Vec<&Path> = annotations.into_iter().flatten().collect();
    let open: BTreeSet<PathBuf> = annotations.iter().map(|path| notes_beside_annotations(path)).collect();
    let mut files = Vec::new();
    for path in open.iter().chain(further.iter().filter(|path| !open.contains(*path))) {
        match NotesFile::read(path) {
            Ok(found) => files.extend(found),
            Err(why) => problems.push(why.to_string()),
        }
    }
    let homes: BTreeSet<PathBuf> = folders.iter().map(|folder| notes_in_folder(folder)).collect();
    for path in around(&annotations, folders) {
        if open.contains(&path) || homes.contains(&path) || further.contains(&path) {
            continue;
        }
        // Somebody else's, perhaps: what cannot be read is nothing to speak of.
        let Ok(Some(file)) = NotesFile::read(&path) else { continue };
        if file.stored.folder.is_none() && file.stored.images.keys().all(|name| dataset.row_of_name(name).is_some()) {
            files.push(file);
        }
    }
    files
}

/// Notes beside annotations in the folders of these, in folders of photos, above those, and in `annotations` there.
fn around(annotations: &[&Path], folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut places: BTreeSet<PathBuf> =
        annotations.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect();
    for folder in folders.iter().take(MOST_FOLDERS) {
        places.insert(folder.clone());
        if let Some(above) = folder.parent() {
            places.insert(above.to_owned());
            places.insert(above.join("annotations"));
        }
    }
    let mut found = BTreeSet::new();
    for place in places.into_iter().filter(|place| !place.as_os_str().is_empty()) {
        let Ok(entries) = std::fs::read_dir(place) else { continue };
        let paths = entries.take(MOST_ENTRIES).filter_map(|entry| entry.ok().map(|entry| entry.path()));
        found.extend(paths.filter(|path| is_beside_annotations(path)));
    }
    found
}
