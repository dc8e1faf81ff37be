//! A figure as a file: what was read from one, and what came of writing one.

use crate::figure::{MOST_FIGURE_BYTES, Recipe, recipe_of};
use crate::files::{self, reason};
use std::path::{Path, PathBuf};

/// A recipe of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedFigure {
    /// What it says.
    pub recipe: Recipe,
    /// The file.
    pub path: PathBuf,
    /// Files that the recipe names and that are not there.
    pub missing: Vec<String>,
}

/// What came of writing a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FigureSaved {
    /// It is there.
    Written {
        /// The file.
        path: PathBuf,
        /// The folder of the numbers, where they were wanted.
        data: Option<PathBuf>,
        /// Letters that the typeface lacks.
        missing_letters: String,
    },
    /// Another file has the name; nothing was written.
    Exists(PathBuf),
    /// Somebody stopped it; nothing was written.
    Stopped,
}

/// Reads the recipe of a figure, and looks for the files that it names.
pub(in crate::ui) fn open(path: &Path) -> Result<OpenedFigure, String> {
    let bytes = files::read(path, MOST_FIGURE_BYTES).map_err(|err| {
        format!("Expected a figure or a recipe that can be read, found \"{}\": {}", reason(&err), path.display())
    })?;
    let recipe = recipe_of(&bytes, path).map_err(|err| err.to_string())?;
    let missing = missing_files(&recipe, path.parent());
    Ok(OpenedFigure { recipe, path: path.to_owned(), missing })
}

/// Files that a recipe names and that are not there: a sentence each. `folder` is where relative paths are looked for.
pub(in crate::ui) fn missing_files(recipe: &Recipe, folder: Option<&Path>) -> Vec<String> {
    let inputs = &recipe.inputs;
    let traces = inputs.traces.values();
    let photos = traces.clone().map(|input| ("photo", Some(input.run.image_path.as_str())));
    let files = traces.map(|input| ("trace", input.file.as_deref()));
    let named = [
        ("photo", &inputs.images),
        ("annotations", &inputs.annotations),
        ("map", &inputs.maps),
        ("typeface", &inputs.fonts),
    ];
    let named =
        named.into_iter().flat_map(|(kind, files)| files.values().map(move |input| (kind, Some(input.file.as_str()))));
    let mut missing: Vec<String> = files
        .chain(photos)
        .chain(named)
        .filter_map(|(kind, file)| Some((kind, file?)))
        .filter(|(kind, file)| !is_there(kind, file, folder))
        .map(|(kind, file)| format!("The {kind} is not there: {file}"))
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

fn is_there(kind: &str, file: &str, folder: Option<&Path>) -> bool {
    let bundled = match kind {
        "photo" => crate::data::demo::image(file).is_some(),
        "annotations" => file == crate::figure::DEMO_ANNOTATIONS,
        _ => false,
    };
    bundled || Path::new(file).exists() || folder.is_some_and(|folder| folder.join(file).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_figure_is_one_sentence() {
        let why = open(Path::new("/no/such/figure.pdf")).expect_err("no such file");
        assert!(why.starts_with("Expected a figure or a recipe") && why.ends_with("figure.pdf"), "said: {why}");
    }
}
