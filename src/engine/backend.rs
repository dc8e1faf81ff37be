//! What the worker's thread runs: one open model.

use super::attribution::attribute;
use super::error::EngineError;
use super::loading::model_id;
use super::messages::{
    Attributed, AttributionRequest, Event, LoadRequest, ModelInfo, ModelSource, Question, RunId, Timings,
};
use super::open::{ModelKind, OpenModel};
use super::run::run_job;
use super::worker::{Backend, Wake, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A model, once one was opened.
///
/// Two models that answer are never held together: the first leaves when the second's files have been read and found to
/// be a model, before any of its weights are. When those cannot be read, or opening is stopped, the first is opened
/// again by the next question, with what that costs.
///
/// An encoder that says where to look may lie beside it; it is small, and stays until another one is named.
#[derive(Debug, Default)]
struct Models {
    open: Option<Open>,
    /// The model that left for one that did not open.
    left: Option<LoadRequest>,
    beside: Option<Open>,
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

    /// The encoder of that name: the open model, the one beside it, or one that is opened in its place.
    fn encoder(
        &mut self,
        source: &ModelSource,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<&OpenModel, EngineError> {
        if self.open.as_ref().is_some_and(|open| open.request.source == *source) {
            return self.model(cancel);
        }
        if self.beside.as_ref().is_none_or(|open| open.request.source != *source) {
            let like = self.open.as_ref().map(|open| &open.request).or(self.left.as_ref());
            let (device, dtype) = like.map(|like| (like.device, like.dtype)).unwrap_or_default();
            let request = LoadRequest { source: source.clone(), device, dtype };
            let model = open_encoder(&request, progress, cancel)?;
            self.beside = Some(Open { model, request });
        }
        self.beside.as_ref().map(|open| &open.model).ok_or(EngineError::NoModel)
    }
}

/// Opens a model beside another one. One with a decoder is refused before its weights are read: there may be no room
/// for two.
fn open_encoder(
    request: &LoadRequest,
    progress: &mut dyn FnMut(f32, &str),
    cancel: &AtomicBool,
) -> Result<OpenModel, EngineError> {
    let mut has_decoder = false;
    // Nothing else ends the opening at that point; this job ends with it, whoever raised the flag.
    let mut refuse = || {
        has_decoder = true;
        cancel.store(true, Ordering::Relaxed);
    };
    let opened = OpenModel::open_after(request, &mut refuse, progress, cancel);
    match opened {
        Ok(model) if matches!(model.kind(), ModelKind::Sees(_)) => Ok(model),
        Err(err) if !has_decoder => Err(err),
        _ => Err(EngineError::Source {
            attribution: "clip",
            expected: "a CLIP with both towers",
            found: "a vision-language model with a decoder",
            path: model_id(&request.source).into(),
        }),
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

    fn attribute(
        &mut self,
        request: &AttributionRequest,
        beside: Option<&ModelSource>,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<(Attributed, Arc<ModelInfo>), EngineError> {
        let model = match beside {
            Some(source) => self.encoder(source, progress, cancel)?,
            None => self.model(cancel)?,
        };
        Ok((attribute(model, request, cancel)?, Arc::clone(model.info())))
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
    use crate::engine::{DevicePreference, DtypePreference, ImageSource, Prompt};
    use crate::prompting::Source;
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
            max_new_tokens: 2,
            ..Question::new(
                ImageSource::Bundled("demo_07_street.png".to_owned()),
                Prompt::Templated("What is in this image?".to_owned()),
            )
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

    fn wanted(source: Source, query: &str) -> AttributionRequest {
        let image = ImageSource::Bundled("demo_07_street.png".to_owned());
        let query = query.to_owned();
        AttributionRequest { source, image, query, object: None, framing: None, max_new_tokens: 4 }
    }

    #[test]
    fn an_encoder_lies_beside_the_model_that_answers() {
        let go_on = AtomicBool::new(false);
        let mut models = Models::default();
        load(&mut models, &request(ModelSource::Demo), false).expect("the demo");
        let mut told = Vec::new();
        let mut progress = |_: f32, what: &str| told.push(what.to_owned());
        let clip = wanted(Source::Clip, "dog");
        let (found, info) =
            models.attribute(&clip, Some(&ModelSource::DemoClip), &mut progress, &go_on).expect("where CLIP looks");
        assert_eq!((info.id.as_str(), found.attribution.source()), ("demo-clip", Source::Clip), "the encoder");
        assert!(found.pre_output.is_some() && told.last().is_some_and(|last| last == "Ready"), "opened: {told:?}");
        let opened = told.len();
        let mut progress = |_: f32, what: &str| told.push(what.to_owned());
        models.attribute(&clip, Some(&ModelSource::DemoClip), &mut progress, &go_on).expect("once more");
        assert_eq!(told.len(), opened, "it is kept");

        let llava = wanted(Source::Llava, "Is there a dog in the image?");
        let (found, info) = models.attribute(&llava, None, &mut |_, _| {}, &go_on).expect("where the decoder looks");
        assert_eq!((info.id.as_str(), found.attribution.source()), ("demo", Source::Llava), "the open model");
        let asked = models.ask(RunId(1), &question(), &mut |_| {}, &go_on);
        asked.expect("the open model still answers");
    }

    #[test]
    fn only_an_encoder_is_opened_beside_a_model() {
        let go_on = AtomicBool::new(false);
        let mut models = Models::default();
        load(&mut models, &request(ModelSource::Demo), false).expect("the demo");
        let clip = wanted(Source::Clip, "dog");
        let other = folder("qwen2_biases").source;
        let refused = models.attribute(&clip, Some(&other), &mut |_, _| {}, &AtomicBool::new(false));
        let why = refused.expect_err("it has a decoder").to_string();
        assert!(why.starts_with("Expected a CLIP") && why.contains("qwen2_biases"), "one sentence: {why}");
        let nowhere = ModelSource::Folder("nowhere".into());
        let why = models.attribute(&clip, Some(&nowhere), &mut |_, _| {}, &go_on).expect_err("no folder").to_string();
        assert!(why.contains("nowhere"), "the path is named: {why}");
        let stopped = models.attribute(&clip, Some(&ModelSource::DemoClip), &mut |_, _| {}, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(EngineError::Cancelled)), "stopped: {stopped:?}");
        assert!(models.beside.is_none() && models.open.is_some(), "nothing was left beside");
    }
}
