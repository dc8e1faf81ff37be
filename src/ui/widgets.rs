//! Small parts that several panels use.

use super::command::{Command, Keymap};
use eframe::egui;
use egui::{Response, RichText, Ui, Widget};

/// A button for a command that has a name, with its sentence and its keys as tooltip. Emits the command when it is clicked.
pub(super) fn command_button(ui: &mut Ui, text: &str, command: &Command, commands: &mut Vec<Command>) -> Response {
    let response = ui.button(text).on_hover_text(tooltip(ui.ctx(), command));
    if response.clicked() {
        commands.push(command.clone());
    }
    response
}

/// The command's sentence and its keys.
pub(super) fn tooltip(ctx: &egui::Context, command: &Command) -> String {
    match command.named() {
        None => String::new(),
        Some(named) => match Keymap::installed(ctx).of(named).first() {
            Some(keys) => format!("{} ({})", named.tooltip, format_keys(ctx, *keys)),
            None => named.tooltip.to_owned(),
        },
    }
}

/// Keys as they stand on a keyboard: "Ctrl+." and not "Ctrl+Period".
pub(super) fn format_keys(ctx: &egui::Context, keys: egui::KeyboardShortcut) -> String {
    let mut text = ctx.format_shortcut(&keys);
    for (name, sign) in [("Questionmark", "?"), ("Period", "."), ("Plus", "+"), ("Minus", "-"), ("Escape", "Esc")] {
        text = text.replace(name, sign);
    }
    text
}

/// Width of the labels on the left of a form, points; a narrow panel gives them less.
const LABEL_WIDTH_PT: f32 = 84.0;

/// One row of a form: a label on the left that names the widgets beside it.
pub(super) fn row<R>(ui: &mut Ui, label: &str, help: &str, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let width_pt = LABEL_WIDTH_PT.min(ui.available_width() * 0.26);
    ui.horizontal(|ui| {
        let (rect, _) =
            ui.allocate_exact_size(egui::vec2(width_pt, ui.spacing().interact_size.y), egui::Sense::hover());
        let mut left = ui
            .new_child(egui::UiBuilder::new().max_rect(rect).layout(egui::Layout::left_to_right(egui::Align::Center)));
        let name = left.add(egui::Label::new(label).truncate());
        let name = if help.is_empty() { name } else { name.on_hover_text(help) };
        // In a narrow panel the last widgets go to the next line instead of out of sight.
        ui.label_inputs_by(name.id, |ui| ui.horizontal_wrapped(contents).inner)
    })
    .inner
}

/// Gives a widget its name where a label beside it would be too much. Hints and tooltips are no names: they say what to type, not where.
pub(super) fn named(ui: &Ui, response: &Response, name: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// Buttons of which one is pressed. Returns the newly chosen one.
pub(super) fn choice<T: PartialEq + Copy>(ui: &mut Ui, current: T, options: &[(T, &str, &str)]) -> Option<T> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (value, label, help) in options {
            let response = egui::Button::selectable(*value == current, *label).ui(ui);
            let response = if help.is_empty() { response } else { response.on_hover_text(*help) };
            if response.clicked() && *value != current {
                chosen = Some(*value);
            }
        }
    });
    chosen
}

/// What a panel says when it has nothing to show.
pub(super) fn empty(ui: &mut Ui, what: &str, next: &str) {
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.3).min(60.0));
        ui.label(RichText::new(what).strong());
        if !next.is_empty() {
            ui.label(RichText::new(next).weak());
        }
    });
}

/// "12.3 MB".
pub(super) fn format_bytes(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib >= 1024.0 { format!("{:.2} GiB", mib / 1024.0) } else { format!("{mib:.1} MiB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        assert_eq!(format_bytes(1_572_864), "1.5 MiB", "mebibytes");
        assert_eq!(format_bytes(3 << 30), "3.00 GiB", "gibibytes");
    }
}
