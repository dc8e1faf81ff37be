//! The window.

pub mod canvas;
pub mod colour_bar;
pub mod head_grid;
