use super::super::messages::{DevicePreference, DtypePreference, ImageSource, ModelSource, ModelTask, Prompt, Stage};
use super::*;
use crate::data::Photo;
use crate::geometry::{Framing, ImageSize, ModelView, PatchGrid, PreprocessSpec};
use crate::prompting::{Attribution, LlavaMaps, Maps, Source};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

/// Answers at once, except to the words it knows.
struct Script;

fn wait_for(cancel: &AtomicBool) -> EngineError {
    while !cancel.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(1));
    }
    EngineError::Cancelled
}

impl Backend for Script {
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Arc<ModelInfo>, EngineError> {
        progress(0.5, "Reading weights");
        match &request.source {
            ModelSource::Demo | ModelSource::DemoClip => Ok(Arc::new(info("demo"))),
            ModelSource::Folder(path) if path.ends_with("slow") => Err(wait_for(cancel)),
            ModelSource::Folder(path) if path.ends_with("bad") => Err(EngineError::NoModel),
            ModelSource::Folder(path) if path.ends_with("panic") => panic!("range end index\n 7"),
            ModelSource::Folder(path) | ModelSource::Gguf { decoder: path, .. } => {
                Ok(Arc::new(info(&path.display().to_string())))
            }
            ModelSource::Hub { id, .. } => Ok(Arc::new(info(&id.to_string()))),
        }
    }

    fn ask(
        &mut self,
        id: RunId,
        question: &Question,
        emit: &mut dyn FnMut(Event),
        cancel: &AtomicBool,
    ) -> Result<(Timings, Vec<String>), EngineError> {
        emit(Event::Stage(id, Stage::Decode));
        let Prompt::Templated(words) = &question.prompt else { return Err(EngineError::NoModel) };
        match words.as_str() {
            "wait" => Err(wait_for(cancel)),
            "panic" => panic!("scripted"),
            "outdated" => Err(crate::checkpoint::CheckpointError::Changed { path: "w.safetensors".into() }.into()),
            "flood" => {
                for _ in 0..10 * MOST_EVENTS {
                    if cancel.load(Ordering::Relaxed) {
                        return Err(EngineError::Cancelled);
                    }
                    emit(Event::Stage(id, Stage::Decode));
                }
                Ok((Timings::default(), Vec::new()))
            }
            _ => Ok((Timings::default(), vec![words.clone()])),
        }
    }

    fn attribute(
        &mut self,
        request: &AttributionRequest,
        beside: Option<&ModelSource>,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<(Attributed, Arc<ModelInfo>), EngineError> {
        progress(0.5, "Reading weights");
        if request.query == "wait" {
            return Err(wait_for(cancel));
        }
        let view = ModelView::new(ImageSize { width_px: 1, height_px: 1 }, &PreprocessSpec::clip(1), 1);
        let maps = LlavaMaps { num_layers: 1, num_tokens: 1, attention: vec![1.0], image_attention: vec![1.0] };
        let attributed = Attributed {
            photo: Photo::from_rgb(1, 1, vec![0; 3])?,
            attribution: Arc::new(Attribution { view, maps: Maps::Llava(maps) }),
            pre_output: None,
            warnings: vec![request.query.clone()],
        };
        Ok((attributed, Arc::new(info(if beside.is_some() { "beside" } else { "open" }))))
    }
}

fn info(id: &str) -> ModelInfo {
    ModelInfo {
        id: id.to_owned(),
        family: "llava".to_owned(),
        task: ModelTask::Answer,
        summary: String::new(),
        note: String::new(),
        warnings: Vec::new(),
        weight_hash: String::new(),
        device: "CPU, f32".to_owned(),
        weight_bytes: 0,
        memory: crate::engine::MemoryEstimate::default(),
        num_hidden_layers: 1,
        num_attention_heads: 1,
        vision_num_hidden_layers: 1,
        vision_num_attention_heads: 1,
        image_grid: PatchGrid { rows: 1, cols: 1 },
        framing: Framing::Crop,
        template_before: String::new(),
        template_after: String::new(),
        suggested_prompts: Vec::new(),
    }
}

fn question(words: &str) -> Box<Question> {
    Box::new(Question {
        max_new_tokens: 1,
        ..Question::new(ImageSource::Bundled("none".to_owned()), Prompt::Templated(words.to_owned()))
    })
}

fn attribute(id: u64, query: &str, beside: Option<ModelSource>) -> Request {
    let image = ImageSource::Bundled("none".to_owned());
    let query = query.to_owned();
    let request =
        AttributionRequest { source: Source::Llava, image, query, object: None, framing: None, max_new_tokens: 1 };
    Request::Attribute(RunId(id), Box::new(request), beside)
}

fn load(name: &str) -> Request {
    let source = if name == "demo" { ModelSource::Demo } else { ModelSource::Folder(name.into()) };
    Request::Load(LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 })
}

fn worker() -> (Worker, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&wakes);
    let wake: Wake = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    (Worker::with_backend(Arc::new(|| Box::new(Script)), wake), wakes)
}

/// A short name of the next event that is not about progress.
fn next(worker: &mut Worker) -> String {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        match worker.try_recv() {
            Some(Event::Loading { .. } | Event::Stage(..) | Event::Attributing { .. }) => {}
            Some(Event::Loaded(info)) => return format!("loaded {}", info.id),
            Some(Event::LoadFailed(why)) => return format!("load failed: {why}"),
            Some(Event::Finished { id, warnings, .. }) => return format!("finished {}: {}", id.0, warnings.concat()),
            Some(Event::Attributed(id, found, info)) => {
                return format!("attributed {} by {}: {}", id.0, info.id, found.warnings.concat());
            }
            Some(Event::Cancelled(id)) => return format!("cancelled {}", id.0),
            Some(Event::Failed(id, why)) => return format!("failed {}: {why}", id.0),
            Some(Event::Outdated(id, why)) => return format!("outdated {}: {why}", id.0),
            Some(Event::WorkerDied(why)) => return format!("died: {why}"),
            Some(other) => return format!("{other:?}"),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
        assert!(Instant::now() < give_up, "the worker is stuck");
    }
}

#[test]
fn questions_are_answered_in_order_and_the_window_is_woken() {
    let (mut worker, wakes) = worker();
    worker.send(load("demo"));
    for (id, words) in [(1, "a"), (2, "b")] {
        worker.send(Request::Ask(RunId(id), question(words)));
    }
    let seen = [next(&mut worker), next(&mut worker), next(&mut worker)];
    assert_eq!(seen, ["loaded demo", "finished 1: a", "finished 2: b"], "one after the other");
    drop(worker);
    assert_eq!(wakes.load(Ordering::Relaxed), 6, "one call for each event: progress, stages and ends");
}

#[test]
fn a_question_stops_while_it_runs_and_while_it_waits() {
    let (mut worker, _) = worker();
    for id in 1..=3 {
        worker.send(Request::Ask(RunId(id), question(if id == 3 { "last" } else { "wait" })));
    }
    worker.cancel(RunId(2));
    worker.cancel(RunId(1));
    worker.cancel(RunId(77));
    let seen = [next(&mut worker), next(&mut worker), next(&mut worker)];
    assert_eq!(seen, ["cancelled 1", "cancelled 2", "finished 3: last"], "only what was named stops");
    for id in 4..=5 {
        worker.send(Request::Ask(RunId(id), question("wait")));
    }
    worker.cancel_all();
    assert_eq!([next(&mut worker), next(&mut worker)], ["cancelled 4", "cancelled 5"], "everything stops");
}

#[test]
fn the_latest_model_wins() {
    let (mut worker, _) = worker();
    worker.send(load("slow"));
    worker.send(Request::Ask(RunId(1), question("for the slow one")));
    worker.send(load("other"));
    worker.send(Request::Ask(RunId(2), question("for the other")));
    let seen = [next(&mut worker), next(&mut worker), next(&mut worker)];
    let expected = ["cancelled 1", "loaded other", "finished 2: for the other"];
    assert_eq!(
        seen, expected,
        "nothing is said of the model that was given up, and its question does not reach another"
    );
    worker.send(load("bad"));
    assert!(next(&mut worker).starts_with("load failed: Expected an open model"), "one sentence");
    worker.send(load("slow"));
    worker.cancel_all();
    assert_eq!(next(&mut worker), "load failed: Stopped on request", "opening can be stopped");
}

#[test]
fn a_panic_is_told_and_the_worker_can_be_restarted() {
    let (mut worker, _) = worker();
    worker.send(load("demo"));
    worker.send(Request::Ask(RunId(1), question("panic")));
    let told = [next(&mut worker), next(&mut worker)];
    let expected = "died: Internal error while answering a question about none (scripted): demo";
    assert_eq!(told, ["loaded demo", expected], "with which model it was doing what");
    worker.send(Request::Ask(RunId(2), question("too late")));
    assert_eq!(
        next(&mut worker),
        "failed 2: The engine is not running: restart it",
        "requests to the dead are refused"
    );
    worker.restart();
    worker.send(Request::Ask(RunId(3), question("again")));
    assert_eq!(next(&mut worker), "finished 3: again", "a new thread works");
    worker.send(load("a/panic"));
    let expected = "died: Internal error while opening the model (range end index 7): a/panic";
    assert_eq!(next(&mut worker), expected, "the model that was being opened, in one line");
}

#[test]
fn a_model_that_changed_on_disk_is_told_apart() {
    let (mut worker, _) = worker();
    worker.send(Request::Ask(RunId(1), question("outdated")));
    let expected =
        "outdated 1: Cannot use the model: its weights have changed since it was opened, open it again: w.safetensors";
    assert_eq!(next(&mut worker), expected, "so that the window can offer to open it again");
}

#[test]
fn a_window_that_closes_ends_a_worker_that_waits_for_it() {
    for words in ["flood", "wait"] {
        let (mut worker, _) = worker();
        worker.send(Request::Ask(RunId(1), question(words)));
        std::thread::sleep(Duration::from_millis(20));
        let started = Instant::now();
        drop(worker);
        assert!(started.elapsed() < Duration::from_secs(5), "joined at once with `{words}`");
    }
}

#[test]
fn too_many_requests_are_refused_instead_of_kept() {
    let (mut worker, _) = worker();
    for id in 0..=MOST_REQUESTS as u64 + 1 {
        worker.send(Request::Ask(RunId(id), question("wait")));
    }
    let refused = next(&mut worker);
    assert!(refused.contains("at most 256 waiting requests"), "{refused}");
    worker.cancel_all();
}

#[test]
fn the_latest_attribution_wins_and_questions_go_on() {
    let (mut worker, _) = worker();
    worker.send(attribute(1, "wait", None));
    worker.send(Request::Ask(RunId(2), question("between")));
    worker.send(attribute(3, "wait", None));
    worker.send(attribute(4, "last", Some(ModelSource::DemoClip)));
    let seen = [next(&mut worker), next(&mut worker), next(&mut worker), next(&mut worker)];
    let expected = ["cancelled 1", "finished 2: between", "cancelled 3", "attributed 4 by beside: last"];
    assert_eq!(seen, expected, "each ends, the last with what was found");
    worker.send(attribute(5, "wait", None));
    worker.cancel(RunId(5));
    assert_eq!(next(&mut worker), "cancelled 5", "stopped by its name");
}

#[test]
fn an_attribution_of_a_model_that_was_given_up_is_none_of_another() {
    let (mut worker, _) = worker();
    worker.send(load("slow"));
    worker.send(attribute(1, "of the slow one", None));
    worker.send(attribute(2, "of an encoder", Some(ModelSource::DemoClip)));
    worker.send(load("other"));
    let seen = [next(&mut worker), next(&mut worker), next(&mut worker)];
    let expected = ["cancelled 1", "attributed 2 by beside: of an encoder", "loaded other"];
    assert_eq!(seen, expected, "only the encoder's, which has nothing to do with it");
}
