//! PAI's second part: the other branch reads the prompt without the image.

use super::{BranchContext, Decoding, Encode, Strategy, two};
use crate::decode::contrast::{Combined, Contrast, log_softmax};
use crate::decode::{DecodeError, DecoderPrompt, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength};

const ID: &str = "pai-cfg";

/// PAI's logit refinement (its attention boost is the intervention `pai`, which goes with it).
///
/// `gamma (s - u) + u` over log-probabilities, `u` those of the prompt without its image tokens: a contrast of strength `gamma - 1`.
/// **Source**: Liu et al. 2024; `CFG.py` lines 28-58 of the authors' code. The cut-off is fixed at 0.1 there.
pub(super) struct PaiCfg;

impl Registered for PaiCfg {
    fn id(&self) -> &'static str {
        ID
    }

    fn label(&self) -> &'static str {
        "PAI: no image"
    }

    fn help(&self) -> &'static str {
        "Holds the answer against one from the words of the prompt alone, and prefers what the photo adds; goes with the intervention pai"
    }

    fn paper(&self) -> &'static str {
        "Liu et al., Paying More Attention to Image, ECCV 2024, arXiv:2407.21771"
    }

    fn parameters(&self) -> &'static [ParameterInfo] {
        const PARAMETERS: &[ParameterInfo] = &[
            ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
            ParameterInfo::real("gamma", "1.1", (1.0, 11.0), "Strength of the contrast plus 1; 1 is none")
                .usual(1.0, 4.0),
            ParameterInfo::real(
                "beta",
                "0.1",
                (0.0, 1.0),
                "Tokens below this share of the largest probability are removed",
            )
            .usual(0.0, 0.5),
        ];
        PARAMETERS
    }

    fn presets(&self) -> &'static [Preset] {
        &[
            Preset { id: "paper", help: "gamma 1.1, as the authors' README says", values: &[("gamma", "1.1")] },
            Preset { id: "official", help: "gamma 2, the default of their code", values: &[("gamma", "2")] },
        ]
    }

    fn strength(&self) -> Option<Strength> {
        Some(Strength { parameter: "gamma", none: 1.0 })
    }
}

impl Strategy for PaiCfg {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn Decoding>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("gamma")? - 1.0, beta: parameters.number("beta")? };
        Ok(Box::new(PaiCfgDecoding { contrast }))
    }
}

struct PaiCfgDecoding {
    contrast: Contrast,
}

impl Decoding for PaiCfgDecoding {
    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        Ok(vec![context.replace_image(ID, None)?])
    }

    fn combine(&mut self, _step_idx: usize, logits: &[Vec<f32>]) -> Result<Option<Combined>, DecodeError> {
        let (ordinary, negative) = two(logits)?;
        Ok(Some(self.contrast.of(&log_softmax(ordinary), &log_softmax(negative))))
    }
}
