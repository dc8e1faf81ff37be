//! One caption of a file.

use crate::data::coco::{IMAGE_ID, Mismatch, coco_image_id, excerpt, image_id, is_null, members, string};
use crate::json::whole_of_text;

/// A caption and the image it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption {
    /// COCO's image id.
    pub image_id: u64,
    /// Where that was read from the name of a file, the name: annotations may give that file another number.
    pub image_name: Option<String>,
    /// The text, as the model wrote it.
    pub text: String,
}

/// Names of the text, the best first.
const TEXTS: [&str; 3] = ["caption", "text", "answer"];

/// Reads a record: the first of its texts that is one, and the image that it names; `key` is the name of the record
/// itself, where it has one.
pub(super) fn caption(record: &[u8], key: Option<&str>) -> Result<Caption, Mismatch> {
    let (mut id, mut name, mut texts) = (None, None, [None; TEXTS.len()]);
    members(record, |member, value| {
        match member {
            "image_id" if !is_null(value) => id = Some(value),
            "image" => name = Some(value),
            "file_name" => name = name.or(Some(value)),
            _ => {
                let place = TEXTS.iter().position(|text| *text == member);
                if let Some(text) = place.and_then(|place| texts.get_mut(place)) {
                    *text = Some(value);
                }
            }
        }
        Ok(())
    })?;
    let given = || texts.iter().flatten();
    let text = given().find_map(|value| string(value)).ok_or_else(|| {
        let first = given().find(|value| !is_null(value)).or_else(|| given().next());
        first.map_or_else(
            || Mismatch::missing("`caption`"),
            |value| Mismatch::new("`caption` as a string", excerpt(value)),
        )
    })?;
    if let Some(image_id) = id.and_then(image_id) {
        return Ok(Caption { image_id, image_name: None, text });
    }
    if let Some((image_id, image_name)) = name.and_then(named) {
        return Ok(Caption { image_id, image_name, text });
    }
    if let Some(image_id) = key.and_then(|key| whole_of_text(key).or_else(|| coco_image_id(key))) {
        return Ok(Caption { image_id, image_name: None, text });
    }
    Err(id.or(name).map_or_else(
        || Mismatch::missing("`image_id`, or `image` as a file name that ends in a number"),
        |value| Mismatch::new(IMAGE_ID, excerpt(value)),
    ))
}

/// The number at the end of a file's name, and the name; or a number.
fn named(value: &[u8]) -> Option<(u64, Option<String>)> {
    let Some(name) = string(value) else { return Some((image_id(value)?, None)) };
    let file = name.rsplit(['/', '\\']).next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let digits = stem.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    Some((digits.parse().ok()?, Some(name)))
}
