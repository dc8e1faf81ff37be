//! What a recipe names, opened and compared with what it was made with: a mismatch is told before anything is drawn.

use super::font::{Face, Typeface};
use super::recipe::{FileInput, Layout, Recipe, TraceInput, sha256, tokens_sha256};
use super::{FigureError, MapFile};
use crate::data::coco::Instances;
use crate::data::{Photo, demo};
use crate::trace::file::TraceFile;
use crate::trace::{RunInfo, SpecInfo, Trace};
use serde_json::json;
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
    fonts: BTreeMap<String, Arc<Face>>,
    /// One sentence for each input that differs from the recipe.
    pub mismatches: Vec<String>,
}

/// What is at hand already, by the names of the recipe: traces of the window or of a run just made, and photos that need not be decoded again.
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
}

impl Inputs {
    /// Opens everything that `recipe` names. `folder` is the one of the recipe's file, for relative paths.
    pub fn open(
        recipe: &Recipe,
        given: Given,
        folder: Option<&Path>,
        mismatches: Mismatches,
    ) -> Result<Self, FigureError> {
        let mut opener = Opener { folder, mismatches, found: Vec::new() };
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
            let photo = match photos.remove(name) {
                Some(photo) => photo,
                None => opener.photo(&trace.run.image_path)?,
            };
            opener.expect("the photo", &trace.run.image_hash, &photo.sha256, &trace.run.image_path)?;
            all.name_photo(name, &trace.run.image_path, photo);
            all.traces.insert(name.clone(), trace);
        }
        for (name, FileInput { file, sha256 }) in &recipe.inputs.images {
            let photo = match photos.remove(name) {
                Some(photo) => photo,
                None => opener.photo(file)?,
            };
            opener.expect("the photo", sha256, &photo.sha256, file)?;
            all.name_photo(name, file, photo);
        }
        for (name, input) in &recipe.inputs.annotations {
            all.annotations.insert(name.clone(), Arc::new(opener.annotations(input)?));
        }
        for (name, input) in &recipe.inputs.maps {
            let map = if let Some(bytes) = maps.get(name) {
                opener.expect("the map", &input.sha256, &sha256(bytes), &input.file)?;
                MapFile::read(bytes, Path::new(&input.file))?
            } else {
                let (bytes, path) = opener.bytes(input, "the map")?;
                MapFile::read(&bytes, &path)?
            };
            all.maps.insert(name.clone(), map);
        }
        for (name, input) in &recipe.inputs.fonts {
            let (bytes, path) = opener.bytes(input, "the typeface")?;
            all.fonts.insert(name.clone(), Arc::new(read_font(bytes, &path)?));
        }
        all.darkened = darkened;
        all.mismatches = opener.found;
        Ok(all)
    }

    fn name_photo(&mut self, name: &str, path: &str, photo: Photo) {
        let file_name =
            Path::new(path).file_name().map_or_else(|| path.to_owned(), |name| name.to_string_lossy().into_owned());
        self.photo_names.insert(name.to_owned(), file_name);
        self.photos.insert(name.to_owned(), photo);
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
    Ok(FileInput { file: path.display().to_string(), sha256: sha256(&read(path)?) })
}

/// Hash and name of a photo, a bundled one too.
pub fn photo_input(path: &Path) -> Result<FileInput, FigureError> {
    Ok(FileInput { file: path.display().to_string(), sha256: open_photo(path)?.sha256 })
}

/// Hash and name of a typeface that can be read.
pub fn font_input(path: &Path) -> Result<FileInput, FigureError> {
    let bytes = read(path)?;
    let hash = sha256(&bytes);
    read_font(bytes, path)?;
    Ok(FileInput { file: path.display().to_string(), sha256: hash })
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

fn read(path: &Path) -> Result<Vec<u8>, FigureError> {
    std::fs::read(path).map_err(|err| FigureError::File {
        action: "read",
        reason: err.to_string(),
        path: path.to_owned(),
    })
}

impl Opener<'_> {
    fn find(&self, file: &str) -> PathBuf {
        let here = PathBuf::from(file);
        match self.folder {
            Some(folder) if !here.exists() && folder.join(file).exists() => folder.join(file),
            _ => here,
        }
    }

    fn trace(&self, name: &str, input: &TraceInput) -> Result<Arc<Trace>, FigureError> {
        let file = input.file.as_ref().ok_or_else(|| FigureError::NoTrace { name: name.to_owned() })?;
        Ok(Arc::new(TraceFile::read(&self.find(file))?.trace))
    }

    fn photo(&self, path: &str) -> Result<Photo, FigureError> {
        open_photo(&self.find(path))
    }

    fn annotations(&mut self, input: &FileInput) -> Result<Instances, FigureError> {
        if input.file == DEMO_ANNOTATIONS && !self.find(&input.file).exists() {
            let bytes = demo::INSTANCES.as_bytes();
            self.expect("the annotations", &input.sha256, &sha256(bytes), &input.file)?;
            return Ok(Instances::from_bytes(bytes, Path::new(DEMO_ANNOTATIONS))?);
        }
        let (bytes, path) = self.bytes(input, "the annotations")?;
        Ok(Instances::from_bytes(bytes, &path)?)
    }

    fn bytes(&mut self, input: &FileInput, what: &str) -> Result<(Vec<u8>, PathBuf), FigureError> {
        let path = self.find(&input.file);
        let bytes = read(&path)?;
        self.expect(what, &input.sha256, &sha256(&bytes), &input.file)?;
        Ok((bytes, path))
    }

    /// Weights first: everything else follows from them.
    fn compare_trace(&mut self, input: &TraceInput, trace: &Trace, path: &str) -> Result<(), FigureError> {
        for (what, expected, found) in differences(&input.run, &trace.run) {
            self.expect(what, &expected, &found, path)?;
        }
        self.expect("the answer's tokens", &input.tokens_sha256, &tokens_sha256(trace), path)
    }

    fn expect(&mut self, what: &str, expected: &str, found: &str, path: &str) -> Result<(), FigureError> {
        if expected == found {
            return Ok(());
        }
        let (expected, found) = (expected.to_owned(), found.to_owned());
        let mismatch = FigureError::Mismatch { what: what.to_owned(), expected, found, path: path.to_owned() };
        match self.mismatches {
            Mismatches::Refused => Err(mismatch),
            Mismatches::Drawn => {
                self.found.push(mismatch.to_string());
                Ok(())
            }
        }
    }
}

/// What makes an answer another one, in words. Paths, devices and versions may differ.
fn differences(expected: &RunInfo, found: &RunInfo) -> [(&'static str, String, String); 6] {
    let specs = |run: &RunInfo| {
        let all: Vec<&SpecInfo> = run.interventions.iter().collect();
        json!(all).to_string()
    };
    let sampling = |run: &RunInfo| {
        // A seed says nothing where the most probable token is taken.
        let seed = (run.temperature > 0.0).then_some(run.seed);
        json!([run.temperature, run.top_p, run.top_k, run.repetition_penalty, seed]).to_string()
    };
    [
        ("the weights", expected.weight_hash.clone(), found.weight_hash.clone()),
        ("the photo", expected.image_hash.clone(), found.image_hash.clone()),
        ("the prompt", json!(expected.full_prompt).to_string(), json!(found.full_prompt).to_string()),
        ("the strategy", json!(expected.strategy).to_string(), json!(found.strategy).to_string()),
        ("the interventions", specs(expected), specs(found)),
        ("temperature, top p, top k, repetition penalty and seed", sampling(expected), sampling(found)),
    ]
}
