//! The images on offer as a grid: only the rows in sight are drawn, and only their thumbnails are read.

use crate::ui::core::command::Command;
use crate::ui::features::dataset::panel::picture::{AskedOfAll, ground, line, objects, short_name, tags, thumbnail};
use crate::ui::features::dataset::panel::{PanelContext, menu};
use crate::ui::widgets::theme;
use eframe::egui;
use egui::{Align2, Pos2, Rect, TextStyle, Ui, Vec2, pos2, vec2};

/// A cell is at least so wide, points: as many as fit stand beside each other and share what is left.
const LEAST_WIDTH_PT: f32 = 60.0;

/// Around what is in a cell, points.
const PADDING_PT: f32 = 3.0;

/// Where the cells of a grid are.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cells {
    columns: usize,
    size_pt: Vec2,
}

impl Cells {
    fn new(width_pt: f32, gap_pt: f32, text_pt: f32) -> Self {
        let fit = ((width_pt + gap_pt) / (LEAST_WIDTH_PT + gap_pt)).floor().clamp(1.0, 200.0);
        let cell_pt = ((width_pt - (fit - 1.0) * gap_pt) / fit).max(20.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number from 1 to 200")]
        let columns = fit as usize;
        // Photos are wider than high more often than not.
        Self { columns, size_pt: vec2(cell_pt, (cell_pt * 0.75 + 2.0 * text_pt + 2.0 * PADDING_PT).ceil()) }
    }
}

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, scroll_to: Option<usize>) {
    let state = cx.state;
    let asked = AskedOfAll::of(state);
    let gap = ui.spacing().item_spacing;
    let text_pt = ui.text_style_height(&TextStyle::Small);
    let cells = Cells::new(ui.available_width() - ui.spacing().scroll.allocated_width(), gap.x, text_pt);
    let count = state.library.num_listed();
    let scroll = egui::ScrollArea::vertical().id_salt("image grid").auto_shrink(false);
    scroll.show_rows(ui, cells.size_pt.y, count.div_ceil(cells.columns), |ui, rows| {
        if let Some(place) = scroll_to {
            let row = (place / cells.columns) as f32 - rows.start as f32;
            let top = ui.max_rect().top() + row * (cells.size_pt.y + gap.y);
            let rect = Rect::from_min_size(pos2(ui.max_rect().left(), top), vec2(1.0, cells.size_pt.y));
            ui.scroll_to_rect(rect, None);
        }
        for row in rows {
            ui.horizontal(|ui| {
                for place in row * cells.columns..((row + 1) * cells.columns).min(count) {
                    if let Some(idx) = state.library.listed_idx(place) {
                        cell(ui, cx, &asked, idx, cells.size_pt);
                    }
                }
            });
        }
    });
}

fn cell(ui: &mut Ui, cx: &mut PanelContext<'_>, asked: &AskedOfAll<'_>, idx: usize, size_pt: Vec2) {
    let state = cx.state;
    let Some(image) = state.library.images().get(idx) else { return };
    let selected = state.library.current_idx() == Some(idx);
    let (rect, response) = ground(ui, image, selected, size_pt);
    let inner = rect.shrink(PADDING_PT);
    let text_pt = ui.text_style_height(&TextStyle::Small);
    let frame = inner.with_max_y(inner.bottom() - 2.0 * text_pt);
    thumbnail(ui, cx.photos, image, frame, Align2::CENTER_CENTER);
    let colour = if selected { ui.visuals().strong_text_color() } else { ui.visuals().text_color() };
    let name_at = pos2(inner.left(), frame.bottom() + 0.5 * text_pt);
    line(ui, short_name(&image.name), &TextStyle::Small, colour, name_at, inner.width());
    let (tags, answers, objects) = (tags(state, image), asked.answers(image), objects(state, image));
    if let Some(tags) = &tags {
        badge(ui, tags, frame.left_top(), Align2::LEFT_TOP);
    }
    let done = match asked.num_answers(image) {
        0 => None,
        1 => Some("✔".to_owned()),
        several => Some(format!("✔ {several}")),
    };
    if let Some(done) = &done {
        badge(ui, done, frame.right_top(), Align2::RIGHT_TOP);
    }
    let news = asked.news(image).or_else(|| objects.clone());
    let facts_at = pos2(inner.left(), frame.bottom() + 1.5 * text_pt);
    let accent = theme::accent(ui.visuals());
    line(ui, &news.unwrap_or_default(), &TextStyle::Small, accent, facts_at, inner.width());
    let known: Vec<String> = tags.into_iter().chain(answers).chain(objects).collect();
    let tip = if known.is_empty() { image.detail.clone() } else { format!("{}\n{}", image.detail, known.join(", ")) };
    let response = response.on_hover_text(tip);
    if response.clicked() {
        cx.emit(Command::SelectImage(idx));
    }
    response.context_menu(|ui| menu::show(ui, cx, idx));
}

/// A mark in a corner of a thumbnail, on a ground of its own.
fn badge(ui: &Ui, text: &str, at: Pos2, corner: Align2) {
    let colour = ui.visuals().strong_text_color();
    let galley = ui.painter().layout_no_wrap(text.to_owned(), TextStyle::Small.resolve(ui.style()), colour);
    let rect = corner.anchor_size(at, galley.size() + vec2(6.0, 2.0));
    ui.painter().rect_filled(rect, 4.0, ui.visuals().extreme_bg_color.gamma_multiply(0.85));
    ui.painter().galley(rect.min + vec2(3.0, 1.0), galley, colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_cells_stand_beside_each_other_as_fit() {
        for (width_pt, columns) in [(10.0, 1), (59.0, 1), (60.0, 1), (123.9, 1), (124.0, 2), (900.0, 14)] {
            let cells = Cells::new(width_pt, 4.0, 12.0);
            assert_eq!(cells.columns, columns, "in {width_pt} points");
            let taken = cells.columns as f32 * (cells.size_pt.x + 4.0) - 4.0;
            assert!(taken <= width_pt.max(20.0) + 0.01, "{taken} of {width_pt} points are taken");
        }
    }
}
