//! `WebP`: the first frame.

use super::{Picture, Pixels, Refusal, orientation};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use image::codecs::webp::WebPDecoder;
use image::{ColorType, ImageDecoder as _, ImageError};
use std::io::Cursor;

impl From<ImageError> for Refusal {
    fn from(err: ImageError) -> Self {
        match err {
            ImageError::IoError(_) => Self::Truncated,
            ImageError::Unsupported(_) => Self::Unsupported("its kind of coding is not supported".into()),
            ImageError::Limits(_) => Self::Unsupported("it needs too much memory".into()),
            _ => Self::Damaged("its picture data are damaged".into()),
        }
    }
}

/// Bits of what the header of an extended file announces.
const EXIF: u8 = 8;
const XMP: u8 = 4;
const ANIMATION: u8 = 2;

/// What a file does not announce it does not have, as libwebp sees it.
fn announces(bytes: &[u8], what: u8) -> bool {
    bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & what > 0)
}

/// Whether the file is shorter than it says at its beginning.
fn is_cut(bytes: &[u8]) -> bool {
    let said = bytes.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
    (bytes.len() as u64) < u64::from(said) + 8
}

/// Decodes the first frame of a file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    decode_whole(bytes, limits).map_err(|why| match why {
        Refusal::Damaged(_) if is_cut(bytes) => Refusal::Truncated,
        other => other,
    })
}

fn decode_whole(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes))?;
    let (width_px, height_px) = decoder.dimensions();
    let size = ImageSize { width_px, height_px };
    limits.check(size)?;
    // Broken metadata are no reason to refuse a photo whose pixels are sound.
    let exif = decoder.exif_metadata().ok().flatten().filter(|_| announces(bytes, EXIF));
    let xmp = decoder.xmp_metadata().ok().flatten().filter(|_| announces(bytes, XMP));
    let orientation = orientation::find(exif.as_deref(), xmp.as_deref());
    let has_alpha = decoder.color_type() == ColorType::Rgba8;
    let mut samples = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut samples)?;
    let rgb = if has_alpha {
        samples.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
    } else {
        samples
    };
    let is_animated = announces(bytes, ANIMATION);
    let warnings = is_animated.then(|| super::FIRST_FRAME.to_owned()).into_iter().collect();
    Ok(Picture { size, pixels: Pixels::Rgb(rgb), bits: 8, orientation, warnings })
}
