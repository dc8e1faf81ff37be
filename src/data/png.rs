//! Pictures out.

use crate::files;
use crate::geometry::ImageSize;
use image::{ExtendedColorType, ImageEncoder as _, ImageError, codecs::png::PngEncoder};
use std::io::Write;
use std::path::Path;

/// Writes 8-bit grey levels, **shape** `[height_px, width_px]`, as a PNG file that is complete or not there.
pub fn write_grey_png(path: &Path, width_px: u32, height_px: u32, grey: &[u8]) -> std::io::Result<()> {
    files::replace(path, |file| grey_png_to(file, width_px, height_px, grey))
}

/// Writes 8-bit colours, **shape** `[height_px, width_px, 3]`, as a PNG file that is complete or not there.
pub fn write_rgb_png(path: &Path, width_px: u32, height_px: u32, rgb: &[u8]) -> std::io::Result<()> {
    files::replace(path, |file| rgb_png_to(file, width_px, height_px, rgb))
}

/// Writes grey levels, **shape** `[height_px, width_px]`, as a PNG to whatever takes bytes.
pub fn grey_png_to(out: &mut impl Write, width_px: u32, height_px: u32, grey: &[u8]) -> std::io::Result<()> {
    encode(out, ImageSize { width_px, height_px }, grey, ExtendedColorType::L8)
}

/// Writes 8-bit colours, **shape** `[height_px, width_px, 3]`, as a PNG to whatever takes bytes.
pub fn rgb_png_to(out: &mut impl Write, width_px: u32, height_px: u32, rgb: &[u8]) -> std::io::Result<()> {
    encode(out, ImageSize { width_px, height_px }, rgb, ExtendedColorType::Rgb8)
}

fn encode(out: &mut impl Write, size: ImageSize, bytes: &[u8], color: ExtendedColorType) -> std::io::Result<()> {
    let ImageSize { width_px, height_px } = size;
    let (what, channels) = if color == ExtendedColorType::L8 { ("grey levels", 1) } else { ("colour values", 3) };
    if bytes.len() as u64 != u64::from(width_px) * u64::from(height_px) * channels {
        let found = format!("expected {what} for {width_px} x {height_px} pixels, found {}", bytes.len());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, found));
    }
    PngEncoder::new(out).write_image(bytes, width_px, height_px, color).map_err(in_system_words)
}

/// A full disk is said as such, and not as a fault of the picture.
fn in_system_words(err: ImageError) -> std::io::Error {
    match err {
        ImageError::IoError(err) => err,
        other => std::io::Error::other(other),
    }
}
