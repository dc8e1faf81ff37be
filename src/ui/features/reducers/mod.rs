//! The two reducers of the whole state, and undo.

pub(in crate::ui) mod available;
pub(in crate::ui) mod events;
pub(in crate::ui) mod undo;
pub(in crate::ui) mod update;
