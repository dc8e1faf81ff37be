//! COCO ground truth: instances with their masks, and captions.
//!
//! A val2014-sized file holds 150 MB of polygon vertices of which one image needs a few kilobytes. So a file is read once, in pieces, for
//! what browsing needs (ids, names, categories, boxes, areas); where each record lies is kept, and its segmentation is read from the file
//! when a mask is asked for. A record that cannot be used is listed under [`Problems`] and the rest loads.
//!
//! - [`Instances`] and [`Captions`] read `instances_*.json` and `captions_*.json`.
//! - [`Mask`] is one object's or several objects' pixels, equal to pycocotools' `annToMask` in every pixel.
//! - [`sniff`] tells what a dropped JSON file is.

mod captions;
mod error;
mod instances;
mod json;
mod lists;
mod mask;
mod near;
mod polygon;
mod records;
mod rle;
mod segmentation;
mod sniff;
mod source;

#[cfg(test)]
mod tests;

pub use captions::{Caption, Captions};
pub use error::{CocoError, MaskError, Problem, Problems};
pub use instances::{Crowds, Instances};
pub use lists::Progress;
pub use mask::Mask;
pub use records::{Annotation, Category, ImageRecord, Shape};
pub use rle::Rle;
pub use segmentation::{Polygons, Segmentation};
pub use sniff::{FileKind, sniff};

/// What fuzzing calls: the readers of a segmentation alone, on any bytes and for any size.
///
/// Whether there was a mask; the bytes are those of the value of `segmentation` in a record.
pub fn fuzz_segmentation(bytes: &[u8], width_px: u32, height_px: u32) -> bool {
    segmentation::shape(bytes).is_ok()
        | segmentation::parse(bytes).is_ok_and(|segmentation| segmentation.mask(width_px, height_px).is_ok())
}
