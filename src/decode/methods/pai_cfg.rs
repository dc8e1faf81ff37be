//! PAI's second part: the other branch reads the prompt without the image.

use super::BETA;
use crate::decode::contrast::{Combined, Contrast, log_softmax};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength, Word,
};

const ID: &str = "pai-cfg";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "PAI: no image",
    help: "Contrasts the model's prediction with one from the prompt without the photo and favours tokens that the \
        photo supports; goes with the intervention pai",
    paper: "Liu et al., Paying More Attention to Image, ECCV 2024, arXiv:2407.21771",
    word: Word::Strategy,
    acts: Acts::Branch,
    cost: "a second branch without the photo: a short prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::real("gamma", "1.1", (1.0, 11.0), "Strength of the contrast plus 1; 1 is none").usual(1.0, 4.0),
        BETA,
    ],
    presets: &[
        Preset { id: "paper", help: "gamma 1.1, as the authors' README says", values: &[("gamma", "1.1")] },
        Preset { id: "official", help: "gamma 2, the default of their code", values: &[("gamma", "2")] },
    ],
    strength: Some(Strength { parameter: "gamma", none: 1.0 }),
};

/// PAI's logit refinement (its attention boost is the intervention `pai`, which goes with it).
///
/// `gamma (s - u) + u` over log-probabilities, `u` those of the prompt without its image tokens: a contrast of strength
/// `gamma - 1`.
/// **Source**: Liu et al. 2024; `CFG.py` lines 28-58 of the authors' code. The cut-off is fixed at 0.1 there.
pub(super) struct PaiCfg;

impl Registered for PaiCfg {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for PaiCfg {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("gamma")? - 1.0, beta: parameters.number("beta")? };
        Ok(Box::new(ActivePaiCfg { contrast }))
    }
}

#[derive(Clone)]
struct ActivePaiCfg {
    contrast: Contrast,
}

impl ActiveMethod for ActivePaiCfg {
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
        Ok(Some(self.contrast.of(&ordinary, &negative)))
    }
}
