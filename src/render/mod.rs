//! Values to colours: on the CPU, exactly, for exports and tests; on the GPU ([`gpu`]) for the screen, held to the same
//! numbers.
//!
//! The two paths share more than a specification. [`Scene`] and [`Window`] say what to draw; they are turned into one
//! block of numbers, [`HeatUniform`], that `shaders/heat.wgsl` reads as its uniform and [`compose()`] reads on the CPU,
//! so only the arithmetic per pixel exists twice. `tests/render.rs` holds the two within 2/255 at every pixel.
//! [`GridMaps`] is drawn the same way by `shaders/grid.wgsl` and [`compose_grid`]; masks of objects ([`paint_masks`],
//! `shaders/mask.wgsl`), a map against one ([`paint_overlap`], `shaders/overlap.wgsl`) and a photo darkened by a mask
//! ([`paint_prompt`], `shaders/prompt.wgsl`) are layers of their own over the photo.
//!
//! Everything blends in gamma space with premultiplied alpha, as egui does, and is pure: same input, same bytes.

mod atlas;
mod colormap;
mod colour;
mod compose;
pub mod gpu;
mod grid_maps;
mod mask;
mod overlap;
mod photo;
mod picture;
mod prompt;
mod resample;
mod scene;
mod style;
mod uniform;

pub use colormap::{ColorMap, colormap, colormap_by_id, colormaps};
pub use colour::{Colouring, colour};
pub use compose::{compose, compose_heat};
pub use grid_maps::{GridLayout, GridMaps, GridRange, MapSummary, compose_grid};
pub use mask::{MaskImage, MaskStyle, category_colour, paint_masks};
pub use overlap::{OverlapMap, OverlapPalette, OverlapStyle, overlap_image, paint_overlap};
pub use photo::{PhotoError, PhotoTexture};
pub use picture::Picture;
pub use prompt::{PromptMask, PromptStyle, paint_prompt};
pub use resample::{GridTexels, missing_values, value_range};
pub(crate) use scene::content_rect_px;
pub use scene::{Marks, Scene, Window, selection_mask};
pub use style::{HeatMap, HeatStyle, Resampling};
pub use uniform::{GridUniform, HeatUniform};
