//! Beside and below the photo: the colour bar, the caption or the value under the pointer, the legend, and buttons.

use crate::analysis::localisation::metrics;
use crate::render::{OverlapPalette, colormap};
use crate::ui::core::command::{CanvasCommand, Command, CopyCommand};
use crate::ui::core::settings::{Cut, RangeMode};
use crate::ui::features::ShownPrompting;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{format_share, format_value};
use crate::ui::features::photo::panel::{HoveredPatch, caption, heat};
use crate::ui::features::photo::stage::upright_bar;
use crate::ui::features::truth::objects;
use crate::ui::widgets::canvas::CanvasResponse;
use crate::ui::widgets::colour_bar::ColourBar;
use crate::ui::widgets::command_button;
use eframe::egui;
use egui::{RichText, Ui, vec2};

/// Height of the legend of hits and misses, points.
pub(super) const LEGEND_PT: f32 = 46.0;

/// At the photo's side.
pub(super) fn colour_bar(
    ui: &mut Ui,
    cx: &PanelContext<'_>,
    response: &CanvasResponse,
    hovered: Option<&HoveredPatch>,
) {
    if !cx.state.colour.overlay_visible || has_legend(cx) {
        return;
    }
    let (Some((_, style)), Some(shown)) = (heat(cx), &cx.derived.shown) else { return };
    let whose = match (cx.state.colour.range_mode, cx.state.view.source) {
        (RangeMode::Fixed, _) => "fixed range",
        (RangeMode::SharedOverTokens, source) if source.of_tokens() => "range shared over all answer tokens",
        _ => "range of this map",
    };
    let whose = format!("{}, {whose}", colormap(style.colormap).label);
    let marker = hovered.and_then(|patch| patch.value);
    upright_bar(ui, ColourBar::new(&style, shown.unit, whose).marker(marker), response);
}

/// One line: what is shown, or the value under the pointer; and the buttons.
pub(super) fn footer(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    response: &CanvasResponse,
    hovered: Option<&HoveredPatch>,
) {
    if has_legend(cx) {
        legend(ui, cx);
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

/// Whether hits and misses stand in the heat map's place.
pub(super) fn has_legend(cx: &PanelContext<'_>) -> bool {
    let colour = &cx.state.colour;
    colour.overlay_visible && cx.state.truth.view.overlap && matches!(cx.derived.truth.scores, Some(Ok(_)))
}

/// Colours of hits and misses with the figures at the threshold.
fn legend(ui: &mut Ui, cx: &PanelContext<'_>) {
    let Some(Ok(scores)) = &cx.derived.truth.scores else { return };
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
    let size = vec2(ui.available_width(), LEGEND_PT - 6.0);
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
}

/// The value under the pointer, or what could be done.
fn hovered_line(ui: &mut Ui, cx: &PanelContext<'_>, hovered: Option<&HoveredPatch>, pointed: bool) {
    match hovered {
        Some(HoveredPatch { value, object, regions, .. }) if !regions.is_empty() => {
            if let Some(object) = object {
                ui.label(RichText::new(object).color(crate::ui::widgets::theme::accent(ui.visuals())));
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
                ui.label(RichText::new(object).color(crate::ui::widgets::theme::accent(ui.visuals())));
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
            let note = match (cx.state.shown_prompting(), cx.state.selection.patches.len()) {
                (ShownPrompting::AsSet, _) => Some("The model saw the darkened photo (API > Prompted)".to_owned()),
                (ShownPrompting::Otherwise, _) => {
                    Some("The model saw the photo darkened otherwise than API shows it now".to_owned())
                }
                (_, 0) => None,
                (_, 1) => Some("1 patch selected".to_owned()),
                (_, more) => Some(format!("{more} patches selected")),
            };
            if let Some(note) = note {
                let text = RichText::new(&note).color(crate::ui::widgets::theme::accent(ui.visuals()));
                ui.add(egui::Label::new(text).truncate()).on_hover_text(note);
            }
            caption(ui, cx);
        }
    }
}

/// Zoom, from the right.
pub(in crate::ui) fn zoom_buttons(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.spacing_mut().item_spacing.x = 3.0;
    command_button(ui, "1:1", &Command::Canvas(CanvasCommand::ActualSize), cx.commands);
    command_button(ui, "Fit", &Command::Canvas(CanvasCommand::Fit), cx.commands);
}

/// View and overlay, from the right.
pub(in crate::ui) fn buttons(ui: &mut Ui, cx: &mut PanelContext<'_>) {
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
