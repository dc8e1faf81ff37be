//! Dialogs of studies, and their work in the background.

use crate::study::PairsFile;
use crate::ui::core::command::{Command, PairsCommand, ReportForm, StudyCommand};
use crate::ui::features::study::files::StudyDone;
use crate::ui::shell::jobs::{JobDone, Jobs, Wanted};
use std::path::{Path, PathBuf};

impl Jobs {
    /// Something that studies need.
    pub(in crate::ui) fn study(&mut self, work: impl FnOnce() -> StudyDone + Send + 'static) {
        self.spawn("gazelens-study", move || Some(JobDone::Study(work())));
    }

    /// Reads a file of pairs of photos.
    pub(in crate::ui) fn read_pairs(&mut self, path: PathBuf) {
        let read = move || PairsFile::read(&path).map_err(|err| err.to_string());
        self.spawn("gazelens-pairs-file", move || Some(JobDone::PairsRead(Box::new(read()))));
    }

    /// A dialog for a file of pairs of photos.
    pub(in crate::ui) fn pick_pairs(&mut self) {
        self.spawn_dialog(Wanted::Pairs, |dialog| {
            let dialog = dialog.set_title("Open pairs of photos").add_filter("Pairs", &["jsonl"]);
            dialog.pick_file().map(|path| Command::Pairs(PairsCommand::Open(path)))
        });
    }

    /// A dialog for the folder of a run.
    pub(in crate::ui) fn pick_run(&mut self) {
        self.spawn_dialog(Wanted::Study, |dialog| {
            let folder = dialog.set_title("Open the folder of a run").pick_folder()?;
            Some(Command::Study(StudyCommand::Open(folder)))
        });
    }

    /// A dialog for a study.
    pub(in crate::ui) fn pick_study(&mut self) {
        self.spawn_dialog(Wanted::Study, |dialog| {
            let dialog = dialog.set_title("Open a study").add_filter("Studies", &["toml"]);
            dialog.pick_file().map(|path| Command::Study(StudyCommand::OpenFile(path)))
        });
    }

    /// A dialog for where to save a study.
    pub(in crate::ui) fn pick_study_place(&mut self, file: &Path) {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let folder = file.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned);
        self.spawn_dialog(Wanted::Study, move |dialog| {
            let dialog = dialog.set_title("Save the study").add_filter("Studies", &["toml"]).set_file_name(name);
            let dialog = folder.iter().fold(dialog, rfd::FileDialog::set_directory);
            let place = |path| Command::Study(StudyCommand::Save(with_ending(path, "toml")));
            dialog.save_file().map(place)
        });
    }

    /// A dialog for the folder of the rows.
    pub(in crate::ui) fn pick_rows_folder(&mut self) {
        self.spawn_dialog(Wanted::Study, |dialog| {
            let folder = dialog.set_title("Choose the folder of the rows").pick_folder()?;
            Some(Command::Study(StudyCommand::SetOut(folder)))
        });
    }

    /// A dialog for where to save a table.
    pub(in crate::ui) fn pick_table_place(&mut self, form: ReportForm, name: String) {
        self.spawn_dialog(Wanted::Study, move |dialog| {
            let dialog = dialog.set_title("Save the table").add_filter(form.label(), &[form.ending()]);
            let place = |path| Command::Study(StudyCommand::SaveTable(form, with_ending(path, form.ending())));
            dialog.set_file_name(name).save_file().map(place)
        });
    }

    /// A dialog for where to save bars as a figure.
    pub(in crate::ui) fn pick_study_figure(&mut self, name: String) {
        self.spawn_dialog(Wanted::Study, move |dialog| {
            let dialog = dialog.set_title("Save the bars as a figure");
            let dialog = dialog.add_filter("Figures", &["pdf", "svg", "png"]).set_file_name(name);
            let place = |path| Command::Study(StudyCommand::SaveFigure(with_ending(path, "pdf")));
            dialog.save_file().map(place)
        });
    }
}

/// A name without an ending gets one.
fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    if path.extension().is_some() { path } else { path.with_extension(ending) }
}
