//! Sessions of the window: what is on show goes into one file and comes back as it was.
//!
//! Taking a snapshot is quick and runs on the window's thread: traces are shared, not copied. Everything else, making
//! text of it, writing, reading, looking for files that are not where they were, happens beside the window. While the
//! window runs, the desk keeps a recovery file up to date, which is left behind only by a program that did not end
//! properly.

pub(in crate::ui) mod panel;
pub(in crate::ui) mod state;
pub(in crate::ui) mod writer;

mod capture;
mod locate;
mod recovery;
mod reopen;
mod studies;
mod written;

#[cfg(test)]
mod tests;

pub(in crate::ui) use locate::locate;
pub use locate::{Located, Missing};
pub(in crate::ui) use recovery::{Left, left_behind};
pub use reopen::Reopened;
pub(in crate::ui) use reopen::reopen;
pub use studies::KeptStudy;
pub(in crate::ui) use writer::{Finished, SessionWriter};
pub use written::{Folder, KeptFigure, KeptMaps, WindowPlace, Written};

use std::path::Path;

/// Whether a file's name is one of a session.
pub(in crate::ui) fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(crate::session::EXTENSION))
}
