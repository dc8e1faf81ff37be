//! What methods did at a step, in the words of a trace.

use crate::checkpoint::TextTokenizer;
use crate::decode::{StepAction, StepContrast};
use crate::trace::{ContrastCandidate, OutputToken, RunInfo, TokenAction, TokenContrast};

/// A step's contrast with the words of its candidates.
pub(super) fn token_contrast(tokenizer: &TextTokenizer, step: &StepContrast) -> TokenContrast {
    let candidates = step.candidates.iter().map(|candidate| ContrastCandidate {
        id: candidate.id,
        text: tokenizer.piece(candidate.id),
        logprob: candidate.logprob,
        negative_logprob: candidate.negative_logprob,
        final_logprob: candidate.final_logprob,
    });
    TokenContrast {
        alpha: step.alpha,
        plain_id: step.plain_id,
        contrasted_id: step.contrasted_id,
        num_removed: step.num_removed,
        moved: step.moved,
        branches_differ: step.branches_differ,
        alpha_from: step.alpha_from,
        alpha_to: step.alpha_to,
        candidates: candidates.collect(),
    }
}

/// What a method did at a step, with the words of the tokens.
pub(super) fn token_action(tokenizer: &TextTokenizer, action: &StepAction) -> TokenAction {
    TokenAction {
        method: action.method.to_owned(),
        before_id: action.before_id,
        before: tokenizer.piece(action.before_id),
        after_id: action.after_id,
        after: tokenizer.piece(action.after_id),
        num_removed: action.num_removed,
        moved: action.moved,
        note: action.note.clone(),
    }
}

/// A warning for the trace if a contrast changed nothing anywhere.
pub(super) fn idle_contrast(run: &RunInfo, output: &[OutputToken]) -> Option<String> {
    let mut steps = output.iter().filter_map(|token| token.contrast.as_deref()).peekable();
    steps.peek()?;
    let mut branches_differ = false;
    for step in steps {
        if !step.is_idle() {
            return None;
        }
        branches_differ |= step.branches_differ;
    }
    let why = if branches_differ { "" } else { ": both branches gave the same logits" };
    let word = if run.methods.is_empty() { "strategy" } else { "method" };
    Some(format!("The {word} {} changed nothing{why}", run.decoding()))
}
