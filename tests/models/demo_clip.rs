//! The bundled CLIP computes what transformers computes, tower by tower and as a job.

use candle_core::{DType, Device, Tensor, safetensors};
use gazelens::checkpoint::ClipCheckpoint;
use gazelens::engine::{
    Answer, DevicePreference, DtypePreference, EngineError, Event, ImageSource, LoadRequest, ModelSource, ModelTask,
    OpenModel, Prompt, Question, RunId, run_job,
};
use gazelens::model::{Clip, Probe, Site, TensorMap};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn load(path: &str) -> HashMap<String, Tensor> {
    safetensors::load(Path::new(env!("CARGO_MANIFEST_DIR")).join(path), &Device::Cpu).expect("a readable file")
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32 values")
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[derive(Default)]
struct ClsRows(Vec<f32>);

impl Probe for ClsRows {
    fn wants_probs(&self, _site: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let row = probs.narrow(1, 0, 1)?.narrow(2, 1, site.key_len - 1)?;
        self.0.extend(row.flatten_all()?.to_vec1::<f32>()?);
        Ok(None)
    }
}

#[test]
fn demo_clip_agrees_with_transformers() {
    let rename = |name: String| match name.strip_prefix("vision_model.") {
        Some(rest) => format!("vision_tower.{rest}"),
        None => name,
    };
    let tensors = load("assets/demo/clip/model.safetensors").into_iter();
    let weights = TensorMap::new(tensors.map(|(name, tensor)| (rename(name), tensor)).collect());
    let config = ClipCheckpoint::demo().expect("the bundled CLIP opens").config;
    let model = Clip::load(&weights, &config, DType::F32, &Device::Cpu).expect("the demo CLIP loads");
    assert_eq!(weights.unused(), Vec::<String>::new(), "every tensor of the checkpoint is asked for");

    let golden = load("tests/golden/demo_clip.safetensors");
    let pixel_values = &load("tests/golden/demo_llava.safetensors")["pixel_values"];
    let mut cls = ClsRows::default();
    let image = model.image_embedding(pixel_values, &mut cls).expect("an image embedding");
    let diff = largest_difference(&cls.0, &values(&golden["vision_cls_attention"]));
    assert!(diff < 1e-4, "[CLS] attention differs by {diff}");
    let diff = largest_difference(&values(&image), &values(&golden["image_embedding"]));
    assert!(diff < 1e-3, "the image embedding differs by {diff}");

    let texts = golden["text_ids"].to_dtype(DType::U32).and_then(|ids| ids.to_vec2::<u32>()).expect("ids");
    let embeddings = golden["text_embeddings"].to_vec2::<f32>().expect("embeddings");
    for ((ids, embedding), logit) in texts.iter().zip(&embeddings).zip(values(&golden["logits"])) {
        let text = model.text_embedding(ids).expect("a text embedding");
        let diff = largest_difference(&values(&text), embedding);
        assert!(diff < 1e-3, "a text embedding differs by {diff}");
        let found = model.similarity(&image, &text).expect("a similarity");
        assert!((found - logit).abs() < 1e-3 * logit.abs().max(1.0), "expected a logit of {logit}, found {found}");
    }
}

fn open(source: ModelSource) -> Result<OpenModel, Box<EngineError>> {
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).map_err(Box::new)
}

fn question(prompt: Prompt) -> Question {
    Question { max_new_tokens: 1, ..Question::new(ImageSource::Bundled("demo_01_beach.png".to_owned()), prompt) }
}

fn ask(model: &OpenModel, prompt: &str) -> (Result<Answer, Box<EngineError>>, Vec<Event>) {
    let mut events = Vec::new();
    let question = question(Prompt::Templated(prompt.to_owned()));
    let answer = run_job(model, RunId(1), &question, &mut |event| events.push(event), &AtomicBool::new(false));
    (answer.map_err(Box::new), events)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn a_job_compares_texts_as_transformers_does() {
    let golden = load("tests/golden/demo_clip.safetensors");
    let (image, logits) = (values(&golden["image_embedding"]), values(&golden["logits"]));
    let texts = golden["text_embeddings"].to_vec2::<f32>().expect("embeddings");
    let exp: Vec<f32> = logits.iter().map(|logit| logit.exp()).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/clip");
    for source in [ModelSource::DemoClip, ModelSource::Folder(folder)] {
        let model = open(source).expect("the demo CLIP opens");
        assert_eq!((model.info().task, model.info().num_hidden_layers), (ModelTask::Compare, 0), "no decoder");
        let (answer, events) = ask(&model, "a photo of a chair\n\n umbrella \na photo of a car on the street\n");
        let trace = answer.expect("similarities").trace;
        let started =
            events.iter().find_map(|event| if let Event::Started(_, trace) = event { Some(trace) } else { None });
        let started = started.expect("the window is told");
        assert_eq!(started.similarity, trace.similarity, "everything is in the first event");
        assert!(started.vision.is_some(), "with the vision part");
        let named: Vec<&str> = trace.similarity.iter().map(|text| text.text.as_str()).collect();
        assert_eq!(named, ["a photo of a chair", "umbrella", "a photo of a car on the street"], "one a line, trimmed");
        for (idx, found) in trace.similarity.iter().enumerate() {
            let expected = cosine(&image, &texts[idx]);
            assert!((f64::from(found.cosine) - expected).abs() < 1e-4, "cosine {expected}, found {}", found.cosine);
            assert!((found.logit - logits[idx]).abs() < 2e-3, "logit {}, found {}", logits[idx], found.logit);
            let expected = exp[idx] / exp.iter().sum::<f32>();
            assert!((found.probability - expected).abs() < 1e-3, "softmax {expected}, found {}", found.probability);
        }
        let vision = trace.vision.as_ref().expect("CLIP has [CLS]");
        let diff = largest_difference(&vision.cls_attention, &values(&golden["vision_cls_attention"]));
        assert!(diff < 1e-4, "[CLS] attention differs by {diff}");
        assert_eq!(vision.patch_norms.len(), 6 * 144, "norms of all patches after each layer");
        assert!(trace.prompt.is_empty() && trace.output.is_empty() && trace.warnings.is_empty(), "and nothing else");
    }
}

#[test]
fn what_has_no_place_in_a_comparison_is_said() {
    let model = open(ModelSource::DemoClip).expect("the demo CLIP opens");
    let long = "a photo of a dog and ".repeat(20);
    let trace = ask(&model, &long).0.expect("a cut text is a text").trace;
    assert!(matches!(trace.warnings.as_slice(), [one] if one.contains("32 tokens")), "{:?}", trace.warnings);
    let nothing = ask(&model, " \n ").0.expect_err("nothing to compare");
    assert!(matches!(*nothing, EngineError::NoTexts), "{nothing}");
    let go_on = AtomicBool::new(false);
    let run = |question: &Question| run_job(&model, RunId(1), question, &mut |_| {}, &go_on).map_err(Box::new);
    let raw = run(&question(Prompt::Raw("USER: <image>".to_owned()))).expect_err("an exact prompt is for a decoder");
    assert!(matches!(*raw, EngineError::RawPrompt), "{raw}");
    let mut steered = question(Prompt::Templated("a dog".to_owned()));
    steered.strategy.name = "plain".to_owned();
    let warnings = run(&steered).expect("the texts are compared").trace.warnings;
    assert!(matches!(warnings.as_slice(), [one] if one.contains("plain was not used")), "{warnings:?}");
    let stopped = AtomicBool::new(true);
    let stopped = run_job(&model, RunId(1), &steered, &mut |_| {}, &stopped);
    assert!(matches!(stopped, Err(EngineError::Cancelled)), "a raised flag ends it");
}

#[test]
fn a_clip_folder_with_wrong_tensors_is_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/clip");
    for entry in std::fs::read_dir(&demo).expect("the demo's folder") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, folder.path().join(path.file_name().expect("a file"))).expect("a copy");
    }
    let config = std::fs::read_to_string(demo.join("config.json")).expect("a configuration");
    for (right, wrong, expected) in [
        ("\"projection_dim\": 96", "\"projection_dim\": 95", "projection"),
        ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "text_model.encoder.layers.2"),
        ("\"num_hidden_layers\": 6", "\"num_hidden_layers\": 5", "layers.5"),
    ] {
        assert!(config.contains(right), "the configuration has {right}: {config}");
        std::fs::write(folder.path().join("config.json"), config.replace(right, wrong)).expect("a writable folder");
        let refused = open(ModelSource::Folder(folder.path().to_owned())).expect_err("wrong tensors").to_string();
        assert!(refused.contains(expected) && !refused.contains('\n'), "{wrong}: {refused}");
    }
}
