//! Answers whose beginning is given: what another answer has recorded of it is taken over, the rest is computed.

use super::error::EngineError;
use super::job::Plan;
use super::job_info::run_info;
use super::messages::{PromptRows, Question, RecordOptions};
use super::open::Answerer;
use crate::data::Photo;
use crate::decode::DecoderPrompt;
use crate::trace::{AttentionRow, OutputToken, SpecInfo, Trace};
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The beginning of an answer that is given, not chosen: another answer's first tokens, the last of them perhaps
/// another one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fork {
    /// Ids that the answer begins with.
    pub ids: Vec<u32>,
    /// An answer to the same question: what it recorded of leading tokens with these ids is taken from it and not
    /// computed again. Without it, and where it is of another model, photo or prompt, they run like all others.
    #[serde(skip)]
    pub known: Option<Arc<Trace>>,
}

impl PartialEq for Fork {
    /// Where its beginning is taken from makes no other answer.
    fn eq(&self, other: &Self) -> bool {
        self.ids == other.ids
    }
}

/// The leading tokens of another answer, with the rows that predicted them.
#[derive(Debug)]
pub(super) struct Recalled {
    trace: Arc<Trace>,
    len: usize,
}

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
        // or need to have seen them.
        let can_recall = !question.record.logits && plan.reach(0).by_position && !plan.methods.keeps_state();
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

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn has_prompt_rows(&self) -> bool {
        !self.trace.prompt_attention.is_empty()
    }

    pub(super) fn prompt_rows(&self) -> Vec<(usize, Arc<AttentionRow>)> {
        self.trace.prompt_attention.clone()
    }

    /// The tokens with their rows. What another strategy did to them is not this one's doing.
    pub(super) fn tokens(&self, strategy: &SpecInfo) -> Vec<(OutputToken, Arc<AttentionRow>)> {
        let same_strategy = self.trace.run.strategy == *strategy;
        let tokens = self.trace.output.iter().zip(&self.trace.decoder_attention).take(self.len);
        let token = |(token, row): (&OutputToken, &Arc<AttentionRow>)| {
            let contrast = token.contrast.clone().filter(|_| same_strategy);
            let actions = if same_strategy { token.actions.clone() } else { Vec::new() };
            (OutputToken { contrast, actions, ..token.clone() }, Arc::clone(row))
        };
        tokens.map(token).collect()
    }

    /// Puts the tokens behind the prompt of every branch, whose keys are most likely kept.
    pub(super) fn extend(&self, model: &Answerer, prompts: &mut [DecoderPrompt]) -> Result<(), EngineError> {
        if self.len == 0 {
            return Ok(());
        }
        let ids: Vec<u32> = self.trace.output.iter().take(self.len).map(|token| token.id).collect();
        let embeddings = model.vlm.decoder().embed(&ids)?;
        for prompt in prompts {
            prompt.ids.extend(&ids);
            let longer = Tensor::cat(&[&prompt.embeddings, &embeddings], 0);
            prompt.embeddings = longer.map_err(EngineError::tensor("put the answer's beginning behind the prompt"))?;
        }
        Ok(())
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
