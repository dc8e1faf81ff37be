//! The small button of a panel whose numbers can be copied.

use crate::figure::TableForm;
use crate::ui::core::command::{Command, CopyCommand};
use crate::ui::core::pane::TableKind;
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::named;
use eframe::egui;
use egui::{RichText, Ui};

/// A menu of the forms in which the table can be copied.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, kind: TableKind) {
    let button = ui.menu_button(RichText::new("Copy").small(), |ui| {
        for (form, help) in TableForm::ALL.into_iter().zip([
            "Tabs between columns: pastes into a spreadsheet",
            "A table of Markdown, for notes and issues",
            "A tabular of LaTeX, for papers",
        ]) {
            if ui.button(format!("as {}", form.label())).on_hover_text(help).clicked() {
                cx.emit(Command::Copy(CopyCommand::Table(kind, form)));
                ui.close();
            }
        }
    });
    let response = button.response.on_hover_text(format!("Copies the table of {} to the clipboard", kind.label()));
    named(ui, &response, &format!("Copy the table of {}", kind.label()));
}
