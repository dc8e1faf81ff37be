//! Opening photos, folders, annotation files and models in the background.

use crate::data;
use crate::data::coco::{Captions, Cost, FileKind, Instances, Progress, sniff};
use crate::data::dataset::{
    Dataset, FolderContent, FoundAnnotations, Notes, NotesPlaces, PhotoPlace, ReadNotes, Sources, keep, look_through,
    of_subset, photos_beside,
};
use crate::data::pope::Questions;
use crate::engine::ImageSource;
use crate::study::PairsFile;
use crate::ui::core::wording::listed;
use crate::ui::features::{Library, images_of};
use std::collections::BTreeMap;
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
    /// Folders that hold a run of a study.
    pub studies: Vec<PathBuf>,
    /// Files of pairs of photos.
    pub pairs: Vec<PathBuf>,
    /// Objects.
    pub instances: Option<Arc<Instances>>,
    /// Descriptions.
    pub captions: Option<Arc<Captions>>,
    /// Yes/no questions.
    pub questions: Option<Arc<Questions>>,
    /// Folders and annotation files that were read.
    pub read: Vec<PathBuf>,
    /// Folders of photos to choose from, and the folder that they lie below.
    pub choices: Vec<(PathBuf, Vec<PathBuf>)>,
    /// Annotations that lie beside the photos and were not asked for.
    pub offered: Vec<FoundAnnotations>,
    /// What was decided on the way: a sentence each.
    pub told: Vec<String>,
    /// What could not be read: a sentence each.
    pub problems: Vec<String>,
    /// Whether it was stopped on the way.
    pub cancelled: bool,
}

impl Opened {
    /// Whether this is among what was opened.
    pub(in crate::ui) fn has(&self, path: &Path) -> bool {
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
    /// What is noted about its photos.
    pub notes: ReadNotes,
    /// The image to look at.
    pub wanted: Option<ImageSource>,
}

/// Tells what is being read and how far it is, 0 to 1.
pub(in crate::ui) type Tell<'a> = &'a mut dyn FnMut(&str, f32);

/// Annotations longer than this are not read unasked: it takes a while.
const MOST_BYTES_UNASKED: u64 = 64 << 20;

/// What is open already when something is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Before {
    /// Nothing of the user's: photos that annotations name are looked for beside them, and annotations of a data set's
    /// root are opened with its photos.
    Nothing,
    /// Annotations that wait for their photos: others do not take their place unasked.
    Annotations,
    /// Photos, or whoever opens has them.
    Photos,
}

/// Looks through files and folders and reads the annotations among them. A folder with a model's configuration is a
/// model.
pub(in crate::ui) fn open(paths: &[PathBuf], before: Before, cancel: &AtomicBool, tell: Tell<'_>) -> Opened {
    let mut opened = Opened::default();
    let mut roots = Vec::new();
    for path in paths {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        if let Some(folder) = run_of_study(path) {
            opened.studies.push(folder);
        } else if PairsFile::is_one(path) {
            opened.pairs.push(path.clone());
        } else if path.join("config.json").is_file() {
            opened.models.push(path.clone());
        } else if path.is_dir() {
            opened.read.push(path.clone());
            roots.extend(open_folder(path, cancel, &mut opened, tell));
        } else if is_annotations(path) {
            let read =
                open_annotations(path, cancel, &mut opened, &mut |share| tell(&format!("Reading {name}"), share));
            match read {
                Ok(()) => opened.read.push(path.clone()),
                Err(why) => opened.problems.push(why),
            }
        } else {
            match data::library::check_is_photo(path) {
                Ok(()) => opened.photos.push(PhotoPlace::File(path.clone())),
                Err(err) => opened.problems.push(err.to_string()),
            }
        }
    }
    let found = if before == Before::Nothing { take_unasked(&mut opened, &roots) } else { Vec::new() };
    open_roots(&roots, found, cancel, &mut opened, tell);
    if before != Before::Photos && opened.photos.is_empty() {
        find_photos(cancel, &mut opened, tell);
    }
    leave_out_nameless(&mut opened);
    let Opened { offered, read, .. } = &mut opened;
    offered.retain(|found| !read.iter().any(|other| crate::files::is_same_file(&found.path, other)));
    opened.cancelled = cancel.load(Ordering::Relaxed);
    if opened.cancelled {
        opened.problems.clear();
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

/// The folder of a run of a study; its `run.json` stands for it.
fn run_of_study(path: &Path) -> Option<PathBuf> {
    if path.file_name().is_some_and(|name| name == "run.json") && path.is_file() {
        return path.parent().map(Path::to_owned);
    }
    path.join("run.json").is_file().then(|| path.to_owned())
}

fn is_annotations(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("json" | "jsonl" | "ndjson"))
}

/// A folder that holds no photos itself, and where they are below it.
struct Root {
    folder: PathBuf,
    photos: PathBuf,
    annotations: Vec<FoundAnnotations>,
}

/// Takes the annotations of a root from those that are offered: where there is one of a kind, is not too long, and
/// nothing else of its kind is opened.
fn take_unasked(opened: &mut Opened, roots: &[Root]) -> Vec<FoundAnnotations> {
    let [Root { annotations, .. }] = roots else { return Vec::new() };
    let Opened { instances, captions, questions, .. } = &*opened;
    let is_wanted = |found: &&FoundAnnotations| {
        let has_other = match found.kind {
            FileKind::Instances => instances.is_some(),
            FileKind::Captions => captions.is_some(),
            FileKind::Questions => questions.is_some(),
        };
        let is_only = annotations.iter().filter(|other| other.kind == found.kind).count() == 1;
        let is_short = || std::fs::metadata(&found.path).is_ok_and(|file| file.len() <= MOST_BYTES_UNASKED);
        !has_other && is_only && is_short()
    };
    annotations.iter().filter(is_wanted).cloned().collect()
}

/// Reads the annotations that were found in a root, and says in one sentence what was opened.
fn open_roots(roots: &[Root], found: Vec<FoundAnnotations>, cancel: &AtomicBool, opened: &mut Opened, tell: Tell<'_>) {
    let mut names: Vec<String> =
        roots.iter().map(|root| format!("the photos in {}", below(&root.photos, &root.folder))).collect();
    for FoundAnnotations { path, .. } in found {
        if cancel.load(Ordering::Relaxed) {
            return;
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        match open_annotations(&path, cancel, opened, &mut |share| tell(&format!("Reading {name}"), share)) {
            Ok(()) => {
                names.push(name);
                opened.offered.retain(|other| other.path != path);
            }
            Err(why) => opened.problems.push(why),
        }
    }
    if !names.is_empty() {
        opened.told.push(format!("Opened {}", listed(&names)));
    }
}

/// Photos of a folder, else of the one folder below it that has some: that is a root. Where there are several, they
/// are to be chosen from.
fn open_folder(path: &Path, cancel: &AtomicBool, opened: &mut Opened, tell: Tell<'_>) -> Option<Root> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    tell(&format!("Looking through {name}"), 0.0);
    let content = match look_through(path, cancel) {
        Ok(content) => content,
        Err(err) => {
            let why = crate::files::reason(&err);
            opened.problems.push(format!("Cannot open {}: {why}", path.display()));
            return None;
        }
    };
    let mut root = None;
    let FolderContent { mut photo_folders, num_well_known, mut annotations, is_cut } = content;
    if is_cut {
        opened.problems.push(format!("There is more in this folder than is looked through: {}", path.display()));
    }
    let is_clear = photo_folders.len() == 1 || num_well_known == 1;
    match photo_folders.first().cloned() {
        None => opened.problems.push(format!(
            "No photos in this folder, nor in the folders up to two levels below it: {}",
            path.display()
        )),
        Some(photos) if is_clear => {
            photo_folders.remove(0);
            of_subset(&mut annotations, &photos);
            list_photos(&photos, cancel, opened, tell);
            if photos != path {
                root = Some(Root { folder: path.to_owned(), photos, annotations: annotations.clone() });
            }
        }
        // Which annotations belong to them is known when one was chosen.
        Some(_) => annotations.clear(),
    }
    if !photo_folders.is_empty() {
        opened.choices.push((path.to_owned(), photo_folders));
    }
    opened.offered.extend(annotations);
    root
}

/// A path as it is seen from the folder that it lies below.
pub(in crate::ui) fn below(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn list_photos(folder: &Path, cancel: &AtomicBool, opened: &mut Opened, tell: Tell<'_>) {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    tell(&format!("Listing {name}"), 0.0);
    match data::library::list_folder(folder, cancel, |_| ()) {
        Err(err) => opened.problems.push(err.to_string()),
        Ok(listing) => {
            opened.photos.extend(listing.images.into_iter().map(PhotoPlace::File));
            opened.problems.extend(listing.problems.iter().map(ToString::to_string));
        }
    }
}

/// Annotations alone: the photos that they name, where they lie beside them.
fn find_photos(cancel: &AtomicBool, opened: &mut Opened, tell: Tell<'_>) {
    let Opened { instances, captions, questions, .. } = &*opened;
    let sources = Sources {
        photos: Vec::new(),
        instances: instances.clone(),
        captions: captions.clone(),
        questions: questions.clone(),
    };
    let files: Vec<PathBuf> = opened.read.iter().filter(|path| is_annotations(path)).cloned().collect();
    if files.is_empty() {
        return;
    }
    tell("Looking for the photos", 1.0);
    if let Some(found) = photos_beside(&sources, &files, cancel) {
        let folders: Vec<_> = found.folders.iter().map(|folder| folder.display().to_string()).collect();
        opened.told.push(format!("Opened the photos that the annotations name, from {}", listed(&folders)));
        opened.photos.extend(found.photos.into_iter().map(PhotoPlace::File));
    }
}

fn open_annotations(
    path: &Path,
    cancel: &AtomicBool,
    opened: &mut Opened,
    tell: &mut dyn FnMut(f32),
) -> Result<(), String> {
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
    Ok(())
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

/// Puts a data set together, without what is noted about it.
pub(in crate::ui) fn join(sources: Sources, wanted: Option<ImageSource>) -> Joined {
    let dataset = Arc::new(Dataset::join(sources.clone()));
    let library = Library::of(images_of(&dataset));
    Joined { library, dataset, sources, notes: ReadNotes::default(), wanted }
}

/// The same with what is noted. What files of earlier versions say is written beside the photos, so that it is found
/// without them.
pub(in crate::ui) fn join_with_notes(sources: Sources, wanted: Option<ImageSource>, places: &NotesPlaces) -> Joined {
    let mut joined = join(sources, wanted);
    joined.notes = Notes::of_dataset(&joined.dataset, &joined.sources.photos, places, &[]);
    let mut by_folder: BTreeMap<&Path, Vec<_>> = BTreeMap::new();
    for taken in joined.notes.taken.values().flatten() {
        if let Some(folder) = taken.photo.parent() {
            by_folder.entry(folder).or_default().push(taken.clone());
        }
    }
    let mut moved = Vec::new();
    for (folder, taken) in by_folder {
        match keep(folder, places, &[], &taken) {
            Ok(kept) if kept.moved.is_some() => moved.push((folder.to_owned(), kept.path)),
            Ok(_) => {}
            Err(why) => joined.notes.problems.push(why.to_string()),
        }
    }
    for (folder, to) in moved {
        joined.notes.notes.moved(&folder, &to);
    }
    joined
}

/// The bundled images with everything that is known about them.
pub(in crate::ui) fn bundled() -> Sources {
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
        open(paths, Before::Nothing, &AtomicBool::new(false), &mut |_, _| ())
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
            "1 record gives no mask: image 0: expected `width` as a whole number from 0, found `NaN` (counted from \
                0): ",
            "1 object has no usable area: annotation 0: expected `area` as a number from 0, found `NaN`: the area of \
                its box counts (counted from 0): ",
            "1 object may or may not be a crowd: annotation 0: expected `iscrowd` as 0 or 1, found `\"maybe\"` \
                (counted from 0): ",
            "1 image has no file name: image 0: expected `file_name` or `coco_url` as a string, found neither (counted \
                from 0): ",
            "1 record was used with an assumption: annotation 1: expected a number of its own, found 1 again: both \
                objects are used (counted from 0): ",
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
