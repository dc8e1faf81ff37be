//! Pictures out.

use crate::files;
use crate::geometry::ImageSize;
use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
use std::path::Path;

/// Writes 8-bit grey levels, **shape** `[height_px, width_px]`, as a PNG file that is complete or not there.
pub fn write_grey_png(path: &Path, width_px: u32, height_px: u32, grey: &[u8]) -> std::io::Result<()> {
    write(path, ImageSize { width_px, height_px }, grey, ExtendedColorType::L8)
}

/// Writes 8-bit colours, **shape** `[height_px, width_px, 3]`, as a PNG file that is complete or not there.
pub fn write_rgb_png(path: &Path, width_px: u32, height_px: u32, rgb: &[u8]) -> std::io::Result<()> {
    write(path, ImageSize { width_px, height_px }, rgb, ExtendedColorType::Rgb8)
}

fn write(path: &Path, size: ImageSize, bytes: &[u8], color: ExtendedColorType) -> std::io::Result<()> {
    let ImageSize { width_px, height_px } = size;
    let (what, channels) = if color == ExtendedColorType::L8 { ("grey levels", 1) } else { ("colour values", 3) };
    if bytes.len() as u64 != u64::from(width_px) * u64::from(height_px) * channels {
        let found = format!("expected {what} for {width_px} x {height_px} pixels, found {}", bytes.len());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, found));
    }
    files::replace(path, |file| {
        let encoder = PngEncoder::new(file);
        encoder.write_image(bytes, width_px, height_px, color).map_err(std::io::Error::other)
    })
}
