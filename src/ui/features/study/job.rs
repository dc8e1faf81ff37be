//! A study that is asked in the background, with a model of its own: the one that the window has open is its worker's.

use crate::study::{Setting, Study, StudyData, StudyPlan, StudyProgress, StudyStep, StudySummary};
use crate::ui::background::link::Waker;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// How many questions a study has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyCount {
    /// The text that was counted.
    pub text: String,
    /// Photos that are asked about.
    pub photos: usize,
    /// Questions about them.
    pub questions: usize,
    /// Settings, one for each seed.
    pub settings: usize,
    /// What should be known of the files.
    pub warnings: Vec<String>,
}

/// Opens photos and questions and counts them. An error is one sentence.
pub(in crate::ui) fn count(text: &str, file: &Path) -> Result<StudyCount, String> {
    let study = Study::read(text, file).map_err(|err| err.to_string())?;
    let settings = Setting::all(&study, file).map_err(|err| err.to_string())?.len();
    // Nobody raises it: opening annotations takes seconds.
    let data = StudyData::open(&study, file, &AtomicBool::new(false)).map_err(|err| err.to_string())?;
    let asked = data.items.chunk_by(|a, b| a.photo == b.photo).count();
    Ok(StudyCount {
        text: text.to_owned(),
        photos: asked,
        questions: data.items.len(),
        settings,
        warnings: data.warnings,
    })
}

/// What a study under way tells.
#[derive(Debug, Clone, Default)]
pub(in crate::ui) struct Told {
    /// What is done before the first question.
    pub(in crate::ui) stage: String,
    /// How far the questions are, once they are asked.
    pub(in crate::ui) progress: Option<StudyProgress>,
    /// How it ended.
    pub(in crate::ui) end: Option<Result<StudySummary, String>>,
}

#[derive(Default)]
struct Shared {
    finish: AtomicBool,
    cancel: AtomicBool,
    told: Mutex<Told>,
}

impl Shared {
    fn tell(&self, change: impl FnOnce(&mut Told)) {
        if let Ok(mut told) = self.told.lock() {
            change(&mut told);
        }
    }
}

/// A study under way. Dropped, it ends without the answer that is being made; every row before is on the disk.
pub(in crate::ui) struct StudyJob {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for StudyJob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StudyJob").field("thread", &self.thread).finish_non_exhaustive()
    }
}

impl Drop for StudyJob {
    fn drop(&mut self) {
        self.shared.finish.store(true, Ordering::Relaxed);
        self.shared.cancel.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl StudyJob {
    /// Begins, or goes on; `wake` draws a frame.
    pub(in crate::ui) fn start(plan: StudyPlan, wake: &Waker) -> Self {
        let shared = Arc::new(Shared::default());
        let (mine, wake) = (Arc::clone(&shared), Arc::clone(wake));
        let work = move || {
            let end = crate::panics::contain(|| ask(&plan, &mine, &wake));
            let end = end.unwrap_or_else(|why| Err(format!("Asking ended unexpectedly: {why}")));
            mine.tell(|told| told.end = Some(end));
            wake();
        };
        let thread = std::thread::Builder::new().name("gazelens-study-run".to_owned()).spawn(work);
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(err) => {
                shared.tell(|told| told.end = Some(Err(format!("Cannot start asking: {err}"))));
                None
            }
        };
        Self { shared, thread }
    }

    /// Ends it behind the answer that is being made.
    pub(in crate::ui) fn pause(&self) {
        self.shared.finish.store(true, Ordering::Relaxed);
    }

    /// How far it is.
    pub(in crate::ui) fn told(&self) -> Told {
        self.shared.told.lock().map(|told| told.clone()).unwrap_or_default()
    }
}

fn ask(plan: &StudyPlan, shared: &Shared, wake: &Waker) -> Result<StudySummary, String> {
    let mut tell = |step: StudyStep<'_>| {
        shared.tell(|told| match step {
            StudyStep::Opening(what) => what.clone_into(&mut told.stage),
            StudyStep::Asking(now) => told.progress = Some(now),
        });
        wake();
    };
    plan.ask(&mut tell, &shared.finish, &shared.cancel).map_err(|err| err.to_string())
}
