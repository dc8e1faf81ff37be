//! Photos, what is listed of them, and what people note about them.

pub(in crate::ui) mod all_photos;
pub(in crate::ui) mod browse;
pub(in crate::ui) mod filter;
pub(in crate::ui) mod library;
pub(in crate::ui) mod listing;
pub(in crate::ui) mod notes;
pub(in crate::ui) mod opening;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod recent;
