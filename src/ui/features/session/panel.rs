//! Boxes of sessions: a path to save to or to open, files that were not found, what was left behind.

use crate::ui::core::command::{Command, SessionBox, SessionCommand};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::{Context, RichText, Ui};
use std::path::PathBuf;

/// Missing files that are listed by name.
const MOST_LISTED: usize = 200;
/// Height of a list, points: the box fits into the smallest window.
const LIST_HEIGHT_PT: f32 = 220.0;

pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    let Some(which) = cx.state.open.session else {
        cx.memory.session_path_focused = false;
        return;
    };
    let modal = crate::ui::features::context::modal(ctx, "session").show(ctx, |ui| {
        ui.set_width(560.0);
        match which {
            SessionBox::Save => save(ui, cx),
            SessionBox::Open => open(ui, cx),
            SessionBox::Missing => missing(ui, cx),
            SessionBox::Recovery => recovery(ui, cx),
            SessionBox::Replace => replace(ui, cx),
            SessionBox::Unsaved => unsaved(ui, cx),
        }
    });
    if modal.should_close() {
        emit(cx, SessionCommand::Close);
    }
}

fn emit(cx: &mut PanelContext<'_>, command: SessionCommand) {
    cx.emit(Command::Session(command));
}

/// The box with the path that a session is saved to.
pub(in crate::ui) const SAVE_BOX: &str = "File to save to";

/// A path and a button; what was typed, when it is entered.
fn path(ui: &mut Ui, cx: &mut PanelContext<'_>, name: &'static str, hint: &str, button: &str) -> Option<PathBuf> {
    let label = ui.label(name);
    ui.horizontal(|ui| {
        let width = ui.available_width() - 90.0;
        let typed = cx.memory.session_paths.entry(name).or_default();
        let edit = egui::TextEdit::singleline(typed).id_salt("session path").hint_text(hint);
        let response = ui.add(edit.desired_width(width)).labelled_by(label.id);
        if !std::mem::replace(&mut cx.memory.session_path_focused, true) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let typed = cx.memory.session_paths.get(name).map_or("", |typed| typed.trim().trim_matches('"')).to_owned();
        let clicked = ui.add_enabled(!typed.is_empty(), egui::Button::new(button)).clicked();
        // It stays until it was of use: what was mistyped is there to be mended.
        ((entered || clicked) && !typed.is_empty()).then(|| PathBuf::from(typed))
    })
    .inner
}

fn cancel(ui: &mut Ui, cx: &mut PanelContext<'_>, words: &str, tip: &str) {
    ui.add_space(10.0);
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
        if ui.button(words).on_hover_text(tip).clicked() {
            emit(cx, SessionCommand::Close);
        }
    });
}

fn no_dialog(ui: &mut Ui, cx: &PanelContext<'_>) {
    if cx.memory.no_file_dialog {
        ui.colored_label(ui.visuals().warn_fg_color, "No file dialog on this machine: type a path");
    }
}

fn save(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.heading("Save the session");
    ui.label("Answers with their attention, the selection and the panels.");
    ui.label("Photos, annotations and models are stored as paths.");
    ui.add_space(8.0);
    no_dialog(ui, cx);
    if let Some(path) = path(ui, cx, SAVE_BOX, "/path/to/session.gazelens", "Save") {
        emit(cx, SessionCommand::SaveTyped(path));
    }
    let typed = cx.memory.session_paths.get(SAVE_BOX);
    if let Some((_, why)) = cx.memory.not_saved.as_ref().filter(|(failed, _)| Some(failed) == typed) {
        ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().error_fg_color)).wrap());
    }
    cancel(ui, cx, "Cancel", "Nothing is saved");
}

fn replace(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(path) = cx.state.session.replaces.clone() else {
        emit(cx, SessionCommand::Close);
        return;
    };
    ui.heading("Replace this file?");
    ui.label(format!("There is a file of this name already: {}", path.display()));
    ui.add_space(8.0);
    if ui.button("Replace it").on_hover_text("Saves the session in its place").clicked() {
        emit(cx, SessionCommand::SaveTo(path));
    }
    cancel(ui, cx, "Cancel", "Nothing is saved");
}

fn open(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.heading("Open a session");
    ui.label("Everything as it was when it was saved. What is open now is kept until you leave.");
    ui.add_space(8.0);
    no_dialog(ui, cx);
    if let Some(path) = path(ui, cx, "Session file", "/path/to/session.gazelens", "Open") {
        emit(cx, SessionCommand::OpenFile(path));
    }
    cancel(ui, cx, "Cancel", "Nothing changes");
}

fn missing(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let missing = &cx.state.session.missing;
    ui.heading(format!("{} not found", count(missing.len(), "file")));
    ui.label(
        "Answers are in the session and can be looked at without their photos. Files are found again by their \
        names in the folder you choose and those below it.",
    );
    ui.add_space(8.0);
    let list = egui::ScrollArea::vertical().id_salt("missing").max_height(LIST_HEIGHT_PT).auto_shrink([false, true]);
    list.show(ui, |ui| {
        for (what, path) in missing.iter().take(MOST_LISTED) {
            ui.label(RichText::new(format!("{what}: {}", path.display())).small());
        }
        if missing.len() > MOST_LISTED {
            ui.weak(format!("and {} more", missing.len() - MOST_LISTED));
        }
    });
    let model_is_missing = missing.model.is_some();
    ui.add_space(8.0);
    no_dialog(ui, cx);
    if let Some(folder) = path(ui, cx, "Folder to look in", "/path/to/a/folder", "Look there") {
        emit(cx, SessionCommand::LookIn(folder));
    }
    if let Some(progress) = &cx.state.browse.opening {
        ui.weak(&progress.what);
    }
    ui.horizontal(|ui| {
        let tip = "A dialog of your system; if none appears, type the path above";
        if ui.button("Locate folder…").on_hover_text(tip).clicked() {
            emit(cx, SessionCommand::PickFolder);
        }
        let tip = "Another model, or the same one of the hub";
        if model_is_missing && ui.button("Open a model…").on_hover_text(tip).clicked() {
            emit(cx, SessionCommand::Close);
            cx.emit(Command::OpenModelBox);
        }
    });
    cancel(ui, cx, "Continue without", "Answers can still be looked at");
}

fn unsaved(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.heading(cx.state.unsaved_words());
    ui.label("A session keeps answers with their attention, so that they need not be asked again.");
    ui.add_space(10.0);
    ui.horizontal(|ui| {
        if ui.button("Save and quit").on_hover_text("Saves the session and closes the window").clicked() {
            emit(cx, SessionCommand::SaveAndQuit);
        }
        if ui.button("Quit without saving").on_hover_text("The answers are gone then").clicked() {
            emit(cx, SessionCommand::QuitAnyway);
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            if ui.button("Cancel").on_hover_text("The window stays open").clicked() {
                emit(cx, SessionCommand::Close);
            }
        });
    });
}

fn recovery(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.heading("gazelens closed unexpectedly");
    ui.label("Restore your work?");
    ui.add_space(8.0);
    let list =
        egui::ScrollArea::vertical().id_salt("left behind").max_height(LIST_HEIGHT_PT).auto_shrink([false, true]);
    let offers = cx.state.session.offers.clone();
    let only = offers.len() == 1;
    list.show(ui, |ui| {
        for (number, offer) in offers.into_iter().enumerate() {
            ui.horizontal(|ui| {
                ui.label(&offer.words).on_hover_text(offer.path.display().to_string());
                let name = |what: &str| if only { what.to_owned() } else { format!("{what} {}", number + 1) };
                let tip = "Opens it; what is open now is kept until you leave";
                if ui.button(name("Restore")).on_hover_text(tip).clicked() {
                    emit(cx, SessionCommand::Restore(offer.path.clone()));
                }
                if ui.button(name("Discard")).on_hover_text("Deletes it").clicked() {
                    emit(cx, SessionCommand::Discard(offer.path));
                }
            });
        }
    });
    cancel(ui, cx, "Later", "Asks again at the next start");
}
