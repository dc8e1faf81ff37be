//! VAF: later positions look more at the image and less at what stands before it.

use super::rules::{Count, Places, SCORE_FLOOR, edit_range, end, is_ordinary, layer_range, start};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};
use crate::model::{Probe, Site};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;

const ID: &str = "vaf";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "VAF: image up, system prompt down",
    help: "Multiplies the scores of image tokens, and of what stands before the image, for every position after it",
    paper: "Yin et al., ClearSight: Visual Signal Enhancement for Object Hallucination Mitigation in Multimodal Large \
        Language Models, CVPR 2025, arXiv:2503.13107",
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::real("enhance", "1.15", (0.0, 10.0), "Factor of the image's scores; 1 leaves them")
            .usual(1.0, 2.0),
        ParameterInfo::real("suppress", "0.95", (0.0, 10.0), "Factor of the scores before the image; 1 leaves them")
            .usual(0.5, 1.0),
        start("9"),
        end("15"),
    ],
    ..MethodInfo::NONE
};

/// VAF.
///
/// In layers `start..end`, rows after the image: scores of image keys times `enhance`, those of the keys before the
/// image, the first token among them, times `suppress`, before the softmax.
/// **Source**: Yin et al. 2025; `AttnAdapter.py` lines 70-78 of the authors' code.
/// **Differs** from that code where 35 and 576 are written in: here the image is where it is (golden `vaf`).
pub(super) struct Vaf;

impl Registered for Vaf {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Vaf {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let [enhance, suppress] = [parameters.number("enhance")? - 1.0, parameters.number("suppress")? - 1.0];
        Ok(Box::new(Active { enhance, suppress, places: Places::default(), layers: 0..0, count: Count::default() }))
    }
}

#[derive(Clone)]
struct Active {
    /// The factors less 1.
    enhance: f64,
    suppress: f64,
    places: Places,
    layers: Range<usize>,
    count: Count,
}

impl Active {
    fn is_idle(&self) -> bool {
        self.enhance == 0.0 && self.suppress == 0.0
    }

    /// What is added per unit of the score, **shape** `[1, 1, key_len]`.
    fn surplus(&self, key_len: usize, like: &Tensor) -> TensorResult<Tensor> {
        let span = self.places.span;
        #[expect(clippy::cast_possible_truncation, reason = "parameters of a few digits")]
        let surplus = |key: usize| match key {
            before if before < span.start => self.suppress as f32,
            image if image < span.end() => self.enhance as f32,
            _ => 0.0,
        };
        Tensor::from_vec((0..key_len).map(surplus).collect(), (1, 1, key_len), like.device())
    }
}

impl Probe for Active {
    fn wants_scores(&self, site: &Site) -> bool {
        is_ordinary(site) && self.layers.contains(&site.layer_idx) && !self.places.after_image(site).is_empty()
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        let (num_heads, _, key_len) = scores.dims3()?;
        let rows = self.places.after_image(site);
        let mut touched = if self.enhance == 0.0 { 0 } else { self.places.span.len };
        touched += if self.suppress == 0.0 { 0 } else { self.places.span.start };
        self.count.add(num_heads * rows.len() * touched);
        let surplus = self.surplus(key_len, scores)?;
        // A key that is masked (minus infinity) stays masked, whatever the factor.
        let edit = |rows: &Tensor| rows + rows.maximum(SCORE_FLOOR)?.broadcast_mul(&surplus)?;
        edit_range(scores, 1, rows, edit).map(Some)
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
        if self.is_idle() { None } else { Some(self) }
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        if branch_idx == 0 { self.places.after_image_reach() } else { Reach::NOTHING }
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
