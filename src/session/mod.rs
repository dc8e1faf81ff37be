//! The whole working state in one file: what was asked and seen, and whatever the window needs to show it again.
//!
//! ```text
//! "gazelens-session"   16 bytes
//! version              u64, little-endian
//! header length        u64
//! header               JSON: program version, the window's own state, and for every answer where its trace lies
//! traces               trace files as `gazelens trace` writes them, one after the other
//! ```
//!
//! The window's state and what is said about an answer are JSON that this room does not read: they belong to the
//! window. A file is written beside its target and renamed, so a program that is killed while it saves leaves the file
//! of before. Files of older versions open; those of newer ones are refused with a sentence.

mod error;
mod file;

#[cfg(test)]
mod tests;

pub use error::SessionError;
pub use file::{EncodedSession, is_session, outline, read, write};

use crate::trace::Trace;
use serde_json::Value;
use std::sync::Arc;

/// The first bytes of a session file.
pub const MAGIC: &[u8; 16] = b"gazelens-session";
/// The version that this program writes.
pub const VERSION: u64 = 1;
/// What names of session files end in.
pub const EXTENSION: &str = "gazelens";

/// The whole working state in one file: what was asked and seen, and whatever the window needs to show it again.
#[derive(Debug, Clone, Default)]
pub struct Session {
    /// Version of the program that wrote it.
    pub program_version: String,
    /// The window's state.
    pub state: Value,
    /// Every answer, oldest first.
    pub answers: Vec<SessionAnswer>,
}

/// One answer of a session.
#[derive(Debug, Clone)]
pub struct SessionAnswer {
    /// What the window says about it: its question, where it forked.
    pub about: Value,
    /// What was seen; `None` where nothing had come yet.
    pub trace: Option<Arc<Trace>>,
}
