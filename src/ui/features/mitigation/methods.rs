//! Every method that changes how an answer comes about: which ones act and in which order, what they are set to, what
//! they did at the chosen word, and all there are, by where they act.

use crate::engine::{Acts, Entry, ModelTask, ParameterInfo, ParameterKind, Preset, scaled_layer};
use crate::ui::core::command::{Command, ParameterPlace};
use crate::ui::core::pane::Pane;
use crate::ui::core::settings::{AskSettings, PRESET};
use crate::ui::features::context::PanelContext;
use crate::ui::features::mitigation::done;
use crate::ui::widgets::{bounded, empty, named, row, say_bounds, tooltip};
use eframe::egui;
use egui::{Response, RichText, Slider, SliderClamping, Ui};

/// Below this width the help of a parameter is in its tooltip only, points.
const ROOMY_PT: f32 = 420.0;
/// Numbers below this are typed, not dragged.
const SMALL: f64 = 1e-3;

/// What is looked for, and whose parameters are unfolded.
#[derive(Debug, Default)]
pub(in crate::ui) struct MethodsMemory {
    wanted: String,
    unfolded: Option<&'static str>,
    /// One that was just chosen: it comes into sight.
    added: Option<&'static str>,
}

/// The button beside the question: which methods act (in little room that there are some), and the way to all of them.
pub(in crate::ui) fn button(ui: &mut Ui, cx: &mut PanelContext<'_>, in_short: bool) {
    let ask = &cx.state.ask;
    let label = match ask.acting_names().as_slice() {
        [] => "Mitigation".to_owned(),
        _ if in_short => "Mitigation •".to_owned(),
        [one] => format!("Mitigation: {one} •"),
        several => format!("Mitigation: {} methods •", several.len()),
    };
    let help = format!(
        "{}\nMethods against hallucination, alone or stacked: each with its parameters, and what it did at the chosen \
            word",
        ask.methods_words()
    );
    let response = ui.button(label).on_hover_text(help);
    named(ui, &response, "Mitigation methods");
    if response.clicked() {
        cx.emit(Command::ShowPane(Pane::Mitigation));
    }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    if cx.state.model.info.is_some() && cx.state.model.task() != ModelTask::Answer {
        return empty(ui, "Nothing to switch on", "The open model answers no questions");
    }
    let mut ask = cx.state.ask.clone();
    let mut released = head(ui, cx, &mut ask);
    released |= chosen(ui, cx, &mut ask);
    done::show(ui, cx);
    ui.separator();
    released |= all(ui, cx, &mut ask);
    if ask.live != cx.state.ask.live {
        cx.emit(Command::SetAsk(Box::new(AskSettings { live: ask.live, ..cx.state.ask.clone() })));
    }
    let choice = ask.method_choice();
    if choice != cx.state.ask.method_choice() {
        cx.emit(Command::SetMethods(Box::new(choice)));
    }
    if released {
        cx.emit(Command::MethodsSettled);
    }
}

/// The switch of all, asking again, and the way back to none.
fn head(ui: &mut Ui, cx: &mut PanelContext<'_>, ask: &mut AskSettings) -> bool {
    let mut released = false;
    ui.horizontal_wrapped(|ui| {
        let any = !ask.chosen_methods().is_empty();
        let mut on = any && !ask.is_plain();
        let switch = egui::Checkbox::new(&mut on, RichText::new("Methods on").strong());
        let response = ui.add_enabled(any, switch).on_hover_text(tooltip(ui.ctx(), &Command::ToggleStrategy));
        if response.on_disabled_hover_text("No method is chosen: pick one below").changed() {
            ask.switch_methods(on);
            released = true;
        }
        let help = "The shown question is asked again as soon as a method is switched or a control is released; an \
            answer that is being written is stopped";
        ui.checkbox(&mut ask.live, "ask again live").on_hover_text(help);
        let asked = cx.state.current_run().is_some();
        let again = ui.add_enabled(asked, egui::Button::new("Ask again").small());
        let again = again.on_hover_text("The shown question with these methods; an answer that is there is shown");
        if again.on_disabled_hover_text("No question has been asked about this photo yet").clicked() {
            cx.emit(Command::SetMethods(Box::new(ask.method_choice())));
            cx.emit(Command::AskWithMethods);
        }
        let none = ui.add_enabled(any, egui::Button::new("Remove all").small());
        if none.on_hover_text("Plain decoding; parameters stay as they are set").clicked() {
            ask.clear_methods();
            released = true;
        }
    });
    released
}

/// The stack: what is chosen, in the order in which it acts.
fn chosen(ui: &mut Ui, cx: &mut PanelContext<'_>, ask: &mut AskSettings) -> bool {
    let stack = ask.chosen_methods();
    if stack.is_empty() {
        ui.add(egui::Label::new(RichText::new("Plain decoding: no method is chosen").weak()).wrap());
        return false;
    }
    let mut released = false;
    for (place, (entry, on)) in stack.iter().enumerate() {
        let is_open = cx.memory.of::<MethodsMemory>().unfolded == Some(entry.id);
        ui.horizontal(|ui| {
            let mut now = *on;
            let name = AskSettings::method_name(entry.id);
            let response = ui.checkbox(&mut now, RichText::new(&name).strong()).on_hover_text(about(entry));
            if response.changed() {
                ask.switch_method(entry.id, now);
                released = true;
            }
            if cx.memory.of::<MethodsMemory>().added.take_if(|added| *added == entry.id).is_some() {
                response.scroll_to_me(Some(egui::Align::TOP));
            }
            if let Some(acts) = entry.acts {
                ui.weak(RichText::new(acts.label()).small()).on_hover_text(acts.help());
            }
            let fold = ui.add(egui::Button::selectable(is_open, "Parameters"));
            named(ui, &fold, &format!("Parameters of {name}"));
            if fold.on_hover_text("What it is set to, with the published defaults").clicked() {
                let memory = cx.memory.of::<MethodsMemory>();
                memory.unfolded = if is_open { None } else { Some(entry.id) };
            }
            let can_rise = place > 0;
            let earlier = ui.add_enabled(can_rise, egui::Button::new("⏶").small());
            named(ui, &earlier, &format!("{name} earlier"));
            let help = "Acts before the method above it";
            if earlier.on_hover_text(help).on_disabled_hover_text("It acts first").clicked() {
                ask.raise_method(entry.id);
                released = true;
            }
            let remove = ui.small_button("Remove");
            named(ui, &remove, &format!("Remove {name}"));
            if remove.on_hover_text("Takes it off the list").clicked() {
                ask.remove_method(entry.id);
                released = true;
            }
        });
        if is_open {
            ui.indent(entry.id, |ui| released |= parameters(ui, cx, ask, entry));
        }
    }
    released
}

/// What a method is, what it costs and where it comes from.
fn about(entry: &Entry) -> String {
    let cost = if entry.cost.is_empty() { String::new() } else { format!("\nCost: {}", entry.cost) };
    let paper = if entry.paper.is_empty() { String::new() } else { format!("\n{}", entry.paper) };
    format!("{}{cost}{paper}", entry.help)
}

/// Every method there is, by where it acts.
fn all(ui: &mut Ui, cx: &mut PanelContext<'_>, ask: &mut AskSettings) -> bool {
    let mut released = false;
    let memory = cx.memory.of::<MethodsMemory>();
    let edit = egui::TextEdit::singleline(&mut memory.wanted).hint_text("Find a method").desired_width(f32::INFINITY);
    let response = ui.add(edit);
    named(ui, &response, "Find a method");
    let wanted = memory.wanted.to_lowercase();
    let is_wanted = |text: &str| wanted.split_whitespace().all(|word| text.to_lowercase().contains(word));
    let mut found = false;
    for acts in Acts::ALL {
        let api = acts == Acts::Photo && is_wanted("attention prompting API photo");
        let of_group = |entry: &&Entry| {
            let text = || format!("{} {} {} {}", entry.id, entry.label, entry.help, acts.label());
            entry.acts == Some(acts) && is_wanted(&text())
        };
        let methods: Vec<_> = AskSettings::all_methods().filter(of_group).collect();
        if methods.is_empty() && !api {
            continue;
        }
        found = true;
        ui.add_space(2.0);
        ui.label(RichText::new(acts.label()).weak().small()).on_hover_text(acts.help());
        ui.horizontal_wrapped(|ui| {
            if api {
                let label = if cx.state.next_is_prompted() { "API •" } else { "API" };
                let help =
                    "Attention prompting: the photo is darkened where a model does not look. Opens its own panel";
                let response = ui.button(label).on_hover_text(help);
                named(ui, &response, "Attention prompting");
                if response.clicked() {
                    cx.emit(Command::ShowPane(Pane::Prompting));
                }
            }
            for entry in methods {
                let is_chosen = ask.has_method(entry.id);
                let name = AskSettings::method_name(entry.id);
                let response = ui.add(egui::Button::new(&name).selected(is_chosen)).on_hover_text(about(entry));
                if response.clicked() {
                    if ask.toggle_method(entry.id) {
                        let memory = cx.memory.of::<MethodsMemory>();
                        (memory.unfolded, memory.added) = (Some(entry.id), Some(entry.id));
                        memory.wanted.clear();
                    }
                    released = true;
                }
            }
        });
    }
    if !found {
        ui.weak("No method of that name; the names are those of their papers");
    }
    released
}

/// The parameters of a method. Whether one was released.
fn parameters(ui: &mut Ui, cx: &mut PanelContext<'_>, ask: &mut AskSettings, entry: &'static Entry) -> bool {
    ui.add(egui::Label::new(RichText::new(entry.help).weak().small()).wrap());
    if entry.parameters.is_empty() {
        ui.weak("It has no parameters");
        return false;
    }
    let mut released = false;
    for parameter in entry.parameters {
        released |= parameter_row(ui, cx, ask, entry, parameter);
    }
    if entry.id == "vti" && given(ask, entry, "directions").is_none_or(|path| path.trim().is_empty()) {
        let text = "It needs a file of directions: the command `gazelens directions vti` makes one; `demo` is that of \
            the bundled model";
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    let changed = ask.given_parameters(entry.id).is_some_and(|given| !given.is_empty());
    let reset = ui.add_enabled(changed, egui::Button::new("Published defaults").small());
    let reset = reset.on_hover_text("Every parameter of this method as it was published");
    if reset.on_disabled_hover_text("Every parameter is as it was published").clicked() {
        ask.reset_parameters(entry.id);
        released = true;
    }
    released
}

/// The value that was given, if one was.
fn given<'a>(ask: &'a AskSettings, entry: &Entry, name: &str) -> Option<&'a String> {
    ask.given_parameters(entry.id).and_then(|given| given.get(name))
}

/// The preset in force: chosen, else the default.
fn preset<'a>(ask: &AskSettings, entry: &'a Entry) -> Option<&'a Preset> {
    let parameter = entry.parameters.iter().find(|parameter| parameter.name == PRESET)?;
    let chosen = given(ask, entry, PRESET).map_or(parameter.default, String::as_str);
    entry.presets.iter().find(|preset| preset.id == chosen)
}

/// What a parameter is unless it is given: of the preset, else the default.
fn published(ask: &AskSettings, entry: &Entry, parameter: &ParameterInfo) -> String {
    ask.of_preset(entry, parameter.name).unwrap_or_else(|| parameter.default.to_owned())
}

/// A published number of a layer as it is in force in a model of so many; as it is where that is not known.
fn scaled(
    layers: Option<usize>,
    ask: &AskSettings,
    entry: &Entry,
    parameter: &ParameterInfo,
    published: String,
) -> String {
    let Some((layers, number)) = layers.zip(published.parse::<usize>().ok()).filter(|_| parameter.name != "k") else {
        return published; // a list, or a number of tokens
    };
    let of = |number: usize| scaled_layer(number, layers);
    let least = match (parameter.name, ask.parameter(entry, "start")) {
        ("end", Some(start)) => {
            let start = start.parse::<usize>().unwrap_or_default();
            1 + if given(ask, entry, "start").is_some() { start } else { of(start) }
        }
        _ => 0,
    };
    of(number).max(least).to_string()
}

fn parameter_row(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    ask: &mut AskSettings,
    entry: &'static Entry,
    parameter: &'static ParameterInfo,
) -> bool {
    let layers = cx.state.model.info.as_ref().map(|info| info.num_hidden_layers);
    let published = published(ask, entry, parameter);
    let published = if parameter.by_depth { scaled(layers, ask, entry, parameter, published) } else { published };
    let before = given(ask, entry, parameter.name).cloned().unwrap_or_else(|| published.clone());
    let mut value = before.clone();
    let (mut reset, mut released, mut chosen_preset, mut browses) = (false, false, None, None);
    row(ui, parameter.name, parameter.help, |ui| {
        if parameter.name == PRESET {
            chosen_preset = presets(ui, ask, entry);
            return;
        }
        let response = editor(ui, parameter, &mut value);
        named(ui, &response, &format!("{} of {}", parameter.name, entry.id));
        released = is_released(&response, value != before);
        response.on_hover_text(parameter.help);
        browses = browse(ui, entry, parameter);
        if given(ask, entry, parameter.name).is_some() {
            let response = ui.small_button("Reset").on_hover_text(match published.as_str() {
                "" => "Back to none".to_owned(),
                published if parameter.by_depth => format!("Back to {published}, as published, scaled to this model"),
                published => format!("Back to {published}, as published"),
            });
            named(ui, &response, &format!("Reset {}", parameter.name));
            reset = response.clicked();
        }
        if ui.available_width() > ROOMY_PT && !matches!(parameter.kind, ParameterKind::Choice { .. }) {
            let words = RichText::new(parameter.help).weak().small();
            ui.add(egui::Label::new(words).truncate()).on_hover_text(parameter.help);
        }
    });
    if let Some(place) = browses {
        cx.emit(Command::PickParameterFile(place));
    }
    if let Some(preset) = chosen_preset {
        ask.give_parameter(entry.id, PRESET, preset.to_owned());
    } else if reset {
        ask.reset_parameter(entry.id, parameter.name);
    } else if value != before {
        ask.give_parameter(entry.id, parameter.name, value);
    }
    released || reset || chosen_preset.is_some()
}

/// The button that picks the file a parameter names: one that is a path, or a text that a file may hold. The numbers of
/// layers are typed.
fn browse(ui: &mut Ui, entry: &'static Entry, parameter: &'static ParameterInfo) -> Option<ParameterPlace> {
    let is_text = matches!(parameter.kind, ParameterKind::Text);
    if parameter.by_depth || !(is_text || matches!(parameter.kind, ParameterKind::File)) {
        return None;
    }
    let button = ui.small_button("Browse…");
    named(ui, &button, &format!("Browse for {} of {}", parameter.name, entry.id));
    let help =
        if is_text { "Takes the text from a file, which is read when a question is asked" } else { "Picks the file" };
    let place = ParameterPlace { method: entry.id, name: parameter.name, is_text };
    button.on_hover_text(help).clicked().then_some(place)
}

/// Whether a control came to rest: a slider was let go, a number typed, a choice clicked.
fn is_released(response: &Response, has_changed: bool) -> bool {
    response.drag_stopped() || response.lost_focus() || (has_changed && !response.dragged() && !response.has_focus())
}

/// One button each; chosen again it takes back what was changed. Returns the one that was pressed.
fn presets(ui: &mut Ui, ask: &AskSettings, entry: &Entry) -> Option<&'static str> {
    let mut pressed = None;
    let chosen = preset(ask, entry);
    let others = ask.given_parameters(entry.id).is_some_and(|given| given.keys().any(|name| name != PRESET));
    for preset in entry.presets {
        let is_chosen = chosen.is_some_and(|chosen| chosen.id == preset.id);
        let response = ui.selectable_label(is_chosen, preset.id).on_hover_text(preset.help);
        if response.clicked() {
            pressed = Some(preset.id);
        }
    }
    // Always the same words, so that no row moves while a control does.
    if let Some(chosen) = chosen {
        let changed = if others { "\nSome parameters were changed since" } else { "" };
        let help = format!("{}{changed}", chosen.help);
        ui.add(egui::Label::new(RichText::new(chosen.help).weak().small()).truncate()).on_hover_text(help);
    }
    pressed
}

/// Sliders run where values make sense; whatever the method takes can be typed beside them.
fn editor(ui: &mut Ui, parameter: &ParameterInfo, value: &mut String) -> Response {
    match (parameter.kind, parameter.usual) {
        // A number that four digits cannot show is typed as it is written.
        (ParameterKind::Real { .. }, _) if value.parse::<f64>().is_ok_and(|value| value > 0.0 && value < SMALL) => {
            let response = ui.add(egui::TextEdit::singleline(value).desired_width(90.0));
            value.retain(|letter| letter.is_ascii_digit() || ".e-+".contains(letter));
            response
        }
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
        (ParameterKind::Whole { min, max }, usual) if !value.is_empty() => {
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
            let mut clicked = false;
            let mut response = ui
                .horizontal_wrapped(|ui| {
                    for option in options {
                        if ui.selectable_label(value == option, *option).clicked() {
                            (*option).clone_into(value);
                            clicked = true;
                        }
                    }
                })
                .response;
            if clicked {
                response.mark_changed();
            }
            response
        }
        // What stands for "as the model has it" is empty.
        (ParameterKind::Whole { .. }, _) => {
            let response = ui.add(egui::TextEdit::singleline(value).desired_width(90.0).hint_text("as the model"));
            value.retain(|letter| letter.is_ascii_digit());
            response
        }
        (ParameterKind::File, _) => {
            ui.add(egui::TextEdit::singleline(value).desired_width(150.0).hint_text("path of the file"))
        }
        (ParameterKind::Text, _) => {
            ui.add(egui::TextEdit::singleline(value).desired_width(150.0).hint_text("text, or @FILE"))
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
        assert_eq!(published(&ask, &entry, beta), "0.1", "as the paper");
        ask.give_parameter("vcd", "beta", "0.4".to_owned());
        ask.give_parameter("vcd", PRESET, "official".to_owned());
        assert_eq!(
            (published(&ask, &entry, beta).as_str(), given(&ask, &entry, "beta")),
            ("0.2", None),
            "the script's"
        );
        ask.give_parameter("vcd", "beta", "0.4".to_owned());
        ask.reset_parameter("vcd", "beta");
        let count = ask.given_parameters("vcd").map(std::collections::BTreeMap::len);
        assert_eq!(count, Some(1), "the preset stays chosen");
        ask.reset_parameter("vcd", PRESET);
        assert_eq!(ask.given_parameters("vcd"), None, "as published");
    }

    #[test]
    fn every_method_has_a_place_and_says_what_it_costs() {
        for entry in AskSettings::all_methods() {
            assert!(entry.acts.is_some_and(|acts| Acts::ALL.contains(&acts)), "{} is in a group", entry.id);
            assert!(!entry.cost.is_empty(), "{} says what it costs", entry.id);
        }
    }
}
