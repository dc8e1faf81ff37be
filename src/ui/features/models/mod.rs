//! The model: open, being opened, and those at hand.

pub(in crate::ui) mod found;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod state;
