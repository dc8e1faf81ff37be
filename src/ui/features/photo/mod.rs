//! The photo with what is painted over it.

pub(in crate::ui) mod panel;
pub(in crate::ui) mod stage;
