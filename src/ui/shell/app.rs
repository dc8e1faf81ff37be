//! The application: events and commands in, effects out, panels painted.

mod effects;
mod studies;

use crate::data;
use crate::data::dataset::NotesPlaces;
use crate::engine::{DevicePreference, DtypePreference, ImageSource, ModelSource};
use crate::ui::background::link::{EngineLink, Waker};
use crate::ui::background::notes_writer::NotesWriter;
use crate::ui::background::photos::{Photos, Told};
use crate::ui::core::command::{Command, CompareCommand, ListCommand};
use crate::ui::core::pane::Pane;
use crate::ui::features::commands::ahead::Ahead;
use crate::ui::features::commands::shortcuts;
use crate::ui::features::context::{PanelContext, ViewMemory};
use crate::ui::features::derived::Derived;
use crate::ui::features::figure::preview::Figures;
use crate::ui::features::mitigation::before_after::BeforeAfters;
use crate::ui::features::mitigation::prompted::PromptedPictures;
use crate::ui::features::pairs::worker::PairLooks;
use crate::ui::features::session::{Reopened, SessionWriter};
use crate::ui::features::study::worker::Studies;
use crate::ui::features::truth::SlowNumbers;
use crate::ui::features::{AppState, Saved, Severity, TokenPos, Until};
use crate::ui::shell::jobs::Jobs;
use crate::ui::shell::screen::FirstFit;
use crate::ui::shell::{layout, room as panels};
use crate::ui::widgets::theme;
use eframe::egui;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time a frame may spend on derived values beyond what is looked at: an eighth of what a frame takes here, within
/// these bounds.
const DERIVE_BUDGETS: [Duration; 2] = [Duration::from_micros(1500), Duration::from_millis(25)];

/// Events taken in a frame: more wait for the next one, so that a flood cannot stop the painting.
const MOST_EVENTS: usize = 256;

/// Least time between two measurements of this process's memory.
const MEMORY_EVERY: Duration = Duration::from_secs(2);

const SETTINGS_KEY: &str = "gazelens-settings";
const LAYOUT_KEY: &str = "gazelens-layout";

/// How the window starts.
pub struct AppOptions {
    /// The worker.
    pub link: Box<dyn EngineLink>,
    /// The model to open; `None` opens none.
    pub model: Option<ModelSource>,
    /// Where it runs.
    pub device: DevicePreference,
    /// In which type.
    pub dtype: DtypePreference,
    /// Photos and folders to offer; when there are none, the bundled ones are.
    pub paths: Vec<PathBuf>,
    /// The hub's cache; `None` takes the one that the environment names.
    pub hub_cache: Option<PathBuf>,
    /// A session to open; its model takes the place of `model`.
    pub session: Option<PathBuf>,
    /// The folder of recovery files; `None` keeps none.
    pub recovery: Option<PathBuf>,
    /// Least time between two writings of the recovery file.
    pub recovery_every: Duration,
    /// Where notes are kept that cannot lie beside their photos.
    pub notes: NotesPlaces,
}

impl AppOptions {
    /// The demo model on the bundled images.
    pub fn new(link: Box<dyn EngineLink>) -> Self {
        Self {
            link,
            model: Some(ModelSource::Demo),
            device: DevicePreference::default(),
            dtype: DtypePreference::default(),
            paths: Vec::new(),
            hub_cache: None,
            session: None,
            recovery: None,
            recovery_every: Duration::from_secs(5),
            notes: NotesPlaces::default(),
        }
    }
}

/// The application: events and commands in, effects out, panels painted.
pub struct App {
    pub(in crate::ui) state: AppState,
    pub(in crate::ui) derived: Derived,
    pub(in crate::ui) link: Box<dyn EngineLink>,
    pub(in crate::ui) commands: Vec<Command>,
    ahead: Ahead,
    pub(in crate::ui) jobs: Jobs,
    pub(in crate::ui) photos: Photos,
    pub(in crate::ui) slow_numbers: SlowNumbers,
    pub(in crate::ui) prompted: PromptedPictures,
    pub(in crate::ui) before_after: BeforeAfters,
    pub(in crate::ui) figures: Figures,
    pub(in crate::ui) studies: Studies,
    pair_looks: PairLooks,
    pub(in crate::ui) notes: NotesWriter,
    pub(in crate::ui) view: ViewMemory,
    pub(in crate::ui) tree: egui_tiles::Tree<Pane>,
    pub(in crate::ui) resident_bytes: Option<u64>,
    memory_measured: Option<Instant>,
    pub(in crate::ui) hub_cache: Option<PathBuf>,
    pub(in crate::ui) session_writer: SessionWriter,
    /// A session that waits until what it takes the place of is kept.
    pub(in crate::ui) waiting: Option<Box<Reopened>>,
    /// Opened if the session that the window was to begin with has none.
    pub(in crate::ui) model_without_session: Option<ModelSource>,
    started: Instant,
    /// When the frame before began, if something was left to be made in it.
    deriving_since: Option<Instant>,
    first_fit: FirstFit,
    /// The window may close: nothing is lost, or its user knows.
    closing: bool,
}

impl App {
    /// Builds the window's content. Everything slow is started beside it.
    pub fn new(cc: &eframe::CreationContext<'_>, options: AppOptions) -> Self {
        let ctx = cc.egui_ctx.clone();
        theme::install(&ctx);
        panels::install_gpu(cc);
        // Zooming the photo takes these keys; the interface has its own.
        ctx.options_mut(|egui| egui.zoom_with_keyboard = false);
        let wake: Waker = {
            let ctx = ctx.clone();
            Arc::new(move || ctx.request_repaint())
        };
        let (session_writer, no_recovery) =
            SessionWriter::new(&wake, options.recovery.as_deref(), options.recovery_every);
        let mut app = Self {
            state: AppState::default(),
            derived: Derived::default(),
            link: options.link,
            commands: Vec::new(),
            ahead: Ahead::default(),
            jobs: Jobs::new(Arc::clone(&wake), options.notes.clone()),
            photos: Photos::new(&wake),
            slow_numbers: SlowNumbers::new(&wake),
            prompted: PromptedPictures::new(&wake),
            before_after: BeforeAfters::new(&wake),
            figures: Figures::new(&wake),
            studies: Studies::new(&wake),
            pair_looks: PairLooks::new(&wake),
            notes: NotesWriter::new(options.notes, &wake),
            view: ViewMemory::default(),
            tree: layout::default_tree(),
            resident_bytes: None,
            memory_measured: None,
            hub_cache: options.hub_cache,
            session_writer,
            waiting: None,
            model_without_session: None,
            started: Instant::now(),
            deriving_since: None,
            first_fit: FirstFit::default(),
            closing: false,
        };
        if let Some(storage) = cc.storage {
            app.restore(storage);
        }
        theme::apply(&ctx, app.state.prefs.theme, app.state.prefs.scale);
        app.state.prefs.keys.install(&ctx);
        app.state.model.device = options.device;
        app.state.model.dtype = options.dtype;
        let bundled = data::demo::IMAGES.iter().map(|image| ImageSource::Bundled(image.file_name.to_owned()));
        app.state.library.add(bundled);
        app.state.library.select(0);
        app.jobs.open_bundled(app.state.browse.generation);
        if !options.paths.is_empty() {
            app.commands.push(Command::AddPaths(options.paths));
        }
        app.begin_session(options.session, options.model, no_recovery);
        app
    }

    /// The state, for tests.
    pub fn state(&self) -> &AppState {
        &self.state
    }

    /// What was made of the shown trace, for tests.
    pub fn derived(&self) -> &Derived {
        &self.derived
    }

    /// The figure's preview, for tests.
    pub fn figure_preview(&self) -> Option<Result<&crate::ui::features::figure::preview::Preview, &str>> {
        self.figures.preview()
    }

    /// The panels, for tests.
    pub fn tree(&self) -> &egui_tiles::Tree<Pane> {
        &self.tree
    }

    /// Whether a panel is in front of its tabs, or open in an inspector that is, for tests.
    pub fn is_in_sight(&self, pane: Pane) -> bool {
        !self.state.open.photo_only && layout::is_in_sight(&self.tree, &self.view.sections, pane)
    }

    /// Where the photo was drawn, as far as it is in sight, for tests.
    pub fn photo_shown(&self) -> Option<egui::Rect> {
        self.view.photo_shown
    }

    /// Queues a command, as a menu would.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Takes settings and layout from where [`eframe::App::save`] left them; what cannot be read is as on the first
    /// day.
    pub fn restore(&mut self, storage: &dyn eframe::Storage) {
        if let Some(saved) = storage.get_string(SETTINGS_KEY).and_then(|json| serde_json::from_str::<Saved>(&json).ok())
        {
            self.state = AppState::restored(saved);
        }
        if let Some(tree) = storage.get_string(LAYOUT_KEY).and_then(|json| layout::restored_tree(&json)) {
            self.tree = tree;
        }
        if let Some(json) = storage.get_string(LAYOUT_KEY) {
            self.view.sections = layout::restored_sections(&json);
        }
    }

    /// What panels get, and where they stand.
    pub(in crate::ui) fn panels(&mut self) -> (PanelContext<'_>, &mut egui_tiles::Tree<Pane>) {
        let cx = PanelContext {
            state: &self.state,
            derived: &self.derived,
            slow_numbers: &self.slow_numbers,
            prompted: &self.prompted,
            before_after: &self.before_after,
            figures: &mut self.figures,
            photos: &mut self.photos,
            memory: &mut self.view,
            commands: &mut self.commands,
            resident_bytes: self.resident_bytes,
            hovered_token: None,
            hovered_elsewhere: None,
        };
        (cx, &mut self.tree)
    }

    pub(in crate::ui) fn now_secs(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Events, finished jobs, dropped files and keys become changes of the state.
    fn drain(&mut self, ctx: &egui::Context) {
        let now_secs = self.now_secs();
        let mut heard = 0;
        while heard < MOST_EVENTS
            && let Some(event) = self.link.try_recv()
        {
            heard += 1;
            let effects = self.state.receive(event, now_secs);
            self.carry_out(effects, ctx);
        }
        if heard == MOST_EVENTS {
            ctx.request_repaint();
        }
        if heard > 0 {
            self.session_writer.touch();
        }
        for done in self.jobs.poll() {
            self.session_writer.touch();
            self.job_done(done, ctx);
        }
        self.written(ctx);
        self.state.browse.opening = self.jobs.progress();
        self.state.figure.progress = self.jobs.figure_progress();
        for told in self.notes.poll() {
            self.state.noted(told);
        }
        let is_missing = self.state.current_image().is_some_and(|image| self.state.session.is_missing(image));
        match self.photos.poll(ctx).filter(|_| !is_missing) {
            Some(Told::Failed(why)) => {
                let advice = "Choose another photo; PNG, JPEG, WebP, GIF, BMP and TIFF can be read";
                self.state.notices.push((Severity::Error, Until::OtherPhoto), why, advice, None);
            }
            Some(Told::Warned(warnings)) => {
                for warning in warnings.iter() {
                    self.state.notices.push((Severity::Warning, Until::OtherPhoto), warning, "", None);
                }
            }
            None => {}
        }
        if heard > 0 && self.memory_measured.is_none_or(|at| at.elapsed() > MEMORY_EVERY) {
            self.memory_measured = Some(Instant::now());
            self.jobs.measure_memory();
        }
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        if !dropped.is_empty() {
            self.commands.push(Command::AddPaths(dropped));
        }
        shortcuts::leave_to_desktop(ctx);
        self.ahead.give(ctx);
        let later = self.ahead.split(ctx, self.state.open, &self.state.prefs.keys);
        let pressed = shortcuts::pressed(ctx, self.state.open, &self.state.prefs.keys);
        self.ahead.hold(ctx, later, &pressed);
        self.commands.extend(pressed);
    }

    /// Messages that go by themselves do so on time; without one nothing is drawn for them.
    fn follow_toasts(&mut self, ctx: &egui::Context) {
        let held = self.view.toast_pointed || !ctx.input(|input| input.focused);
        if let Some(wait) = self.state.toasts.advance(self.now_secs(), held) {
            ctx.request_repaint_after(Duration::from_secs_f64(wait.max(0.0)));
        }
    }
}

fn is_key_down(event: &egui::Event) -> bool {
    matches!(event, egui::Event::Key { pressed: true, .. })
}

impl App {
    /// Keeps in mind which photo is on show. One that is not what the shown answer is about is read again: it may be by
    /// now.
    fn follow_photo(&mut self) {
        let shown = self.photos.shown();
        let known = self.state.shown_photo.as_ref().map(|(image, hash)| (image, hash.as_str()));
        if shown != known {
            self.state.shown_photo = shown.map(|(image, hash)| (image.clone(), hash.to_owned()));
        }
        let other = self.state.current_run().filter(|run| !self.state.is_of_shown_photo(run));
        if let Some(trace) = other.and_then(|run| run.trace.as_ref()) {
            self.photos.read_again_for(&trace.run.image_hash);
        }
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.drain(ctx);
        // The desktop's own button: as the command, which may have to ask first.
        if ctx.input(|input| input.viewport().close_requested()) && !self.closing && self.state.num_unsaved() > 0 {
            ctx.send_viewport_cmd(egui::ViewportCommand::CancelClose);
            self.commands.push(Command::Quit);
        }
        if ctx.input(|input| input.pointer.any_pressed() || input.events.iter().any(is_key_down)) {
            self.state.history.another_gesture();
        }
        for command in std::mem::take(&mut self.commands) {
            if matches!(
                command,
                Command::SelectImage(_)
                    | Command::JumpToImage(_)
                    | Command::NextImage
                    | Command::PreviousImage
                    | Command::List(ListCommand::Show(_) | ListCommand::ToggleGrid)
            ) {
                self.view.scroll_to_current = true;
            }
            if !matches!(command, Command::HoverToken(_) | Command::HoverObject(_)) {
                self.session_writer.touch();
            }
            let effects = self.state.apply(command);
            self.carry_out(effects, ctx);
        }
        self.first_fit.follow(ctx);
        self.follow_window(ctx);
        self.follow_session(ctx);
        self.follow_toasts(ctx);
        self.slow_numbers.follow_image(&mut self.state);
        self.photos.show(self.state.library.current().map(|image| &image.source));
        self.follow_photo();
        let in_front = |pane| !self.state.open.photo_only && layout::is_in_front(&self.tree, pane);
        self.state.figure.visible = in_front(Pane::Figure);
        self.state.study.visible = in_front(Pane::Study);
        if let Some(wait) = self.studies.follow(&mut self.state.study) {
            ctx.request_repaint_after(wait);
        }
        self.state.pairs.visible = in_front(Pane::Pairs);
        // The figure offers the difference that stands there.
        self.state.compare.visible = self.state.figure.visible || in_front(Pane::Compare);
        self.pair_looks.follow(&mut self.state);
        let began = Instant::now();
        let [least, most] = DERIVE_BUDGETS;
        let budget = self.deriving_since.map_or(least, |before| (began - before) / 8).clamp(least, most);
        let more = self.derived.advance(&self.state, budget);
        self.deriving_since = more.then_some(began);
        if more {
            ctx.request_repaint();
        }
        self.slow_numbers.follow(&self.state, &self.derived);
        self.prompted.follow(&self.state);
        if layout::is_in_front(&self.tree, Pane::Mitigation) {
            self.before_after.follow(&self.state);
        }
        self.figures.follow(&self.state);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let commands_before = self.commands.len();
        let (mut cx, tree) = self.panels();
        panels::frame(ui, &mut cx, tree);
        let hovered: Option<TokenPos> = cx.hovered_token;
        let elsewhere = cx.hovered_elsewhere;
        if hovered != self.state.selection.hovered_token {
            self.commands.push(Command::HoverToken(hovered));
        }
        if elsewhere != self.state.selection.hovered_elsewhere {
            self.commands.push(Command::Compare(CompareCommand::Hover(elsewhere)));
        }
        if self.commands.len() > commands_before {
            ui.ctx().request_repaint();
        }
    }

    fn save(&mut self, storage: &mut dyn eframe::Storage) {
        if let Ok(json) = serde_json::to_string(&self.state.saved()) {
            storage.set_string(SETTINGS_KEY, json);
        }
        storage.set_string(LAYOUT_KEY, layout::stored(&self.tree, &self.view.sections).to_string());
    }

    fn persist_egui_memory(&self) -> bool {
        false // what is worth keeping is kept above, in a form that outlives a change of egui's
    }
}
