//! Bytes of a photo file to its pixels, one decoder a format, each as Pillow has it.
//!
//! # What a file may ask for
//!
//! A file is refused before memory is taken for it when it asks for more than this. With the default [`PhotoLimits`]:
//!
//! | what | at most | where |
//! | --- | --- | --- |
//! | bytes of the file | 512 MiB | [`PhotoLimits::max_file_bytes`] |
//! | pixels, and of an edge | 178,956,970 and 65,535 | [`PhotoLimits::max_pixels`], [`PhotoLimits::max_edge_px`] |
//! | JPEG: scans | 256, and all together 4,000,000,000 pixels: 22 scans of the largest photo | `jpeg/markers.rs` |
//! | PNG: what is unpacked of texts and profiles | 1 MiB of each text that may hold an orientation, nothing of others | `png.rs` |
//! | TIFF, EXIF: tags of a directory | 65,536; out of order or overlapping as they may lie, no value is copied | `ifd.rs` |
//! | TIFF: samples in a pixel, a strip or tile | 6; as many bytes as the picture needs, and a tile of 256 MiB | `tiff` |
//! | memory for the largest photo, without the file | 1.7 GB (JPEG with three full channels), 0.6 GB (PNG, GIF, TIFF), 1.5 GB (WebP) | |

mod bmp;
mod gif;
mod ifd;
mod jpeg;
mod orientation;
mod palette;
mod png;
mod tiff;
mod webp;

use super::PhotoLimits;
use crate::geometry::ImageSize;
use image::metadata::Orientation;
use std::borrow::Cow;

/// What is said of an animation.
const FIRST_FRAME: &str = "Only the first frame of this animation is used";

/// What a file holds, as it lies there.
pub(super) struct Picture {
    pub(super) size: ImageSize,
    pub(super) pixels: Pixels,
    /// Of each sample in the file.
    pub(super) bits: usize,
    /// How it is to be turned.
    pub(super) orientation: Orientation,
    /// Whole sentences without the file's name.
    pub(super) warnings: Vec<String>,
}

/// Samples of a picture.
pub(super) enum Pixels {
    /// **Shape** `[height, width, 3]`.
    Rgb(Vec<u8>),
    /// Grey levels of 16 bits, **shape** `[height, width]`.
    Grey16(Vec<u16>),
}

/// Why a file was refused: each the rest of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The file ends too early.
    Truncated,
    /// The file does not keep to its format.
    Damaged(Cow<'static, str>),
    /// A valid file of a kind that is not read.
    Unsupported(Cow<'static, str>),
    /// Nothing to see: so many columns and rows.
    Empty(ImageSize),
    /// More pixels than are read.
    TooManyPixels(ImageSize),
}

impl PhotoLimits {
    fn check(self, size: ImageSize) -> Result<(), Refusal> {
        let ImageSize { width_px, height_px } = size;
        if width_px == 0 || height_px == 0 {
            return Err(Refusal::Empty(size));
        }
        let pixels = u64::from(width_px) * u64::from(height_px);
        if pixels > self.max_pixels || width_px.max(height_px) > self.max_edge_px {
            return Err(Refusal::TooManyPixels(size));
        }
        Ok(())
    }
}

/// A kind of photo file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    WebP,
    Gif,
    Tiff,
    Bmp,
}

impl Format {
    /// The format that a file's first bytes announce, whatever it is called.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        if at(0, png::SIGNATURE) {
            Some(Self::Png)
        } else if at(0, b"\xff\xd8\xff") {
            Some(Self::Jpeg)
        } else if at(0, b"RIFF") && at(8, b"WEBP") {
            Some(Self::WebP)
        } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
            Some(Self::Gif)
        } else if ifd::Header::is_one(bytes) {
            Some(Self::Tiff)
        } else if at(0, b"BM") {
            Some(Self::Bmp)
        } else {
            None
        }
    }

    /// As people write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
        }
    }

    /// Decodes the first picture of a file.
    pub(super) fn decode(self, bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
        match self {
            Self::Png => png::decode(bytes, limits),
            Self::Jpeg => jpeg::decode(bytes, limits),
            Self::WebP => webp::decode(bytes, limits),
            Self::Gif => gif::decode(bytes, limits),
            Self::Tiff => tiff::decode(bytes, limits),
            Self::Bmp => bmp::decode(bytes, limits),
        }
    }
}
