//! Encoders that only see compute what transformers computes (`tests/golden/vision.py`).

use candle_core::{DType, Device, Tensor, safetensors};
use gazelens::checkpoint::{VisionCheckpoint, VisionKind};
use gazelens::engine::{
    DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, ModelTask, OpenModel, Prompt, Question,
    RecordOptions, RunId, look_at, run_job,
};
use gazelens::model::{
    CancelFlag, Dinov2, Encoder, ModelError, Probe, Site, SourceError, TensorSource, cls_attention, load_encoder,
};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

struct Source<'a>(&'a VisionCheckpoint);

impl TensorSource for Source<'_> {
    fn tensor(&self, name: &str, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor, SourceError> {
        Ok(self.0.weights.tensor(name, shape, dtype, device)?)
    }

    fn optional(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Option<Tensor>, SourceError> {
        Ok(self.0.weights.optional(name, shape, dtype, device)?)
    }
}

fn open(name: &str) -> (PathBuf, VisionCheckpoint, Box<dyn Encoder>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vision").join(name);
    let checkpoint = VisionCheckpoint::open(&folder.join("checkpoint")).expect("a checkpoint");
    let encoder = load_encoder(&checkpoint, &Source(&checkpoint), DType::F32, &Device::Cpu).expect("an encoder");
    (folder, checkpoint, encoder)
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("f32 values")
}

fn largest_difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len(), "as many values as expected");
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn cls_looks_where_transformers_says() {
    for name in ["dinov2", "dinov2_own_size", "dinov2_registers", "clip_vision"] {
        let (folder, checkpoint, encoder) = open(name);
        let golden = safetensors::load(folder.join("golden.safetensors"), &Device::Cpu).expect("a golden file");
        let found = cls_attention(&*encoder, &golden["pixel_values"], &CancelFlag::default()).expect("a map");
        let shape = [found.num_hidden_layers, found.num_attention_heads, found.num_patches];
        assert_eq!(shape, golden["cls_attention"].dims(), "{name}: shape of the maps");
        let diff = largest_difference(&found.values, &values(&golden["cls_attention"]));
        assert!(diff < 1e-4, "{name}: [CLS] attention differs by {diff}");
        if let VisionKind::Dinov2(config) = &checkpoint.kind {
            let model = Dinov2::load(&Source(&checkpoint), config, DType::F32, &Device::Cpu).expect("an encoder");
            let states = model.forward(&golden["pixel_values"], &mut ()).expect("hidden states");
            let pooled = states.get(0).expect("[CLS]");
            let diff = largest_difference(&values(&pooled), &values(&golden["pooled"]));
            assert!(diff < 1e-3, "{name}: [CLS] differs by {diff}");
        }
        println!("{name} at {} px: [CLS] attention {diff:.1e}", checkpoint.kind.config().image_size);
    }
}

/// Keeps the outputs of all layers and what patches receive.
#[derive(Default)]
struct States {
    hidden: Vec<Tensor>,
    received: Vec<Tensor>,
}

impl Probe for States {
    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, _: &Site, probs: &Tensor) -> candle_core::Result<Option<Tensor>> {
        self.received.push(probs.mean(1)?);
        Ok(None)
    }

    fn wants_hidden(&self, _: &Site) -> bool {
        true
    }

    fn hidden(&mut self, _: &Site, hidden: &Tensor) -> candle_core::Result<Option<Tensor>> {
        self.hidden.push(hidden.copy()?);
        Ok(None)
    }
}

#[test]
fn patches_of_siglip_receive_what_transformers_says() {
    let (folder, checkpoint, encoder) = open("siglip");
    let golden = safetensors::load(folder.join("golden.safetensors"), &Device::Cpu).expect("a golden file");
    let info = encoder.info();
    assert_eq!((info.has_cls, info.num_prefix_tokens, info.grid.len()), (false, 0, 16), "every token is a patch");
    let mut states = States::default();
    encoder.look(&golden["pixel_values"], &mut states).expect("it runs");
    // Entry 0 is the embeddings.
    let expected = golden["hidden_states"].narrow(0, 1, 3).expect("three layers");
    let hidden = largest_difference(&values(&Tensor::cat(&states.hidden, 0).expect("rows")), &values(&expected));
    assert!(hidden < 1e-4, "hidden states differ by {hidden}");
    let received = values(&Tensor::cat(&states.received, 0).expect("rows"));
    let received = largest_difference(&received, &values(&golden["received_attention"]));
    assert!(received < 1e-5, "received attention differs by {received}");
    println!("siglip: hidden states {hidden:.1e}, received attention {received:.1e}");

    let refused = cls_attention(&*encoder, &golden["pixel_values"], &CancelFlag::default()).expect_err("no [CLS]");
    assert!(refused.to_string().starts_with("Expected an encoder with a [CLS] token"), "{refused}");
    assert!(checkpoint.warnings.is_empty(), "its processor is known: {:?}", checkpoint.warnings);
}

#[test]
fn a_job_with_siglip_records_received_attention_and_norms() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vision/siglip");
    let golden = safetensors::load(root.join("golden.safetensors"), &Device::Cpu).expect("a golden file");
    let source = ModelSource::Folder(root.join("checkpoint"));
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    let model = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("an encoder");
    assert_eq!((model.info().task, model.info().family.as_str()), (ModelTask::See, "siglip"), "it takes no words");
    let answer = run_job(&model, RunId(1), &question(""), &mut |_| {}, &AtomicBool::new(false)).expect("maps");
    let vision = answer.trace.vision.as_ref().expect("recorded");
    assert!(!vision.has_cls() && vision.cls_unsplit.is_empty(), "there is no [CLS]");
    assert_eq!(vision.received_attention.len(), 3 * 4 * 16, "every layer and head");
    for head in vision.received_attention.chunks_exact(16) {
        let sum: f32 = head.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5, "what all queries give away sums to 1: {sum}");
    }
    // The same photo through the encoder by itself.
    let pixels = answer.extras.pixel_values.as_ref().expect("asked for");
    let shape = (3, pixels.height_px, pixels.width_px);
    let pixels = Tensor::from_vec(pixels.values.clone(), shape, &Device::Cpu).expect("a tensor");
    let (mut states, (_, _, encoder)) = (States::default(), open("siglip"));
    encoder.look(&pixels, &mut states).expect("it runs");
    let rows: Vec<Tensor> = states.hidden.iter().map(norms).collect();
    let diff = largest_difference(&vision.patch_norms, &values(&Tensor::cat(&rows, 0).expect("rows")));
    assert!(diff < 1e-4, "norms differ by {diff}");
    // And those of the golden input.
    let mut states = States::default();
    encoder.look(&golden["pixel_values"], &mut states).expect("it runs");
    let rows: Vec<Tensor> = states.hidden.iter().map(norms).collect();
    let diff = largest_difference(&values(&Tensor::cat(&rows, 0).expect("rows")), &values(&golden["patch_norms"]));
    assert!(diff < 1e-4, "norms differ from transformers' by {diff}");
}

/// L2 norm of every row.
fn norms(hidden: &Tensor) -> Tensor {
    hidden.sqr().and_then(|squares| squares.sum(1)?.sqrt()).expect("norms")
}

#[test]
fn a_raised_flag_ends_an_encoder() {
    let (_, checkpoint, encoder) = open("dinov2");
    let side = checkpoint.kind.config().image_size;
    let pixels = Tensor::zeros((3, side, side), DType::F32, &Device::Cpu).expect("zeros");
    let cancel = CancelFlag::default();
    cancel.cancel();
    let error = cls_attention(&*encoder, &pixels, &cancel).expect_err("cancelled");
    assert!(matches!(error, ModelError::Cancelled), "{error}");
}

fn question(words: &str) -> Question {
    Question {
        max_new_tokens: 1,
        record: RecordOptions { pixel_values: true, ..RecordOptions::default() },
        ..Question::new(ImageSource::Bundled("demo_01_beach.png".to_owned()), Prompt::Templated(words.to_owned()))
    }
}

#[test]
fn a_job_with_an_encoder_that_only_sees_gives_its_maps() {
    for (name, patches) in [("dinov2_registers", 25), ("clip_vision", 0)] {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vision").join(name);
        let source = ModelSource::Folder(root.join("checkpoint"));
        let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
        let model = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("an encoder");
        assert_eq!(model.info().task, ModelTask::See, "{name} takes no words");
        for (words, warnings) in [("", 0), ("What is this?", 1)] {
            let answer =
                run_job(&model, RunId(1), &question(words), &mut |_| {}, &AtomicBool::new(false)).expect("maps");
            assert_eq!(answer.trace.warnings.len(), warnings, "words are not used: {:?}", answer.trace.warnings);
            assert!(answer.trace.similarity.is_empty(), "there is nothing to compare");
            let vision = answer.trace.vision.as_ref().expect("[CLS] rows");
            assert!(patches == 0 || vision.num_patches == patches, "registers are no patches");
            assert_eq!(vision.patch_norms.len(), vision.num_hidden_layers * vision.num_patches, "norms of patches");
            // The same photo through the encoder by itself.
            let pixels = answer.extras.pixel_values.expect("asked for");
            let shape = (3, pixels.height_px, pixels.width_px);
            let pixels = Tensor::from_vec(pixels.values, shape, &Device::Cpu).expect("a tensor");
            let (_, _, encoder) = open(name);
            let expected = cls_attention(&*encoder, &pixels, &CancelFlag::default()).expect("a map");
            let diff = largest_difference(&vision.cls_attention, &expected.values);
            assert!(diff < 1e-6, "{name}: the job's rows differ by {diff}");
        }
    }
}

#[test]
fn an_encoder_looks_at_a_photo_alone() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let image = ImageSource::Bundled("demo_01_beach.png".to_owned());
    let open = |source: ModelSource| {
        let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
        OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("a model")
    };
    let look = |model: &OpenModel| look_at(model, &image, &AtomicBool::new(false)).map_err(Box::new);
    // A CLIP needs no text for it, and its values are those of transformers.
    let golden = safetensors::load(root.join("tests/golden/demo_clip.safetensors"), &Device::Cpu).expect("golden");
    let trace = look(&open(ModelSource::DemoClip)).expect("a trace");
    let vision = trace.vision.as_deref().expect("recorded");
    let diff = largest_difference(&vision.cls_attention, &values(&golden["vision_cls_attention"]));
    assert!(diff < 1e-4, "[CLS] attention of CLIP differs by {diff}");
    assert!(trace.similarity.is_empty() && trace.output.is_empty(), "nothing was compared or answered");
    // The other kinds: as a job without words has it.
    for name in ["dinov2", "dinov2_registers", "siglip"] {
        let model = open(ModelSource::Folder(root.join("tests/golden/vision").join(name).join("checkpoint")));
        let found = look(&model).expect("a trace");
        let question = Question::new(image.clone(), Prompt::Templated(String::new()));
        let record = RecordOptions { precision: gazelens::trace::RowPrecision::F32, ..RecordOptions::default() };
        let question = Question { record, ..question };
        let asked = run_job(&model, RunId(0), &question, &mut |_| {}, &AtomicBool::new(false)).expect("an answer");
        let rows = |trace: &gazelens::trace::Trace| trace.vision.as_deref().expect("recorded").rows().to_vec();
        assert_eq!(rows(&found), rows(&asked.trace), "{name}: the same values");
    }
    let refused = look(&open(ModelSource::Demo)).expect_err("it answers").to_string();
    assert!(refused.contains("found a model that answers questions"), "{refused}");
}
