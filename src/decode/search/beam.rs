//! Beam search: several answers at once, of which the best finished one is given.

use super::{Limits, Progress, Search};
use crate::decode::method::Stack;
use crate::decode::sampling::penalise;
use crate::decode::stepper::{Offer, Stepper};
use crate::decode::{DecodeError, GenerateOptions, Sampler, StopReason, TokenStep, check_beams};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The `width` best continuations of all beams go on after every pass; those among the best `width` that end compete
/// for `width` places of finished answers by their score, the sum of the tokens' log-probabilities (of what the methods
/// left, renormalised) divided by `length ^ length_penalty`. It ends when no running beam can beat the worst finished
/// answer any more, judged at its present length, or when every continuation ends. Ids that an answer is made to begin
/// with are neither scored nor counted.
///
/// While it runs the leading beam is told, so tokens are taken back wherever another takes the lead; the last that is
/// told is the best finished answer. The same question gives the same answer: among equals the earlier beam and the
/// smaller id come first.
///
/// **Source**: `GenerationMixin._beam_search` of transformers 5.24 with `early_stopping=False`, its default, and
/// `do_sample=False`; the repetition penalty works on log-probabilities there, and does here. **Differs** in summing in
/// f64 where it sums in f32, and in following fewer beams where fewer than `width` candidates are left, which fills up
/// with impossible ones there (test `beams_are_those_of_transformers`).
pub struct BeamSearch {
    width: usize,
    length_penalty: f64,
    limits: Limits,
    forced: Vec<u32>,
    repetition_penalty: f32,
    with_logits: bool,
    /// Of every line of the stepper.
    running: Vec<Beam>,
    /// Best first.
    finished: Vec<Finished>,
    told: Vec<Arc<TokenStep>>,
}

#[derive(Clone, Default)]
struct Beam {
    /// Sum of log-probabilities.
    score: f64,
    steps: Vec<Arc<TokenStep>>,
}

struct Finished {
    /// Divided by its length as the penalty says.
    score: f64,
    steps: Vec<Arc<TokenStep>>,
    stop: StopReason,
    methods: Stack,
}

/// A token behind one of the lines.
#[derive(Debug, Clone, Copy)]
struct Continuation {
    line_idx: usize,
    id: u32,
    /// Of the whole answer.
    score: f64,
}

impl Continuation {
    /// The better one first.
    fn order(&self, other: &Self) -> Ordering {
        let by_place = (self.line_idx, self.id).cmp(&(other.line_idx, other.id));
        other.score.total_cmp(&self.score).then(by_place)
    }
}

impl BeamSearch {
    /// Checks the options.
    pub fn new(options: &GenerateOptions) -> Result<Self, DecodeError> {
        check_beams(&options.sampling)?;
        // It draws nothing, but the penalty is checked there.
        Sampler::new(options.sampling)?;
        Ok(Self {
            width: options.sampling.beams,
            length_penalty: options.sampling.length_penalty,
            limits: Limits::of(options),
            forced: options.forced.clone(),
            repetition_penalty: options.sampling.repetition_penalty,
            with_logits: options.logits,
            running: vec![Beam::default()],
            finished: Vec::new(),
            told: Vec::new(),
        })
    }

    /// The best continuations of all lines, best first: so many that `width` are left if every token that ends an
    /// answer is among them.
    fn continuations(&self, stepper: &Stepper<'_>, offers: &[Offer]) -> Result<Vec<Continuation>, DecodeError> {
        let step_idx = offers.first().map_or(0, Offer::step_idx);
        if let Some(id) = self.forced.get(step_idx) {
            let score = self.running.first().map_or(0.0, |beam| beam.score);
            return Ok(vec![Continuation { line_idx: 0, id: *id, score }]);
        }
        let most = self.width * (1 + self.limits.stop_token_ids.len()).max(2);
        let mut all: Vec<Continuation> = Vec::new();
        for (line_idx, ((offer, line), beam)) in offers.iter().zip(stepper.lines()).zip(&self.running).enumerate() {
            let logprobs = self.logprobs(offer.logits(), line.ids())?;
            let of_line = (0_u32..).zip(logprobs).filter(|(_, logprob)| logprob.is_finite());
            all.extend(of_line.map(|(id, logprob)| Continuation { line_idx, id, score: beam.score + logprob }));
            if all.len() > most {
                all.select_nth_unstable_by(most, Continuation::order);
                all.truncate(most);
            }
        }
        all.sort_by(Continuation::order);
        Ok(all)
    }

    /// Log-probabilities of what the methods left, behind the repetition penalty; minus infinity of what they removed.
    fn logprobs(&self, logits: &[f32], ids: &[u32]) -> Result<Vec<f64>, DecodeError> {
        let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        if !max.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
            return Err(DecodeError::NothingToChoose);
        }
        let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
        let log_sum = max + sum.ln();
        #[expect(clippy::float_cmp, reason = "exactly 1 is the documented way to say none")]
        if self.repetition_penalty == 1.0 {
            return Ok(logits.iter().map(|logit| f64::from(*logit) - log_sum).collect());
        }
        #[expect(clippy::cast_possible_truncation, reason = "log-probabilities, as the reference penalises them")]
        let mut logprobs: Vec<f32> = logits.iter().map(|logit| (f64::from(*logit) - log_sum) as f32).collect();
        penalise(&mut logprobs, ids, self.repetition_penalty);
        Ok(logprobs.into_iter().map(f64::from).collect())
    }

    /// A score as finished answers are compared.
    fn normalised(&self, score: f64, len: usize) -> f64 {
        let counted = len.saturating_sub(self.forced.len()).max(1);
        score / (counted as f64).powf(self.length_penalty)
    }

    /// Puts a finished answer among the best ones.
    fn finish(&mut self, finished: Finished) {
        let at = self.finished.partition_point(|other| other.score >= finished.score);
        self.finished.insert(at, finished);
        self.finished.truncate(self.width);
    }

    /// Whether the leading beam would be among the finished ones if it ended now.
    fn can_improve(&self, len: usize) -> bool {
        let (Some(leading), Some(worst)) = (self.running.first(), self.finished.last()) else { return true };
        self.finished.len() < self.width || self.normalised(leading.score, len) > worst.score
    }

    /// What has to be told so that the answer is this one.
    fn tell(&mut self, steps: &[Arc<TokenStep>]) -> Vec<TokenStep> {
        let common = self.told.iter().zip(steps).take_while(|(told, step)| Arc::ptr_eq(told, step)).count();
        let mut num_retracted = self.told.len() - common;
        self.told.truncate(common);
        let new = steps.get(common..).unwrap_or_default();
        self.told.extend(new.iter().cloned());
        let new = new.iter().map(|step| {
            let num_retracted = std::mem::take(&mut num_retracted);
            TokenStep { num_retracted, ..TokenStep::clone(step) }
        });
        new.collect()
    }
}

impl Search for BeamSearch {
    fn advance(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        let continuations = self.continuations(stepper, &offers)?;
        let len = offers.first().map_or(0, Offer::step_idx) + 1;
        let mut next: Vec<(Continuation, Beam)> = Vec::with_capacity(self.width);
        for (rank, one) in continuations.into_iter().enumerate() {
            let (Some(offer), Some(line), Some(beam)) =
                (offers.get(one.line_idx), stepper.lines().get(one.line_idx), self.running.get(one.line_idx))
            else {
                continue;
            };
            let stop = self.limits.stop(one.id, len, line);
            let goes_on = stop.is_none() && next.len() < self.width;
            if !goes_on && (stop.is_none() || rank >= self.width) {
                continue;
            }
            let step = offer.one_chosen(one.id, self.with_logits);
            let step = TokenStep { is_stop: self.limits.is_stop(one.id), ..step };
            let mut steps = beam.steps.clone();
            steps.push(Arc::new(step));
            match stop {
                None => next.push((one, Beam { score: one.score, steps })),
                Some(stop) => {
                    let (score, methods) = (self.normalised(one.score, len), line.methods().fork()?);
                    self.finish(Finished { score, steps, stop, methods });
                }
            }
        }
        let picks: Vec<usize> = next.iter().map(|(one, _)| one.line_idx).collect();
        let has_next = !next.is_empty();
        if has_next {
            stepper.reorder(&picks)?;
            for (line_idx, (one, _)) in next.iter().enumerate() {
                stepper.append(line_idx, one.id)?;
            }
            self.running = next.into_iter().map(|(_, beam)| beam).collect();
        }
        let is_over = !has_next || !self.can_improve(len);
        let (steps, stop) = match (is_over, self.finished.first(), self.running.first()) {
            (true, Some(best), _) => (best.steps.clone(), Some(best.stop)),
            (_, _, Some(leading)) => (leading.steps.clone(), None),
            _ => return Err(DecodeError::NothingToChoose),
        };
        Ok(Progress { tokens: self.tell(&steps), stop })
    }

    fn methods(&self) -> Option<&Stack> {
        self.finished.first().map(|best| &best.methods)
    }

    fn live_rows(&self) -> Option<BTreeSet<u64>> {
        let running = self.running.iter().flat_map(|beam| &beam.steps);
        let finished = self.finished.iter().flat_map(|finished| &finished.steps);
        Some(running.chain(finished).chain(&self.told).map(|step| step.row_id).collect())
    }
}
