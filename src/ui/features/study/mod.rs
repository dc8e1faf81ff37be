//! Studies: one question set asked of a whole data set, and the tables of its answers. A run is read and filtered in
//! the background, also while it grows, and asked in the background with a model of its own.

mod draft;
pub(in crate::ui) mod files;
pub(in crate::ui) mod job;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod reading;
mod rows;
mod sorting;
pub mod state;
pub(in crate::ui) mod worker;
