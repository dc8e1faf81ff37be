//! Files that are not where they were, and where they are now.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Folders below the chosen one that are looked into.
const MOST_DEPTH: usize = 8;
/// Entries looked at: a whole disk is not what was meant.
const MOST_ENTRIES: usize = 2_000_000;

/// What a session names and nobody finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Photos.
    pub photos: Vec<PathBuf>,
    /// Annotation files.
    pub annotations: Vec<PathBuf>,
    /// The model: a folder, a file or a hub id that is not in the cache.
    pub model: Option<PathBuf>,
}

impl Missing {
    /// How many.
    pub fn len(&self) -> usize {
        self.photos.len() + self.annotations.len() + usize::from(self.model.is_some())
    }

    /// Whether everything was found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them with what each is.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let model = self.model.iter().map(|path| ("model", path.as_path()));
        let annotations = self.annotations.iter().map(|path| ("annotations", path.as_path()));
        model.chain(annotations).chain(self.photos.iter().map(|path| ("photo", path.as_path())))
    }
}

/// What was found again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located {
    /// Photos: where each was and where it is.
    pub photos: HashMap<PathBuf, PathBuf>,
    /// Annotation files: where each was and where it is.
    pub annotations: HashMap<PathBuf, PathBuf>,
    /// The model.
    pub model: Option<PathBuf>,
}

/// Looks for files by their names in a folder and those below it; of several with a name, one whose folder has the name
/// of before is taken, else the first.
pub(in crate::ui) fn locate(missing: &Missing, folder: &Path, cancel: &AtomicBool) -> Located {
    let wanted: HashSet<OsString> =
        missing.iter().filter_map(|(_, path)| path.file_name().map(ToOwned::to_owned)).collect();
    let found = find(&wanted, folder, cancel);
    let place = |path: &PathBuf, fits: fn(&Path) -> bool| {
        let places = found.get(path.file_name()?)?;
        let of_before = |other: &&PathBuf| {
            let folder_name = |path: &Path| path.parent().and_then(Path::file_name).map(ToOwned::to_owned);
            folder_name(other) == folder_name(path)
        };
        let mut fitting = places.iter().filter(|place| fits(place));
        fitting.clone().find(of_before).or_else(|| fitting.next()).cloned()
    };
    let pairs = |paths: &[PathBuf]| {
        let pair = |path: &PathBuf| Some((path.clone(), place(path, Path::is_file)?));
        paths.iter().filter_map(pair).collect()
    };
    let is_model = |path: &Path| path.is_file() || path.join("config.json").is_file() || has_gguf(path);
    // The folder itself may be what was moved.
    let itself = (folder.join("config.json").is_file() || has_gguf(folder)).then(|| folder.to_owned());
    let model = missing.model.as_ref().and_then(|path| place(path, is_model).or(itself));
    Located { photos: pairs(&missing.photos), annotations: pairs(&missing.annotations), model }
}

fn has_gguf(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries
        .flatten()
        .any(|entry| entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")))
}

/// Every place of every name.
fn find(wanted: &HashSet<OsString>, folder: &Path, cancel: &AtomicBool) -> HashMap<OsString, Vec<PathBuf>> {
    let mut found: HashMap<OsString, Vec<PathBuf>> = HashMap::new();
    let (mut open, mut seen) = (vec![(folder.to_owned(), 0)], 0);
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > MOST_ENTRIES || cancel.load(Ordering::Relaxed) {
                return found;
            }
            let name = entry.file_name();
            // A link to a folder above would go round for ever.
            if depth < MOST_DEPTH && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
            if wanted.contains(&name) {
                found.entry(name).or_default().push(entry.path());
            }
        }
    }
    for places in found.values_mut() {
        places.sort();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_name_below_a_folder_nearest_to_where_they_were() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for path in ["new/a/x.png", "new/b/x.png", "new/b/y.json", "new/m/config.json"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            std::fs::write(path, b"").expect("written");
        }
        let missing = Missing {
            photos: vec!["/old/b/x.png".into(), "/old/b/z.png".into()],
            annotations: vec!["/old/y.json".into()],
            model: Some("/models/m".into()),
        };
        assert_eq!(missing.len(), 4, "all of them");
        let found = locate(&missing, &dir.path().join("new"), &AtomicBool::new(false));
        let expected = [(PathBuf::from("/old/b/x.png"), dir.path().join("new/b/x.png"))];
        assert_eq!(found.photos, expected.into(), "the one whose folder is called the same");
        assert_eq!(found.annotations.len(), 1, "the annotations");
        assert_eq!(found.model, Some(dir.path().join("new/m")), "the model's folder");
        let none = locate(&missing, Path::new("/no/such/folder"), &AtomicBool::new(false));
        assert_eq!(none, Located::default(), "nothing is nowhere");
    }
}
