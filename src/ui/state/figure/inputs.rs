//! What a recipe's panels refer to, and whether an answer is the one that is meant.

use crate::figure::recipe::{MapSpec, Show, TraceInput, tokens_sha256};
use crate::ui::state::Run;
use std::collections::BTreeSet;

/// Every input that a panel refers to.
pub(super) fn names(show: &Show, used: &mut BTreeSet<String>) {
    let mut add = |name: &String| {
        used.insert(name.clone());
    };
    let mut of_map = |map: &MapSpec| match map {
        MapSpec::Decoder { of, .. } | MapSpec::VisionCls { of, .. } | MapSpec::Llava { of, .. } => add(of),
        MapSpec::File { map, of } => {
            add(map);
            add(of);
        }
    };
    match show {
        Show::Map { map, outline, .. } => {
            of_map(map);
            if let Some(truth) = outline {
                add(&truth.annotations);
            }
        }
        Show::Overlap { map, truth, .. } => {
            of_map(map);
            add(&truth.annotations);
        }
        Show::Difference { first, second } => [first, second].into_iter().for_each(of_map),
        Show::Mask { of, truth } => {
            add(of);
            add(&truth.annotations);
        }
        Show::Photo { of }
        | Show::Prompted { of, .. }
        | Show::Grid { of, .. }
        | Show::Plot { of, .. }
        | Show::Answer { of, .. } => add(of),
    }
}

/// The same question with the same answer, by hashes. What is cheap to compare comes first.
pub(super) fn is_same(run: &Run, input: &TraceInput) -> bool {
    run.trace.as_ref().is_some_and(|trace| {
        let (found, wanted) = (&trace.run, &input.run);
        found.weight_hash == wanted.weight_hash
            && found.image_hash == wanted.image_hash
            && found.full_prompt == wanted.full_prompt
            && found.strategy == wanted.strategy
            && found.prompting == wanted.prompting
            && tokens_sha256(trace) == input.tokens_sha256
    })
}
