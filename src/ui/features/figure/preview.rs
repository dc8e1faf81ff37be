//! The figure's preview, drawn on a thread of its own: only the latest wish counts. And writing the figure, by the same
//! code.

use crate::engine::{Prompting, RunId};
use crate::figure::{
    Besides, DataFolder, Figure, FigureError, Given, Inputs, Mismatches, Raster, Recipe, Watch, expect_own_name, html,
    open_photo, with_maps_beside,
};
use crate::files::Outputs;
use crate::trace::Trace;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::features::AppState;
use crate::ui::features::figure::files::FigureSaved;
use crate::ui::features::open_files::OpenFiles;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Resolutions of a preview: enough to read, and no more than a screen has.
const PREVIEW_DPI: std::ops::RangeInclusive<u32> = 40..=400;
/// What messages call the file.
const FIGURE: &str = "the figure";
/// Steps of it: a pane that is dragged wider is not drawn anew for every pixel.
const DPI_STEP: u32 = 8;

/// A recipe and what of it the window has in memory.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Subject {
    recipe: Arc<Recipe>,
    traces: BTreeMap<String, Arc<Trace>>,
    darkened: BTreeMap<String, Arc<Prompting>>,
    /// Bytes of maps that no file has yet.
    maps: BTreeMap<String, Arc<[u8]>>,
    folder: Option<PathBuf>,
}

/// Equal if they are the very same.
fn are_same<T: ?Sized>(a: &BTreeMap<String, Arc<T>>, b: &BTreeMap<String, Arc<T>>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|((a, one), (b, other))| a == b && Arc::ptr_eq(one, other))
}

impl Subject {
    /// Whether the same files and answers are opened for it.
    fn has_inputs_of(&self, other: &Self) -> bool {
        self.recipe.inputs == other.recipe.inputs
            && self.folder == other.folder
            && are_same(&self.traces, &other.traces)
            && are_same(&self.darkened, &other.darkened)
            && are_same(&self.maps, &other.maps)
    }

    /// The figure's pixels, as a PNG would have them; takes its time.
    pub(in crate::ui) fn raster(&self) -> Result<Raster, String> {
        let figure = Figure::new(&self.recipe, &self.open()?).map_err(|err| err.to_string())?;
        figure.raster(self.recipe.layout.dpi).map_err(|err| err.to_string())
    }

    fn open(&self) -> Result<Inputs, String> {
        let mut given = Given { traces: self.traces.clone(), maps: self.maps.clone(), ..Given::default() };
        for (name, prompting) in &self.darkened {
            let Some(trace) = self.traces.get(name) else { continue };
            let photo = open_photo(Path::new(&trace.run.image_path)).map_err(|err| err.to_string())?;
            let darkened = prompting.apply(&photo).map_err(|err| err.to_string())?;
            given.photos.insert(name.clone(), photo);
            given.darkened.insert(name.clone(), darkened);
        }
        Inputs::open(&self.recipe, given, self.folder.as_deref(), Mismatches::Refused).map_err(|err| err.to_string())
    }
}

#[derive(Clone)]
struct Wish {
    subject: Subject,
    dpi: u32,
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        self.dpi == other.dpi
            && Arc::ptr_eq(&self.subject.recipe, &other.subject.recipe)
            && self.subject.has_inputs_of(&other.subject)
    }
}

/// A figure as it will be written, in fewer pixels.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Of what it is made.
    pub recipe: Arc<Recipe>,
    /// The pixels.
    pub raster: Arc<Raster>,
    /// Width and height. **Units** mm.
    pub size_mm: [f64; 2],
    /// Columns and rows of its PNG.
    pub size_px: [u32; 2],
    /// Letters that the typeface lacks.
    pub missing_letters: String,
    /// What is not as the recipe wants it: a sentence each.
    pub warnings: Vec<String>,
    /// Why maps do not share one scale.
    pub scale_notes: Vec<String>,
    /// What each panel shows, in reading order: its made title.
    pub titles: Vec<String>,
}

/// The figure's preview, drawn on a thread of its own: only the latest wish counts.
pub(in crate::ui) struct Figures {
    previews: Latest<Wish, Result<Preview, String>>,
    latest: Option<Result<Preview, String>>,
    /// Copies of answers for the thread, by the version that was copied; they share the attention.
    traces: HashMap<RunId, (u64, Arc<Trace>)>,
    /// Width of the place for the preview, in the screen's pixels.
    pub(in crate::ui) room_px: f32,
}

impl Figures {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let mut opened: Option<(Subject, Inputs)> = None;
        let make = move |wish: &Wish| {
            let kept = opened.take().filter(|(subject, _)| subject.has_inputs_of(&wish.subject));
            let inputs = match kept {
                Some((_, inputs)) => inputs,
                None => wish.subject.open()?,
            };
            let made = preview(&wish.subject.recipe, &inputs, wish.dpi);
            opened = Some((wish.subject.clone(), inputs));
            made
        };
        let previews = Latest::new("gazelens-figure", wake, make);
        Self { previews, latest: None, traces: HashMap::new(), room_px: 0.0 }
    }

    /// Asks for the preview of the present recipe while its pane is in sight, and takes what has come.
    pub(in crate::ui) fn follow(&mut self, state: &AppState) {
        if let Some(done) = self.previews.poll() {
            self.latest = Some(done);
        }
        if state.figure.recipe().panels.is_empty() {
            self.latest = None;
            self.traces.clear();
            self.previews.ask(None);
        } else if state.figure.visible && self.room_px > 0.0 {
            let subject = self.subject(state);
            let dpi = preview_dpi(self.room_px, subject.recipe.layout.width.mm());
            self.previews.ask(Some(Wish { subject, dpi }));
        }
        if let Some(done) = self.previews.poll() {
            self.latest = Some(done);
        }
    }

    /// The latest one, or why there is none; `None` while the first is drawn.
    pub(in crate::ui) fn preview(&self) -> Option<Result<&Preview, &str>> {
        self.latest.as_ref().map(|latest| latest.as_ref().map_err(String::as_str))
    }

    /// The recipe and what the window has for it.
    pub(in crate::ui) fn subject(&mut self, state: &AppState) -> Subject {
        let recipe = Arc::clone(state.figure.recipe());
        let (mut traces, mut darkened) = (BTreeMap::new(), BTreeMap::new());
        let mut known = HashMap::new();
        for name in recipe.inputs.traces.keys() {
            let Some(run) = state.figure_run(name) else { continue };
            let Some(trace) = &run.trace else { continue };
            let copied = self.traces.remove(&run.id).or_else(|| known.get(&run.id).cloned());
            let copied = copied.filter(|(version, _)| *version == run.version);
            let (version, trace) = copied.unwrap_or_else(|| (run.version, Arc::new(trace.clone())));
            traces.insert(name.clone(), Arc::clone(&trace));
            if let Some(prompting) = &run.question.prompted {
                darkened.insert(name.clone(), Arc::clone(prompting));
            }
            known.insert(run.id, (version, trace));
        }
        self.traces = known;
        let maps = state.figure.map_bytes().map(|(name, bytes)| (name.clone(), Arc::clone(bytes))).collect();
        Subject { recipe, traces, darkened, maps, folder: state.figure.folder.clone() }
    }
}

fn preview_dpi(room_px: f32, width_mm: f64) -> u32 {
    let wanted = f64::from(room_px) * 25.4 / width_mm.max(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float becomes the nearest number")]
    let wanted = wanted.round() as u32;
    wanted.next_multiple_of(DPI_STEP).clamp(*PREVIEW_DPI.start(), *PREVIEW_DPI.end())
}

fn preview(recipe: &Arc<Recipe>, inputs: &Inputs, dpi: u32) -> Result<Preview, String> {
    let figure = Figure::new(recipe, inputs).map_err(|err| err.to_string())?;
    let raster = figure.raster(dpi).map_err(|err| err.to_string())?;
    let scene = figure.scene();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float becomes the nearest number")]
    let size_px = [scene.width, scene.height]
        .map(|length| (length * f64::from(recipe.layout.dpi) / 72.0).round().max(1.0) as u32);
    Ok(Preview {
        recipe: Arc::clone(recipe),
        raster: Arc::new(raster),
        size_mm: [scene.width, scene.height].map(|length| length * 25.4 / 72.0),
        size_px,
        missing_letters: figure.missing_letters().into_iter().collect(),
        warnings: figure.warnings(),
        scale_notes: figure.scale_notes(),
        titles: figure.resolved().panels.iter().map(|panel| panel.title.clone()).collect(),
    })
}

/// The shown answer for a page: a page is about one trace.
#[derive(Debug, Clone)]
pub(in crate::ui) struct PageSubject {
    trace: Arc<Trace>,
    prompting: Option<Arc<Prompting>>,
}

/// What is written, and what must not be written over.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Written {
    what: What,
    open: OpenFiles,
}

#[derive(Debug, Clone)]
enum What {
    /// The recipe's figure; with the numbers behind it or not.
    Figure(Subject, bool),
    /// A page of an answer.
    Page(PageSubject),
}

impl Figures {
    /// What belongs into a file of this name.
    pub(in crate::ui) fn written(&mut self, state: &AppState, path: &Path) -> Option<Written> {
        let open = OpenFiles::of(state);
        if !html::is_page(path) {
            return Some(Written { what: What::Figure(self.subject(state), state.figure.data_too), open });
        }
        let run = state.current_run()?;
        let trace = Arc::new(run.trace.clone()?);
        let what = What::Page(PageSubject { trace, prompting: run.question.prompted.clone() });
        Some(Written { what, open })
    }
}

/// Writes a figure or a page; takes its time.
pub(in crate::ui) fn write(
    written: &Written,
    path: &Path,
    replace: bool,
    watch: &mut Watch<'_>,
) -> Result<FigureSaved, String> {
    if path.exists() && !replace {
        return Ok(FigureSaved::Exists(path.to_owned()));
    }
    let mut outputs = written.open.outputs();
    match &written.what {
        What::Page(subject) => {
            write_page(subject, path, &mut outputs)?;
            Ok(FigureSaved::Written { path: path.to_owned(), data: None, missing_letters: String::new() })
        }
        What::Figure(subject, data_too) => match write_figure(subject, *data_too, path, &mut outputs, watch) {
            Err(Unwritten::Stopped) => Ok(FigureSaved::Stopped),
            Err(Unwritten::Failed(why)) => Err(why),
            Ok(saved) => Ok(saved),
        },
    }
}

fn write_page(subject: &PageSubject, path: &Path, outputs: &mut Outputs) -> Result<(), String> {
    let PageSubject { trace, prompting } = subject;
    let photo_path = Path::new(&trace.run.image_path);
    outputs.reads("the photo", photo_path);
    let key = outputs.claim("the page", path).map_err(|err| err.to_string())?;
    let photo = open_photo(photo_path).map_err(|err| err.to_string())?;
    if photo.sha256 != trace.run.image_hash {
        let path = &trace.run.image_path;
        return Err(format!("Expected the photo that was asked about, found another since then: {path}"));
    }
    let photo = match prompting {
        Some(prompting) => prompting.apply(&photo).map_err(|err| err.to_string())?,
        None => photo,
    };
    let page = html::page(trace, &photo).map_err(|err| err.to_string())?;
    outputs.write_bytes(key, page.as_bytes()).and_then(|()| outputs.commit()).map_err(|err| err.to_string())
}

/// Why there is no figure.
enum Unwritten {
    Stopped,
    Failed(String),
}

impl From<FigureError> for Unwritten {
    fn from(err: FigureError) -> Self {
        if matches!(err, FigureError::Stopped) { Self::Stopped } else { Self::Failed(err.to_string()) }
    }
}

fn write_figure(
    subject: &Subject,
    data_too: bool,
    path: &Path,
    outputs: &mut Outputs,
    watch: &mut Watch<'_>,
) -> Result<FigureSaved, Unwritten> {
    let inputs = subject.open().map_err(Unwritten::Failed)?;
    inputs.files().for_each(|(what, path)| outputs.reads(what, path));
    // Before the figure is drawn, which takes a moment.
    outputs.claim(FIGURE, path).map_err(FigureError::from)?;
    expect_own_name(&subject.recipe, path)?;
    let (recipe, maps) = with_maps_beside(&subject.recipe, &inputs, path);
    let figure = Figure::watched(&recipe, &inputs, watch)?;
    let data = data_too.then(|| data_folder(path));
    let besides = Besides { data: data.clone().map(DataFolder::Beside), maps, ..Besides::default() };
    figure.write_with(&besides, outputs, (FIGURE, path), watch)?;
    let missing_letters = figure.missing_letters().into_iter().collect();
    Ok(FigureSaved::Written { path: path.to_owned(), data, missing_letters })
}

/// The folder of the numbers: `F_data` beside `F.pdf`.
fn data_folder(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}_data"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_as_fine_as_its_place() {
        assert_eq!(preview_dpi(0.0, 174.0), 40, "never less than can be drawn");
        assert_eq!(preview_dpi(174.0 / 25.4 * 100.0, 174.0), 104, "in steps");
        assert_eq!(preview_dpi(1e9, 84.0), 400, "never more than a screen shows");
    }

    #[test]
    fn numbers_lie_beside_their_figure() {
        assert_eq!(data_folder(Path::new("p/F.pdf")), Path::new("p/F_data"), "named after it");
    }
}
