//! What methods cost beside plain decoding, measured side by side.
//!
//! A method and plain decoding answer at once, a token each in turns, both as [`super::run_job`] answers: attention
//! recorded, prompts shared between branches, nothing kept from earlier questions. A machine that is busy for a while
//! disturbs both alike, and the ratio is of the fast quarter of their tokens.

use super::bench::{fast_quarter, question};
use super::error::EngineError;
use super::job::{Job, ask_first, generate_options};
use super::messages::{ImageSource, Question, RunId, Spec};
use super::open::{Answerer, OpenModel};
use super::photo::open_photo;
use super::plan::{Plan, built};
use super::prefixes::Prefixes;
use super::recorder::Recorder;
use crate::decode::{Acts, GenerateOptions, Generation, MethodInfo, Word, method_named};
use crate::trace::{RowPrecision, Sampling};
use serde::Serialize;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Pairs of answers for every method.
const REPEATS: usize = 3;
/// Most that a token may cost, times plain decoding.
const EDIT_AIM: f64 = 1.1;
const BRANCH_AIM: f64 = 1.25;
const BEAMS_AIM: f64 = 2.0;

/// What `gazelens bench --method` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodsReport {
    /// The model.
    pub model: String,
    /// Device and type.
    pub device: String,
    /// Threads that compute (on the CPU).
    pub threads: usize,
    /// Positions of the plain prompt.
    pub prompt_tokens: usize,
    /// Tokens of every answer.
    pub new_tokens: usize,
    /// Answers that each method follows at once.
    pub beams: usize,
    /// Every method in the order given.
    pub methods: Vec<MethodCost>,
}

/// One method beside plain decoding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MethodCost {
    /// The method as it was given.
    pub method: String,
    /// Branches decoded together, the ordinary one among them.
    pub branches: usize,
    /// Positions that the decoder ran before the first token, over those of plain decoding: what further branches,
    /// further passes over the prompt and answers to first questions amount to.
    pub prompt_passes: f64,
    /// Seconds to the first token over those of plain decoding, the photo's preparation left out.
    pub first_token_ratio: f64,
    /// Of plain decoding, in the best of three answers.
    pub plain_tokens_per_second: f64,
    /// Of the method, in the best of three answers.
    pub tokens_per_second: f64,
    /// A token of the fast quarter over one of plain decoding; `None` where no token came after the first.
    pub token_ratio: Option<f64>,
    /// The ratio that is aimed at, where there is an aim.
    pub aim: Option<f64>,
}

/// Measures methods on a photo, each beside plain decoding in three pairs of answers of `new_tokens`. Nothing of
/// earlier questions is kept in the model afterwards.
pub fn bench_methods(
    model: &OpenModel,
    image: &ImageSource,
    (new_tokens, beams): (usize, usize),
    methods: &[Spec],
) -> Result<MethodsReport, EngineError> {
    let budget_bytes = model.kept().budget_bytes;
    model.keep_at_most(0);
    let costs = methods.iter().map(|method| cost(model.answerer()?, image, (new_tokens, beams), method));
    let costs = costs.collect::<Result<Vec<_>, EngineError>>();
    model.keep_at_most(budget_bytes);
    let costs = costs?;
    let prompt_tokens = costs.first().map_or(0, |(_, prompt_tokens)| *prompt_tokens);
    let info = model.info();
    Ok(MethodsReport {
        model: info.summary.clone(),
        device: info.device.clone(),
        threads: rayon::current_num_threads(),
        prompt_tokens,
        new_tokens,
        beams,
        methods: costs.into_iter().map(|(cost, _)| cost).collect(),
    })
}

/// A method's cost, and the length of the plain prompt.
fn cost(
    model: &Answerer,
    image: &ImageSource,
    (new_tokens, beams): (usize, usize),
    method: &Spec,
) -> Result<(MethodCost, usize), EngineError> {
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    let plain = question(image, new_tokens, precision);
    let sampling = Sampling { beams, ..plain.sampling };
    let edited = Question { methods: vec![method.clone()], sampling, ..plain.clone() };
    let go_on = AtomicBool::new(false);
    let mut sides = [&plain, &edited].map(|question| (question, Measured::default()));
    for _ in 0..REPEATS {
        let mut answers = Vec::with_capacity(sides.len());
        for (question, measured) in &mut sides {
            answers.push(UnderWay::begin(model, question, &go_on, measured)?);
            measured.step_secs.push(Vec::new());
        }
        for len in 2..=new_tokens {
            for (answer, (_, measured)) in answers.iter_mut().zip(&mut sides) {
                let started = Instant::now();
                let is_there = answer.reach(len)?;
                if let Some(steps) = measured.step_secs.last_mut().filter(|_| is_there) {
                    steps.push(started.elapsed().as_secs_f64());
                }
            }
        }
    }
    let [(_, plain), (_, edited)] = sides;
    let (token, plain_token) = (fast_quarter(edited.step_secs.concat()), fast_quarter(plain.step_secs.concat()));
    let info = method_named(Word::Method, &method.name)?.info();
    let cost = MethodCost {
        method: method.to_string(),
        branches: edited.branches,
        prompt_passes: edited.rows_run as f64 / plain.rows_run.max(1) as f64,
        first_token_ratio: edited.first_token_secs() / plain.first_token_secs(),
        plain_tokens_per_second: plain.tokens_per_second(),
        tokens_per_second: edited.tokens_per_second(),
        token_ratio: token.zip(plain_token).map(|(token, plain)| token / plain),
        aim: aim(info, edited.branches, beams),
    };
    Ok((cost, plain.prompt_len))
}

/// What is promised of methods of this kind.
fn aim(info: &MethodInfo, branches: usize, beams: usize) -> Option<f64> {
    match (info.acts, branches) {
        (Acts::Search, _) => None,
        _ if beams > 1 => (info.id == "plain").then_some(BEAMS_AIM),
        (Acts::Branch, _) | (_, 2..) => Some(1.0 + (BRANCH_AIM - 1.0) * branches.saturating_sub(1).max(1) as f64),
        (Acts::Attention | Acts::Heads, _) => Some(EDIT_AIM),
        _ => None,
    }
}

/// Times of one side.
#[derive(Debug, Default)]
struct Measured {
    prompt_len: usize,
    branches: usize,
    /// Positions that the decoder ran before the first token.
    rows_run: u64,
    first_token_secs: Vec<f64>,
    /// Per answer, its tokens after the first.
    step_secs: Vec<Vec<f64>>,
}

impl Measured {
    fn first_token_secs(&self) -> f64 {
        self.first_token_secs.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn tokens_per_second(&self) -> f64 {
        let rate = |steps: &Vec<f64>| steps.len() as f64 / steps.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        self.step_secs.iter().map(rate).fold(0.0, f64::max)
    }
}

/// An answer with its recorder, its first token there.
struct UnderWay<'a> {
    generation: Generation<'a>,
    recorder: Recorder<'a>,
}

impl<'a> UnderWay<'a> {
    /// Does all that a question takes up to its first token.
    fn begin(
        model: &'a Answerer,
        question: &Question,
        go_on: &'a AtomicBool,
        measured: &mut Measured,
    ) -> Result<Self, EngineError> {
        let photo = open_photo(&question.image)?;
        let prepared = model.prepare(&photo, question.framing)?;
        let decoder = model.vlm.decoder();
        let (started, rows_before) = (Instant::now(), decoder.rows_run());
        let mut plan = Plan::of(model, question, &prepared, built(question)?, &[])?;
        if let Some(answers) = ask_first(model, RunId(0), question, &plan, go_on)? {
            plan = Plan::of(model, question, &prepared, built(question)?, &answers)?;
        }
        let mut job = Job::new(model, question, &plan, &photo, prepared, go_on)?;
        let prompts = job.see(model, &mut plan)?;
        measured.prompt_len = plan.prompt.ids.len();
        measured.branches = prompts.len();
        let (prefixes, caches) = Prefixes::take(model, &plan, &prompts, job.recorder.first_prompt_row(), question);
        // No stop tokens: every answer has the same length.
        let options = GenerateOptions { stop_token_ids: Vec::new(), ..generate_options(model, question, None) };
        let mut generation = Generation::resume(decoder, plan.methods, prompts, caches, options)?;
        prefixes.share(&mut generation)?;
        let (recorder, _) = job.into_recorder();
        let mut answer = Self { generation, recorder };
        answer.reach(1)?;
        measured.first_token_secs.push(started.elapsed().as_secs_f64());
        measured.rows_run = decoder.rows_run() - rows_before;
        Ok(answer)
    }

    /// Goes on until so many tokens stand; whether they do.
    fn reach(&mut self, len: usize) -> Result<bool, EngineError> {
        while self.generation.ids().len() < len {
            let Some(step) = self.generation.step(&mut self.recorder)? else { return Ok(false) };
            match self.generation.live_rows() {
                Some(live) => self.recorder.keep_rows(&live),
                None => drop(std::hint::black_box(self.recorder.take_row(step.row_id))),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aims_are_those_of_what_a_method_does() {
        let aim_of = |name: &str, branches, beams| {
            aim(method_named(Word::Method, name).expect("a method").info(), branches, beams)
        };
        assert_eq!(aim_of("vaf", 1, 1), Some(EDIT_AIM), "an edit of attention");
        assert_eq!(aim_of("spin", 1, 1), Some(EDIT_AIM), "an edit of heads");
        assert_eq!(aim_of("pai", 2, 1), Some(BRANCH_AIM), "an edit with a second branch");
        assert_eq!(aim_of("vcd", 3, 1), Some(1.5), "as much again for a third");
        assert_eq!(aim_of("plain", 1, 5), Some(BEAMS_AIM), "beams");
        assert_eq!(aim_of("opera", 1, 1), None, "a search of its own");
        assert_eq!(aim_of("dola", 1, 1), None, "none was set");
    }

    #[test]
    fn rates_are_of_the_best_answer_and_first_tokens_of_the_fastest() {
        let measured = Measured {
            first_token_secs: vec![2.0, 1.0],
            step_secs: vec![vec![1.0, 1.0], vec![0.5, 0.5]],
            ..Measured::default()
        };
        let rates = [measured.tokens_per_second(), measured.first_token_secs()];
        let close = rates.iter().zip([2.0, 1.0]).all(|(found, expected)| (found - expected).abs() < 1e-12);
        assert!(close, "{rates:?}");
        assert!(Measured::default().tokens_per_second().abs() < 1e-12, "nothing was decoded");
    }
}
