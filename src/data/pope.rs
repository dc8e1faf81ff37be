//! POPE's question files: one JSON object a line, in spite of their name `.json`.
//!
//! **Source** `RUCAIBox/POPE`, `output/coco/coco_pope_*.json`. Lines end in LF or CRLF.

use super::coco::{CocoError, Problems, Progress};
use crate::files;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const EXPECTED: &str = "POPE questions, one JSON object with `image`, `text` and `label` a line";
/// Longest line that is read.
const MOST_LINE_BYTES: u64 = 1 << 20;
/// How often a reader is told how far it has come, **units** lines.
const TOLD_EVERY: usize = 256;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its number in its file; 0 where the file gives none.
    #[serde(default)]
    pub question_id: u64,
    /// File name of the photo.
    pub image: String,
    /// The question.
    pub text: String,
    /// The right answer.
    pub label: Label,
    /// How the object was chosen, where the file says: `random`, `popular`, `adversarial`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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
    /// Reads a file; `progress` is called every few hundred lines, and setting `cancel` stops between two of them.
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        let io = |found| CocoError::Io { expected: EXPECTED, found, path: path.to_owned() };
        let (file, total_bytes) = files::open(path).map_err(io)?;
        Self::read(&mut BufReader::new(file), path, total_bytes, progress, cancel)
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(mut bytes: &[u8], name: &Path) -> Result<Self, CocoError> {
        let total_bytes = bytes.len() as u64;
        Self::read(&mut BufReader::new(&mut bytes), name, total_bytes, &mut |_| {}, &AtomicBool::new(false))
    }

    fn read(
        input: &mut BufReader<impl Read>,
        path: &Path,
        total_bytes: u64,
        progress: &mut dyn FnMut(Progress),
        cancel: &AtomicBool,
    ) -> Result<Self, CocoError> {
        let io = |found| CocoError::Io { expected: EXPECTED, found, path: path.to_owned() };
        let malformed = |found| CocoError::Malformed { expected: EXPECTED, found, path: path.to_owned() };
        let (mut questions, mut problems, mut done_bytes) = (Vec::new(), Problems::default(), 0);
        let mut line = Vec::new();
        for number in 1.. {
            if number % TOLD_EVERY == 1 {
                if cancel.load(Ordering::Relaxed) {
                    return Err(CocoError::Cancelled { path: path.to_owned() });
                }
                progress(Progress { done_bytes, total_bytes: total_bytes.max(done_bytes) });
            }
            line.clear();
            let read = input.take(MOST_LINE_BYTES).read_until(b'\n', &mut line).map_err(io)?;
            if read == 0 {
                break;
            }
            done_bytes += read as u64;
            if read as u64 == MOST_LINE_BYTES && !line.ends_with(b"\n") {
                return Err(malformed(format!("a line {number} of more than {MOST_LINE_BYTES} bytes")));
            }
            let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line).trim_ascii();
            if text.is_empty() {
                continue;
            }
            if !text.starts_with(b"{") {
                // Serde would take a list of the members' values too.
                problems.add("line", number, "expected an object");
                continue;
            }
            match serde_json::from_slice(text) {
                Ok(question) => questions.push(question),
                Err(reason) => problems.add("line", number, without_place(&reason)),
            }
        }
        if questions.is_empty() {
            let first = problems.listed().first();
            return Err(malformed(first.map_or_else(|| "no lines".to_owned(), |problem| format!("\"{problem}\""))));
        }
        progress(Progress { done_bytes, total_bytes: done_bytes });
        Ok(Self { path: path.to_owned(), all: questions, problems })
    }

    /// The file, or the name the bytes were given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every question, in the file's order.
    pub fn questions(&self) -> &[Question] {
        &self.all
    }

    /// What was wrong with single lines.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }
}

/// The line's number is told already, and its only line is always line 1.
fn without_place(err: &serde_json::Error) -> String {
    let text = err.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Questions, String> {
        Questions::from_bytes(text.as_bytes(), Path::new("q.jsonl")).map_err(|err| err.to_string())
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
    fn a_file_without_questions_is_one_sentence() {
        for (text, found) in [
            ("", "found no lines: q.jsonl"),
            ("[1]", "found \"line 1: expected an object"),
            ("{\"annotations\": []}", "missing field `image`"),
        ] {
            let refusal = read(text).expect_err(text);
            assert!(refusal.starts_with("Expected POPE questions") && refusal.contains(found), "{refusal}");
        }
        assert!(read(&"x".repeat(3 << 20)).is_err_and(|err| err.contains("of more than")), "a line without end");
    }
}
