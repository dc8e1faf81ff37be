//! What can be wrong with a file of captions, in one sentence each.

use std::path::PathBuf;

/// A file of generated captions that could not be used at all. Messages end with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptionsError {
    /// The file could not be opened or read.
    #[error("Expected a captions file that can be read, found \"{reason}\": {}", path.display())]
    Unreadable {
        /// The system's own words.
        reason: String,
        /// The file.
        path: PathBuf,
    },
    /// Longer than any file of captions.
    #[error("Expected a captions file of at most {limit_bytes} bytes, found {found_bytes}: {}", path.display())]
    TooLarge {
        /// Most bytes that are read.
        limit_bytes: u64,
        /// Bytes of the file.
        found_bytes: u64,
        /// The file.
        path: PathBuf,
    },
    /// Neither a list of objects nor an object a line.
    #[error(
        "Expected captions as JSON lines, as a JSON array or with imgToEval, found {found}: {}",
        path.display()
    )]
    UnknownForm {
        /// What is there instead.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Not one record could be used; the first says why.
    #[error("Expected at least one caption, found none in {records} records ({first}): {}", path.display())]
    NoCaption {
        /// Records in the file.
        records: usize,
        /// What is wrong with the first of them.
        first: String,
        /// The file.
        path: PathBuf,
    },
}
