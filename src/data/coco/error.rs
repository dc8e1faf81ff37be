//! What can be wrong with an annotation file, in one sentence each.

use std::fmt;
use std::path::PathBuf;

/// A file that could not be used at all. Messages end with the file.
#[derive(Debug, thiserror::Error)]
pub enum CocoError {
    /// The system refused.
    #[error("Expected {expected} that can be read, found \"{found}\": {}", path.display())]
    Io {
        /// The kind of file.
        expected: &'static str,
        /// The system's own words.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Another kind of file, or a damaged one.
    #[error("Expected {expected}, found {found}: {}", path.display())]
    Malformed {
        /// The kind of file and what makes it one.
        expected: &'static str,
        /// What is there instead.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Somebody asked to stop.
    #[error("Stopped before the end of the file: {}", path.display())]
    Cancelled {
        /// The file.
        path: PathBuf,
    },
}

/// A mask that could not be made. Messages end with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The record is not what it was when the file was opened, or cannot be read any more.
    #[error("Expected annotation {annotation_id} where it was when the file was opened, found {found}: {}", path.display())]
    Moved {
        /// Its id.
        annotation_id: u64,
        /// What is there now.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Outlines or run lengths that give no mask.
    #[error("Expected {expected} in annotation {annotation_id}, found {found}: {}", path.display())]
    Segmentation {
        /// Its id.
        annotation_id: u64,
        /// What makes a mask.
        expected: &'static str,
        /// What is there.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// An image whose size is missing or beyond reason.
    #[error("Expected an image of 1 to 178956970 pixels, found {found} for image {image_id}: {}", path.display())]
    ImageSize {
        /// Its id.
        image_id: u64,
        /// What the file says.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// No image has that id.
    #[error("Expected the id of an image of the file, found {image_id}: {}", path.display())]
    UnknownImage {
        /// The id that was asked for.
        image_id: u64,
        /// The file.
        path: PathBuf,
    },
}

/// What was expected of a value, and what is there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::data) struct Mismatch {
    pub(in crate::data) expected: &'static str,
    pub(in crate::data) found: String,
}

impl Mismatch {
    pub(in crate::data) fn new(expected: &'static str, found: impl Into<String>) -> Self {
        Self { expected, found: found.into() }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

/// One record that could not be used, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What the record is: `annotation`, `image`, `category`, `caption`, `line`.
    pub kind: &'static str,
    /// Its place among its kind: from 0 in a list, from 1 for lines of a file.
    pub index: usize,
    /// What was expected and found.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.index, self.reason)
    }
}

/// Everything that was wrong with single records: all counted, the first thousand listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    total: usize,
    listed: Vec<Problem>,
}

/// Nobody reads on after so many; a file of nothing but problems must not fill the memory with sentences about them.
const MOST_LISTED: usize = 1000;

impl Problems {
    /// How many there were.
    pub fn total(&self) -> usize {
        self.total
    }

    /// The first of them, in the order they were met.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// Whether every record could be used.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Counts one; the sentence is only made while there is room in the list.
    pub(in crate::data) fn add(&mut self, kind: &'static str, index: usize, reason: impl fmt::Display) {
        self.total += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(Problem { kind, index, reason: reason.to_string() });
        }
    }
}
