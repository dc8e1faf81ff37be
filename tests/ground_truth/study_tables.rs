//! Tables of studies against `tests/golden/study_tables.py`: pandas, `SciPy`, statsmodels, scikit-learn and plain
//! loops, and cases that were worked by hand.

use gazelens::study::report::{Cell, ReportOptions, Table, report};
use gazelens::study::store::RunHeader;
use gazelens::study::{AnswerRow, SignalValue, Study, WordRow};
use serde_json::{Value, json};
use std::path::Path;

const BOUND: f64 = 1e-9;

fn golden(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(path).expect("a golden file")
}

fn header(template: &str, num_items: usize) -> RunHeader {
    let text = format!(
        "name = \"S\"\ntemplate = \"{template}\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"prompt\"\n\
            prompt = \"a\"\n"
    );
    let study = Study::read(&text, Path::new("s.toml")).expect("a study");
    let header = json!({
        "format": "gazelens-study-run", "version": 1, "study": study, "model": "m", "weight_hash": "w", "dtype": "f32",
        "data_hash": "d", "num_items": num_items, "num_settings": 1, "program": "p",
    });
    serde_json::from_value(header).expect("a header")
}

pub(crate) fn tables(template: &str, rows: &[AnswerRow]) -> Vec<Table> {
    report(&header(template, rows.len()), rows, &ReportOptions::default()).expect("tables")
}

/// The cell below a header, in a row.
pub(crate) fn cell<'a>(table: &'a Table, row: usize, column: &str) -> &'a Cell {
    let place = table.columns.iter().position(|name| name == column);
    let place = place.unwrap_or_else(|| panic!("{}: a column {column}, found {:?}", table.id, table.columns));
    &table.rows[row][place]
}

pub(crate) fn value(table: &Table, row: usize, column: &str) -> f64 {
    cell(table, row, column).value.unwrap_or_else(|| panic!("{}, row {row}: a number below {column}", table.id))
}

/// A number of the reference and ours, both perhaps none.
fn compare(found: Option<f64>, expected: &Value, place: &str) -> f64 {
    let Some(expected) = expected.as_f64() else {
        assert_eq!(found, None, "{place}: none in the reference");
        return 0.0;
    };
    let found = found.unwrap_or_else(|| panic!("{place}: none, expected {expected}"));
    // Per cent are a hundred times the share that the bound is for.
    let off = (found - expected).abs() / expected.abs().max(1.0);
    assert!(off <= BOUND, "{place}: {found}, expected {expected}");
    off
}

#[test]
fn tables_are_those_of_an_outside_script() {
    let rows: Vec<AnswerRow> =
        golden("study_rows.jsonl").lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    let (yes_no, captions): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.label.is_some());
    assert!(yes_no.len() > 200 && captions.len() > 30, "rows of both kinds");
    let golden: Value = serde_json::from_str(&golden("study_tables.json")).expect("JSON");
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (template, expected) in golden.as_object().expect("templates") {
        let of_captions = ["chair", "damro", "heads"].contains(&template.as_str());
        let found = tables(template, if of_captions { &captions } else { &yes_no });
        for (id, expected) in expected.as_object().expect("tables") {
            let table = found.iter().find(|table| table.id == *id);
            let table = table.unwrap_or_else(|| panic!("{template} has a table {id}"));
            let expected = expected.as_array().expect("rows");
            assert_eq!(table.rows.len(), expected.len(), "{template}, {id}: rows");
            for (idx, row) in expected.iter().enumerate() {
                for (column, expected) in row.as_object().expect("cells") {
                    let place = format!("{template}, {id}, row {idx}, {column}");
                    let found = cell(table, idx, column);
                    if let Some(text) = expected.as_str() {
                        assert_eq!(found.text, text, "{place}");
                        continue;
                    }
                    worst = worst.max(compare(found.value, &expected["value"], &place));
                    worst = worst.max(compare(found.standard_error, &expected["se"], &format!("{place}, error")));
                    for end in 0..2 {
                        let found = found.interval.map(|interval| interval[end]);
                        worst = worst.max(compare(found, &expected["interval"][end], &format!("{place}, end {end}")));
                    }
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 1000, "cells were compared: {compared}");
    println!("{compared} cells, {worst:e} at most");
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < BOUND, "{what}: {found}, expected {expected}");
}

/// Six questions about three photos: of four present objects three are found, of two absent ones one.
#[test]
fn tomitas_numbers_are_raw_and_balanced() {
    let answers = [
        ("a", "yes", "Yes", "yes"),
        ("a", "yes", "Yes, it is.", "no"),
        ("b", "yes", "No", "yes"),
        ("b", "yes", "yes", "yes"),
        ("c", "no", "No.", "no"),
        ("c", "no", "Yes", "yes"),
        // No first word that says either: in no number.
        ("c", "no", "Not sure", "no"),
    ];
    let rows = answers.iter().enumerate().map(|(item, (photo, label, answer, pre_output))| AnswerRow {
        item,
        setting: "api".to_owned(),
        photo: (*photo).to_owned(),
        label: Some((*label).to_owned()),
        answer: Some((*answer).to_owned()),
        pre_output: Some((*pre_output).to_owned()),
        ..AnswerRow::default()
    });
    let found = tables("tomita", &rows.collect::<Vec<_>>());
    let table = found.iter().find(|table| table.id == "table_1").expect("Table 1");
    let parts: Vec<&str> = (0..3).map(|row| cell(table, row, "pre-output").text.as_str()).collect();
    assert_eq!(parts, ["all", "right", "wrong"], "by what the model that looks says");
    near(value(table, 0, "n"), 6.0, "questions that count");
    near(value(table, 0, "accuracy"), 400.0 / 6.0, "4 of 6 are right");
    near(value(table, 0, "precision"), 75.0, "3 of 4 yes are right");
    near(value(table, 0, "recall"), 75.0, "3 of 4 present ones");
    near(value(table, 0, "TNR"), 50.0, "1 of 2 absent ones");
    near(value(table, 0, "balanced accuracy"), 62.5, "(3/4 + 1/2) / 2");
    near(value(table, 0, "balanced precision"), 60.0, "3/4 / (3/4 + 1/2)");
    near(value(table, 0, "balanced F1"), 200.0 * 0.6 * 0.75 / 1.35, "of those two");
    // Right: a yes/yes, b yes/no, b yes/yes, c no/no; wrong: a yes and c yes.
    near(value(table, 1, "n"), 4.0, "right pre-outputs");
    near(value(table, 1, "accuracy"), 75.0, "3 of 4");
    near(value(table, 2, "n"), 2.0, "wrong pre-outputs");
    near(value(table, 2, "accuracy"), 50.0, "1 of 2");
}

/// Three captions of two photos with words whose H and F are given.
#[test]
fn damros_h_and_f_are_means_over_words_and_captions() {
    let signals = |first: f32, tenth: f32, f: f64| {
        let mut h = vec![first; 9];
        h.push(tenth);
        [("h_unsplit".to_owned(), SignalValue::List(h)), ("f_unsplit".to_owned(), SignalValue::Number(f))]
    };
    let word = |status: &str, first: f32, tenth: f32, f: f64| WordRow {
        status: status.to_owned(),
        signals: signals(first, tenth, f).into_iter().collect(),
        ..WordRow::default()
    };
    let row = |item: usize, photo: &str, words: Vec<WordRow>| AnswerRow {
        item,
        setting: "greedy".to_owned(),
        photo: photo.to_owned(),
        answer: Some("A caption.".to_owned()),
        hallucinated: Some(words.iter().any(|word| word.status == "hallucinated")),
        objects: Some([2, 1]),
        signals: signals(0.5, 0.25, 0.125).into_iter().collect(),
        words,
        ..AnswerRow::default()
    };
    let rows = [
        row(0, "a", vec![word("hallucinated", 1.0, 0.5, 0.25), word("grounded", 0.0, 0.25, 0.5)]),
        row(1, "a", vec![word("hallucinated", 0.0, 1.0, 0.75), word("unknown", 1.0, 1.0, 1.0)]),
        row(2, "b", vec![word("grounded", 1.0, 0.75, 0.0)]),
    ];
    let found = tables("damro", &rows);
    let table = found.iter().find(|table| table.id == "damro").expect("H and F");
    let line = |unit: &str, class: &str| {
        let is_line = |row: &usize| cell(table, *row, "unit").text == unit && cell(table, *row, "class").text == class;
        (0..table.rows.len()).find(is_line).unwrap_or_else(|| panic!("a row of {unit} and {class}"))
    };
    let wrong = line("word", "hallucinated");
    near(value(table, wrong, "n"), 2.0, "hallucinated words");
    near(value(table, wrong, "H_1"), 0.5, "of 1 and 0");
    near(value(table, wrong, "H_10"), 0.75, "of 0.5 and 1");
    near(value(table, wrong, "F"), 0.5, "of 0.25 and 0.75");
    let right = line("word", "not");
    near(value(table, right, "n"), 2.0, "grounded words; those without truth are neither");
    near(value(table, right, "H_1"), 0.5, "of 0 and 1");
    near(value(table, right, "F"), 0.25, "of 0.5 and 0");
    near(value(table, line("caption", "hallucinated"), "n"), 2.0, "captions with such a word");
    near(value(table, line("caption", "not"), "F"), 0.125, "the caption's own");
    let chair = found.iter().find(|table| table.id == "chair").expect("CHAIR stands beside them");
    near(value(chair, 0, "CHAIRs"), 200.0 / 3.0, "2 of 3 captions");
    near(value(chair, 0, "CHAIRi"), 40.0, "2 of 5 mentions");
    near(value(chair, 0, "recall"), 50.0, "3 of 6 objects");
}
