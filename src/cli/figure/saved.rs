//! Answers and figures of saved sessions.

use super::super::failure::Failure;
use super::super::figure_args::FigureArgs;
use super::{Subject, everything_of, read_recipe};
use crate::figure::{Given, Recipe, answer_among, html};
use crate::session::{self, Session};
use crate::trace::Trace;
use crate::ui::features::session::KeptFigure;
use anyhow::anyhow;
use serde::Deserialize as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The recipe of the command line with the session's answers; without one the figure that was being put together, and
/// where there is none, or a page is wanted, everything of the shown answer.
pub(super) fn subject(args: &FigureArgs, path: &Path) -> Result<Subject, Failure> {
    let session = session::read(path)?;
    let kept = KeptFigure::deserialize(&session.state["figure"]).ok().filter(|kept| kept.recipe.is_object());
    let mut given = Given::default();
    let (recipe, folder) = match (&args.recipe, kept.filter(|_| !html::is_page(&args.out))) {
        (Some(recipe), _) => (read_recipe(recipe)?, recipe.parent().map(Path::to_owned)),
        (None, Some(kept)) => {
            given.maps = kept.maps.into_iter().map(|(name, bytes)| (name, bytes.0.into())).collect();
            (Recipe::from_json(&kept.recipe.to_string(), path)?, kept.folder.map(PathBuf::from))
        }
        (None, None) => return Ok(everything_of(shown_answer(&session, path)?, None)),
    };
    for (name, input) in &recipe.inputs.traces {
        let traces = session.answers.iter().filter_map(|answer| answer.trace.as_ref());
        if let Some(trace) = answer_among(traces.map(|trace| (trace, trace.as_ref())), input) {
            given.traces.insert(name.clone(), Arc::clone(trace));
        }
    }
    Ok((recipe, given, folder))
}

/// The answer that a session shows for the image looked at; else the newest.
fn shown_answer(session: &Session, path: &Path) -> Result<Arc<Trace>, Failure> {
    let (image, shown) = (&session.state["image"], session.state["shown"].as_array());
    let is_shown =
        |about: &Value| about["question"]["image"] == *image && shown.is_some_and(|shown| shown.contains(&about["id"]));
    let answers = || session.answers.iter().filter_map(|answer| Some((&answer.about, answer.trace.as_ref()?)));
    let answer = answers().find(|(about, _)| is_shown(about)).or_else(|| answers().next_back());
    let answer = answer.ok_or_else(|| anyhow!("Expected a session with an answer, found none: {}", path.display()))?;
    Ok(Arc::clone(answer.1))
}
