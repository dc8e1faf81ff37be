//! Attention prompting on the image (API): where a model looked for a query becomes a mask that darkens the rest of the
//! photo, and any model is asked about the darkened photo.
//!
//! ```text
//! model or trace -> Attribution -> GridMask -> mask of the photo -> prompted photo
//! ```
//!
//! The first arrow takes a model; the others are pure and take milliseconds, so a drag of a parameter re-blends without
//! the model:
//! - [`Attribution`] holds the maps of *every* layer: CLIP's contributions of patches to `[CLS]` ([`ClipMaps`],
//!   computed by [`crate::model::Clip::contributions`]), or the decoder's attention while it answered
//!   ([`LlavaMaps::from_trace`], which needs nothing but the trace of the answer on the screen);
//! - [`grid_mask`] normalises, enhances, smooths and joins them as [`PromptOptions`] say, one value a patch;
//! - [`photo_mask`] brings that to the photo's pixels with Pillow's own resampling, [`blend`] darkens;
//! - [`prompt_image`] does all three;
//! - [`PreOutput`] is what the source of the map itself says; [`citation`] is what was published about it being right
//!   or wrong.
//!
//! **Source**: Yu et al., Attention Prompting on Image for Large Vision-Language Models, ECCV 2024, arXiv:2409.17143,
//! and its code (`apiprompting`).

mod attribution;
mod error;
pub mod file;
mod llava;
mod mask;
mod normalise;
mod options;
mod picture;
mod pre_output;

#[cfg(test)]
mod tests;

pub use attribution::{Attribution, ClipMaps, LlavaMaps, Maps, Source};
pub use error::PromptingError;
pub use mask::{GridMask, grid_mask};
pub use options::{Formula, MaskGeometry, PromptOptions};
pub use picture::{Prompted, blend, photo_mask, prompt_image};
pub use pre_output::{PreOutput, PreOutputBasis, TABLE_1, asked_object, citation, clip_pre_output_texts, object_of};
