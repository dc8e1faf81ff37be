//! The last column: one run less the reference, and what the marks mean.

use super::CompareMemory;
use crate::analysis::align::Change;
use crate::geometry::PatchPos;
use crate::render::{HeatStyle, PhotoTexture, colormap, colormap_by_id};
use crate::ui::features::compare::panel::{PanelContext, canvas_size, line};
use crate::ui::features::derived::{Comparison, Difference};
use crate::ui::widgets::canvas::PhotoCanvas;
use crate::ui::widgets::chip::{change_glyph, change_word};
use crate::ui::widgets::colour_bar::ColourBar;
use crate::ui::widgets::theme;
use eframe::egui;
use egui::{Rect, RichText, Ui};

/// White at 0, the same reach to both sides.
const DIVERGING: &str = "rdbu";

/// Draws into the four rows of its column. Returns the patch under the pointer.
pub(super) fn show(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    photo: &PhotoTexture,
    comparison: &Comparison,
    difference: &Difference,
    cell: impl Fn(usize) -> Rect,
) -> Option<PatchPos> {
    let nr = |run| comparison.column(run).map_or(0, |column| column.nr);
    let (other, reference) = (nr(difference.run), comparison.columns.first().map_or(0, |column| column.nr));
    let style = style(cx, difference);
    super::within(ui, cell(0), "difference head", |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let size = egui::vec2(ui.available_width(), super::LINE_PT);
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Center), |ui| {
            line(ui, RichText::new(format!("Run {other} minus run {reference}")).strong(), &difference.caption);
        });
        let text = format!("red: run {other} looked more; blue: less");
        line(ui, RichText::new(&text).small().weak(), &difference.caption);
    });
    let mut hovered = None;
    super::within(ui, cell(1), "difference photo", |ui| hovered = canvas(ui, cx, photo, difference, &style));
    super::within(ui, cell(2), "difference scale", |ui| {
        if difference.map.is_ok() && cx.state.colour.overlay_visible {
            ColourBar::new(&style, "difference", colormap(style.colormap).label).show(ui);
        }
    });
    super::within(ui, cell(3), "difference words", |ui| words(ui, difference));
    hovered
}

fn style(cx: &PanelContext<'_>, difference: &Difference) -> HeatStyle {
    let colormap = colormap_by_id(DIVERGING).unwrap_or(cx.state.colour.style.colormap);
    HeatStyle { colormap, range: [-difference.scale, difference.scale], ..cx.state.colour.style }
}

fn canvas(
    ui: &mut Ui,
    cx: &mut PanelContext<'_>,
    photo: &PhotoTexture,
    difference: &Difference,
    style: &HeatStyle,
) -> Option<PatchPos> {
    let map = match &difference.map {
        Ok(map) => map,
        Err(why) => {
            let rect = ui.available_rect_before_wrap();
            ui.painter().rect_filled(rect, 0.0, ui.visuals().extreme_bg_color);
            ui.add_space(rect.height() * 0.3);
            ui.vertical_centered(|ui| {
                ui.label(RichText::new("No difference").strong());
                ui.add(egui::Label::new(RichText::new(why).small().weak()).wrap());
            });
            return None;
        }
    };
    let run = cx.state.runs.get(difference.run)?;
    let layout = run.trace.as_ref().map(|trace| &trace.layout).filter(|layout| layout.image() == photo.size())?;
    let linked = cx.memory.of::<CompareMemory>().hovered.filter(|pos| layout.idx(*pos).is_some());
    let heat = Some((map.clone(), *style)).filter(|_| cx.state.colour.overlay_visible);
    PhotoCanvas::new(photo, layout)
        .heat(heat)
        .marked(Vec::new(), linked.into_iter().collect())
        .grid_lines(cx.state.colour.patch_grid_visible)
        .show_border(true)
        .label(format!("Difference: {}", difference.caption))
        .size(canvas_size(ui))
        .show(ui, &mut cx.memory.compared)
        .hovered
}

/// What is subtracted, and what the marks in the answers mean.
fn words(ui: &mut Ui, difference: &Difference) {
    egui::ScrollArea::vertical().id_salt("difference words").auto_shrink(false).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 3.0;
            for (change, help) in [
                (Change::Changed, "Another token stands in the same place"),
                (Change::Inserted, "The reference has nothing in its place"),
                (Change::Removed, "Only the reference has it"),
            ] {
                let colour = theme::change(ui.visuals(), change);
                let glyph = change_glyph(change).unwrap_or_default();
                ui.label(RichText::new(glyph).small().strong().color(colour)).on_hover_text(help);
                ui.label(RichText::new(change_word(change)).small().underline().color(colour)).on_hover_text(help);
                ui.add_space(4.0);
            }
        });
        ui.add(egui::Label::new(RichText::new(&difference.caption).small().weak()).wrap());
    });
}
