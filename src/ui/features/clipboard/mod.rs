//! Pictures and tables on their way to the clipboard.

pub(in crate::ui) mod drawing;
pub(in crate::ui) mod menu;
pub(in crate::ui) mod state;
pub(in crate::ui) mod tables;
