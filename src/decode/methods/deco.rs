//! `DeCo`: what an inner layer is sure of corrects the last one.

use super::rules::entries;
use crate::decode::Distribution;
use crate::decode::contrast::{Combined, log_softmax};
use crate::decode::method::{ActiveMethod, Asks, Method, QuestionContext, Readout, Step};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};

const ID: &str = "deco";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "DeCo: an inner layer corrects",
    help: "Adds the logits of the inner layer that is surest of a candidate, among the few most probable tokens",
    paper: "Wang et al., MLLM Can See? Dynamic Correction Decoding for Hallucination Mitigation, ICLR 2025, \
        arXiv:2410.11779",
    acts: Acts::Layers,
    cost: "no further pass; the head on each entry layer",
    parameters: &[
        ParameterInfo::real("alpha", "0.6", (0.0, 1000.0), "Strength of the correction; 0 is none").usual(0.0, 2.0),
        ParameterInfo::whole("top-k", "20", (1, usize::MAX), "Most candidates").usual(1.0, 100.0),
        ParameterInfo::real(
            "top-p",
            "0.9",
            (f64::MIN_POSITIVE, 1.0),
            "Candidates end with the one that brings their probabilities to this sum",
        ),
        ParameterInfo::text(
            "entries",
            "20-28",
            "Hidden states to choose from, joined by + or -: k is the output of layer k - 1; a default scales by \
                depth",
        )
        .by_depth(),
    ],
    ..MethodInfo::NONE
};

/// `DeCo`.
///
/// Candidates are the most probable tokens, at most `top-k`, up to and with the one that brings their sum to `top-p`.
/// The inner layer that gives any of them the largest probability adds its logits, weighted by `alpha` times that
/// probability; what is no candidate is removed.
/// **Source**: Wang et al. 2025, section 4; `transformers/generation/utils.py` of the authors' code.
/// **Differs** where the last entry is asked for: it has been through the final norm and is not normed again (golden
/// `deco_all`).
pub(super) struct Deco;

impl Registered for Deco {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Deco {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (alpha, top_k) = (parameters.number("alpha")?, parameters.count("top-k")?);
        Ok(Box::new(Active { alpha, top_k, top_p: parameters.number("top-p")?, entries: Vec::new() }))
    }
}

#[derive(Clone)]
struct Active {
    alpha: f64,
    top_k: usize,
    top_p: f64,
    entries: Vec<usize>,
}

fn readout(entry: usize) -> Readout {
    Readout { entry, normed: true }
}

/// The most probable tokens, at most `top_k`, up to and with the one that brings their sum to `top_p`; ids in
/// descending probability, the smaller id first among equals.
fn candidates(logits: &[f32], top_k: usize, top_p: f64) -> Vec<u32> {
    let logprobs = log_softmax(logits);
    let mut order: Vec<(u32, f32)> = (0..).zip(logprobs).filter(|(_, logprob)| *logprob > f32::NEG_INFINITY).collect();
    let descending = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if order.len() > top_k {
        order.select_nth_unstable_by(top_k - 1, descending);
        order.truncate(top_k);
    }
    order.sort_by(descending);
    let mut sum = 0.0;
    let before = order.iter().take_while(|(_, logprob)| {
        let is_short = sum < top_p;
        sum += f64::from(*logprob).exp();
        is_short
    });
    before.map(|(id, _)| *id).collect()
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let num_layers = question.num_hidden_layers();
        self.entries = entries(parameters, "entries", num_layers, num_layers)?;
        Ok(())
    }

    fn asks(&self) -> Asks {
        Asks { readouts: self.entries.iter().map(|entry| readout(*entry)).collect(), ..Asks::default() }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let candidates = candidates(step.logits, self.top_k, self.top_p);
        let mut surest: Option<(f64, usize, &[f32])> = None;
        for entry in &self.entries {
            let inner = step.readout(readout(*entry))?;
            let Ok(distribution) = Distribution::new(inner) else { continue };
            for id in &candidates {
                let p = distribution.probability(*id);
                if surest.is_none_or(|(most, ..)| p > most) {
                    surest = Some((p, *entry, inner));
                }
            }
        }
        let Some((p, entry, inner)) = surest else { return Err(DecodeError::NothingToChoose) };
        let mut logits = vec![f32::NEG_INFINITY; step.logits.len()];
        for id in &candidates {
            let idx = *id as usize;
            if let (Some(to), Some(l), Some(inner)) = (logits.get_mut(idx), step.logits.get(idx), inner.get(idx)) {
                #[expect(clippy::cast_possible_truncation, reason = "a logit, computed in f64 for its last digits")]
                let corrected = (f64::from(*l) + self.alpha * p * f64::from(*inner)) as f32;
                *to = corrected;
            }
        }
        let note = format!("corrected by entry {entry} of the hidden states, which is sure by {:.1} %", p * 100.0);
        Ok(Some(Combined { note: Some(note), ..Combined::of(logits) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_end_with_the_one_that_reaches_the_sum() {
        let logits: Vec<f32> = [0.1_f32, 0.4, 0.2, 0.3].iter().map(|p| p.ln()).collect();
        assert_eq!(candidates(&logits, 20, 0.65), [1, 3], "0.4 and 0.3");
        assert_eq!(candidates(&logits, 20, 0.75), [1, 3, 2], "inclusive");
        assert_eq!(candidates(&logits, 1, 0.9), [1], "at most so many");
        assert_eq!(candidates(&logits, 20, 1e-9), [1], "at least one");
        assert_eq!(candidates(&[0.0, 0.0, f32::NEG_INFINITY], 9, 1.0), [0, 1], "removed ones stay out");
    }
}
