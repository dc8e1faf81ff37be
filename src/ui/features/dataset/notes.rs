//! Tags and a note about the photo.

use crate::data::dataset::{PhotoPlace, Tag};
use crate::ui::core::command::{Command, NotesEdit};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{empty, named};
use eframe::egui;
use egui::Ui;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(notes) = cx.state.current_notes().cloned() else { return empty(ui, "No photo", "") };
    // Above the tags, so that another tag does not move it away from the pointer.
    let mut text = notes.note.clone();
    let edit = egui::TextEdit::multiline(&mut text).id_salt("note").desired_rows(1).hint_text("Note about this photo");
    let response = ui.add(edit.desired_width(f32::INFINITY));
    named(ui, &response, "Note about this photo");
    if response.changed() {
        cx.emit(Command::EditNotes(NotesEdit::Text(text)));
    }
    let photo = cx.state.current_row().and_then(|(_, row)| row.photo.clone());
    let kept_in = photo.and_then(|photo| match photo {
        PhotoPlace::File(path) => cx.state.browse.notes.kept_in(&path),
        PhotoPlace::Bundled(_) => None,
    });
    let place = match kept_in {
        Some(path) => format!("Tags and notes are kept in {}", path.display()),
        None => "Tags and notes of the bundled photos are kept with your settings".to_owned(),
    };
    response.on_hover_text(place);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 3.0;
        for (tag, label, help) in [
            (Tag::Star, "★ star", "Worth coming back to"),
            (Tag::Hallucinates, "hallucinates", "The answer names what is not there"),
            (Tag::AnnotationWrong, "annotation wrong", "The ground truth is wrong"),
        ] {
            if ui.selectable_label(notes.has(&tag), label).on_hover_text(help).clicked() {
                cx.emit(Command::EditNotes(NotesEdit::Toggle(tag)));
            }
        }
        let own = cx.state.browse.notes.own_tags();
        for name in own.keys() {
            let tag = Tag::Own((*name).to_owned());
            if ui.selectable_label(notes.has(&tag), *name).on_hover_text("A tag of your own").clicked() {
                cx.commands.push(Command::EditNotes(NotesEdit::Toggle(tag)));
            }
        }
        new_tag(ui, cx);
    });
}

fn new_tag(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let edit =
        egui::TextEdit::singleline(&mut cx.memory.new_tag).id_salt("new tag").hint_text("+ tag").desired_width(56.0);
    let response = ui.add(edit).on_hover_text("A tag of your own: type it and press Enter");
    named(ui, &response, "New tag");
    if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
        let name = std::mem::take(&mut cx.memory.new_tag).trim().to_owned();
        if !name.is_empty() && !cx.state.current_notes().is_some_and(|notes| notes.tags.contains(&name)) {
            cx.emit(Command::EditNotes(NotesEdit::Toggle(Tag::Own(name))));
        }
    }
}
