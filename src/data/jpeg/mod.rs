//! JPEG exactly as libjpeg-turbo (and so Pillow) decodes it.
//!
//! A decoder whose inverse cosine transform rounds differently changes one grey level in a hundred, ten times what `pixel_values` may
//! differ; the standard leaves that freedom. This one follows libjpeg-turbo's defaults: the accurate integer transform (`jidctint.c`), the
//! "fancy" triangle upsampling (`jdsample.c`), its fixed-point colour tables (`jdcolor.c`), and Pillow's reading of CMYK.
//! Baseline, extended and progressive Huffman files of 8 bits; arithmetic coding, lossless and 12-bit files are refused by name.
//!
//! **Differs** from libjpeg-turbo on damaged files: it fills what is missing with grey and goes on, here it is an error.

mod bits;
mod color;
mod frame;
mod idct;
mod markers;
mod scan;
mod upsample;

pub(super) use markers::Metadata;

use crate::geometry::ImageSize;

/// Why a JPEG file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JpegError {
    /// The file breaks the standard or ends too early.
    Corrupt(&'static str),
    /// A kind of JPEG that is not read.
    Unsupported(&'static str),
}

/// The size a file announces, and its EXIF and XMP blocks.
pub(super) fn read_header(bytes: &[u8]) -> Result<(ImageSize, Metadata), JpegError> {
    markers::header(bytes)
}

/// Decodes to RGB, **shape** `[height, width, 3]`. Check the size from [`read_header`] first: memory is taken for all of it.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, JpegError> {
    let frame = markers::read(bytes)?;
    let planes = idct::planes(&frame);
    color::to_rgb(&frame, &planes)
}
