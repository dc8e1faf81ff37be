//! PAI whole: the boost of the image's attention and the contrast with the prompt without the image.

use super::BETA;
use super::pai::{Boost, END, START};
use crate::decode::contrast::{Combined, Contrast, log_softmax};
use crate::decode::method::{ActionReport, ActiveMethod, BranchContext, Encode, Method, QuestionContext, Reach, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength,
};
use crate::model::Probe;

const ID: &str = "pai";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "PAI: boost and contrast",
    help: "Raises the scores of image tokens for the position that predicts, and contrasts the prediction with one \
        from the prompt without the photo",
    paper: "Liu et al., Paying More Attention to Image, ECCV 2024, arXiv:2407.21771",
    acts: Acts::Attention,
    cost: "a second branch without the photo unless gamma is 1: a short prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::real("alpha", "0.2", (0.0, 10.0), "Strength of the boost; 0 is none").usual(0.0, 2.0),
        ParameterInfo::real(
            "gamma",
            "1.1",
            (1.0, 11.0),
            "Strength of the contrast plus 1; at 1 there is no contrast and no cut-off",
        )
        .usual(1.0, 4.0),
        BETA,
        START,
        END,
    ],
    presets: &[
        Preset { id: "paper", help: "gamma 1.1, as the authors' README says", values: &[("gamma", "1.1")] },
        Preset { id: "official", help: "gamma 2, the default of their code", values: &[("gamma", "2")] },
    ],
    strength: Some(Strength { parameter: "gamma", none: 1.0 }),
    ..MethodInfo::NONE
};

/// PAI, both parts.
///
/// The boost is that of the intervention `pai`, the contrast that of the strategy `pai-cfg`; each can be switched off.
/// **Source**: Liu et al. 2024; `attention.py` lines 91-94 and `CFG.py` lines 28-58 of the authors' code.
/// **Differs** from that code, where the first token is not boosted when both are on (test
/// `pai_does_what_its_two_parts_do`).
pub(super) struct PaiBoth;

impl Registered for PaiBoth {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for PaiBoth {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let boost = Boost::new(parameters.number("alpha")?);
        let contrast = Contrast { alpha: parameters.number("gamma")? - 1.0, beta: parameters.number("beta")? };
        Ok(Box::new(Active { boost, contrast: (contrast.alpha > 0.0).then_some(contrast) }))
    }
}

#[derive(Clone)]
struct Active {
    boost: Boost,
    contrast: Option<Contrast>,
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.boost.prepare(parameters, question)
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        self.contrast.map(|_| context.replace_image(ID, None)).into_iter().collect()
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.boost.is_idle() { None } else { Some(&mut self.boost) }
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        self.boost.reach(branch_idx)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let Some(contrast) = self.contrast else { return Ok(None) };
        let (ordinary, negative) = (log_softmax(step.logits), log_softmax(step.branch()?));
        Ok(Some(contrast.of(&ordinary, &negative)))
    }

    fn did(&mut self) -> Option<String> {
        (!self.boost.is_idle() || self.contrast.is_none()).then(|| self.boost.did())
    }

    /// Of the boost; what the contrast does is told token by token.
    fn report(&self) -> Option<ActionReport> {
        (!self.boost.is_idle() || self.contrast.is_none()).then(|| self.boost.report())
    }
}
