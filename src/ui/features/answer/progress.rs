//! Where a question is, in words.

use super::runs::{Phase, Run};
use crate::engine::Stage;
use crate::ui::core::wording::count;
use crate::ui::features::AppState;

/// Where a question is, in words.
pub(in crate::ui) fn progress(run: &Run) -> String {
    if let Some(words) = super::similarity::progress(run) {
        return words;
    }
    let tokens = run.trace.as_ref().map_or(0, |trace| trace.output.len());
    match &run.phase {
        Phase::Waiting => "Waiting for the model".to_owned(),
        Phase::Working(Stage::Photo) => "Reading the photo".to_owned(),
        Phase::Working(Stage::Vision) => "Vision encoder".to_owned(),
        Phase::Working(Stage::Prefill) => "Reading the prompt".to_owned(),
        Phase::Working(Stage::Decode) if run.tokens_per_sec > 0.0 => {
            format!("{}, {:.1} tokens/s", count(tokens, "token"), run.tokens_per_sec)
        }
        Phase::Working(Stage::Decode) => count(tokens, "token"),
        Phase::Finished => {
            let speed = run.timings.map_or(run.tokens_per_sec, |timings| timings.tokens_per_sec);
            let reused = run.timings.map_or(0, |timings| timings.reused_tokens);
            let reused = if reused > 0 { format!(", {} known", count(reused, "prompt token")) } else { String::new() };
            format!("{}, {speed:.1} tokens/s{reused}", count(tokens, "token"))
        }
        Phase::Cancelled if tokens == 0 => "Stopped before the first token".to_owned(),
        Phase::Cancelled => format!("Stopped after {}", count(tokens, "token")),
        Phase::Failed(_) => "Failed".to_owned(),
    }
}

/// Where a question is, in words; what it waits for where that is an answer about another photo.
pub(in crate::ui) fn waiting(state: &AppState, run: &Run) -> String {
    let before = state.runs.active().find(|other| other.id < run.id && !state.pope.is_behind(other.id));
    match before.and_then(|before| state.elsewhere(before.id)) {
        Some(name) if run.phase == Phase::Waiting => format!("Waiting for the answer about {name}"),
        _ => progress(run),
    }
}
