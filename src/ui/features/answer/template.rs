//! The chat template around the question.

use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::{RichText, Ui};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &PanelContext<'_>) {
    let Some(info) = &cx.state.model.info else { return };
    let frame = egui::Frame::new().fill(ui.visuals().extreme_bg_color).corner_radius(4.0).inner_margin(6.0);
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        if cx.state.ask.raw {
            ui.weak(
                "The question goes to the model exactly as it is typed; it needs one <image> where the photo stands.",
            );
            return;
        }
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let mono = |text: &str| RichText::new(text.replace('\n', "\\n\n")).monospace();
            ui.label(mono(&info.template_before).weak());
            let text = if cx.state.ask.text.trim().is_empty() { "your question" } else { cx.state.ask.text.trim() };
            ui.label(mono(text).color(crate::ui::widgets::theme::accent(ui.visuals())));
            ui.label(mono(&info.template_after).weak());
        });
    });
}
