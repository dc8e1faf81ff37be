//! Why a trace file could not be written or read.

use crate::files::reason;
use std::path::PathBuf;

/// One sentence each: what was expected, what was found, the file last.
#[derive(Debug, thiserror::Error)]
pub enum TraceFileError {
    /// The system refused.
    #[error("Could not {action} the trace file ({}): {}", reason(found), path.display())]
    Io {
        /// "read", "write".
        action: &'static str,
        /// The system's reason.
        found: std::io::Error,
        /// The file.
        path: PathBuf,
    },
    /// No safetensors file, or a damaged one.
    #[error("Expected a safetensors file, found {found}: {}", path.display())]
    NotSafetensors {
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A safetensors file of something else.
    #[error("Expected the metadata format={} version={}, found format={format} version={version}: \
        {}", super::FORMAT, super::VERSION, path.display())]
    NotATrace {
        /// What it says.
        format: String,
        /// What it says.
        version: String,
        /// The file.
        path: PathBuf,
    },
    /// A metadata string is missing or does not parse.
    #[error("Expected the metadata string `{key}` as gazelens writes it, found {found}: {}", path.display())]
    Metadata {
        /// Its name.
        key: &'static str,
        /// What is wrong with it.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A tensor is not there.
    #[error("Expected the tensor `{tensor}`, found none of that name: {}", path.display())]
    MissingTensor {
        /// Its name.
        tensor: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A tensor has another type or shape than the rest of the file calls for.
    #[error("Expected the tensor `{tensor}` as {expected}, found {found}: {}", path.display())]
    Shape {
        /// Its name.
        tensor: &'static str,
        /// Type and shape.
        expected: String,
        /// Type and shape.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Parts that contradict each other, or values that cannot be.
    #[error("Expected {expected}, found {found}: {}", path.display())]
    Inconsistent {
        /// What must hold.
        expected: String,
        /// What is there.
        found: String,
        /// The file.
        path: PathBuf,
    },
}
