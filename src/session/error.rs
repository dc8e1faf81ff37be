//! Why a session could not be saved or opened.

use crate::files::reason;
use crate::trace::file::TraceFileError;
use std::path::PathBuf;

/// One sentence each: what was expected, what was found, the file last.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The system refused.
    #[error("Could not {action} the session ({}): {}", reason(found), path.display())]
    Io {
        /// "read", "write".
        action: &'static str,
        /// The system's reason.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// Another kind of file.
    #[error("Expected a session file of gazelens, found another kind of file: {}", path.display())]
    NotASession {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later version of the program.
    #[error("Expected a session of version {} or older, found version {found}, which a newer gazelens wrote: \
        {}", super::VERSION, path.display())]
    Newer {
        /// Its version.
        found: u64,
        /// The file.
        path: PathBuf,
    },
    /// Cut short or changed.
    #[error("Expected a whole session file, found {found}: {}", path.display())]
    Damaged {
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// One of its traces cannot be read or written.
    #[error(transparent)]
    Trace(#[from] TraceFileError),
}
