//! Dialogs of the desktop, each on a thread of its own.

use crate::data;
use crate::engine::ModelSource;
use crate::ui::core::command::{Command, ParameterPlace, PromptingCommand, SessionCommand};
use crate::ui::shell::jobs::{Jobs, Wanted};
use std::path::PathBuf;

/// The dialog asked about the name as it was typed: an ending is ours.
fn saved_to(path: PathBuf) -> Command {
    let save = if path.extension().is_some() { SessionCommand::SaveTo } else { SessionCommand::SaveTyped };
    Command::Session(save(path))
}

impl Jobs {
    /// A dialog for photos.
    pub(in crate::ui) fn pick_images(&mut self) {
        self.spawn_dialog(Wanted::Images, |dialog| {
            dialog
                .set_title("Open photos")
                .add_filter("Photos", data::library::EXTENSIONS)
                .pick_files()
                .map(Command::AddPaths)
        });
    }

    /// A dialog for a folder of photos.
    pub(in crate::ui) fn pick_image_folder(&mut self) {
        self.spawn_dialog(Wanted::Images, |dialog| {
            let folder = dialog.set_title("Open a folder of photos").pick_folder()?;
            Some(Command::AddPaths(vec![folder]))
        });
    }

    /// A dialog for a model folder.
    pub(in crate::ui) fn pick_model_folder(&mut self) {
        self.spawn_dialog(Wanted::Model, |dialog| {
            dialog
                .set_title("Open a model folder (Hugging Face layout)")
                .pick_folder()
                .map(|folder| Command::OpenModel(ModelSource::Folder(folder)))
        });
    }

    /// A dialog for the folder of a CLIP.
    pub(in crate::ui) fn pick_clip_folder(&mut self) {
        self.spawn_dialog(Wanted::Clip, |dialog| {
            dialog
                .set_title("Choose a CLIP folder (Hugging Face layout)")
                .pick_folder()
                .map(|folder| Command::Prompting(PromptingCommand::Clip(folder)))
        });
    }

    /// A dialog for a file that a parameter of a method names.
    pub(in crate::ui) fn pick_parameter_file(&mut self, place: ParameterPlace) {
        self.spawn_dialog(Wanted::Parameter, move |dialog| {
            let dialog = dialog.set_title(format!("Choose the file for {} of {}", place.name, place.method));
            dialog.pick_file().map(|path| Command::GiveParameter(place, place.value_of(&path)))
        });
    }

    /// A dialog for a place to save to.
    pub(in crate::ui) fn pick_save(&mut self, name: String) {
        self.spawn_dialog(Wanted::Save, move |dialog| {
            let dialog = dialog.set_title("Save the session").set_file_name(name);
            dialog.add_filter("Sessions of gazelens", &[crate::session::EXTENSION]).save_file().map(saved_to)
        });
    }

    /// A dialog for a session.
    pub(in crate::ui) fn pick_session(&mut self) {
        self.spawn_dialog(Wanted::Session, |dialog| {
            let dialog = dialog.set_title("Open a session");
            dialog
                .add_filter("Sessions of gazelens", &[crate::session::EXTENSION])
                .pick_file()
                .map(|path| Command::Session(SessionCommand::OpenFile(path)))
        });
    }

    /// A dialog for a folder with missing files.
    pub(in crate::ui) fn pick_place(&mut self) {
        self.spawn_dialog(Wanted::Place, |dialog| {
            dialog
                .set_title("Where are the missing files?")
                .pick_folder()
                .map(|folder| Command::Session(SessionCommand::LookIn(folder)))
        });
    }

    /// A dialog for annotation files.
    pub(in crate::ui) fn pick_annotations(&mut self) {
        self.spawn_dialog(Wanted::Images, |dialog| {
            dialog
                .set_title("Open annotations (COCO instances or captions, POPE questions)")
                .add_filter("Annotations", &["json", "jsonl"])
                .pick_files()
                .map(Command::AddPaths)
        });
    }
}
