//! Changing how an answer comes about: attention prompting, decoding methods and what they did.

pub(in crate::ui) mod before_after;
pub(in crate::ui) mod contrast;
pub(in crate::ui) mod done;
pub(in crate::ui) mod methods;
pub(in crate::ui) mod panel;
pub(in crate::ui) mod prompted;
pub(in crate::ui) mod prompting;
pub(in crate::ui) mod switching;
