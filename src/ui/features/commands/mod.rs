//! Finding commands: the palette, the list of keys, keys typed ahead.

pub(in crate::ui) mod ahead;
pub mod finder;
pub(in crate::ui) mod help;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod shortcuts;
