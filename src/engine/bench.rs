//! How fast a model is on this machine, and how near to what the machine allows.
//!
//! Decoding reads every weight of the decoder once a token, so the time of a token has a floor: those bytes over the read bandwidth. The
//! report measures both and says which share of the bandwidth the decoding reached; with and without recording attention, with one branch
//! and with two (what a contrastive strategy costs).

use super::error::EngineError;
use super::job::{Job, Plan};
use super::messages::{ImageSource, Prompt, Question, RecordOptions, Sampling, Spec};
use super::open::{Answerer, OpenModel};
use super::recorder::Recorder;
use super::run::open_photo;
use crate::decode::{DecoderPrompt, Decoding, GenerateOptions, Generation};
use crate::model::Probe;
use crate::trace::RowPrecision;
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;
use serde::Serialize;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// More than any cache holds, little enough for any machine that runs a model.
const BANDWIDTH_BYTES: usize = 256 << 20;
/// The best of these counts: other programs only make it slower.
const REPEATS: usize = 3;

/// What `gazelens bench` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BenchReport {
    /// The model.
    pub model: String,
    /// Device and type.
    pub device: String,
    /// Threads that compute (on the CPU).
    pub threads: usize,
    /// Opening the model.
    pub load_secs: f64,
    /// Positions of the prompt.
    pub prompt_tokens: usize,
    /// Bytes that this machine reads in a second, measured.
    pub read_bandwidth_bytes_per_sec: f64,
    /// Bytes of weights that one token needs.
    pub weight_bytes_per_token: usize,
    /// Every combination that was measured.
    pub runs: Vec<BenchRun>,
}

/// One combination; the best of three.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BenchRun {
    /// Branches decoded together.
    pub branches: usize,
    /// Whether attention was recorded.
    pub capture: bool,
    /// The vision encoder.
    pub vision_secs: f64,
    /// The prompt.
    pub prefill_secs: f64,
    /// Tokens after the first.
    pub decoded_tokens: usize,
    /// All of them.
    pub decode_secs: f64,
    /// Of the decoding.
    pub tokens_per_second: f64,
    /// Bytes of weights read in a second over what the machine can read.
    pub share_of_bandwidth: f64,
}

/// Measures a model on a photo; takes at least twelve answers of `new_tokens`.
pub fn bench(model: &OpenModel, image: &ImageSource, new_tokens: usize) -> Result<BenchReport, EngineError> {
    let (load_secs, model) = (model.load_secs(), model.answerer()?);
    let read_bandwidth_bytes_per_sec = read_bandwidth(&model.place.device)?;
    let weight_bytes_per_token = model.llava.decoder().bytes_per_token();
    let mut runs = Vec::new();
    let mut prompt_tokens = 0;
    for (branches, capture) in [(1, false), (1, true), (2, false), (2, true)] {
        let mut best: Option<BenchRun> = None;
        for _ in 0..REPEATS {
            let (mut run, prompt) = once(model, image, new_tokens, branches, capture)?;
            prompt_tokens = prompt;
            let bytes_per_sec = weight_bytes_per_token as f64 * run.tokens_per_second;
            run.share_of_bandwidth = bytes_per_sec / read_bandwidth_bytes_per_sec;
            best = Some(best.map_or(run, |best| best.faster_of_each(run)));
        }
        runs.extend(best);
    }
    Ok(BenchReport {
        model: model.info.summary.clone(),
        device: model.info.device.clone(),
        threads: rayon::current_num_threads(),
        load_secs,
        prompt_tokens,
        read_bandwidth_bytes_per_sec,
        weight_bytes_per_token,
        runs,
    })
}

impl BenchRun {
    /// Each stage on its own: a disturbance in one says nothing about another.
    fn faster_of_each(self, other: Self) -> Self {
        let decode = if other.decode_secs < self.decode_secs { other } else { self };
        Self {
            vision_secs: self.vision_secs.min(other.vision_secs),
            prefill_secs: self.prefill_secs.min(other.prefill_secs),
            ..decode
        }
    }
}

/// Every branch the same, so that two cost what two cost.
struct Together;

impl Decoding for Together {}

fn question(image: &ImageSource, new_tokens: usize, precision: RowPrecision) -> Question {
    Question {
        image: image.clone(),
        prompt: Prompt::Templated("Describe this image in detail.".to_owned()),
        framing: None,
        sampling: Sampling::default(),
        max_new_tokens: new_tokens,
        strategy: Spec::default(),
        interventions: Vec::new(),
        record: RecordOptions { precision, budget_bytes: usize::MAX, ..RecordOptions::default() },
    }
}

fn once(
    model: &Answerer,
    image: &ImageSource,
    new_tokens: usize,
    branches: usize,
    capture: bool,
) -> Result<(BenchRun, usize), EngineError> {
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    let question = question(image, new_tokens, precision);
    let go_on = AtomicBool::new(false);
    let plan = Plan::new(model, &question)?;
    let photo = open_photo(image)?;
    let job = Job::new(model, &question, &plan, &photo, &go_on)?;
    let (mut recorder, pixel_values) = job.into_recorder();

    let mut nothing = ();
    let probe: &mut dyn Probe = if capture { &mut recorder } else { &mut nothing };
    let started = Instant::now();
    let features = model.llava.encode_image(&pixel_values, probe)?;
    finish(&features.projected)?;
    let vision_secs = started.elapsed().as_secs_f64();

    let ids = plan.prompt.ids.clone();
    let prompt = || -> Result<DecoderPrompt, EngineError> {
        let image = Some((plan.prompt.image_token_span, &features));
        Ok(DecoderPrompt { embeddings: model.llava.embed_prompt(&ids, image)?, ids: ids.clone() })
    };
    let prompts = (0..branches).map(|_| prompt()).collect::<Result<Vec<_>, _>>()?;
    // No stop tokens: every run decodes the same number.
    let options = GenerateOptions { max_new_tokens: new_tokens, ..GenerateOptions::default() };
    let mut generation = Generation::new(model.llava.decoder(), Box::new(Together), prompts, options)?;
    let (mut recorded, mut nothing) = (recorder, ());
    let mut step = |recorded: &mut Recorder<'_>| -> Result<bool, EngineError> {
        let probe: &mut dyn Probe = if capture { recorded } else { &mut nothing };
        let more = generation.step(probe)?.is_some();
        black_box(recorded.take_row());
        Ok(more)
    };
    let started = Instant::now();
    step(&mut recorded)?;
    let prefill_secs = started.elapsed().as_secs_f64();
    let (started, mut decoded_tokens) = (Instant::now(), 0);
    while step(&mut recorded)? {
        decoded_tokens += 1;
    }
    let decode_secs = started.elapsed().as_secs_f64();
    let tokens_per_second = if decoded_tokens > 0 { decoded_tokens as f64 / decode_secs } else { 0.0 };
    let run = BenchRun {
        branches,
        capture,
        vision_secs,
        prefill_secs,
        decoded_tokens,
        decode_secs,
        tokens_per_second,
        share_of_bandwidth: 0.0,
    };
    Ok((run, ids.len()))
}

/// A GPU works behind the caller's back: reading one value waits for it.
fn finish(tensor: &Tensor) -> Result<(), EngineError> {
    let value = tensor.flatten_all().and_then(|flat| flat.narrow(0, 0, 1)).and_then(|one| one.to_dtype(DType::F32));
    value.and_then(|one| one.to_vec1::<f32>()).map(|_| ()).map_err(EngineError::tensor("wait for the device"))
}

/// Bytes a second that sequential reading reaches on a device: the best of a few sums over a large buffer.
fn read_bandwidth(device: &Device) -> Result<f64, EngineError> {
    let mut best_secs = f64::INFINITY;
    if device.is_cpu() {
        let words = vec![1_u64; BANDWIDTH_BYTES / size_of::<u64>()];
        for _ in 0..=REPEATS {
            let started = Instant::now();
            let chunks = words.par_chunks(1 << 16);
            black_box(chunks.map(|chunk| chunk.iter().fold(0_u64, |sum, word| sum ^ word)).sum::<u64>());
            best_secs = best_secs.min(started.elapsed().as_secs_f64());
        }
    } else {
        let measured = || -> candle_core::Result<f64> {
            let values = Tensor::ones(BANDWIDTH_BYTES / size_of::<f32>(), DType::F32, device)?;
            let mut best_secs = f64::INFINITY;
            for _ in 0..=REPEATS {
                let started = Instant::now();
                black_box(values.sum_all()?.to_scalar::<f32>()?);
                best_secs = best_secs.min(started.elapsed().as_secs_f64());
            }
            Ok(best_secs)
        };
        best_secs = measured().map_err(EngineError::tensor("measure the device's bandwidth"))?;
    }
    Ok(BANDWIDTH_BYTES as f64 / best_secs)
}
