//! The only place that converts between spaces: pixels of the photo, pixels of the model's input, patches, image tokens.
//!
//! A photo is resized and cropped, or padded to a square and resized, before the vision encoder cuts it into patches. [`ModelView`] remembers
//! that path, so that a value of a patch is painted on exactly the pixels that the patch was made of. [`ImageLayout`] says where the image
//! tokens of a prompt lie, whatever a model makes of a photo: one grid, tiles over a whole photo, separators between rows.

mod flatten;
mod layout;
mod outside;
mod preprocess;
mod view;

#[cfg(test)]
mod tests;

pub use flatten::Flattening;
pub use layout::{Combine, ImageLayout, PlacedRegion, Region, RegionKind};
pub use outside::GeometryError;
pub use preprocess::{Framing, PreprocessSpec, Resample, ResizeTo};
pub use view::{ImageSize, ModelView, PatchGrid, PatchPos, RectPx};
