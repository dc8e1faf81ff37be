//! What runs beside the window and how it is heard of.

pub(in crate::ui) mod latest;
pub(in crate::ui) mod link;
pub(in crate::ui) mod notes_writer;
pub(in crate::ui) mod photos;
pub(in crate::ui) mod runner;
