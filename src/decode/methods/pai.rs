//! More attention to the image.

use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered, Word};
use crate::ids::TokenSpan;
use crate::model::{Probe, Site, Tower};
use candle_core::{Result, Tensor};
use std::ops::Range;

const ID: &str = "pai";
/// Below every real score, and far enough from f32's end for the largest alpha.
const SCORE_FLOOR: f64 = -1e30;
/// For menus; what counts is the model's own number.
const MOST_LAYERS: usize = 128;

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
        ParameterInfo::whole("start", "2", (0, MOST_LAYERS), "First decoder layer, 0-based"),
        ParameterInfo::whole("end", "", (1, MOST_LAYERS), "One past the last layer; empty for all that follow"),
    ],
    ..MethodInfo::NONE
};

/// PAI's attention boost (without its logit refinement, which is a strategy of two branches).
///
/// In layers `start..end`, the last query row's score of every image key becomes `score + alpha * |score|` before the
/// softmax.
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
    fn build(&self, parameters: &mut Parameters) -> std::result::Result<Box<dyn ActiveMethod>, DecodeError> {
        let alpha = parameters.number("alpha")?;
        let span = TokenSpan { start: 0, len: 0 };
        Ok(Box::new(ActivePai { span, alpha, layers: 0..0, num_calls: 0, num_values: 0 }))
    }
}

#[derive(Clone)]
struct ActivePai {
    span: TokenSpan,
    alpha: f64,
    layers: Range<usize>,
    num_calls: usize,
    num_values: usize,
}

impl ActivePai {
    /// The last row, image keys raised. **Shape**: `[heads, 1, key_len]`.
    fn boost(&self, row: &Tensor, key_len: usize) -> Result<Tensor> {
        let TokenSpan { start, len } = self.span;
        let image = row.narrow(2, start, len)?;
        // A key that is masked (minus infinity) stays masked: infinity minus infinity would be no number.
        let size = image.maximum(SCORE_FLOOR)?.abs()?;
        let image = (image + (size * self.alpha)?)?;
        let after = row.narrow(2, start + len, key_len - start - len)?;
        Tensor::cat(&[&row.narrow(2, 0, start)?, &image, &after], 2)
    }
}

impl Probe for ActivePai {
    fn wants_scores(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
            && site.branch_idx == 0
            && self.layers.contains(&site.layer_idx)
            && site.key_len >= self.span.end()
    }

    fn scores(&mut self, _site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        let (num_heads, query_len, key_len) = scores.dims3()?;
        let last = self.boost(&scores.narrow(1, query_len - 1, 1)?, key_len)?;
        self.num_calls += 1;
        self.num_values += num_heads * self.span.len;
        match query_len {
            1 => Ok(Some(last)),
            _ => Tensor::cat(&[&scores.narrow(1, 0, query_len - 1)?, &last], 1).map(Some),
        }
    }
}

impl ActiveMethod for ActivePai {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(
        &mut self,
        parameters: &mut Parameters,
        question: &QuestionContext<'_>,
    ) -> std::result::Result<(), DecodeError> {
        self.span = question.image_span(ID)?;
        let num_layers = question.num_hidden_layers();
        if parameters.text("end").is_empty() {
            parameters.spell_out("end", num_layers);
        }
        let end = parameters.whole("end", 1..=num_layers)?;
        let start = parameters.whole("start", 0..=end.saturating_sub(1))?;
        self.layers = start..end;
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }

    /// Only the row that predicts: in a longer prompt the same position is not the last one and stays as it is.
    fn reach(&self, branch_idx: usize, prompt_len: usize) -> Reach {
        if branch_idx != 0 {
            return Reach::NOTHING;
        }
        Reach { vision: false, first_position: prompt_len.saturating_sub(1), by_position: false }
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn report(&self) -> Option<ActionReport> {
        let Self { num_calls, num_values, .. } = *self;
        Some(ActionReport { id: ID, acted: Acted::OnScores, num_calls, num_values })
    }
}
