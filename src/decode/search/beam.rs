//! Beam search: several answers at once, of which the best finished one is given.

use super::ranking::{Continuation, Finished, Ranking};
use super::{Limits, Progress, Search};
use crate::decode::method::Stack;
use crate::decode::stepper::{Offer, Stepper};
use crate::decode::{DecodeError, GenerateOptions, Sampler, TokenStep, check_beams};
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
    ranking: Ranking,
    limits: Limits,
    forced: Vec<u32>,
    with_logits: bool,
    /// Of every line of the stepper.
    running: Vec<Beam>,
}

#[derive(Clone, Default)]
struct Beam {
    /// Sum of log-probabilities.
    score: f64,
    steps: Vec<Arc<TokenStep>>,
}

impl BeamSearch {
    /// Checks the options.
    pub fn new(options: &GenerateOptions) -> Result<Self, DecodeError> {
        check_beams(&options.sampling)?;
        // It draws nothing, but the penalty is checked there.
        Sampler::new(options.sampling)?;
        let ranking = Ranking::new(options.sampling.beams, options.sampling.length_penalty, options);
        let (limits, forced) = (Limits::of(options), options.forced.clone());
        Ok(Self { ranking, limits, forced, with_logits: options.logits, running: vec![Beam::default()] })
    }

    /// The best continuations of all lines, best first: so many that `width` are left if every token that ends an
    /// answer is among them.
    fn continuations(&self, stepper: &Stepper<'_>, offers: &[Offer]) -> Result<Vec<Continuation>, DecodeError> {
        let step_idx = offers.first().map_or(0, Offer::step_idx);
        if let Some(id) = self.forced.get(step_idx) {
            let score = self.running.first().map_or(0.0, |beam| beam.score);
            return Ok(vec![Continuation { line_idx: 0, id: *id, score }]);
        }
        let mut all: Vec<Continuation> = Vec::new();
        for (line_idx, ((offer, line), beam)) in offers.iter().zip(stepper.lines()).zip(&self.running).enumerate() {
            let logprobs = self.ranking.logprobs_of(offer, line.ids())?;
            self.ranking.add(&mut all, line_idx, beam.score, &logprobs, &self.limits);
        }
        all.sort_by(Continuation::order);
        Ok(all)
    }
}

impl Search for BeamSearch {
    fn advance(&mut self, stepper: &mut Stepper<'_>, offers: Vec<Offer>) -> Result<Progress, DecodeError> {
        let continuations = self.continuations(stepper, &offers)?;
        let (len, width) = (offers.first().map_or(0, Offer::step_idx) + 1, self.ranking.width);
        let mut next: Vec<(Continuation, Beam)> = Vec::with_capacity(width);
        for (rank, one) in continuations.into_iter().enumerate() {
            let (Some(offer), Some(line), Some(beam)) =
                (offers.get(one.line_idx), stepper.lines().get(one.line_idx), self.running.get(one.line_idx))
            else {
                continue;
            };
            let stop = self.limits.stop(one.id, len, line);
            let goes_on = stop.is_none() && next.len() < width;
            if !goes_on && (stop.is_none() || rank >= width) {
                continue;
            }
            let step = offer.one_chosen(one.id, self.with_logits);
            let step = TokenStep { is_stop: self.limits.is_stop(one.id), ..step };
            let mut steps = beam.steps.clone();
            steps.push(Arc::new(step));
            match stop {
                None => next.push((one, Beam { score: one.score, steps })),
                Some(stop) => {
                    let (score, methods) = (self.ranking.normalised(one.score, len), line.methods().fork()?);
                    self.ranking.finish(Finished { score, steps, stop, methods });
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
        let leading = self.running.first().filter(|_| has_next).map(|beam| (beam.score, beam.steps.as_slice()));
        self.ranking.progress(leading, len)
    }

    fn methods(&self) -> Option<&Stack> {
        self.ranking.best().map(|best| &best.methods)
    }

    fn width(&self) -> usize {
        self.ranking.width
    }

    fn live_rows(&self) -> Option<BTreeSet<u64>> {
        let running = self.running.iter().flat_map(|beam| &beam.steps);
        Some(running.chain(self.ranking.steps()).map(|step| step.row_id).collect())
    }
}
