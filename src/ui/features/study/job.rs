//! A study that is asked in the background, with a model of its own: the one that the window has open is its worker's.

use crate::files;
use crate::study::store::row_files;
use crate::study::{Setting, Study, StudyData, StudyPlan, StudyProgress, StudyStep, StudySummary, size_of_part};
use crate::ui::background::link::Waker;
use crate::ui::core::command::StudyDraft;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bytes of rows that are measured.
const MEASURED_BYTES: u64 = 1 << 18;
/// Traces that are measured.
const MEASURED_TRACES: usize = 32;

/// How many questions a study has, and what its rows take.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyCount {
    /// What was counted.
    pub draft: StudyDraft,
    /// Photos that are asked about.
    pub photos: usize,
    /// Questions about them.
    pub questions: usize,
    /// Settings, one for each seed.
    pub settings: usize,
    /// Bytes of a row, as measured in the folder of the rows, else in the shown run; `None` where neither has one.
    pub row_bytes: Option<f64>,
    /// Whether the trace of every answer is kept.
    pub keeps_traces: bool,
    /// Bytes of a trace, as measured in the same folders.
    pub trace_bytes: Option<f64>,
    /// What should be known of the files.
    pub warnings: Vec<String>,
}

/// Opens photos and questions and counts those of the part that is asked. An error is one sentence.
pub(in crate::ui) fn count(draft: StudyDraft, shown: Option<&Path>) -> Result<StudyCount, String> {
    let file = draft.base();
    let study = Study::read(&draft.text, &file).map_err(|err| err.to_string())?;
    let settings = Setting::all(&study, &file).map_err(|err| err.to_string())?.len();
    // Nobody raises it: opening annotations takes seconds.
    let data = StudyData::open(&study, &file, &AtomicBool::new(false)).map_err(|err| err.to_string())?;
    let [photos, questions] = size_of_part(&data, draft.shard()?, draft.most()?);
    let folders: Vec<PathBuf> = draft.folder().into_iter().chain(shown.map(Path::to_owned)).collect();
    let measured = |measure: fn(&Path) -> Option<f64>| folders.iter().find_map(|folder| measure(folder));
    let row_bytes = measured(row_bytes);
    let keeps_traces = study.signals.traces;
    let trace_bytes = if keeps_traces { measured(trace_bytes) } else { None };
    let warnings = data.warnings;
    Ok(StudyCount { draft, photos, questions, settings, row_bytes, keeps_traces, trace_bytes, warnings })
}

/// Bytes of a row, of the first ones of a run.
fn row_bytes(folder: &Path) -> Option<f64> {
    let files = row_files(folder).ok()?;
    let mut begun = Vec::new();
    for path in files {
        files::open(&path).ok()?.0.take(MEASURED_BYTES).read_to_end(&mut begun).ok()?;
        let whole = begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        begun.truncate(whole);
        if whole > 0 {
            break;
        }
    }
    let rows = begun.split(|byte| *byte == b'\n').skip(1).count();
    (rows > 0).then(|| begun.len() as f64 / rows as f64)
}

/// Bytes of a trace, of the first ones of a run.
fn trace_bytes(folder: &Path) -> Option<f64> {
    let files = std::fs::read_dir(folder.join("traces")).ok()?.filter_map(Result::ok);
    let files = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "safetensors"));
    let sizes: Vec<f64> =
        files.take(MEASURED_TRACES).filter_map(|file| Some(file.metadata().ok()?.len() as f64)).collect();
    (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() / sizes.len() as f64)
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
