//! The window's whole state, without a window: plain data changed by two reducers, [`AppState::apply`] for what the
//! user does and [`AppState::receive`] for what the worker says. Neither touches the outside; both return [`Effect`]s
//! for the app to carry out.
//!
//! What features take of the panels of another one, each the part of a panel:
//!
//! | part | features that paint it, too | what it is |
//! | --- | --- | --- |
//! | `answer::similarity` | `attention` | texts beside a photo, in place of an answer |
//! | `answer::verdict` | `mitigation` | yes or no |
//! | `attention::heads` | `truth` | what stands where there are no maps |
//! | `attention::map_bar` | `pairs`, `photo` | the bar over the photo, and its layer and head |
//! | `clipboard::menu` | `answer`, `attention`, `compare`, `pope`, `truth` | right click on a table |
//! | `dataset::panel` | `truth` | how many photos are opened |
//! | `mitigation::contrast` | `answer` | what a method did at a word |
//! | `mitigation::methods` | `answer` | the button with the methods that act |
//! | `mitigation::panel::photo` | `photo` | the darkened photo |
//! | `photo::panel::footer` | `mitigation` | what is under the pointer |
//! | `photo::stage` | `compare`, `mitigation` | the canvas with its menu and keys |
//! | `pope::panel` | `answer`, `truth` | the question about an object |
//! | `truth::objects` | `photo` | an object's colour |
//! | `truth::origin` | `answer`, `compare` | a word's verdict |

pub(in crate::ui) mod answer;
pub(in crate::ui) mod attention;
pub(in crate::ui) mod clipboard;
pub mod commands;
pub(in crate::ui) mod compare;
pub(in crate::ui) mod context;
pub(in crate::ui) mod dataset;
pub mod derived;
pub mod figure;
pub(in crate::ui) mod messages;
pub(in crate::ui) mod mitigation;
pub(in crate::ui) mod models;
pub mod open_files;
pub mod pairs;
pub(in crate::ui) mod photo;
pub(in crate::ui) mod pope;
pub(in crate::ui) mod reducers;
pub mod session;
pub mod study;
#[cfg(test)]
pub(crate) mod testing;
pub mod truth;

pub use crate::analysis::{MapSource as Source, Normalisation, Reduce, TokenRef as TokenPos};
pub use crate::ui::background::runner::Progress;
pub use crate::ui::core::prefs::{Preferences, Saved};
pub use crate::ui::core::toasts::{Toast, Toasts};
pub use answer::forking::Branch;
pub use answer::queue::AskAll;
pub use answer::runs::{ForkedFrom, Phase, Run, Runs};
pub use answer::selection::{Direction, Selection};
pub(in crate::ui) use compare::state::Picked;
pub use compare::state::{Compare, ComparedRuns, HistoryEntry, MOST_COLUMNS};
pub use dataset::all_photos::AllPhotos;
pub use dataset::browse::{Browse, Search};
pub use dataset::library::{Library, LibraryImage, images_of, source_of};
pub use figure::state::{FigureBuilder, FigureOutcome, FigureWish, FileWish, InputKind};
pub use messages::notices::{Notice, Notices, Severity, Until};
pub use mitigation::prompting::{Finding, Made, PromptingState, ShownPrompting, Then};
pub use models::found::{ModelsAtHand, Needs};
pub use models::state::{Loading, ModelState, source_label};
pub use pairs::state::{PairsEffect, PairsState};
pub use pope::state::{Pope, PopeAnswer, PopeRow, PopeTable};
pub(in crate::ui) use pope::state::{WordSaid, yes_probability};
pub use reducers::undo::History;
pub use session::state::{Offer, SessionEffect, SessionState};
pub use study::state::{StudyEffect, StudyState};
pub use truth::state::Truth;

use crate::data::dataset::{NotesChange, PhotoPlace};
use crate::data::demo;
use crate::engine::{ImageSource, ModelTask, Request, RunId};
use crate::figure::TableForm;
use crate::ui::core::command::{CanvasCommand, ParameterPlace, SessionBox, WordStep};
use crate::ui::core::pane::{Pane, TableKind};
use crate::ui::core::settings::{AskSettings, ChipQuantity, ColourSettings, ViewState, scale_within};
use std::path::PathBuf;

/// Something outside the state that is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// To the worker.
    Send(Request),
    /// Stop one question.
    Cancel(RunId),
    /// Stop opening a model.
    CancelAll,
    /// Start another worker.
    RestartWorker,
    /// A dialog for photos.
    PickImages,
    /// A dialog for a folder of photos.
    PickImageFolder,
    /// A dialog for a model folder.
    PickModelFolder,
    /// A dialog for the folder of a CLIP that says where to look.
    PickClipFolder,
    /// A dialog for a file that a parameter of a method names.
    PickParameterFile(ParameterPlace),
    /// Find the models of the hub's cache.
    ListModels,
    /// Find photos and annotations in these files and folders.
    Scan(Vec<PathBuf>),
    /// A dialog for annotation files.
    PickAnnotations,
    /// Stop opening files.
    StopOpening,
    /// Show the folder of a file in the desktop's file manager.
    ShowFolder(PathBuf),
    /// Put a data set together; the image to look at then.
    Join(u64, Option<ImageSource>),
    /// Put the bundled data set together.
    OpenBundled(u64),
    /// Look for images.
    Find(u64, Box<Search>),
    /// Write what is noted about a photo.
    WriteNotes(Box<NotesChange>),
    /// Tell the photo's view.
    Canvas(CanvasCommand),
    /// Puts every panel back in its default place.
    ResetLayout,
    /// Make a section of the inspector a panel of its own.
    TearOff(Pane),
    /// Show the tab of a panel.
    BringToFront(Pane),
    /// Hold another word of the answer.
    StepWord(WordStep),
    /// Put the cursor into the prompt box.
    FocusPrompt,
    /// Take the cursor out of it, so that keys move about.
    ReleaseFocus,
    /// Bring theme and size into force.
    ApplyLook,
    /// Text to the clipboard.
    Copy(String),
    /// The picture in front to the clipboard.
    CopyPicture,
    /// A table to the clipboard; `None` is the one in front.
    CopyTable(Option<TableKind>, TableForm),
    /// Of sessions.
    Session(SessionEffect),
    /// Of studies.
    Study(StudyEffect),
    /// Of pairs of photos.
    Pairs(PairsEffect),
    /// A dialog for where to write a figure.
    PickFigureFile,
    /// A dialog for a figure or a recipe.
    PickFigureSource,
    /// Write the figure, or the page of the shown answer; the flag says that a file of that name may be replaced.
    SaveFigure(PathBuf, bool),
    /// Read the recipe of a figure.
    OpenFigure(PathBuf),
    /// Hash files that the figure is about to name.
    HashFigureInputs(Box<FigureWish>),
    /// Stop writing the figure.
    StopFigure,
    /// A dialog for a typeface.
    PickTypeface,
    /// Close the window.
    Quit,
}

/// Boxes that are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "boxes that are independent of each other")]
pub struct OpenBoxes {
    /// The list of keys.
    pub help: bool,
    /// What program this is.
    pub about: bool,
    /// The command that the next keys are for, by its name.
    pub recording: Option<&'static str>,
    /// The box that finds commands.
    pub palette: bool,
    /// Opening a model.
    pub model: bool,
    /// The photo alone in the window.
    pub photo_only: bool,
    /// The chat template.
    pub template: bool,
    /// What is listed.
    pub filter: bool,
    /// Of sessions.
    pub session: Option<SessionBox>,
}

/// The window's whole state, without a window: plain data changed by two reducers, [`AppState::apply`] for what the
/// user does and [`AppState::receive`] for what the worker says.
#[derive(Debug, Clone, Default)]
pub struct AppState {
    /// Images on offer.
    pub library: Library,
    /// The photo on show with the hash of its file, once it was read.
    pub shown_photo: Option<(ImageSource, String)>,
    /// The data set they belong to.
    pub browse: Browse,
    /// What is known about the image looked at.
    pub truth: Truth,
    /// Questions and answers.
    pub runs: Runs,
    /// Which of them stand side by side.
    pub compare: Compare,
    /// The figure that is being put together.
    pub figure: FigureBuilder,
    /// Yes/no questions about objects.
    pub pope: Pope,
    /// Studies and the run that is looked at.
    pub study: StudyState,
    /// Pairs of photos that two encoders see differently.
    pub pairs: PairsState,
    /// One question about every listed photo.
    pub all_photos: AllPhotos,
    /// Attention prompting on the photo.
    pub prompting: PromptingState,
    /// The model.
    pub model: ModelState,
    /// Tokens and patches pointed at.
    pub selection: Selection,
    /// Which numbers are shown.
    pub view: ViewState,
    /// In which colours.
    pub colour: ColourSettings,
    /// What colours the chips.
    pub chips: ChipQuantity,
    /// A chip for every token in place of every word.
    pub pieces: bool,
    /// What is about to be asked.
    pub ask: AskSettings,
    /// Messages.
    pub notices: Notices,
    /// What was finished.
    pub toasts: Toasts,
    /// Settings of the program.
    pub prefs: Preferences,
    /// Models at hand.
    pub models_at_hand: ModelsAtHand,
    /// Where the work is kept.
    pub session: SessionState,
    /// Boxes that are open.
    pub open: OpenBoxes,
    /// What was shown and held before.
    pub history: History,
}

impl AppState {
    /// Whether an answer is about the photo on show as its file is now; so it is while nobody knows better.
    pub fn is_of_shown_photo(&self, run: &Run) -> bool {
        let asked = run.trace.as_ref().map(|trace| trace.run.image_hash.as_str()).filter(|hash| !hash.is_empty());
        let shown = self.shown_photo.as_ref().filter(|(image, _)| *image == run.question.image);
        asked.zip(shown).is_none_or(|(asked, (_, found))| asked == found)
    }

    /// The state as it was left.
    pub fn restored(saved: Saved) -> Self {
        let Saved { mut prefs, view, mut colour, chips, pieces, ask, truth, pope, prompting } = saved;
        colour.forget_fixed_range();
        prefs.scale = scale_within(prefs.scale);
        let truth = Truth { view: truth, ..Truth::default() };
        let (pope, prompting) = (Pope::new(pope), PromptingState::new(prompting));
        let mut browse = Browse::default();
        let noted = prefs.bundled_notes.iter();
        let noted =
            noted.filter_map(|(name, notes)| Some((PhotoPlace::Bundled(demo::image(name)?.file_name), notes.clone())));
        browse.edits = noted.collect();
        Self { browse, truth, pope, prompting, view, colour, chips, pieces, ask, prefs, ..Self::default() }
    }

    /// What is to be kept.
    pub fn saved(&self) -> Saved {
        Saved {
            prefs: self.prefs.clone(),
            view: self.view,
            colour: self.colour,
            chips: self.chips,
            pieces: self.pieces,
            ask: self.ask.clone(),
            truth: self.truth.view,
            pope: self.pope.settings,
            prompting: self.prompting.settings.clone(),
        }
    }

    /// The image looked at.
    pub fn current_image(&self) -> Option<&ImageSource> {
        self.library.current().map(|image| &image.source)
    }

    /// The question shown.
    pub fn current_run(&self) -> Option<&Run> {
        self.runs.shown(self.current_image()?)
    }

    /// Whether the shown trace, else the open model, has a decoder.
    pub fn has_decoder(&self) -> bool {
        match self.current_run().and_then(|run| run.trace.as_ref()) {
            Some(trace) => trace.has_decoder(),
            None => self.model.task() == ModelTask::Answer,
        }
    }

    /// Shows what there is: without a decoder, the vision encoder; without its `[CLS]`, what its patches receive.
    fn settle_source(&mut self) {
        let has_decoder = self.has_decoder();
        let trace = self.current_run().and_then(|run| run.trace.as_ref());
        // Which one is looked at stays while nothing is known of the next answer.
        let last = trace.map_or(usize::MAX, |trace| trace.num_encoders().saturating_sub(1));
        let encoder = self.view.encoder.min(last);
        let has = |source: Source| trace.is_none_or(|trace| source.is_in(trace, encoder));
        let chosen = self.view.source;
        let is_rows = [Source::VISION, Source::RECEIVED].contains(&chosen);
        self.view.source = match chosen {
            source if source == Source::DECODER && has_decoder => source,
            source if source != Source::DECODER && !is_rows && has(source) => source,
            _ if !has(Source::VISION) && has(Source::RECEIVED) => Source::RECEIVED,
            source if source == Source::RECEIVED && trace.is_none() => source,
            source if source != Source::DECODER && !is_rows && has_decoder => Source::DECODER,
            _ => Source::VISION,
        };
        self.view.encoder = encoder;
        if !has_decoder {
            self.selection.direction = Direction::default();
        }
    }

    /// Layers and heads of the shown source: of the shown trace, else of the open model.
    pub fn shape(&self) -> Option<(usize, usize)> {
        let trace = self.current_run().and_then(|run| run.trace.as_ref());
        match (self.view.source.is_encoder(), trace, &self.model.info) {
            (false, Some(trace), _) => Some((trace.num_hidden_layers, trace.num_attention_heads)),
            (false, None, Some(info)) => Some((info.num_hidden_layers, info.num_attention_heads)),
            (true, Some(trace), _) => {
                trace.encoder(self.view.encoder).map(|vision| (vision.num_hidden_layers, vision.num_attention_heads))
            }
            (true, None, Some(info)) => Some((info.vision_num_hidden_layers, info.vision_num_attention_heads)),
            (_, None, None) => None,
        }
    }
}
