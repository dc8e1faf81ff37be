//! `AvisC`: the other branch sees only the image tokens on which the decoder's attention piles up.

use super::rules::descending;
use super::{BETA, alpha};
use crate::decode::contrast::{Combined, Contrast};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength,
};
use crate::ids::TokenSpan;
use crate::model::{BranchInput, ImageFeatures, LogitRows, ModelError, Probe, Site, Tower};
use candle_core::{Result as TensorResult, Tensor};

const ID: &str = "avisc";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "AvisC: blind tokens",
    help: "Contrasts the model's prediction with one from the few image tokens that the decoder attends to whatever is \
        asked, and favours tokens that the rest of the photo supports",
    paper: "Woo et al., Don't Miss the Forest for the Trees: Attentional Vision Calibration for Large Vision Language \
        Models, Findings of ACL 2025, arXiv:2405.17820",
    acts: Acts::Branch,
    cost: "one more pass over the prompt to find the blind tokens, and a second branch: one more row a token",
    parameters: &[
        ParameterInfo::choice(
            PRESET,
            "paper",
            &["paper", "official", "pope", "amber"],
            "Published values to start from",
        ),
        ParameterInfo::real(
            "gamma",
            "0.5",
            (f64::MIN_POSITIVE, 1.0),
            "The layers with most attention on the image are taken until they hold this share of it",
        )
        .usual(0.05, 1.0),
        ParameterInfo::real(
            "lambda",
            "1",
            (0.0, 100.0),
            "Blind tokens lie so many standard deviations above the mean attention",
        )
        .usual(0.0, 4.0),
        alpha("1"),
        BETA,
    ],
    presets: &[
        Preset { id: "paper", help: "As few layers as hold the share", values: &[("alpha", "1")] },
        Preset { id: "official", help: "One layer more, as the authors' code", values: &[("alpha", "1")] },
        Preset { id: "pope", help: "alpha 3, as the authors run POPE", values: &[("alpha", "3")] },
        Preset { id: "amber", help: "alpha 2.5, as the authors run AMBER", values: &[("alpha", "2.5")] },
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
    ..MethodInfo::NONE
};

/// `AvisC`.
///
/// What the prompt's last position attends to, mean over heads: the layers in descending order of their share on the
/// image until they hold `gamma` of what all layers together have there; the mean of their rows over the image; blind
/// are the tokens of at least its mean and `lambda` standard deviations (of a sample). In the other branch all other
/// image tokens are zero in the place of what the projector gave; nothing moves.
/// **Source**: Woo et al. 2024, section 3.2; the authors' code, which takes one layer more (preset `official`).
/// **Differs** in that the attention is that of the model without any edits, from a pass of its own over the prompt
/// (test `blind_tokens_are_those_of_the_model_without_edits`).
pub(super) struct Avisc;

impl Registered for Avisc {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Avisc {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        let (gamma, lambda) = (parameters.number("gamma")?, parameters.number("lambda")?);
        let further = usize::from(parameters.choice(PRESET)? == "official");
        Ok(Box::new(ActiveAvisc { contrast, gamma, lambda, further }))
    }
}

#[derive(Clone)]
struct ActiveAvisc {
    contrast: Contrast,
    gamma: f64,
    lambda: f64,
    /// Layers beyond those that hold the share.
    further: usize,
}

impl ActiveMethod for ActiveAvisc {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        let image = context.image(ID)?;
        let rows = image_rows(context, image.span)?;
        let blind = blind(&rows, self.gamma, self.lambda, self.further);
        let only_blind = || -> TensorResult<ImageFeatures> {
            let projected = &image.features.projected;
            let kept: Vec<f32> = blind.iter().map(|is_blind| if *is_blind { 1.0 } else { 0.0 }).collect();
            let kept = Tensor::from_vec(kept, (blind.len(), 1), projected.device())?.to_dtype(projected.dtype())?;
            Ok(ImageFeatures { vision: image.features.vision.clone(), projected: projected.broadcast_mul(&kept)? })
        };
        let features = only_blind().map_err(ModelError::part("Keeping blind image tokens"))?;
        Ok(vec![context.replace_image(ID, Some(&features))?])
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = step.branch()?;
        Ok(Some(self.contrast.of(step.logits, negative)))
    }
}

/// What the last position of the prompt attends to on the image, mean over heads, layer by layer.
fn image_rows(context: &BranchContext<'_>, span: TokenSpan) -> Result<Vec<Vec<f64>>, DecodeError> {
    let embedded = context.model.embed(context.ids, context.image)?;
    let decoder = context.model.decoder();
    let mut cache = decoder.new_cache(context.ids.len())?;
    let counted = BranchInput::counted(0, &mut cache, embedded.embeddings);
    let input = BranchInput { positions: embedded.positions, additions: embedded.additions, ..counted };
    let mut rows = ImageRows { span, rows: Vec::new() };
    decoder.forward(&mut [input], LogitRows::Last, &mut rows)?;
    Ok(rows.rows)
}

struct ImageRows {
    span: TokenSpan,
    rows: Vec<Vec<f64>>,
}

impl Probe for ImageRows {
    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let last = probs.narrow(1, site.query_len.saturating_sub(1), 1)?;
        let heads: Vec<Vec<f32>> = last.narrow(2, self.span.start, self.span.len)?.squeeze(1)?.to_vec2()?;
        self.rows.push(mean(heads.iter().map(|head| head.iter().map(|p| f64::from(*p))), self.span.len));
        Ok(None)
    }
}

/// Column by column.
fn mean<R: Iterator<Item = f64>>(rows: impl Iterator<Item = R>, len: usize) -> Vec<f64> {
    let (mut sums, mut count) = (vec![0.0; len], 0_usize);
    for row in rows {
        count += 1;
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    sums.into_iter().map(|sum| sum / count.max(1) as f64).collect()
}

/// Which image tokens are blind, by the rows of all layers.
fn blind(rows: &[Vec<f64>], gamma: f64, lambda: f64, further: usize) -> Vec<bool> {
    let masses: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
    let total: f64 = masses.iter().sum();
    let order = descending(&masses);
    let mass = |layer_idx: usize| masses.get(layer_idx).copied().unwrap_or_default();
    let mut held = 0.0;
    let before = order.iter().take_while(|layer_idx| {
        let goes_on = held < gamma * total;
        held += mass(**layer_idx);
        goes_on
    });
    let count = (before.count() + further).min(order.len());
    let len = rows.first().map_or(0, Vec::len);
    let chosen = order.iter().take(count).filter_map(|layer_idx| rows.get(*layer_idx));
    let map = mean(chosen.map(|row| row.iter().copied()), len);
    let middle = map.iter().sum::<f64>() / len.max(1) as f64;
    let spread = map.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / len.saturating_sub(1).max(1) as f64;
    map.iter().map(|value| *value >= middle + lambda * spread.sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blind_tokens_worked_by_hand() {
        // Masses 0.2, 0.6, 0.4 of 1.2: layer 1 holds a half, with layer 2 five sixths.
        let rows = [vec![0.05, 0.05, 0.05, 0.05], vec![0.4, 0.1, 0.05, 0.05], vec![0.0, 0.0, 0.3, 0.1]];
        // Mean 0.15, deviation of a sample 0.168.
        assert_eq!(blind(&rows, 0.5, 1.0, 0), [true, false, false, false], "layer 1 alone");
        // Means 0.2, 0.05, 0.175, 0.075: 0.125 and 0.0736.
        assert_eq!(blind(&rows, 0.51, 1.0, 0), [true, false, false, false], "0.2 is above 0.1986");
        assert_eq!(blind(&rows, 0.5, 0.5, 1), [true, false, true, false], "one layer more");
        assert_eq!(blind(&rows, 0.5, 0.0, 0), [true, false, false, false], "above the mean");
        assert_eq!(blind(&rows, 1.0, 100.0, 0), [false; 4], "none");
    }
}
