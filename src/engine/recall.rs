//! What another answer has recorded of the beginning that a question gives: whether it may be taken over, and how much.

use super::error::EngineError;
use super::fork::Recalled;
use super::job_info::run_info;
use super::messages::{PromptRows, Question, RecordOptions};
use super::open::Answerer;
use super::plan::Plan;
use crate::data::Photo;
use crate::trace::Trace;
use std::sync::Arc;

impl Recalled {
    /// What of a question's fork is known; `None` where it has to be computed. An error if an id is no token.
    pub(super) fn of(
        model: &Answerer,
        question: &Question,
        plan: &Plan,
        photo: &Photo,
    ) -> Result<Option<Self>, EngineError> {
        let Some(fork) = &question.fork else { return Ok(None) };
        let vocab_size = model.vlm.decoder().config().vocab_size;
        if let Some(found) = fork.ids.iter().find(|id| **id as usize >= vocab_size) {
            return Err(EngineError::ForcedId { vocab_size, found: *found, path: model.info.id.clone().into() });
        }
        if fork.ids.len() >= question.max_new_tokens {
            let (expected, found) = (question.max_new_tokens, fork.ids.len());
            return Err(EngineError::ForcedTooMany { expected, found });
        }
        // Logits are not in a trace; a method may treat the tokens of an answer in another way than those of a prompt,
        // or need to have seen them. A trace names a file and does not say what was in it.
        let methods = &plan.methods;
        let is_told = plan.reach(0).by_position && !methods.keeps_state() && !methods.reads_files();
        let can_recall = !question.record.logits && is_told;
        let known =
            fork.known.as_ref().filter(|trace| can_recall && is_same_question(trace, model, question, plan, photo));
        Ok(known.and_then(|trace| {
            let ends = |id: u32| model.vlm.eos_token_ids().contains(&id);
            let pairs = trace.output.iter().zip(&fork.ids);
            let same = pairs.take_while(|(token, id)| token.id == **id && !ends(**id)).count();
            let len = same.min(trace.decoder_attention.len());
            // The rows of the prompt are worth having even where no token is.
            (len > 0 || !trace.prompt_attention.is_empty()).then(|| Self { trace: Arc::clone(trace), len })
        }))
    }
}

/// What the recorder has to see: prompt rows that are known need not be made again.
pub(super) fn recorded(question: &Question, plan: &Plan) -> RecordOptions {
    let has_rows = plan.recalled.as_ref().is_some_and(Recalled::has_prompt_rows);
    let prompt_rows = if has_rows { PromptRows::None } else { question.record.prompt_rows };
    RecordOptions { prompt_rows, ..question.record }
}

/// Whether another answer's rows are those that this question's would be: nothing differs but how tokens are chosen,
/// which does not touch the ordinary branch, and the rows are kept as this question wants them.
fn is_same_question(trace: &Trace, model: &Answerer, question: &Question, plan: &Plan, photo: &Photo) -> bool {
    let framed = model.frame(photo, question.framing);
    let expected = run_info(model, question, plan, photo, &framed);
    let same_rows = trace.decoder_attention.first().is_none_or(|row| row.precision() == question.record.precision);
    same_rows && expected.differences(&trace.run).iter().all(|difference| difference.field.is_of_choice())
}
