//! Work beside the window: dialogs, listing folders, measuring memory. Polled every frame, never waited for.

mod dialogs;
mod figure;
mod folders;

use crate::data::dataset::{NotesPlaces, Sources};
use crate::engine::{ImageSource, free_memory};
use crate::figure::recipe::FileInput;
use crate::hub::{HubOptions, cached_models};
use crate::ui::background::link::Waker;
use crate::ui::features::clipboard::drawing;
use crate::ui::features::dataset::opening;
use crate::ui::features::dataset::opening::{Before, Joined, Opened};
use crate::ui::features::figure::files::{FigureSaved, OpenedFigure};
use crate::ui::features::session;
use crate::ui::features::session::{Left, Located, Missing, Reopened};
use crate::ui::features::{FigureWish, ModelsAtHand, Progress, Search};
use poll_promise::Promise;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Something that was finished beside the window.
#[derive(Debug)]
pub(in crate::ui) enum JobDone {
    /// Photos or folders were picked.
    PickedImages(Vec<PathBuf>),
    /// A model folder was picked.
    PickedModel(PathBuf),
    /// The folder of a CLIP was picked.
    PickedClip(PathBuf),
    /// A file for the figure was named; its replacement was agreed to in the dialog.
    PickedFigureFile(PathBuf),
    /// A figure or a recipe was picked.
    PickedFigureSource(PathBuf),
    /// A figure was written, or was not.
    FigureSaved(Result<FigureSaved, String>),
    /// A figure was opened, or was not.
    FigureOpened(Box<Result<OpenedFigure, String>>),
    /// Files were hashed for the figure.
    FigureInputsHashed(Box<FigureWish>, Result<Vec<FileInput>, String>),
    /// A typeface was picked.
    PickedTypeface(PathBuf),
    /// A dialog was asked for and none appeared.
    NoDialog(Wanted),
    /// The desktop could not show a folder: one sentence.
    FolderNotShown(String),
    /// Files and folders were looked through.
    Scanned(Box<Opened>),
    /// A data set was put together.
    Joined(u64, Box<Joined>),
    /// Rows of the data set that a search found.
    Found(u64, Vec<u32>),
    /// Bytes of memory this process holds.
    Memory(u64),
    /// The hub's cache was looked through.
    Models(ModelsAtHand),
    /// A place for the session was picked.
    PickedSave(PathBuf),
    /// A session was picked.
    PickedSession(PathBuf),
    /// A folder with missing files was picked.
    PickedPlace(PathBuf),
    /// A session was read, or a sentence.
    Reopened(Box<Result<Reopened, String>>),
    /// Missing files were looked for.
    Located(Located),
    /// A picture for the clipboard was drawn, or was not.
    Picture(Result<drawing::Drawn, String>),
    /// What other windows left behind, and a sentence for each that cannot be read.
    LeftBehind(Vec<Left>, Vec<String>),
}

/// What a dialog is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum Wanted {
    /// Photos, or a folder of them.
    Images,
    /// A model folder.
    Model,
    /// A CLIP that says where to look.
    Clip,
    /// Where to save a session.
    Save,
    /// A session.
    Session,
    /// A folder with missing files.
    Place,
    /// A figure to write or to read.
    Figure,
}

/// So many are put together at once.
const FEW_PHOTOS: usize = 500;

/// A dialog that comes back empty within this time was never on the screen: nobody cancels that fast.
const LEAST_DIALOG: Duration = Duration::from_millis(600);

/// What was finished, or that there was no dialog.
fn dialog_done(picked: Option<JobDone>, wanted: Wanted, elapsed: Duration) -> Option<JobDone> {
    picked.or_else(|| (elapsed < LEAST_DIALOG).then_some(JobDone::NoDialog(wanted)))
}

/// See the module's documentation.
pub(in crate::ui) struct Jobs {
    wake: Waker,
    notes: NotesPlaces,
    running: Vec<Promise<Option<JobDone>>>,
    dialog_open: Arc<AtomicBool>,
    /// Set to stop opening files.
    opening: Arc<AtomicBool>,
    progress: Arc<Mutex<Option<Progress>>>,
    /// Set to stop writing a figure.
    stop_figure: Arc<AtomicBool>,
    figure_progress: Arc<Mutex<Option<Progress>>>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.opening.store(true, Ordering::Relaxed);
        self.stop_figure();
    }
}

impl Jobs {
    /// `wake` draws a frame.
    pub(in crate::ui) fn new(wake: Waker, notes: NotesPlaces) -> Self {
        Self {
            wake,
            notes,
            running: Vec::new(),
            dialog_open: Arc::default(),
            opening: Arc::default(),
            progress: Arc::default(),
            stop_figure: Arc::default(),
            figure_progress: Arc::default(),
        }
    }

    fn spawn(&mut self, name: &str, job: impl FnOnce() -> Option<JobDone> + Send + 'static) {
        let wake = Arc::clone(&self.wake);
        self.running.push(Promise::spawn_thread(name, move || {
            let done = job();
            wake();
            done
        }));
    }

    /// One dialog at a time: a second one would hide behind the first.
    fn spawn_dialog(&mut self, wanted: Wanted, job: impl FnOnce(rfd::FileDialog) -> Option<JobDone> + Send + 'static) {
        if self.dialog_open.swap(true, Ordering::Relaxed) {
            return;
        }
        let open = Arc::clone(&self.dialog_open);
        self.spawn("gazelens-dialog", move || {
            let begun = Instant::now();
            let picked = job(rfd::FileDialog::new());
            open.store(false, Ordering::Relaxed);
            dialog_done(picked, wanted, begun.elapsed())
        });
    }

    /// Reads a session and everything it names.
    pub(in crate::ui) fn reopen(&mut self, path: PathBuf, recovery: bool, hub_cache: Option<PathBuf>) {
        let notes = self.notes.clone();
        self.spawn_telling("gazelens-reopen", move |cancel, tell| {
            let cache = hub_cache.or_else(cache_folder).unwrap_or_default();
            let reopened = session::reopen(&path, &cache, &notes, cancel, tell);
            JobDone::Reopened(Box::new(reopened.map(|reopened| Reopened { recovery, ..reopened })))
        });
    }

    /// Looks for missing files.
    pub(in crate::ui) fn locate(&mut self, missing: Missing, folder: PathBuf) {
        self.spawn_telling("gazelens-locate", move |cancel, tell| {
            tell("Looking for missing files", 0.0);
            JobDone::Located(session::locate(&missing, &folder, cancel))
        });
    }

    /// Looks for what other windows left behind.
    pub(in crate::ui) fn find_left_behind(&mut self, folder: PathBuf) {
        self.spawn("gazelens-recovery", move || {
            let (left, problems) = session::left_behind(&folder);
            Some(JobDone::LeftBehind(left, problems))
        });
    }

    /// Draws a picture for the clipboard.
    pub(in crate::ui) fn draw_picture(&mut self, wanted: drawing::Wanted) {
        self.spawn("gazelens-picture", move || Some(JobDone::Picture(drawing::draw(&wanted))));
    }

    /// Looks through files and folders and reads annotations.
    pub(in crate::ui) fn scan(&mut self, paths: Vec<PathBuf>, before: Before) {
        self.spawn_telling("gazelens-open", move |cancel, tell| {
            JobDone::Scanned(Box::new(opening::open(&paths, before, cancel, tell)))
        });
    }

    /// Work that tells how far it is and can be stopped.
    fn spawn_telling(
        &mut self,
        name: &str,
        job: impl FnOnce(&AtomicBool, opening::Tell<'_>) -> JobDone + Send + 'static,
    ) {
        self.spawn_thread(name, true, job);
    }

    /// The same; work that cannot be stopped leaves what can be alone.
    fn spawn_thread(
        &mut self,
        name: &str,
        can_stop: bool,
        job: impl FnOnce(&AtomicBool, opening::Tell<'_>) -> JobDone + Send + 'static,
    ) {
        let (progress, wake) = (Arc::clone(&self.progress), Arc::clone(&self.wake));
        if can_stop {
            self.opening.store(false, Ordering::Relaxed);
        }
        let cancel = Arc::clone(&self.opening);
        self.spawn(name, move || {
            let tell = |what: &str, share: f32| {
                if let Ok(mut progress) = progress.lock() {
                    *progress = Some(Progress { what: what.to_owned(), share, can_stop });
                }
                wake();
            };
            let done = job(&cancel, &mut { tell });
            if let Ok(mut progress) = progress.lock() {
                *progress = None;
            }
            Some(done)
        });
    }

    /// Stops opening files.
    pub(in crate::ui) fn stop_opening(&self) {
        self.opening.store(true, Ordering::Relaxed);
    }

    /// How far opening files is.
    pub(in crate::ui) fn progress(&self) -> Option<Progress> {
        self.progress.lock().ok().and_then(|progress| progress.clone())
    }

    /// Puts a data set together.
    pub(in crate::ui) fn join(&mut self, generation: u64, sources: Sources, wanted: Option<ImageSource>) {
        let notes = self.notes.clone();
        self.spawn_thread("gazelens-join", false, move |_, tell| {
            let photos = sources.photos.len();
            let is_large = photos > FEW_PHOTOS || sources.instances.is_some();
            if is_large {
                tell(&format!("Reading {photos} photos' names and what is known of them"), 1.0);
            }
            JobDone::Joined(generation, Box::new(opening::join_with_notes(sources, wanted, &notes)))
        });
    }

    /// Puts the bundled data set together.
    pub(in crate::ui) fn open_bundled(&mut self, generation: u64) {
        self.spawn("gazelens-join", move || {
            Some(JobDone::Joined(generation, Box::new(opening::join(opening::bundled(), None))))
        });
    }

    /// Looks for images.
    pub(in crate::ui) fn find(&mut self, generation: u64, search: Search) {
        self.spawn("gazelens-find", move || {
            let Search { dataset, query, notes, asked } = search;
            Some(JobDone::Found(generation, dataset.find(&query, &notes, &asked)))
        });
    }

    /// Looks through the hub's cache, and how much memory is free.
    pub(in crate::ui) fn list_models(&mut self, cache: Option<PathBuf>) {
        self.spawn("gazelens-models", move || {
            let cache = cache.or_else(cache_folder).unwrap_or_default();
            Some(JobDone::Models(ModelsAtHand { cached: cached_models(&cache), free_bytes: free_memory() }))
        });
    }

    /// Measures this process's memory, where the system tells.
    pub(in crate::ui) fn measure_memory(&mut self) {
        self.spawn("gazelens-memory", || resident_bytes().map(JobDone::Memory));
    }

    /// What was finished since the last call.
    pub(in crate::ui) fn poll(&mut self) -> Vec<JobDone> {
        let mut done = Vec::new();
        for promise in std::mem::take(&mut self.running) {
            match promise.try_take() {
                Ok(result) => done.extend(result),
                Err(unfinished) => self.running.push(unfinished),
            }
        }
        done
    }
}

/// The hub's cache; where the environment does not say, opening a model of the hub says why.
fn cache_folder() -> Option<PathBuf> {
    HubOptions::from_env().ok().map(|options| options.cache)
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_that_returns_at_once_was_none() {
        let (fast, slow) = (Duration::from_millis(20), Duration::from_secs(2));
        assert!(
            matches!(dialog_done(None, Wanted::Model, fast), Some(JobDone::NoDialog(Wanted::Model))),
            "nobody cancels that fast"
        );
        assert!(dialog_done(None, Wanted::Images, slow).is_none(), "cancelled by the user");
        let picked = Some(JobDone::PickedImages(Vec::new()));
        assert!(matches!(dialog_done(picked, Wanted::Images, fast), Some(JobDone::PickedImages(_))), "picked");
    }

    #[test]
    fn jobs_report_when_they_are_done() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let wake: Waker = Arc::new(move || {
            sender.send(()).ok();
        });
        let mut jobs = Jobs::new(wake, NotesPlaces::default());
        jobs.scan(vec![PathBuf::from("/nowhere/at/all")], Before::Nothing);
        receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("the window is woken");
        // The thread wakes the window just before it hands over.
        let done = std::iter::repeat_with(|| jobs.poll()).find(|done| !done.is_empty()).expect("endless");
        assert!(matches!(done.as_slice(), [JobDone::Scanned(found)] if found.problems.len() == 1), "found: {done:?}");
    }
}
