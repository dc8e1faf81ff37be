//! More attention to the image.

use super::rules::{Count, MOST_LAYERS, Places, SCORE_FLOOR, edit_range, is_ordinary};
use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered, Word};
use crate::model::{Probe, Site};
use candle_core::{Result as TensorResult, Tensor};
use std::ops::Range;

const ID: &str = "pai";

/// The first layer that is boosted, as published whatever the depth.
pub(super) const START: ParameterInfo =
    ParameterInfo::whole("start", "2", (0, MOST_LAYERS), "First decoder layer, 0-based");
/// And one past the last.
pub(super) const END: ParameterInfo =
    ParameterInfo::whole("end", "", (1, MOST_LAYERS), "One past the last layer; empty for all that follow");

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "PAI attention boost",
    help: "Raises the scores of image tokens for the position that predicts, by alpha times their size, before the \
        softmax",
    paper: "Liu et al., Paying More Attention to Image, ECCV 2024, arXiv:2407.21771",
    word: Word::Intervention,
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::real("alpha", "0.2", (f64::MIN_POSITIVE, 10.0), "Strength, above 0 and at most 10"),
        START,
        END,
    ],
    ..MethodInfo::NONE
};

/// PAI's attention boost (without its logit refinement, which is a strategy of two branches).
///
/// In layers `start..end`, in rows that predict, the score of every image key becomes `score + alpha * |score|` before
/// the softmax.
/// **Source**: Liu et al. 2024; `attention.py` lines 91-94 of the authors' code.
/// **Differs** from that code with `--use-cfg`, where the pass over the prompt is not boosted, so that the first answer
/// token is untouched; here it always is boosted (test `pai_boosts_the_pass_over_the_prompt`).
pub(super) struct Pai;

impl Registered for Pai {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Pai {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActivePai(Boost::new(parameters.number("alpha")?))))
    }
}

/// Raises the scores of image keys, in the rows that predict. Shared by the intervention and the method `pai`.
#[derive(Clone)]
pub(super) struct Boost {
    alpha: f64,
    places: Places,
    layers: Range<usize>,
    count: Count,
}

impl Boost {
    /// Without a question; 0 raises nothing.
    pub(super) fn new(alpha: f64) -> Self {
        Self { alpha, places: Places::default(), layers: 0..0, count: Count::default() }
    }

    /// Whether it raises nothing.
    pub(super) fn is_idle(&self) -> bool {
        self.alpha == 0.0
    }

    /// Places of a question, and layers, which do not scale with the depth.
    pub(super) fn prepare(
        &mut self,
        parameters: &mut Parameters,
        question: &QuestionContext<'_>,
    ) -> Result<(), DecodeError> {
        self.places = Places::of(question, ID)?;
        let num_layers = question.num_hidden_layers();
        if self.is_idle() && !parameters.is_given("start") && !parameters.is_given("end") {
            return Ok(());
        }
        if parameters.text("end").is_empty() {
            parameters.spell_out("end", num_layers);
        }
        let end = parameters.whole("end", 1..=num_layers)?;
        let start = parameters.whole("start", 0..=end.saturating_sub(1))?;
        self.layers = start..end;
        Ok(())
    }

    /// What it changes of a prompt.
    pub(super) fn reach(&self, branch_idx: usize) -> Reach {
        if branch_idx == 0 { self.places.predicting_reach() } else { Reach::NOTHING }
    }

    /// What it did since this was last asked.
    pub(super) fn did(&mut self) -> String {
        self.count.did(Acted::OnScores)
    }

    /// How often it acted.
    pub(super) fn report(&self) -> ActionReport {
        self.count.report(ID, Acted::OnScores)
    }
}

impl Probe for Boost {
    fn wants_scores(&self, site: &Site) -> bool {
        is_ordinary(site)
            && self.layers.contains(&site.layer_idx)
            && site.key_len >= self.places.span.end()
            && !self.places.predicting(site).is_empty()
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> TensorResult<Option<Tensor>> {
        let (rows, span) = (self.places.predicting(site), self.places.span);
        self.count.add(scores.dim(0)? * rows.len() * span.len);
        // A key that is masked (minus infinity) stays masked: infinity minus infinity would be no number.
        let raise = |image: &Tensor| image + (image.maximum(SCORE_FLOOR)?.abs()? * self.alpha)?;
        edit_range(scores, 1, rows, |rows| edit_range(rows, 2, span.range(), raise)).map(Some)
    }
}

#[derive(Clone)]
struct ActivePai(Boost);

impl ActiveMethod for ActivePai {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.0.prepare(parameters, question)
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(&mut self.0)
    }

    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        self.0.reach(branch_idx)
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn report(&self) -> Option<ActionReport> {
        Some(self.0.report())
    }
}
