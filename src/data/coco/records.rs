//! What browsing needs of a record.

use super::error::Mismatch;
use super::json::{Cursor, excerpt, members, number, string, whole};
use super::segmentation;

/// A kind of object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its number, with gaps in COCO: 1 to 90 for 80 categories.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// What it belongs to, such as `vehicle`; empty where the file does not say.
    pub supercategory: String,
}

/// A photo that annotations speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    /// Its number.
    pub id: u64,
    /// Name of the file, as the annotations write it: it may name folders too.
    pub file_name: String,
    /// Columns; 0 where the file does not say.
    pub width_px: u32,
    /// Rows; 0 where the file does not say.
    pub height_px: u32,
}

/// How an object's pixels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Only its box is known.
    Missing,
    /// Outlines, one a visible part.
    Polygons,
    /// A list of run lengths.
    Runs,
    /// Run lengths in a string.
    CompressedRuns,
}

/// An object in a photo; its mask stays in the file, see [`super::Instances::mask`].
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Its number.
    pub id: u64,
    /// The photo's number.
    pub image_id: u64,
    /// The category's number.
    pub category_id: u32,
    /// Left, top, width, height.
    pub bbox_px: [f64; 4],
    /// Pixels it covers by the annotators' count; the box's area where the file does not say.
    pub area_px: f64,
    /// Whether it is a group whose members were not told apart.
    pub is_crowd: bool,
    /// How its pixels are written.
    pub shape: Shape,
    /// The image's row; while a file is read, the record's place in its list.
    pub(super) row: u32,
    /// Where its record starts in the file, **units** bytes.
    pub(super) offset: u64,
    /// Length of its record, **units** bytes.
    pub(super) len: u32,
}

fn field<T>(expected: &'static str, value: &[u8], read: Option<T>) -> Result<T, Mismatch> {
    read.ok_or_else(|| Mismatch::new(expected, excerpt(value)))
}

fn required<T>(expected: &'static str, read: Option<T>) -> Result<T, Mismatch> {
    read.ok_or_else(|| Mismatch::new(expected, "a record without it"))
}

fn small(value: &[u8]) -> Option<u32> {
    whole(value).and_then(|number| u32::try_from(number).ok())
}

/// Reads an element of `categories`.
pub(super) fn category(record: &[u8]) -> Result<Category, Mismatch> {
    let (mut id, mut name, mut supercategory) = (None, None, String::new());
    members(record, |member, value| {
        match member {
            "id" => id = Some(field("`id` as a whole number", value, small(value))?),
            "name" => name = Some(field("`name` as a string", value, string(value))?),
            "supercategory" => supercategory = string(value).unwrap_or_default(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Category { id: required("`id`", id)?, name: required("`name`", name)?, supercategory })
}

/// Reads an element of `images`.
pub(super) fn image(record: &[u8]) -> Result<ImageRecord, Mismatch> {
    let (mut id, mut file_name, mut width_px, mut height_px) = (None, None, 0, 0);
    members(record, |member, value| {
        match member {
            "id" => id = Some(field("`id` as a whole number", value, whole(value))?),
            "file_name" => file_name = Some(field("`file_name` as a string", value, string(value))?),
            "width" => width_px = field("`width` as a whole number", value, small(value))?,
            "height" => height_px = field("`height` as a whole number", value, small(value))?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(ImageRecord { id: required("`id`", id)?, file_name: required("`file_name`", file_name)?, width_px, height_px })
}

/// Reads an element of `annotations` that starts at `offset`; besides, what is wrong with its segmentation alone.
pub(super) fn annotation(record: &[u8], index: usize, offset: u64) -> Result<(Annotation, Option<Mismatch>), Mismatch> {
    let (mut id, mut image_id, mut category_id, mut area) = (None, None, None, None);
    let (mut bbox_px, mut is_crowd, mut shape) = ([0.0; 4], false, Ok(Shape::Missing));
    members(record, |member, value| {
        match member {
            "id" => id = Some(field("`id` as a whole number", value, whole(value))?),
            "image_id" => image_id = Some(field("`image_id` as a whole number", value, whole(value))?),
            "category_id" => category_id = Some(field("`category_id` as a whole number", value, small(value))?),
            "area" if value != b"null" => area = Some(field("`area` as a number from 0", value, area_of(value))?),
            "bbox" if value != b"null" => bbox_px = field("`bbox` as four numbers", value, four(value))?,
            "iscrowd" => is_crowd = field("`iscrowd` as 0 or 1", value, flag(value))?,
            "segmentation" => shape = segmentation::shape(value),
            _ => {}
        }
        Ok(())
    })?;
    let [_, _, width, height] = bbox_px;
    let (shape, problem) = match shape {
        Ok(shape) => (shape, None),
        Err(problem) => (Shape::Missing, Some(problem)),
    };
    let annotation = Annotation {
        id: required("`id`", id)?,
        image_id: required("`image_id`", image_id)?,
        category_id: required("`category_id`", category_id)?,
        bbox_px,
        area_px: area.unwrap_or((width * height).max(0.0)),
        is_crowd,
        shape,
        row: u32::try_from(index).unwrap_or(u32::MAX),
        offset,
        len: u32::try_from(record.len()).unwrap_or(u32::MAX),
    };
    Ok((annotation, problem))
}

fn area_of(value: &[u8]) -> Option<f64> {
    number(value).filter(|area| *area >= 0.0)
}

fn flag(value: &[u8]) -> Option<bool> {
    match value {
        b"0" | b"false" | b"null" => Some(false),
        b"1" | b"true" => Some(true),
        _ => None,
    }
}

/// Four numbers; an empty list is four zeros.
fn four(value: &[u8]) -> Option<[f64; 4]> {
    let mut cursor = Cursor::new(value);
    let mut four = [0.0; 4];
    if !cursor.take(b'[') {
        return None;
    }
    if cursor.take(b']') {
        return Some(four);
    }
    for (idx, value) in four.iter_mut().enumerate() {
        if idx > 0 && !cursor.take(b',') {
            return None;
        }
        *value = number(cursor.number())?;
    }
    (cursor.take(b']') && cursor.peek().is_none()).then_some(four)
}
