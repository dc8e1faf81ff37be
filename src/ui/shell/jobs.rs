//! Work beside the window: dialogs, listing folders, measuring memory. Polled every frame, never waited for.

mod dialogs;
mod figure;
mod folders;
mod studies;
mod values;

use crate::data::dataset::{NotesPlaces, Sources};
use crate::engine::{ImageSource, Question, RunId, free_memory};
use crate::figure::recipe::FileInput;
use crate::hub::{HubOptions, cached_models};
use crate::study::PairsFile;
use crate::ui::background::link::Waker;
use crate::ui::background::runner::{Runner, Track};
use crate::ui::core::command::Command;
use crate::ui::features::clipboard::drawing;
use crate::ui::features::dataset::opening;
use crate::ui::features::dataset::opening::{Before, Joined, Opened};
use crate::ui::features::figure::files::{FigureSaved, OpenedFigure};
use crate::ui::features::session::{Left, Located, Missing, Reopened};
use crate::ui::features::study::files::StudyDone;
use crate::ui::features::{FigureWish, ModelsAtHand, Progress, Search, session};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
pub(in crate::ui) use values::names_files;

/// What a job came back with.
#[derive(Debug)]
pub(in crate::ui) enum JobDone {
    /// What a dialog is for: files and folders that were picked are opened, saved to, chosen.
    Command(Box<Command>),
    /// A dialog was asked for and none appeared.
    NoDialog(Wanted),
    /// A figure was written, or was not.
    FigureSaved(Result<FigureSaved, String>),
    /// A figure was opened, or was not.
    FigureOpened(Box<Result<OpenedFigure, String>>),
    /// Files were hashed for the figure.
    FigureInputsHashed(Box<FigureWish>, Result<Vec<FileInput>, String>),
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
    /// A session was read, or a sentence.
    Reopened(Box<Result<Reopened, String>>),
    /// Missing files were looked for.
    Located(Located),
    /// A picture for the clipboard was drawn, or was not.
    Picture(Result<drawing::Drawn, String>),
    /// Values of a question's methods were read from files, or a sentence.
    ValuesRead(RunId, Box<Result<Question, String>>),
    /// Something that studies need was done.
    Study(StudyDone),
    /// A file of pairs was read, or a sentence.
    PairsRead(Box<Result<PairsFile, String>>),
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
    /// A file that a parameter of a method names.
    Parameter,
    /// A study, or the folder of a run.
    Study,
    /// A file of pairs of photos.
    Pairs,
}

/// So many are put together at once.
const FEW_PHOTOS: usize = 500;

/// Work beside the window: dialogs, listing folders, measuring memory.
pub(in crate::ui) struct Jobs {
    runner: Runner<JobDone>,
    notes: NotesPlaces,
    /// Opening files.
    opening: Track,
    /// Writing a figure.
    figure: Track,
    /// Questions whose values are read from files.
    reading: BTreeSet<RunId>,
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("running", &self.runner.num_running()).finish_non_exhaustive()
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.opening.stop();
        self.figure.stop();
    }
}

impl Jobs {
    /// `wake` draws a frame.
    pub(in crate::ui) fn new(wake: Waker, notes: NotesPlaces) -> Self {
        let (opening, figure) = (Track::default(), Track::default());
        Self { runner: Runner::new(wake), notes, opening, figure, reading: BTreeSet::new() }
    }

    fn spawn(&mut self, name: &str, job: impl FnOnce() -> Option<JobDone> + Send + 'static) {
        self.runner.spawn(name, job);
    }

    /// A dialog comes back as the command that it is for.
    fn spawn_dialog(
        &mut self,
        wanted: Wanted,
        dialog: impl FnOnce(rfd::FileDialog) -> Option<Command> + Send + 'static,
    ) {
        self.runner.spawn_dialog(JobDone::NoDialog(wanted), |file_dialog| {
            dialog(file_dialog).map(|command| JobDone::Command(Box::new(command)))
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

    /// Opening that tells how far it is and can be stopped.
    fn spawn_telling(
        &mut self,
        name: &str,
        job: impl FnOnce(&AtomicBool, opening::Tell<'_>) -> JobDone + Send + 'static,
    ) {
        self.runner.spawn_on(&self.opening, name, true, job);
    }

    /// Stops opening files.
    pub(in crate::ui) fn stop_opening(&self) {
        self.opening.stop();
    }

    /// How far opening files is.
    pub(in crate::ui) fn progress(&self) -> Option<Progress> {
        self.opening.progress()
    }

    /// Puts a data set together.
    pub(in crate::ui) fn join(&mut self, generation: u64, sources: Sources, wanted: Option<ImageSource>) {
        let notes = self.notes.clone();
        self.runner.spawn_on(&self.opening, "gazelens-join", false, move |_, tell| {
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
        self.runner.poll()
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
    use std::sync::Arc;

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
