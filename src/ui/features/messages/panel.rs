//! Messages in the middle of the menu bar: the newest, with what to do next; a click lists them all. They have a fixed
//! place that stands empty otherwise, so that nothing moves when one comes or goes.

use crate::ui::core::command::Command;
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{Notice, Severity};
use crate::ui::widgets::named;
use crate::ui::widgets::theme;
use crate::ui::widgets::theme::Tone;
use eframe::egui;
use egui::{
    Align, Color32, Frame, Label, Layout, Popup, PopupCloseBehavior, Rect, RichText, Sense, SetOpenCommand, Stroke, Ui,
};

/// Least width that the sentence keeps: buttons that would leave it less are in the list alone, points.
const SENTENCE_PT: f32 = 150.0;
/// Where there is less than this, the kind of message stands alone, points.
const LEAST_SENTENCE_PT: f32 = 40.0;
/// Width of the list, and the most of the window's width that it takes.
const LIST_PT: (f32, f32) = (560.0, 0.9);
/// Most of the window's height that the list may take; more of them scroll.
const MOST_OF_WINDOW: f32 = 0.5;
/// Within a message's frame, points.
const MARGIN_PT: f32 = 8.0;

/// The newest message within `place`, which belongs to nothing else.
pub(in crate::ui) fn show(ui: &mut Ui, place: Rect, cx: &mut PanelContext<'_>) {
    let notices: Vec<Notice> = cx.state.notices.newest_first().into_iter().cloned().collect();
    let Some(newest) = notices.first() else { return };
    if !place.is_positive() {
        return;
    }
    let [colour, fill] = theme::message(ui.visuals(), tone(newest.severity));
    ui.painter().rect(place, 4.0, fill, Stroke::new(1.0, colour), egui::StrokeKind::Inside);
    let layout = Layout::right_to_left(Align::Center);
    let mut bar =
        ui.new_child(egui::UiBuilder::new().max_rect(place.shrink2(egui::vec2(MARGIN_PT, 0.0))).layout(layout));
    bar.set_style(ui.ctx().global_style());
    // What the menu bar does not have room for does not make it wider.
    bar.set_clip_rect(place.intersect(ui.clip_rect()));
    let toggled = line(&mut bar, &notices, colour, cx);
    list(ui, place, &notices, toggled, cx);
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Info => Tone::Note,
        Severity::Warning => Tone::Warning,
        Severity::Error => Tone::Error,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Note",
        Severity::Warning => "Warning",
        Severity::Error => "Error",
    }
}

/// Width of a text, points.
fn width_pt(ui: &Ui, text: &str, style: egui::TextStyle) -> f32 {
    egui::WidgetText::from(text).into_galley(ui, Some(egui::TextWrapMode::Extend), f32::INFINITY, style).size().x
}

/// The newest message on one line, from the right. Whether the list is asked for, or asked to go.
fn line(ui: &mut Ui, notices: &[Notice], colour: Color32, cx: &mut PanelContext<'_>) -> bool {
    let Some(newest) = notices.first() else { return false };
    let dismiss =
        ui.small_button("✖").on_hover_text("Dismisses this message; Esc dismisses all, if nothing is selected");
    named(ui, &dismiss, "Dismiss");
    if dismiss.clicked() {
        cx.emit(Command::Dismiss(newest.id));
    }
    let mut toggled = false;
    if notices.len() > 1 {
        let all = ui.small_button(count(notices.len(), "message")).on_hover_text("Lists all messages");
        toggled |= all.clicked();
    }
    let kind = width_pt(ui, word(newest.severity), egui::TextStyle::Body) + ui.spacing().item_spacing.x;
    // An offer is in sight whatever went wrong since.
    let offer = notices.get(1).filter(|second| second.is_offer());
    for (label, command) in newest.actions().chain(offer.into_iter().flat_map(Notice::actions)) {
        let width = width_pt(ui, label, egui::TextStyle::Body) + 2.0 * ui.spacing().button_padding.x;
        if ui.available_width() - width - kind < SENTENCE_PT {
            break;
        }
        if ui.small_button(label.as_str()).clicked() {
            cx.emit(command.clone());
        }
    }
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let full =
            if newest.advice.is_empty() { newest.text.clone() } else { format!("{}\n{}", newest.text, newest.advice) };
        let click = |label: Label| label.truncate().show_tooltip_when_elided(false).sense(Sense::click());
        let kind = ui.add(click(Label::new(RichText::new(word(newest.severity)).color(colour).strong())));
        toggled |= kind.on_hover_text(&full).clicked();
        if ui.available_width() < LEAST_SENTENCE_PT {
            return;
        }
        let sentence = ui.add(click(Label::new(&newest.text))).on_hover_text(&full);
        // Screen readers say it without being asked.
        ui.ctx().accesskit_node_builder(sentence.id, |node| node.set_live(egui::accesskit::Live::Polite));
        toggled |= sentence.clicked();
        if !newest.advice.is_empty() && ui.available_width() > LEAST_SENTENCE_PT {
            let advice = ui.add(click(Label::new(RichText::new(&newest.advice).weak())));
            toggled |= advice.on_hover_text(&full).clicked();
        }
    });
    toggled
}

/// All messages in full, below the line.
fn list(ui: &Ui, place: Rect, notices: &[Notice], toggled: bool, cx: &mut PanelContext<'_>) {
    let window = ui.ctx().content_rect().size();
    let popup = Popup::new(egui::Id::unique("messages"), ui.ctx().clone(), place, ui.layer_id())
        .open_memory(toggled.then_some(SetOpenCommand::Toggle))
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(LIST_PT.0.min(window.x * LIST_PT.1));
    popup.show(|ui| {
        let most = window.y * MOST_OF_WINDOW;
        egui::ScrollArea::vertical().max_height(most).min_scrolled_height(most).show(ui, |ui| {
            ui.set_width(ui.available_width());
            for notice in notices {
                let [colour, fill] = theme::message(ui.visuals(), tone(notice.severity));
                let frame = Frame::new().fill(fill).corner_radius(4.0).inner_margin(egui::Margin::symmetric(10, 5));
                frame.stroke(Stroke::new(1.0, colour)).show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    ui.push_id(notice.id, |ui| one(ui, notice, colour, cx));
                });
            }
        });
        if ui
            .small_button("Dismiss all")
            .on_hover_text("Dismisses all messages (Esc, if nothing is selected)")
            .clicked()
        {
            cx.emit(Command::DismissAll);
        }
    });
}

/// A message of the list.
fn one(ui: &mut Ui, notice: &Notice, colour: Color32, cx: &mut PanelContext<'_>) {
    ui.label(RichText::new(word(notice.severity)).color(colour).strong());
    ui.label(&notice.text);
    if !notice.advice.is_empty() {
        ui.label(RichText::new(&notice.advice).weak());
    }
    ui.horizontal_wrapped(|ui| {
        for (label, command) in notice.actions() {
            if ui.small_button(label.as_str()).clicked() {
                cx.emit(command.clone());
            }
        }
        if ui.small_button("Dismiss").clicked() {
            cx.emit(Command::Dismiss(notice.id));
        }
    });
}
