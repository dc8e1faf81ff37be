//! Saving and opening sessions, what a session did not find again, and what was left behind by a program that did not
//! end properly.

mod leaving;
mod locating;

use crate::data::dataset::PhotoPlace;
use crate::engine::{ImageSource, ModelSource, Request};
use crate::trace::Trace;
use crate::ui::core::command::{Command, SessionBox, SessionCommand};
use crate::ui::core::prefs::remember_path;
use crate::ui::core::wording::count;
use crate::ui::features::figure::files::OpenedFigure;
use crate::ui::features::session::{KeptFigure, Missing, Reopened, WindowPlace};
use crate::ui::features::{AppState, Compare, Effect, Pope, Runs, Selection, Severity, TokenPos, Truth, Until};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Something outside the state that sessions need.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionEffect {
    /// A dialog for a file to save to, with a name to begin with.
    PickSave(String),
    /// A dialog for a session.
    PickOpen,
    /// A dialog for a folder with missing files.
    PickFolder,
    /// Write the state there.
    Write(PathBuf),
    /// The same, but a file that has the name is asked about first.
    WriteNew(PathBuf),
    /// Read a session; whether it is a recovery file.
    Read(PathBuf, bool),
    /// Look for missing files.
    Locate(Missing, PathBuf),
    /// Throw away what was left behind.
    Discard(PathBuf),
    /// Put the window where it was.
    PlaceWindow(WindowPlace),
}

/// Something that was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The file.
    pub path: PathBuf,
    /// "3 answers about 2 photos by the demo model, saved 12 minutes ago".
    pub words: String,
}

/// Saving and opening sessions, what a session did not find again, and what was left behind by a program that did not
/// end properly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionState {
    /// Where it was saved last, or opened from.
    pub path: Option<PathBuf>,
    /// What it names and nobody finds.
    pub missing: Missing,
    /// What was left behind.
    pub offers: Vec<Offer>,
    /// A file that would be replaced: waits for consent.
    pub replaces: Option<PathBuf>,
    /// Where the window is, if the desktop tells.
    pub window: Option<WindowPlace>,
    /// The last name that had been given when it was saved or opened: later answers are in no session.
    saved_until: u64,
    /// The window is closed as soon as the session is saved.
    pub quits: bool,
}

impl SessionState {
    /// The last name that had been given when the session was saved.
    pub(in crate::ui) fn saved_until(&self) -> u64 {
        self.saved_until
    }

    /// Whether a photo was not found.
    pub fn is_missing(&self, image: &ImageSource) -> bool {
        matches!(image, ImageSource::Path(path) if self.missing.photos.binary_search(path).is_ok())
    }
}

impl AppState {
    pub(in crate::ui) fn apply_session(&mut self, command: SessionCommand) -> Vec<Effect> {
        let effects = match command {
            SessionCommand::Save => match &self.session.path {
                Some(path) => vec![SessionEffect::Write(path.clone())],
                None => vec![SessionEffect::PickSave(self.session_name())],
            },
            SessionCommand::SaveAs => vec![SessionEffect::PickSave(self.session_name())],
            SessionCommand::Open => vec![SessionEffect::PickOpen],
            SessionCommand::SaveTo(path) => {
                self.open.session = None;
                vec![SessionEffect::Write(with_ending(path))]
            }
            SessionCommand::SaveTyped(path) => {
                self.open.session = None;
                vec![SessionEffect::WriteNew(with_ending(path))]
            }
            SessionCommand::OpenFile(path) => {
                self.open.session = None;
                vec![SessionEffect::Read(path, false)]
            }
            SessionCommand::Show(which) => {
                self.open.session = Some(which);
                Vec::new()
            }
            SessionCommand::PickFolder => vec![SessionEffect::PickFolder],
            SessionCommand::LookIn(folder) => vec![SessionEffect::Locate(self.session.missing.clone(), folder)],
            SessionCommand::Close => {
                self.close_session_box();
                Vec::new()
            }
            SessionCommand::Restore(path) => {
                self.offer_is_settled(&path);
                self.open.session = None;
                vec![SessionEffect::Read(path, true)]
            }
            SessionCommand::QuitAnyway => return vec![Effect::Quit],
            SessionCommand::SaveAndQuit => {
                self.open.session = None;
                self.session.quits = true;
                return self.apply_session(SessionCommand::Save);
            }
            SessionCommand::Discard(path) => {
                self.offer_is_settled(&path);
                vec![SessionEffect::Discard(path)]
            }
        };
        effects.into_iter().map(Effect::Session).collect()
    }

    /// Closing the box is putting it off, never throwing away.
    pub(in crate::ui) fn close_session_box(&mut self) {
        self.session.quits = false;
        if self.open.session.take() == Some(SessionBox::Recovery) {
            self.session.offers.clear();
        }
    }

    fn session_name(&self) -> String {
        let name = self.session.path.as_ref().and_then(|path| path.file_name());
        name.map_or_else(|| "session.gazelens".to_owned(), |name| name.to_string_lossy().into_owned())
    }

    fn offer_is_settled(&mut self, path: &Path) {
        self.session.offers.retain(|offer| offer.path != path);
        if self.session.offers.is_empty() && self.open.session == Some(SessionBox::Recovery) {
            self.open.session = None;
        }
    }

    /// Something was left behind.
    pub fn offer(&mut self, offers: Vec<Offer>) {
        if !offers.is_empty() {
            self.open.session = Some(SessionBox::Recovery);
        }
        self.session.offers = offers;
    }

    /// Another file has the name that was typed.
    pub fn ask_to_replace(&mut self, path: PathBuf) {
        self.open.session = Some(SessionBox::Replace);
        self.session.replaces = Some(path);
    }

    /// The session was written.
    pub fn session_saved(&mut self, path: PathBuf, num_answers: usize) {
        self.session.saved_until = self.runs.last_id();
        let text = format!("Saved {}: {}", count(num_answers, "answer"), path.display());
        remember_path(&mut self.prefs.recent_sessions, &path);
        self.session.path = Some(path);
        self.toasts.push(text);
    }

    /// A session takes the place of everything that is there. `before` is where that is kept.
    pub fn reopened(&mut self, reopened: Reopened, before: Option<PathBuf>) -> Vec<Effect> {
        let saved_is_there = reopened.saved_is_there;
        let mut effects: Vec<Effect> = self.runs.active().map(|run| Effect::Cancel(run.id)).collect();
        effects.extend(self.prompting.finding.take().map(|finding| Effect::Cancel(finding.id)));
        let Reopened { written, runs, joined, waiting, made, figure, missing, problems, path, recovery, .. } = reopened;
        if !recovery {
            remember_path(&mut self.prefs.recent_sessions, &path);
        }
        let saved_at = if recovery { written.path.as_ref().map(PathBuf::from) } else { Some(path.clone()) };
        self.settings_of(&written.settings);
        self.pope = Pope::restored(self.pope.settings, written.pope, written.pope_runs);
        self.all_photos = crate::ui::features::AllPhotos::default();
        let num_runs = runs.iter().filter(|run| !self.pope.is_run(run.id)).count();
        let last_id = written.last_id.max(self.runs.last_id());
        let generation = self.browse.generation + 1;
        self.runs = Runs::restored(runs, &written.shown, last_id, generation);
        let mut edits = std::mem::take(&mut self.browse.edits);
        edits.retain(|photo, _| matches!(photo, PhotoPlace::File(_)));
        let photos_wanted = waiting.as_deref().and_then(crate::ui::features::dataset::browse::wanted_words);
        let bundled = written.bundled;
        self.browse = crate::ui::features::Browse {
            bundled,
            waiting,
            photos_wanted,
            edits,
            generation,
            ..crate::ui::features::Browse::default()
        };
        self.notices = crate::ui::features::Notices::default();
        self.library = crate::ui::features::Library::default();
        // Clears what belongs to another data set, so before the query.
        effects.extend(self.joined(generation, joined));
        self.browse.query = written.query;
        effects.extend(self.search());
        self.look_at(written.image);
        self.selection = Selection::default();
        self.selection.direction = written.direction;
        if let Some(trace) = self.current_run().and_then(|run| run.trace.as_ref()) {
            let (tokens, patches) = held(trace, written.tokens, written.patches);
            self.selection.tokens = tokens;
            self.selection.patches = patches;
        }
        let hidden = self.current_image().cloned().map(|image| (image, written.hidden));
        self.truth = Truth {
            view: self.truth.view,
            chosen: written.category,
            kept_hidden: hidden.filter(|(_, hidden)| !hidden.is_empty()),
            ..Truth::default()
        };
        self.prompting.restore(made);
        let visible = self.compare.visible;
        self.compare = Compare::restored(written.compared, written.runs_listed, |id| self.runs.get(id).is_some());
        self.compare.visible = visible;
        self.figure_of_session(figure, written.figure);
        written.study.restore(&mut self.study);
        self.open.session = match (missing.is_empty(), self.session.offers.is_empty()) {
            (false, _) => Some(SessionBox::Missing),
            (true, false) => Some(SessionBox::Recovery),
            (true, true) => None,
        };
        let model_is_there = missing.model.is_none();
        let SessionState { offers, window, .. } = std::mem::take(&mut self.session);
        let saved_until = match (recovery, saved_is_there) {
            (false, _) => self.runs.last_id(),
            // What was recovered is in the session that was saved before, as far as that went.
            (true, true) => written.saved_until.min(self.runs.last_id()),
            (true, false) => 0,
        };
        let (quits, replaces) = (false, None);
        self.session = SessionState { path: saved_at, missing, offers, replaces, window, saved_until, quits };
        let place = written.window.and_then(WindowPlace::sensible).filter(|place| Some(*place) != window);
        effects.extend(place.map(|place| Effect::Session(SessionEffect::PlaceWindow(place))));
        if let Some(source) = written.model.filter(|_| model_is_there) {
            effects.extend(self.open_model_of_session(source));
        }
        self.say_reopened(&path, recovery, num_runs, before);
        for problem in problems {
            self.notices.push((Severity::Warning, Until::Dismissed), problem, "", None);
        }
        self.settle_source();
        self.history = crate::ui::features::History::default();
        effects
    }

    /// The figure as it was put together; panels are where the session's layout has them, so none comes to the front.
    fn figure_of_session(&mut self, opened: Option<OpenedFigure>, kept: Option<KeptFigure>) {
        let visible = std::mem::take(&mut self.figure).visible;
        self.figure.visible = visible;
        if let Some((opened, kept)) = opened.zip(kept) {
            drop(self.figure_opened(Ok(opened)));
            self.figure.folder = kept.folder.map(PathBuf::from);
            self.figure.data_too = kept.data_too;
            for (name, bytes) in kept.maps {
                self.figure.hold_map(name, bytes.0);
            }
        }
    }

    /// How things are shown and asked; the program's own settings are the user's, not the session's.
    fn settings_of(&mut self, saved: &crate::ui::features::Saved) {
        let crate::ui::features::Saved { prefs: _, view, colour, chips, pieces, ask, truth, pope, prompting } =
            saved.clone();
        self.view = view;
        self.colour = colour;
        self.chips = chips;
        self.pieces = pieces;
        self.ask = ask;
        self.truth = Truth { view: truth, ..Truth::default() };
        self.pope = Pope::new(pope);
        self.prompting = crate::ui::features::PromptingState::new(prompting);
    }

    /// An image that the data set does not have is added: its answers are there.
    fn look_at(&mut self, image: Option<ImageSource>) {
        let asked: HashSet<ImageSource> = self.runs.iter().map(|run| run.question.image.clone()).collect();
        let mut unknown: Vec<ImageSource> =
            asked.into_iter().filter(|image| self.library.position(image).is_none()).collect();
        unknown.sort_by_key(|image| match image {
            ImageSource::Path(path) => path.clone(),
            ImageSource::Bundled(name) => name.into(),
        });
        self.library.add(unknown);
        if let Some(idx) = image.and_then(|image| self.library.position(&image)) {
            self.library.select(idx);
        }
    }

    fn open_model_of_session(&mut self, source: ModelSource) -> Vec<Effect> {
        let open = self.model.loading.as_ref().map(|loading| &loading.source).or(self.model.source.as_ref());
        if open == Some(&source) || self.model.worker_dead {
            return Vec::new();
        }
        let request = self.model.open(source);
        if let Some(loading) = &mut self.model.loading {
            loading.of_session = true;
        }
        vec![Effect::Send(Request::Load(request))]
    }

    fn say_reopened(&mut self, path: &Path, recovery: bool, num_runs: usize, before: Option<PathBuf>) {
        let answers = count(num_runs, "answer");
        let text =
            if recovery { format!("Restored {answers}") } else { format!("Opened {answers}: {}", path.display()) };
        match before {
            None => self.toasts.push(text),
            // A way back must not go by itself.
            Some(path) => {
                let back = Command::Session(SessionCommand::Restore(path));
                let action = Some(("Back to what was open before".to_owned(), back));
                self.notices.push((Severity::Info, Until::NextQuestion), text, "", action);
            }
        }
        if !self.session.missing.is_empty() {
            let what = count(self.session.missing.len(), "file");
            let verb = if self.session.missing.len() == 1 { "was" } else { "were" };
            let text = format!("{what} of this session {verb} not found");
            let action = Some(("Locate…".to_owned(), Command::Session(SessionCommand::Show(SessionBox::Missing))));
            self.notices.push((Severity::Warning, Until::Dismissed), text, "", action);
        }
    }
}

/// What of a selection is there: another program may have written it.
fn held(
    trace: &Trace,
    tokens: Vec<TokenPos>,
    patches: Vec<usize>,
) -> (std::collections::BTreeSet<TokenPos>, std::collections::BTreeSet<usize>) {
    let is_there = |pos: &TokenPos| match *pos {
        TokenPos::Prompt(idx) => idx < trace.prompt.len(),
        TokenPos::Output(idx) => idx < trace.output.len(),
    };
    let tokens = tokens.into_iter().filter(is_there).collect();
    (tokens, patches.into_iter().filter(|idx| *idx < trace.layout.len()).collect())
}

/// A folder, or a GGUF decoder.
fn model_at(path: PathBuf) -> ModelSource {
    let is_gguf = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if is_gguf { ModelSource::Gguf { decoder: path, mmproj: None } } else { ModelSource::Folder(path) }
}

/// Names without an ending get the one of sessions.
fn with_ending(path: PathBuf) -> PathBuf {
    if path.extension().is_some() { path } else { path.with_extension(crate::session::EXTENSION) }
}
