//! Small parts that several panels use.

pub mod canvas;
pub(in crate::ui) mod chip;
pub mod colour_bar;
pub mod head_grid;
pub(in crate::ui) mod text_columns;
pub(in crate::ui) mod theme;

use crate::ui::core::command::{Command, Keymap};
use eframe::egui;
use egui::emath::Numeric;
use egui::{DragValue, Response, RichText, Ui};
use std::cell::Cell;
use std::ops::RangeInclusive;

/// A button for a command that has a name, with its sentence and its keys as tooltip. Emits the command when it is
/// clicked.
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
        let name = if help.is_empty() { name } else { name.on_hover_text(help).on_disabled_hover_text(help) };
        // In a narrow panel the last widgets go to the next line instead of out of sight.
        ui.label_inputs_by(name.id, |ui| ui.horizontal_wrapped(contents).inner)
    })
    .inner
}

/// Gives a widget its name where a label beside it would be too much. Hints and tooltips are no names: they say what to
/// type, not where.
pub(super) fn named(ui: &Ui, response: &Response, name: &str) {
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_label(name));
}

/// Buttons of which one is pressed. Returns the newly chosen one.
pub(super) fn choice<T: PartialEq + Copy>(ui: &mut Ui, current: T, options: &[(T, &str, &str)]) -> Option<T> {
    choice_unless(ui, current, options, |_| None)
}

/// The same, where some would do nothing and say why.
pub(super) fn choice_unless<T: PartialEq + Copy>(
    ui: &mut Ui,
    current: T,
    options: &[(T, &str, &str)],
    why_not: impl Fn(T) -> Option<&'static str>,
) -> Option<T> {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (value, label, help) in options {
            let why_not = why_not(*value);
            let response = ui.add_enabled(why_not.is_none(), egui::Button::selectable(*value == current, *label));
            let response = if help.is_empty() { response } else { response.on_hover_text(*help) };
            if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() && *value != current {
                chosen = Some(*value);
            }
        }
    });
    chosen
}

/// A number in a box. One that is typed beyond its bounds becomes the nearest that is allowed, and that is said beside
/// it.
pub(super) fn bounded<N: Numeric>(
    ui: &mut Ui,
    value: &mut N,
    bounds: RangeInclusive<N>,
    change: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) -> Response {
    let typed = Cell::new(None);
    let parse = |text: &str| {
        let number = text.replace(|c: char| c.is_whitespace(), "").replace('\u{2212}', "-").parse().ok();
        typed.set(number);
        number
    };
    let ends = [bounds.start().to_f64(), bounds.end().to_f64()];
    let response = ui.add(change(DragValue::new(value).range(bounds)).custom_parser(parse));
    say_bounds(ui, &response, typed.get(), ends);
    response
}

/// Says beside a number that what was typed lay beyond its bounds, until another one is typed.
pub(super) fn say_bounds(ui: &mut Ui, response: &Response, typed: Option<f64>, [low, high]: [f64; 2]) {
    let id = response.id.with("beyond its bounds");
    if let Some(typed) = typed {
        let said = match typed {
            typed if typed > high => Some(format!("{high} at most")),
            typed if typed < low => Some(format!("{low} at least")),
            _ => None,
        };
        ui.data_mut(|data| data.insert_temp(id, said));
    } else if response.dragged() {
        ui.data_mut(|data| data.insert_temp(id, None::<String>));
    }
    if let Some(said) = ui.data(|data| data.get_temp::<Option<String>>(id)).flatten() {
        ui.label(RichText::new(said).small().color(ui.visuals().warn_fg_color));
    }
}

/// What a panel says when it has nothing to show.
pub(super) fn empty(ui: &mut Ui, what: &str, next: &str) {
    ui.vertical_centered(|ui| {
        // A section that folds has no height of its own.
        let is_section = ui.stack().contained_in(egui::UiKind::Collapsible);
        ui.add_space(if is_section { 2.0 } else { (ui.available_height() * 0.3).min(60.0) });
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
