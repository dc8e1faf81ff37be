//! Tables and rows in the order of a column. Places stay those of the report and of the run.

use crate::data::library::natural_order;
use crate::study::AnswerRow;
use crate::study::report::{Cell, Table, plotted_columns};
use crate::ui::core::command::{RowColumn, TableSort};
use std::cmp::Ordering;

/// What stands for a number that there is none of.
const NOTHING: &str = "-";

/// The order after one more click on a header: upwards, downwards, as it was.
pub(in crate::ui) fn turned<S>(is_reversed: Option<bool>, sorted: impl FnOnce(bool) -> S) -> Option<S> {
    match is_reversed {
        None => Some(sorted(false)),
        Some(false) => Some(sorted(true)),
        Some(true) => None,
    }
}

/// Places of a table's rows in the order in which they are shown.
pub(in crate::ui) fn table_order(table: &Table, sort: Option<&TableSort>) -> Vec<usize> {
    let mut order: Vec<usize> = (0..table.rows.len()).collect();
    let Some(sort) = sort.filter(|sort| sort.table == table.id) else { return order };
    let Some(column) = table.columns.iter().position(|name| *name == sort.column) else { return order };
    let cell = |place: usize| table.rows.get(place).and_then(|row| row.get(column));
    if order.iter().any(|place| cell(*place).is_some_and(|cell| cell.value.is_some())) {
        let number = |place: usize| cell(place).and_then(|cell| cell.value).filter(|value| !value.is_nan());
        order.sort_by(|a, b| missing_last(number(*a), number(*b), sort.reversed, f64::total_cmp));
    } else {
        let text = |place: usize| cell(place).map(|cell: &Cell| cell.text.as_str()).filter(|text| *text != NOTHING);
        order.sort_by(|a, b| missing_last(text(*a), text(*b), sort.reversed, |a, b| natural_order(a, b)));
    }
    order
}

/// A table in the order in which it is shown, without the places of its answers.
pub(super) fn sorted_table(table: &Table, sort: Option<&TableSort>) -> Table {
    let bare = |cell: &Cell| Cell {
        text: cell.text.clone(),
        value: cell.value,
        interval: cell.interval,
        standard_error: cell.standard_error,
        rows: Vec::new(),
    };
    let order = table_order(table, sort);
    let rows = order.iter().filter_map(|place| table.rows.get(*place));
    Table {
        id: table.id.clone(),
        title: table.title.clone(),
        note: table.note.clone(),
        columns: table.columns.clone(),
        rows: rows.map(|row| row.iter().map(bare).collect()).collect(),
    }
}

/// Columns of a table that can be shown as bars.
pub(super) fn number_columns(table: &Table) -> Vec<usize> {
    let has_number = |idx: usize| table.rows.iter().any(|row| row.get(idx).is_some_and(|cell| cell.value.is_some()));
    (1..table.columns.len()).filter(|idx| has_number(*idx)).collect()
}

/// The column that is shown as bars: the wanted one, else what a paper would plot, else the first with a number.
pub(super) fn bars_column(table: &Table, wanted: &str) -> Option<usize> {
    let columns = number_columns(table);
    let named = |wanted: &str| columns.iter().find(|idx| table.columns.get(**idx).is_some_and(|name| name == wanted));
    let of_paper = || plotted_columns(table).iter().find_map(|name| named(name));
    named(wanted).or_else(of_paper).or(columns.first()).copied()
}

/// Sorts places of rows by their texts; equal ones stay in the order of question and setting.
pub(super) fn sort_rows<'a>(places: &mut [usize], reversed: bool, text: impl Fn(usize) -> &'a str) {
    let text = |place: usize| Some(text(place)).filter(|text| !text.is_empty());
    places.sort_by(|a, b| missing_last(text(*a), text(*b), reversed, |a, b| natural_order(a, b)));
}

/// What a row says in a column.
pub(super) fn text_of<'a>(row: &'a AnswerRow, verdict: &'a str, column: RowColumn) -> &'a str {
    match column {
        RowColumn::Result => verdict,
        RowColumn::Setting => &row.setting,
        RowColumn::Photo => &row.photo,
        RowColumn::Object => row.object.as_deref().unwrap_or_default(),
        RowColumn::Label => row.label.as_deref().or(row.expected.as_deref()).unwrap_or_default(),
        RowColumn::Answer => row.answer.as_deref().or(row.error.as_deref()).unwrap_or_default().trim(),
        RowColumn::Question => &row.prompt,
    }
}

/// What is missing comes last, whichever way the rest is sorted.
fn missing_last<T>(a: Option<T>, b: Option<T>, reversed: bool, order: impl FnOnce(&T, &T) -> Ordering) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if reversed => order(&b, &a),
        (Some(a), Some(b)) => order(&a, &b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let row = |name: &str, value: Option<f64>| vec![Cell::text(name), Cell::plain(value, 1.0, 1)];
        Table {
            id: "t".to_owned(),
            title: String::new(),
            note: String::new(),
            columns: vec!["setting".to_owned(), "accuracy".to_owned()],
            rows: vec![row("top 10", Some(9.5)), row("top 2", None), row("none", Some(10.0)), row("-", Some(-1.0))],
        }
    }

    fn sort(column: &str, reversed: bool) -> TableSort {
        TableSort { table: "t".to_owned(), column: column.to_owned(), reversed }
    }

    #[test]
    fn numbers_go_by_value_and_texts_as_people_count() {
        let table = table();
        let order = |column, reversed| table_order(&table, Some(&sort(column, reversed)));
        assert_eq!(order("accuracy", false), [3, 0, 2, 1], "by value, none last");
        assert_eq!(order("accuracy", true), [2, 0, 3, 1], "the largest first, none last");
        assert_eq!(order("setting", false), [2, 1, 0, 3], "2 before 10, what is missing last");
        assert_eq!(order("setting", true), [0, 1, 2, 3], "the other way, what is missing last");
        assert_eq!(order("F1", false), [0, 1, 2, 3], "a column that is gone leaves the report's order");
        let other = TableSort { table: "other".to_owned(), ..sort("accuracy", false) };
        assert_eq!(table_order(&table, Some(&other)), [0, 1, 2, 3], "another table's order is its own");
    }

    #[test]
    fn bars_begin_with_what_a_paper_plots() {
        let mut table = table();
        table.columns.push("n".to_owned());
        table.rows.iter_mut().for_each(|row| row.push(Cell::count(1)));
        table.columns.swap(1, 2);
        table.rows.iter_mut().for_each(|row| row.swap(1, 2));
        assert_eq!(number_columns(&table), [1, 2], "both have numbers");
        assert_eq!(bars_column(&table, "n"), Some(1), "the wanted one");
        assert_eq!(bars_column(&table, ""), Some(2), "accuracy, as a paper would");
    }

    #[test]
    fn the_third_click_restores() {
        let once = turned(None, |reversed| reversed);
        assert_eq!(once, Some(false), "upwards");
        let twice = turned(once, |reversed| reversed);
        assert_eq!(twice, Some(true), "downwards");
        assert_eq!(turned(twice, |reversed| reversed), None, "as it was");
    }
}
