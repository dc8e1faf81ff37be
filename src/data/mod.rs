//! Photos: bytes of any camera or web page in, 8-bit RGB out; the model's input made from it exactly as Pillow does;
//! and what is known about photos: annotations, captions, questions.
//!
//! - [`Photo`] decodes a file to what `PIL.Image.open(f)`, `ImageOps.exif_transpose`, `.convert("RGB")` would give.
//! - [`resample`] is Pillow's two-pass fixed-point resize, bit for bit, on RGB and on single channels.
//! - [`preprocess`] makes `pixel_values` as `CLIPImageProcessor` (the Pillow one) and LLaVA's padding do, and says
//!   which pixels the model saw.
//! - [`coco`] reads annotations and makes masks of them, [`pope`] reads yes/no questions, [`questions`] any,
//!   [`dataset`] joins them with folders of photos.
//! - [`chair`] is the table of words that CHAIR counts, and the reader of generated captions; [`answers`] reads what
//!   other programs answered.
//! - [`demo`] is the bundled set, [`library`] lists folders.

pub mod answers;
pub mod chair;
pub mod coco;
pub mod dataset;
pub mod demo;
mod error;
mod formats;
mod grey;
pub mod library;
mod limits;
mod photo;
mod pixels;
mod png;
pub mod pope;
mod preprocessing;
pub mod questions;
pub mod resample;
mod resample_filter;
mod thumbnail;

#[cfg(test)]
mod tests;

pub use self::png::{grey_png_to, rgb_png_to, write_grey_png, write_rgb_png};
pub use error::{PhotoError, PreprocessError};
pub use grey::GreyPicture;
pub use limits::PhotoLimits;
pub use photo::Photo;
pub use preprocessing::{PixelValues, preprocess};
pub use thumbnail::thumbnail;
