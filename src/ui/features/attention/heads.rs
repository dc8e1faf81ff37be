//! Every layer and head as a small map; a click jumps there.

use crate::geometry::{Combine, Flattening, PatchGrid};
use crate::render::{GridMaps, GridRange};
use crate::ui::core::command::Command;
use crate::ui::core::pane::TableKind;
use crate::ui::features::Source;
use crate::ui::features::answer::progress::progress;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::GridValues;
use crate::ui::widgets::empty;
use crate::ui::widgets::head_grid::HeadGrid;
use eframe::egui;
use egui::{RichText, Ui};
use std::sync::Arc;

/// The grid as it was drawn last, so that ranges are computed when values change and not in every frame.
#[derive(Debug, Default)]
pub(in crate::ui) struct GridMemory {
    shared: bool,
    maps: Option<GridMaps>,
    /// Whether there was no room for maps.
    is_summed: bool,
    /// One number a cell then.
    sums: Option<GridMaps>,
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(values) = cx.derived.grid.values() else {
        return nothing(ui, cx, "Ask a question to see every layer and head side by side");
    };
    header(ui, cx, values);
    let maps = current_maps(cx.memory.of::<GridMemory>(), values);
    let choice = cx.state.view.layer_head();
    let has_heads = cx.state.view.source.has_heads();
    let is_one = choice.layer.reduce.is_none() && (!has_heads || choice.head.reduce.is_none());
    let current = is_one.then_some((choice.layer.idx, if has_heads { choice.head.idx } else { 0 }));
    let style = cx.state.colour.style;
    let look = |grid: HeadGrid<'_>, ui: &mut Ui| {
        let grid = grid.colormap(style.colormap).gamma(style.gamma).label("Grid of layers and heads");
        grid.max_height(ui.available_height()).show(ui)
    };
    let width = fitting_width(ui.available_size(), HeadGrid::gutter(ui), values);
    cx.memory.of::<GridMemory>().is_summed = width.is_none();
    let clicked = ui.vertical(|ui| {
        if let Some(width) = width {
            ui.set_max_width(width);
            return look(HeadGrid::new(&maps, current), ui);
        }
        let sums = current_sums(cx.memory.of::<GridMemory>(), values);
        look(HeadGrid::new(&sums, current).figure(cx.state.view.source.entry().sum).detail(&maps), ui)
    });
    let clicked = clicked.inner;
    if let Some((layer_idx, head_idx)) = clicked {
        cx.emit(Command::JumpTo { layer_idx, head_idx });
    }
}

/// Why there are no maps, and what to do.
pub(in crate::ui) fn nothing(ui: &mut Ui, cx: &PanelContext<'_>, next: &str) {
    let why = cx.derived.shown.as_ref().and_then(|shown| shown.map.as_ref().err());
    match (cx.state.current_run(), why) {
        (Some(run), Some(why)) if run.has_answer() => empty(ui, "The shown tokens have no maps", why),
        (Some(run), _) => empty(ui, "No maps yet", &progress(run)),
        (None, _) => empty(ui, "No maps yet", next),
    }
}

/// The width at which all rows are in sight; `None` where the maps would be too small to read, and every cell is one
/// number instead.
fn fitting_width(available: egui::Vec2, edge: egui::Vec2, values: &GridValues) -> Option<f32> {
    /// Smallest side of a map that can be read, points.
    const LEAST_PT: f32 = 20.0;
    let (layers, heads) = (values.layers.max(1) as f32, values.heads.max(1) as f32);
    let grid = Flattening::new(&values.layout, Combine::default()).grid();
    let shape = grid.rows as f32 / grid.cols.max(1) as f32;
    // As the grid draws them: cells are at most four times as high as wide, or wide as high.
    let high = ((available.y - edge.y) / layers - 2.0) / shape.clamp(0.25, 4.0);
    let wide = (available.x - edge.x) / heads - 2.0;
    (high.min(wide) >= LEAST_PT).then(|| (heads * (high + 2.0) + edge.x).min(available.x))
}

/// Room that the switch takes, points.
const ONE_RANGE_PT: f32 = 90.0;

fn header(ui: &mut Ui, cx: &mut PanelContext<'_>, values: &GridValues) {
    ui.horizontal_wrapped(|ui| {
        let what = match cx.state.view.source {
            source if source == Source::DECODER => "Shown tokens",
            source if source == Source::VISION => "[CLS]",
            source => source.name(),
        };
        let mut text = format!("{what}, {} × {}", values.layers, values.heads);
        let mut help = "Rows are layers, columns are heads, both counted from 0; click a map to jump there".to_owned();
        let is_summed = cx.memory.of::<GridMemory>().is_summed;
        if is_summed {
            text = format!("{text}: {}", cx.state.view.source.entry().sum);
            help.push_str(
                ". There is no room for maps here, so a cell's colour is its map's sum; hover over it for the map",
            );
        }
        ui.label(RichText::new(text).weak()).on_hover_text(help);
        so_far(ui, cx);
        crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Heads);
        let mut one_range = |ui: &mut Ui| {
            ui.add_enabled(!is_summed, egui::Checkbox::new(&mut cx.memory.of::<GridMemory>().shared, "one range"))
                .on_disabled_hover_text("Sums are on one range")
                .on_hover_text(
                    "Off: each map has its own range, structure is visible everywhere. On: brightness \
                    compares between heads",
                );
        };
        if ui.available_size_before_wrap().x < ONE_RANGE_PT {
            one_range(ui); // on the next line
        } else {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), one_range);
        }
    });
}

/// Says of how many of the shown tokens the maps are the mean, while some are missing.
pub(in crate::ui) fn so_far(ui: &mut Ui, cx: &PanelContext<'_>) {
    if let Some((done, all)) = cx.derived.grid.progress().filter(|_| cx.state.view.source.of_tokens()) {
        let text = RichText::new(format!("{done} of {all} so far")).weak().small();
        ui.label(text).on_hover_text("The mean over these tokens; the others are being added");
    }
}

/// Every map on one even grid: a cell is too small for more.
fn flattened(values: &GridValues, flat: &Flattening) -> Arc<[f32]> {
    if values.layout.sole().is_some() {
        return Arc::clone(&values.values);
    }
    values.values.chunks_exact(values.layout.len().max(1)).flat_map(|map| flat.of(map).into_owned()).collect()
}

/// The sum of every map, all on one range: cells that are compared.
fn current_sums(memory: &mut GridMemory, values: &GridValues) -> GridMaps {
    // No other content has this name: those of maps count from one.
    let key = values.key | 1 << 63;
    match &memory.sums {
        Some(sums) if sums.key() == key => sums.clone(),
        _ => {
            let (size, grid) = ([values.layers, values.heads], PatchGrid { rows: 1, cols: 1 });
            let sums = GridMaps::new(key, size, grid, values.image_shares.clone().into(), GridRange::Shared);
            memory.sums = Some(sums.clone());
            sums
        }
    }
}

fn current_maps(memory: &mut GridMemory, values: &GridValues) -> GridMaps {
    let range = if memory.shared { GridRange::Shared } else { GridRange::PerMap };
    let ranges = if memory.shared { 1 } else { values.layers * values.heads };
    match &memory.maps {
        Some(maps) if maps.key() == values.key && maps.ranges().len() == ranges => maps.clone(),
        _ => {
            let size = [values.layers, values.heads];
            let flat = Flattening::new(&values.layout, Combine::default());
            let maps = GridMaps::new(values.key, size, flat.grid(), flattened(values, &flat), range);
            memory.maps = Some(maps.clone());
            maps
        }
    }
}
