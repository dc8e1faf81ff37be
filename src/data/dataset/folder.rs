//! What a folder that somebody opens holds: photos in it or a little below it, and annotations that lie beside them.

use super::{is_notes_name, names::subset_of};
use crate::data::coco::{FileKind, sniff};
use crate::data::library::{is_photo, natural_order};
use std::collections::HashSet;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How far below the folder photos are looked for.
pub(super) const MOST_LEVELS: usize = 2;
/// Folders that are looked through at most.
const MOST_FOLDERS: usize = 500;
/// Entries of a folder that are looked at before it counts as one without photos.
const MOST_ENTRIES: usize = 200_000;
/// Files without an ending whose first bytes are looked at, in each folder.
const MOST_HEADS: usize = 20;
/// JSON files of names that say nothing whose records are looked at, and how long they may be.
const MOST_NAMELESS: usize = 20;
const MOST_NAMELESS_BYTES: u64 = 16 << 20;
/// Annotation files that are told at most.
const MOST_ANNOTATIONS: usize = 40;

/// Names that people give to folders of photos; besides those of COCO's subsets.
const PHOTO_NAMES: [&str; 9] =
    ["images", "image", "imgs", "img", "photos", "jpegimages", "pictures", "vg_100k", "vg_100k_2"];
/// Names that people give to folders of annotations.
const ANNOTATION_NAMES: [&str; 6] = ["annotations", "annotation", "pope", "questions", "captions", "labels"];
/// Beginnings of names of annotation files that say nothing about objects, captions or questions.
const OTHER_ANNOTATIONS: [&str; 5] = ["person_keypoints", "image_info", "stuff_", "panoptic", "deprecated"];

/// Annotations that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAnnotations {
    /// The file.
    pub path: PathBuf,
    /// What it is, by its first records.
    pub kind: FileKind,
}

/// What a folder that somebody opens holds: photos in it or a little below it, and annotations that lie beside them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderContent {
    /// Folders that hold photos: the folder itself, else those up to two levels below it, well-known names first.
    pub photo_folders: Vec<PathBuf>,
    /// How many of them, from the first, have a name that people give to folders of photos.
    pub num_well_known: usize,
    /// Annotations in the folder, below it, and by their names those beside it.
    pub annotations: Vec<FoundAnnotations>,
    /// Whether there was more below than is looked through.
    pub is_cut: bool,
}

/// Looks for photos in a folder and, where there are none, below it. Hidden folders, checkpoints and what was seen
/// under another name are left out.
///
/// # Errors
/// The folder itself cannot be read.
pub fn look_through(folder: &Path, cancel: &AtomicBool) -> std::io::Result<FolderContent> {
    let mut content = FolderContent::default();
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    seen.extend(folder.canonicalize());
    let top = Looked::at(folder)?;
    content.is_cut = top.is_cut;
    if top.has_photos {
        content.photo_folders.push(folder.to_owned());
        files.extend(top.files.into_iter().filter(|path| is_named_annotations(path)));
        for path in beside(folder, &top.folders) {
            if let Ok(looked) = Looked::at(&path) {
                files.extend(looked.files.into_iter().filter(|path| is_named_annotations(path)));
            }
        }
    } else {
        files.extend(top.files);
        let mut level = top.folders;
        let mut num_looked = 1;
        for _ in 0..MOST_LEVELS {
            let mut next = Vec::new();
            for path in level {
                if cancel.load(Ordering::Relaxed) {
                    return Ok(content);
                }
                if num_looked >= MOST_FOLDERS {
                    content.is_cut = true;
                    break;
                }
                let is_new = path.canonicalize().is_ok_and(|path| seen.insert(path));
                if !is_new || path.join("config.json").is_file() {
                    continue;
                }
                num_looked += 1;
                // One that cannot be read is as good as none.
                let Ok(looked) = Looked::at(&path) else { continue };
                content.is_cut |= looked.is_cut;
                if looked.has_photos {
                    content.photo_folders.push(path);
                } else {
                    files.extend(looked.files);
                    next.extend(looked.folders);
                }
            }
            level = next;
        }
        content.photo_folders.sort_by(|a, b| in_order(a, b));
        content.num_well_known = content.photo_folders.iter().filter(|path| is_photo_name(path)).count();
    }
    content.annotations = annotations(files, cancel);
    Ok(content)
}

/// Leaves out annotations of other subsets of COCO than the one that the photos' folder is named after.
pub fn of_subset(annotations: &mut Vec<FoundAnnotations>, photos: &Path) {
    let photos = name_of(photos);
    let Some(subset) = subset_of(&photos) else { return };
    annotations.retain(|found| subset_of(&name_of(&found.path)).is_none_or(|other| other == subset));
}

/// What one folder holds.
#[derive(Debug, Default)]
struct Looked {
    has_photos: bool,
    folders: Vec<PathBuf>,
    /// JSON files.
    files: Vec<PathBuf>,
    is_cut: bool,
}

impl Looked {
    fn at(folder: &Path) -> std::io::Result<Self> {
        let mut looked = Self::default();
        let mut num_heads = 0;
        for (idx, entry) in std::fs::read_dir(folder)?.enumerate() {
            if idx >= MOST_ENTRIES {
                looked.is_cut = true;
                break;
            }
            // An entry that cannot be read is as good as none.
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            if name_of(&path).starts_with('.') || name_of(&path) == "__MACOSX" {
                continue;
            }
            if is_folder(&entry) {
                looked.folders.push(path);
            } else if is_json(&path) {
                looked.files.push(path);
            } else if !looked.has_photos {
                let heads_left = num_heads < MOST_HEADS;
                num_heads += usize::from(path.extension().is_none());
                looked.has_photos = (path.extension().is_some() || heads_left) && is_photo(&path).unwrap_or(false);
            }
        }
        looked.folders.sort_by(|a, b| in_order(a, b));
        looked.files.sort_by(|a, b| natural_order(&name_of(a), &name_of(b)));
        Ok(looked)
    }
}

fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
        Ok(kind) => kind.is_dir(),
        Err(_) => false,
    }
}

/// Folders of annotations below a folder of photos, the folder above it, and that one's folders of annotations.
fn beside(folder: &Path, below: &[PathBuf]) -> Vec<PathBuf> {
    let of_annotations = |path: &PathBuf| ANNOTATION_NAMES.contains(&name_of(path).to_lowercase().as_str());
    let mut beside: Vec<PathBuf> = below.iter().filter(|path| of_annotations(path)).cloned().collect();
    let full = folder.canonicalize().ok();
    if let Some(parent) = full.as_deref().and_then(Path::parent) {
        // As the user wrote it, where that is possible.
        let parent = match folder.parent() {
            Some(written) if !written.as_os_str().is_empty() && folder.file_name().is_some() => written.to_owned(),
            _ => parent.to_owned(),
        };
        beside.push(parent.clone());
        beside.extend(ANNOTATION_NAMES.iter().map(|name| parent.join(name)).filter(|path| path.is_dir()));
    }
    beside
}

/// Those that are annotations, each once.
fn annotations(files: Vec<PathBuf>, cancel: &AtomicBool) -> Vec<FoundAnnotations> {
    let (mut found, mut num_nameless) = (Vec::new(), 0);
    for path in files {
        if found.len() >= MOST_ANNOTATIONS || cancel.load(Ordering::Relaxed) {
            break;
        }
        if !is_named_annotations(&path) {
            num_nameless += 1;
            let is_long = std::fs::metadata(&path).map_or(true, |file| file.len() > MOST_NAMELESS_BYTES);
            if num_nameless > MOST_NAMELESS || is_long {
                continue;
            }
        }
        if found.iter().any(|other: &FoundAnnotations| other.path == path) || is_of_something_else(&path) {
            continue;
        }
        if let Ok(kind) = sniff(&path) {
            found.push(FoundAnnotations { path, kind });
        }
    }
    found
}

/// Whether a file's name says that it holds annotations.
fn is_named_annotations(path: &Path) -> bool {
    let name = name_of(path).to_lowercase();
    !is_of_something_else(path) && ["instances", "captions", "pope", "lvis"].iter().any(|word| name.contains(word))
}

fn is_of_something_else(path: &Path) -> bool {
    let name = name_of(path).to_lowercase();
    is_notes_name(path) || OTHER_ANNOTATIONS.iter().any(|other| name.starts_with(other))
}

fn is_json(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("json" | "jsonl" | "ndjson"))
}

/// Well-known names first, then as people count.
fn in_order(a: &Path, b: &Path) -> std::cmp::Ordering {
    let later = |path: &Path| !is_photo_name(path);
    later(a).cmp(&later(b)).then_with(|| natural_order(&a.to_string_lossy(), &b.to_string_lossy()))
}

fn is_photo_name(path: &Path) -> bool {
    let name = name_of(path).to_lowercase();
    PHOTO_NAMES.contains(&name.as_str()) || subset_of(&name).is_some_and(|subset| subset == name)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
