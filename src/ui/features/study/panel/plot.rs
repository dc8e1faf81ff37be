//! One column of a table as bars with intervals.

use super::{emit, set_view};
use crate::study::report::Table;
use crate::ui::core::command::StudyCommand;
use crate::ui::features::context::PanelContext;
use crate::ui::features::study::reading::{cell_place, row_name};
use crate::ui::features::study::sorting::{bars_column, number_columns, table_order};
use crate::ui::widgets::{empty, named};
use eframe::egui;
use egui::Ui;
use egui_plot::{Bar, BarChart, Line, Plot, PlotPoints};

/// Bars whose names are written below them; more would lie over each other.
const MOST_NAMES: usize = 12;
/// Fewest and most letters of a name below its bar.
const CHARS: [f32; 2] = [4.0, 32.0];
/// What the button for a figure does.
const FIGURE_HELP: &str = "This column as a figure for a paper (PDF, SVG or PNG), as gazelens study report draws it. \
    It carries what it is made of: gazelens figure --recipe draws it again";
/// Half the width of the ends of an interval, in bars.
const CAP: f64 = 0.12;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &Table) {
    let columns = number_columns(table);
    let Some(column) = bars_column(table, &cx.state.study.view.column) else {
        return empty(ui, "No numbers", "This table has no column of numbers");
    };
    let title = table.columns.get(column).map_or("", String::as_str).to_owned();
    ui.horizontal(|ui| {
        let combo = egui::ComboBox::from_id_salt("study column").selected_text(&title).truncate();
        let shown = combo.show_ui(ui, |ui| {
            for name in columns.iter().filter_map(|idx| table.columns.get(*idx)) {
                if ui.selectable_label(*name == title, name).clicked() {
                    let name = name.clone();
                    set_view(cx, |view| view.column = name);
                }
            }
        });
        named(ui, &shown.response, "Column of the bars");
        let figure = ui.button("Figure…").on_hover_text(FIGURE_HELP);
        named(ui, &figure, "Save the bars as a figure");
        if figure.clicked() {
            emit(cx, StudyCommand::PickFigure);
        }
    });
    let order = table_order(table, cx.state.study.view.sort.as_ref());
    if let Some(row) = bars(ui, table, &order, (column, &title)) {
        let place = cell_place(table, row, column);
        set_view(cx, |view| view.filter.cell = (view.filter.cell.as_ref() != Some(&place)).then_some(place));
    }
}

/// The row of the table whose bar was clicked, if one was.
fn bars(ui: &mut Ui, table: &Table, order: &[usize], (column, title): (usize, &str)) -> Option<usize> {
    let accent = crate::ui::widgets::theme::accent(ui.visuals());
    let stroke = egui::Stroke::new(1.5, ui.visuals().strong_text_color());
    let mut bars = Vec::new();
    let mut whiskers = Vec::new();
    let rows: Vec<_> = order.iter().filter_map(|place| table.rows.get(*place)).collect();
    for (idx, row) in rows.iter().enumerate() {
        let Some(cell) = row.get(column) else { continue };
        let Some(value) = cell.value else { continue };
        let name = row_name(row);
        let x = idx as f64;
        bars.push(
            Bar::new(x, value).width(0.7).fill(accent.gamma_multiply(0.6)).name(format!("{name}: {}", cell.text)),
        );
        if let Some([low, high]) = cell.interval {
            let ends = [[x - CAP, low], [x + CAP, low], [x, low], [x, high], [x - CAP, high], [x + CAP, high]];
            whiskers.push(ends.to_vec());
        }
    }
    let count = rows.len();
    let step = count.div_ceil(MOST_NAMES).max(1);
    let letter_pt = {
        let font = egui::TextStyle::Body.resolve(ui.style());
        ui.fonts_mut(|fonts| fonts.glyph_width(&font, 'n'))
    };
    let room_pt = ui.available_width() * step as f32 / (count + 1) as f32;
    let [least, most] = CHARS;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 4 and 32")]
    let letters = (room_pt / (0.9 * letter_pt) - 1.0).clamp(least, most) as usize;
    let names: Vec<String> = rows.iter().map(|row| shortened(&row_name(row).replace(", -", ""), letters)).collect();
    let response = Plot::new("study bars")
        .height((ui.available_height() - 4.0).max(80.0))
        .allow_scroll(false)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_boxed_zoom(false)
        .show_grid([false, true])
        .y_axis_label(title)
        .x_axis_formatter(move |mark, _| label(&names, mark.value))
        .x_grid_spacer(egui_plot::uniform_grid_spacer(move |_| {
            let step = step as f64;
            [step * 16.0, step * 4.0, step]
        }))
        .include_x(-0.6)
        .include_x(count as f64 - 0.4)
        .include_y(0.0)
        .show(ui, |plot| {
            plot.bar_chart(BarChart::new("value", bars));
            for ends in whiskers {
                plot.line(Line::new("95 % interval", PlotPoints::from(ends)).stroke(stroke));
            }
        });
    named(ui, &response.response, &format!("{title} as bars, with intervals of 95 %"));
    let at = response.response.interact_pointer_pos().filter(|_| response.response.clicked())?;
    let x = response.transform.value_from_position(at).x.round();
    (0..count).find(|idx| (*idx as f64 - x).abs() < 0.5).and_then(|idx| order.get(idx)).copied()
}

/// The name of the row at a place of the axis; nothing between rows.
fn label(names: &[String], at: f64) -> String {
    if (at - at.round()).abs() > 1e-6 || at < -0.5 {
        return String::new();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not below 0; what is too large has none"
    )]
    names.get(at.round() as usize).cloned().unwrap_or_default()
}

/// A name of so many letters.
fn shortened(name: &str, letters: usize) -> String {
    match name.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or(name)),
        None => name.to_owned(),
    }
}
