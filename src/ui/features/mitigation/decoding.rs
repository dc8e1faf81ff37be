//! The decoding strategy: which one, with which parameters, and the same question once more with it.

use crate::engine::{Entry, ParameterInfo, ParameterKind, Preset};
use crate::ui::core::command::Command;
use crate::ui::core::settings::{AskSettings, PRESET};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{bounded, format_bytes, named, row, say_bounds};
use eframe::egui;
use egui::{Response, RichText, Slider, SliderClamping, Ui};

/// Size of the menu, points.
const MENU_PT: [f32; 2] = [640.0, 300.0];
/// Width of the list of strategies, points.
const LIST_PT: f32 = 190.0;

pub(in crate::ui) fn button(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let chosen = cx.state.ask.strategy_entry();
    let plain = cx.state.ask.is_plain();
    let label = if plain { "Decoding".to_owned() } else { format!("Decoding: {} •", chosen.id) };
    let help = format!(
        "{}: {}\nHow each token of the next questions is chosen; contrastive strategies compare the model's prediction \
            with a second branch's",
        chosen.label, chosen.help
    );
    let response = ui.button(label).on_hover_text(help);
    named(ui, &response, "Decoding strategy");
    let popup = egui::Popup::from_toggle_button_response(&response)
        .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
        .accessible_name("Decoding strategy");
    popup.show(|ui| contents(ui, cx));
}

/// Strategies on the left, the chosen one on the right. The menu is as large for each of them: nothing moves under the
/// pointer.
fn contents(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let room = ui.ctx().content_rect().size() - egui::vec2(60.0, 120.0);
    let size = egui::vec2(MENU_PT[0].min(room.x), MENU_PT[1].min(room.y));
    ui.set_min_size(size);
    ui.set_max_size(size);
    let mut ask = cx.state.ask.clone();
    ui.horizontal_top(|ui| {
        let list = egui::vec2(LIST_PT.min(size.x * 0.4), size.y);
        column(ui, list, "strategies", |ui| {
            for entry in cx.state.ask.strategies() {
                let tip = format!("{}\n{}", entry.help, entry.paper);
                let response = ui.radio(ask.strategy == entry.id, entry.label).on_hover_text(tip);
                if response.clicked() {
                    entry.id.clone_into(&mut ask.strategy);
                }
            }
        });
        ui.separator();
        let rest = egui::vec2(ui.available_width(), size.y);
        column(ui, rest, "strategy", |ui| strategy(ui, cx, &mut ask));
    });
    if ask != cx.state.ask {
        cx.emit(Command::SetAsk(Box::new(ask)));
    }
}

fn column(ui: &mut Ui, size: egui::Vec2, id: &str, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
        ui.set_min_size(size);
        egui::ScrollArea::vertical().id_salt(id).auto_shrink(false).show(ui, contents);
    });
}

fn strategy(ui: &mut Ui, cx: &mut PanelContext<'_>, ask: &mut AskSettings) {
    let entry = ask.strategy_entry().clone();
    ui.label(RichText::new(entry.label).strong());
    ui.add(egui::Label::new(RichText::new(entry.help).weak()).wrap());
    if !entry.paper.is_empty() {
        ui.add(egui::Label::new(RichText::new(entry.paper).weak().small()).wrap());
    }
    let asked = cx.state.current_run().is_some();
    ui.horizontal_wrapped(|ui| {
        let again = ui.add_enabled(asked, egui::Button::new("Ask the shown question again with it"));
        if again.on_disabled_hover_text("No question has been asked about this photo yet").clicked() {
            cx.emit(Command::SetAsk(Box::new(ask.clone())));
            cx.emit(Command::Regenerate);
            ui.close();
        }
        if !entry.parameters.is_empty() {
            let changed = ask.given_parameters().is_some_and(|given| !given.is_empty());
            let reset = ui.add_enabled(changed, egui::Button::new("Published defaults"));
            let reset = reset.on_hover_text("Every parameter of this strategy as it was published");
            if reset.on_disabled_hover_text("Every parameter is as it was published").clicked() {
                ask.reset_parameters();
            }
        }
    });
    if !entry.parameters.is_empty() {
        ui.separator();
        for parameter in entry.parameters {
            parameter_row(ui, ask, &entry, parameter);
        }
    }
    if let Some(info) = cx.state.model.info.as_ref().filter(|_| !ask.is_plain()) {
        ui.separator();
        let (bytes, context) = (format_bytes(info.memory.cache_bytes), info.memory.context);
        let text = format!("Its second branch keeps keys and values of its own: up to {bytes} at {context} positions");
        ui.add(egui::Label::new(RichText::new(text).weak().small()).wrap());
    }
}

/// The value that was given, if one was.
fn given<'a>(ask: &'a AskSettings, name: &str) -> Option<&'a String> {
    ask.given_parameters().and_then(|given| given.get(name))
}

/// The preset in force: chosen, else the default.
fn preset<'a>(ask: &AskSettings, entry: &'a Entry) -> Option<&'a Preset> {
    let parameter = entry.parameters.iter().find(|parameter| parameter.name == PRESET)?;
    let chosen = given(ask, PRESET).map_or(parameter.default, String::as_str);
    entry.presets.iter().find(|preset| preset.id == chosen)
}

/// What a parameter is unless it is given: of the preset, else the default.
fn published(ask: &AskSettings, parameter: &ParameterInfo) -> String {
    ask.of_preset(parameter.name).unwrap_or_else(|| parameter.default.to_owned())
}

fn parameter_row(ui: &mut Ui, ask: &mut AskSettings, entry: &Entry, parameter: &ParameterInfo) {
    let published = published(ask, parameter);
    let before = given(ask, parameter.name).cloned().unwrap_or_else(|| published.clone());
    let mut value = before.clone();
    let (mut reset, mut chosen_preset) = (false, None);
    row(ui, parameter.name, parameter.help, |ui| {
        if parameter.name == PRESET {
            chosen_preset = presets(ui, ask, entry);
            return;
        }
        let response = editor(ui, parameter, &mut value);
        named(ui, &response, parameter.name);
        response.on_hover_text(parameter.help);
        if given(ask, parameter.name).is_some_and(|value| *value != published) {
            let response = ui.small_button("Reset").on_hover_text(match published.as_str() {
                "" => "Back to none".to_owned(),
                published => format!("Back to {published}, as published"),
            });
            named(ui, &response, &format!("Reset {}", parameter.name));
            reset = response.clicked();
        }
        if !matches!(parameter.kind, ParameterKind::Choice { .. }) {
            let words = RichText::new(parameter.help).weak().small();
            ui.add(egui::Label::new(words).truncate()).on_hover_text(parameter.help);
        }
    });
    if let Some(preset) = chosen_preset {
        ask.give_parameter(PRESET, preset.to_owned());
    } else if reset {
        ask.reset_parameter(parameter.name);
    } else if value != before {
        ask.give_parameter(parameter.name, value);
    }
}

/// One button each; chosen again it takes back what was changed. Returns the one that was pressed.
fn presets(ui: &mut Ui, ask: &AskSettings, entry: &Entry) -> Option<&'static str> {
    let mut pressed = None;
    let chosen = preset(ask, entry);
    let others = ask.given_parameters().is_some_and(|given| given.keys().any(|name| name != PRESET));
    for preset in entry.presets {
        let is_chosen = chosen.is_some_and(|chosen| chosen.id == preset.id);
        let response = ui.selectable_label(is_chosen, preset.id).on_hover_text(preset.help);
        if response.clicked() {
            pressed = Some(preset.id);
        }
    }
    if let Some(chosen) = chosen {
        let text = if others { "with changes" } else { chosen.help };
        ui.add(egui::Label::new(RichText::new(text).weak().small()).truncate()).on_hover_text(chosen.help);
    }
    pressed
}

/// Sliders run where values make sense; whatever the strategy takes can be typed beside them.
fn editor(ui: &mut Ui, parameter: &ParameterInfo, value: &mut String) -> Response {
    match (parameter.kind, parameter.usual) {
        (ParameterKind::Real { min, max }, usual) => {
            let before: f64 = value.parse().unwrap_or(min);
            let mut number = before;
            let response = match usual {
                Some((low, high)) => ui.add(slider(&mut number, low..=high).max_decimals(4)),
                None => bounded(ui, &mut number, min..=max.min(1000.0), |field| field.speed(0.01).max_decimals(4)),
            };
            let is_new = (number - before).abs() > f64::EPSILON;
            say_bounds(ui, &response, is_new.then_some(number), [min, max]);
            if is_new {
                *value = number.clamp(min, max).to_string();
            }
            response
        }
        (ParameterKind::Whole { min, max }, usual) => {
            let before: usize = value.parse().unwrap_or(min);
            let mut number = before;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
            let whole = |bound: f64| bound as usize;
            let response = match usual {
                Some((low, high)) => ui.add(slider(&mut number, whole(low)..=whole(high))),
                None => bounded(ui, &mut number, min..=max.min(1_000_000), |field| field),
            };
            let is_new = number != before;
            say_bounds(ui, &response, is_new.then_some(number as f64), [min as f64, max as f64]);
            if is_new {
                *value = number.clamp(min, max).to_string();
            }
            response
        }
        (ParameterKind::Choice { options }, _) => {
            ui.horizontal_wrapped(|ui| {
                for option in options {
                    if ui.selectable_label(value == option, *option).clicked() {
                        (*option).clone_into(value);
                    }
                }
            })
            .response
        }
        (ParameterKind::File | ParameterKind::Text, _) => {
            ui.add(egui::TextEdit::singleline(value).desired_width(150.0).hint_text("none: type a path"))
        }
    }
}

fn slider<N: egui::emath::Numeric>(number: &mut N, range: std::ops::RangeInclusive<N>) -> Slider<'_> {
    Slider::new(number, range).clamping(SliderClamping::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_what_parameters_go_back_to() {
        let mut ask = AskSettings { strategy: "vcd".to_owned(), ..AskSettings::default() };
        let entry = ask.strategy_entry().clone();
        let beta = entry.parameters.iter().find(|parameter| parameter.name == "beta").expect("VCD has a cut-off");
        assert_eq!(published(&ask, beta), "0.1", "as the paper");
        ask.give_parameter("beta", "0.4".to_owned());
        ask.give_parameter(PRESET, "official".to_owned());
        assert_eq!((published(&ask, beta).as_str(), given(&ask, "beta")), ("0.2", None), "the script's");
        ask.give_parameter("beta", "0.4".to_owned());
        ask.reset_parameter("beta");
        assert_eq!(ask.given_parameters().map(std::collections::BTreeMap::len), Some(1), "the preset stays chosen");
        ask.reset_parameter(PRESET);
        assert_eq!(ask.given_parameters(), None, "as published");
    }
}
