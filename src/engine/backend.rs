//! What the worker's thread runs: one open model.

use super::error::EngineError;
use super::messages::{Event, LoadRequest, ModelInfo, Question, RunId, Timings};
use super::open::OpenModel;
use super::run::run_job;
use super::worker::{Backend, Wake, Worker};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A model, once one was opened.
///
/// Two models are never held together: the first leaves when the second's files have been read and found to be a model, before any of its
/// weights are. When those cannot be read, or opening is stopped, the first is opened again by the next question, with what that costs.
#[derive(Debug, Default)]
struct Models {
    open: Option<Open>,
    /// The model that left for one that did not open.
    left: Option<LoadRequest>,
}

/// A model and how it was asked for.
#[derive(Debug)]
struct Open {
    model: OpenModel,
    request: LoadRequest,
}

impl Models {
    /// The open model; one that left is opened again.
    fn model(&mut self, cancel: &AtomicBool) -> Result<&OpenModel, EngineError> {
        if self.open.is_none() {
            let request = self.left.clone().ok_or(EngineError::NoModel)?;
            let model = OpenModel::open(&request, &mut |_, _| {}, cancel)?;
            self.open = Some(Open { model, request });
            self.left = None;
        }
        self.open.as_ref().map(|open| &open.model).ok_or(EngineError::NoModel)
    }
}

impl Backend for Models {
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Arc<ModelInfo>, EngineError> {
        let (open, left) = (&mut self.open, &mut self.left);
        let mut make_room = || {
            if let Some(Open { request, .. }) = open.take() {
                *left = Some(request);
            }
        };
        let model = OpenModel::open_after(request, &mut make_room, progress, cancel)?;
        let info = Arc::clone(model.info());
        self.open = Some(Open { model, request: request.clone() });
        self.left = None;
        Ok(info)
    }

    fn ask(
        &mut self,
        id: RunId,
        question: &Question,
        emit: &mut dyn FnMut(Event),
        cancel: &AtomicBool,
    ) -> Result<(Timings, Vec<String>), EngineError> {
        let answer = run_job(self.model(cancel)?, id, question, emit, cancel)?;
        Ok((answer.timings, answer.trace.warnings))
    }
}

impl Worker {
    /// Starts a thread that opens models and answers questions. `wake` is called after every event, from that thread.
    pub fn new(wake: Wake) -> Self {
        Self::with_backend(Arc::new(|| Box::new(Models::default())), wake)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{
        DevicePreference, DtypePreference, ImageSource, ModelSource, Prompt, RecordOptions, Sampling, Spec,
    };
    use std::path::Path;

    fn request(source: ModelSource) -> LoadRequest {
        LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 }
    }

    fn folder(name: &str) -> LoadRequest {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        request(ModelSource::Folder(root.join(name).join("checkpoint")))
    }

    fn question() -> Question {
        Question {
            image: ImageSource::Bundled("demo_07_street.png".to_owned()),
            prompt: Prompt::Templated("What is in this image?".to_owned()),
            framing: None,
            sampling: Sampling::default(),
            max_new_tokens: 2,
            strategy: Spec::default(),
            interventions: Vec::new(),
            fork: None,
            record: RecordOptions::default(),
        }
    }

    /// Loads; the flag is raised when weights are read, if it is to be.
    fn load(models: &mut Models, request: &LoadRequest, stops: bool) -> Result<Arc<ModelInfo>, EngineError> {
        let cancel = AtomicBool::new(false);
        let mut progress = |_: f32, what: &str| {
            if stops && what.starts_with("Reading weights") {
                cancel.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        };
        models.load(request, &mut progress, &cancel)
    }

    #[test]
    fn a_model_leaves_for_the_next_and_comes_back_when_that_does_not_open() {
        let go_on = AtomicBool::new(false);
        let mut models = Models::default();
        assert!(matches!(models.model(&go_on), Err(EngineError::NoModel)), "nothing was opened");
        load(&mut models, &folder("newest_list"), false).expect("a model");

        load(&mut models, &request(ModelSource::Folder("nowhere".into())), false).expect_err("no such folder");
        assert!(models.open.is_some(), "what is no model takes no place");

        let stopped = load(&mut models, &folder("qwen2_biases"), true);
        assert!(matches!(stopped, Err(EngineError::Cancelled)), "stopped while weights are read");
        assert!(models.open.is_none() && models.left.is_some(), "the first has left for the second");
        let asked = models.ask(RunId(1), &question(), &mut |_| {}, &go_on);
        asked.expect("the first answers, as the window believes it does");
        let id = |models: &Models| models.open.as_ref().map(|open| open.model.info().id.clone()).unwrap_or_default();
        assert!(id(&models).contains("newest_list") && models.left.is_none(), "found {}", id(&models));

        load(&mut models, &folder("qwen2_biases"), false).expect("the second");
        assert!(id(&models).contains("qwen2_biases") && models.left.is_none(), "found {}", id(&models));
    }
}
