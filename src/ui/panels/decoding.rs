//! The decoding strategy: which one, with which parameters, and the same question once more with it.

use super::PanelContext;
use crate::engine::{Entry, Parameter, ParameterKind};
use crate::ui::command::Command;
use crate::ui::state::AskSettings;
use crate::ui::widgets::{named, row};
use eframe::egui;
use egui::{DragValue, RichText, Ui};

/// The parameter that sets others, see [`Entry::presets`].
const PRESET: &str = "preset";

pub(super) fn button(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let chosen = cx.state.ask.strategy_entry();
    let plain = cx.state.ask.is_plain();
    let label = if plain { "Decoding".to_owned() } else { format!("Decoding: {} •", chosen.id) };
    let help = format!(
        "{}: {}\nHow each token is chosen; contrastive strategies hold the answer against a second branch",
        chosen.label, chosen.help
    );
    let response = ui.button(label).on_hover_text(help);
    named(ui, &response, "Decoding strategy");
    let popup = egui::Popup::from_toggle_button_response(&response)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Decoding strategy");
    popup.show(|ui| contents(ui, cx));
}

fn contents(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.set_width(400.0);
    let mut ask = cx.state.ask.clone();
    for entry in cx.state.ask.strategies() {
        let response =
            ui.radio(ask.strategy == entry.id, entry.label).on_hover_text(format!("{}\n{}", entry.help, entry.paper));
        if response.clicked() {
            entry.id.clone_into(&mut ask.strategy);
        }
    }
    let entry = ask.strategy_entry().clone();
    ui.add(egui::Label::new(RichText::new(entry.help).weak()).wrap());
    if !entry.paper.is_empty() {
        ui.add(egui::Label::new(RichText::new(entry.paper).weak().small()).wrap());
    }
    if !entry.parameters.is_empty() {
        ui.separator();
        for parameter in &entry.parameters {
            parameter_row(ui, &mut ask, &entry, parameter);
        }
        let changed = ask.given_parameters().is_some_and(|given| !given.is_empty());
        if ui.add_enabled(changed, egui::Button::new("Published defaults")).clicked() {
            ask.reset_parameters();
        }
    }
    ui.separator();
    let asked = cx.state.current_run().is_some();
    let again = ui.add_enabled(asked, egui::Button::new("Ask the shown question again with it"));
    let again = again.on_disabled_hover_text("No question has been asked about this photo yet").clicked();
    if ask != cx.state.ask {
        cx.emit(Command::SetAsk(Box::new(ask)));
    }
    if again {
        cx.emit(Command::Regenerate);
        ui.close();
    }
}

/// The value in force: given, else of the preset, else the default.
fn value_of(ask: &AskSettings, entry: &Entry, parameter: &Parameter) -> String {
    let given = |name: &str| ask.given_parameters().and_then(|given| given.get(name)).cloned();
    if let Some(value) = given(parameter.name) {
        return value;
    }
    let default = entry.parameters.iter().find(|other| other.name == PRESET).map(|preset| preset.default.clone());
    let chosen = given(PRESET).or(default);
    let preset = entry.presets.iter().find(|preset| Some(preset.id) == chosen.as_deref());
    let of_preset = preset.and_then(|preset| preset.values.iter().find(|(name, _)| *name == parameter.name));
    of_preset.map_or_else(|| parameter.default.clone(), |(_, value)| (*value).to_owned())
}

fn parameter_row(ui: &mut Ui, ask: &mut AskSettings, entry: &Entry, parameter: &Parameter) {
    let before = value_of(ask, entry, parameter);
    let mut value = before.clone();
    row(ui, parameter.name, parameter.help, |ui| {
        let response = match parameter.kind {
            ParameterKind::Real { min, max } => {
                let mut number: f64 = value.parse().unwrap_or(min);
                let most = if max.is_finite() { max } else { 1000.0 };
                let response = ui.add(DragValue::new(&mut number).range(min..=most).speed(0.01).max_decimals(4));
                if response.changed() {
                    value = number.to_string();
                }
                response
            }
            ParameterKind::Whole { min, max } => {
                let mut number: usize = value.parse().unwrap_or(min);
                let response = ui.add(DragValue::new(&mut number).range(min..=max.min(1_000_000)));
                if response.changed() {
                    value = number.to_string();
                }
                response
            }
            ParameterKind::Choice { options } => {
                ui.horizontal_wrapped(|ui| {
                    for option in options {
                        if ui.selectable_label(value == *option, *option).clicked() {
                            (*option).clone_into(&mut value);
                        }
                    }
                })
                .response
            }
            ParameterKind::File | ParameterKind::Text => {
                ui.add(egui::TextEdit::singleline(&mut value).desired_width(240.0).hint_text("none"))
            }
        };
        named(ui, &response, parameter.name);
        response.on_hover_text(parameter.help);
    });
    if value != before {
        ask.give_parameter(parameter.name, value);
    }
}
