//! Short messages at the bottom right that go away by themselves.

use crate::ui::core::command::Command;
use crate::ui::features::Toast;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::named;
use eframe::egui;
use egui::{Align2, Area, Context, Frame, Label, Order, Pos2, Ui, vec2};

/// Width of one, points.
const WIDTH_PT: f32 = 320.0;
/// Between two of them and around them, points.
const GAP_PT: f32 = 6.0;
/// The line at the bottom stays in sight, points.
const STATUS_BAR_PT: f32 = 30.0;
/// Room for the button that closes one, points.
const CLOSE_PT: f32 = 26.0;

/// The newest lowest. Each has an area of its own: a click between two of them goes to what lies there.
pub(in crate::ui) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    cx.memory.toast_pointed = false;
    let window = ctx.content_rect();
    let mut corner: Pos2 = window.right_bottom() - vec2(2.0 * GAP_PT, STATUS_BAR_PT + GAP_PT);
    let toasts: Vec<Toast> = cx.state.toasts.iter().rev().cloned().collect();
    for toast in toasts {
        let area = Area::new(egui::Id::unique(("toast", toast.id))).order(Order::Middle);
        let area = area.pivot(Align2::RIGHT_BOTTOM).fixed_pos(corner).constrain(true);
        let shown = area.show(ctx, |ui| framed(ui, &toast, cx)).response;
        cx.memory.toast_pointed |= shown.contains_pointer();
        corner.y = shown.rect.top() - GAP_PT;
    }
}

fn framed(ui: &mut Ui, toast: &Toast, cx: &mut PanelContext<'_>) {
    let accent = crate::ui::widgets::theme::accent(ui.visuals());
    let frame = Frame::popup(ui.style()).inner_margin(egui::Margin::symmetric(10, 7));
    frame.stroke(egui::Stroke::new(1.0, accent)).show(ui, |ui| {
        ui.set_width(WIDTH_PT.min(ui.ctx().content_rect().width() * 0.8));
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(ui.available_width() - CLOSE_PT);
                let label = ui.add(Label::new(&toast.text).wrap());
                // Screen readers say it without being asked.
                ui.ctx().accesskit_node_builder(label.id, |node| node.set_live(egui::accesskit::Live::Polite));
                if let Some((words, command)) = &toast.action
                    && ui.small_button(words.as_str()).clicked()
                {
                    cx.emit(command.clone());
                    cx.emit(Command::DismissToast(toast.id));
                }
            });
            let close = ui.small_button("✖").on_hover_text("Close this message");
            named(ui, &close, "Close this message");
            if close.clicked() {
                cx.emit(Command::DismissToast(toast.id));
            }
        });
    });
}
