//! Answers that other programs wrote, in the forms in which they are published.
//!
//! | written by | the answer | the question | the photo |
//! | --- | --- | --- | --- |
//! | LLaVA, VCD and their descendants | `text` | `question_id`, `prompt` | `image` |
//! | POPE | `answer` | `question` | `image` |
//! | CHAIR, OPERA | `caption` | - | `image_id` |
//! | AMBER | `response` | `id` | - |
//! | lmms-eval | `filtered_resps`, else `resps` | `doc_id`, `input` | - |
//!
//! `text` beside a `label` and without `prompt` or `question` is a question, as in POPE's own files.

use super::coco::{
    CocoError, Cost, Mismatch, Problems, Record, Source, Watch, What, coco_image_id, image_id, members, read_lists,
    string, text, whole,
};
use super::pope::Choice;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "answers, JSON objects with `text`, `answer`, `caption` or `response` (one a line, or an array)";
/// Names under which an object may hold the array.
const LISTS: [&str; 3] = ["answers", "annotations", "data"];
const MOST_BYTES: u64 = 1 << 30;

/// One answer and what it says of its question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WrittenAnswer {
    /// Its place in the file, counted from 1 over all records, also those that cannot be used.
    pub number: usize,
    /// The question's name, as text: `7` and `"7"` are one.
    pub question_id: Option<String>,
    /// lmms-eval's place of the question in its data set, from 0.
    pub doc_id: Option<usize>,
    /// Name of the photo's file.
    pub image: Option<String>,
    /// COCO's number of the photo.
    pub image_id: Option<u64>,
    /// The question's words.
    pub question: Option<String>,
    /// The answer.
    pub answer: String,
}

/// An opened file of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenAnswers {
    /// Every answer that can be used, in the file's order.
    pub all: Vec<WrittenAnswer>,
    /// What was wrong with single records.
    pub problems: Problems,
}

impl WrittenAnswers {
    /// Reads a file.
    ///
    /// **Errors**: a file that cannot be read or holds no answer that can be used.
    pub fn open(path: &Path) -> Result<Self, CocoError> {
        let source = Source::open(path)?;
        let most_bytes = MOST_BYTES;
        let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: Some(0), most_bytes };
        let (mut all, mut problems, mut number) = (Vec::new(), Problems::default(), 0);
        // Nobody raises it: an interrupt from the keyboard ends the process.
        let cancel = AtomicBool::new(false);
        let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
        let found = read_lists(&source, what, &mut watch, &mut |Record { form, index, bytes, .. }| {
            number += 1;
            match bytes.map_err(|broken| broken.why).and_then(|bytes| answer(number, bytes)) {
                Ok(answer) => all.push(answer),
                Err(why) => problems.add(form.kind("answer"), index, Cost::Record, why),
            }
        })?;
        if !all.is_empty() {
            return Ok(Self { all, problems });
        }
        let path = source.path().to_owned();
        let Some(first) = problems.listed().first() else {
            return Err(CocoError::Malformed { expected: EXPECTED, found: "no answers".to_owned(), path });
        };
        let (record, first) = (found.form.kind("answer"), first.to_string());
        Err(CocoError::NoneUsable { record, total: number, first, path })
    }
}

fn answer(number: usize, record: &[u8]) -> Result<WrittenAnswer, Mismatch> {
    let mut found = WrittenAnswer { number, ..WrittenAnswer::default() };
    let mut said = Choice::new("`text`, `answer`, `caption` or `response` as a string");
    let mut asked = Choice::new("the question's words");
    let mut image = Choice::new("the photo's name");
    let (mut words, mut has_label, mut id, mut inner_id) = (None, false, None, None);
    members(record, |member, value| {
        match member {
            "filtered_resps" => said.offer(0, value, first_text),
            "resps" => said.offer(1, value, first_text),
            "response" => said.offer(2, value, first_text),
            "model_answer" => said.offer(3, value, string),
            "caption" => said.offer(4, value, string),
            "ans" => said.offer(5, value, string),
            "answer" => said.offer(6, value, string),
            "text" => words = Some(value),
            "prompt" => asked.offer(0, value, string),
            "question" => asked.offer(1, value, string),
            "query" => asked.offer(2, value, string),
            "input" => asked.offer(3, value, first_text),
            "image" => image.offer(0, value, name),
            "image_source" => image.offer(1, value, name),
            "image_src" => image.offer(2, value, name),
            "file_name" => image.offer(3, value, name),
            "image_id" => match image_id(value) {
                Some(id) => found.image_id = Some(id),
                None => image.offer(4, value, name),
            },
            "label" => has_label = true,
            "question_id" => found.question_id = question_name(value),
            "id" => id = question_name(value),
            "doc_id" => found.doc_id = whole(value).and_then(|id| usize::try_from(id).ok()),
            // lmms-eval's metrics of a question name it.
            _ if inner_id.is_none() => inner_id = id_inside(value),
            _ => {}
        }
        Ok(())
    })?;
    found.question = asked.chosen().ok();
    if let Some(value) = words {
        match (&found.question, has_label) {
            // As LLaVA writes it, the right answer may stand beside it.
            (Some(_), _) => said.offer(if found.doc_id.is_some() { 7 } else { 1 }, value, string),
            (None, false) => said.offer(7, value, string),
            (None, true) => found.question = string(value),
        }
    }
    found.answer = said.chosen()?;
    found.image = image.chosen().ok();
    found.image_id = found.image_id.or_else(|| coco_image_id(found.image.as_deref()?));
    // POPE's files of the hub number their records besides.
    found.question_id = found.question_id.or(id).or(inner_id);
    Ok(found)
}

/// A string, or the first of lists of lists.
fn first_text(value: &[u8]) -> Option<String> {
    fn first(value: Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text),
            Value::Array(list) => first(list.into_iter().next()?),
            _ => None,
        }
    }
    string(value).or_else(|| first(serde_json::from_slice(value).ok()?))
}

fn name(value: &[u8]) -> Option<String> {
    string(value).filter(|name| !name.trim().is_empty())
}

fn question_name(value: &[u8]) -> Option<String> {
    whole(value).map(|number| number.to_string()).or_else(|| text(value))
}

fn id_inside(value: &[u8]) -> Option<String> {
    let mut found = None;
    if value.trim_ascii().first() == Some(&b'{') {
        members(value, |member, value| {
            if member == "question_id" {
                found = question_name(value);
            }
            Ok(())
        })
        .ok()?;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<WrittenAnswers, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, text).expect("a writable folder");
        WrittenAnswers::open(&path).map_err(|err| err.to_string())
    }

    const FORMS: [(&str, &str, &str, &str, &str); 9] = [
        (
            "LLaVA",
            r#"{"question_id": 7, "prompt": "Is it?", "text": "Yes", "answer_id": "x", "metadata": {}}"#,
            "7",
            "Is it?",
            "Yes",
        ),
        (
            "LLaVA beside the truth",
            r#"{"question_id": "7", "prompt": "Is it?", "text": "Yes", "answer": "no"}"#,
            "7",
            "Is it?",
            "Yes",
        ),
        ("ILVAD", r#"{"question_id": 7, "text": "Yes", "gt": "no", "question": "Is it?"}"#, "7", "Is it?", "Yes"),
        ("POPE", r#"{"question": "Is it?", "answer": "Yes"}"#, "", "Is it?", "Yes"),
        ("POPE with its label", r#"{"text": "Is it?", "label": "no", "answer": "Yes"}"#, "", "Is it?", "Yes"),
        ("VISTA", r#"{"query": "Is it?", "label": 1, "ans": "Yes"}"#, "", "Is it?", "Yes"),
        ("CHAIR", r#"{"image_id": 42, "caption": "A dog."}"#, "", "", "A dog."),
        ("AMBER", r#"{"id": 1005, "response": "No"}"#, "1005", "", "No"),
        (
            "lmms-eval",
            r#"{"doc_id": 3, "target": "no", "filtered_resps": ["yes"], "resps": [["Yes."]], "input": "Is it?", "pope": {"question_id": "9"}}"#,
            "9",
            "Is it?",
            "yes",
        ),
    ];

    #[test]
    fn answers_are_read_as_each_program_writes_them() {
        for (form, line, id, question, answer) in FORMS {
            let read = read(line).unwrap_or_else(|err| panic!("{form}: {err}"));
            let one = &read.all[0];
            let found =
                (one.question_id.as_deref().unwrap_or(""), one.question.as_deref().unwrap_or(""), one.answer.as_str());
            assert_eq!(found, (id, question, answer), "{form}");
        }
        let array = format!("[{}, {}]", FORMS[6].1, FORMS[7].1);
        assert_eq!(read(&array).expect("two").all.len(), 2, "an array");
        let named = read(r#"{"image": "COCO_val2014_000000000042.jpg", "text": "A dog."}"#).expect("one");
        assert_eq!(named.all[0].image_id, Some(42), "COCO's number by its name");
    }

    #[test]
    fn what_holds_no_answer_is_named() {
        let some =
            read("{\"text\": \"Is it?\", \"label\": \"no\"}\n{\"question_id\": 1, \"text\": \"Yes\"}\n").expect("one");
        assert_eq!((some.all.len(), some.problems.total()), (1, 1), "a question alone is none");
        let first = some.problems.listed()[0].to_string();
        assert!(first.starts_with("line 1: expected `text`, `answer`"), "{first}");
        let refused = read("{\"question_id\": 1}\n").expect_err("none");
        assert!(refused.contains("not usable") && refused.ends_with("a.jsonl"), "{refused}");
    }

    #[test]
    fn damaged_answers_never_panic() {
        for (_, line, ..) in FORMS {
            for end in 0..line.len() {
                let _ = read(&line[..end]);
                let mut changed = line.as_bytes().to_vec();
                changed[end] ^= 0x15;
                let _ = read(&String::from_utf8_lossy(&changed));
            }
        }
    }
}
