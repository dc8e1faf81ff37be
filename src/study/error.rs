//! What can go wrong with a study.

use crate::analysis::AnalysisError;
use crate::data::PhotoError;
use crate::data::coco::CocoError;
use crate::engine::EngineError;
use crate::files::reason;
use std::path::PathBuf;

/// What can go wrong with a study. One sentence each, the file last.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// A file that cannot be read.
    #[error("Cannot open {what}: {}: {}", reason(found), path.display())]
    Open {
        /// `the study`, `rows`.
        what: &'static str,
        /// The system's reason.
        found: std::io::Error,
        /// Which.
        path: PathBuf,
    },
    /// A file that cannot be written.
    #[error("Cannot write {what}: {}: {}", reason(found), path.display())]
    Write {
        /// `rows`, `the study`.
        what: &'static str,
        /// The system's reason.
        found: std::io::Error,
        /// Which.
        path: PathBuf,
    },
    /// The file is no TOML, or has a key or a value that a study does not have.
    #[error(
        "Expected a study (`gazelens study new pope` writes one), found in line {line}: {found}: {}",
        path.display()
    )]
    Malformed {
        /// From 1.
        line: usize,
        /// The reader's words.
        found: String,
        /// Which file.
        path: PathBuf,
    },
    /// What is there does not go together.
    #[error("Expected {expected}, found {found}: {}", path.display())]
    Unfit {
        /// What a study needs.
        expected: String,
        /// What it has.
        found: String,
        /// Which file.
        path: PathBuf,
    },
    /// A template that there is not.
    #[error("Expected one of the templates {known}, found `{found}`{near}")]
    Template {
        /// All of them.
        known: String,
        /// The name.
        found: String,
        /// Names that were perhaps meant.
        near: String,
    },
    /// Rows of a run that differs in something that they depend on.
    #[error(
        "Expected a run with the same {what} as the study, found {found} in place of {expected}: {}",
        path.display()
    )]
    OtherRun {
        /// `model`, `weights`, `questions`.
        what: &'static str,
        /// Of the study.
        expected: String,
        /// Of the rows that are there.
        found: String,
        /// The run's folder.
        path: PathBuf,
    },
    /// Somebody else writes the same rows.
    #[error("Cannot continue the rows, as another process writes them: {}", path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// Of annotations, captions or questions.
    #[error(transparent)]
    Data(#[from] CocoError),
    /// Of a photo.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// Of a model or an answer.
    #[error(transparent)]
    Engine(Box<EngineError>),
    /// Of a map.
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    /// Stopped on request.
    #[error("Stopped")]
    Stopped,
}

impl From<EngineError> for StudyError {
    fn from(err: EngineError) -> Self {
        Self::Engine(Box::new(err))
    }
}
