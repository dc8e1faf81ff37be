//! A panel that is about to be added, with everything that it refers to.

use crate::engine::{ImageSource, RunId};
use crate::figure::recipe::{Colour, FileInput, Panel, Show, Typeface, sha256};
use crate::figure::{MapFile, MapSubject};
use crate::prompting::PromptOptions;
use crate::trace::Trace;
use crate::ui::core::pane::Pane;
use crate::ui::features::figure::state::{FigureBuilder, file_name, names};
use crate::ui::features::{AppState, Effect, Made, Run};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a panel is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    /// An answer on the screen, complete.
    Answer(&'a Run, &'a Trace),
    /// The photo alone.
    Photo(&'a ImageSource),
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A photo, or a bundled one by its name.
    Photo,
    /// COCO instances.
    Annotations,
    /// A font.
    Typeface,
}

/// A file that has to be hashed before the recipe can name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWish {
    /// What it is for.
    pub kind: InputKind,
    /// Its name among the inputs.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// Files, and the panel that waits for them.
#[derive(Debug, Clone, PartialEq)]
pub struct FigureWish {
    /// To be hashed.
    pub files: Vec<FileWish>,
    /// What comes then.
    pub panel: Option<Panel>,
}

/// A map of an attribution in memory.
#[derive(Debug, Clone)]
pub(super) struct WantedMap {
    pub(super) name: String,
    pub(super) made: Arc<Made>,
    pub(super) options: PromptOptions,
}

/// The bytes of a map's file.
#[derive(Debug, Clone)]
pub(super) struct HeldMap {
    /// What it was made of; `None` for a session's.
    of: Option<(Arc<Made>, PromptOptions)>,
    bytes: Arc<[u8]>,
}

/// A panel and what it refers to.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) show: Option<Show>,
    pub(super) runs: Vec<(String, RunId)>,
    /// With a hash that is known.
    pub(super) annotations: Option<(String, FileInput)>,
    /// The same.
    pub(super) image: Option<(String, FileInput)>,
    pub(super) files: Vec<FileWish>,
    pub(super) map: Option<WantedMap>,
}

/// The path of a photo and its name in a recipe.
pub(super) fn file_of(image: &ImageSource) -> (PathBuf, String) {
    let path = match image {
        ImageSource::Path(path) => path.clone(),
        ImageSource::Bundled(name) => PathBuf::from(name),
    };
    let file = path.display().to_string();
    (path, file)
}

impl WantedMap {
    /// The bytes of its file.
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let Made { request, attribution, model_id, weight_hash, photo_hash, .. } = &*self.made;
        let (_, image) = file_of(&request.image);
        let subject = MapSubject {
            attribution,
            options: &self.options,
            model_id,
            weight_hash,
            query: &request.query,
            image: &image,
            image_hash: photo_hash,
        };
        MapFile::bytes(&subject).map_err(|err| err.to_string())
    }
}

impl FigureBuilder {
    /// The name of a map: the one that it has, else a free one.
    pub(super) fn map_name(&self, made: &Arc<Made>, options: &PromptOptions) -> String {
        let is_of = |(of, with): &(Arc<Made>, PromptOptions)| Arc::ptr_eq(of, made) && with == options;
        let same = |map: &HeldMap| map.of.as_ref().is_some_and(is_of);
        if let Some((name, _)) = self.maps.iter().find(|(_, map)| same(map)) {
            return name.clone();
        }
        let known = &self.recipe.inputs.maps;
        let mut names = std::iter::once("map".to_owned()).chain((2_u32..).map(|nr| format!("map{nr}")));
        names.find(|name| !known.contains_key(name)).unwrap_or_default()
    }

    /// The bytes of its maps that no file has yet.
    pub fn map_bytes(&self) -> impl Iterator<Item = (&String, &Arc<[u8]>)> {
        self.maps.iter().map(|(name, map)| (name, &map.bytes))
    }

    /// The file of a map, kept by a session. Other bytes than the recipe's are not taken.
    pub fn hold_map(&mut self, name: String, bytes: Vec<u8>) {
        let Some(input) = self.recipe.inputs.maps.get(&name).filter(|input| input.sha256 == sha256(&bytes)) else {
            return;
        };
        self.missing_files.retain(|missing| !missing.ends_with(&input.file));
        self.maps.insert(name, HeldMap { of: None, bytes: bytes.into() });
    }

    fn take_map(&mut self, map: WantedMap) -> Result<(), String> {
        if self.maps.contains_key(&map.name) {
            return Ok(());
        }
        let bytes = map.bytes()?;
        let hash = sha256(&bytes);
        // Named after its content, so that it lies beside any figure without being in the way of another.
        let file = format!("map-{}.safetensors", hash.get(..12).unwrap_or_default());
        let WantedMap { name, made, options } = map;
        self.change(|recipe| drop(recipe.inputs.maps.insert(name.clone(), FileInput { file, sha256: hash })));
        self.maps.insert(name, HeldMap { of: Some((made, options)), bytes: bytes.into() });
        Ok(())
    }
}

impl AppState {
    /// A panel with everything that it refers to, or why there is none.
    pub(super) fn add_panel(&mut self, wanted: Result<Wanted, String>) -> Vec<Effect> {
        let (wanted, show) = match wanted.map(|mut wanted| (wanted.show.take(), wanted)) {
            Ok((Some(show), wanted)) => (wanted, show),
            Ok((None, _)) => return Vec::new(),
            Err(why) => {
                self.figure.tell_problem(why);
                return Vec::new();
            }
        };
        let colour = self.figure.recipe.panels.is_empty().then(|| self.window_colour());
        let figure = &mut self.figure;
        if !wanted.files.is_empty() && figure.work.is_some() {
            return Vec::new(); // the panel shows what is being done
        }
        if let Some(map) = wanted.map
            && let Err(why) = figure.take_map(map)
        {
            figure.tell_problem(why);
            return Vec::new();
        }
        if let Some(colour) = colour
            && figure.recipe.colour == Colour::default()
        {
            figure.change(|recipe| recipe.colour = colour);
        }
        for (name, id) in wanted.runs {
            let Some(trace) = self.runs.get(id).and_then(|run| run.trace.as_ref()) else { continue };
            figure.change(|recipe| {
                if !recipe.inputs.traces.contains_key(&name) {
                    recipe.add_trace(&name, trace, None);
                }
            });
            figure.bound.insert(name, id);
        }
        figure.change(|recipe| {
            recipe.inputs.annotations.extend(wanted.annotations);
            recipe.inputs.images.extend(wanted.image);
        });
        if wanted.files.is_empty() {
            figure.change(|recipe| recipe.panels.push(Panel::new(show)));
            return vec![Effect::BringToFront(Pane::Figure)];
        }
        // Hashing a large file takes a moment: the panel comes when that is done.
        figure.hash(FigureWish { files: wanted.files, panel: Some(Panel::new(show)) })
    }

    /// Files were hashed for the panel that waits for them.
    pub fn figure_inputs_hashed(&mut self, wish: FigureWish, hashed: Result<Vec<FileInput>, String>) -> Vec<Effect> {
        let before = self.look();
        let effects = self.take_hashed(wish, hashed);
        self.remember_figure(before);
        effects
    }

    fn take_hashed(&mut self, wish: FigureWish, hashed: Result<Vec<FileInput>, String>) -> Vec<Effect> {
        let figure = &mut self.figure;
        figure.work = None;
        let inputs = match hashed {
            Ok(inputs) => inputs,
            Err(why) => {
                figure.tell_problem(why);
                figure.prune();
                return Vec::new();
            }
        };
        if let Some(panel) = &wish.panel {
            let mut used = BTreeSet::new();
            names(&panel.show, &mut used);
            let own = |name: &String| wish.files.iter().any(|file| file.name == *name);
            let known = &figure.recipe.inputs;
            let known = |name: &String| {
                known.traces.contains_key(name)
                    || [&known.images, &known.annotations, &known.maps].iter().any(|files| files.contains_key(name))
            };
            if !used.iter().all(|name| own(name) || known(name)) {
                return Vec::new(); // the figure was cleared meanwhile
            }
        }
        figure.change(|recipe| {
            for (FileWish { kind, name, .. }, input) in wish.files.into_iter().zip(inputs) {
                match kind {
                    InputKind::Photo => drop(recipe.inputs.images.insert(name, input)),
                    InputKind::Annotations => drop(recipe.inputs.annotations.insert(name, input)),
                    InputKind::Typeface => {
                        let missing_only = recipe.layout.typeface.as_ref().is_some_and(|before| before.missing_only);
                        recipe.inputs.fonts.clear();
                        recipe.inputs.fonts.insert(name.clone(), input);
                        recipe.layout.typeface = Some(Typeface { regular: name, bold: None, missing_only });
                    }
                }
            }
            recipe.panels.extend(wish.panel);
        });
        vec![Effect::BringToFront(Pane::Figure)]
    }
}

impl FigureBuilder {
    pub(super) fn hash(&mut self, wish: FigureWish) -> Vec<Effect> {
        if self.work.is_some() {
            return Vec::new();
        }
        let name = wish.files.first().map(|file| file_name(&file.path)).unwrap_or_default();
        self.work = Some(format!("Reading {name}"));
        vec![Effect::HashFigureInputs(Box::new(wish))]
    }

    /// Sets its text in a font of a file, or in the bundled one.
    pub(super) fn set_typeface(&mut self, path: Option<PathBuf>) -> Vec<Effect> {
        let Some(path) = path else {
            self.change(|recipe| {
                recipe.layout.typeface = None;
                recipe.inputs.fonts.clear();
            });
            return Vec::new();
        };
        let file = FileWish { kind: InputKind::Typeface, name: "typeface".to_owned(), path };
        self.hash(FigureWish { files: vec![file], panel: None })
    }
}

/// Whether a file is a font, by its name.
pub(super) fn is_font(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["ttf", "otf", "ttc", "otc"].iter().any(|font| extension.eq_ignore_ascii_case(font))
}
