//! Below the photo: the value under the pointer, the legend, and buttons.

use super::super::stage::COLOUR_BAR_PT;
use super::{HoveredPatch, heat};
use crate::analysis::localisation::metrics;
use crate::render::{OverlapPalette, colormap};
use crate::ui::canvas::CanvasResponse;
use crate::ui::colour_bar::ColourBar;
use crate::ui::command::{CanvasCommand, Command, CopyCommand};
use crate::ui::derived::{format_share, format_value};
use crate::ui::panels::{PanelContext, objects};
use crate::ui::settings::{Cut, RangeMode};
use crate::ui::state::ShownPrompting;
use crate::ui::widgets::command_button;
use eframe::egui;
use egui::{RichText, Ui, vec2};

/// Colour bar and the value under the pointer.
pub(super) fn footer(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    response: &CanvasResponse,
    hovered: Option<&HoveredPatch>,
) {
    ui.add_space(2.0);
    if !cx.state.colour.overlay_visible {
        ui.add_space(COLOUR_BAR_PT);
    } else if cx.state.truth.view.overlap && legend(ui, cx) {
        // The legend says what the colours mean.
    } else if let (Some((_, style)), Some(shown)) = (heat(cx), &cx.derived.shown) {
        let whose = match (cx.state.colour.range_mode, cx.state.view.source) {
            (RangeMode::Fixed, _) => "fixed range",
            (RangeMode::SharedOverTokens, source) if source.of_tokens() => "range shared over all answer tokens",
            _ => "range of this map",
        };
        let whose = format!("{}, {whose}", colormap(style.colormap).label);
        let marker = hovered.and_then(|patch| patch.value);
        ColourBar::new(&style, shown.unit, whose).marker(marker).show(ui);
    }
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            buttons(ui, cx);
            ui.weak(format!("{:.0} %", response.factor * 100.0)).on_hover_text("Screen pixels per photo pixel");
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                let outside = response.response.hovered();
                hovered_line(ui, cx, hovered, outside);
                if let Some(note) = &response.note {
                    ui.add(egui::Label::new(RichText::new(note).color(ui.visuals().warn_fg_color)).truncate());
                }
            });
        });
    });
}

/// Colours of hits and misses with the figures at the threshold; `false` where there are none.
fn legend(ui: &mut Ui, cx: &PanelContext<'_>) -> bool {
    let Some(Ok(scores)) = &cx.derived.truth.scores else { return false };
    let view = cx.state.truth.view;
    let palette = if view.colour_blind_safe { OverlapPalette::ColourBlindSafe } else { OverlapPalette::TrafficLight };
    let name = cx.state.truth.category().map_or("", |category| category.name.as_str());
    let cut = match view.cut {
        Cut::Mean => "its mean".to_owned(),
        Cut::OfMax(part) => format!("{part:.2} of its largest value"),
    };
    let figures = metrics().zip(&scores.values).filter(|(metric, _)| metric.thresholded);
    let figures: Vec<String> =
        figures.filter_map(|(metric, value)| Some(format!("{} {:.3}", metric.label, value.as_ref().ok()?))).collect();
    let text = format!("{name}, map cut at {cut}: {}", figures.join(", "));
    let size = vec2(ui.available_width(), COLOUR_BAR_PT - 6.0);
    ui.allocate_ui(size, |ui| {
        ui.set_min_size(size);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            for (words, [r, g, b]) in palette.legend() {
                objects::swatch(ui, egui::Color32::from_rgb(r, g, b));
                ui.label(RichText::new(words).small());
            }
        });
        ui.add(egui::Label::new(RichText::new(&text).small()).truncate()).on_hover_text(&text);
    });
    true
}

/// The value under the pointer, or what could be done.
fn hovered_line(ui: &mut Ui, cx: &PanelContext<'_>, hovered: Option<&HoveredPatch>, pointed: bool) {
    match hovered {
        Some(HoveredPatch { value, object, regions, .. }) if !regions.is_empty() => {
            if let Some(object) = object {
                ui.label(RichText::new(object).color(crate::ui::theme::accent(ui.visuals())));
            }
            // The value of the cell that a click selects, and what lies over or under it.
            if let Some(value) = *value {
                ui.label(RichText::new(format_value(value)).strong());
            }
            ui.add(egui::Label::new(regions.as_str()).truncate()).on_hover_text(regions.as_str());
        }
        Some(HoveredPatch { pos, value, share, object, .. }) => {
            ui.label(format!("Patch row {}, column {}", pos.row, pos.col));
            if let Some(value) = *value {
                ui.label(RichText::new(format_value(value)).strong());
            }
            if let Some(object) = object {
                ui.label(RichText::new(object).color(crate::ui::theme::accent(ui.visuals())));
            }
            if let Some(share) = *share {
                let is_share = cx.state.view.source.entry().share_unit.is_some();
                let whole = if is_share { "the image's attention" } else { "the map's sum" };
                let text = RichText::new(format!("{} of {whole}", format_share(share))).weak();
                ui.add(egui::Label::new(text).truncate());
            }
        }
        None if pointed => {
            ui.weak("Outside of what the model saw");
        }
        None => {
            let shown = cx.state.shown_prompting();
            let text = match cx.state.selection.patches.len() {
                0 if shown == ShownPrompting::AsSet => "The model saw the darkened photo (API > Prompted)".to_owned(),
                0 if shown == ShownPrompting::Otherwise => {
                    "The model saw the photo darkened otherwise than API shows it now".to_owned()
                }
                0 if !cx.state.has_decoder() => "Point at the photo for values".to_owned(),
                0 => "Point at the photo for values; click it to see which words looked there".to_owned(),
                1 => "1 patch selected".to_owned(),
                more => format!("{more} patches selected"),
            };
            ui.add(egui::Label::new(RichText::new(text).weak()).truncate());
        }
    }
}

/// Zoom, from the right.
pub(in crate::ui::panels) fn zoom_buttons(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.spacing_mut().item_spacing.x = 3.0;
    command_button(ui, "1:1", &Command::Canvas(CanvasCommand::ActualSize), cx.commands);
    command_button(ui, "Fit", &Command::Canvas(CanvasCommand::Fit), cx.commands);
}

/// View and overlay, from the right.
pub(in crate::ui::panels) fn buttons(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    zoom_buttons(ui, cx);
    command_button(ui, "Copy", &Command::Copy(CopyCommand::Picture), cx.commands);
    for (pressed, label, command) in [
        (cx.state.colour.patch_grid_visible, "Patches", Command::TogglePatchGrid),
        (cx.state.colour.overlay_visible, "Overlay", Command::ToggleOverlay),
    ] {
        let button = egui::Button::selectable(pressed, label);
        let response = ui.add(button).on_hover_text(crate::ui::widgets::tooltip(ui.ctx(), &command));
        if response.clicked() {
            cx.commands.push(command);
        }
    }
}
