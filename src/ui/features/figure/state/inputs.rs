//! What a recipe's panels refer to.

use crate::figure::recipe::selections;
use crate::figure::recipe::{MapSpec, PlotKind, Show};
use std::collections::BTreeSet;

/// Every input that a panel refers to.
pub(super) fn names(show: &Show, used: &mut BTreeSet<String>) {
    for (_, tokens) in selections(&mut show.clone()) {
        used.extend(tokens.annotations().cloned());
    }
    if let Show::Answer { marks, .. } = show {
        used.extend(marks.iter().flat_map(|mark| mark.tokens.annotations()).cloned());
    }
    let mut of_map = |map: &MapSpec| match map {
        MapSpec::Decoder { of, .. }
        | MapSpec::VisionCls { of, .. }
        | MapSpec::PatchNorms { of, .. }
        | MapSpec::Registered { of, .. }
        | MapSpec::Llava { of, .. } => {
            used.insert(of.clone());
        }
        MapSpec::File { map, of } => used.extend([map.clone(), of.clone()]),
    };
    // A map first: what it refers to, then the rest.
    match show {
        Show::Map { map, .. }
        | Show::Overlap { map, .. }
        | Show::Plot { plot: PlotKind::Objects { map, .. } | PlotKind::Threshold { map, .. }, .. } => of_map(map),
        Show::Difference { first, second } => [first, second].into_iter().for_each(&mut of_map),
        _ => {}
    }
    let mut add = |name: &String| {
        used.insert(name.clone());
    };
    match show {
        Show::Map { outline: Some(truth), .. }
        | Show::Overlap { truth, .. }
        | Show::Plot { plot: PlotKind::Objects { truth, .. } | PlotKind::Threshold { truth, .. }, .. } => {
            add(&truth.annotations);
        }
        Show::Mask { of, truth } | Show::Scores { of, truth, .. } => {
            add(of);
            add(&truth.annotations);
        }
        Show::Prompted { of, map, .. } => {
            add(of);
            map.iter().for_each(add);
        }
        Show::Photo { of } | Show::Grid { of, .. } | Show::Plot { of, .. } | Show::Answer { of, .. } => add(of),
        Show::Map { outline: None, .. } | Show::Difference { .. } => {}
    }
}
