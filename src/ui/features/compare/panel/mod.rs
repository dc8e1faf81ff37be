//! Runs about one photo side by side: where each looked for the same token, what of the answer changed, and what the
//! attention did.

mod column;
mod difference;
mod list;

use crate::engine::{ImageSource, RunId};
use crate::geometry::PatchPos;
use crate::render::{HeatStyle, PhotoTexture, colormap};
use crate::ui::background::photos::Loaded;
use crate::ui::core::command::{CanvasCommand, Command, CompareCommand};
use crate::ui::core::pane::TableKind;
use crate::ui::core::settings::RangeMode;
use crate::ui::features::context::PanelContext;
use crate::ui::features::derived::{ComparedColumn, Comparison};
use crate::ui::features::{Run, TokenPos};
use crate::ui::widgets::colour_bar::ColourBar;
use crate::ui::widgets::{command_button, empty};
use eframe::egui;
use egui::{Rect, RichText, Ui, pos2, vec2};
use std::collections::HashMap;

/// Between columns, points.
const GAP_PT: f32 = 8.0;
/// A line of the head of a column, and of what is said below its photo.
const LINE_PT: f32 = 22.0;
const BAR_PT: f32 = 46.0;
/// Part of the room left for photos and answers that photos get at most.
const PHOTO_SHARE: f32 = 0.62;
/// Least height of a photo and of an answer; a lower pane scrolls.
const LEAST_PHOTO_PT: f32 = 90.0;
const LEAST_ANSWER_PT: f32 = 56.0;

/// Panels remember where the pointer was: every column marks that patch.
#[derive(Debug, Default)]
pub(in crate::ui) struct CompareMemory {
    /// The photo that it is of: another one is seen whole.
    of: Option<ImageSource>,
    /// The patch under the pointer, in the last frame.
    hovered: Option<PatchPos>,
    /// The first token that was held in each column, in the last frame.
    held: HashMap<RunId, Option<TokenPos>>,
    /// POPE's questions are listed one by one.
    pope_open: bool,
}

/// What sets a run apart, in words: "plain" for the ordinary way.
pub(in crate::ui) fn variant(run: &Run) -> String {
    let variant = run.variant();
    if variant.is_empty() { "plain".to_owned() } else { variant }
}

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    crate::ui::features::photo::stage::follow_commands(cx);
    if cx.memory.of::<CompareMemory>().of.as_ref() != cx.state.current_image() {
        cx.memory.compared = crate::ui::widgets::canvas::CanvasView::default();
        cx.memory.of::<CompareMemory>().of = cx.state.current_image().cloned();
    }
    toolbar(ui, cx);
    if cx.state.compare.list_open {
        let most_pt = (ui.available_height() * 0.42).max(60.0);
        list::show(ui, cx, most_pt);
        ui.separator();
    }
    let photo = match cx.photos.photo() {
        None => return empty(ui, "No photo", "Open one on the left, or drop a file on the window"),
        Some(Loaded::Pending) => return empty(ui, "Reading the photo…", ""),
        Some(Loaded::Failed(why)) => return empty(ui, "This photo cannot be shown", why),
        Some(Loaded::Ready(photo)) => photo.clone(),
    };
    let derived = cx.derived;
    match derived.compare.made() {
        None => {
            empty(ui, "Nothing to compare yet", "Ask a question about this photo, then ask it again in another way");
        }
        Some(comparison) if comparison.columns.len() < 2 => {
            let advice =
                "Choose another way under Mitigation or Settings and press Again: both answers then stand here";
            empty(ui, "There is one answer so far", advice);
        }
        Some(comparison) => {
            let least_pt = 3.0 * LINE_PT + BAR_PT + LEAST_PHOTO_PT + LEAST_ANSWER_PT;
            if ui.available_height() >= least_pt {
                return columns(ui, cx, &photo, comparison);
            }
            egui::ScrollArea::vertical().id_salt("compare").show(ui, |ui| {
                ui.set_min_height(least_pt);
                ui.set_max_height(least_pt);
                columns(ui, cx, &photo, comparison);
            });
        }
    }
}

/// The list's button, and what is shown in all columns or under the pointer.
fn toolbar(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let count = cx.state.history().iter().filter(|entry| !entry.pope).count();
    let text = match (cx.derived.compare.made(), cx.memory.of::<CompareMemory>().hovered) {
        (Some(comparison), Some(pos)) => patch_line(comparison, pos),
        (Some(comparison), None) => comparison.place.clone(),
        (None, _) => String::new(),
    };
    ui.horizontal(|ui| {
        let button = egui::Button::new(format!("Runs ({count})")).selected(cx.state.compare.list_open);
        let help =
            "Every run about this photo: pin one as the reference, show, add or forget others; POPE's are listed apart";
        if ui.add(button).on_hover_text(help).clicked() {
            cx.emit(Command::Compare(CompareCommand::ToggleList));
        }
        command_button(ui, "Fit", &Command::Canvas(CanvasCommand::Fit), cx.commands);
        if count > 0 {
            crate::ui::features::clipboard::menu::show(ui, cx, TableKind::Runs);
        }
        if questions_differ(cx) {
            let help =
                "The columns answer different questions, so their differences do not show what a mitigation does";
            ui.label(RichText::new("The questions differ").color(ui.visuals().warn_fg_color)).on_hover_text(help);
        }
        ui.add(egui::Label::new(&text).truncate().show_tooltip_when_elided(false)).on_hover_text(&text);
    });
}

/// Whether the columns answer different questions.
fn questions_differ(cx: &PanelContext<'_>) -> bool {
    let columns = cx.derived.compare.made().into_iter().flat_map(|comparison| &comparison.columns);
    let mut prompts = columns.filter_map(|column| cx.state.runs.get(column.run)).map(|run| &run.question.prompt);
    let first = prompts.next();
    prompts.any(|prompt| Some(prompt) != first)
}

/// The values of all columns at one patch.
fn patch_line(comparison: &Comparison, pos: PatchPos) -> String {
    let value = |column: &ComparedColumn| {
        let map = column.map.as_ref().ok()?;
        let value = map.values.get(map.layout.idx(pos)?)?;
        Some(format!("run {} {}", column.nr, crate::ui::features::derived::format_value(*value)))
    };
    let mut parts: Vec<String> = comparison.columns.iter().filter_map(value).collect();
    let difference = comparison.difference.as_ref().and_then(|difference| difference.map.as_ref().ok());
    if let Some(value) = difference.and_then(|map| map.values.get(map.layout.idx(pos)?)) {
        parts.push(format!("difference {value:+.4}"));
    }
    format!("Patch row {}, column {}: {}", pos.row, pos.col, parts.join(", "))
}

/// Where the parts of all columns lie: in rows, so that they can be read across.
struct Rows {
    left: f32,
    column_pt: f32,
    tops: [f32; 4],
    bottoms: [f32; 4],
}

impl Rows {
    /// Heads, photos, colour bars, answers.
    fn new(area: Rect, count: usize, head_lines: f32, aspect: f32) -> Self {
        let column_pt = (area.width() - GAP_PT * (count as f32 - 1.0)) / count as f32;
        let left_pt = (area.height() - head_lines * LINE_PT - BAR_PT - 3.0 * 4.0).max(0.0);
        // No higher than the photo at this width, so that answers get what it does not need.
        let photo_pt = (left_pt * PHOTO_SHARE).min(column_pt / aspect.max(0.1) + 6.0).max(LEAST_PHOTO_PT);
        let head = area.top() + head_lines * LINE_PT;
        let photo = head + 4.0 + photo_pt;
        let bar = photo + 4.0 + BAR_PT;
        Self {
            left: area.left(),
            column_pt,
            tops: [area.top(), head + 4.0, photo + 4.0, bar + 4.0],
            bottoms: [head, photo, bar, area.bottom().max(bar + 4.0 + LEAST_ANSWER_PT)],
        }
    }

    /// A part of one column, or of several.
    fn cell(&self, row: usize, first: usize, count: usize) -> Rect {
        let pitch = self.column_pt + GAP_PT;
        let left = self.left + first as f32 * pitch;
        let right = left + count as f32 * pitch - GAP_PT;
        Rect::from_min_max(pos2(left, self.tops[row]), pos2(right, self.bottoms[row]))
    }
}

/// Contents that stay within a rectangle.
fn within(ui: &mut Ui, rect: Rect, salt: impl std::hash::Hash + std::fmt::Debug, contents: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(egui::UiBuilder::new().id_salt(salt).max_rect(rect));
    child.shrink_clip_rect(rect.expand(2.0));
    contents(&mut child);
}

fn columns(ui: &mut Ui, cx: &mut PanelContext<'_>, photo: &PhotoTexture, comparison: &Comparison) {
    let area = ui.available_rect_before_wrap();
    let runs = comparison.columns.len();
    let count = runs + usize::from(comparison.difference.is_some());
    let size = photo.size();
    let head_lines = if runs > 2 { 2.8 } else { 1.8 };
    let rows = Rows::new(area, count, head_lines, size.width_px as f32 / size.height_px.max(1) as f32);
    ui.allocate_rect(Rect::from_min_max(area.min, rows.cell(3, 0, count).max), egui::Sense::hover());
    let style = HeatStyle { range: comparison.range, ..cx.state.colour.style };
    let mut hovered = None;
    for (idx, compared) in comparison.columns.iter().enumerate() {
        let Some(run) = cx.state.runs.get(compared.run) else { continue };
        within(ui, rows.cell(0, idx, 1), ("head", idx), |ui| column::head(ui, cx, comparison, compared, run));
        within(ui, rows.cell(1, idx, 1), ("photo", idx), |ui| {
            hovered = column::photo(ui, cx, photo, compared, run, &style).or(hovered);
        });
        within(ui, rows.cell(3, idx, 1), ("answer", idx), |ui| column::answer(ui, cx, comparison, compared, run));
    }
    within(ui, rows.cell(2, 0, runs), "scale", |ui| shared_scale(ui, cx, comparison, &style));
    if let Some(subtracted) = &comparison.difference {
        let seen = difference::show(ui, cx, photo, comparison, subtracted, |row| rows.cell(row, runs, 1));
        hovered = seen.or(hovered);
    }
    if hovered != cx.memory.of::<CompareMemory>().hovered {
        cx.memory.of::<CompareMemory>().hovered = hovered;
        ui.ctx().request_repaint();
    }
}

/// One scale for all columns, printed once.
fn shared_scale(ui: &mut Ui, cx: &PanelContext<'_>, comparison: &Comparison, style: &HeatStyle) {
    if !cx.state.colour.overlay_visible {
        ui.label(RichText::new("The overlay is off (G)").weak());
        return;
    }
    let whose = if cx.state.colour.range_mode == RangeMode::Fixed { "fixed range" } else { "one range for all runs" };
    ColourBar::new(style, comparison.unit, format!("{}, {whose}", colormap(style.colormap).label)).show(ui);
}

/// Text of a column that may be too long for it.
fn line(ui: &mut Ui, text: RichText, hover: &str) -> egui::Response {
    ui.add(egui::Label::new(text).truncate().show_tooltip_when_elided(false)).on_hover_text(hover)
}

/// A heat map's canvas with everything that all columns share.
fn canvas_size(ui: &Ui) -> egui::Vec2 {
    vec2(ui.available_width(), ui.available_height())
}
