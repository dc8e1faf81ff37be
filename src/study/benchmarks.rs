//! Question files of benchmarks that are no POPE.
//!
//! **Source**: AMBER (arXiv 2311.07397), `data/query/query_*.json` and `data/annotations.json`; MMVP (arXiv
//! 2401.06209), `Questions.csv`.

use super::StudyError;
use super::item::Item;
use crate::analysis::pope::Label;
use crate::files;
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// Far more than the published files.
const MOST_BYTES: u64 = 256 << 20;

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, StudyError> {
    files::read(path, MOST_BYTES).map_err(|found| StudyError::Open { what, found, path: path.to_owned() })
}

fn unfit(expected: &str, found: &str, path: &Path) -> StudyError {
    StudyError::Unfit { expected: expected.to_owned(), found: found.to_owned(), path: path.to_owned() }
}

fn list(what: &'static str, path: &Path) -> Result<Vec<Value>, StudyError> {
    match serde_json::from_slice(&read(what, path)?) {
        Ok(Value::Array(list)) => Ok(list),
        Ok(_) => Err(unfit("a JSON array of objects", "another value", path)),
        Err(err) => Err(unfit("a JSON array of objects", &err.to_string(), path)),
    }
}

/// AMBER's yes/no questions with the names of their photos; those that ask for a description are left out.
///
/// `id` is the question's number; the annotations say `truth` and `type` for each number.
pub(super) fn amber(queries: &Path, annotations: Option<&Path>) -> Result<Vec<(String, Item)>, StudyError> {
    let annotations =
        annotations.ok_or_else(|| unfit("`labels` of [questions]: AMBER's annotations.json", "none", queries))?;
    let mut truths: HashMap<u64, (Label, String)> = HashMap::new();
    for record in list("AMBER's annotations", annotations)? {
        let (Some(id), Some(truth)) =
            (record.get("id").and_then(Value::as_u64), record.get("truth").and_then(Value::as_str))
        else {
            continue;
        };
        let label = match truth.to_ascii_lowercase().as_str() {
            "yes" => Label::Yes,
            "no" => Label::No,
            _ => continue,
        };
        let kind = record.get("type").and_then(Value::as_str).unwrap_or_default();
        truths.insert(id, (label, kind_of(kind).to_owned()));
    }
    let mut items = Vec::new();
    for record in list("AMBER's queries", queries)? {
        let Some(id) = record.get("id").and_then(Value::as_u64) else { continue };
        let text = record.get("query").and_then(Value::as_str);
        let image = record.get("image").and_then(Value::as_str);
        if let (Some(text), Some(image), Some((label, kind))) = (text, image, truths.get(&id)) {
            let item = Item {
                question_id: Value::from(id),
                label: Some(*label),
                split: Some(kind.clone()),
                ..Item::new(0, text.to_owned())
            };
            items.push((image.to_owned(), item));
        }
    }
    if items.is_empty() {
        return Err(unfit("AMBER's yes/no queries with their truths", "none", queries));
    }
    Ok(items)
}

/// `existence`, `attribute-state` and so on: what the official scores are grouped by.
fn kind_of(kind: &str) -> &str {
    match kind.strip_prefix("discriminative-").unwrap_or(kind) {
        "hallucination" => "existence",
        other => other,
    }
}

/// MMVP's questions: two in a row are a pair, right only together. The photo of question `i` is `i.jpg`.
pub(super) fn mmvp(file: &Path) -> Result<Vec<(String, Item)>, StudyError> {
    let bytes = read("MMVP's questions", file)?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes.as_slice());
    let headers = reader.headers().map_err(|err| unfit("a CSV file", &err.to_string(), file))?.clone();
    let column = |names: &[&str]| {
        headers.iter().position(|name| {
            let name = name.trim_start_matches('\u{feff}').trim();
            names.iter().any(|known| name.eq_ignore_ascii_case(known))
        })
    };
    let named = |names: &[&str]| column(names).ok_or_else(|| unfit(&format!("a column `{}`", names[0]), "none", file));
    let (index, question) = (named(&["Index", "lndex"])?, named(&["Question"])?);
    let (options, answer) = (column(&["Options"]), named(&["Correct Answer"])?);
    let mut items = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|err| unfit("a CSV file", &err.to_string(), file))?;
        let text = |column: usize| record.get(column).unwrap_or_default().trim().to_owned();
        let Ok(number) = text(index).parse::<u64>() else { continue };
        let words = options.map(text).filter(|options| !options.is_empty());
        let words = words.map_or_else(|| text(question), |options| format!("{} {options}", text(question)));
        let item = Item {
            question_id: Value::from(number),
            expected: Some(text(answer)),
            pair: Some(number.saturating_sub(1) / 2),
            ..Item::new(0, words)
        };
        items.push((format!("{number}.jpg"), item));
    }
    if items.is_empty() { Err(unfit("MMVP's questions", "none", file)) } else { Ok(items) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambers_questions_have_their_truths_and_kinds() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (queries, truths) = (folder.path().join("q.json"), folder.path().join("a.json"));
        std::fs::write(
            &queries,
            r#"[{"id": 1, "image": "AMBER_1.jpg", "query": "Describe this image."},
                {"id": 1005, "image": "AMBER_1.jpg", "query": "Is the sky sunny in this image?"},
                {"id": 8633, "image": "AMBER_2.jpg", "query": "Is there a truck in this image?"}]"#,
        )
        .expect("can be written");
        std::fs::write(
            &truths,
            r#"[{"id": 1, "type": "generative", "truth": ["sky"], "hallu": []},
                {"id": 1005, "type": "discriminative-attribute-state", "truth": "yes"},
                {"id": 8633, "type": "discriminative-hallucination", "truth": "no"}]"#,
        )
        .expect("can be written");
        let items = amber(&queries, Some(&truths)).expect("two questions");
        let found: Vec<_> =
            items.iter().map(|(image, item)| (image.as_str(), item.label, item.split.as_deref())).collect();
        let expected = [
            ("AMBER_1.jpg", Some(Label::Yes), Some("attribute-state")),
            ("AMBER_2.jpg", Some(Label::No), Some("existence")),
        ];
        assert_eq!(found, expected, "without the description");
        assert!(
            amber(&queries, None).is_err_and(|err| err.to_string().contains("annotations.json")),
            "truths are needed"
        );
    }

    #[test]
    fn mmvps_questions_are_paired() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("Questions.csv");
        let text = "lndex,Question,Options,Correct Answer\n1,Are the wings open?,(a) Open (b) Closed,(a)\n\
            2,Are the wings open?,(a) Open (b) Closed,(b)\n3,\"Left, or right?\",(a) Left (b) Right,(a)\n";
        std::fs::write(&file, text).expect("can be written");
        let items = mmvp(&file).expect("three questions");
        let pairs: Vec<_> = items.iter().map(|(image, item)| (image.as_str(), item.pair)).collect();
        assert_eq!(pairs, [("1.jpg", Some(0)), ("2.jpg", Some(0)), ("3.jpg", Some(1))], "two in a row");
        assert_eq!(items[2].1.text, "Left, or right? (a) Left (b) Right", "with its choices");
        assert_eq!(items[1].1.expected.as_deref(), Some("(b)"), "the right one");
    }
}
