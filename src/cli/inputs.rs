//! What a command reads, as its outputs have to know it.

use super::failure::Failure;
use crate::engine::{LoadRequest, Spec};
use crate::files::{Outputs, utf8};
use anyhow::anyhow;
use std::path::Path;

const MODEL: &str = "a file of --model";

/// The model's files, as far as they are on this machine.
pub(super) fn model(outputs: &mut Outputs, request: &LoadRequest) {
    outputs.reads_all(MODEL, &request.source.files());
}

/// Files that parameters name: those behind an `@` and those that are named as they are.
pub(super) fn specs<'a>(outputs: &mut Outputs, flag: &str, specs: impl IntoIterator<Item = &'a Spec>) {
    for value in specs.into_iter().flat_map(|spec| spec.parameters.iter().map(|(_, value)| value)) {
        let path = Path::new(value.strip_prefix('@').unwrap_or(value));
        // Most values are numbers.
        if path.is_file() {
            outputs.reads(flag, path);
        }
    }
}

/// A path that is written down as text, in a trace or a recipe: another one would be written down if it were none.
pub(super) fn text_of<'a>(flag: &str, path: &'a Path) -> Result<&'a str, Failure> {
    utf8(path).ok_or_else(|| {
        let path = path.display();
        Failure::usage(anyhow!(
            "Cannot use the name of {flag}, as it is not UTF-8 and is written down in what is made; rename it: {path}"
        ))
    })
}
