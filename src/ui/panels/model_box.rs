//! The box for opening a model: a dialog, a path, a recent one, or the demo.

use super::PanelContext;
use crate::engine::ModelSource;
use crate::ui::command::Command;
use eframe::egui;
use egui::{Context, RichText, Ui};

pub(super) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.model {
        cx.memory.model_path_focused = false;
        return;
    }
    let modal = super::modal(ctx, "open model").show(ctx, |ui| {
        ui.set_width(520.0);
        ui.heading("Open a model");
        ui.label("A folder in the Hugging Face layout: config.json, tokenizer.json and safetensors weights of a LLaVA-1.5 style model, a CLIP or a DINOv2.");
        ui.add_space(8.0);
        path(ui, cx);
        if cx.memory.no_file_dialog {
            ui.colored_label(ui.visuals().warn_fg_color, "No file dialog on this machine: type a path above");
        }
        recent(ui, cx);
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            if ui.button("Choose a folder…").on_hover_text("A dialog of your system; if none appears, type the path above").clicked() {
                cx.emit(Command::PickModelFolder);
            }
            if ui.button("Open the demo model").on_hover_text("The tiny model that comes with the program").clicked() {
                cx.emit(Command::OpenDemoModel);
            }
            if ui.button("Demo CLIP").on_hover_text("The tiny CLIP that comes with the program: compares texts with a photo").clicked() {
                cx.emit(Command::OpenModel(ModelSource::DemoClip));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| ui.button("Cancel").clicked()).inner
        })
        .inner
    });
    if modal.inner || modal.should_close() {
        cx.emit(Command::CloseModelBox);
    }
}

fn path(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let label = ui.label("Path of the folder");
    ui.horizontal(|ui| {
        let width = ui.available_width() - 70.0;
        let edit = egui::TextEdit::singleline(&mut cx.memory.model_path).id_salt("model path").desired_width(width);
        let response = ui.add(edit).labelled_by(label.id);
        if !std::mem::replace(&mut cx.memory.model_path_focused, true) {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let typed = cx.memory.model_path.trim().trim_matches('"').to_owned();
        let clicked = ui.add_enabled(!typed.is_empty(), egui::Button::new("Open")).clicked();
        if (entered || clicked) && !typed.is_empty() {
            cx.emit(Command::OpenModel(ModelSource::Folder(typed.into())));
        }
    });
}

fn recent(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if cx.state.prefs.recent_models.is_empty() {
        return;
    }
    ui.add_space(8.0);
    ui.label(RichText::new("Opened lately").strong());
    for folder in cx.state.prefs.recent_models.clone() {
        if ui.link(folder.display().to_string()).clicked() {
            cx.emit(Command::OpenModel(ModelSource::Folder(folder)));
        }
    }
}
