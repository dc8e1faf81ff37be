//! How a picture is to be turned.
//!
//! **Source**: Pillow, `Image.getexif` and `ImageOps.exif_transpose`: the tag in EXIF, of whatever numeric type; where
//! EXIF has none, the first one in XMP. A value that is none of 1 to 8 turns nothing, and hides the one in XMP.

use super::ifd::{Directory, Header};
use image::metadata::Orientation;

const TAG: u16 = 274;

/// The orientation that metadata tell.
pub(super) fn find(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    exif.and_then(of_exif).unwrap_or_else(|| of_xmp(xmp.unwrap_or_default()))
}

/// The same of a TIFF file, whose own tags take EXIF's place.
pub(super) fn of_tiff(directory: &Directory<'_>, xmp: Option<&[u8]>) -> Orientation {
    of_directory(directory).unwrap_or_else(|| of_xmp(xmp.unwrap_or_default()))
}

/// `None` where EXIF is sound and tells none.
fn of_exif(block: &[u8]) -> Option<Orientation> {
    const PREFIX: &[u8] = b"Exif\0\0";
    let block = block.strip_prefix(PREFIX).unwrap_or(block);
    let block = block.strip_prefix(PREFIX).unwrap_or(block);
    if block.is_empty() {
        return None;
    }
    // What is no EXIF is no reason to refuse a photo, and Pillow looks no further either.
    let Some(header) = Header::read(block) else { return Some(Orientation::NoTransforms) };
    of_directory(&Directory::first(block, header))
}

fn of_directory(directory: &Directory<'_>) -> Option<Orientation> {
    directory.contains(TAG).then(|| {
        let value = directory.numbers(TAG).next().unwrap_or_default();
        (1..=8).find(|&known| f64::from(known).total_cmp(&value).is_eq()).map_or(Orientation::NoTransforms, from_number)
    })
}

fn from_number(number: u8) -> Orientation {
    Orientation::from_exif(number).unwrap_or(Orientation::NoTransforms)
}

/// `tiff:Orientation="6"` or `<tiff:Orientation>6`.
fn of_xmp(xmp: &[u8]) -> Orientation {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = xmp;
    while let Some(at) = rest.windows(NAME.len()).position(|window| window == NAME) {
        rest = rest.get(at + NAME.len()..).unwrap_or_default();
        if let [b'=', b'"', digit @ b'0'..=b'9', ..] | [b'>', digit @ b'0'..=b'9', ..] = rest {
            return from_number(digit - b'0');
        }
    }
    Orientation::NoTransforms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xmp_tells_an_orientation_where_it_stands_as_pillow_expects_it() {
        for (xmp, expected) in [
            ("<rdf:Description tiff:Orientation=\"6\"/>", Orientation::Rotate90),
            ("<tiff:Orientation>6</tiff:Orientation>", Orientation::Rotate90),
            ("<tiff:Orientation >8</tiff:Orientation><tiff:Orientation>3", Orientation::Rotate180),
            ("tiff:Orientation='6'", Orientation::NoTransforms),
            ("tiff:Orientation=\"0\" tiff:Orientation=\"6\"", Orientation::NoTransforms),
            ("tiff:Orientation=\"9\"", Orientation::NoTransforms),
            ("tiff:Orientation", Orientation::NoTransforms),
            ("", Orientation::NoTransforms),
        ] {
            assert_eq!(of_xmp(xmp.as_bytes()), expected, "{xmp}");
        }
    }
}
