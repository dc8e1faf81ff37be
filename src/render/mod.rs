//! Values to colours: on the CPU, exactly, for exports and tests; on the GPU ([`gpu`]) for the screen, held to the same numbers.

mod style;

pub use style::{HeatMap, HeatStyle, Resampling};
