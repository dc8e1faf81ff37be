//! Figures: put together, previewed, written and opened again.

pub mod files;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod preview;
pub(in crate::ui) mod state;
