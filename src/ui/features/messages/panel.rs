//! Messages between the menus and the panels: one sentence, what to do next, and a way to dismiss it. They cover
//! nothing: the panels below are lower while one stands.

use crate::ui::core::command::Command;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{Notice, Severity};
use crate::ui::widgets::theme;
use crate::ui::widgets::theme::Tone;
use eframe::egui;
use egui::{Color32, Frame, Panel, RichText, Ui};

/// Most of the window's height that messages may take; more of them scroll.
const MOST_OF_WINDOW: f32 = 0.3;
/// Around them.
const MARGIN_PT: f32 = 4.0;
/// Narrower than this, buttons stand below the sentence instead of beside it.
const NARROW_PT: f32 = 420.0;

/// The newest one, or all of them. To be called between the menus and the panels.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let (shown, more) = cx.state.notices.shown(cx.memory.all_notices);
    let notices: Vec<Notice> = shown.into_iter().cloned().collect();
    if notices.is_empty() {
        return;
    }
    cx.memory.all_notices &= more > 0;
    let frame = Frame::new().fill(theme::gap(ui.visuals())).inner_margin(MARGIN_PT);
    let most_pt = ui.ctx().content_rect().height() * MOST_OF_WINDOW - 2.0 * MARGIN_PT;
    Panel::top("notices").frame(frame).resizable(false).show_separator_line(false).show(ui, |ui| {
        // The panel is as high as it was a frame ago: what is new may be higher.
        let scroll = egui::ScrollArea::vertical().max_height(most_pt).min_scrolled_height(most_pt);
        scroll.auto_shrink([false, true]).show(ui, |ui| all(ui, notices, more, cx));
    });
}

fn all(ui: &mut Ui, notices: Vec<Notice>, more: usize, cx: &mut PanelContext<'_>) {
    for notice in notices {
        let tone = match notice.severity {
            Severity::Info => Tone::Note,
            Severity::Warning => Tone::Warning,
            Severity::Error => Tone::Error,
        };
        let [colour, fill] = theme::message(ui.visuals(), tone);
        let frame = Frame::new().fill(fill).corner_radius(4.0).inner_margin(egui::Margin::symmetric(10, 5));
        frame.stroke(egui::Stroke::new(1.0, colour)).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.push_id(notice.id, |ui| one(ui, &notice, colour, cx));
        });
    }
    if more > 0 || cx.state.notices.iter().nth(1).is_some() {
        ui.horizontal(|ui| others(ui, more, cx));
    }
}

/// The way to all other messages, and to none.
fn others(ui: &mut Ui, more: usize, cx: &mut PanelContext<'_>) {
    let (text, help) = match (cx.memory.all_notices, more) {
        (true, _) => ("Show fewer".to_owned(), "Shows the newest message only"),
        (false, 1) => ("Show 1 more message".to_owned(), "Lists all messages"),
        (false, _) => (format!("Show {more} more messages"), "Lists all messages"),
    };
    if more > 0 && ui.small_button(text).on_hover_text(help).clicked() {
        cx.memory.all_notices ^= true;
    }
    if ui.small_button("Dismiss all").on_hover_text("Dismisses all messages (Esc, if nothing is selected)").clicked() {
        cx.emit(Command::DismissAll);
    }
}

fn one(ui: &mut Ui, notice: &Notice, colour: Color32, cx: &mut PanelContext<'_>) {
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
