//! Heads-guided attention ("Devils in Middle Layers"): what the heads on average make of an image token is added to
//! each.

use super::rules::{Count, Places, SCORE_FLOOR, edit_range, end, is_ordinary, layer_range, start};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};
use crate::model::{Probe, Site};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;

const ID: &str = "devils";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Heads-guided attention",
    help: "Raises the scores of image tokens for the position that predicts, by alpha times their mean size over the \
        heads",
    paper: "Jiang et al., Devils in Middle Layers of Large Vision-Language Models: Interpreting, Detecting and \
        Mitigating Object Hallucinations via Attention Lens, CVPR 2025, arXiv:2411.16724",
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::real("alpha", "0.5", (0.0, 10.0), "Strength; 0 is none").usual(0.0, 2.0),
        start("5"),
        end("19"),
    ],
    ..MethodInfo::NONE
};

/// Heads-guided attention.
///
/// In layers `start..end`, rows that predict: every image key's score gets `alpha` times the mean over heads of its
/// absolute score, the same for all heads, before the softmax.
/// **Source**: Jiang et al. 2025; `modify_attention.py` of the authors' code.
/// **Differs** from that code where 35 and 576 are written in: here the image is where it is (golden `devils`).
pub(super) struct Devils;

impl Registered for Devils {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Devils {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let alpha = parameters.number("alpha")?;
        Ok(Box::new(Active { alpha, places: Places::default(), layers: 0..0, count: Count::default() }))
    }
}

#[derive(Clone)]
struct Active {
    alpha: f64,
    places: Places,
    layers: Range<usize>,
    count: Count,
}

impl Probe for Active {
    fn wants_scores(&self, site: &Site) -> bool {
        is_ordinary(site) && self.layers.contains(&site.layer_idx) && !self.places.predicting(site).is_empty()
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        let (rows, span) = (self.places.predicting(site), self.places.span);
        self.count.add(scores.dim(0)? * rows.len() * span.len);
        // A key that is masked (minus infinity) stays masked: infinity minus infinity would be no number.
        let raise = |image: &Tensor| {
            let size = (image.maximum(SCORE_FLOOR)?.abs()?.mean_keepdim(0)? * self.alpha)?;
            image.broadcast_add(&size)
        };
        edit_range(scores, 1, rows, |rows| edit_range(rows, 2, span.range(), raise)).map(Some)
    }
}

impl ActiveMethod for Active {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        self.layers = layer_range(parameters, question.num_hidden_layers())?;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        if self.alpha == 0.0 { None } else { Some(self) }
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { self.places.predicting_reach() } else { Reach::NOTHING }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn did(&mut self) -> Option<String> {
        Some(self.count.did(Acted::OnScores))
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.count.report(ID, Acted::OnScores))
    }
}
