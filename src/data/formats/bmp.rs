//! BMP.

use super::{Picture, Pixels, Refusal};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use image::codecs::bmp::BmpDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder as _};
use std::io::Cursor;

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let decoder = BmpDecoder::new(Cursor::new(bytes))?;
    let (width_px, height_px) = decoder.dimensions();
    let size = ImageSize { width_px, height_px };
    limits.check(size)?;
    let color = decoder.color_type();
    let mut samples = vec![0; usize::try_from(decoder.total_bytes()).unwrap_or(usize::MAX)];
    decoder.read_image(&mut samples)?;
    let rgb = match color {
        ColorType::L8 => samples.iter().flat_map(|&grey| [grey; 3]).collect(),
        ColorType::Rgba8 => samples.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        _ => samples,
    };
    Ok(Picture { size, pixels: Pixels::Rgb(rgb), bits: 8, orientation: Orientation::NoTransforms, warnings: Vec::new() })
}
