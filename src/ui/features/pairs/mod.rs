//! Pairs of photos that one encoder takes for nearly the same and another does not: both photos side by side with where
//! the `[CLS]` of both encoders looks. The encoders are opened in the background, beside the window's model.

mod looking;
pub(in crate::ui) mod panel;
pub mod state;
pub(in crate::ui) mod worker;
