//! The only place that converts between spaces: pixels of the photo, pixels of the model's input, patches, image
//! tokens.
//!
//! A photo is resized and cropped, or padded to a square and resized, before the vision encoder cuts it into patches.
//! [`ModelView`] remembers that path, so that a value of a patch is painted on exactly the pixels that the patch was
//! made of. [`ImageLayout`] says where the image tokens of a prompt lie, whatever a model makes of a photo: one grid,
//! tiles over a whole photo, separators between rows.

mod flatten;
mod grid;
mod layout;
mod outside;
mod placed;
mod preprocess;
mod view;

#[cfg(test)]
mod tests;

pub use flatten::Flattening;
pub use grid::{ImageSize, PatchGrid, PatchPos, RectPx};
pub use layout::{Combine, ImageLayout, Region, RegionKind};
pub use outside::GeometryError;
pub use placed::PlacedRegion;
pub use preprocess::{Framing, PreprocessSpec, Resample, ResizeTo};
pub use view::ModelView;
