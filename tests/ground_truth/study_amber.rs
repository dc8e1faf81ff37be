//! AMBER's official numbers and MMVP's pairs against `tests/golden/study_amber.py`: plain loops.

use super::study_tables::{cell, tables, value};
use gazelens::study::AnswerRow;
use serde_json::Value;

const BOUND: f64 = 1e-9;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/study_amber.json")).expect("JSON")
}

fn rows(golden: &Value) -> Vec<AnswerRow> {
    serde_json::from_value(golden["rows"].clone()).expect("rows")
}

#[test]
fn amber_is_counted_as_by_its_own_script() {
    let golden = &golden()["amber"];
    let found = tables("amber", &rows(golden));
    let table = found.iter().find(|table| table.id == "amber_official").expect("the official table");
    let expected = golden["table"].as_array().expect("rows");
    assert_eq!(table.rows.len(), expected.len(), "a row a setting and kind");
    for (idx, expected) in expected.iter().enumerate() {
        for column in ["setting", "kind"] {
            assert_eq!(Some(cell(table, idx, column).text.as_str()), expected[column].as_str(), "row {idx}");
        }
        for column in ["n", "accuracy", "precision", "recall", "F1"] {
            let (found, expected) = (value(table, idx, column), expected[column].as_f64().expect("a number"));
            assert!((found - expected).abs() <= BOUND, "row {idx}, {column}: {found}, expected {expected}");
        }
    }
    assert!(found.iter().any(|table| table.id == "amber_by_split"), "with intervals beside it");
}

#[test]
fn mmvps_pairs_are_counted_as_by_the_outside_script() {
    let golden = &golden()["mmvp"];
    let found = tables("mmvp", &rows(golden));
    let (table, expected) = (&found[0], &golden["table"]);
    for column in ["questions", "pairs", "pairs right", "answers right", "unread"] {
        let (found, expected) = (value(table, 0, column), expected[column].as_f64().expect("a number"));
        assert!((found - expected).abs() <= BOUND, "{column}: {found}, expected {expected}");
    }
    let interval = cell(table, 0, "pairs right").interval.expect("an interval");
    for (idx, found) in interval.into_iter().enumerate() {
        let expected = expected["interval"][idx].as_f64().expect("a number");
        assert!((found - expected).abs() <= BOUND, "end {idx}: {found}, expected {expected}");
    }
}
