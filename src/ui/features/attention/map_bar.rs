//! The bar over the photo: which numbers are shown, and over which range.

use crate::analysis::sources;
use crate::trace::Trace;
use crate::ui::core::command::Command;
use crate::ui::core::settings::{Axis, ViewState};
use crate::ui::features::answer::similarity;
use crate::ui::features::attention::colours;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{Direction, Normalisation, Reduce, Source};
use crate::ui::widgets::{choice, named, row};
use eframe::egui;
use egui::{DragValue, Popup, PopupCloseBehavior, RichText, Ui};

/// Space between two groups of the bar, points.
const GAP_PT: f32 = 6.0;
/// Width of the forms that open below the bar, points.
const FORM_PT: f32 = 340.0;

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut view = cx.state.view;
    let shape = cx.state.shape();
    let (layers, heads) = shape.unwrap_or((0, 0));
    ui.horizontal_wrapped(|ui| {
        // Everything in one line on a laptop.
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 4.0;
        ui.spacing_mut().interact_size.x = 24.0;
        source(ui, cx, &mut view);
        encoder(ui, cx, &mut view);
        let mut layer_head = view.layer_head();
        ui.add_space(GAP_PT);
        one_axis(ui, "Layer", "layers", &mut layer_head.layer, layers);
        let has_heads = view.source.has_heads();
        ui.add_space(GAP_PT);
        ui.add_enabled_ui(has_heads, |ui| {
            one_axis(ui, "Head", "heads", &mut layer_head.head, if has_heads { heads } else { 0 });
        });
        *view.layer_head_mut() = layer_head;
        ui.add_space(GAP_PT);
        values(ui, cx, &mut view);
        range(ui, cx);
    });
    if view != cx.state.view {
        cx.emit(Command::SetView(view));
    }
}

/// A button with the form that it opens; clicks in the form leave it open.
fn form(ui: &mut Ui, cx: &mut PanelContext<'_>, text: [&'static str; 2], label: &str, contents: Contents<'_>) {
    let [name, help] = text;
    let mut is_open = cx.memory.open_form == Some(name);
    let response = ui.add(egui::Button::new(format!("{label} ⏷")).selected(is_open));
    named(ui, &response, name);
    if response.clicked() {
        is_open = !is_open;
    }
    // Its state is our own: a list that is opened in a form would close it if both were egui's one open popup.
    let popup = Popup::from_response(&response).open_bool(&mut is_open);
    popup.close_behavior(PopupCloseBehavior::CloseOnClickOutside).width(FORM_PT).show(|ui| {
        ui.set_min_width(FORM_PT);
        contents(ui, cx);
    });
    if is_open {
        cx.memory.open_form = Some(name);
    } else {
        cx.memory.open_form.take_if(|open| *open == name);
    }
    if !is_open {
        response.on_hover_text(help);
    }
}

/// What a form shows.
type Contents<'a> = &'a mut dyn FnMut(&mut Ui, &mut PanelContext<'_>);

/// What a value is divided by; how tokens become one map and what is left out, with the present state on the button.
fn values(ui: &mut Ui, cx: &mut PanelContext<'_>, view: &mut ViewState) {
    let has_decoder = cx.state.has_decoder();
    let of_tokens = has_decoder && view.source.of_tokens();
    let has_share = view.source.entry().share_unit.is_some();
    if has_share {
        normalisation(ui, view);
    } else {
        let unit = view.source.entry().unit;
        ui.label(RichText::new(unit).weak()).on_hover_text("These values have one unit only");
    }
    let mut words = Vec::new();
    if of_tokens && view.tokens == Reduce::Max {
        words.push("max of tokens");
    }
    if view.suppress_sink && view.source.has_sink() {
        words.push("no sink");
    }
    let label = if words.is_empty() { "more".to_owned() } else { words.join(", ") };
    let help = "How the maps of several tokens become one, whether the first position (attention sink) counts, and \
        the direction of selecting";
    form(ui, cx, ["More about the values", help], &label, &mut |ui, cx| {
        ui.add_enabled_ui(of_tokens, |ui| tokens(ui, view));
        sink(ui, view);
        ui.add_enabled_ui(has_decoder, |ui| direction(ui, cx));
    });
}

/// Which values the ends of the colours mean, and every other choice of colour.
fn range(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let words = colours::range_words(cx);
    let help = "Range, colour map, opacity, interpolation";
    form(ui, cx, ["Range", help], words, &mut |ui, cx| colours::show(ui, cx));
}

fn source(ui: &mut Ui, cx: &PanelContext<'_>, view: &mut ViewState) {
    if !cx.state.has_decoder() {
        return similarity::encoder_source(ui, cx, view);
    }
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    let has_vision = trace.is_none_or(|trace| trace.vision.is_some());
    let (shown, encoder) = (view.source, view.encoder);
    let is_there = |source: &Source| match *source {
        source if source == Source::DECODER => true,
        // Without any of them its place says why.
        source if source == Source::VISION => trace.is_none_or(|trace| !Source::RECEIVED.is_in(trace, encoder)),
        source => trace.map_or(source == shown, |trace| source.is_in(trace, encoder)),
    };
    let options: Vec<_> = sources().filter(is_there).map(|source| (source, source.name(), source.help())).collect();
    if let Some(source) = choice(ui, view.source, &options) {
        view.source = source;
    }
    if !has_vision {
        ui.weak("not recorded");
    }
}

/// Which of several vision encoders.
fn encoder(ui: &mut Ui, cx: &PanelContext<'_>, view: &mut ViewState) {
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    let count = trace.map_or(0, Trace::num_encoders);
    if count < 2 {
        return;
    }
    ui.add_enabled_ui(view.source.is_encoder(), |ui| {
        ui.label(RichText::new("Encoder").weak()).on_hover_text("Which of the model's vision encoders, counted from 0");
        for idx in 0..count {
            let button = egui::Button::selectable(view.encoder == idx, idx.to_string());
            if ui.add(button).on_hover_text(format!("Vision encoder {idx}")).clicked() {
                view.encoder = idx;
            }
        }
    });
}

fn one_axis(ui: &mut Ui, label: &str, plural: &str, chosen: &mut Axis, count: usize) {
    let last = count.saturating_sub(1);
    let arrows = if label == "Layer" { "left and right" } else { "down and up" };
    let help = format!("{label} 0 to {last}, counted from 0: drag, type, or use the {arrows} arrow keys");
    axis(ui, &AxisWords { label, name: label, plural, help: &help }, chosen, count);
}

/// What the choice of a layer or head is called.
pub(in crate::ui) struct AxisWords<'a> {
    /// Before the number.
    pub(in crate::ui) label: &'a str,
    /// Tells it from others in the window.
    pub(in crate::ui) name: &'a str,
    /// Of several.
    pub(in crate::ui) plural: &'a str,
    /// How the number is changed.
    pub(in crate::ui) help: &'a str,
}

/// A number for one of them, or the mean or maximum of all. Changing the number leaves the mean.
pub(in crate::ui) fn axis(ui: &mut Ui, words: &AxisWords<'_>, axis: &mut Axis, count: usize) {
    let last = count.saturating_sub(1);
    let AxisWords { label, name, plural, help } = *words;
    ui.label(RichText::new(label).weak()).on_hover_text(help);
    let mut idx = axis.idx.min(last);
    ui.scope(|ui| {
        if axis.reduce.is_some() {
            ui.multiply_opacity(0.55);
        }
        let number = DragValue::new(&mut idx).range(0..=last).speed(0.1);
        let response = ui.add_enabled(count > 0, number);
        named(ui, &response, name);
        if response.on_hover_text(help).changed() {
            *axis = Axis { idx, reduce: None };
        }
    });
    for (reduce, word, help) in [
        (Reduce::Mean, "mean", format!("The mean over all {plural}")),
        (Reduce::Max, "max", format!("The largest over all {plural}, patch by patch")),
    ] {
        let pressed = axis.reduce == Some(reduce);
        let response = ui.add(egui::Button::selectable(pressed, word)).on_hover_text(&help);
        response.widget_info(|| {
            egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, pressed, format!("{name} {word}"))
        });
        if response.clicked() {
            axis.reduce = if pressed { None } else { Some(reduce) };
        }
    }
}

fn tokens(ui: &mut Ui, view: &mut ViewState) {
    let options = [
        (false, "mean", "Several tokens: the mean of their maps"),
        (true, "max", "Several tokens: the largest of their maps, patch by patch"),
    ];
    row(ui, "Tokens", "How the maps of several tokens are put together", |ui| {
        if let Some(max) = choice(ui, view.tokens == Reduce::Max, &options) {
            view.tokens = if max { Reduce::Max } else { Reduce::Mean };
        }
    });
}

fn normalisation(ui: &mut Ui, view: &mut ViewState) {
    let options = [
        (Normalisation::Raw, "raw", "Raw probability: the softmax over all keys, text included"),
        (
            Normalisation::ImageShare,
            "share",
            "Share of the image's attention: divided by the sum over all patches, after averaging",
        ),
    ];
    if let Some(normalisation) = choice(ui, view.normalisation, &options) {
        view.normalisation = normalisation;
    }
}

fn sink(ui: &mut Ui, view: &mut ViewState) {
    row(ui, "Sink", "Many decoders dump unused attention on the first token (attention sink)", |ui| {
        let help = "The prompt's first token, <s>, draws much attention without meaning anything (a sink). This leaves \
            its share out and divides the rest by what is left, head by head (decoder only)";
        ui.add_enabled(
            view.source.has_sink(),
            egui::Checkbox::new(&mut view.suppress_sink, "leave out the first position"),
        )
        .on_hover_text(help);
    });
}

fn direction(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let options = [
        (Direction::TokensToPatches, "words to patches", "Pick words; the photo shows where they looked"),
        (Direction::PatchesToTokens, "patches to words", "Pick patches; the words show how much they looked there"),
    ];
    row(ui, "Direction", "Tab swaps it", |ui| {
        if choice(ui, cx.state.selection.direction, &options).is_some() {
            cx.emit(Command::SwapDirection);
        }
    });
}
