//! The tables of a report, one at a time; a click on a cell lists the rows that it is made of.

use super::{arrow, emit, plot, set_view, sort_help};
use crate::study::report::{Cell, Table};
use crate::ui::core::command::{ReportForm, StudyCommand, TableSort};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::study::reading::{ReadRun, cell_place, row_name};
use crate::ui::features::study::sorting::{table_order, turned};
use crate::ui::widgets::{empty, named};
use eframe::egui;
use egui::accesskit::Role;
use egui::{Button, FontSelection, Response, RichText, Ui, WidgetInfo, vec2};
use std::fmt::Write as _;

/// Least and greatest width of a column, points.
const COLUMN_PT: [f32; 2] = [44.0, 260.0];
/// Beside the text of a cell, points.
const CELL_MARGIN_PT: f32 = 20.0;
/// Height of a row, points.
const ROW_PT: f32 = 22.0;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &ReadRun) {
    if let Err(why) = &run.tables {
        ui.add(egui::Label::new(RichText::new(why).color(ui.visuals().error_fg_color)).wrap());
        return;
    }
    let Some((idx, table)) = run.table(&cx.state.study.view.table) else {
        return empty(ui, "No table", "No row has an answer yet");
    };
    tabs(ui, cx, run, idx);
    title(ui, cx, table);
    if cx.state.study.view.plot {
        return plot::show(ui, cx, table);
    }
    let order = table_order(table, cx.state.study.view.sort.as_ref());
    let widths = run.widths.get(idx).map(Vec::as_slice).unwrap_or_default();
    grid(ui, cx, table, (&order, widths));
}

/// A tab for each table.
fn tabs(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &ReadRun, shown: usize) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (idx, table) in run.tables.as_deref().unwrap_or_default().iter().enumerate() {
            let tab = ui.add(Button::selectable(idx == shown, table.id.replace('_', " ")));
            named(ui, &tab, &format!("Table: {}", table.id.replace('_', " ")));
            if tab.on_hover_text(&table.title).clicked() {
                let id = table.id.clone();
                set_view(cx, |view| view.table = id);
            }
        }
    });
}

fn title(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &Table) {
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&table.title).strong()).on_hover_text(&table.note);
        let is_plot = cx.state.study.view.plot;
        let bars = ui.add(Button::selectable(is_plot, "Bars")).on_hover_text("One column as bars with its intervals");
        if bars.clicked() {
            set_view(cx, |view| view.plot = !is_plot);
        }
        forms(ui, cx, "Copy", "Copy the table of the study", StudyCommand::Copy);
        forms(ui, cx, "Save…", "Save the table of the study", StudyCommand::PickTable);
    });
    if !table.note.is_empty() {
        let note = egui::Label::new(RichText::new(&table.note).weak().small()).truncate();
        ui.add(note.show_tooltip_when_elided(false)).on_hover_text(&table.note);
    }
}

fn forms(ui: &mut Ui, cx: &mut PanelContext<'_>, text: &str, name: &str, command: fn(ReportForm) -> StudyCommand) {
    let menu = ui.menu_button(RichText::new(text).small(), |ui| {
        for (form, help) in ReportForm::ALL.into_iter().zip([
            "A table of Markdown with its note",
            "Every digit, intervals in columns of their own",
            "A tabular of LaTeX with rules of booktabs",
        ]) {
            if ui.button(format!("as {}", form.label())).on_hover_text(help).clicked() {
                emit(cx, command(form));
                ui.close();
            }
        }
    });
    named(ui, &menu.response, name);
}

/// Only the rows that are in sight are drawn: a table of heads has a thousand.
fn grid(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &Table, (order, widths): (&[usize], &[usize])) {
    let digit_pt = {
        let font = FontSelection::Default.resolve(ui.style());
        ui.fonts_mut(|fonts| fonts.glyph_width(&font, '0'))
    };
    let [least, most] = COLUMN_PT;
    let width_pt = |chars: usize| (chars as f32 * digit_pt + CELL_MARGIN_PT).clamp(least, most);
    let columns = widths.iter().enumerate();
    let columns: Vec<Column> = columns
        .map(|(idx, chars)| Column { width_pt: width_pt(*chars), is_of_words: is_of_words(table, idx) })
        .collect();
    egui::ScrollArea::horizontal().id_salt("study table").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 0.0);
        ui.horizontal(|ui| {
            for (name, column) in table.columns.iter().zip(&columns) {
                header(ui, cx, table, (name, *column));
            }
        });
        let scroll = egui::ScrollArea::vertical().id_salt("study table rows").auto_shrink(false);
        scroll.show_rows(ui, ROW_PT, order.len(), |ui, range| {
            for row in order.get(range).unwrap_or_default() {
                ui.horizontal(|ui| line(ui, cx, table, *row, &columns));
            }
        });
    });
}

/// Whether a column has words alone: they begin at its left, as numbers stand in its middle.
fn is_of_words(table: &Table, column: usize) -> bool {
    table.rows.iter().filter_map(|row| row.get(column)).all(|cell| cell.value.is_none())
}

#[derive(Debug, Clone, Copy)]
struct Column {
    width_pt: f32,
    is_of_words: bool,
}

impl Column {
    /// A button as wide as the column.
    fn add(self, ui: &mut Ui, button: Button<'_>) -> Response {
        let size = vec2(self.width_pt, ROW_PT);
        // What stands on the right, were it nothing, pushes the words to the left.
        ui.add_sized(size, if self.is_of_words { button.right_text("") } else { button })
    }
}

/// A click on it sorts by its column.
fn header(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &Table, (name, column): (&str, Column)) {
    let sort = cx.state.study.view.sort.as_ref();
    let is_reversed = sort.filter(|sort| sort.table == table.id && sort.column == *name).map(|sort| sort.reversed);
    let text = RichText::new(format!("{name}{}", arrow(is_reversed))).weak().small();
    let response = column.add(ui, Button::selectable(false, text).truncate());
    named(ui, &response, &format!("Sort the table by {name}"));
    if response.on_hover_text(format!("{name}\n{}\n{}", table.note, sort_help(is_reversed))).clicked() {
        let (table, column) = (table.id.clone(), name.to_owned());
        let sort = turned(is_reversed, |reversed| TableSort { table, column, reversed });
        set_view(cx, |view| view.sort = sort);
    }
}

fn line(ui: &mut Ui, cx: &mut PanelContext<'_>, table: &Table, row: usize, columns: &[Column]) {
    let Some(cells) = table.rows.get(row) else { return };
    let row_name = row_name(cells);
    for (column, (cell, shape)) in cells.iter().zip(columns).enumerate() {
        let place = cell_place(table, row, column);
        let column_name = place.column_name.clone();
        let is_listed = cx.state.study.view.filter.cell.as_ref() == Some(&place);
        let text = if column == 0 { RichText::new(&cell.text).strong() } else { RichText::new(&cell.text) };
        let button = Button::selectable(is_listed, text).truncate();
        let response = shape.add(ui, button);
        let name = format!("{column_name} of {row_name}: {}", cell.text);
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_listed, &name));
        if response.on_hover_text(explained(cell, &column_name, &row_name)).clicked() {
            let cell = (!is_listed).then_some(place);
            set_view(cx, |view| view.filter.cell = cell);
        }
    }
}

/// What a number is, with its interval.
fn explained(cell: &Cell, column: &str, row: &str) -> String {
    let mut text = format!("{column} of {row}: {}", cell.text);
    if let Some([low, high]) = cell.interval {
        let _ = write!(text, "\n95 % interval from {low:.2} to {high:.2}");
    }
    if let Some(error) = cell.standard_error {
        let _ = write!(text, ", standard error {error:.2}");
    }
    match cell.rows.len() {
        0 => text + "\nMade of all answers of this table. Click: list them",
        rows => format!("{text}\nMade of {}. Click: list them", count(rows, "answer")),
    }
}
