//! Rows of texts in columns: one allocation a row, so that long lists stay quick.

use eframe::egui;
use egui::{Align2, Color32, Rect, TextStyle, Ui, pos2};

/// Between columns, points.
const GAP_PT: f32 = 6.0;
/// From the start of a column to its text, points.
const INSET_PT: f32 = 2.0;

/// Where the columns of a row are that get these parts of its width.
pub(in crate::ui) fn columns<const N: usize>(row: Rect, shares: [f32; N]) -> [Rect; N] {
    let mut left = row.left();
    shares.map(|share| {
        let (from, width) = (left, row.width() * share);
        left += width;
        Rect::from_min_max(pos2(from, row.top()), pos2(from + width - GAP_PT, row.bottom()))
    })
}

/// Small texts in columns, each cut off where the next begins.
pub(in crate::ui) fn paint_columns<const N: usize>(ui: &Ui, columns: [Rect; N], texts: [(&str, Color32); N]) {
    let font = TextStyle::Small.resolve(ui.style());
    for ((text, colour), column) in texts.into_iter().zip(columns) {
        let painter = ui.painter().with_clip_rect(column.intersect(ui.clip_rect()));
        let at = pos2(column.left() + INSET_PT, column.center().y);
        painter.text(at, Align2::LEFT_CENTER, text, font.clone(), colour);
    }
}
