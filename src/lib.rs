//! gazelens: a desktop explorer of where a vision-language model looks.

pub mod analysis;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod decode;
pub mod engine;
pub mod geometry;
pub mod ids;
pub mod kernel;
pub mod model;
pub mod render;
pub mod trace;
pub mod ui;
