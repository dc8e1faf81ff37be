//! The inspector: everything about the selected word, the map and the photo, in sections that fold.

mod summary;

use crate::ui::core::command::Command;
use crate::ui::core::pane::{PANES, Pane};
use crate::ui::features::context::PanelContext;
use eframe::egui;
use egui::{Align, Align2, CursorIcon, Rect, Response, RichText, Sense, TextStyle, Ui, WidgetInfo, pos2, vec2};

/// Height of a section's head, points.
const HEAD_PT: f32 = 24.0;
/// Heights of sections that fill what they are given, points.
const GRID_PT: f32 = 250.0;
const PLOT_PT: f32 = 190.0;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    word_line(ui, cx);
    egui::ScrollArea::vertical().id_salt("inspector").auto_shrink(false).show(ui, |ui| {
        let mut group = None;
        for entry in PANES.iter().filter(|entry| entry.pane.section().is_some()) {
            if cx.memory.of_their_own.contains(&entry.pane) {
                continue;
            }
            let next = entry.pane.section();
            if group.replace(next).is_some_and(|before| before != next) {
                ui.separator();
            }
            section(ui, cx, entry.pane);
        }
        if group.is_none() {
            ui.weak("Every section stands in a panel of its own. Close a panel's tab to bring it back here.");
        }
    });
}

/// The selected word with its probability and what is said of it.
fn word_line(ui: &mut Ui, cx: &PanelContext<'_>) {
    let text = match summary::word(ui.visuals(), cx) {
        Some((word, colour)) => RichText::new(word).strong().color(colour),
        None if cx.state.has_decoder() && cx.state.current_run().is_some() => {
            RichText::new("All words of the answer; click one for its own numbers").weak()
        }
        None => RichText::new("Numbers about the answer appear here").weak(),
    };
    ui.add(egui::Label::new(text).truncate());
}

fn section(ui: &mut Ui, cx: &mut PanelContext<'_>, pane: Pane) {
    let is_open = cx.memory.sections.is_open(pane);
    let head = head(ui, cx, pane, is_open);
    if head.clicked() {
        cx.memory.sections.toggle(pane);
    }
    if is_open {
        ui.push_id(pane, |ui| body(ui, cx, pane));
        ui.add_space(6.0);
    }
    if is_open && cx.memory.sections.is_wanted(pane) {
        ui.scroll_to_rect(head.rect, Some(Align::TOP));
    }
}

/// Grids and plots fill what they are given; everything else takes what it needs.
fn body(ui: &mut Ui, cx: &mut PanelContext<'_>, pane: Pane) {
    let height = match pane {
        Pane::Heads => GRID_PT,
        Pane::Layers => PLOT_PT,
        // What has nothing to show takes no more room than its words (`widgets::empty`).
        _ => {
            let section = egui::UiStackInfo::new(egui::UiKind::Collapsible);
            ui.scope_builder(egui::UiBuilder::new().ui_stack_info(section), |ui| super::content(ui, pane, cx));
            return;
        }
    };
    let size = vec2(ui.available_width(), height);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    super::content(&mut ui.new_child(egui::UiBuilder::new().max_rect(rect)), pane, cx);
}

/// A section's name, its numbers in short while it is folded, and the way to a panel of its own.
fn head(ui: &mut Ui, cx: &mut PanelContext<'_>, pane: Pane, is_open: bool) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEAD_PT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::accesskit::Role::Button, true, is_open, pane.title()));
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 3.0, ui.visuals().widgets.hovered.weak_bg_fill);
    }
    let icon = Rect::from_center_size(pos2(rect.left() + 8.0, rect.center().y), vec2(10.0, 10.0));
    egui::collapsing_header::paint_default_icon(
        &mut ui.new_child(egui::UiBuilder::new().max_rect(icon)),
        if is_open { 1.0 } else { 0.0 },
        &response.clone().with_new_rect(icon),
    );
    let (font, small) = (TextStyle::Body.resolve(ui.style()), TextStyle::Small.resolve(ui.style()));
    let colour = ui.visuals().strong_text_color();
    let at = pos2(rect.left() + 20.0, rect.center().y);
    let title = ui.painter().text(at, Align2::LEFT_CENTER, pane.title(), font, colour);
    let own = own_panel(ui, cx, pane, rect);
    let brief = if is_open { None } else { summary::of(cx, pane) };
    if let Some(brief) = &brief {
        let (left, right) = (title.right() + 12.0, own.left() - 6.0);
        let weak = ui.visuals().weak_text_color();
        let mut job = egui::text::LayoutJob::simple_singleline(brief.clone(), small, weak);
        job.wrap = egui::text::TextWrapping::truncate_at_width((right - left).max(0.0));
        let galley = ui.painter().layout_job(job);
        let at = pos2(right - galley.size().x, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, weak);
    }
    let brief = brief.map_or_else(String::new, |brief| format!("\n{brief}"));
    response.on_hover_text(format!("{}{brief}", pane.help()))
}

/// The button that makes a section a panel of its own; where it lies.
fn own_panel(ui: &mut Ui, cx: &mut PanelContext<'_>, pane: Pane, head: Rect) -> Rect {
    let rect = Rect::from_min_max(pos2(head.right() - HEAD_PT, head.top()), head.max);
    let response = ui.interact(rect, ui.scope_id().with(("own panel", pane)), Sense::click());
    let name = format!("{} in a panel of its own", pane.title());
    response.widget_info(|| WidgetInfo::labeled(egui::accesskit::Role::Button, true, &name));
    let colour = if response.hovered() { ui.visuals().strong_text_color() } else { ui.visuals().weak_text_color() };
    // A window with an arrow that leaves it.
    let body = Rect::from_center_size(rect.center(), vec2(10.0, 9.0));
    let stroke = egui::Stroke::new(1.2, colour);
    let corners = [
        pos2(body.center().x, body.top()),
        body.left_top(),
        body.left_bottom(),
        body.right_bottom(),
        pos2(body.right(), body.center().y),
    ];
    ui.painter().add(egui::Shape::line(corners.to_vec(), stroke));
    let tip = body.right_top();
    ui.painter().line_segment([pos2(body.center().x, body.center().y), tip], stroke);
    ui.painter().line_segment([tip, tip - vec2(4.0, 0.0)], stroke);
    ui.painter().line_segment([tip, tip + vec2(0.0, 4.0)], stroke);
    if response.on_hover_text("A panel of its own; closing its tab brings it back").clicked() {
        cx.emit(Command::TearOff(pane));
    }
    rect
}
