//! Saving, and the recovery file that follows every change, on a thread of their own.

use crate::files::Outputs;
use crate::session::{self, EncodedSession, Session};
use crate::ui::background::link::Waker;
use crate::ui::features::AppState;
use crate::ui::features::session::capture::{KeptTraces, Snapshot, fingerprint};
use crate::ui::features::session::recovery::{Left, Recovery};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// At least once in this time a changed state is written, however slow the disk.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// The disk is busy with recovery at most one part in this many.
const IDLE_PARTS: u32 = 20;

/// Something to write.
#[derive(Debug)]
struct Job {
    snapshot: Snapshot,
    path: PathBuf,
    purpose: Purpose,
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The user saves.
    Wish,
    /// The recovery file of this window.
    Recovery,
    /// Something else is about to take its place.
    Before,
}

/// Something was written, or not.
#[derive(Debug)]
pub(in crate::ui) enum Finished {
    /// A session was saved.
    Saved {
        /// Where.
        path: PathBuf,
        /// Questions in it.
        num_answers: usize,
    },
    /// It was not: one sentence.
    Failed(String),
    /// What is there was kept, or why not: something else may take its place.
    Kept(Result<PathBuf, String>),
    /// The recovery file cannot be written: one sentence.
    NoRecovery(String),
}

struct Written {
    job: (PathBuf, Purpose, usize),
    result: Result<(), String>,
    took: Duration,
}

/// The thread that writes.
struct Writer {
    jobs: Option<Sender<Job>>,
    done: Receiver<Written>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn new(wake: &Waker) -> Self {
        let (jobs, wanted) = channel::<Job>();
        let (sender, done) = channel();
        let wake = Arc::clone(wake);
        let thread = std::thread::Builder::new().name("gazelens-session".to_owned()).spawn(move || {
            while let Ok(Job { snapshot, path, purpose }) = wanted.recv() {
                let begun = Instant::now();
                let num_answers = snapshot.num_answers();
                let result = write(snapshot, &path);
                let written = Written { job: (path, purpose, num_answers), result, took: begun.elapsed() };
                if sender.send(written).is_err() {
                    return;
                }
                wake();
            }
        });
        Self { jobs: Some(jobs), done, thread: thread.ok() }
    }

    fn write(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            jobs.send(job).ok();
        }
    }
}

impl Drop for Writer {
    /// What the user wished to save is saved before the program ends.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Makes text of a state and writes it. An error is one sentence.
pub(super) fn write(snapshot: Snapshot, path: &Path) -> Result<(), String> {
    // Saving over a session is the usual thing; only over something else it matters what that is.
    let outputs = if session::is_session(path) { Outputs::default() } else { snapshot.outputs() };
    let session =
        snapshot.session().map_err(|err| format!("Could not write the session ({err}): {}", path.display()))?;
    put(&session, path, outputs)
}

fn put(session: &Session, path: &Path, mut outputs: Outputs) -> Result<(), String> {
    let key = outputs.claim("the session", path).map_err(|err| err.to_string())?;
    let encoded = EncodedSession::new(path, session).map_err(|err| err.to_string())?;
    let written = outputs.write(key, |file| encoded.write_to(file));
    written.and_then(|()| outputs.commit()).map_err(|err| err.to_string())
}

/// Saving, and the recovery file that follows every change, on a thread of their own.
pub(in crate::ui) struct SessionWriter {
    // Fields are dropped in this order: the thread ends before the recovery file goes.
    writer: Writer,
    recovery: Option<Recovery>,
    offered: Vec<Left>,
    /// Recovery files whose content is in the window now: they go as soon as the window's own is written.
    taken_over: Vec<Left>,
    kept: KeptTraces,
    every: Duration,
    /// Something may have changed.
    touched: bool,
    /// The state in the recovery file.
    on_disk: Option<u64>,
    /// A recovery file is being written.
    busy: bool,
    not_before: Instant,
    told: bool,
}

impl SessionWriter {
    /// `folder` is where recovery files lie, `None` keeps none; `every` is the least time between two writings. The
    /// error is one sentence.
    pub(in crate::ui) fn new(wake: &Waker, folder: Option<&Path>, every: Duration) -> (Self, Option<String>) {
        let recovery = folder.map(Recovery::begin).transpose();
        let why = recovery.as_ref().err().zip(folder).map(|(err, folder)| {
            format!("Nothing will be recovered if gazelens is killed: could not write ({err}): {}", folder.display())
        });
        let session_writer = Self {
            writer: Writer::new(wake),
            recovery: recovery.ok().flatten(),
            offered: Vec::new(),
            taken_over: Vec::new(),
            kept: KeptTraces::default(),
            every,
            touched: false,
            on_disk: None,
            busy: false,
            not_before: Instant::now(),
            told: false,
        };
        (session_writer, why)
    }

    /// Where recovery files lie.
    pub(in crate::ui) fn folder(&self) -> Option<&Path> {
        self.recovery.as_ref().map(Recovery::folder)
    }

    /// Saves the state as the user wished.
    pub(in crate::ui) fn save(&mut self, state: &AppState, layout: Value, path: PathBuf) {
        let snapshot = Snapshot::take(state, layout, &mut self.kept);
        self.writer.write(Job { snapshot, path, purpose: Purpose::Wish });
    }

    /// Keeps what is there before something else takes its place, which is to wait for [`Finished::Kept`]; `false`
    /// where there is nothing to keep, or nowhere.
    pub(in crate::ui) fn keep_before(&mut self, state: &AppState, layout: Value) -> bool {
        if state.runs.iter().next().is_none() {
            return false;
        }
        let Some(path) = self.recovery.as_mut().map(Recovery::next_before) else { return false };
        let snapshot = Snapshot::take(state, layout, &mut self.kept);
        self.writer.write(Job { snapshot, path, purpose: Purpose::Before });
        true
    }

    /// Something may have changed.
    pub(in crate::ui) fn touch(&mut self) {
        self.touched = true;
    }

    /// Writes the recovery file if something changed and it is time; else says in how long it will be.
    pub(in crate::ui) fn follow(&mut self, state: &AppState, layout: impl FnOnce() -> Value) -> Option<Duration> {
        let path = self.recovery.as_ref()?.path();
        if !self.touched || self.busy {
            return None; // the thread wakes the window when it is done
        }
        let wait = self.not_before.saturating_duration_since(Instant::now());
        if !wait.is_zero() {
            return Some(wait);
        }
        self.touched = false;
        if self.on_disk.is_none() && state.runs.iter().next().is_none() {
            return None; // nothing would be lost
        }
        let layout = layout();
        let present = fingerprint(state, layout.clone());
        self.not_before = Instant::now() + self.every;
        if self.on_disk != Some(present) {
            self.on_disk = Some(present);
            self.busy = true;
            let snapshot = Snapshot::take(state, layout, &mut self.kept);
            self.writer.write(Job { snapshot, path, purpose: Purpose::Recovery });
        }
        None
    }

    /// What was written since the last call.
    pub(in crate::ui) fn poll(&mut self) -> Vec<Finished> {
        let mut finished = Vec::new();
        while let Ok(Written { job: (path, purpose, num_answers), result, took }) = self.writer.done.try_recv() {
            match (purpose, result) {
                (Purpose::Wish, Ok(())) => finished.push(Finished::Saved { path, num_answers }),
                (Purpose::Wish, Err(why)) => finished.push(Finished::Failed(why)),
                (Purpose::Before, result) => finished.push(Finished::Kept(result.map(|()| path))),
                (Purpose::Recovery, result) => {
                    self.busy = false;
                    let pause = (took * IDLE_PARTS).clamp(self.every, LONGEST_WAIT.max(self.every));
                    self.not_before = Instant::now() + pause;
                    finished.extend(self.followed(result));
                }
            }
        }
        finished
    }

    /// The recovery file is as the state was, or it cannot be written: said once.
    fn followed(&mut self, result: Result<(), String>) -> Option<Finished> {
        match result {
            Ok(()) => {
                self.told = false;
                self.taken_over.drain(..).for_each(Left::discard);
                None
            }
            Err(why) => {
                // Tried again after a while.
                self.touched = true;
                self.on_disk = None;
                (!std::mem::replace(&mut self.told, true)).then_some(Finished::NoRecovery(why))
            }
        }
    }

    /// What others left behind is on offer; what is neither restored nor thrown away is offered at the next start
    /// again.
    pub(in crate::ui) fn offer(&mut self, left: Vec<Left>) {
        self.offered = left;
    }

    /// Throws one away.
    pub(in crate::ui) fn discard(&mut self, path: &Path) {
        if let Some(idx) = self.offered.iter().position(|left| left.path == path) {
            self.offered.swap_remove(idx).discard();
        }
    }

    /// One was restored: it goes when the window's own is written, even if nothing else changes.
    pub(in crate::ui) fn took_over(&mut self, path: &Path) {
        if let Some(idx) = self.offered.iter().position(|left| left.path == path) {
            self.taken_over.push(self.offered.swap_remove(idx));
            self.touched = true;
            self.on_disk = None;
        }
    }
}
