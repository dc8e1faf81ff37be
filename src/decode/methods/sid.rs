//! SID: the other branch sees only the image tokens that it attends to least.

use super::{BETA, alpha};
use crate::decode::contrast::{Combined, Contrast};
use crate::decode::method::{ActiveMethod, BranchContext, Encode, Method, QuestionContext, Reach, Step};
use crate::decode::{
    Acts, DecodeError, DecoderPrompt, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered, Strength,
    scaled_layer,
};
use crate::ids::TokenSpan;
use crate::model::{Probe, Site, Tower};
use candle_core::{Result as TensorResult, Tensor};

const ID: &str = "sid";
/// Of these image tokens and layers are the published numbers.
const PUBLISHED_TOKENS: usize = 576;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "SID: least attended tokens",
    help: "Contrasts the model's prediction with one from the image tokens that early layers attend to least and \
        favours tokens that the rest of the photo supports",
    paper: "Huo et al., Self-Introspective Decoding: Alleviating Hallucinations for Large Vision-Language Models, ICLR \
        2025, arXiv:2408.02032",
    acts: Acts::Branch,
    cost: "a second branch: one more prompt pass, and one more row a token",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::whole(
            "k",
            "100",
            (1, 1_000_000),
            "Image tokens that the contrast branch sees; the default is of 576 and follows their number",
        )
        .usual(1.0, 576.0)
        .by_depth(),
        ParameterInfo::whole(
            "layer",
            "2",
            (1, 127),
            "Decoder layer from which on it sees no others, 0-based; the default is of 32 and follows their number",
        )
        .by_depth(),
        alpha("1"),
        BETA,
    ],
    presets: &[
        Preset { id: "paper", help: "alpha 1 and the cut-off", values: &[("alpha", "1")] },
        Preset {
            id: "official",
            help: "alpha 0.5, and greedy answers without the cut-off, as the authors' code runs",
            values: &[("alpha", "0.5")],
        },
    ],
    strength: Some(Strength { parameter: "alpha", none: 0.0 }),
    ..MethodInfo::NONE
};

/// SID.
///
/// The other branch reads the same prompt and image. What the last position of a pass attends to in the layer before
/// `layer`, mean over heads, chooses the `k` image tokens with the least of it (the first of equals); from `layer` on
/// every position of the pass sees no other image tokens. So the prompt's last position chooses for the whole prompt,
/// and every new token for itself. Words and positions stay.
/// **Source**: Huo et al. 2025, section 3; `modeling_llama.py` lines 637-719 and `vcd_sample.py` lines 106-194 of the
/// authors' code, where two arguments are not passed on, so that it runs with `alpha` 0.5, and where greedy choice goes
/// round the cut-off (preset `official`; golden `sid_official`).
/// **Differs** where a position would be left without any key, in a prompt that begins with the image or with a sliding
/// window: it keeps its own (test `a_position_keeps_its_own_key_where_none_is_left`).
pub(super) struct Sid;

impl Registered for Sid {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Sid {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let contrast = Contrast { alpha: parameters.number("alpha")?, beta: parameters.number("beta")? };
        parameters.count("k")?;
        parameters.count("layer")?;
        Ok(Box::new(ActiveSid { contrast, view: LeastAttended::default() }))
    }
}

#[derive(Clone)]
struct ActiveSid {
    contrast: Contrast,
    view: LeastAttended,
}

impl ActiveMethod for ActiveSid {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let (span, num_layers) = (question.image_span(ID)?, question.num_hidden_layers());
        if !parameters.is_given("k") {
            parameters.spell_out("k", (100 * span.len / PUBLISHED_TOKENS).max(1));
        }
        if !parameters.is_given("layer") {
            parameters.spell_out("layer", scaled_layer(2, num_layers).max(1));
        }
        let is_official = parameters.choice(PRESET)? == "official";
        if is_official && question.temperature == 0.0 && !parameters.is_given("beta") {
            parameters.spell_out("beta", 0);
            self.contrast.beta = 0.0;
        }
        let (k, layer_idx) =
            (parameters.whole("k", 1..=span.len)?, parameters.whole("layer", 1..=num_layers.saturating_sub(1))?);
        self.view = LeastAttended { k, layer_idx, span, ..LeastAttended::default() };
        Ok(())
    }

    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _encode: &mut Encode<'_>,
    ) -> Result<Vec<DecoderPrompt>, DecodeError> {
        self.view.branch_idx = context.first_branch_idx;
        Ok(vec![context.embed(context.ids.to_vec(), Some(context.image(ID)?))?])
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(&mut self.view)
    }

    /// From the image on, whose tokens the prompt's end chooses.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 || branch_idx != self.view.branch_idx {
            return Reach::NOTHING;
        }
        Reach { vision: false, first_position: self.view.span.start, by_position: false }
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        let negative = step.branch()?;
        Ok(Some(self.contrast.of(step.logits, negative)))
    }
}

/// Hides image tokens in one branch.
#[derive(Clone, Default)]
struct LeastAttended {
    k: usize,
    layer_idx: usize,
    span: TokenSpan,
    branch_idx: usize,
    /// Image tokens that are hidden in the present pass, by position.
    hidden: Vec<usize>,
}

impl LeastAttended {
    fn is_own(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.branch_idx == self.branch_idx && site.key_len >= self.span.end()
    }

    /// What is added to the scores, **shape** `[1, query_len, key_len]`. `before` are those of one head: what a mask
    /// hides is minus infinity.
    fn mask(&self, before: &[Vec<f32>], site: &Site) -> Vec<f32> {
        let mut hides = vec![false; site.key_len];
        for key in &self.hidden {
            if let Some(hides) = hides.get_mut(*key) {
                *hides = true;
            }
        }
        let row = |(row_idx, scores): (usize, &Vec<f32>)| {
            let sees_any = scores.iter().zip(&hides).any(|(score, hides)| *score > f32::NEG_INFINITY && !hides);
            let own = site.query_start + row_idx;
            let value = move |(key, hides): (usize, &bool)| {
                let stays = !hides || (!sees_any && key == own);
                if stays { 0.0 } else { f32::NEG_INFINITY }
            };
            hides.iter().enumerate().map(value).collect::<Vec<f32>>()
        };
        before.iter().enumerate().flat_map(row).collect()
    }
}

impl Probe for LeastAttended {
    fn wants_probs(&self, site: &Site) -> bool {
        self.is_own(site) && site.layer_idx + 1 == self.layer_idx
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        let last = probs.narrow(1, site.query_len.saturating_sub(1), 1)?;
        let heads: Vec<Vec<f32>> = last.narrow(2, self.span.start, self.span.len)?.squeeze(1)?.to_vec2()?;
        let sum = |token: usize| heads.iter().filter_map(|head| head.get(token)).map(|p| f64::from(*p)).sum::<f64>();
        let mut order: Vec<(usize, f64)> = (0..self.span.len).map(|token| (token, sum(token))).collect();
        order.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        self.hidden = order.into_iter().skip(self.k).map(|(token, _)| self.span.start + token).collect();
        Ok(None)
    }

    fn wants_scores(&self, site: &Site) -> bool {
        self.is_own(site) && site.layer_idx >= self.layer_idx
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        if self.hidden.is_empty() {
            return Ok(None);
        }
        let before: Vec<Vec<f32>> = scores.get(0)?.to_vec2()?;
        let mask = self.mask(&before, site);
        let mask = Tensor::from_vec(mask, (1, site.query_len, site.key_len), scores.device())?;
        scores.broadcast_add(&mask).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_keeps_its_own_key_where_none_is_left() {
        let site = Site {
            tower: Tower::Decoder,
            encoder_idx: 0,
            layer_idx: 1,
            branch_idx: 1,
            query_start: 0,
            query_len: 3,
            key_len: 3,
        };
        let view = LeastAttended { hidden: vec![0, 1], branch_idx: 1, ..LeastAttended::default() };
        let none = f32::NEG_INFINITY;
        let before = [vec![0.1, none, none], vec![0.1, 0.2, none], vec![0.1, 0.2, 0.3]];
        let expected = [0.0, none, 0.0, none, 0.0, 0.0, none, none, 0.0];
        assert_eq!(view.mask(&before, &site), expected, "the last one sees itself and no hidden key");
    }
}
