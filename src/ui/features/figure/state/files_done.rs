//! What came of work on a figure that was done on a thread.

use crate::figure::{html, recipe_beside};
use crate::ui::core::command::{Command, CopyCommand};
use crate::ui::core::pane::Pane;
use crate::ui::features::figure::files::{FigureSaved, OpenedFigure};
use crate::ui::features::figure::state::FigureBuilder;
use crate::ui::features::{AppState, Effect};
use std::path::Path;
use std::sync::Arc;

/// What came of the last thing that was done: it stands below the figure until the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FigureOutcome {
    /// One sentence.
    pub text: String,
    /// What else there is to know.
    pub advice: String,
    /// Whether it went wrong.
    pub is_problem: bool,
}

impl FigureBuilder {
    pub(super) fn tell(&mut self, text: String, advice: String) {
        self.outcome = Some(FigureOutcome { text, advice, is_problem: false });
    }

    pub(super) fn tell_problem(&mut self, text: String) {
        self.outcome = Some(FigureOutcome { text, advice: String::new(), is_problem: true });
    }
}

impl AppState {
    /// A figure was written, or was not.
    pub fn figure_saved(&mut self, saved: Result<FigureSaved, String>) {
        let figure = &mut self.figure;
        (figure.work, figure.progress) = (None, None);
        match saved {
            Err(why) => figure.tell_problem(why),
            Ok(FigureSaved::Exists(path)) => figure.exists = Some(path),
            Ok(FigureSaved::Stopped) => figure.tell("Stopped: nothing was written".to_owned(), String::new()),
            Ok(FigureSaved::Written { path, data, missing_letters }) => {
                let recipe = (!html::is_page(&path)).then(|| format!("Its recipe: {}", recipe_beside(&path).display()));
                let data = data.map(|folder| format!("Its numbers: {}", folder.display()));
                let mut advice = recipe.into_iter().chain(data).collect::<Vec<_>>().join(". ");
                if !missing_letters.is_empty() {
                    advice = format!("No typeface has {missing_letters}: boxes stand in their place. {advice}");
                }
                figure.tell(format!("Written: {}", path.display()), advice.trim().to_owned());
                if !figure.visible {
                    // Nobody sees what stands in the pane.
                    let action = Some(("Copy path".to_owned(), Command::Copy(CopyCommand::Path(path.clone()))));
                    self.toasts.push_with(format!("Written: {}", path.display()), action);
                }
            }
        }
    }

    /// A figure or a recipe was opened.
    pub fn figure_opened(&mut self, opened: Result<OpenedFigure, String>) -> Vec<Effect> {
        let before = self.look();
        self.figure.work = None;
        let effects = match opened {
            Err(why) => {
                self.figure.tell_problem(why);
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
        };
        self.remember_figure(before);
        effects
    }
}
