//! What a right click on an image of the list offers.

use crate::data::dataset::Tag;
use crate::engine::ImageSource;
use crate::ui::core::command::{Command, CopyCommand, ListCommand};
use crate::ui::features::dataset::panel::PanelContext;
use eframe::egui;
use egui::{Button, Ui};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, idx: usize) {
    let state = cx.state;
    let Some(image) = state.library.images().get(idx) else { return };
    let mut chosen = None;
    let file = match &image.source {
        ImageSource::Path(path) => Some(path.as_path()),
        ImageSource::Bundled(_) => None,
    };
    let name = match &image.source {
        ImageSource::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
        ImageSource::Bundled(name) => name.clone(),
    };
    if ui.button("Copy the name").on_hover_text(&name).clicked() {
        chosen = Some(Command::Copy(CopyCommand::Name(name)));
    }
    if let Some(path) = file {
        if ui.button("Copy the path").on_hover_text(&image.detail).clicked() {
            chosen = Some(Command::Copy(CopyCommand::Path(path.to_owned())));
        }
        if ui.button("Show the folder").on_hover_text("In the file manager").clicked() {
            chosen = Some(Command::List(ListCommand::ShowFolder(path.to_owned())));
        }
    }
    if let Some((_, row)) = state.row_at(idx) {
        ui.separator();
        let notes = state.browse.notes.of(&row.key);
        let mut tags = vec![
            (Tag::Star, "Star".to_owned()),
            (Tag::Hallucinates, "Hallucinates".to_owned()),
            (Tag::AnnotationWrong, "Annotation wrong".to_owned()),
        ];
        tags.extend(
            state.browse.notes.own_tags().keys().map(|name| (Tag::Own((*name).to_owned()), (*name).to_owned())),
        );
        for (tag, label) in tags {
            if ui.add(Button::new(label).selected(notes.has(&tag))).clicked() {
                chosen = Some(Command::List(ListCommand::Tag(image.source.clone(), tag)));
            }
        }
        ui.separator();
        if ui.button("Remove from the list").on_hover_text("The file itself stays where it is").clicked() {
            chosen = Some(Command::List(ListCommand::Remove(image.source.clone())));
        }
    }
    if let Some(command) = chosen {
        cx.emit(command);
        ui.close();
    }
}
