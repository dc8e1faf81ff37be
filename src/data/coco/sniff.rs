//! What a dropped JSON file is.

use super::error::CocoError;
use super::json::{excerpt, members};
use super::lists::{Form, Watch, What, read_lists};
use super::source::Source;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Kinds of files that belong to a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// Objects with boxes and masks: [`super::Instances`].
    Instances,
    /// Descriptions: [`super::Captions`].
    Captions,
    /// Yes/no questions: [`crate::data::pope::Questions`].
    Questions,
}

const EXPECTED: &str = "a COCO instances or captions file, or POPE questions (one JSON object a line, or an array)";
/// Names under which an object may hold records; of questions all but the first.
const LISTS: [&str; 3] = ["annotations", "questions", "data"];
/// Records that are looked at before a file is given up.
const MOST_LOOKED_AT: usize = 100;

/// Looks at a file's first records to tell what it is: those of the list `annotations`, of an array, or one a line.
pub fn sniff(path: &Path) -> Result<FileKind, CocoError> {
    let source = Source::open(path)?;
    let malformed = |found: String| CocoError::Malformed { expected: EXPECTED, found, path: path.to_owned() };
    let (mut kind, mut first, mut num_looked_at) = (None, None, 0);
    let cancel = AtomicBool::new(false);
    let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: Some(LISTS.len()), most_bytes: u64::MAX };
    let mut watch = Watch { progress: &mut |_| {}, cancel: &cancel };
    let read = read_lists(&source, what, &mut watch, &mut |record| {
        num_looked_at += 1;
        let bytes = record.bytes.unwrap_or_else(|broken| broken.head);
        if kind.is_none() {
            kind = if record.list == 0 { kind_of_annotation(bytes) } else { kind_of_loose(bytes) };
            first.get_or_insert_with(|| (record.list, excerpt(bytes)));
        }
        // Enough was seen.
        if kind.is_some() || num_looked_at > MOST_LOOKED_AT {
            cancel.store(true, Ordering::Relaxed);
        }
    });
    match (kind, read) {
        (Some(Ok(kind)), _) => Ok(kind),
        (Some(Err(found)), _) => Err(malformed(found.to_owned())),
        (None, Err(err)) if !matches!(err, CocoError::Cancelled { .. }) => Err(err),
        (None, read) => Err(malformed(match (first, read) {
            (Some((0, first)), _) => format!("annotations such as {first}"),
            (Some((_, first)), _) if num_looked_at > 1 || !first.starts_with("`{") => {
                format!("records such as {first}")
            }
            (None, Ok(found)) if found.seen.first() == Some(&true) => "an empty list `annotations`".to_owned(),
            (None, Ok(found)) if found.form == Form::Array => "an empty array".to_owned(),
            (_, _) => "an object without a list `annotations`".to_owned(),
        })),
    }
}

/// Of an element of `annotations`.
fn kind_of_annotation(record: &[u8]) -> Option<Result<FileKind, &'static str>> {
    let has = has_members(record);
    match (has(&["caption"]), has(&["category_id"])) {
        (true, _) => Some(Ok(FileKind::Captions)),
        (false, true) => Some(Ok(FileKind::Instances)),
        (false, false) => None,
    }
}

/// Of an element of an array, or an object on a line.
fn kind_of_loose(record: &[u8]) -> Option<Result<FileKind, &'static str>> {
    let has = has_members(record);
    let is_text = has(&["text", "question"]);
    if is_text && has(&["label", "answer", "question_id"]) {
        Some(Ok(FileKind::Questions))
    } else if has(&["caption"]) && has(&["image_id", "image", "file_name"]) {
        // They would stand for what is in the photos.
        Some(Err("captions without a list `annotations`, as models write them: `gazelens chair` scores those"))
    } else {
        None
    }
}

/// Whether an object has one of some members.
fn has_members(object: &[u8]) -> impl Fn(&[&str]) -> bool {
    let mut names = Vec::new();
    // What stands before any damage tells enough.
    let _ = members(object, |name, _| {
        names.push(name.to_owned());
        Ok(())
    });
    move |wanted| names.iter().any(|name| wanted.contains(&name.as_str()))
}
