//! POPE's question files: one JSON object a line, in spite of their name `.json`, or an array of such objects.
//!
//! **Source** `RUCAIBox/POPE`, `output/coco/coco_pope_*.json`: `image`, `text`, `label`. Lines end in LF or CRLF.
//! `lmms-lab/POPE` on the hub has `image_source`, `question`, `answer` and `category` for the same.

use super::coco::{
    CocoError, Cost, Mismatch, Problems, Progress, Record, Source, Watch, What, excerpt, image_id, is_null, members,
    read_lists, string, text, whole,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

const EXPECTED: &str = "POPE questions, JSON objects with `image`, `text` and `label` (one a line, or an array)";
/// Names under which an object may hold the array.
const LISTS: [&str; 2] = ["questions", "data"];
/// Far more than any published file.
const MOST_BYTES: u64 = 1 << 30;

/// The right answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Label {
    /// The object is in the photo.
    #[serde(alias = "Yes", alias = "YES")]
    Yes,
    /// It is not.
    #[serde(alias = "No", alias = "NO")]
    No,
}

/// One yes/no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its number in its file; 0 where the file gives none that can be used.
    pub question_id: u64,
    /// File name of the photo; COCO's twelve digits where the file gives only the photo's number.
    pub image: String,
    /// The question.
    pub text: String,
    /// The right answer.
    pub label: Label,
    /// How the object was chosen, where the file says: `random`, `popular`, `adversarial`.
    pub split: Option<String>,
}

/// An opened question file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questions {
    path: PathBuf,
    all: Vec<Question>,
    problems: Problems,
}

impl Questions {
    /// Reads a file; `progress` is called about every megabyte, and setting `cancel` stops within one.
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        Self::read(&Source::open(path)?, &mut Watch { progress, cancel })
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, CocoError> {
        let cancel = AtomicBool::new(false);
        let source = Source::bytes(Cow::Owned(bytes.to_vec()), name);
        Self::read(&source, &mut Watch { progress: &mut |_| {}, cancel: &cancel })
    }

    fn read(source: &Source, watch: &mut Watch<'_>) -> Result<Self, CocoError> {
        let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: Some(0), most_bytes: MOST_BYTES };
        let (mut questions, mut problems, mut total) = (Vec::new(), Problems::default(), 0);
        let found = read_lists(source, what, watch, &mut |Record { form, index, bytes, .. }| {
            total += 1;
            match bytes.map_err(|broken| broken.why).and_then(question) {
                Ok(question) => questions.push(question),
                Err(why) => problems.add(form.kind("question"), index, Cost::Record, why),
            }
        })?;
        if questions.is_empty() {
            let path = source.path().to_owned();
            let Some(first) = problems.listed().first() else {
                return Err(CocoError::Malformed { expected: EXPECTED, found: "no questions".to_owned(), path });
            };
            let (record, first) = (found.form.kind("question"), first.to_string());
            return Err(CocoError::NoneUsable { record, total, first, path });
        }
        Ok(Self { path: source.path().to_owned(), all: questions, problems })
    }

    /// The file, or the name the bytes were given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every question, in the file's order.
    pub fn questions(&self) -> &[Question] {
        &self.all
    }

    /// What was wrong with single records.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }
}

/// The first member of several names whose value can be used, or why there is none.
pub(super) struct Choice<T> {
    expected: &'static str,
    /// Its rank among the names, the first being the best.
    found: Option<(usize, T)>,
    unusable: Option<String>,
}

impl<T> Choice<T> {
    pub(super) fn new(expected: &'static str) -> Self {
        Self { expected, found: None, unusable: None }
    }

    pub(super) fn offer(&mut self, rank: usize, value: &[u8], read: impl FnOnce(&[u8]) -> Option<T>) {
        if self.found.as_ref().is_some_and(|(best, _)| *best < rank) {
            return;
        }
        match read(value) {
            Some(read) => self.found = Some((rank, read)),
            None => drop(self.unusable.get_or_insert_with(|| excerpt(value))),
        }
    }

    pub(super) fn chosen(self) -> Result<T, Mismatch> {
        let Self { expected, found, unusable } = self;
        found
            .map(|(_, value)| value)
            .ok_or_else(|| unusable.map_or_else(|| Mismatch::missing(expected), |found| Mismatch::new(expected, found)))
    }
}

/// A question needs its photo, its text and its answer.
fn question(record: &[u8]) -> Result<Question, Mismatch> {
    let mut image = photo_choice();
    let mut asked = Choice::new("`text` (or `question`) as a string");
    // A model's answer may stand beside the right one, so that `answer` is only looked at where there is no `label`.
    let (mut label, mut answer) = (Choice::new(LABEL), Choice::new(LABEL));
    let (mut question_id, mut split, mut has_label) = (None, None, false);
    members(record, |member, value| {
        if offer_photo(&mut image, member, value) {
            return Ok(());
        }
        match member {
            "text" => asked.offer(0, value, string),
            "question" => asked.offer(1, value, string),
            "label" => {
                has_label = true;
                label.offer(0, value, yes_or_no);
            }
            "answer" => answer.offer(0, value, yes_or_no),
            "question_id" => question_id = whole(value),
            "split" if !is_null(value) => split = text(value),
            "category" if split.is_none() => split = string(value).filter(|name| SPLITS.contains(&name.as_str())),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Question {
        question_id: question_id.unwrap_or(0),
        image: image.chosen()?,
        text: asked.chosen()?,
        label: if has_label { label.chosen()? } else { answer.chosen()? },
        split,
    })
}

const LABEL: &str = "`label` (or `answer`) as `yes` or `no`";

/// The photo of a question, for [`offer_photo`].
pub(super) fn photo_choice() -> Choice<String> {
    Choice::new("`image` (or `image_source`) as a file name")
}

/// Takes a member that names the photo of a question; false for any other member.
pub(super) fn offer_photo(choice: &mut Choice<String>, member: &str, value: &[u8]) -> bool {
    match member {
        "image" => choice.offer(0, value, photo),
        "image_source" => choice.offer(1, value, photo),
        "file_name" => choice.offer(2, value, photo),
        "image_id" => choice.offer(3, value, |value| image_id(value).map(coco_name)),
        _ => return false,
    }
    true
}

/// The name of a photo, or its number.
fn photo(value: &[u8]) -> Option<String> {
    string(value).filter(|name| !name.trim().is_empty()).or_else(|| whole(value).map(coco_name))
}

/// COCO's name for the photo of that number, without the ending.
fn coco_name(id: u64) -> String {
    format!("{id:012}")
}

/// What objects were chosen by; other files have other categories.
const SPLITS: [&str; 3] = ["random", "popular", "adversarial"];

pub(super) fn yes_or_no(value: &[u8]) -> Option<Label> {
    let word = match value.trim_ascii() {
        b"true" => "yes".to_owned(),
        b"false" => "no".to_owned(),
        value => string(value)?.trim().trim_end_matches('.').to_ascii_lowercase(),
    };
    match word.as_str() {
        "yes" => Some(Label::Yes),
        "no" => Some(Label::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Questions, String> {
        Questions::from_bytes(text.as_bytes(), Path::new("q.jsonl")).map_err(|err| err.to_string())
    }

    /// Photo, question and answer of each.
    fn of(questions: &Questions) -> Vec<(&str, &str, Label)> {
        questions.questions().iter().map(|one| (one.image.as_str(), one.text.as_str(), one.label)).collect()
    }

    #[test]
    fn a_malformed_line_is_told_by_its_number_and_the_rest_is_read() {
        let text = "\u{feff}{\"question_id\": 4, \"image\": \"a\", \"text\": \"b\", \"label\": \"yes\"}\r\n\r\n{\"image\": 1}\n\
            {\"image\": \"a\", \"text\": \"b\", \"label\": \"maybe\"}\n{\"image\": \"a\", \"text\": \"b\", \"label\": \"no\", \"split\": \"random\"}";
        let questions = read(text).expect("two good lines");
        let labels: Vec<Label> = questions.questions().iter().map(|question| question.label).collect();
        assert_eq!(labels, [Label::Yes, Label::No], "in order");
        assert_eq!(questions.questions()[1].split.as_deref(), Some("random"), "kept where it is given");
        let lines: Vec<usize> = questions.problems().listed().iter().map(|problem| problem.index).collect();
        assert_eq!(lines, [3, 4], "lines as an editor counts them");
    }

    #[test]
    fn questions_are_read_in_every_form_and_under_either_name() {
        let one = r#"{"question_id": 1, "image": "a.jpg", "text": "Is there a car?", "label": "yes"}"#;
        let two = r#"{"id": "0", "question_id": "2", "question": "Is there a dog?", "answer": "No", "image_source": "a.jpg", "category": "popular"}"#;
        let expected = [("a.jpg", "Is there a car?", Label::Yes), ("a.jpg", "Is there a dog?", Label::No)];
        for (form, text) in [
            ("lines", format!("{one}\n{two}\n")),
            ("CRLF, and no end", format!("{one}\r\n\r\n{two}")),
            ("an array", format!("[{one}, {two}]")),
            ("an array a line", format!("[\n{one},\n{two}\n]\n")),
            ("lines with commas", format!("{one},\n{two},\n")),
            ("two on one line", format!("{one}{two}")),
            ("an object", format!("{{\"info\": NaN, \"questions\": [{one}, {two}]}}")),
            ("zeros behind", format!("{one}\n{two}\n\0\0\0\0")),
        ] {
            let questions = read(&text).expect(form);
            assert_eq!((of(&questions), questions.problems().total()), (expected.to_vec(), 0), "{form}");
            assert_eq!(questions.questions()[1].split.as_deref(), Some("popular"), "{form}: how it was chosen");
            let numbers: Vec<u64> = questions.questions().iter().map(|one| one.question_id).collect();
            assert_eq!(numbers, [1, 2], "{form}: numbers, quoted or not");
        }
    }

    #[test]
    fn what_no_answer_needs_costs_no_question() {
        for more in [
            r#""question_id": null, "label": "yes.""#,
            r#""question_id": NaN"#,
            r#""question_id": "q_7""#,
            r#""question_id": -1, "score": -Infinity"#,
            r#""question_id": 1e400"#,
            r#""split": null, "text": "b""#,
            r#""logits": [NaN, {"a": Infinity}]"#,
            r#""category": "animal", "image_id": "x""#,
            r#""image_source": null, "question": 3, "answer": "no""#,
        ] {
            let text = format!(r#"{{"image": "a", "text": "b", "label": " Yes ", {more}}}"#);
            let questions = read(&text).expect(more);
            assert_eq!((of(&questions), questions.problems().total()), (vec![("a", "b", Label::Yes)], 0), "{more}");
            assert_eq!((questions.questions()[0].question_id, &questions.questions()[0].split), (0, &None), "{more}");
        }
        let other =
            read(r#"{"image": null, "image_id": 42.0, "question": "b", "text": NaN, "answer": true}"#).expect("read");
        assert_eq!(of(&other), [("000000000042", "b", Label::Yes)], "what can be used is, whatever stands beside it");
        let said = read(r#"{"image": "a", "text": "b", "label": null, "answer": "yes"}"#).expect_err("no label");
        assert!(
            said.contains("expected `label` (or `answer`) as `yes` or `no`, found `null`"),
            "a model's answer: {said}"
        );
    }

    #[test]
    fn a_file_without_questions_is_one_sentence() {
        for (text, found) in [
            (
                "",
                "Expected POPE questions, JSON objects with `image`, `text` and `label` (one a line, or an array), \
                    found an empty file: q.jsonl",
            ),
            ("[]", "found no questions: q.jsonl"),
            ("[1]", "The only question is not usable: question 0: expected an object, found `1`: q.jsonl"),
            ("a,b\nc,d\n", "None of 2 lines is usable: line 1: expected an object, found `a,b`: q.jsonl"),
            ("{\"annotations\": []}", "expected `image` (or `image_source`) as a file name, found a record without it"),
            ("\u{1f}\u{8b}", "The only line is not usable"),
        ] {
            let refusal = read(text).expect_err(text);
            assert!(refusal.contains(found) && refusal.ends_with("q.jsonl"), "{refusal}");
        }
        assert!(read(&"x".repeat(20 << 20)).is_err_and(|err| err.contains("of more than")), "a line without end");
        let packed = Questions::from_bytes(b"\x1f\x8b\x08\0", Path::new("q.json")).expect_err("gzip").to_string();
        assert!(packed.ends_with("found a gzip file: unpack it first: q.json"), "{packed}");
    }

    #[test]
    fn an_array_that_was_cut_off_keeps_what_is_whole() {
        let one = r#"{"image": "a", "text": "b", "label": "yes"}"#;
        for (text, found) in [
            (format!("[{one}, {{\"image\": \"a"), "expected the end of the record"),
            (format!("[{one}"), "expected the end of the record"),
            (format!("[{one}] [{one}]"), "expected the end of the file behind the array"),
        ] {
            let questions = read(&text).expect("one question");
            assert_eq!((questions.questions().len(), questions.problems().total_of(Cost::Record)), (1, 1), "{text}");
            let first = questions.problems().listed()[0].to_string();
            assert!(first.starts_with("question 1: ") && first.contains(found), "{first}");
        }
    }
}
