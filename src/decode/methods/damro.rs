//! DAMRO: the other branch sees only the patches that the vision encoder's `[CLS]` piles its attention on.

use super::rules::largest;
use super::{BETA, alpha};
use crate::decode::contrast::{Combined, Contrast};
use crate::decode::method::{ActiveMethod, BranchContext, ClsRow, Encode, Method, QuestionContext, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength, Word,
};
use crate::model::{ImageFeatures, ModelError};
use candle_core::Tensor;

const ID: &str = "damro";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "DAMRO: outlier patches",
    help: "Contrasts the model's prediction with one from the few patches that the vision encoder attends to most and \
        favours tokens that the rest of the photo supports",
    paper: "Gong et al., DAMRO: Dive into the Attention Mechanism of LVLM to Reduce Object Hallucination, EMNLP 2024, \
        arXiv:2410.04514",
    word: Word::Strategy,
    acts: Acts::Branch,
    cost: "a second branch of few image tokens: a short prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "official", &["official", "paper"], "Published values to start from"),
        alpha("2"),
        BETA,
        ParameterInfo::whole("k", "10", (1, 4096), "Patches left in the contrast branch").usual(1.0, 64.0),
        ParameterInfo::choice(
            "cls",
            "unsplit",
            &["unsplit", "mean"],
            "Attention of [CLS]: `unsplit`, one wide head as in the official code; `mean` over heads as in the paper",
        ),
    ],
    presets: &[
        Preset { id: "official", help: "One unsplit head, as the authors' code", values: &[("cls", "unsplit")] },
        Preset { id: "paper", help: "Softmax of every head, as the paper writes it", values: &[("cls", "mean")] },
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
};

/// DAMRO.
///
/// The `k` patches with the largest `[CLS]` attention, in descending order, stand in the place of all image tokens;
/// positions stay without gaps, so the text behind them moves up. The attention is that of the layer whose output the
/// decoder gets.
/// **Source**: Gong et al. 2024, section 4; `modeling_llava.py` lines 437-476 and `sample_method/sample.py` lines
/// 149-197 of the authors' code.
/// **Differs** from the paper with the default `cls=unsplit`, which is what that code computes: one head as wide as the
/// encoder, where the paper has several (`cls=mean`). **Differs** from that code where it ignores temperature, top-p
/// and top-k (test `sampling_comes_after_the_contrast`), where it runs the encoder a second time, and, for encoders
/// whose `[CLS]` is among the image tokens, where its `InstructBLIP` twin takes the patch before the outlier (golden
/// `nested_full`).
pub(super) struct Damro;

impl Registered for Damro {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Damro {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        let (k, is_unsplit) = (parameters.count("k")?, parameters.choice("cls")? == "unsplit");
        Ok(Box::new(ActiveDamro { contrast, k, is_unsplit, outliers: Vec::new() }))
    }
}

#[derive(Clone)]
struct ActiveDamro {
    contrast: Contrast,
    k: usize,
    is_unsplit: bool,
    outliers: Vec<usize>,
}

impl ActiveDamro {
    /// The outliers' features, as they are: neither the encoder nor the projector runs again.
    fn keep_outliers(&mut self, cls: ClsRow<'_>, features: &ImageFeatures) -> candle_core::Result<ImageFeatures> {
        let num_patches = cls.unsplit.len();
        let map = if self.is_unsplit { cls.unsplit.to_vec() } else { mean(cls.heads, num_patches) };
        self.outliers = largest(&map, self.k);
        // With `[CLS]` among the image tokens, patches come after it.
        let first = features.num_tokens().saturating_sub(num_patches);
        let rows = |tensor: &Tensor| {
            let rows = self.outliers.iter().map(|patch| tensor.narrow(0, first + patch, 1));
            Tensor::cat(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)
        };
        let vision = features.vision.iter().filter(|of| of.dims().first() == Some(&features.num_tokens())).map(rows);
        Ok(ImageFeatures { vision: vision.collect::<candle_core::Result<_>>()?, projected: rows(&features.projected)? })
    }
}

impl ActiveMethod for ActiveDamro {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let num_patches = question.cls_patches.ok_or(DecodeError::NoCls { owner: ID })?;
        parameters.whole("k", 1..=num_patches).map(drop)
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let cls = context.cls.ok_or(DecodeError::NoCls { owner: ID })?;
        let kept = self
            .keep_outliers(cls, context.image(ID)?.features)
            .map_err(ModelError::part("Gathering outlier patches"))?;
        Ok(vec![context.replace_image(ID, Some(&kept))?])
    }

    fn outlier_tokens(&self) -> Option<&[usize]> {
        Some(&self.outliers)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = step.branch()?;
        Ok(Some(self.contrast.of(step.logits, negative)))
    }
}

/// Mean over heads of `[heads, patches]`, sums in f64.
fn mean(heads: &[f32], num_patches: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = heads.chunks_exact(num_patches.max(1)).collect();
    let sum = |patch: usize| rows.iter().filter_map(|row| row.get(patch)).map(|p| f64::from(*p)).sum::<f64>();
    #[expect(clippy::cast_possible_truncation, reason = "probabilities")]
    let mean = (0..num_patches).map(|patch| (sum(patch) / rows.len().max(1) as f64) as f32).collect();
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_come_in_descending_attention() {
        assert_eq!(largest(&[0.1, 0.4, 0.2, 0.4], 3), [1, 3, 2], "not in the order of the patches");
        assert_eq!(mean(&[0.0, 0.5, 1.0, 0.25], 2), [0.5, 0.375], "over heads");
    }
}
