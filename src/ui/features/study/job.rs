//! A study that is asked in the background, with a model of its own: the one that the window has open is its worker's.

use crate::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, OpenModel};
use crate::prompting::Source;
use crate::study::store::Shard;
use crate::study::{Setting, Study, StudyData, StudyProgress, StudyRun, StudySummary};
use crate::ui::background::link::Waker;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A study to ask.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyPlan {
    /// TOML.
    pub(in crate::ui) text: String,
    /// The file that its paths are relative to.
    pub(in crate::ui) file: PathBuf,
    /// Folder of the rows.
    pub(in crate::ui) out: PathBuf,
    /// Where its model runs.
    pub(in crate::ui) device: DevicePreference,
    /// In which type.
    pub(in crate::ui) dtype: DtypePreference,
}

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
    let stage = |what: &str| {
        shared.tell(|told| what.clone_into(&mut told.stage));
        wake();
    };
    let is_paused = || shared.finish.load(Ordering::Relaxed);
    let stopped = || StudySummary { is_stopped: true, ..StudySummary::default() };
    let study = Study::read(&plan.text, &plan.file).map_err(|err| err.to_string())?;
    stage("Opening photos and questions");
    let data = StudyData::open(&study, &plan.file, &shared.cancel).map_err(|err| err.to_string())?;
    let open = |name: &str, mmproj: Option<&Path>| {
        let source = model_source(plan, name, mmproj);
        let request = LoadRequest { source, device: plan.device, dtype: plan.dtype };
        // A pause while weights are read ends that, too.
        OpenModel::open(&request, &mut |_, what| stage(what), &shared.finish).map_err(|err| err.to_string())
    };
    stage("Opening the model");
    let mmproj = study.model.mmproj.as_ref().map(|path| base(plan).join(path));
    let model = match open(&study.model.id, mmproj.as_deref()) {
        Err(_) if is_paused() => return Ok(stopped()),
        opened => opened?,
    };
    let looker = match clip_of(&study).map(|name| open(&name, None)).transpose() {
        Err(_) if is_paused() => return Ok(stopped()),
        opened => opened?,
    };
    let run = StudyRun {
        study: &study,
        file: &plan.file,
        data: &data,
        model: &model,
        looker: looker.as_ref(),
        out: &plan.out,
        shard: Shard::WHOLE,
        limit: None,
    };
    let mut tell = |now: StudyProgress| {
        shared.tell(|told| told.progress = Some(now));
        wake();
    };
    run.run(&mut tell, &shared.finish, &shared.cancel).map_err(|err| err.to_string())
}

fn base(plan: &StudyPlan) -> &Path {
    plan.file.parent().unwrap_or(Path::new(""))
}

/// The model of a study: a path from its folder where there is one of that name.
fn model_source(plan: &StudyPlan, name: &str, mmproj: Option<&Path>) -> ModelSource {
    let beside = base(plan).join(name);
    let text = if beside.exists() { beside.to_string_lossy().into_owned() } else { name.to_owned() };
    match (ModelSource::named(&text), mmproj) {
        (_, None) if Path::new(&text).is_dir() => ModelSource::Folder(text.into()),
        (ModelSource::Gguf { decoder, .. }, Some(file)) => ModelSource::Gguf { decoder, mmproj: Some(file.to_owned()) },
        (source, _) => source,
    }
}

/// The CLIP that looks for attention prompting.
fn clip_of(study: &Study) -> Option<String> {
    let all = study.settings.iter().filter_map(|setting| setting.prompting.as_ref());
    let clip = all.filter(|prompting| prompting.source == Source::Clip);
    clip.map(|prompting| prompting.model.clone().unwrap_or_else(|| "demo-clip".to_owned())).next()
}
