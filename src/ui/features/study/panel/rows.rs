//! The rows of a run, as the filter leaves them; a click on one opens its photo.

use super::{arrow, emit, set_view, sort_help};
use crate::study::{AnswerRow, SignalValue};
use crate::ui::core::command::{RowColumn, RowOutcome, RowSort, StudyCommand};
use crate::ui::core::wording::count;
use crate::ui::features::context::PanelContext;
use crate::ui::features::study::reading::ReadRun;
use crate::ui::features::study::sorting::{text_of, turned};
use crate::ui::widgets::text_columns::{columns, paint_columns};
use crate::ui::widgets::{choice, named};
use eframe::egui;
use egui::accesskit::Role;
use egui::{RichText, Sense, Ui, WidgetInfo, vec2};
use std::fmt::Write as _;

/// Height of a row, points.
const ROW_PT: f32 = 20.0;
/// Parts of the width that the columns get.
const SHARES: [f32; RowColumn::ALL.len()] = [0.07, 0.14, 0.18, 0.11, 0.07, 0.2, 0.23];
/// Letters of a text that can be in sight.
const MOST_CHARS: usize = 120;
/// Signals in a tooltip.
const MOST_SIGNALS: usize = 14;

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &ReadRun) {
    filter(ui, cx);
    let Some(listed) = cx.state.study.listed.clone() else {
        ui.weak("Listing the rows…");
        return;
    };
    let mut words = count(listed.rows.len(), "row");
    for (number, what) in [(listed.right, "right"), (listed.wrong, "wrong"), (listed.failed, "failed")] {
        if number > 0 {
            let _ = write!(words, ", {number} {what}");
        }
    }
    ui.label(RichText::new(words).weak().small());
    let width_pt = ui.available_width();
    let (rect, _) = ui.allocate_exact_size(vec2(width_pt, ROW_PT), Sense::hover());
    headers(ui, cx, rect);
    let scroll = egui::ScrollArea::vertical().id_salt("study rows").auto_shrink(false);
    ui.spacing_mut().item_spacing.y = 0.0;
    scroll.show_rows(ui, ROW_PT, listed.rows.len(), |ui, range| {
        for place in listed.rows.get(range).unwrap_or_default() {
            // Rows of an earlier reading may be listed for a moment.
            if let Some(row) = run.rows.get(*place) {
                line(ui, cx, run, *place, row);
            }
        }
    });
}

fn filter(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        let mut words = cx.state.study.view.filter.words.clone();
        let edit =
            egui::TextEdit::singleline(&mut words).hint_text("setting, photo, object, answer").desired_width(170.0);
        let response = ui.add(edit);
        named(ui, &response, "Filter the rows");
        let response = response.on_hover_text("Rows in which all of these words occur");
        if response.changed() {
            set_view(cx, |view| view.filter.words = words);
        }
        let ways = [
            (RowOutcome::Any, "all", "Whatever came of them"),
            (RowOutcome::Right, "right", "By the template's scorer; for captions, those without a hallucinated object"),
            (RowOutcome::Wrong, "wrong", "By the template's scorer; for captions, those with a hallucinated object"),
            (RowOutcome::Failed, "failed", "Without an answer; the tooltip says why"),
        ];
        if let Some(outcome) = choice(ui, cx.state.study.view.filter.outcome, &ways) {
            set_view(cx, |view| view.filter.outcome = outcome);
        }
        if let Some(cell) = cx.state.study.view.filter.cell.clone() {
            let text = format!("{} of {}  ×", cell.column_name, cell.row_name);
            let response = ui.button(RichText::new(text).small()).on_hover_text("Lists the rows of all cells again");
            named(ui, &response, "Show the rows of all cells");
            if response.clicked() {
                set_view(cx, |view| view.filter.cell = None);
            }
        }
    });
}

/// A click on one sorts by it.
fn headers(ui: &mut Ui, cx: &mut PanelContext<'_>, rect: egui::Rect) {
    let sort = cx.state.study.view.filter.sort;
    let cells = columns(rect, SHARES);
    let mut texts = [const { String::new() }; RowColumn::ALL.len()];
    for ((column, cell), text) in RowColumn::ALL.into_iter().zip(cells).zip(&mut texts) {
        let is_reversed = sort.filter(|sort| sort.column == column).map(|sort| sort.reversed);
        *text = format!("{}{}", column.label(), arrow(is_reversed));
        let id = ui.scope_id().with(("study rows by", column.label()));
        let response = ui.interact(cell, id, Sense::click());
        let name = format!("Sort the rows by {}", column.label().to_lowercase());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_reversed.is_some(), &name));
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(cell, 2.0, ui.visuals().widgets.hovered.weak_bg_fill);
        }
        if response.on_hover_text(sort_help(is_reversed)).clicked() {
            let sort = turned(is_reversed, |reversed| RowSort { column, reversed });
            set_view(cx, |view| view.filter.sort = sort);
        }
    }
    let weak = ui.visuals().weak_text_color();
    paint_columns(ui, cells, texts.each_ref().map(|text| (text.as_str(), weak)));
}

fn line(ui: &mut Ui, cx: &mut PanelContext<'_>, run: &ReadRun, place: usize, row: &AnswerRow) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
    let verdict = run.verdict(place);
    let answer = text_of(row, verdict, RowColumn::Answer);
    let is_shown = cx.state.study.shown_row == Some(place);
    let name = format!("Row {}: {}, {}, {}, {}", place + 1, row.setting, row.photo, cut(answer), verdict);
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_shown, &name));
    let visuals = ui.visuals();
    if is_shown {
        ui.painter().rect_filled(rect, 2.0, visuals.selection.bg_fill);
    } else if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect, 2.0, visuals.widgets.hovered.weak_bg_fill);
    } else if place % 2 == 1 {
        ui.painter().rect_filled(rect, 0.0, visuals.faint_bg_color);
    }
    let colour = if is_shown { visuals.selection.stroke.color } else { visuals.text_color() };
    let is_bad = matches!(verdict, "wrong" | "failed");
    let of_verdict = if is_bad && !is_shown { ui.visuals().error_fg_color } else { colour };
    let texts = RowColumn::ALL.map(|column| {
        let own = if column == RowColumn::Result { of_verdict } else { colour };
        (cut(text_of(row, verdict, column)), own)
    });
    paint_columns(ui, columns(rect, SHARES), texts);
    let response = if response.hovered() { response.on_hover_text(explained(row, verdict)) } else { response };
    if response.clicked() {
        emit(cx, StudyCommand::ShowRow(place));
    }
}

/// The first line of a text, as much as can be in sight.
fn cut(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.char_indices().nth(MOST_CHARS).and_then(|(end, _)| line.get(..end)).unwrap_or(line)
}

/// Everything about a row in a tooltip.
fn explained(row: &AnswerRow, verdict: &str) -> String {
    let mut text = format!("{}\n{}", row.photo, row.prompt);
    let mut add = |what: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = write!(text, "\n{what}: {value}");
        }
    };
    add("Answer", row.answer.clone());
    add("No answer", row.error.clone());
    add("Label", row.label.clone());
    add("Counts as", Some(verdict.to_owned()));
    add("Setting", Some(format!("{}, seed {}", row.setting, row.seed)));
    add("Probability of yes against no", row.p_yes.map(|p| format!("{p:.3}")));
    add("Tokens", row.num_tokens.map(|tokens| tokens.to_string()));
    add("Object", row.object.clone().zip(row.object_size.clone()).map(|(name, size)| format!("{name}, {size}")));
    for warning in &row.warnings {
        add("Warning", Some(warning.clone()));
    }
    let numbers = row.signals.iter().filter_map(|(name, value)| match value {
        SignalValue::Number(value) => Some(format!("{name} {value:.4}")),
        SignalValue::List(_) => None,
    });
    let numbers: Vec<String> = numbers.take(MOST_SIGNALS).collect();
    add("Measured", Some(numbers.join(", ")));
    text + "\nClick: show the photo with question and answer"
}
