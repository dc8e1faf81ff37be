//! Answers and figures of saved sessions.

use super::super::args::Common;
use super::super::failure::Failure;
use super::super::figure_args::FigureArgs;
use super::{ask, read_recipe};
use crate::figure::{Given, Recipe, is_answer_of};
use crate::session;
use crate::trace::Trace;
use crate::ui::session::KeptFigure;
use anyhow::anyhow;
use serde::Deserialize as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A recipe with the session's answers: that of the command line, else the figure that was being put together. `None` where there is none of
/// either.
pub(super) fn subject(
    common: &Common,
    args: &FigureArgs,
    path: &Path,
) -> Result<Option<(Recipe, Given, Option<PathBuf>)>, Failure> {
    let session = session::read(path)?;
    let kept = KeptFigure::deserialize(&session.state["figure"]).ok().filter(|kept| kept.recipe.is_object());
    let mut given = Given::default();
    let (mut recipe, folder) = match (&args.recipe, kept) {
        (Some(recipe), _) => (read_recipe(recipe)?, recipe.parent().map(Path::to_owned)),
        (None, Some(kept)) => {
            given.maps = kept.maps.into_iter().map(|(name, bytes)| (name, bytes.0.into())).collect();
            (Recipe::from_json(&kept.recipe.to_string(), path)?, kept.folder.map(PathBuf::from))
        }
        (None, None) => return Ok(None),
    };
    for (name, input) in &recipe.inputs.traces {
        let traces = session.answers.iter().filter_map(|answer| answer.trace.as_ref());
        if let Some(trace) = traces.into_iter().find(|trace| is_answer_of(trace, input)) {
            given.traces.insert(name.clone(), Arc::clone(trace));
        }
    }
    if let Some(dpi) = args.dpi {
        recipe.layout.dpi = dpi;
    }
    ask::missing(common, &recipe, &mut given, folder.as_deref(), args.allow_mismatch)?;
    Ok(Some((recipe, given, folder)))
}

/// The answer that a session shows for the image looked at; else the newest.
pub(super) fn shown_answer(path: &Path) -> Result<Arc<Trace>, Failure> {
    let session = session::read(path)?;
    let (image, shown) = (&session.state["image"], session.state["shown"].as_array());
    let is_shown =
        |about: &Value| about["question"]["image"] == *image && shown.is_some_and(|shown| shown.contains(&about["id"]));
    let answers = || session.answers.iter().filter_map(|answer| Some((&answer.about, answer.trace.as_ref()?)));
    let answer = answers().find(|(about, _)| is_shown(about)).or_else(|| answers().next_back());
    let answer = answer.ok_or_else(|| anyhow!("Expected a session with an answer, found none: {}", path.display()))?;
    Ok(Arc::clone(answer.1))
}
