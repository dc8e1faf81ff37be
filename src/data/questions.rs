//! Questions to ask about photos: POPE's files in every form ([`super::pope`]), and the same with any other question in
//! them, where no right answer is known.
//!
//! | field | needed | without it |
//! | --- | --- | --- |
//! | `image`, else `image_source`, `file_name` or `image_id` | yes | the question is left out |
//! | `text`, else `question`, `prompt` or `query` | yes | the question is left out |
//! | `question_id`, else `id` | no | none |
//! | `label`, else `answer`; `split` or `category` | no | none |

use super::coco::{
    CocoError, Cost, Mismatch, Problems, Record, Source, Watch, What, is_null, members, read_lists, string, text, whole,
};
use super::pope::{Choice, Label, offer_photo, photo_choice, yes_or_no};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "questions, JSON objects with `image` and `text` (one a line, or an array)";
/// Names under which an object may hold the array.
const LISTS: [&str; 2] = ["questions", "data"];
const MOST_BYTES: u64 = 1 << 30;

/// One question about one photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoQuestion {
    /// Its place in the file, counted from 1 over all records, also those that cannot be used.
    pub number: usize,
    /// Its own name in the file, a number or text; [`Value::Null`] where it has none.
    pub id: Value,
    /// File name of the photo; COCO's twelve digits where the file gives only the photo's number.
    pub image: String,
    /// The question.
    pub text: String,
    /// The right answer, where the file knows one that is `yes` or `no`.
    pub label: Option<Label>,
    /// The part of the file's set that it belongs to (`split`, else `category`).
    pub split: Option<String>,
}

/// An opened file of questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoQuestions {
    /// Every question that can be asked, in the file's order.
    pub all: Vec<PhotoQuestion>,
    /// Those that cannot be asked: their places, and why, the rest of a sentence.
    pub unread: Vec<(usize, String)>,
    /// What was wrong with single records.
    pub problems: Problems,
}

impl PhotoQuestions {
    /// Reads a file.
    ///
    /// **Errors**: a file that cannot be read or holds no question that can be used.
    pub fn open(path: &Path, cancel: &AtomicBool) -> Result<Self, CocoError> {
        let source = Source::open(path)?;
        let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: Some(0), most_bytes: MOST_BYTES };
        let (mut all, mut unread, mut problems, mut number) = (Vec::new(), Vec::new(), Problems::default(), 0);
        let mut watch = Watch { progress: &mut |_| {}, cancel };
        let found = read_lists(&source, what, &mut watch, &mut |Record { form, index, bytes, .. }| {
            number += 1;
            match bytes.map_err(|broken| broken.why).and_then(|bytes| question(number, bytes)) {
                Ok(question) => all.push(question),
                Err(why) => {
                    unread.push((number, why.to_string()));
                    problems.add(form.kind("question"), index, Cost::Record, why);
                }
            }
        })?;
        if all.is_empty() {
            let path = source.path().to_owned();
            let Some(first) = problems.listed().first() else {
                return Err(CocoError::Malformed { expected: EXPECTED, found: "no questions".to_owned(), path });
            };
            let (record, first) = (found.form.kind("question"), first.to_string());
            return Err(CocoError::NoneUsable { record, total: number, first, path });
        }
        Ok(Self { all, unread, problems })
    }
}

/// A question needs its photo and its text.
fn question(number: usize, record: &[u8]) -> Result<PhotoQuestion, Mismatch> {
    let mut image = photo_choice();
    let mut asked = Choice::new("`text` (or `question`, `prompt`) as a string");
    let (mut id, mut other_id, mut split, mut category) = (Value::Null, Value::Null, None, None);
    let (mut label, mut answer, mut has_label) = (None, None, false);
    let words = |value: &[u8]| string(value).filter(|text| !text.trim().is_empty());
    members(record, |member, value| {
        if offer_photo(&mut image, member, value) {
            return Ok(());
        }
        match member {
            "text" => asked.offer(0, value, words),
            "question" => asked.offer(1, value, words),
            "prompt" => asked.offer(2, value, words),
            "query" => asked.offer(3, value, words),
            "label" => {
                has_label = true;
                label = yes_or_no(value);
            }
            "answer" => answer = yes_or_no(value),
            "question_id" => id = name(value),
            "id" => other_id = name(value),
            "split" if !is_null(value) => split = text(value),
            "category" if !is_null(value) => category = string(value),
            _ => {}
        }
        Ok(())
    })?;
    Ok(PhotoQuestion {
        number,
        id: if id.is_null() { other_id } else { id },
        image: image.chosen()?,
        text: asked.chosen()?,
        // A model's answer may stand beside the right one.
        label: if has_label { label } else { answer },
        split: split.or(category),
    })
}

/// A number or text.
fn name(value: &[u8]) -> Value {
    whole(value)
        .map(Value::from)
        .filter(|_| !value.trim_ascii().starts_with(b"\""))
        .unwrap_or_else(|| string(value).map_or(Value::Null, Value::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PhotoQuestions, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("q.jsonl");
        std::fs::write(&path, text).expect("a writable folder");
        PhotoQuestions::open(&path, &AtomicBool::new(false)).map_err(|err| err.to_string())
    }

    #[test]
    fn questions_need_a_photo_and_words_and_nothing_else() {
        let text = "{\"question_id\": 4, \"image\": \"a.jpg\", \"text\": \"Is it?\", \"label\": \"yes\"}\n\
            {\"id\": \"q_7\", \"image_id\": 42, \"query\": \"Describe it.\", \"score\": NaN}\n\
            {\"image\": \"a.jpg\", \"text\": \" \"}\n\
            {\"question_id\": \"9\", \"image_source\": \"b\", \"question\": \"Why?\", \"answer\": \"So.\", \
                \"category\": \"art\"}\n";
        let read = read(text).expect("three questions");
        let of = |one: &PhotoQuestion| (one.number, one.id.to_string(), one.image.clone(), one.text.clone(), one.label);
        let found: Vec<_> = read.all.iter().map(of).collect();
        let expected = [
            (1, "4", "a.jpg", "Is it?", Some(Label::Yes)),
            (2, "\"q_7\"", "000000000042", "Describe it.", None),
            (4, "\"9\"", "b", "Why?", None),
        ];
        let owned =
            expected.map(|(n, id, image, text, label)| (n, id.to_owned(), image.to_owned(), text.to_owned(), label));
        assert_eq!(found, owned, "numbers, names, photos, words, answers");
        assert_eq!(read.all[2].split.as_deref(), Some("art"), "the part of the set");
        assert_eq!(read.problems.total(), 1, "a question without words");
        assert!(matches!(read.unread.as_slice(), [(3, why)] if why.contains("`text`")), "{:?}", read.unread);
    }

    #[test]
    fn an_array_is_read_and_nothing_usable_is_refused() {
        let array = r#"[{"image": "a", "text": "b"}, {"image": "c", "prompt": "d"}]"#;
        assert_eq!(read(array).expect("two").all.len(), 2, "an array");
        let refused = read("{\"image\": \"a\"}\n").expect_err("no words");
        assert!(refused.contains("`text` (or `question`, `prompt`)") && refused.ends_with("q.jsonl"), "{refused}");
        assert!(read("").is_err_and(|err| err.contains("an empty file")), "nothing");
    }
}
