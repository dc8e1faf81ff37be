//! M3ID: the other branch reads the prompt without the image, and counts the more the longer the answer is.

use crate::decode::contrast::{Combined, Contrast, log_softmax};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, Step};
use crate::decode::{Acts, DecodeError, DecoderPrompt, MethodInfo, ParameterInfo, Parameters, Registered, Word};

const ID: &str = "m3id";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "M3ID: no image, growing weight",
    help: "Contrasts the model's prediction with one from the words alone, more strongly with every token, and \
        favours tokens that the photo supports",
    paper: "Favero et al., Multi-Modal Hallucination Control by Visual Information Grounding, CVPR 2024, \
        arXiv:2403.14003",
    word: Word::Strategy,
    acts: Acts::Branch,
    cost: "a second branch without the photo: a short prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::real(
            "lambda",
            "0.02",
            (0.0, 1.0),
            "Growth of the contrast with every token; 0 is none (values from third parties)",
        )
        .usual(0.0, 0.2),
        ParameterInfo::real(
            "threshold",
            "1",
            (0.0, 1.0),
            "Acts where the top probability is below this (our choice); 0 never, 1 nearly always",
        )
        .usual(0.0, 1.0),
    ],
    ..MethodInfo::NONE
};

/// M3ID.
///
/// `s + w (s - u)` over log-probabilities with `w = (1 - e^(-lambda t)) / e^(-lambda t)`, `t` counting the answer's
/// tokens from 1, where the most probable token has less than `threshold`; elsewhere the ordinary distribution stands.
/// No cut-off.
/// **Source**: Favero et al. 2024, section 4; no code was published. The formula is as DAMRO's authors give it when
/// they compare with it, and the values of `lambda` and `threshold` are not confirmed by the paper's text: set them for
/// numbers that matter.
pub(super) struct M3id;

impl Registered for M3id {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for M3id {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (lambda, threshold) = (parameters.number("lambda")?, parameters.number("threshold")?);
        Ok(Box::new(ActiveM3id { lambda, threshold }))
    }
}

#[derive(Clone)]
struct ActiveM3id {
    lambda: f64,
    threshold: f64,
}

impl ActiveMethod for ActiveM3id {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(vec![context.replace_image(ID, None)?])
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let (ordinary, negative) = (log_softmax(step.logits), log_softmax(step.branch()?));
        let max = ordinary.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let acts = f64::from(max) < self.threshold.ln();
        // (1 - e^-x) / e^-x; strengths beyond it would overflow the logits.
        let alpha = if acts { (self.lambda * (step.step_idx + 1) as f64).exp_m1().min(1e6) } else { 0.0 };
        Ok(Some(Contrast { alpha, beta: 0.0 }.of(&ordinary, &negative)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Seen;

    #[test]
    fn the_weight_grows_with_the_answer_and_spares_certain_tokens() {
        let (ordinary, branches) = ([0.6_f32.ln(), 0.4_f32.ln()], [vec![0.5_f32.ln(); 2]]);
        let seen = Seen::default();
        let step = |step_idx| Step {
            step_idx,
            ids: &[],
            prompt_len: 0,
            logits: &ordinary,
            raw_logits: &ordinary,
            branches: &branches,
            seen: &seen,
        };
        let mut active = ActiveM3id { lambda: 0.5, threshold: 0.7 };
        let mut alpha = |step_idx| active.combine(&step(step_idx)).unwrap().unwrap().alpha.unwrap();
        assert!((alpha(0) - (0.5_f64.exp() - 1.0)).abs() < 1e-12, "the first token has t = 1");
        assert!((alpha(3) - (2.0_f64.exp() - 1.0)).abs() < 1e-12, "the fourth has t = 4");
        active.threshold = 0.5;
        let certain = active.combine(&step(3)).unwrap().unwrap();
        assert!(certain.alpha.unwrap().abs() < 1e-12, "0.6 is not below 0.5");
        assert!((certain.logits[0] - 0.6_f32.ln()).abs() < 1e-6, "the ordinary distribution");
    }
}
