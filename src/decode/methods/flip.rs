//! Near ties of yes and no become yes: what a method that only answers yes more often would do.

use crate::decode::contrast::{Combined, probabilities};
use crate::decode::method::{ActiveMethod, Method, QuestionContext, Step};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};

const ID: &str = "flip";
/// For menus; what counts is the model's vocabulary.
const MOST_IDS: usize = 9_999_999;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Control: flip near ties to yes",
    help: "Answers yes where yes and no are nearly as probable, looking at nothing else: a control for methods that \
        answer yes more often",
    paper: "Yin et al., The Mirage of Performance Gains: Why Contrastive Decoding Fails to Mitigate Object \
        Hallucinations in MLLMs?, 2025, arXiv:2504.10020",
    acts: Acts::Logits,
    cost: "no further pass",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::real(
            "mass",
            "0.2",
            (0.0, 2.0),
            "Acts where yes and no have more than this probability together",
        )
        .usual(0.0, 1.0),
        ParameterInfo::real("gap", "0.5", (0.0, 1.0), "Acts where their probabilities are closer than this; 0 never")
            .usual(0.0, 1.0),
        ParameterInfo::whole(
            "yes-id",
            "",
            (0, MOST_IDS),
            "Id of yes; empty for the first token of \"Yes\" as an answer",
        ),
        ParameterInfo::whole("no-id", "", (0, MOST_IDS), "Id of no; empty for the first token of \"No\" as an answer"),
        ParameterInfo::choice("steps", "first", &["first", "all"], "At which tokens of the answer"),
    ],
    presets: &[
        Preset { id: "paper", help: "The answer's first token, which says yes or no", values: &[("steps", "first")] },
        Preset { id: "official", help: "Every token, as the authors' code", values: &[("steps", "all")] },
    ],
    ..MethodInfo::NONE
};

/// The flip to yes.
///
/// Where `p(yes) + p(no) > mass` and `|p(yes) - p(no)| < gap`, all tokens but yes are removed, unless a method before
/// has removed yes.
/// **Source**: Yin et al. 2025; `spurious_utils/olm_utils.py` of the authors' code. **Differs** from that code, which
/// works at every token and on two fixed ids, in taking the first token alone by default (test
/// `a_flip_is_of_the_first_token`) and in looking the ids up (test `yes_and_no_are_looked_up_as_answers_begin`).
pub(super) struct Flip;

impl Registered for Flip {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Flip {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        for name in ["yes-id", "no-id"] {
            if !parameters.text(name).is_empty() {
                parameters.count(name)?;
            }
        }
        let (mass, gap) = (parameters.number("mass")?, parameters.number("gap")?);
        Ok(Box::new(ActiveFlip { mass, gap, is_first_only: parameters.choice("steps")? == "first", ids: (0, 0) }))
    }
}

#[derive(Clone)]
struct ActiveFlip {
    mass: f64,
    gap: f64,
    is_first_only: bool,
    /// Of yes and no.
    ids: (usize, usize),
}

impl ActiveMethod for ActiveFlip {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        let last = question.model.decoder().config().vocab_size.saturating_sub(1);
        for (name, idx) in [("yes-id", 0), ("no-id", 1)] {
            if parameters.text(name).is_empty() {
                parameters.spell_out(name, first_tokens(question)?.get(idx).copied().unwrap_or_default());
            }
        }
        self.ids = (parameters.whole("yes-id", 0..=last)?, parameters.whole("no-id", 0..=last)?);
        if self.ids.0 == self.ids.1 {
            return Err(parameters.bad("no-id", "another token than yes-id".to_owned()));
        }
        Ok(())
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn combine(&mut self, step: &Step<'_>) -> Result<Option<Combined>, DecodeError> {
        if self.is_first_only && step.step_idx > 0 {
            return Ok(Some(Combined::of(step.logits.to_vec())));
        }
        let p = probabilities(step.logits);
        let of = |id: usize| p.get(id).copied().unwrap_or_default();
        let (yes, no) = (of(self.ids.0), of(self.ids.1));
        // A yes that a method before removed stays so: nothing would be left to choose.
        let is_left = step.logits.get(self.ids.0).is_some_and(|logit| logit.is_finite());
        let flips = is_left && yes + no > self.mass && (yes - no).abs() < self.gap;
        let mut logits = step.logits.to_vec();
        if flips {
            for (_, logit) in logits.iter_mut().enumerate().filter(|(id, _)| *id != self.ids.0) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let did = if flips { "only yes is left" } else { "left as it is" };
        let note = Some(format!("yes {yes:.3}, no {no:.3}: {did}"));
        Ok(Some(Combined { note, ..Combined::of(logits) }))
    }
}

/// The first tokens of "Yes" and "No" when an answer begins with them: behind a space, unless the prompt ends with one.
/// What both begin with, in vocabularies where that space is a token, says neither.
fn first_tokens(question: &QuestionContext<'_>) -> Result<[u32; 2], DecodeError> {
    let space = if question.full_prompt.ends_with(char::is_whitespace) { "" } else { " " };
    let answered = |word: &str| {
        let answered = question.encode(&format!("{}{space}{word}", question.full_prompt));
        answered.map_err(|cause| DecodeError::OtherPrompt { owner: ID, cause: Box::new(cause) })
    };
    let (yes, no) = (answered("Yes")?.ids, answered("No")?.ids);
    let common = yes.iter().zip(&no).take_while(|(yes, no)| yes == no).count();
    match (yes.get(common), no.get(common)) {
        (Some(yes), Some(no)) => Ok([*yes, *no]),
        _ => Err(DecodeError::NothingToChoose),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::method::Seen;

    #[test]
    fn a_yes_that_was_removed_before_stays_so() {
        let mut flip = ActiveFlip { mass: 0.2, gap: 0.5, is_first_only: true, ids: (0, 1) };
        let mut left = |yes: f32| {
            let logits = [yes, 0.3_f32.ln(), 0.7_f32.ln()];
            let seen = Seen::default();
            let step = Step {
                step_idx: 0,
                ids: &[],
                prompt_len: 0,
                logits: &logits,
                raw_logits: &logits,
                branches: &[],
                seen: &seen,
            };
            flip.combine(&step)
                .expect("logits")
                .expect("a method on logits")
                .logits
                .iter()
                .map(|logit| logit.is_finite())
                .collect::<Vec<_>>()
        };
        assert_eq!(left(0.25_f32.ln()), [true, false, false], "a near tie");
        assert_eq!(left(f32::NEG_INFINITY), [false, true, true], "the others are still there to choose");
    }
}
