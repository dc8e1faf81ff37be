//! COCO ground truth: instances with their masks, and captions.
//!
//! A val2014-sized file holds 150 MB of polygon vertices of which one image needs a few kilobytes. So a file is read
//! once, in pieces, for what browsing needs (ids, names, categories, boxes, areas); where each record lies is kept, and
//! its segmentation is read from the file when a mask is asked for. A record that cannot be used is listed under
//! [`Problems`] and the rest loads.
//!
//! - [`Instances`] and [`Captions`] read `instances_*.json` and `captions_*.json`.
//! - [`Mask`] is one object's or several objects' pixels, equal to pycocotools' `annToMask` in every pixel.
//! - [`sniff`] tells what a dropped JSON file is.
//!
//! # What a number needs of a record
//!
//! A field that a number does not need never costs the record. Numbers may be written `42`, `42.0`, `4.2e1` or `"42"`,
//! and the number of an image also as COCO's name for its file. What cannot be used (`NaN`, `Infinity`, `null`, lists,
//! other text) counts as not given and is listed, with what it costs ([`Cost`]).
//!
//! | record | field | needed by | without it |
//! | --- | --- | --- | --- |
//! | category | `id`, `name` | everything | the category and its objects are left out |
//! | image | `id` | masks, the window | its objects count for CHAIR alone |
//! | image | `width`, `height` | masks | no mask in this image |
//! | image | `file_name` | finding the photo | the last part of `coco_url` (LVIS), else COCO's number |
//! | annotation | `image_id`, `category_id` | everything | the object is left out |
//! | annotation | `segmentation` | masks | no mask of its category in its image |
//! | annotation | `iscrowd` | masks without crowds | not given: no crowd; not 0 or 1: no mask without crowds |
//! | annotation | `area` | sizes in the window | the area of `bbox`, else unknown |
//! | annotation | `bbox` | sizes without `area` | the size is unknown |
//! | annotation | `id` | messages | its place in the list |
//! | caption | `image_id`, `caption` | everything | the caption is left out |
//! | caption | `id` | nothing | 0 |
//! | generated caption | `image_id`, else `image`, `file_name` or its key | CHAIR | the caption is left out |
//! | generated caption | `caption`, else `text` or `answer` | CHAIR | the caption is left out |
//! | question | `image`, else `image_source`, `file_name` or `image_id` | everything | the question is left out |
//! | question | `text`, else `question`; `label`, else `answer` | everything | the question is left out |
//! | question | `question_id`, `split` or `category` | tables | 0, none |
//!
//! A record that was left out and may be an object of a mask makes that mask an error ([`MaskError::LeftOut`]); a file
//! of which no record can be used is one ([`CocoError::NoneUsable`]). Numbers given twice: of images and categories the
//! last one counts, objects are all used, categories of one name are one; as pycocotools 2.0.11 does over its lists.
//! Negative numbers and those of 2^64 and more are not used.

mod captions;
mod error;
mod file_name;
mod instances;
mod json;
mod left_out;
mod lists;
mod mask;
mod polygon;
mod problems;
mod records;
mod rle;
mod segmentation;
mod sniff;
mod source;

#[cfg(test)]
mod tests;

pub use captions::{Caption, Captions};
pub use error::{CocoError, MaskError};
pub use file_name::coco_image_id;
pub use instances::{Crowds, Instances};
pub use lists::Progress;
pub use mask::Mask;
pub use problems::{Cost, Problem, Problems};
pub use records::{Annotation, Category, ImageRecord};
pub use rle::Rle;
pub use segmentation::{Polygons, Segmentation, Shape};
pub use sniff::{FileKind, sniff};

pub(super) use error::Mismatch;
pub(super) use json::{excerpt, is_null, members, string, text, whole};
pub(super) use lists::{Form, Record, Watch, What, read_lists};
pub(super) use records::{IMAGE_ID, image_id};
pub(super) use source::Source;

/// What fuzzing calls: the readers of a segmentation alone, on any bytes and for any size.
///
/// Whether there was a mask; the bytes are those of the value of `segmentation` in a record.
pub fn fuzz_segmentation(bytes: &[u8], width_px: u32, height_px: u32) -> bool {
    segmentation::shape(bytes).is_ok()
        | segmentation::parse(bytes).is_ok_and(|segmentation| segmentation.mask(width_px, height_px).is_ok())
}
