//! Yes/no questions about objects.

pub(in crate::ui) mod panel;
pub(in crate::ui) mod state;
