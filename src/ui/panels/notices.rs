//! Messages over the photo: one sentence, what to do next, and a way to dismiss it.

use super::PanelContext;
use crate::ui::command::Command;
use crate::ui::state::{Notice, Severity};
use eframe::egui;
use egui::{Area, Color32, Context, Frame, Order, Rgba, RichText, Ui, vec2};

/// Most of the photo's height that messages may cover.
const MOST_OF_PHOTO: f32 = 0.45;
/// Narrower than this, buttons stand below the sentence instead of beside it.
const NARROW_PT: f32 = 420.0;

/// Over the top of the photo: a message that moved the panels would move what is about to be clicked.
pub(super) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    let (shown, more) = cx.state.notices.shown(cx.memory.all_notices);
    let notices: Vec<Notice> = shown.into_iter().cloned().collect();
    if notices.is_empty() {
        return;
    }
    cx.memory.all_notices &= more > 0;
    let place =
        cx.memory.photo_rect.or(cx.memory.notices_rect).unwrap_or_else(|| ctx.content_rect().shrink2(vec2(8.0, 40.0)));
    let area = Area::new(egui::Id::unique("notices")).order(Order::Middle).fixed_pos(place.min);
    area.show(ctx, |ui| {
        ui.set_width(place.width());
        let most = (place.height() * MOST_OF_PHOTO).max(60.0);
        egui::ScrollArea::vertical()
            .max_height(most)
            .min_scrolled_height(most)
            .show(ui, |ui| all(ui, notices, more, cx));
    });
}

fn all(ui: &mut Ui, notices: Vec<Notice>, more: usize, cx: &mut PanelContext<'_>) {
    if notices.len() > 1 || more > 0 {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
            if ui.small_button("Dismiss all").on_hover_text("Dismisses all messages").clicked() {
                cx.emit(Command::DismissAll);
            }
            let (text, help) = match (cx.memory.all_notices, more) {
                (_, 0) => return,
                (true, _) => ("Show fewer".to_owned(), "Shows the offers and the newest message"),
                (false, 1) => ("Show 1 more message".to_owned(), "Lists all messages"),
                (false, _) => (format!("Show {more} more messages"), "Lists all messages"),
            };
            if ui.small_button(text).on_hover_text(help).clicked() {
                cx.memory.all_notices ^= true;
            }
        });
    }
    for notice in notices {
        let colour = match notice.severity {
            Severity::Info => crate::ui::theme::accent(ui.visuals()),
            Severity::Warning => ui.visuals().warn_fg_color,
            Severity::Error => ui.visuals().error_fg_color,
        };
        let fill = Color32::from(Rgba::from(ui.visuals().panel_fill) * 0.9 + Rgba::from(colour) * 0.1);
        let frame = Frame::new().fill(fill).corner_radius(4.0).inner_margin(egui::Margin::symmetric(10, 5));
        frame.stroke(egui::Stroke::new(1.0, colour)).show(ui, |ui| {
            ui.push_id(notice.id, |ui| one(ui, &notice, colour, cx));
        });
    }
}

fn one(ui: &mut Ui, notice: &Notice, colour: egui::Color32, cx: &mut PanelContext<'_>) {
    let word = match notice.severity {
        Severity::Info => "Note",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    };
    if ui.available_width() < NARROW_PT || !notice.more.is_empty() {
        ui.label(RichText::new(word).color(colour).strong());
        ui.label(&notice.text);
        if !notice.advice.is_empty() {
            ui.label(RichText::new(&notice.advice).weak());
        }
        ui.horizontal_wrapped(|ui| buttons(ui, notice, cx));
        return;
    }
    ui.horizontal(|ui| {
        ui.label(RichText::new(word).color(colour).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            buttons(ui, notice, cx);
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center).with_main_wrap(true), |ui| {
                ui.label(&notice.text);
                if !notice.advice.is_empty() {
                    ui.label(RichText::new(&notice.advice).weak());
                }
            });
        });
    });
}

fn buttons(ui: &mut Ui, notice: &Notice, cx: &mut PanelContext<'_>) {
    if ui.small_button("Dismiss").clicked() {
        cx.emit(Command::Dismiss(notice.id));
    }
    for (label, command) in notice.action.iter().chain(&notice.more) {
        if ui.small_button(label.as_str()).clicked() {
            cx.emit(command.clone());
        }
    }
}
