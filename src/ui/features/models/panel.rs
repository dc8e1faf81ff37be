//! The box for opening a model: a path or a hub id, the bundled ones, those opened lately, those in the hub's cache,
//! and well-known ones of the hub.

use crate::engine::ModelSource;
use crate::ui::core::command::Command;
use crate::ui::features::Needs;
use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::{Context, RichText, Ui};

/// Height of the list, points: the box fits into the smallest window.
const LIST_HEIGHT_PT: f32 = 290.0;

pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.model {
        cx.memory.model_path_focused = false;
        return;
    }
    let modal = crate::ui::features::context::modal(ctx, "open model").show(ctx, |ui| {
        ui.set_width(620.0);
        ui.heading("Open a model");
        ui.label(
            "A LLaVA-1.5 style model, a CLIP or a DINOv2: a folder in the Hugging Face layout, a GGUF decoder \
            with its projector beside it, or a model of the hub by its id.",
        );
        ui.add_space(8.0);
        path(ui, cx);
        if cx.memory.no_file_dialog {
            ui.colored_label(ui.visuals().warn_fg_color, "No file dialog on this machine: type a path above");
        }
        ui.add_space(8.0);
        egui::ScrollArea::vertical().id_salt("models").max_height(LIST_HEIGHT_PT).auto_shrink([false, true]).show(
            ui,
            |ui| {
                bundled(ui, cx);
                recent(ui, cx);
                cached(ui, cx);
                known(ui, cx);
            },
        );
        ui.add_space(10.0);
        ui.horizontal(|ui| {
            let tip = "A dialog of your system; if none appears, type the path above";
            if ui.button("Choose a folder…").on_hover_text(tip).clicked() {
                cx.emit(Command::PickModelFolder);
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
    let label = ui.label("Folder, GGUF file or hub id");
    ui.horizontal(|ui| {
        let width = ui.available_width() - 70.0;
        let edit = egui::TextEdit::singleline(&mut cx.memory.model_path)
            .id(crate::ui::features::commands::ahead::model_box())
            .hint_text("/path/to/a/model or llava-hf/llava-1.5-7b-hf")
            .desired_width(width);
        let response = ui.add(edit).labelled_by(label.id);
        if !std::mem::replace(&mut cx.memory.model_path_focused, true) {
            response.request_focus();
            // What was typed last time is replaced by what is typed now.
            let mut state = egui::TextEdit::load_state(ui.ctx(), response.id).unwrap_or_default();
            let end = egui::text::CCursor::new(cx.memory.model_path.chars().count());
            state.cursor.set_char_range(Some(egui::text::CCursorRange::two(egui::text::CCursor::default(), end)));
            state.store(ui.ctx(), response.id);
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
        let typed = cx.memory.model_path.trim().trim_matches('"').to_owned();
        let clicked = ui.add_enabled(!typed.is_empty(), egui::Button::new("Open")).clicked();
        if (entered || clicked) && !typed.is_empty() {
            cx.emit(Command::OpenModel(ModelSource::named(&typed)));
        }
    });
}

/// A model of the list: its name opens it, what it costs stands beside it.
fn entry(ui: &mut Ui, cx: &mut PanelContext<'_>, name: &str, tip: &str, needs: Option<&Needs>, command: Command) {
    ui.horizontal_wrapped(|ui| {
        if ui.link(name).on_hover_text(tip).clicked() {
            cx.emit(command);
        }
        if let Some(Needs { words, too_little }) = needs {
            ui.label(RichText::new(words).weak().small());
            if let Some(too_little) = too_little {
                ui.label(RichText::new(too_little).color(ui.visuals().warn_fg_color).small());
            }
        }
    });
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).strong());
}

fn bundled(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    heading(ui, "Bundled");
    let answers = "The tiny model that comes with the program";
    entry(ui, cx, "Demo model", answers, None, Command::OpenDemoModel);
    let compares = "The tiny CLIP that comes with the program: compares texts with a photo";
    entry(ui, cx, "Demo CLIP", compares, None, Command::OpenModel(ModelSource::DemoClip));
}

fn recent(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if cx.state.prefs.recent_models.is_empty() {
        return;
    }
    heading(ui, "Recently opened");
    for name in cx.state.prefs.recent_models.clone() {
        entry(ui, cx, &name, "Open it again", None, Command::OpenModel(ModelSource::named(&name)));
    }
}

fn cached(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let models_at_hand = &cx.state.models_at_hand;
    let models: Vec<_> =
        models_at_hand.cached.iter().map(|model| (model.clone(), models_at_hand.needs_of_cached(model))).collect();
    if models.is_empty() {
        return;
    }
    heading(ui, "In the hub's cache");
    for (model, needs) in models {
        let tip = match &model.model_type {
            Some(model_type) => format!("{model_type}, in {}", model.folder.display()),
            None => model.folder.display().to_string(),
        };
        let open = Command::OpenModel(ModelSource::Hub { id: model.id.clone(), folder: None });
        entry(ui, cx, &model.id.to_string(), &tip, Some(&needs), open);
    }
}

fn known(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let models_at_hand = &cx.state.models_at_hand;
    let models: Vec<_> =
        models_at_hand.to_download().map(|model| (model, models_at_hand.needs_of_known(model))).collect();
    if models.is_empty() {
        return;
    }
    heading(ui, "On the hub");
    for (model, needs) in models {
        let tip = format!("{}: downloads {}", model.help, model.id);
        entry(ui, cx, model.label, &tip, Some(&needs), Command::OpenModel(ModelSource::named(model.id)));
    }
}
