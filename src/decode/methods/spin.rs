//! SPIN: heads that look least at the image say little.

use super::rules::{Count, Places, edit_range, end, is_ordinary, largest, layer_range, start};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::model::{Probe, Site};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;

const ID: &str = "spin";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "SPIN: quiet heads that ignore the image",
    help: "Scales down the outputs of the heads that look least at the image, for the position that predicts",
    paper: "Sarkar et al., Mitigating Hallucinations in Vision-Language Models through Image-Guided Head Suppression, \
        EMNLP 2025, arXiv:2505.16411",
    acts: Acts::Heads,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "pope", "official"], "Published values to start from"),
        ParameterInfo::real("ratio", "0.95", (0.0, 1.0), "Share of the heads of a layer that stay as they are")
            .usual(0.5, 1.0),
        ParameterInfo::real("scale", "0.08", (0.0, 1.0), "Factor of the other heads' outputs; 1 leaves them"),
        ParameterInfo::choice(
            "score",
            "raw",
            &["raw", "mass"],
            "How heads are ranked: `raw`, the sum of their scores of image tokens; `mass`, their attention to it",
        ),
        start("0"),
        end(""),
    ],
    presets: &[
        Preset {
            id: "paper",
            help: "As the paper's captions (CHAIR)",
            values: &[("ratio", "0.95"), ("scale", "0.08")],
        },
        Preset {
            id: "pope",
            help: "As the paper's yes or no questions",
            values: &[("ratio", "0.8"), ("scale", "0.1")],
        },
        Preset {
            id: "official",
            help: "The defaults of the authors' code: the heads are switched off",
            values: &[("ratio", "0.95"), ("scale", "0")],
        },
    ],
    ..MethodInfo::NONE
};

/// SPIN.
///
/// In layers `start..end`, rows that predict: the `floor(ratio H)` heads with the largest score of the image stay, the
/// outputs of the others are multiplied by `scale` before the output projection. Masked keys do not count.
/// **Source**: Sarkar et al. 2025, section 3; the authors' code.
/// **Differs** with `score=mass`, where a head with a large offset of all its scores has no advantage (test
/// `spin_ranks_heads_by_scores_or_by_mass`).
pub(super) struct Spin;

impl Registered for Spin {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Spin {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let (ratio, scale) = (parameters.number("ratio")?, parameters.number("scale")?);
        #[expect(clippy::cast_possible_truncation, reason = "a parameter of a few digits")]
        let less = (scale - 1.0) as f32;
        Ok(Box::new(Active {
            ratio,
            less,
            by_mass: parameters.choice("score")? == "mass",
            is_idle: false,
            places: Places::default(),
            layers: 0..0,
            factors: None,
            count: Count::default(),
        }))
    }
}

#[derive(Clone)]
struct Active {
    ratio: f64,
    /// The factor of the other heads, less 1.
    less: f32,
    by_mass: bool,
    is_idle: bool,
    places: Places,
    layers: Range<usize>,
    /// Of the heads' outputs in the layer that runs, **shape** `[rows, num_attention_heads, 1]`.
    factors: Option<Tensor>,
    count: Count,
}

impl Active {
    fn wants(&self, site: &Site) -> bool {
        is_ordinary(site) && self.layers.contains(&site.layer_idx) && !self.places.predicting(site).is_empty()
    }

    /// Ranks the heads of a layer by the sum of their values of image keys, **shape** `[heads, queries, keys]`.
    fn rank(&mut self, site: &Site, values: &Tensor) -> TensorResult<()> {
        let rows = self.places.predicting(site);
        let span = self.places.span;
        let image = values.narrow(1, rows.start, rows.len())?.narrow(2, span.start, span.len)?;
        let (num_heads, num_rows, _) = image.dims3()?;
        let image: Vec<Vec<Vec<f32>>> = image.to_vec3()?;
        let sum = |values: &[f32]| values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value)).sum();
        let mut factors = Vec::with_capacity(num_rows * num_heads);
        for row_idx in 0..num_rows {
            let of_head = |rows: &Vec<Vec<f32>>| rows.get(row_idx).map_or(0.0, |row| sum(row));
            let scores: Vec<f64> = image.iter().map(of_head).collect();
            let stay = largest(&scores, num_stay(self.ratio, num_heads));
            factors.extend((0..num_heads).map(|head_idx| if stay.contains(&head_idx) { 1.0 } else { 1.0 + self.less }));
        }
        self.factors = Some(Tensor::from_vec(factors, (num_rows, num_heads, 1), values.device())?);
        Ok(())
    }
}

/// `floor(ratio H)`.
fn num_stay(ratio: f64, num_heads: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most the number of heads")]
    let stay = (ratio * num_heads as f64).floor() as usize;
    stay.min(num_heads)
}

impl Probe for Active {
    fn wants_scores(&self, site: &Site) -> bool {
        !self.by_mass && self.wants(site)
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        self.rank(site, scores).map(|()| None)
    }

    fn wants_probs(&self, site: &Site) -> bool {
        self.by_mass && self.wants(site)
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> TensorResult<Option<Tensor>> {
        self.rank(site, probs).map(|()| None)
    }

    fn wants_heads(&self, site: &Site) -> bool {
        self.wants(site)
    }

    fn heads(&mut self, site: &Site, heads: &Tensor) -> TensorResult<Option<Tensor>> {
        let Some(factors) = self.factors.take() else { return Ok(None) };
        let rows = self.places.predicting(site);
        let (num_rows, num_heads, _) = factors.dims3()?;
        self.count.add(num_rows * (num_heads - num_stay(self.ratio, num_heads)));
        let quiet = |rows: &Tensor| {
            let (_, width) = rows.dims2()?;
            let of_heads = rows.reshape((num_rows, num_heads, width / num_heads.max(1)))?;
            of_heads.broadcast_mul(&factors)?.reshape((num_rows, width))
        };
        edit_range(heads, 0, rows, quiet).map(Some)
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        self.layers = layer_range(parameters, question.num_hidden_layers())?;
        let num_heads = question.model.decoder().config().num_attention_heads;
        self.is_idle = self.less == 0.0 || num_stay(self.ratio, num_heads) == num_heads;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.is_idle { None } else { Some(self) }
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { self.places.predicting_reach() } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        Some(self.count.did(Acted::OnHeads))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnHeads))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_heads_stay_as_the_ratio_says() {
        assert_eq!(
            [(0.95, 32), (0.8, 32), (0.95, 40)].map(|(ratio, heads)| num_stay(ratio, heads)),
            [30, 25, 38],
            "published"
        );
        assert_eq!([(0.0, 8), (1.0, 8), (0.5, 5)].map(|(ratio, heads)| num_stay(ratio, heads)), [0, 8, 2], "ends");
        assert_eq!(largest(&[0.5, 2.0, 0.5, -1.0], 2), [1, 0], "the lower head among equals");
    }
}
