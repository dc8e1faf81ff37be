//! Every layer and head as a small map; a click jumps there.

use super::PanelContext;
use crate::ui::widgets::empty;
use egui::Ui;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(values) = cx.derived.grid.values() else {
        return empty(ui, "No maps yet", "Ask a question to see every layer and head side by side");
    };
    ui.label(format!("{} layers, {} heads", values.layers, values.heads));
}
