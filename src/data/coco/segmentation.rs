//! The value of `segmentation`: outlines or run lengths.

use super::error::Mismatch;
use super::json::{Cursor, excerpt, members, number, string, whole};
use super::mask::Mask;
use super::polygon;
use super::rle::Rle;

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

/// Outlines of one object's visible parts, in the photo's pixels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Polygons {
    /// x, y, x, y of all parts, one behind the other.
    xy: Vec<f64>,
    /// Where each part ends in `xy`.
    ends: Vec<usize>,
}

impl Polygons {
    /// Each part as x, y, x, y; closed, without the first point again at the end.
    pub fn parts(&self) -> impl Iterator<Item = &[f64]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.xy.get(start..*end).unwrap_or_default())
    }
}

/// An object's pixels as the file writes them.
#[derive(Debug, Clone, PartialEq)]
pub enum Segmentation {
    /// Outlines.
    Polygons(Polygons),
    /// Run lengths of either form.
    Runs(Rle),
}

const FORM: &str = "`segmentation` as a list of polygons or an object with `size` and `counts`";
const POLYGON: &str = "a polygon of at least three points as a list of numbers";
const COUNTS: &str = "`counts` as a list of whole numbers below 2^32, or as a string";
const SIZE: &str = "`size` as height and width";

impl Segmentation {
    /// The pixels inside, in an image of that size.
    ///
    /// **Source** pycocotools 2.0.11, `coco.py` `annToMask` and `maskApi.c`, equal in every pixel. **Differs** where
    /// pycocotools has no defined result (run lengths that do not fill the image, or are of another size than the
    /// image) or no bound (polygons of millions of pixels around): these are refused (tests
    /// `runs_that_do_not_fill_the_image_are_refused`, `hostile_polygons_are_refused`).
    pub(super) fn mask(&self, width_px: u32, height_px: u32) -> Result<Mask, Mismatch> {
        let mut mask = Mask::empty(width_px, height_px).ok_or_else(|| {
            Mismatch::new("an image of 1 to 178956970 pixels", format!("{width_px} x {height_px} pixels"))
        })?;
        match self {
            Self::Polygons(polygons) => {
                for part in polygons.parts() {
                    let edges = polygon::crossings(part, width_px, height_px)?;
                    for pair in edges.chunks(2) {
                        if let [from, to] = *pair {
                            mask.fill_by_columns(from, to);
                        }
                    }
                }
            }
            Self::Runs(rle) => {
                if (rle.width_px(), rle.height_px()) != (width_px, height_px) {
                    let found = format!("{} x {}", rle.width_px(), rle.height_px());
                    return Err(Mismatch::new("run lengths of the image's size", found));
                }
                let mut at = 0;
                for (idx, count) in rle.counts().iter().enumerate() {
                    // The sum was checked when the run lengths were read.
                    if idx % 2 == 1 {
                        mask.fill_by_columns(at, at + count);
                    }
                    at += count;
                }
            }
        }
        Ok(mask)
    }
}

/// How it is written, and whether it can be read, without making numbers of its digits.
pub(super) fn shape(value: &[u8]) -> Result<Shape, Mismatch> {
    let mut cursor = Cursor::new(value);
    match cursor.peek() {
        Some(b'[') => {
            let parts = polygons(value, |_| Ok(()), || ())?;
            Ok(if parts == 0 { Shape::Missing } else { Shape::Polygons })
        }
        Some(b'{') => {
            let (mut size, mut shape) = (false, Err(Mismatch::new(COUNTS, "none")));
            members(value, |member, value| {
                match member {
                    "size" => size = two(value).is_some(),
                    "counts" if value.first() == Some(&b'"') => shape = Ok(Shape::CompressedRuns),
                    "counts" => {
                        shape = numbers(value, COUNTS, |digits| {
                            let is_whole = digits.iter().all(u8::is_ascii_digit) || whole(digits).is_some();
                            if is_whole { Ok(()) } else { Err(excerpt(digits)) }
                        })
                        .map(|_| Shape::Runs);
                    }
                    _ => {}
                }
                Ok(())
            })?;
            if size { shape } else { Err(Mismatch::new(SIZE, excerpt(value))) }
        }
        Some(b'n') if value == b"null" => Ok(Shape::Missing),
        _ => Err(Mismatch::new(FORM, excerpt(value))),
    }
}

/// Reads it.
pub(super) fn parse(value: &[u8]) -> Result<Segmentation, Mismatch> {
    match shape(value)? {
        Shape::Missing => Err(Mismatch::new(FORM, "none")),
        Shape::Polygons => {
            let read = std::cell::RefCell::new(Polygons::default());
            polygons(
                value,
                |digits| {
                    let value = number(digits).ok_or_else(|| excerpt(digits))?;
                    read.borrow_mut().xy.push(value);
                    Ok(())
                },
                || {
                    let mut read = read.borrow_mut();
                    let end = read.xy.len();
                    read.ends.push(end);
                },
            )?;
            Ok(Segmentation::Polygons(read.into_inner()))
        }
        Shape::Runs | Shape::CompressedRuns => runs(value),
    }
}

fn runs(value: &[u8]) -> Result<Segmentation, Mismatch> {
    let (mut size, mut list, mut compressed) = (None, None, None);
    members(value, |member, value| {
        match member {
            "size" => size = two(value),
            "counts" if value.first() == Some(&b'"') => compressed = string(value),
            "counts" => {
                let mut counts = Vec::new();
                numbers(value, COUNTS, |digits| {
                    let count = whole(digits).and_then(|count| u32::try_from(count).ok());
                    counts.push(count.ok_or_else(|| excerpt(digits))?);
                    Ok(())
                })?;
                list = Some(counts);
            }
            _ => {}
        }
        Ok(())
    })?;
    let Some([height_px, width_px]) = size else { return Err(Mismatch::new(SIZE, excerpt(value))) };
    let rle = match (list, compressed) {
        (_, Some(text)) => Rle::from_compressed(width_px, height_px, &text)?,
        (Some(counts), None) => Rle::new(width_px, height_px, counts)?,
        (None, None) => return Err(Mismatch::new(COUNTS, excerpt(value))),
    };
    Ok(Segmentation::Runs(rle))
}

/// Walks `[[x, y, ..], ..]`; the number of parts.
///
/// **Source** `frPyObjects`: the first part decides, and must have more than four numbers; later ones may have any.
fn polygons(
    value: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
    mut end_of_part: impl FnMut(),
) -> Result<usize, Mismatch> {
    let mut cursor = Cursor::new(value);
    cursor.take(b'[');
    if cursor.take(b']') {
        return Ok(0);
    }
    let mut parts = 0;
    loop {
        if cursor.peek() != Some(b'[') {
            return Err(Mismatch::new(POLYGON, cursor.found()));
        }
        let found = cursor.found();
        let count = numbers_at(&mut cursor, POLYGON, &mut each)?;
        if parts == 0 && count < 5 {
            return Err(Mismatch::new(POLYGON, found));
        }
        parts += 1;
        end_of_part();
        if cursor.take(b']') {
            return Ok(parts);
        }
        if !cursor.take(b',') {
            return Err(Mismatch::new("a comma or the end of the list of polygons", cursor.found()));
        }
    }
}

/// Walks a list of numbers; how many there are.
fn numbers(
    value: &[u8],
    expected: &'static str,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<usize, Mismatch> {
    numbers_at(&mut Cursor::new(value), expected, &mut each)
}

fn numbers_at(
    cursor: &mut Cursor<'_>,
    expected: &'static str,
    each: &mut impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<usize, Mismatch> {
    if !cursor.take(b'[') {
        return Err(Mismatch::new(expected, cursor.found()));
    }
    if cursor.take(b']') {
        return Ok(0);
    }
    for count in 1.. {
        let digits = cursor.number();
        if digits.is_empty() {
            return Err(Mismatch::new(expected, cursor.found()));
        }
        each(digits).map_err(|found| Mismatch::new(expected, found))?;
        if cursor.take(b']') {
            return Ok(count);
        }
        if !cursor.take(b',') {
            return Err(Mismatch::new(expected, cursor.found()));
        }
    }
    Ok(0)
}

/// Two whole numbers.
fn two(value: &[u8]) -> Option<[u32; 2]> {
    let mut found = Vec::with_capacity(2);
    numbers(value, SIZE, |digits| {
        let number = whole(digits).and_then(|number| u32::try_from(number).ok()).filter(|_| found.len() < 2);
        found.push(number.ok_or_else(String::new)?);
        Ok(())
    })
    .ok()?;
    found.try_into().ok()
}
