//! What can be wrong with a file of annotations, captions or questions, in one sentence each.

use super::problems::none_usable;
use crate::files::reason;
use std::fmt;
use std::path::PathBuf;

/// A file that could not be used at all. Messages end with the file, or with why the system refused it.
#[derive(Debug, thiserror::Error)]
pub enum CocoError {
    /// The system refused.
    #[error("Cannot {action} {}: {}", path.display(), reason(found))]
    Io {
        /// `open` or `read`.
        action: &'static str,
        /// The system's own error.
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
    /// Records, and not one that could be used.
    #[error("{}: {first}: {}", none_usable(*total, record), path.display())]
    NoneUsable {
        /// What a record is, in the singular: `annotation`, `caption`, `question`, `line`.
        record: &'static str,
        /// How many there are.
        total: usize,
        /// Which is the first of them, and what is wrong with it.
        first: String,
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
    #[error(
        "Expected annotation {annotation_id} where it was when the file was opened, found {found}: {}",
        path.display()
    )]
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
    /// The mask may lack an object whose record could not be used.
    #[error(
        "Cannot make the mask of image {image_id}, which may lack an object, because of {annotation}: {}",
        path.display()
    )]
    LeftOut {
        /// The image's id.
        image_id: u64,
        /// The record by its place in the list, counted from 0, and what is wrong with it.
        annotation: String,
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
    /// The file has no list of images, which have the sizes that masks need.
    #[error("Expected a list `images` with the size of image {image_id}, found {found}: {}", path.display())]
    NoImages {
        /// The id that was asked for.
        image_id: u64,
        /// What is there instead: `no such list`, `an object`.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// No image has that id.
    #[error("Expected the id of an image of the file, found {image_id}{lost}: {}", path.display())]
    UnknownImage {
        /// The id that was asked for.
        image_id: u64,
        /// The first image that was left out, which may be it, in brackets; empty where there is none.
        lost: String,
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

    /// A member that the record lacks.
    pub(in crate::data) fn missing(expected: &'static str) -> Self {
        Self::new(expected, "a record without it")
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}
