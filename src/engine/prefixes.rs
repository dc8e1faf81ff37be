//! The prompts of a job on their way out of and back into [`super::reuse`].

use super::messages::Question;
use super::open::Answerer;
use super::plan::Plan;
use super::reuse::{Footing, Wanted};
use crate::decode::{DecodeError, DecoderPrompt, Generation};
use crate::model::KvCache;
use std::sync::Arc;

/// What every branch reads.
pub(super) struct Prefixes {
    prompts: Vec<Wanted>,
    /// Leading positions of the ordinary branch that need not be read again.
    pub(super) reused_tokens: usize,
}

impl Prefixes {
    /// Finds what is known of every prompt. Positions from `first_row` on must run, because their rows are asked for.
    pub(super) fn take(
        model: &Answerer,
        plan: &Plan,
        prompts: &[DecoderPrompt],
        first_row: usize,
        question: &Question,
    ) -> (Self, Vec<Option<KvCache>>) {
        let prompts = Self::wanted(model, plan, prompts, first_row, question);
        let caches = model.reuse.take(&prompts);
        let reused_tokens = caches.first().and_then(Option::as_ref).map_or(0, KvCache::len);
        (Self { prompts, reused_tokens }, caches)
    }

    /// What every branch reads, as [`super::reuse`] looks for it.
    pub(super) fn wanted(
        model: &Answerer,
        plan: &Plan,
        prompts: &[DecoderPrompt],
        first_row: usize,
        question: &Question,
    ) -> Vec<Wanted> {
        let decoder = model.vlm.decoder();
        let wanted = prompts.iter().enumerate().map(|(branch_idx, prompt)| Wanted {
            ids: prompt.ids.clone(),
            embeddings: prompt.embeddings.clone(),
            positions: prompt.positions.clone(),
            additions: prompt.additions.clone(),
            footing: footing(plan, branch_idx),
            most: if branch_idx == 0 { first_row } else { usize::MAX }.min(prompt.ids.len().saturating_sub(1)),
            capacity: Generation::capacity(decoder, prompt.ids.len(), question.max_new_tokens),
        });
        wanted.collect()
    }

    /// Lets the other branches take what they read like the ordinary one from it.
    pub(super) fn share(&self, generation: &mut Generation<'_>) -> Result<(), DecodeError> {
        let Some((first, others)) = self.prompts.split_first() else { return Ok(()) };
        for (idx, other) in others.iter().enumerate() {
            generation.share_prefix(1 + idx, first.shared(other))?;
        }
        Ok(())
    }

    /// Keeps what was read and written.
    pub(super) fn keep(self, model: &Answerer, generation: Generation<'_>) {
        let generated = generation.new_ids().to_vec();
        // Without the rows of the answer its prompt is kept all the same.
        let rows = if generated.is_empty() { None } else { model.vlm.decoder().embed(&generated).ok() };
        for (prompt, mut cache) in self.prompts.into_iter().zip(generation.into_caches()) {
            if rows.is_none() {
                cache.truncate(prompt.ids.len());
            }
            let ids = prompt.ids.iter().chain(&generated).copied().collect();
            model.reuse.keep(prompt, cache, ids, rows.as_ref());
        }
    }
}

fn footing(plan: &Plan, branch_idx: usize) -> Footing {
    let reach = plan.reach(branch_idx);
    let methods = Arc::from(plan.reaching(branch_idx));
    Footing { untouched: reach.first_position, by_position: reach.by_position, methods }
}
