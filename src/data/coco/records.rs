//! What browsing needs of a record of an instances file, and what is lost where a field cannot be used.

use super::error::Mismatch;
use super::file_name::coco_image_id;
use super::json::{Cursor, excerpt, is_null, members, number, string, text, whole};
use super::problems::Cost;
use super::segmentation::{self, Shape};
use percent_encoding::percent_decode_str;

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
    /// Name of the file, as the annotations write it: it may name folders too. Without `file_name` the last part of
    /// `coco_url`, as LVIS needs it; empty where there is neither.
    pub file_name: String,
    /// Columns; 0 where the file does not say.
    pub width_px: u32,
    /// Rows; 0 where the file does not say.
    pub height_px: u32,
}

/// An object in a photo; its mask stays in the file, see [`super::Instances::mask`].
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Its number; its place in the list, from 0, where the file gives none that can be used.
    pub id: u64,
    /// The photo's number.
    pub image_id: u64,
    /// The category's number.
    pub category_id: u32,
    /// Left, top, width, height; `None` where the file gives none that can be used.
    pub bbox_px: Option<[f64; 4]>,
    /// Pixels it covers by the annotators' count, else the box's area; `None` where the file gives neither.
    pub area_px: Option<f64>,
    /// Whether it is a group whose members were not told apart, which it is not where the file says nothing; `None`
    /// where it says something that is neither yes nor no.
    pub is_crowd: Option<bool>,
    /// How its pixels are written.
    pub shape: Shape,
    /// Whether the file gives its number.
    pub(super) has_id: bool,
    /// The image's row; while a file is read, the record's place in its list.
    pub(super) row: u32,
    /// Where its record starts in the file, **units** bytes.
    pub(super) offset: u64,
    /// Length of its record, **units** bytes.
    pub(super) len: u32,
}

/// What a record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Named<T> {
    /// This.
    Is(T),
    /// Nothing: what stands there is no number.
    Nothing,
    /// The member is not there, or lies behind damage.
    Unread,
}

/// The object that a record which is left out would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) image: Named<u64>,
    pub(super) category: Named<u32>,
}

/// A record that cannot be used.
#[derive(Debug)]
pub(super) struct LeftOut {
    pub(super) owner: Owner,
    pub(super) why: Mismatch,
}

/// A record, and what of it cannot be used.
#[derive(Debug)]
pub(super) struct Usable<T> {
    pub(super) record: T,
    pub(super) problems: Vec<(Cost, String)>,
}

fn field<T>(expected: &'static str, value: &[u8], read: Option<T>) -> Result<T, Mismatch> {
    read.ok_or_else(|| Mismatch::new(expected, excerpt(value)))
}

fn small(value: &[u8]) -> Option<u32> {
    whole(value).and_then(|number| u32::try_from(number).ok())
}

/// An image's number, however it is written, also as COCO's name for its file.
pub(in crate::data) fn image_id(value: &[u8]) -> Option<u64> {
    whole(value).or_else(|| coco_image_id(string(value)?.trim()))
}

/// What [`image_id`] takes.
pub(in crate::data) const IMAGE_ID: &str = "`image_id` as a whole number from 0, or as COCO's name for a file";

/// Reads an element of `categories`.
pub(super) fn category(record: &[u8]) -> Result<Category, Mismatch> {
    let (mut id, mut name, mut supercategory) = (None, None, String::new());
    members(record, |member, value| {
        match member {
            "id" => id = Some(field("`id` as a whole number from 0", value, small(value))?),
            "name" => name = Some(field("`name` as a string", value, text(value))?),
            "supercategory" => supercategory = string(value).unwrap_or_default(),
            _ => {}
        }
        Ok(())
    })?;
    let (id, name) = (id.ok_or_else(|| Mismatch::missing("`id`"))?, name.ok_or_else(|| Mismatch::missing("`name`"))?);
    Ok(Category { id, name, supercategory })
}

/// Reads an element of `images`.
pub(super) fn image(record: &[u8]) -> Result<Usable<ImageRecord>, Mismatch> {
    let (mut id, mut file_name, mut url) = (None, None, None);
    let (mut width_px, mut height_px, mut problems) = (0, 0, Vec::new());
    let mut size = |expected, value: &[u8]| {
        let read = field(expected, value, if is_null(value) { Some(0) } else { small(value) });
        read.unwrap_or_else(|why| {
            problems.push((Cost::Mask, why.to_string()));
            0
        })
    };
    members(record, |member, value| {
        match member {
            "id" => id = Some(field("`id` as a whole number from 0", value, image_id(value))?),
            "file_name" => file_name = text(value),
            "coco_url" => url = string(value),
            "width" => width_px = size("`width` as a whole number from 0", value),
            "height" => height_px = size("`height` as a whole number from 0", value),
            _ => {}
        }
        Ok(())
    })?;
    let id = id.ok_or_else(|| Mismatch::missing("`id`"))?;
    let file_name = file_name.or_else(|| last_part(&url?)).unwrap_or_else(|| {
        problems.push((Cost::Name, "expected `file_name` or `coco_url` as a string, found neither".to_owned()));
        String::new()
    });
    Ok(Usable { record: ImageRecord { id, file_name, width_px, height_px }, problems })
}

/// The name of the file that a URL leads to.
fn last_part(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let name = path.trim_end_matches('/').rsplit('/').next()?;
    let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
    Some(name).filter(|name| !name.trim().is_empty())
}

/// The members of an annotation that are looked at, as they stand in the file.
#[derive(Debug, Default)]
struct Fields<'a> {
    id: Option<&'a [u8]>,
    image_id: Option<&'a [u8]>,
    category_id: Option<&'a [u8]>,
    area: Option<&'a [u8]>,
    bbox: Option<&'a [u8]>,
    iscrowd: Option<&'a [u8]>,
    segmentation: Option<&'a [u8]>,
    is_panoptic: bool,
}

impl<'a> Fields<'a> {
    /// Those that stand before any damage, and the damage.
    fn of(record: &'a [u8]) -> (Self, Result<(), Mismatch>) {
        let mut fields = Self::default();
        let read = members(record, |member, value| {
            let field = match member {
                "id" => &mut fields.id,
                "image_id" => &mut fields.image_id,
                "category_id" => &mut fields.category_id,
                "area" => &mut fields.area,
                "bbox" => &mut fields.bbox,
                "iscrowd" => &mut fields.iscrowd,
                "segmentation" => &mut fields.segmentation,
                "segments_info" => {
                    fields.is_panoptic = true;
                    return Ok(());
                }
                _ => return Ok(()),
            };
            *field = Some(value);
            Ok(())
        });
        (fields, read)
    }

    fn owner(&self) -> Owner {
        fn named<T>(value: Option<&[u8]>, read: fn(&[u8]) -> Option<T>) -> Named<T> {
            value.map_or(Named::Unread, |value| read(value).map_or(Named::Nothing, Named::Is))
        }
        Owner { image: named(self.image_id, image_id), category: named(self.category_id, small) }
    }

    /// Why there is no number of an image or of a category.
    fn unnamed(&self) -> Mismatch {
        let Some(image) = self.image_id else { return Mismatch::missing("`image_id`") };
        if image_id(image).is_none() {
            return Mismatch::new(IMAGE_ID, excerpt(image));
        }
        match self.category_id {
            Some(category) => Mismatch::new("`category_id` as a whole number from 0", excerpt(category)),
            None if self.is_panoptic => Mismatch::new(
                "`category_id`",
                "`segments_info` in its place: a panoptic file, which has an instances file beside it",
            ),
            None => Mismatch::missing("`category_id`"),
        }
    }
}

/// What is known of a broken annotation.
pub(super) fn owner_of_broken(head: &[u8]) -> Owner {
    Fields::of(head).0.owner()
}

/// Reads an element of `annotations` that starts at `offset`. An object needs the numbers of its image and of its
/// category; whatever else is damaged costs what needs it.
pub(super) fn annotation(record: &[u8], index: usize, offset: u64) -> Result<Usable<Annotation>, LeftOut> {
    let (fields, read) = Fields::of(record);
    let owner = fields.owner();
    if let Err(why) = read {
        return Err(LeftOut { owner, why });
    }
    let Owner { image: Named::Is(image_id), category: Named::Is(category_id) } = owner else {
        return Err(LeftOut { owner, why: fields.unnamed() });
    };
    let mut problems = Vec::new();
    let shape = fields.segmentation.map_or(Ok(Shape::Missing), segmentation::shape).unwrap_or_else(|why| {
        problems.push((Cost::Mask, why.to_string()));
        Shape::Missing
    });
    let bbox_px = fields.bbox.and_then(four);
    let box_area = bbox_px.map(|[_, _, width, height]| (width, height)).filter(|(w, h)| *w >= 0.0 && *h >= 0.0);
    let box_area = box_area.map(|(width, height)| width * height).filter(|area| area.is_finite());
    let area_px = fields.area.and_then(number).filter(|area| *area >= 0.0);
    if let (None, Some(area)) = (area_px, given(fields.area)) {
        let instead = if box_area.is_some() { "the area of its box counts" } else { "its size is unknown" };
        problems.push((Cost::Area, format!("expected `area` as a number from 0, found {}: {instead}", excerpt(area))));
    }
    let is_crowd = fields.iscrowd.map_or(Some(false), flag);
    if let (None, Some(value)) = (is_crowd, fields.iscrowd) {
        problems.push((Cost::Crowd, format!("expected `iscrowd` as 0 or 1, found {}", excerpt(value))));
    }
    let id = fields.id.and_then(whole);
    if let (None, Some(value)) = (id, given(fields.id)) {
        let found = excerpt(value);
        let why = format!("expected `id` as a whole number from 0, found {found}: its place in the list stands for it");
        problems.push((Cost::Nothing, why));
    }
    let annotation = Annotation {
        id: id.unwrap_or(index as u64),
        image_id,
        category_id,
        bbox_px,
        area_px: area_px.or(box_area),
        is_crowd,
        shape,
        has_id: id.is_some(),
        row: u32::try_from(index).unwrap_or(u32::MAX),
        offset,
        len: u32::try_from(record.len()).unwrap_or(u32::MAX),
    };
    Ok(Usable { record: annotation, problems })
}

/// The value of an annotation's segmentation, `null` without one; `None` where the record is no longer that of the
/// object.
pub(super) fn segmentation_of<'a>(
    record: &'a [u8],
    annotation: &Annotation,
    is_its_category: impl Fn(u32) -> bool,
) -> Option<&'a [u8]> {
    let (fields, read) = Fields::of(record);
    let Owner { image, category: Named::Is(category) } = fields.owner() else { return None };
    let same_id = fields.id.and_then(whole) == annotation.has_id.then_some(annotation.id);
    let is_same = same_id && image == Named::Is(annotation.image_id) && is_its_category(category);
    (read.is_ok() && is_same).then_some(fields.segmentation.unwrap_or(b"null"))
}

/// A member that says something.
fn given(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|value| !is_null(value))
}

fn flag(value: &[u8]) -> Option<bool> {
    let word = string(value).map(|word| word.trim().to_ascii_lowercase());
    match (word.as_deref().map_or(value.trim_ascii(), str::as_bytes), whole(value)) {
        (b"false" | b"null", _) | (_, Some(0)) => Some(false),
        (b"true", _) | (_, Some(1)) => Some(true),
        _ => None,
    }
}

/// Four numbers.
fn four(value: &[u8]) -> Option<[f64; 4]> {
    let mut cursor = Cursor::new(value);
    let mut four = [0.0; 4];
    if !cursor.take(b'[') {
        return None;
    }
    for (idx, value) in four.iter_mut().enumerate() {
        if idx > 0 && !cursor.take(b',') {
            return None;
        }
        *value = number(cursor.number())?;
    }
    (cursor.take(b']') && cursor.peek().is_none()).then_some(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_photo_is_the_last_part_of_its_url() {
        for (url, name) in [
            ("http://images.cocodataset.org/train2017/000000000001.jpg", Some("000000000001.jpg")),
            ("https://host/a%20b/c%C3%A9%2Bd.jpg?width=640#top", Some("c\u{e9}+d.jpg")),
            ("host/100%.jpg", Some("100%.jpg")),
            ("000000000001.jpg", Some("000000000001.jpg")),
            ("https://host/photos/", Some("photos")),
            ("?a=b", None),
            ("", None),
        ] {
            assert_eq!(last_part(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn crowds_are_told_however_it_is_written() {
        for (value, is_crowd) in [
            ("0", Some(false)),
            ("0.0", Some(false)),
            ("\"0\"", Some(false)),
            ("null", Some(false)),
            ("false", Some(false)),
            ("1", Some(true)),
            ("1.0", Some(true)),
            ("\"1\"", Some(true)),
            ("\"True\"", Some(true)),
            ("true", Some(true)),
            ("2", None),
            ("NaN", None),
            ("\"maybe\"", None),
            ("[]", None),
        ] {
            assert_eq!(flag(value.as_bytes()), is_crowd, "{value}");
        }
    }
}
