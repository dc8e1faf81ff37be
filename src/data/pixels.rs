//! Bytes of a file to upright pixels.

use super::formats::{Format, Picture, Pixels, Refusal};
use super::{PhotoError, PhotoLimits};
use crate::geometry::ImageSize;
use image::metadata::Orientation;
use std::path::Path;

/// Upright RGB, **shape** `[height, width, 3]`.
pub(super) struct Rgb {
    pub(super) size: ImageSize,
    pub(super) samples: Vec<u8>,
    /// Whole sentences without the file's name.
    pub(super) warnings: Vec<String>,
}

/// What an unknown file looks like, for the message.
pub(super) fn describe(bytes: &[u8]) -> &'static str {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let head = &bytes[..bytes.len().min(512)];
    if bytes.is_empty() {
        "an empty file"
    } else if at(0, b"version https://git-lfs") {
        "a Git LFS pointer in place of the file (git lfs pull)"
    } else if at(4, b"ftypavi") {
        "an AVIF file"
    } else if at(4, b"ftyp") {
        "a HEIC or video file"
    } else if at(0, b"%PDF") {
        "a PDF file"
    } else if at(0, b"PK\x03\x04") {
        "a ZIP archive"
    } else if at(0, b"\0\0\0\x0cjP") || at(0, b"\xff\x4f\xff\x51") {
        "a JPEG 2000 file"
    } else if at(0, b"\xff\x0a") || at(0, b"\0\0\0\x0cJXL") {
        "a JPEG XL file"
    } else if head.iter().all(|&b| b == b'\t' || b == b'\n' || b == b'\r' || (0x20..0x7f).contains(&b)) {
        "text"
    } else {
        "bytes of another kind"
    }
}

/// Decodes and turns upright.
pub(super) fn decode_any(bytes: &[u8], path: &Path, limits: PhotoLimits) -> Result<Picture, PhotoError> {
    let format =
        Format::of(bytes).ok_or_else(|| PhotoError::UnknownFormat { found: describe(bytes), path: path.to_owned() })?;
    let picture = format.decode(bytes, limits).map_err(|refusal| refused(refusal, format.name(), limits, path))?;
    let Picture { size, pixels, bits, orientation, warnings } = picture;
    let swapped = ImageSize { width_px: size.height_px, height_px: size.width_px };
    let pixels = match pixels {
        Pixels::Rgb(rgb) => Pixels::Rgb(upright::<3, u8>(rgb, size, orientation)),
        Pixels::Grey16(grey) => Pixels::Grey16(upright::<1, u16>(grey, size, orientation)),
    };
    let size = if source(orientation).is_some_and(|(swap, ..)| swap) { swapped } else { size };
    Ok(Picture { size, pixels, bits, orientation: Orientation::NoTransforms, warnings })
}

/// Decodes, converts to 8-bit RGB, turns upright.
pub(super) fn decode(bytes: &[u8], path: &Path, limits: PhotoLimits) -> Result<Rgb, PhotoError> {
    let Picture { size, pixels, mut warnings, .. } = decode_any(bytes, path, limits)?;
    let rgb = match pixels {
        Pixels::Rgb(rgb) => rgb,
        Pixels::Grey16(grey) => {
            let clipped = grey.iter().filter(|&&level| level > 255).count();
            if clipped > 0 {
                let percent = (clipped * 100).div_ceil(grey.len());
                warnings.push(format!(
                    "The photo has grey levels of 16 bits, and the {percent} % of them above 255 are white, as Pillow \
                        converts them"
                ));
            }
            grey.into_iter().flat_map(|level| [u8::try_from(level).unwrap_or(u8::MAX); 3]).collect()
        }
    };
    Ok(Rgb { size, samples: rgb, warnings })
}

fn refused(refusal: Refusal, format: &'static str, limits: PhotoLimits, path: &Path) -> PhotoError {
    let path = path.to_owned();
    match refusal {
        Refusal::Truncated => PhotoError::Corrupt { format, reason: "the file is truncated".to_owned(), path },
        Refusal::Damaged(reason) => PhotoError::Corrupt { format, reason: reason.into_owned(), path },
        Refusal::Empty(ImageSize { width_px, height_px }) => {
            let reason = format!("it has {width_px} x {height_px} pixels");
            PhotoError::Corrupt { format, reason, path }
        }
        Refusal::Unsupported(reason) => PhotoError::Unsupported { format, reason: reason.into_owned(), path },
        Refusal::TooManyPixels(ImageSize { width_px, height_px }) => PhotoError::TooManyPixels {
            limit_pixels: limits.max_pixels,
            limit_edge_px: limits.max_edge_px,
            width_px,
            height_px,
            path,
        },
    }
}

/// Where the pixel at (x, y) of the upright image comes from: whether the axes swap, and which source axes run
/// backwards.
fn source(orientation: Orientation) -> Option<(bool, bool, bool)> {
    match orientation {
        Orientation::NoTransforms => None,
        Orientation::FlipHorizontal => Some((false, true, false)),
        Orientation::Rotate180 => Some((false, true, true)),
        Orientation::FlipVertical => Some((false, false, true)),
        Orientation::Rotate90FlipH => Some((true, false, false)),
        Orientation::Rotate90 => Some((true, false, true)),
        Orientation::Rotate270FlipH => Some((true, true, true)),
        Orientation::Rotate270 => Some((true, true, false)),
    }
}

/// Turns samples, `N` in a pixel, as an orientation says.
fn upright<const N: usize, T: Copy>(samples: Vec<T>, size: ImageSize, orientation: Orientation) -> Vec<T> {
    let Some((swap, flip_x, flip_y)) = source(orientation) else { return samples };
    let (w, h) = (size.width_px as usize, size.height_px as usize);
    let (out_w, out_h) = if swap { (h, w) } else { (w, h) };
    let mut out = Vec::with_capacity(samples.len());
    for y in 0..out_h {
        for x in 0..out_w {
            let (sx, sy) = if swap { (y, x) } else { (x, y) };
            let sx = if flip_x { w - 1 - sx } else { sx };
            let sy = if flip_y { h - 1 - sy } else { sy };
            let at = (sy * w + sx) * N;
            out.extend_from_slice(&samples[at..at + N]);
        }
    }
    out
}
