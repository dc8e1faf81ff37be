//! What people copy besides the answer.

use crate::figure::TableForm;
use crate::ui::core::pane::TableKind;
use std::path::PathBuf;

/// What people copy besides the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyCommand {
    /// The photo with its overlay, or the figure.
    Picture,
    /// The table under the pointer, else one in front.
    TableInFront,
    /// This table.
    Table(TableKind, TableForm),
    /// Where a file lies.
    Path(PathBuf),
    /// The name of a file.
    Name(String),
}
