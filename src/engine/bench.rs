//! How fast a model is on this machine, and how near to what the machine allows.
//!
//! Decoding reads every weight of the decoder once a token, so the time of a token has a floor: those bytes over the
//! read bandwidth. The report measures both and says which share of the bandwidth the decoding reached; with and
//! without recording attention, with one branch and with two (what a contrastive strategy costs).
//!
//! The combinations and a plain read of as many bytes take turns at every token, and ratios are of the fast quarter of
//! their steps: a machine that is busy with something else for a while, or that lets less pass after a burst, disturbs
//! all of them alike.

use super::error::EngineError;
use super::job::Job;
use super::messages::{ImageSource, Prompt, Question, RecordOptions, Spec};
use super::open::{Answerer, OpenModel};
use super::photo::open_photo;
use super::plan::Plan;
use super::recorder::Recorder;
use crate::decode::{DecoderPrompt, GenerateOptions, Generation, Stack, Word, build};
use crate::kernel::BandwidthProbe;
use crate::model::{ImagePlace, Prepared, Probe};
use crate::trace::{RowPrecision, Sampling};
use candle_core::{DType, Device, Tensor};
use serde::Serialize;
use std::hint::black_box;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// More than any cache holds, little enough for any machine that runs a model.
const BANDWIDTH_BYTES: usize = 256 << 20;
/// The best of these counts: other programs only make it slower.
const REPEATS: usize = 3;
/// What is measured: branches, and whether attention is recorded.
const COMBINATIONS: [(usize, bool); 4] = [(1, false), (1, true), (2, false), (2, true)];

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
    /// Bytes that this machine reads in a second over as many bytes as a token needs: the fast quarter of the reads
    /// between tokens.
    pub read_bandwidth_bytes_per_sec: f64,
    /// The fastest stretch of 16 MiB that was seen, which no long read reaches.
    pub burst_bandwidth_bytes_per_sec: f64,
    /// Bytes of weights that one token needs.
    pub weight_bytes_per_token: usize,
    /// Every combination that was measured.
    pub runs: Vec<BenchRun>,
    /// What they say about each other.
    pub ratios: BenchRatios,
}

/// One combination.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BenchRun {
    /// Branches decoded together.
    pub branches: usize,
    /// Whether attention was recorded.
    pub capture: bool,
    /// The vision encoder, the best of three.
    pub vision_secs: f64,
    /// The prompt, the best of three.
    pub prefill_secs: f64,
    /// Tokens after the first, of one of three answers.
    pub decoded_tokens: usize,
    /// All of them, in the best of three answers.
    pub decode_secs: f64,
    /// Of the decoding.
    pub tokens_per_second: f64,
    /// A token of the fast quarter of all: so many seconds or less.
    pub fast_step_secs: f64,
    /// Bytes of weights that such a token reads in a second over what the machine can read.
    pub share_of_bandwidth: f64,
}

/// Steps of the fast quarter held against each other; `None` where no token was decoded after the first.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct BenchRatios {
    /// With attention recorded over without: what capture costs.
    pub capture: Option<f64>,
    /// Two branches over one: what a contrastive strategy costs.
    pub second_branch: Option<f64>,
    /// The prompt with attention recorded over without.
    pub capture_in_prefill: Option<f64>,
}

/// Measures a model on a photo; takes twelve answers of `new_tokens`.
pub fn bench(model: &OpenModel, image: &ImageSource, new_tokens: usize) -> Result<BenchReport, EngineError> {
    let (load_secs, model) = (model.load_secs(), model.answerer()?);
    let weight_bytes_per_token = model.vlm.decoder().bytes_per_token();
    let mut bandwidth = Bandwidth::new(&model.place.device, weight_bytes_per_token);
    let mut measured = COMBINATIONS.map(|combination| Measured { combination, ..Measured::default() });
    let mut prompt_tokens = 0;
    for _ in 0..REPEATS {
        bandwidth.measure()?;
        prompt_tokens = round(model, image, new_tokens, &mut measured, &mut bandwidth)?;
    }
    let read_bandwidth_bytes_per_sec = bandwidth.sustained_bytes_per_sec();
    let runs: Vec<BenchRun> = measured
        .iter()
        .map(|measured| measured.run(weight_bytes_per_token as f64 / read_bandwidth_bytes_per_sec))
        .collect();
    Ok(BenchReport {
        model: model.info.summary.clone(),
        device: model.info.device.clone(),
        threads: rayon::current_num_threads(),
        load_secs,
        prompt_tokens,
        read_bandwidth_bytes_per_sec,
        burst_bandwidth_bytes_per_sec: bandwidth.best_bytes_per_sec,
        weight_bytes_per_token,
        ratios: BenchRatios::of(&runs),
        runs,
    })
}

impl BenchRatios {
    fn of(runs: &[BenchRun]) -> Self {
        let find = |branches, capture| runs.iter().find(|run| run.branches == branches && run.capture == capture);
        let over = |above: Option<&BenchRun>, below: Option<&BenchRun>, secs: fn(&BenchRun) -> f64| {
            Some(secs(above?) / secs(below?)).filter(|ratio| ratio.is_finite())
        };
        let (plain, captured, two) = (find(1, false), find(1, true), find(2, false));
        Self {
            capture: over(captured, plain, |run| run.fast_step_secs),
            second_branch: over(two, plain, |run| run.fast_step_secs),
            capture_in_prefill: over(captured, plain, |run| run.prefill_secs),
        }
    }
}

/// Times of one combination.
#[derive(Debug, Clone, Default)]
struct Measured {
    combination: (usize, bool),
    vision_secs: Vec<f64>,
    prefill_secs: Vec<f64>,
    /// Per answer, its steps after the first.
    step_secs: Vec<Vec<f64>>,
}

impl Measured {
    /// `floor_secs`: what a token takes at the full bandwidth.
    fn run(&self, floor_secs: f64) -> BenchRun {
        let best = |secs: &[f64]| secs.iter().copied().fold(f64::INFINITY, f64::min);
        let answers: Vec<f64> = self.step_secs.iter().map(|steps| steps.iter().sum()).collect();
        let decoded_tokens = self.step_secs.first().map_or(0, Vec::len);
        let decode_secs = best(&answers);
        let fast_step_secs = fast_quarter(self.step_secs.concat()).unwrap_or(0.0);
        let (branches, capture) = self.combination;
        BenchRun {
            branches,
            capture,
            vision_secs: best(&self.vision_secs),
            prefill_secs: best(&self.prefill_secs),
            decoded_tokens,
            decode_secs,
            tokens_per_second: if decoded_tokens > 0 { decoded_tokens as f64 / decode_secs } else { 0.0 },
            fast_step_secs,
            share_of_bandwidth: if decoded_tokens > 0 { floor_secs / fast_step_secs } else { 0.0 },
        }
    }
}

/// The slowest of the fast quarter.
pub(super) fn fast_quarter(mut secs: Vec<f64>) -> Option<f64> {
    secs.sort_unstable_by(f64::total_cmp);
    secs.get(secs.len() / 4).copied()
}

/// What is asked.
pub(super) fn question(image: &ImageSource, new_tokens: usize, precision: RowPrecision) -> Question {
    Question {
        image: image.clone(),
        prompt: Prompt::Templated("Describe this image in detail.".to_owned()),
        framing: None,
        sampling: Sampling::default(),
        max_new_tokens: new_tokens,
        strategy: Spec::default(),
        interventions: Vec::new(),
        methods: Vec::new(),
        prompted: None,
        fork: None,
        record: RecordOptions { precision, budget_bytes: usize::MAX, ..RecordOptions::default() },
    }
}

/// One answer of every combination, all under way at once and a token at a time; the length of the prompt.
fn round(
    model: &Answerer,
    image: &ImageSource,
    new_tokens: usize,
    measured: &mut [Measured],
    bandwidth: &mut Bandwidth<'_>,
) -> Result<usize, EngineError> {
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    let question = question(image, new_tokens, precision);
    let go_on = AtomicBool::new(false);
    let photo = open_photo(image)?;
    let prepared = model.prepare(&photo, question.framing)?;
    let plan = Plan::new(model, &question, &prepared)?;
    let mut under_way = Vec::with_capacity(measured.len());
    for measured in measured.iter_mut() {
        let job = Job::new(model, &question, &plan, &photo, prepared.clone(), &go_on)?;
        let (recorder, prepared) = job.into_recorder();
        let mut answer = UnderWay::look(model, &plan, recorder, &prepared, new_tokens, measured)?;
        let started = Instant::now();
        answer.step()?;
        measured.prefill_secs.push(started.elapsed().as_secs_f64());
        measured.step_secs.push(Vec::new());
        under_way.push(answer);
    }
    let mut more = true;
    while more {
        for (answer, measured) in under_way.iter_mut().zip(measured.iter_mut()) {
            let started = Instant::now();
            more = answer.step()?;
            if let Some(steps) = measured.step_secs.last_mut().filter(|_| more) {
                steps.push(started.elapsed().as_secs_f64());
            }
        }
        bandwidth.take_turn();
    }
    Ok(plan.prompt.ids.len())
}

/// An answer of one combination, with or without its recorder.
struct UnderWay<'a> {
    generation: Generation<'a>,
    recorder: Option<Recorder<'a>>,
}

impl<'a> UnderWay<'a> {
    /// Runs the vision encoder, timed, and makes everything ready for the prompt.
    fn look(
        model: &'a Answerer,
        plan: &Plan,
        mut recorder: Recorder<'a>,
        prepared: &Prepared,
        new_tokens: usize,
        measured: &mut Measured,
    ) -> Result<Self, EngineError> {
        let (branches, capture) = measured.combination;
        let probe: &mut dyn Probe = if capture { &mut recorder } else { &mut () };
        let started = Instant::now();
        let layout = &prepared.framed.layout;
        let features = model.vlm.see(&prepared.pixel_values, layout, 0, probe)?;
        finish(&features.projected)?;
        measured.vision_secs.push(started.elapsed().as_secs_f64());
        let prompt = || -> Result<DecoderPrompt, EngineError> {
            let image = ImagePlace::new(plan.prompt.image_token_span, &features);
            let (ids, image) = (plan.prompt.ids.clone(), ImagePlace { layout: Some(layout), ..image });
            let embedded = model.vlm.embed(&ids, Some(image))?;
            Ok(DecoderPrompt::new(ids, embedded))
        };
        let prompts = (0..branches).map(|_| prompt()).collect::<Result<Vec<_>, _>>()?;
        // No stop tokens: every answer has the same length.
        let options = GenerateOptions { max_new_tokens: new_tokens, ..GenerateOptions::default() };
        // Every branch reads the same, so that two cost what two cost, the contrast of every step included.
        let (method, active, _) = build(Word::Strategy, if branches > 1 { "vcd" } else { "plain" }, &[])?;
        let methods = Stack::new(vec![(method.info(), active)]);
        let generation = Generation::new(model.vlm.decoder(), methods, prompts, options)?;
        Ok(Self { generation, recorder: capture.then_some(recorder) })
    }

    /// Whether there was a token left to choose.
    fn step(&mut self) -> Result<bool, EngineError> {
        let Some(recorder) = &mut self.recorder else { return Ok(self.generation.step(&mut ())?.is_some()) };
        let Some(step) = self.generation.step(recorder)? else { return Ok(false) };
        black_box(recorder.take_row(step.row_id));
        Ok(true)
    }
}

/// A GPU works behind the caller's back: reading one value waits for it.
fn finish(tensor: &Tensor) -> Result<(), EngineError> {
    let value = tensor.flatten_all().and_then(|flat| flat.narrow(0, 0, 1)).and_then(|one| one.to_dtype(DType::F32));
    value.and_then(|one| one.to_vec1::<f32>()).map(|_| ()).map_err(EngineError::tensor("wait for the device"))
}

/// Bytes a second that sequential reading reaches on a device.
struct Bandwidth<'a> {
    device: &'a Device,
    /// For the CPU.
    probe: Option<BandwidthProbe>,
    /// The fastest stretch.
    best_bytes_per_sec: f64,
    /// Read in a turn.
    turn_bytes: usize,
    /// On the CPU, how long each turn took.
    turn_secs: Vec<f64>,
}

impl<'a> Bandwidth<'a> {
    fn new(device: &'a Device, turn_bytes: usize) -> Self {
        let probe = device.is_cpu().then(|| BandwidthProbe::new(BANDWIDTH_BYTES));
        Self { device, probe, best_bytes_per_sec: 0.0, turn_bytes, turn_secs: Vec::new() }
    }

    /// Reads as much as a token does; each time other memory, which no cache holds.
    fn take_turn(&mut self) {
        if let Some(probe) = &self.probe {
            let from = self.turn_bytes.wrapping_mul(self.turn_secs.len());
            self.turn_secs.push(probe.read_secs(self.turn_bytes, from));
        }
    }

    /// Of the fast quarter of the turns; of the fastest stretch where there were none.
    fn sustained_bytes_per_sec(&self) -> f64 {
        let secs = fast_quarter(self.turn_secs.clone()).filter(|secs| *secs > 0.0);
        secs.map_or(self.best_bytes_per_sec, |secs| self.turn_bytes as f64 / secs)
    }

    fn measure(&mut self) -> Result<(), EngineError> {
        let found = match &self.probe {
            Some(probe) => probe.measure(REPEATS).bytes_per_sec,
            None => read_device(self.device).map_err(EngineError::tensor("measure the device's bandwidth"))?,
        };
        self.best_bytes_per_sec = self.best_bytes_per_sec.max(found);
        Ok(())
    }
}

/// Bytes a second of the best of a few sums over a large buffer.
fn read_device(device: &Device) -> candle_core::Result<f64> {
    let values = Tensor::ones(BANDWIDTH_BYTES / size_of::<f32>(), DType::F32, device)?;
    let mut best_secs = f64::INFINITY;
    for _ in 0..=REPEATS {
        let started = Instant::now();
        black_box(values.sum_all()?.to_scalar::<f32>()?);
        best_secs = best_secs.min(started.elapsed().as_secs_f64());
    }
    Ok(BANDWIDTH_BYTES as f64 / best_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_fast_quarter_of_the_steps() {
        let measured = |combination, slow: f64| Measured {
            combination,
            vision_secs: vec![2.0, 1.0],
            prefill_secs: vec![3.0 * slow, 4.0],
            step_secs: vec![vec![9.0, slow, slow, 9.0], vec![slow, 9.0, 9.0, 9.0]],
        };
        let runs = [measured((1, false), 1.0), measured((1, true), 1.05), measured((2, false), 1.2)];
        let runs = runs.map(|measured| measured.run(0.8));
        let close = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-9);
        let ratios = BenchRatios::of(&runs);
        assert!(
            close(ratios.capture, 1.05) && close(ratios.second_branch, 1.2),
            "disturbed steps are left out: {ratios:?}"
        );
        assert!(close(ratios.capture_in_prefill, 1.05), "the best prefills");
        assert!((runs[0].share_of_bandwidth - 0.8).abs() < 1e-9, "0.8 s at full bandwidth, 1 s found");
        assert_eq!((runs[0].vision_secs, runs[0].decode_secs), (1.0, 20.0), "the best of each");
        assert_eq!(BenchRatios::of(&[]), BenchRatios::default(), "nothing measured, nothing said");
    }
}
