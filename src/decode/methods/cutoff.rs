//! The plausibility cut-off of contrastive methods by itself: what they would do without their contrast.

use crate::decode::contrast::{Combined, keep};
use crate::decode::method::{ActiveMethod, Method, Step};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};

const INFO: MethodInfo = MethodInfo {
    id: "cutoff",
    label: "Control: cut-off alone",
    help: "Removes implausible tokens, as every contrastive method does, and contrasts nothing: a control for them. \
        Greedy answers stay as they are",
    paper: "Yin et al., The Mirage of Performance Gains: Why Contrastive Decoding Fails to Mitigate Object \
        Hallucinations in MLLMs?, 2025, arXiv:2504.10020",
    acts: Acts::Logits,
    cost: "no further pass",
    parameters: &[ParameterInfo::real(
        "beta",
        "0.2",
        (0.0, 1.0),
        "Tokens below this share of the largest probability are removed; 0 removes none",
    )
    .usual(0.0, 0.5)],
    ..MethodInfo::NONE
};

/// The cut-off alone.
///
/// `l` where `l >= ln(beta) + max l`, at temperature 1.
/// **Source**: Yin et al. 2025; `spurious_utils/apc_utils.py` lines 135-171 of the authors' code. **Differs** from that
/// code in running no second branch on the same input, whose logits cancel out (golden `cutoff`, which has one).
pub(super) struct Cutoff;

impl Registered for Cutoff {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Cutoff {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActiveCutoff { beta: parameters.number("beta")? }))
    }
}

#[derive(Clone)]
struct ActiveCutoff {
    beta: f64,
}

impl ActiveMethod for ActiveCutoff {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        Ok(Some(Combined::of(keep(step.logits.to_vec(), step.logits, self.beta))))
    }
}
