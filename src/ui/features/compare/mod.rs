//! Answers side by side.

pub(in crate::ui) mod panel;
pub(in crate::ui) mod state;
