//! Pictures out.

use crate::files;
use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};
use std::path::Path;

/// Writes 8-bit grey levels, **shape** `[height_px, width_px]`, as a PNG file that is complete or not there.
pub fn write_grey_png(path: &Path, width_px: u32, height_px: u32, grey: &[u8]) -> std::io::Result<()> {
    if grey.len() as u64 != u64::from(width_px) * u64::from(height_px) {
        let found = format!("expected {width_px} x {height_px} grey levels, found {}", grey.len());
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, found));
    }
    files::replace(path, |file| {
        let encoder = PngEncoder::new(file);
        encoder.write_image(grey, width_px, height_px, ExtendedColorType::L8).map_err(std::io::Error::other)
    })
}
