//! Which numbers are shown: source, layer, head, tokens, normalisation.

use super::{PanelContext, similarity};
use crate::analysis::sources;
use crate::trace::Trace;
use crate::ui::command::Command;
use crate::ui::settings::{Axis, ViewState};
use crate::ui::state::{Direction, Normalisation, Reduce, Source};
use crate::ui::widgets::{choice, row};
use eframe::egui;
use egui::Ui;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut view = cx.state.view;
    source(ui, cx, &mut view);
    encoder(ui, cx, &mut view);
    let shape = cx.state.shape();
    let (layers, heads) = shape.unwrap_or((0, 0));
    let mut layer_head = view.layer_head();
    axis(ui, "Layer", "layers", &mut layer_head.layer, layers);
    let heads = if view.source.has_heads() { heads } else { 0 };
    ui.add_enabled_ui(view.source.has_heads(), |ui| axis(ui, "Head", "heads", &mut layer_head.head, heads));
    *view.layer_head_mut() = layer_head;
    let has_decoder = cx.state.has_decoder();
    let of_tokens = has_decoder && view.source.of_tokens();
    ui.add_enabled_ui(of_tokens, |ui| tokens(ui, &mut view));
    ui.add_enabled_ui(view.source.entry().share_unit.is_some(), |ui| normalisation(ui, &mut view));
    ui.add_enabled_ui(has_decoder, |ui| direction(ui, cx));
    if view != cx.state.view {
        cx.emit(Command::SetView(view));
    }
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
    row(ui, "Source", "Whose attention is shown", |ui| {
        if let Some(source) = choice(ui, view.source, &options) {
            view.source = source;
        }
        if !has_vision {
            ui.weak("not recorded");
        }
    });
}

/// Which of several vision encoders.
fn encoder(ui: &mut Ui, cx: &PanelContext<'_>, view: &mut ViewState) {
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    let count = trace.map_or(0, Trace::num_encoders);
    if count < 2 {
        return;
    }
    row(ui, "Encoder", "Which of the model's vision encoders, counted from 0", |ui| {
        ui.add_enabled_ui(view.source.is_encoder(), |ui| {
            for idx in 0..count {
                let button = egui::Button::selectable(view.encoder == idx, idx.to_string());
                if ui.add(button).on_hover_text(format!("Vision encoder {idx}")).clicked() {
                    view.encoder = idx;
                }
            }
        });
    });
}

/// A slider for one of them, or the mean or maximum of all. Moving the slider leaves the mean.
fn axis(ui: &mut Ui, label: &str, plural: &str, axis: &mut Axis, count: usize) {
    let help = format!("0 to {}; the arrow keys move it", count.saturating_sub(1));
    row(ui, label, &help, |ui| {
        let mut idx = axis.idx.min(count.saturating_sub(1));
        let slider = egui::Slider::new(&mut idx, 0..=count.saturating_sub(1)).smart_aim(false);
        let name = ui.name_inputs(label, |ui| {
            ui.spacing_mut().slider_width = (ui.available_width() - 152.0).clamp(24.0, 220.0);
            ui.scope(|ui| {
                if axis.reduce.is_some() {
                    ui.multiply_opacity(0.55);
                }
                ui.add_enabled(count > 0, slider)
            })
            .inner
        });
        if name.changed() {
            *axis = Axis { idx, reduce: None };
        }
        ui.spacing_mut().item_spacing.x = 2.0;
        for (reduce, word, help) in [
            (Reduce::Mean, "mean", format!("The mean over all {plural}")),
            (Reduce::Max, "max", format!("The largest over all {plural}, patch by patch")),
        ] {
            let pressed = axis.reduce == Some(reduce);
            let response = ui.add(egui::Button::selectable(pressed, word)).on_hover_text(&help);
            response.widget_info(|| {
                egui::WidgetInfo::selected(egui::accesskit::Role::Button, true, pressed, format!("{label} {word}"))
            });
            if response.clicked() {
                axis.reduce = if pressed { None } else { Some(reduce) };
            }
        }
    });
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
        (Normalisation::Raw, "raw", "The softmax probability over all keys, text included"),
        (
            Normalisation::ImageShare,
            "share of image",
            "Divided by the sum over all patches, after everything was put together",
        ),
    ];
    row(ui, "Values", "What a value is a part of", |ui| {
        if let Some(normalisation) = choice(ui, view.normalisation, &options) {
            view.normalisation = normalisation;
        }
    });
    row(ui, "Sink", "Many decoders park attention they have no use for on the first position", |ui| {
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
