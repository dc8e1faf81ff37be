//! What methods did at a step, in the words of a trace.

use crate::checkpoint::TextTokenizer;
use crate::trace::{OutputToken, RunInfo, TokenAction, TokenContrast};

/// A step's contrast with the texts of its candidates.
pub(super) fn named_contrast(tokenizer: &TextTokenizer, mut contrast: TokenContrast) -> TokenContrast {
    for candidate in &mut contrast.candidates {
        candidate.text = tokenizer.piece(candidate.id);
    }
    contrast
}

/// What a method did at a step, with the texts of the tokens.
pub(super) fn named_action(tokenizer: &TextTokenizer, action: TokenAction) -> TokenAction {
    TokenAction { before: tokenizer.piece(action.before_id), after: tokenizer.piece(action.after_id), ..action }
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
