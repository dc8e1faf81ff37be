//! What came of work on a figure that was done on a thread.

use super::{FigureBuilder, names};
use crate::figure::Recipe;
use crate::figure::recipe::{FileInput, Panel};
use crate::ui::command::Command;
use crate::ui::layout::Pane;
use crate::ui::state::{AppState, CopyCommand, Effect, Severity, Until};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
}

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

impl AppState {
    /// A file of annotations was hashed for the panel that waits for it.
    pub fn annotations_hashed(&mut self, name: String, hashed: Result<FileInput, String>, panel: Panel) -> Vec<Effect> {
        self.figure.work = None;
        match hashed {
            Ok(input) => {
                let mut used = BTreeSet::new();
                names(&panel.show, &mut used);
                used.remove(&name);
                if used.iter().any(|of| !self.figure.recipe.inputs.traces.contains_key(of)) {
                    return Vec::new(); // the figure was cleared meanwhile
                }
                self.figure.change(|recipe| {
                    recipe.inputs.annotations.insert(name, input);
                    recipe.panels.push(panel);
                });
                vec![Effect::BringToFront(Pane::Figure)]
            }
            Err(why) => {
                self.notices.push((Severity::Error, Until::Dismissed), why, "", None);
                Vec::new()
            }
        }
    }

    /// A figure was written, or was not.
    pub fn figure_saved(&mut self, saved: Result<FigureSaved, String>) {
        self.figure.work = None;
        match saved {
            Err(why) => self.notices.push((Severity::Error, Until::Dismissed), why, "", None),
            Ok(FigureSaved::Exists(path)) => self.figure.exists = Some(path),
            Ok(FigureSaved::Written { path, data, missing_letters }) => {
                if !missing_letters.is_empty() {
                    let text = format!("The typeface has no {missing_letters}: boxes stand in their place");
                    self.notices.push((Severity::Warning, Until::OtherPhoto), text, "", None);
                }
                let numbers = data.map_or_else(String::new, |folder| format!(", its numbers: {}", folder.display()));
                let action = Some(("Copy path".to_owned(), Command::Copy(CopyCommand::Path(path.clone()))));
                self.toasts.push_with(format!("Written: {}{numbers}", path.display()), action);
            }
        }
    }

    /// A figure or a recipe was opened.
    pub fn figure_opened(&mut self, opened: Result<OpenedFigure, String>) -> Vec<Effect> {
        self.figure.work = None;
        match opened {
            Err(why) => {
                self.notices.push((Severity::Error, Until::Dismissed), why, "", None);
                Vec::new()
            }
            Ok(OpenedFigure { recipe, path, missing }) => {
                self.figure = FigureBuilder {
                    recipe: Arc::new(recipe),
                    missing_files: missing,
                    folder: path.parent().map(Path::to_owned),
                    data_too: self.figure.data_too,
                    visible: self.figure.visible,
                    ..FigureBuilder::default()
                };
                vec![Effect::BringToFront(Pane::Figure)]
            }
        }
    }
}
