//! Tables as charts: the columns that a paper would plot.

use super::table::{Cell, Table};
use crate::figure::chart::{Chart, ChartRow};

/// Which columns of which tables, with a line of chance where there is one.
const PLOTTED: &[(&str, &[&str], Option<f64>)] = &[
    ("by_object", &[], None),
    ("by_size", &["accuracy"], None),
    ("by_split", &["accuracy", "F1"], None),
    ("against", &["difference of accuracy"], Some(0.0)),
    ("table_1", &["accuracy"], None),
    ("table_2", &["precision", "IoU"], None),
    ("chair", &["CHAIRs", "CHAIRi", "recall"], None),
    ("damro", &["H_1", "H_10", "F"], None),
    ("heads", &["AUROC"], Some(0.5)),
    ("mmvp", &["pairs right"], Some(25.0)),
    ("inventions", &[], None),
    ("", &["accuracy", "F1", "yes ratio"], None),
];

/// Columns of a table that a paper would plot, and the line of chance.
type Plotted = (&'static [&'static str], Option<f64>);

fn plotted(table: &Table) -> Option<Plotted> {
    let is_of = |id: &str| table.id.ends_with(id) || (id == "by_size" && table.id.contains(id));
    PLOTTED.iter().find(|(id, ..)| is_of(id)).map(|(_, columns, rule)| (*columns, *rule))
}

/// Headers of the columns that a paper would plot, where the table has them.
pub fn plotted_columns(table: &Table) -> &'static [&'static str] {
    plotted(table).map_or(&[], |(columns, _)| columns)
}

/// The charts of a table with the names of their files, without the ending.
pub fn charts(table: &Table) -> Vec<(String, Chart)> {
    let Some((columns, _)) = plotted(table) else { return Vec::new() };
    columns.iter().filter_map(|column| chart_of(table, column)).collect()
}

/// The chart of a column, by its header, with the name of its file, without the ending; `None` where the table has no
/// such column, or that no number.
pub fn chart_of(table: &Table, column: &str) -> Option<(String, Chart)> {
    let idx = table.columns.iter().position(|name| name == column)?;
    // Chance is that of the columns that are plotted as a rule.
    let rule = plotted(table).filter(|(columns, _)| columns.contains(&column)).and_then(|(_, rule)| rule);
    let chart = chart(table, idx, rule);
    let words: String = column.to_lowercase().chars().map(|sign| if sign == ' ' { '_' } else { sign }).collect();
    (!chart.rows.is_empty()).then(|| (format!("{}_{words}", table.id), chart))
}

/// One column of a table.
pub fn chart(table: &Table, column: usize, rule: Option<f64>) -> Chart {
    let name = table.columns.get(column).cloned().unwrap_or_default();
    let is_percent = table.note.starts_with("Per cent");
    let axis = match name.as_str() {
        "difference of accuracy" => "difference of accuracy (points)".to_owned(),
        _ if is_percent => format!("{name} (%)"),
        _ => name,
    };
    let mut chart = Chart::new(table.title.clone(), axis, table.note.clone());
    chart.rule = rule;
    let mut series: Vec<&str> = Vec::new();
    for row in &table.rows {
        let Some(cell) = row.get(column) else { continue };
        let Some(value) = cell.value.filter(|value| value.is_finite()) else { continue };
        // The words before the first number name a row.
        let words: Vec<&str> = row.iter().take_while(|cell| is_name(cell)).map(|cell| cell.text.as_str()).collect();
        let first = words.first().copied().unwrap_or_default();
        let place = series.iter().position(|name| *name == first).unwrap_or_else(|| {
            series.push(first);
            series.len() - 1
        });
        let named: Vec<&str> = words.into_iter().filter(|word| *word != "-").collect();
        chart.rows.push(ChartRow { name: named.join(", "), series: place, value, interval: cell.interval });
    }
    chart
}

fn is_name(cell: &Cell) -> bool {
    cell.value.is_none()
}
