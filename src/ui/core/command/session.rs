//! What people do with sessions.

use std::path::PathBuf;

/// What people do with sessions.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionCommand {
    /// Save where it was saved last; else as [`Self::SaveAs`].
    Save,
    /// Choose where to save in a dialog.
    SaveAs,
    /// Choose what to open in a dialog.
    Open,
    /// Save there; a name without an ending gets one.
    SaveTo(PathBuf),
    /// The same for a name that nobody was asked about: a file that has it is replaced only when that is agreed to.
    SaveTyped(PathBuf),
    /// Open this one.
    OpenFile(PathBuf),
    /// Show a box.
    Show(SessionBox),
    /// Close the box. What was left behind is offered at the next start again.
    Close,
    /// Choose a folder to look for missing files, in a dialog.
    PickFolder,
    /// Look for missing files there and below.
    LookIn(PathBuf),
    /// Restore what was left behind.
    Restore(PathBuf),
    /// Throw away what was left behind.
    Discard(PathBuf),
    /// Save, and close the window then.
    SaveAndQuit,
    /// Close the window without saving.
    QuitAnyway,
}

/// A box over the window that has to do with sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionBox {
    /// Where to save, typed.
    Save,
    /// What to open, typed.
    Open,
    /// What was not found.
    Missing,
    /// What was left behind.
    Recovery,
    /// A file that would be replaced.
    Replace,
    /// Answers that are in no session, when the window is to be closed.
    Unsaved,
}
