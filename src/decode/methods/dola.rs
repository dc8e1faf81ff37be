//! `DoLa`: what the last layer adds to the layer that differs from it most.

use super::BETA;
use super::rules::{entries, joined};
use crate::decode::contrast::{Combined, cutoff, log_softmax};
use crate::decode::method::{ActiveMethod, Asks, Method, QuestionContext, Readout, Step};
use crate::decode::{
    Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, scaled_layer,
};

const ID: &str = "dola";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "DoLa: contrast of layers",
    help: "Contrasts the prediction with that of the inner layer that differs most from it",
    paper: "Chuang et al., DoLa: Decoding by Contrasting Layers Improves Factuality in Large Language Models, ICLR \
        2024, arXiv:2309.03883",
    acts: Acts::Layers,
    cost: "no further pass; the head on each entry layer",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::text(
            "entries",
            "",
            "Hidden states to choose from, joined by + or -: 0 is the input of the first layer, k the output of layer \
                k - 1; empty for those of the bucket, which scale by depth",
        )
        .by_depth(),
        ParameterInfo::choice(
            "bucket",
            "low",
            &["low", "high"],
            "Where no entries are given: every second one of the `low` or the `high` half of the depth",
        ),
        BETA,
        ParameterInfo::choice("norm", "off", &["off", "on"], "Whether inner layers go through the final norm first"),
    ],
    presets: &[
        Preset { id: "paper", help: "Layers are compared by Jensen-Shannon divergence", values: &[] },
        Preset {
            id: "official",
            help: "Layers are compared as in the authors' code, with the arguments reversed",
            values: &[],
        },
    ],
    ..MethodInfo::NONE
};

/// `DoLa`.
///
/// `log p - log q` on what the cut-off leaves, where `q` is the softmax of the output head over the inner hidden states
/// with the largest Jensen-Shannon divergence from the prediction `p`.
/// **Source**: Chuang et al. 2024, section 2; `dola.py` of the authors' code.
/// **Differs** from that code in the divergence, whose arguments are reversed there and whose sums are means (golden
/// `dola`, test `divergences_worked_by_hand`; preset `official` does as the code, golden `dola_official`).
pub(super) struct Dola;

impl Registered for Dola {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Dola {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (beta, normed) = (parameters.number("beta")?, parameters.choice("norm")? == "on");
        let (is_high, is_official) = (parameters.choice("bucket")? == "high", parameters.choice(PRESET)? == "official");
        Ok(Box::new(Active { beta, normed, is_high, is_official, entries: Vec::new() }))
    }
}

#[derive(Clone)]
struct Active {
    beta: f64,
    normed: bool,
    is_high: bool,
    is_official: bool,
    entries: Vec<usize>,
}

impl Active {
    fn readout(&self, entry: usize) -> Readout {
        Readout { entry, normed: self.normed }
    }
}

/// How far a layer is from the prediction, both as logarithms of probabilities.
fn divergence(p: &[f32], q: &[f32], is_official: bool) -> f64 {
    let mut sum = 0.0;
    for (log_p, log_q) in p.iter().zip(q).map(|(p, q)| (f64::from(*p), f64::from(*q))) {
        let (p, q) = (log_p.exp(), log_q.exp());
        let m = f64::midpoint(p, q);
        let log_m = m.ln();
        let of = |weight: f64, log: f64, other: f64| if weight > 0.0 { weight * (log - other) } else { 0.0 };
        sum += if is_official {
            of(m, log_m, log_p) + of(m, log_m, log_q)
        } else {
            of(p, log_p, log_m) + of(q, log_q, log_m)
        };
    }
    let mean_over = if is_official { p.len().max(1) } else { 1 };
    sum / 2.0 / mean_over as f64
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let num_layers = question.num_hidden_layers();
        if parameters.text("entries").trim().is_empty() {
            let first = if self.is_high { 16 } else { 0 };
            self.entries = (0..8).map(|idx| scaled_layer(first + 2 * idx, num_layers)).collect();
            self.entries.dedup();
            parameters.spell_out("entries", joined(&self.entries));
        } else {
            self.entries = entries(parameters, "entries", num_layers.saturating_sub(1), num_layers)?;
        }
        Ok(())
    }

    fn asks(&self) -> Asks {
        Asks { readouts: self.entries.iter().map(|entry| self.readout(*entry)).collect(), ..Asks::default() }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let p = log_softmax(step.logits);
        let mut chosen: Option<(f64, usize, Vec<f32>)> = None;
        for entry in &self.entries {
            let q = log_softmax(step.readout(self.readout(*entry))?);
            let far = divergence(&p, &q, self.is_official);
            if chosen.as_ref().is_none_or(|(farthest, ..)| far > *farthest) {
                chosen = Some((far, *entry, q));
            }
        }
        let Some((far, entry, q)) = chosen else { return Ok(Some(Combined::of(step.logits.to_vec()))) };
        let least = cutoff(step.logits, self.beta);
        let score = |((l, p), q): ((&f32, &f32), &f32)| {
            if *l < least || *l == f32::NEG_INFINITY { f32::NEG_INFINITY } else { p - q }
        };
        let logits = step.logits.iter().zip(&p).zip(&q).map(score).collect();
        let note = format!("contrasted with entry {entry} of the hidden states, at a divergence of {far:.3}");
        Ok(Some(Combined { note: Some(note), ..Combined::of(logits) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(probs: &[f32]) -> Vec<f32> {
        probs.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn divergences_worked_by_hand() {
        let (p, q) = (logs(&[0.5, 0.5]), logs(&[0.25, 0.75]));
        // m = 3/8, 5/8.
        let kl = |a: [f64; 2], b: [f64; 2]| a.iter().zip(b).map(|(a, b)| a * (a / b).ln()).sum::<f64>();
        let m = [0.375, 0.625];
        let expected = f64::midpoint(kl([0.5, 0.5], m), kl([0.25, 0.75], m));
        assert!((divergence(&p, &q, false) - expected).abs() < 1e-7, "the paper's");
        let expected = f64::midpoint(kl(m, [0.5, 0.5]), kl(m, [0.25, 0.75])) / 2.0;
        assert!((divergence(&p, &q, true) - expected).abs() < 1e-7, "the code's");
        let removed = [0.0, f32::NEG_INFINITY];
        assert!(divergence(&removed, &q, false).is_finite(), "removed candidates have no probability");
    }
}
