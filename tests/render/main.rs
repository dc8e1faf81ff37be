//! What is drawn: shaders against their CPU twins, overlays against hand-computed pixels, widgets through the
//! accessibility tree.
//!
//! Needs a Vulkan, Metal or DirectX driver; a software one does. Without any, the tests fail rather than pass unseen,
//! unless `GAZELENS_ALLOW_NO_GPU=1` says that this is known.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise and say what did not run"
)]

mod bar;
mod canvas;
mod fixtures;
mod grid;
mod overlay;
mod prompt;
mod registration;
mod shaders;
mod twin;
