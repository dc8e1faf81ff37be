//! The application object and what stands around the panels.

pub(in crate::ui) mod about;
pub(in crate::ui) mod app;
pub(in crate::ui) mod clipboard;
pub(in crate::ui) mod jobs;
pub mod layout;
pub(in crate::ui) mod menu_bar;
pub(in crate::ui) mod results;
pub(in crate::ui) mod room;
pub(in crate::ui) mod run;
pub(in crate::ui) mod screen;
pub(in crate::ui) mod sessions;
pub(in crate::ui) mod status_bar;
