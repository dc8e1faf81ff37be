//! What a dropped JSON file is.

use super::error::CocoError;
use super::json::members;
use super::lists::{Watch, What, read_lists};
use super::source::Source;
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Kinds of files that belong to a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Objects with boxes and masks: [`super::Instances`].
    Instances,
    /// Descriptions: [`super::Captions`].
    Captions,
    /// Yes/no questions, one a line: [`crate::data::pope::Questions`].
    Questions,
}

const EXPECTED: &str = "a COCO instances or captions file, or POPE questions (one JSON object a line)";
/// As much of a first line as is looked at.
const HEAD_BYTES: usize = 64 << 10;

/// Looks at a file's first record to tell what it is: of the list `annotations`, or on the first line.
pub fn sniff(path: &Path) -> Result<FileKind, CocoError> {
    let source = Source::open(path, EXPECTED)?;
    let malformed = |found: String| CocoError::Malformed { expected: EXPECTED, found, path: path.to_owned() };
    let io = |found| CocoError::Io { expected: EXPECTED, found, path: path.to_owned() };
    let mut head = Vec::new();
    let reader = source.bytes_at(0, usize::try_from(source.len()).map_or(HEAD_BYTES, |len| len.min(HEAD_BYTES)));
    reader.map_err(io)?.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(io)?;
    let line = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let is_question = has_members(line, &["text", "label"]) || has_members(line, &["question_id", "text"]);
    if is_question {
        return Ok(FileKind::Questions);
    }
    let mut kind = None;
    let mut first = None;
    let cancel = AtomicBool::new(false);
    let what = What { expected: EXPECTED, path, total_bytes: source.len() };
    let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
    let read = read_lists(&mut *source.reader(), what, &["annotations"], &mut watch, &mut |record| {
        let (Ok(bytes), None) = (record.bytes, kind) else { return };
        kind = if has_members(bytes, &["caption"]) {
            Some(FileKind::Captions)
        } else if has_members(bytes, &["category_id"]) {
            Some(FileKind::Instances)
        } else {
            first.get_or_insert_with(|| super::json::excerpt(bytes));
            None
        };
        // Enough was seen.
        if kind.is_some() || record.index > 100 {
            cancel.store(true, Ordering::Relaxed);
        }
    });
    match (kind, read) {
        (Some(kind), _) => Ok(kind),
        (None, Err(CocoError::Cancelled { .. })) => {
            Err(malformed(format!("annotations such as {}", first.unwrap_or_default())))
        }
        (None, Err(err)) => Err(err),
        (None, Ok(seen)) => match (first, seen.first()) {
            (Some(first), _) => Err(malformed(format!("annotations such as {first}"))),
            (None, Some(true)) => Err(malformed("an empty list `annotations`".to_owned())),
            (None, _) => Err(malformed("an object without a list `annotations`".to_owned())),
        },
    }
}

fn has_members(object: &[u8], wanted: &[&str]) -> bool {
    let mut found = 0;
    let read = members(object, |name, _| {
        found += usize::from(wanted.contains(&name));
        Ok(())
    });
    read.is_ok() && found >= wanted.len()
}
