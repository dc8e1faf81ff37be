//! What a recipe names, opened and compared with what it was made with: a mismatch is told before anything is drawn.

use super::font::{Face, Typeface};
use super::recipe::{FileInput, Layout, Recipe, TraceInput, Truth, sha256, tokens_sha256};
use super::{FigureError, MapFile};
use crate::data::coco::Instances;
use crate::data::dataset::is_same_photo;
use crate::data::{Photo, demo};
use crate::files::{self, reason, utf8};
use crate::trace::file::TraceFile;
use crate::trace::{Difference, Makes, Trace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The annotations input that is bundled.
pub const DEMO_ANNOTATIONS: &str = "demo";

/// What to do with an input that is another one than the recipe was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mismatches {
    /// Stop.
    #[default]
    Refused,
    /// Go on; what differs is said and stands under the figure.
    Drawn,
}

/// Everything that a recipe names.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    pub(super) traces: BTreeMap<String, Arc<Trace>>,
    /// Of traces and of images, by the same names.
    pub(super) photos: BTreeMap<String, Photo>,
    /// See [`Given::darkened`].
    pub(super) darkened: BTreeMap<String, Photo>,
    /// File names of the photos, to find them among annotations.
    pub(super) photo_names: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, Arc<Instances>>,
    pub(super) maps: BTreeMap<String, MapFile>,
    /// The bytes of their files, and whether they were handed over.
    pub(super) map_bytes: BTreeMap<String, (Arc<[u8]>, bool)>,
    /// Every file that was opened, and what it is.
    files: Vec<(&'static str, PathBuf)>,
    fonts: BTreeMap<String, Arc<Face>>,
    /// One sentence for each input that differs from the recipe.
    pub mismatches: Vec<String>,
}

/// What is at hand already, by the names of the recipe: traces of the window or of a run just made, and photos that
/// need not be decoded again.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// In place of trace files.
    pub traces: BTreeMap<String, Arc<Trace>>,
    /// In place of the files that traces and images name.
    pub photos: BTreeMap<String, Photo>,
    /// What answers about darkened photos were asked about, by their trace: no file holds it.
    pub darkened: BTreeMap<String, Photo>,
    /// In place of files of attribution maps, their bytes.
    pub maps: BTreeMap<String, Arc<[u8]>>,
}

/// Checks and opens; `folder` is where the recipe lies: relative paths are looked for here first, then there.
struct Opener<'a> {
    folder: Option<&'a Path>,
    mismatches: Mismatches,
    found: Vec<String>,
    files: Vec<(&'static str, PathBuf)>,
    photos: BTreeMap<PathBuf, Photo>,
    traces: BTreeMap<PathBuf, Arc<Trace>>,
    instances: BTreeMap<PathBuf, (String, Arc<Instances>)>,
    /// Of all of them.
    pixels: u64,
}

/// Of all photos of a recipe together, three bytes each: three of the largest, or three hundred of a camera's.
const MOST_PIXELS: u64 = 600_000_000;
/// Longest typeface: the largest collections of Chinese, Japanese and Korean are below.
const MOST_FONT_BYTES: u64 = 256 << 20;
/// Longest file of maps: a thousand tokens of the largest model are below.
const MOST_MAP_BYTES: u64 = 1 << 30;
/// Longest annotations of a recipe: those of LVIS are 1.2 GB.
const MOST_ANNOTATION_BYTES: u64 = 4 << 30;

impl Inputs {
    /// Opens everything that `recipe` names. `folder` is the one of the recipe's file, for relative paths.
    pub fn open(
        recipe: &Recipe,
        given: Given,
        folder: Option<&Path>,
        mismatches: Mismatches,
    ) -> Result<Self, FigureError> {
        let mut opener = Opener::new(folder, mismatches);
        let mut all = Self::default();
        let Given { mut traces, mut photos, darkened, maps } = given;
        for (name, input) in &recipe.inputs.traces {
            // What was handed over is named by its photo: the recipe's file was not opened.
            let (trace, path) = match traces.remove(name) {
                Some(trace) => {
                    let path = trace.run.image_path.clone();
                    (trace, path)
                }
                None => (opener.trace(name, input)?, input.file.clone().unwrap_or_default()),
            };
            opener.compare_trace(input, &trace, &path)?;
            opener.reads("the photo", &trace.run.image_path);
            let photo = match photos.remove(name) {
                Some(photo) => photo,
                None => opener.photo(&trace.run.image_path)?,
            };
            opener.expect("the photo", &trace.run.image_hash, &photo.sha256, &trace.run.image_path)?;
            let (expected, found) = (trace.run.view.image, photo.size());
            if expected != found {
                // Not to be waved through: nothing of the trace lies on such a photo.
                return Err(FigureError::PhotoSize { expected, found, path: trace.run.image_path.clone() });
            }
            all.name_photo(name, &trace.run.image_path, photo);
            all.traces.insert(name.clone(), trace);
        }
        for (name, FileInput { file, sha256 }) in &recipe.inputs.images {
            opener.reads("the photo", file);
            let photo = match photos.remove(name) {
                Some(photo) => photo,
                None => opener.photo(file)?,
            };
            opener.expect("the photo", sha256, &photo.sha256, file)?;
            all.name_photo(name, file, photo);
        }
        for (name, input) in &recipe.inputs.annotations {
            all.annotations.insert(name.clone(), opener.annotations(input)?);
        }
        for (name, input) in &recipe.inputs.maps {
            let (bytes, path, is_held) = if let Some(bytes) = maps.get(name) {
                opener.expect("the map", &input.sha256, &sha256(bytes), &input.file)?;
                (Arc::clone(bytes), PathBuf::from(&input.file), true)
            } else {
                let (bytes, path) = opener.bytes(input, "the map", MOST_MAP_BYTES)?;
                (bytes.into(), path, false)
            };
            all.maps.insert(name.clone(), MapFile::read(&bytes, &path)?);
            all.map_bytes.insert(name.clone(), (bytes, is_held));
        }
        for (name, input) in &recipe.inputs.fonts {
            let (bytes, path) = opener.bytes(input, "the typeface", MOST_FONT_BYTES)?;
            all.fonts.insert(name.clone(), Arc::new(read_font(bytes, &path)?));
        }
        all.darkened = darkened;
        for (of, truth) in recipe.panels.iter().filter_map(|panel| panel.show.truth()) {
            opener.compare_truth(of, truth, &all)?;
        }
        all.mismatches = opener.found;
        all.files = opener.files;
        Ok(all)
    }

    fn name_photo(&mut self, name: &str, path: &str, photo: Photo) {
        let file_name =
            Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
        self.photo_names.insert(name.to_owned(), file_name);
        self.photos.insert(name.to_owned(), photo);
    }

    /// Every file that was opened, and what it is: none of them may be written over.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        self.files.iter().map(|(what, path)| (*what, path.as_path()))
    }

    /// A trace of the recipe, as it was opened.
    pub fn trace(&self, name: &str) -> Result<&Arc<Trace>, FigureError> {
        self.traces.get(name).ok_or_else(|| FigureError::NoInput { kind: "trace", name: name.to_owned() })
    }

    /// The faces that a recipe's text is set in.
    pub(super) fn typeface(&self, layout: &Layout) -> Result<Typeface, FigureError> {
        let Some(chosen) = &layout.typeface else { return Ok(Typeface::default()) };
        let face = |name: &String| {
            let face = self.fonts.get(name).cloned();
            face.ok_or_else(|| FigureError::NoInput { kind: "typeface", name: name.clone() })
        };
        let bold = chosen.bold.as_ref().map(face).transpose()?;
        Ok(Typeface::with(face(&chosen.regular)?, bold, chosen.missing_only))
    }

    /// What the user should know of the photos: sentences that name their files.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.photos.values().flat_map(|photo| photo.warnings.iter().map(String::as_str))
    }

    /// A photo by the name of its trace or image.
    pub fn photo(&self, name: &str) -> Result<&Photo, FigureError> {
        self.photos.get(name).ok_or_else(|| FigureError::NoInput { kind: "trace or image", name: name.to_owned() })
    }
}

/// Hash and name of a file, for a recipe that is being made.
pub fn file_input(path: &Path) -> Result<FileInput, FigureError> {
    Ok(FileInput { file: name_of(path)?, sha256: sha256(&read(path, MOST_ANNOTATION_BYTES)?) })
}

/// Hash and name of a photo, a bundled one too.
pub fn photo_input(path: &Path) -> Result<FileInput, FigureError> {
    Ok(FileInput { file: name_of(path)?, sha256: open_photo(path)?.sha256 })
}

/// Hash and name of a typeface that can be read.
pub fn font_input(path: &Path) -> Result<FileInput, FigureError> {
    let (file, bytes) = (name_of(path)?, read(path, MOST_FONT_BYTES)?);
    let hash = sha256(&bytes);
    read_font(bytes, path)?;
    Ok(FileInput { file, sha256: hash })
}

/// A path as a recipe can hold it.
fn name_of(path: &Path) -> Result<String, FigureError> {
    utf8(path).map(str::to_owned).ok_or_else(|| FigureError::File {
        action: "named in a recipe",
        reason: "the name is not UTF-8: rename it".to_owned(),
        path: path.to_owned(),
    })
}

/// Every file that a recipe names, where it would be opened, and what it is. `folder` is the one of the recipe's file.
pub fn named_files(recipe: &Recipe, folder: Option<&Path>) -> Vec<(&'static str, PathBuf)> {
    let mut opener = Opener::new(folder, Mismatches::Refused);
    let inputs = &recipe.inputs;
    for TraceInput { file, run, .. } in inputs.traces.values() {
        if let Some(file) = file {
            opener.reads("the trace", file);
        }
        opener.reads("the photo", &run.image_path);
    }
    let named = [
        ("the photo", &inputs.images),
        ("the annotations", &inputs.annotations),
        ("the map", &inputs.maps),
        ("the typeface", &inputs.fonts),
    ];
    for (what, files) in named {
        for input in files.values() {
            opener.reads(what, &input.file);
        }
    }
    opener.files
}

fn read_font(bytes: Vec<u8>, path: &Path) -> Result<Face, FigureError> {
    Face::outside(bytes).map_err(|found| FigureError::Recipe {
        expected: "a typeface (TrueType or OpenType)".to_owned(),
        found,
        path: path.to_owned(),
    })
}

/// The bundled annotations as an input.
pub fn demo_annotations() -> FileInput {
    FileInput { file: DEMO_ANNOTATIONS.to_owned(), sha256: sha256(demo::INSTANCES.as_bytes()) }
}

/// A photo file, or a bundled image where no file has that name.
pub fn open_photo(path: &Path) -> Result<Photo, FigureError> {
    match path.to_str().and_then(demo::image) {
        Some(image) if !path.exists() => Ok(image.photo()?),
        _ => Ok(Photo::open(path)?),
    }
}

fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>, FigureError> {
    files::read(path, most_bytes).map_err(|err| FigureError::File {
        action: "read",
        reason: reason(&err),
        path: path.to_owned(),
    })
}

impl<'a> Opener<'a> {
    fn new(folder: Option<&'a Path>, mismatches: Mismatches) -> Self {
        let (photos, traces, instances) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { folder, mismatches, found: Vec::new(), files: Vec::new(), photos, traces, instances, pixels: 0 }
    }

    fn find(&self, file: &str) -> PathBuf {
        let here = PathBuf::from(file);
        match self.folder {
            Some(folder) if !here.exists() && folder.join(file).exists() => folder.join(file),
            _ => here,
        }
    }

    /// A file of the recipe, wherever it is.
    fn reads(&mut self, what: &'static str, file: &str) {
        self.files.push((what, self.find(file)));
    }

    /// The same of a file under several names.
    fn trace(&mut self, name: &str, input: &TraceInput) -> Result<Arc<Trace>, FigureError> {
        let file = input.file.as_ref().ok_or_else(|| FigureError::NoTrace { name: name.to_owned() })?;
        self.reads("the trace", file);
        let path = self.find(file);
        if let Some(trace) = self.traces.get(&path) {
            return Ok(Arc::clone(trace));
        }
        let trace = Arc::new(TraceFile::read(&path)?.trace);
        self.traces.insert(path, Arc::clone(&trace));
        Ok(trace)
    }

    /// A file under several names is opened once.
    fn photo(&mut self, path: &str) -> Result<Photo, FigureError> {
        let path = self.find(path);
        if let Some(photo) = self.photos.get(&path) {
            return Ok(photo.clone());
        }
        let photo = open_photo(&path)?;
        self.pixels += u64::from(photo.width_px) * u64::from(photo.height_px);
        if self.pixels > MOST_PIXELS {
            let reason = format!("the photos of the recipe have more than {MOST_PIXELS} pixels together");
            return Err(FigureError::File { action: "opened", reason, path });
        }
        self.photos.insert(path, photo.clone());
        Ok(photo)
    }

    fn annotations(&mut self, input: &FileInput) -> Result<Arc<Instances>, FigureError> {
        if input.file == DEMO_ANNOTATIONS && !self.find(&input.file).exists() {
            let bytes = demo::INSTANCES.as_bytes();
            self.expect("the annotations", &input.sha256, &sha256(bytes), &input.file)?;
            return Ok(Arc::new(Instances::from_bytes(bytes, Path::new(DEMO_ANNOTATIONS))?));
        }
        let opened = self.instances.get(&self.find(&input.file)).cloned();
        if let Some((found, instances)) = opened {
            self.expect("the annotations", &input.sha256, &found, &input.file)?;
            return Ok(instances);
        }
        let (bytes, path) = self.bytes(input, "the annotations", MOST_ANNOTATION_BYTES)?;
        let found = sha256(&bytes);
        let instances = Arc::new(Instances::from_bytes(bytes, &path)?);
        self.instances.insert(path, (found, Arc::clone(&instances)));
        Ok(instances)
    }

    fn bytes(
        &mut self,
        input: &FileInput,
        what: &'static str,
        most_bytes: u64,
    ) -> Result<(Vec<u8>, PathBuf), FigureError> {
        self.reads(what, &input.file);
        let path = self.find(&input.file);
        let bytes = read(&path, most_bytes)?;
        self.expect(what, &input.sha256, &sha256(&bytes), &input.file)?;
        Ok((bytes, path))
    }

    /// Weights first: everything else follows from them. The same question computed in another type is drawn, and said.
    fn compare_trace(&mut self, input: &TraceInput, trace: &Trace, path: &str) -> Result<(), FigureError> {
        for Difference { field, expected, found } in input.run.differences(&trace.run) {
            let mismatch = mismatch(field.label(), expected, found, path);
            match field.makes() {
                Makes::AnotherQuestion => self.tell(mismatch)?,
                Makes::OtherDigits => self.found.push(mismatch.to_string()),
                // Where the answer ends is in its tokens.
                Makes::AnotherLength => {}
            }
        }
        self.expect("the answer's tokens", &input.tokens_sha256, &tokens_sha256(trace), path)
    }

    /// Objects are those of the photo: a number alone may be any image's of the same size.
    fn compare_truth(&mut self, of: &str, truth: &Truth, all: &Inputs) -> Result<(), FigureError> {
        let (Some(image_id), Some(instances)) = (truth.image_id, all.annotations.get(&truth.annotations)) else {
            return Ok(());
        };
        let image = instances.image_row(image_id).and_then(|row| instances.images().get(row));
        let Some((image, expected)) = image.zip(all.photo_names.get(of)) else { return Ok(()) };
        // Annotations that name no files say nothing of names.
        if image.file_name.is_empty() || is_same_photo(&image.file_name, expected) {
            return Ok(());
        }
        let path = instances.path().display().to_string();
        let (expected, found) = (expected.clone(), image.file_name.clone());
        self.tell(FigureError::OtherPhoto { image_id, expected, found, path })
    }

    fn expect(&mut self, what: &str, expected: &str, found: &str, path: &str) -> Result<(), FigureError> {
        if expected == found {
            return Ok(());
        }
        self.tell(mismatch(what, expected.to_owned(), found.to_owned(), path))
    }

    /// Stops, or goes on and remembers why it should not.
    fn tell(&mut self, mismatch: FigureError) -> Result<(), FigureError> {
        match self.mismatches {
            Mismatches::Refused => Err(mismatch),
            Mismatches::Drawn => {
                let sentence = mismatch.to_string();
                if !self.found.contains(&sentence) {
                    self.found.push(sentence);
                }
                Ok(())
            }
        }
    }
}

fn mismatch(what: &str, expected: String, found: String, path: &str) -> FigureError {
    FigureError::Mismatch { what: what.to_owned(), expected, found, path: path.to_owned() }
}
