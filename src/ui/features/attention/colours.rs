//! Colours of the overlay.

use crate::geometry::{Combine, Framing};
use crate::render::{Resampling, colormap, colormaps};
use crate::ui::core::command::Command;
use crate::ui::core::settings::{ColourSettings, RangeMode};
use crate::ui::features::context::PanelContext;
use crate::ui::widgets::{choice, choice_unless, named, row};
use eframe::egui;
use egui::{DragValue, Slider, Ui};

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let mut colour = cx.state.colour;
    map(ui, &mut colour);
    range(ui, cx, &mut colour);
    let style = &mut colour.style;
    ui.spacing_mut().slider_width = (ui.available_width() - 160.0).clamp(60.0, 220.0);
    slider(
        ui,
        "Gamma",
        "Exponent on the position in the range: below 1 lifts small values",
        &mut style.gamma,
        0.2..=3.0,
    );
    slider(ui, "Opacity", "Of the whole overlay", &mut style.opacity, 0.0..=1.0);
    slider(
        ui,
        "Alpha ramp",
        "How much the opacity follows the value. 0: the same everywhere; 1: low values are clear, so that the photo is \
            seen there",
        &mut style.alpha_ramp,
        0.0..=1.0,
    );
    resampling(ui, &mut colour);
    overlaps(ui, cx, &mut colour);
    row(ui, "Show", "What is drawn over the photo", |ui| {
        ui.checkbox(&mut colour.overlay_visible, "overlay").on_hover_text("The heat map on the photo (G)");
        ui.checkbox(&mut colour.patch_grid_visible, "patch borders")
            .on_hover_text("The borders of the model's patches (Ctrl+G)");
    });
    framing(ui, cx);
    if colour != cx.state.colour {
        cx.emit(Command::SetColour(colour));
    }
}

fn slider(ui: &mut Ui, label: &str, help: &str, value: &mut f32, range: std::ops::RangeInclusive<f32>) {
    row(ui, label, help, |ui| {
        ui.name_inputs(label, |ui| ui.add(Slider::new(value, range).fixed_decimals(2))).on_hover_text(help)
    });
}

fn map(ui: &mut Ui, colour: &mut ColourSettings) {
    row(ui, "Colour map", "Which colours stand for low and high values", |ui| {
        ui.name_inputs("Colour map", |ui| {
            egui::ComboBox::from_id_salt("colour map")
                .width(150.0)
                .selected_text(colormap(colour.style.colormap).label)
                .show_ui(ui, |ui| {
                    for (idx, map) in colormaps().iter().enumerate() {
                        ui.selectable_value(&mut colour.style.colormap, idx, map.label).on_hover_text(map.help);
                    }
                })
        });
    });
}

/// Where the shown model covers spots of the photo twice.
fn overlaps(ui: &mut Ui, cx: &PanelContext<'_>, colour: &mut ColourSettings) {
    let trace = cx.state.current_run().and_then(|run| run.trace.as_ref());
    let Some(layout) = trace.map(|trace| &trace.layout).filter(|layout| layout.overlaps()) else { return };
    let words = |combine: Combine| match combine {
        Combine::Mean => "mean".to_owned(),
        Combine::Largest => "largest".to_owned(),
        Combine::Region(idx) => format!("{} alone", layout.name(idx)),
    };
    let help = "The model saw parts of the photo more than once: what the map shows there. \
                The mean weighs by area; metrics use the same";
    row(ui, "Overlaps", help, |ui| {
        ui.name_inputs("Overlaps", |ui| {
            let combine = &mut colour.style.combine;
            egui::ComboBox::from_id_salt("overlaps")
                .width(150.0)
                .selected_text(words(layout.in_force(*combine)))
                .show_ui(ui, |ui| {
                    let regions = layout.placed().map(|region| Combine::Region(region.idx));
                    for one in [Combine::Mean, Combine::Largest].into_iter().chain(regions) {
                        ui.selectable_value(combine, one, words(one));
                    }
                })
        });
    });
}

/// The range in force, for a button.
pub(in crate::ui) fn range_words(cx: &PanelContext<'_>) -> &'static str {
    match in_force(cx, cx.state.colour.range_mode) {
        RangeMode::PerMap => "per map",
        RangeMode::SharedOverTokens => "shared range",
        RangeMode::Fixed => "fixed range",
    }
}

/// The `[CLS]` map is one for all tokens, so its range is its own.
fn in_force(cx: &PanelContext<'_>, mode: RangeMode) -> RangeMode {
    match mode {
        RangeMode::SharedOverTokens if !cx.state.view.source.of_tokens() => RangeMode::PerMap,
        mode => mode,
    }
}

fn range(ui: &mut Ui, cx: &PanelContext<'_>, colour: &mut ColourSettings) {
    let options = [
        (
            RangeMode::PerMap,
            "per map",
            "0 to the largest value of the shown map: structure is always visible, brightness does not compare",
        ),
        (
            RangeMode::SharedOverTokens,
            "shared",
            "0 to the largest value over all tokens of the answer: brightness compares between tokens",
        ),
        (RangeMode::Fixed, "fixed", "Typed in: brightness compares between answers, layers and models"),
    ];
    let of_tokens = cx.state.view.source.of_tokens();
    let in_force = in_force(cx, colour.range_mode);
    let why_not = |mode: RangeMode| {
        let nothing = mode == RangeMode::SharedOverTokens && !of_tokens;
        nothing.then_some("Nothing to share: this map is the same for every token of the answer")
    };
    row(ui, "Range", "Which values the ends of the colour map mean", |ui| {
        if let Some(mode) = choice_unless(ui, in_force, &options, why_not) {
            if mode == RangeMode::Fixed
                && let Some(shown) = &cx.derived.shown
            {
                colour.fixed_range = shown.range; // starts from what is seen
            }
            colour.range_mode = mode;
        }
    });
    if colour.range_mode == RangeMode::Fixed {
        row(ui, "", "", |ui| {
            let [low, high] = &mut colour.fixed_range;
            // Neither end passes the other: a scale that runs backwards paints nothing.
            let field = |value, range| DragValue::new(value).speed(0.0005).range(range).max_decimals(6);
            let (lowest, highest) = (*low, *high);
            let response = ui.add(field(low, -1.0e6..=highest));
            named(ui, &response, "Lowest value");
            ui.label("to");
            let response = ui.add(field(high, lowest..=1.0e6));
            named(ui, &response, "Highest value");
        });
    }
}

fn resampling(ui: &mut Ui, colour: &mut ColourSettings) {
    let options = [
        (Resampling::Nearest, "nearest", "Each patch its own value: what the model really has"),
        (Resampling::Bilinear, "bilinear", "Linear between the four nearest patches"),
        (Resampling::Bicubic, "bicubic", "Smooth over sixteen patches"),
        (Resampling::Lanczos, "Lanczos", "Smooth over thirty-six patches"),
    ];
    row(ui, "Interpolation", "What is drawn between the centres of patches", |ui| {
        if let Some(resampling) = choice(ui, colour.style.resampling, &options) {
            colour.style.resampling = resampling;
        }
    });
}

fn framing(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let own = cx.state.model.info.as_ref().map_or(Framing::Crop, |info| info.framing);
    let options = [
        (Framing::Crop, "crop", "The shorter edge to size, the centre cut out: the model does not see the borders"),
        (Framing::Pad, "pad", "The photo centred on a square of the mean colour, as the original LLaVA"),
    ];
    row(ui, "Framing", "How the next question's photo becomes square", |ui| {
        let current = cx.state.ask.framing.unwrap_or(own);
        if let Some(framing) = choice(ui, current, &options) {
            let mut ask = cx.state.ask.clone();
            ask.framing = (framing != own).then_some(framing);
            cx.emit(Command::SetAsk(Box::new(ask)));
        }
        if current == own {
            ui.weak("the model's own");
        }
    });
}
