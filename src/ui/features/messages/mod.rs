//! What the user must know, and what was finished.

pub(in crate::ui) mod notices;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod toasts;
