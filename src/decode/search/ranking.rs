//! What searches with several beams have in common: scores, the answers that have ended, what is told of them.

use super::{Limits, Progress};
use crate::decode::method::Stack;
use crate::decode::sampling::penalise;
use crate::decode::stepper::Offer;
use crate::decode::{DecodeError, GenerateOptions, StopReason, TokenStep};
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::Arc;

/// An answer that has ended.
pub(super) struct Finished {
    /// Divided by its length as the penalty says.
    pub(super) score: f64,
    pub(super) steps: Vec<Arc<TokenStep>>,
    pub(super) stop: StopReason,
    pub(super) methods: Stack,
}

/// A token behind one of the lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Continuation {
    pub(super) line_idx: usize,
    pub(super) id: u32,
    /// Of the whole answer.
    pub(super) score: f64,
}

impl Continuation {
    /// The better one first.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let by_place = (self.line_idx, self.id).cmp(&(other.line_idx, other.id));
        other.score.total_cmp(&self.score).then(by_place)
    }
}

/// Logarithm of the sum of the exponentials of logits, of which some may be minus infinity.
fn log_sum(logits: &[f32]) -> Result<f64, DecodeError> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    if !max.is_finite() || logits.iter().any(|logit| logit.is_nan()) {
        return Err(DecodeError::NothingToChoose);
    }
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
    Ok(max + sum.ln())
}

/// Leaves the `most` best; the score of the worst of them once there are so many.
fn keep_best(all: &mut Vec<Continuation>, most: usize) -> Option<f64> {
    if all.len() < most {
        return None;
    }
    let (_, worst, _) = all.select_nth_unstable_by(most.saturating_sub(1), Continuation::order);
    let worst = worst.score;
    all.truncate(most);
    Some(worst)
}

/// What searches with several beams have in common: scores, the answers that have ended, what is told of them.
pub(super) struct Ranking {
    pub(super) width: usize,
    length_penalty: f64,
    repetition_penalty: f32,
    /// Tokens that an answer is made to begin with.
    num_forced: usize,
    /// Best first.
    finished: Vec<Rc<Finished>>,
    told: Vec<Arc<TokenStep>>,
}

impl Ranking {
    pub(super) fn new(width: usize, length_penalty: f64, options: &GenerateOptions) -> Self {
        let (repetition_penalty, num_forced) = (options.sampling.repetition_penalty, options.forced.len());
        Self { width, length_penalty, repetition_penalty, num_forced, finished: Vec::new(), told: Vec::new() }
    }

    /// Log-probabilities of what the methods left, behind the repetition penalty; minus infinity of what they removed.
    pub(super) fn logprobs(&self, logits: &[f32], ids: &[u32]) -> Result<Vec<f64>, DecodeError> {
        Ok(self.normalised_by(log_sum(logits)?, logits, ids))
    }

    /// The same of an offer, whose sum is known where no method changed its logits.
    pub(super) fn logprobs_of(&self, offer: &Offer, ids: &[u32]) -> Result<Vec<f64>, DecodeError> {
        let logits = offer.logits();
        let log_sum = offer.known_log_sum().map_or_else(|| log_sum(logits), Ok)?;
        Ok(self.normalised_by(log_sum, logits, ids))
    }

    fn normalised_by(&self, log_sum: f64, logits: &[f32], ids: &[u32]) -> Vec<f64> {
        #[expect(clippy::float_cmp, reason = "exactly 1 is the documented way to say none")]
        if self.repetition_penalty == 1.0 {
            return logits.iter().map(|logit| f64::from(*logit) - log_sum).collect();
        }
        #[expect(clippy::cast_possible_truncation, reason = "log-probabilities, as the reference penalises them")]
        let mut logprobs: Vec<f32> = logits.iter().map(|logit| (f64::from(*logit) - log_sum) as f32).collect();
        penalise(&mut logprobs, ids, self.repetition_penalty);
        logprobs.into_iter().map(f64::from).collect()
    }

    /// Adds the continuations of a line, as far as they may be among the best that are needed.
    pub(super) fn add(
        &self,
        all: &mut Vec<Continuation>,
        line_idx: usize,
        score: f64,
        logprobs: &[f64],
        limits: &Limits,
    ) {
        let most = self.width * (1 + limits.stop_token_ids.len()).max(2);
        let mut worst = keep_best(all, most);
        for (id, logprob) in (0_u32..).zip(logprobs).filter(|(_, logprob)| logprob.is_finite()) {
            let one = Continuation { line_idx, id, score: score + logprob };
            // Almost all end here: those that are there come first among equals.
            if worst.is_some_and(|worst| one.score <= worst) {
                continue;
            }
            all.push(one);
            if all.len() >= 2 * most {
                worst = keep_best(all, most);
            }
        }
        keep_best(all, most);
    }

    /// A score as finished answers are compared.
    pub(super) fn normalised(&self, score: f64, len: usize) -> f64 {
        let counted = len.saturating_sub(self.num_forced).max(1);
        score / (counted as f64).powf(self.length_penalty)
    }

    /// Puts a finished answer among the best ones.
    pub(super) fn finish(&mut self, finished: Finished) {
        let at = self.finished.partition_point(|other| other.score >= finished.score);
        self.finished.insert(at, Rc::new(finished));
        self.finished.truncate(self.width);
    }

    /// Those that have ended so far.
    pub(super) fn finished(&self) -> &[Rc<Finished>] {
        &self.finished
    }

    /// Goes back to those that had ended earlier.
    pub(super) fn restore(&mut self, finished: Vec<Rc<Finished>>) {
        self.finished = finished;
    }

    /// The best answer that has ended.
    pub(super) fn best(&self) -> Option<&Finished> {
        self.finished.first().map(Rc::as_ref)
    }

    /// Whether the leading beam would be among the finished ones if it ended now.
    fn can_improve(&self, leading: f64, len: usize) -> bool {
        let Some(worst) = self.finished.last() else { return true };
        self.finished.len() < self.width || self.normalised(leading, len) > worst.score
    }

    /// What is told of the answer of `len` tokens, and whether it ends: `leading` are the score and the steps of the
    /// best beam that goes on, if any does.
    pub(super) fn progress(
        &mut self,
        leading: Option<(f64, &[Arc<TokenStep>])>,
        len: usize,
    ) -> Result<Progress, DecodeError> {
        let is_over = leading.is_none_or(|(score, _)| !self.can_improve(score, len));
        let (steps, stop) = match (is_over, self.finished.first(), leading) {
            (true, Some(best), _) => (best.steps.clone(), Some(best.stop)),
            (_, _, Some((_, steps))) => (steps.to_vec(), None),
            _ => return Err(DecodeError::NothingToChoose),
        };
        Ok(Progress { tokens: self.tell(&steps), stop })
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

    /// Of all that has ended, and what was told.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Arc<TokenStep>> {
        self.finished.iter().flat_map(|finished| &finished.steps).chain(&self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Sampling;

    #[test]
    fn the_best_continuations_are_those_of_sorting_them_all() {
        let options = GenerateOptions {
            stop_token_ids: vec![2],
            sampling: Sampling { beams: 3, ..Sampling::default() },
            ..GenerateOptions::default()
        };
        let ranking = Ranking::new(3, Sampling::default().length_penalty, &options);
        let limits = Limits::of(&options);
        // Few values, so that many are equal.
        let lines: [Vec<f64>; 4] =
            [11, 5, 7, 3].map(|step: u32| (0..500).map(|id| -f64::from(id * step % 13)).collect());
        let (mut kept, mut all) = (Vec::new(), Vec::new());
        for (line_idx, logprobs) in lines.iter().enumerate() {
            let score = -(line_idx as f64);
            ranking.add(&mut kept, line_idx, score, logprobs, &limits);
            let own = (0..).zip(logprobs).map(|(id, logprob)| Continuation { line_idx, id, score: score + logprob });
            all.extend(own);
        }
        let place = |one: &Continuation| (one.line_idx, one.id);
        kept.sort_by(Continuation::order);
        all.sort_by(Continuation::order);
        assert_eq!(kept.len(), 6, "twice as many as beams");
        assert!(kept.iter().map(place).eq(all.iter().take(6).map(place)), "{kept:?}");
    }
}
