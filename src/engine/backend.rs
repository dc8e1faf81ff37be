//! What the worker's thread runs: one open model.

use super::error::EngineError;
use super::messages::{Event, LoadRequest, ModelInfo, Question, RunId, Timings};
use super::open::OpenModel;
use super::run::run_job;
use super::worker::{Backend, Wake, Worker};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A model, once one was opened.
#[derive(Debug, Default)]
struct Models {
    open: Option<OpenModel>,
}

impl Backend for Models {
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Arc<ModelInfo>, EngineError> {
        let model = OpenModel::open(request, progress, cancel)?;
        let info = Arc::clone(model.info());
        self.open = Some(model);
        Ok(info)
    }

    fn ask(
        &mut self,
        id: RunId,
        question: &Question,
        emit: &mut dyn FnMut(Event),
        cancel: &AtomicBool,
    ) -> Result<(Timings, Vec<String>), EngineError> {
        let model = self.open.as_ref().ok_or(EngineError::NoModel)?;
        let answer = run_job(model, id, question, emit, cancel)?;
        Ok((answer.timings, answer.trace.warnings))
    }
}

impl Worker {
    /// Starts a thread that opens models and answers questions. `wake` is called after every event, from that thread.
    pub fn new(wake: Wake) -> Self {
        Self::with_backend(Arc::new(|| Box::new(Models::default())), wake)
    }
}
