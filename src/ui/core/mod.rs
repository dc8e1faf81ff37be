//! What is said, as data: commands and their keys, settings, panels, messages that go by themselves.

pub mod command;
pub mod pane;
pub(in crate::ui) mod prefs;
pub mod sections;
pub mod settings;
pub(in crate::ui) mod toasts;
pub(in crate::ui) mod wording;
