//! What a further question on the same image costs.

use super::error::EngineError;
use super::messages::{ImageSource, Prompt, Question, RecordOptions, RunId, Spec};
use super::open::OpenModel;
use super::run::run_job;
use crate::trace::{RowPrecision, Sampling};
use serde::Serialize;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Questions of different length that differ from their first word on.
const QUESTIONS: [&str; 6] = [
    "Describe this image briefly.",
    "What is in the upper left corner?",
    "Is there a dog?",
    "How many things can be counted in this picture?",
    "Which colour is the largest object?",
    "Where was it taken?",
];

/// Six questions on one image, all attention recorded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FurtherQuestions {
    /// How many were asked.
    pub questions: usize,
    /// Tokens answered to each.
    pub new_tokens: usize,
    /// The first, which reads the image.
    pub first_secs: f64,
    /// The median of the others.
    pub further_secs: f64,
    /// All of them.
    pub total_secs: f64,
    /// Bytes kept for the next.
    pub kept_bytes: u64,
}

/// Asks six questions of two tokens about one image, nothing kept before the first.
pub fn further_questions(model: &OpenModel, image: &ImageSource) -> Result<FurtherQuestions, EngineError> {
    let budget_bytes = model.kept().budget_bytes;
    model.keep_at_most(0);
    model.keep_at_most(budget_bytes);
    let precision = if model.computes_in_f32() { RowPrecision::F32 } else { RowPrecision::F16 };
    let new_tokens = 2;
    let go_on = AtomicBool::new(false);
    let mut secs = Vec::with_capacity(QUESTIONS.len());
    for words in QUESTIONS {
        let question = Question {
            image: image.clone(),
            prompt: Prompt::Templated(words.to_owned()),
            framing: None,
            sampling: Sampling::default(),
            max_new_tokens: new_tokens,
            strategy: Spec::default(),
            interventions: Vec::new(),
            methods: Vec::new(),
            prompted: None,
            fork: None,
            record: RecordOptions { precision, ..RecordOptions::default() },
        };
        let started = Instant::now();
        run_job(model, RunId(0), &question, &mut |_| {}, &go_on)?;
        secs.push(started.elapsed().as_secs_f64());
    }
    let total_secs = secs.iter().sum();
    let first_secs = secs.first().copied().unwrap_or_default();
    let further = secs.get_mut(1..).unwrap_or_default();
    further.sort_by(f64::total_cmp);
    Ok(FurtherQuestions {
        questions: QUESTIONS.len(),
        new_tokens,
        first_secs,
        further_secs: further.get(further.len() / 2).copied().unwrap_or_default(),
        total_secs,
        kept_bytes: model.kept().held_bytes,
    })
}
