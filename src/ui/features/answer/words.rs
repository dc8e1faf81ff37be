//! Walking the words of an answer.

use crate::analysis::chair::Status;
use crate::ui::core::command::{WordKind, WordStep};
use crate::ui::features::derived::Derived;
use crate::ui::features::{AppState, TokenPos};
use std::ops::RangeInclusive;

/// The word that a step leads to: behind what is held, or before it; round the answer's ends. `None` where there is no
/// word of the kind.
pub(in crate::ui) fn stepped(state: &AppState, derived: &Derived, step: WordStep) -> Option<RangeInclusive<usize>> {
    let trace = state.current_run()?.trace.as_ref()?;
    let marked = |is_wanted: &dyn Fn(Status) -> bool| {
        let words = derived.truth.marks.words.iter().filter(|word| is_wanted(word.marked.status));
        words.map(|word| word.tokens.clone()).collect()
    };
    let words: Vec<RangeInclusive<usize>> = match step.kind {
        WordKind::Any => trace.words(),
        WordKind::Object => marked(&|_| true),
        WordKind::Hallucinated => marked(&|status| status == Status::Hallucinated),
    };
    let held = state.selection.tokens.iter().filter_map(|pos| match pos {
        TokenPos::Output(idx) => Some(*idx),
        TokenPos::Prompt(_) => None,
    });
    let (first, last) = (held.clone().min(), held.max());
    if step.back {
        let before = words.iter().rev().find(|word| first.is_some_and(|first| *word.end() < first));
        return before.or(words.last()).cloned();
    }
    let behind = words.iter().find(|word| last.is_some_and(|last| *word.start() > last));
    behind.or(words.first()).cloned()
}

/// Why a step leads nowhere.
pub(in crate::ui) fn none_there(state: &AppState, kind: WordKind) -> &'static str {
    match kind {
        _ if state.current_run().and_then(|run| run.trace.as_ref()).is_none_or(|trace| trace.output.is_empty()) => {
            "There is no answer yet whose words could be walked"
        }
        WordKind::Any => "This answer has no words",
        WordKind::Object => "This answer names no object that CHAIR knows",
        WordKind::Hallucinated if state.truth.image.is_none() => {
            "Nothing is known of the objects in this photo, so no word can be called hallucinated: open annotations"
        }
        WordKind::Hallucinated => "No word of this answer is hallucinated by the photo's annotations",
    }
}
