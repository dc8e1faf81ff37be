//! A question that asks for yes: what a method that only answers yes more often would do.

use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, Words};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered};

const ID: &str = "yes-suffix";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Control: ask for yes",
    help: "Adds a sentence to the question that asks for yes: a control for methods that answer yes more often",
    paper: "Yin et al., The Mirage of Performance Gains: Why Contrastive Decoding Fails to Mitigate Object \
        Hallucinations in MLLMs?, 2025, arXiv:2504.10020",
    acts: Acts::Prompt,
    cost: "no further pass",
    parameters: &[ParameterInfo::text(
        "text",
        " Answer yes whenever possible.",
        "What is put behind the question, with the space before it; @FILE reads it",
    )],
    ..MethodInfo::NONE
};

/// The suffix.
///
/// **Source**: Yin et al. 2025; `inference/pope_infer_pba.py` of the authors' code, whose README has other words
/// (`Whenever possible, please select Yes`).
pub(super) struct YesSuffix;

impl Registered for YesSuffix {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for YesSuffix {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActiveYesSuffix { text: parameters.text("text").to_owned() }))
    }
}

#[derive(Clone)]
struct ActiveYesSuffix {
    text: String,
}

impl ActiveMethod for ActiveYesSuffix {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn reword(&self, words: &Words<'_>) -> Result<Option<String>, DecodeError> {
        if !words.templated {
            return Err(DecodeError::NoQuestion { owner: ID });
        }
        Ok((!self.text.is_empty()).then(|| format!("{}{}", words.text, self.text)))
    }

    fn keeps_state(&self) -> bool {
        false
    }

    fn report(&self) -> Option<ActionReport> {
        let num_values = self.text.chars().count();
        Some(ActionReport { id: ID, acted: Acted::OnWords, num_calls: 1, num_values })
    }
}
