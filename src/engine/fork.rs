//! Answers whose beginning is given: what another answer has recorded of it is taken over, the rest is computed.
//! [`super::recall`] finds it.

use super::error::EngineError;
use super::open::Answerer;
use crate::decode::DecoderPrompt;
use crate::trace::{AttentionRow, OutputToken, SpecInfo, Trace};
use candle_core::Tensor;
use std::sync::Arc;

/// The leading tokens of another answer, with the rows that predicted them.
#[derive(Debug)]
pub(super) struct Recalled {
    pub(super) trace: Arc<Trace>,
    pub(super) len: usize,
}

impl Recalled {
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
