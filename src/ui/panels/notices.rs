//! Messages: one sentence, what to do next, and a way to dismiss it.

use eframe::egui;
use super::PanelContext;
use crate::ui::command::Command;
use crate::ui::state::{Notice, Severity};
use egui::{Frame, Panel, RichText, Ui};

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let notices: Vec<Notice> = cx.state.notices.iter().cloned().collect();
    for notice in notices {
        let colour = match notice.severity {
            Severity::Info => crate::ui::theme::accent(ui.visuals()),
            Severity::Warning => ui.visuals().warn_fg_color,
            Severity::Error => ui.visuals().error_fg_color,
        };
        let fill = egui::Color32::from(egui::Rgba::from(ui.visuals().panel_fill) * 0.9 + egui::Rgba::from(colour) * 0.1);
        let frame = Frame::new().fill(fill).inner_margin(egui::Margin::symmetric(10, 5));
        Panel::top(("notice", notice.id)).frame(frame).show(ui, |ui| one(ui, &notice, colour, cx));
    }
}

fn one(ui: &mut Ui, notice: &Notice, colour: egui::Color32, cx: &mut PanelContext<'_>) {
    ui.horizontal(|ui| {
        let word = match notice.severity {
            Severity::Info => "Note",
            Severity::Warning => "Warning",
            Severity::Error => "Error",
        };
        ui.label(RichText::new(word).color(colour).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.small_button("Dismiss").clicked() {
                cx.emit(Command::Dismiss(notice.id));
            }
            if let Some((label, command)) = &notice.action
                && ui.small_button(label.as_str()).clicked()
            {
                cx.emit(command.clone());
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center).with_main_wrap(true), |ui| {
                ui.label(&notice.text);
                if !notice.advice.is_empty() {
                    ui.label(RichText::new(&notice.advice).weak());
                }
            });
        });
    });
}
