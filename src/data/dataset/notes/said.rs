//! What is said about one photo, and how two that say something about it are put together.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Something that is said about a photo.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tag {
    /// Worth coming back to.
    Star,
    /// The model says what is not there.
    Hallucinates,
    /// The ground truth is wrong.
    AnnotationWrong,
    /// There is a note.
    Note,
    /// A tag of one's own.
    Own(String),
}

/// Everything that is said about one photo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageNotes {
    /// Worth coming back to.
    #[serde(skip_serializing_if = "is_false")]
    pub star: bool,
    /// The model says what is not there.
    #[serde(skip_serializing_if = "is_false")]
    pub hallucinates: bool,
    /// The ground truth is wrong.
    #[serde(skip_serializing_if = "is_false")]
    pub annotation_wrong: bool,
    /// Tags of one's own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Text of one's own.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Written by a later version; kept as it is.
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ImageNotes {
    /// Whether this is said.
    pub fn has(&self, tag: &Tag) -> bool {
        match tag {
            Tag::Star => self.star,
            Tag::Hallucinates => self.hallucinates,
            Tag::AnnotationWrong => self.annotation_wrong,
            Tag::Note => !self.note.trim().is_empty(),
            Tag::Own(name) => self.tags.contains(name),
        }
    }

    /// Whether all of these are.
    pub fn has_all(&self, tags: &[Tag]) -> bool {
        tags.iter().all(|tag| self.has(tag))
    }

    /// Adds what else is said elsewhere: every tag of both, and both texts where they differ. Adding the same again
    /// changes nothing.
    pub fn merge(&mut self, other: &Self) {
        self.star |= other.star;
        self.hallucinates |= other.hallucinates;
        self.annotation_wrong |= other.annotation_wrong;
        self.tags.extend(other.tags.iter().cloned());
        self.note = joined(&self.note, &other.note);
        for (name, value) in &other.other {
            self.other.entry(name).or_insert_with(|| value.clone());
        }
    }

    /// Makes the change that made `after` of `before`, whatever else was said here meanwhile. A text that another has
    /// changed meanwhile stays beside the new one.
    pub fn apply(&mut self, before: &Self, after: &Self) {
        let flags = [
            (&mut self.star, before.star, after.star),
            (&mut self.hallucinates, before.hallucinates, after.hallucinates),
            (&mut self.annotation_wrong, before.annotation_wrong, after.annotation_wrong),
        ];
        for (flag, before, after) in flags {
            if before != after {
                *flag = after;
            }
        }
        self.tags.retain(|tag| !before.tags.contains(tag) || after.tags.contains(tag));
        self.tags.extend(after.tags.difference(&before.tags).cloned());
        if before.note != after.note {
            self.note = changed(&self.note, &before.note, &after.note);
        }
        for (name, value) in &after.other {
            self.other.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Both texts below each other, unless one has the other already.
fn joined(text: &str, other: &str) -> String {
    if other.trim().is_empty() || place_of(text, other).is_some() {
        text.to_owned()
    } else if text.trim().is_empty() || place_of(other, text).is_some() {
        other.to_owned()
    } else {
        format!("{text}\n{other}")
    }
}

/// `text` with `after` in the place of `before`.
fn changed(text: &str, before: &str, after: &str) -> String {
    if text == before {
        return after.to_owned();
    }
    let Some((from, to)) = place_of(text, before).filter(|_| !before.is_empty()) else { return joined(text, after) };
    let lines: Vec<&str> = text.split('\n').collect();
    let new = (!after.is_empty()).then_some(after);
    let (head, tail) = (lines.get(..from).unwrap_or_default(), lines.get(to..).unwrap_or_default());
    head.iter().copied().chain(new).chain(tail.iter().copied()).collect::<Vec<_>>().join("\n")
}

/// The lines of a text that are another text.
fn place_of(text: &str, part: &str) -> Option<(usize, usize)> {
    let lines: Vec<&str> = text.split('\n').collect();
    let part: Vec<&str> = part.split('\n').collect();
    let from = lines.windows(part.len()).position(|window| window == part)?;
    Some((from, from + part.len()))
}
