//! Opening photos, folders, annotation files and models beside the window.

use super::state::{Library, images_of};
use crate::data;
use crate::data::coco::{Captions, Cost, FileKind, Instances, Progress, sniff};
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
    let mut said = Vec::new();
    let problems = match kind {
        FileKind::Instances => {
            let instances = Instances::open(path, &mut progress, cancel).map_err(|err| err.to_string())?;
            said.extend(beyond_records(&instances));
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
    let sentences = problems.sentences(&Cost::ALL).into_iter().chain(said);
    opened.problems.extend(sentences.map(|sentence| format!("{sentence}: {}", path.display())));
    Ok(kind)
}

/// What an instances file lacks although nothing is wrong with its records.
fn beyond_records(instances: &Instances) -> impl Iterator<Item = String> {
    let objects = |total: usize, one: &str, many: &str| match total {
        0 => None,
        1 => Some(format!("1 object {one}")),
        _ => Some(format!("{total} objects {many}")),
    };
    let unlisted = objects(
        instances.num_unlisted(),
        "is in an image that the list `images` does not have",
        "are in images that the list `images` does not have",
    );
    let sizeless = objects(
        instances.num_without_area(),
        "has neither an area nor a box, and is of no size",
        "have neither an area nor a box, and are of no size",
    );
    unlisted.into_iter().chain(sizeless)
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
    fn what_could_not_be_used_is_said_for_each_thing_that_it_costs() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (file, none) = (dir.path().join("odd.json"), dir.path().join("none.json"));
        let images = r#""images": [{"id": 1, "width": NaN}], "categories": [{"id": 1, "name": "dog"}]"#;
        let annotations = r#"{"id": 1, "image_id": 1, "category_id": 1, "area": NaN, "bbox": [0, 0, 2, 2], "iscrowd": "maybe"},
            {"id": 1, "image_id": 1, "category_id": 1}, {"id": 3, "image_id": 2, "category_id": 1, "area": 4}, {"id": 4}"#;
        std::fs::write(&file, format!(r#"{{{images}, "annotations": [{annotations}]}}"#)).expect("written");
        std::fs::write(&none, format!(r#"{{{images}, "annotations": [{{"category_id": 7}}]}}"#)).expect("written");
        let found = opened(std::slice::from_ref(&file));
        let objects = found.instances.map(|instances| instances.annotations().len());
        assert_eq!(objects, Some(2), "what can be used is open");
        let expected = [
            "1 record was left out: annotation 3: expected `image_id`, found a record without it (counted from 0): ",
            "1 record gives no mask: image 0: expected `width` as a whole number from 0, found `NaN` (counted from 0): ",
            "1 object has no usable area: annotation 0: expected `area` as a number from 0, found `NaN`: the area of its box counts (counted from 0): ",
            "1 object may or may not be a crowd: annotation 0: expected `iscrowd` as 0 or 1, found `\"maybe\"` (counted from 0): ",
            "1 image has no file name: image 0: expected `file_name` or `coco_url` as a string, found neither (counted from 0): ",
            "1 record was used with an assumption: annotation 1: expected a number of its own, found 1 again: both objects are used (counted from 0): ",
            "1 object is in an image that the list `images` does not have: ",
            "1 object has neither an area nor a box, and is of no size: ",
        ];
        assert_eq!(found.problems.len(), expected.len(), "{:?}", found.problems);
        for (said, expected) in found.problems.iter().zip(expected) {
            assert!(said.starts_with(expected) && said.ends_with("odd.json"), "{said}");
        }
        let found = opened(&[none]);
        assert!(found.instances.is_none(), "nothing to open");
        let refusal = &found.problems[0];
        assert!(
            refusal.starts_with("The only annotation is not usable: annotation 0: expected `image_id`"),
            "{refusal}"
        );
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
