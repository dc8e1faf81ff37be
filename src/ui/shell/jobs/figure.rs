//! Work for the figure that is being put together: dialogs, hashing, writing and reading.

use crate::figure::{Watch, file_input, font_input, photo_input};
use crate::ui::core::command::{Command, FigureCommand};
use crate::ui::features::figure::preview::Written;
use crate::ui::features::figure::{files as figure_files, preview as figures};
use crate::ui::features::{FigureWish, FileWish, InputKind, Progress};
use crate::ui::shell::jobs::{JobDone, Jobs, Wanted};
use std::path::PathBuf;

impl Jobs {
    /// A dialog for where a figure is written.
    pub(in crate::ui) fn pick_figure_file(&mut self) {
        self.spawn_dialog(Wanted::Figure, |dialog| {
            let dialog = dialog.set_title("Save the figure").set_file_name("figure.pdf");
            let dialog = dialog.add_filter("Figures and pages", &["pdf", "svg", "png", "html"]);
            dialog.save_file().map(|path| Command::Figure(FigureCommand::Save(path, true)))
        });
    }

    /// A dialog for a figure or a recipe.
    pub(in crate::ui) fn pick_figure_source(&mut self) {
        self.spawn_dialog(Wanted::Figure, |dialog| {
            let dialog = dialog.set_title("Open a figure or recipe");
            dialog
                .add_filter("Figures and recipes", &["pdf", "svg", "png", "json"])
                .pick_file()
                .map(|path| Command::Figure(FigureCommand::Open(path)))
        });
    }

    /// A dialog for a typeface.
    pub(in crate::ui) fn pick_typeface(&mut self) {
        self.spawn_dialog(Wanted::Figure, |dialog| {
            let dialog = dialog.set_title("Typeface of the figure");
            dialog
                .add_filter("Fonts", &["ttf", "otf", "ttc", "otc"])
                .pick_file()
                .map(|path| Command::Figure(FigureCommand::Typeface(Some(path))))
        });
    }

    /// Writes a figure or a page.
    pub(in crate::ui) fn save_figure(&mut self, what: Written, path: PathBuf, replace: bool) {
        self.runner.spawn_on(&self.figure, "gazelens-figure-file", true, move |stop, tell| {
            JobDone::FigureSaved(figures::write(&what, &path, replace, &mut Watch::new(stop, tell)))
        });
    }

    /// Stops writing the figure.
    pub(in crate::ui) fn stop_figure(&self) {
        self.figure.stop();
    }

    /// How far writing the figure is.
    pub(in crate::ui) fn figure_progress(&self) -> Option<Progress> {
        self.figure.progress()
    }

    /// Reads the recipe of a figure.
    pub(in crate::ui) fn open_figure(&mut self, path: PathBuf) {
        self.spawn("gazelens-figure-file", move || Some(JobDone::FigureOpened(Box::new(figure_files::open(&path)))));
    }

    /// Hashes files for the figure.
    pub(in crate::ui) fn hash_figure_inputs(&mut self, wish: Box<FigureWish>) {
        self.spawn("gazelens-figure-file", move || {
            let input = |file: &FileWish| match file.kind {
                InputKind::Photo => photo_input(&file.path),
                InputKind::Annotations => file_input(&file.path),
                InputKind::Typeface => font_input(&file.path),
            };
            let hashed = wish.files.iter().map(input).collect::<Result<Vec<_>, _>>().map_err(|err| err.to_string());
            Some(JobDone::FigureInputsHashed(wish, hashed))
        });
    }
}
