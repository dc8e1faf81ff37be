//! Opening photos, folders, annotation files and models beside the window.

use super::state::{Library, images_of};
use crate::data;
use crate::data::coco::{Captions, FileKind, Instances, Progress, sniff};
use crate::data::dataset::{Dataset, Notes, PhotoPlace, Sources, notes_beside_annotations, notes_in_folder};
use crate::data::pope::Questions;
use crate::engine::ImageSource;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What was found in files and folders.
#[derive(Debug, Default)]
pub struct Opened {
    /// Photos.
    pub photos: Vec<PhotoPlace>,
    /// Folders that hold a model instead.
    pub models: Vec<PathBuf>,
    /// Objects.
    pub instances: Option<Arc<Instances>>,
    /// Descriptions.
    pub captions: Option<Arc<Captions>>,
    /// Yes/no questions.
    pub questions: Option<Arc<Questions>>,
    /// What was noted about them before.
    pub notes: Option<Notes>,
    /// Folders and annotation files that were read.
    pub read: Vec<PathBuf>,
    /// What could not be read: a sentence each.
    pub problems: Vec<String>,
    /// Whether it was stopped on the way.
    pub cancelled: bool,
}

impl Opened {
    /// Whether this is among what was opened.
    pub(super) fn has(&self, path: &Path) -> bool {
        let is_photo = |place: &PhotoPlace| matches!(place, PhotoPlace::File(photo) if photo == path);
        self.read.iter().chain(&self.models).any(|other| other == path) || self.photos.iter().any(is_photo)
    }
}

/// A data set and its images.
#[derive(Debug)]
pub struct Joined {
    /// The data set.
    pub dataset: Arc<Dataset>,
    /// Its photos.
    pub library: Library,
    /// What it was made of.
    pub sources: Sources,
    /// The image to look at.
    pub wanted: Option<ImageSource>,
}

/// Tells what is being read and how far it is, 0 to 1.
pub(super) type Tell<'a> = &'a mut dyn FnMut(&str, f32);

/// Looks through files and folders and reads the annotations among them. A folder with a model's configuration is a model.
pub(super) fn open(paths: &[PathBuf], cancel: &AtomicBool, tell: Tell<'_>) -> Opened {
    let mut opened = Opened::default();
    let mut notes_at = None;
    for path in paths {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if path.join("config.json").is_file() {
            opened.models.push(path.clone());
        } else if path.is_dir() {
            notes_at.get_or_insert_with(|| notes_in_folder(path));
            opened.read.push(path.clone());
            open_folder(path, cancel, &mut opened, tell);
        } else if is_annotations(path) {
            let read =
                open_annotations(path, cancel, &mut opened, &mut |share| tell(&format!("Reading {name}"), share));
            if read.is_ok() {
                opened.read.push(path.clone());
            }
            match read {
                Ok(FileKind::Instances) => notes_at = Some(notes_beside_annotations(path)),
                Ok(_) => drop(notes_at.get_or_insert_with(|| notes_beside_annotations(path))),
                Err(why) => opened.problems.push(why),
            }
        } else if path.exists() {
            opened.photos.push(PhotoPlace::File(path.clone()));
        } else {
            opened
                .problems
                .push(format!("Expected a photo, a folder or annotations, found nothing: {}", path.display()));
        }
    }
    leave_out_nameless(&mut opened);
    opened.cancelled = cancel.load(Ordering::Relaxed);
    if opened.cancelled {
        opened.problems.clear();
    } else if let Some(path) = notes_at {
        match Notes::open(&path) {
            Ok(notes) => opened.notes = Some(notes),
            Err(why) => {
                // Those of the data set before are not for this one.
                opened.notes = Some(Notes::in_memory());
                opened
                    .problems
                    .push(format!("Tags and notes will not be saved until their file is mended or moved: {why}"));
            }
        }
    }
    opened
}

/// Answers and sessions name photos as text: one whose name is none would not be found again.
fn leave_out_nameless(opened: &mut Opened) {
    let is_text = |place: &PhotoPlace| match place {
        PhotoPlace::File(path) => path.to_str().is_some(),
        PhotoPlace::Bundled(_) => true,
    };
    let (named, nameless): (Vec<_>, Vec<_>) = std::mem::take(&mut opened.photos).into_iter().partition(is_text);
    opened.photos = named;
    if let Some(PhotoPlace::File(first)) = nameless.first() {
        let photos = match nameless.len() {
            1 => "1 photo was left out, as its name is not UTF-8: rename it".to_owned(),
            count => format!("{count} photos were left out, as their names are not UTF-8: rename them; the first"),
        };
        opened.problems.push(format!("{photos}: {}", first.display()));
    }
}

fn is_annotations(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("json" | "jsonl" | "ndjson"))
}

fn open_folder(path: &Path, cancel: &AtomicBool, opened: &mut Opened, tell: Tell<'_>) {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    tell(&format!("Listing {name}"), 0.0);
    match data::library::list_folder(path, cancel, |_| ()) {
        Err(err) => opened.problems.push(err.to_string()),
        Ok(listing) if listing.images.is_empty() => {
            opened.problems.push(format!("Expected photos, found none in the folder: {}", path.display()));
        }
        Ok(listing) => {
            opened.photos.extend(listing.images.into_iter().map(PhotoPlace::File));
            opened.problems.extend(listing.problems.iter().map(ToString::to_string));
        }
    }
}

fn open_annotations(
    path: &Path,
    cancel: &AtomicBool,
    opened: &mut Opened,
    tell: &mut dyn FnMut(f32),
) -> Result<FileKind, String> {
    let mut progress = |progress: Progress| tell(progress.done_bytes as f32 / progress.total_bytes.max(1) as f32);
    let kind = sniff(path).map_err(|err| err.to_string())?;
    let problems = match kind {
        FileKind::Instances => {
            let instances = Instances::open(path, &mut progress, cancel).map_err(|err| err.to_string())?;
            opened.instances.insert(Arc::new(instances)).problems().clone()
        }
        FileKind::Captions => {
            let captions = Captions::open(path, &mut progress, cancel).map_err(|err| err.to_string())?;
            opened.captions.insert(Arc::new(captions)).problems().clone()
        }
        FileKind::Questions => {
            let questions = Questions::open(path, &mut progress, cancel).map_err(|err| err.to_string())?;
            opened.questions.insert(Arc::new(questions)).problems().clone()
        }
    };
    if let Some(first) = problems.listed().first() {
        let records = if problems.total() == 1 {
            "1 record was".to_owned()
        } else {
            format!("{} records were", problems.total())
        };
        opened
            .problems
            .push(format!("{records} left out, everything else is open; the first: {first}: {}", path.display()));
    }
    Ok(kind)
}

/// Puts a data set together.
pub(super) fn join(sources: Sources, wanted: Option<ImageSource>) -> Joined {
    let dataset = Arc::new(Dataset::join(sources.clone()));
    Joined { library: Library::of(images_of(&dataset)), dataset, sources, wanted }
}

/// The bundled images with everything that is known about them.
pub(super) fn bundled() -> Sources {
    let named = |name: &str| PathBuf::from(format!("{name}, bundled with the program"));
    let photos = data::demo::IMAGES.iter().map(|image| PhotoPlace::Bundled(image.file_name)).collect();
    let instances = Instances::from_bytes(data::demo::INSTANCES.as_bytes(), &named("instances.json")).ok();
    let captions = Captions::from_bytes(data::demo::reference_captions().as_bytes(), &named("captions.json")).ok();
    let questions = Questions::from_bytes(data::demo::QUESTIONS.as_bytes(), &named("pope.jsonl")).ok();
    Sources {
        photos,
        instances: instances.map(Arc::new),
        captions: captions.map(Arc::new),
        questions: questions.map(Arc::new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(paths: &[PathBuf]) -> Opened {
        open(paths, &AtomicBool::new(false), &mut |_, _| ())
    }

    #[test]
    fn a_model_folder_is_told_from_a_folder_of_photos() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (photos, model) = (dir.path().join("photos"), dir.path().join("model"));
        std::fs::create_dir_all(&photos).expect("created");
        std::fs::create_dir_all(&model).expect("created");
        std::fs::write(photos.join("a.png"), b"").expect("written");
        std::fs::write(model.join("config.json"), b"{}").expect("written");
        let gone = dir.path().join("gone.png");
        let found = opened(&[photos.clone(), model.clone(), gone]);
        assert_eq!(found.photos, [PhotoPlace::File(photos.join("a.png"))], "the photo");
        assert_eq!(found.models, [model], "the model");
        assert_eq!(found.problems.len(), 1, "the missing file is named: {:?}", found.problems);
    }

    #[test]
    fn annotations_are_read_and_rubbish_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (good, bad) = (dir.path().join("instances.json"), dir.path().join("bad.json"));
        std::fs::write(&good, data::demo::INSTANCES).expect("written");
        std::fs::write(&bad, b"{\"what\": 1}").expect("written");
        let found = opened(&[good, bad]);
        assert_eq!(found.instances.map(|instances| instances.images().len()), Some(24), "the bundled scenes");
        assert!(matches!(found.problems.as_slice(), [one] if one.ends_with("bad.json")), "{:?}", found.problems);
    }

    #[test]
    fn everything_bundled_finds_its_counterpart() {
        let joined = join(bundled(), None);
        assert_eq!(joined.library.images().len(), data::demo::IMAGES.len(), "every image");
        let unmatched = joined.dataset.unmatched();
        assert_eq!(*unmatched, data::dataset::Unmatched::default(), "nothing is left over");
        let first = joined.library.images().first().and_then(|image| image.row).expect("a row") as usize;
        assert!(!joined.dataset.annotations_of(first).is_empty(), "objects");
        assert!(!joined.dataset.captions_of(first).is_empty(), "captions");
        assert!(joined.dataset.questions_of(first).next().is_some(), "questions");
    }
}
