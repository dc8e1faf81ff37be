//! JPEG exactly as libjpeg-turbo (and so Pillow) decodes it.
//!
//! A decoder whose inverse cosine transform rounds differently changes one grey level in a hundred, ten times what
//! `pixel_values` may differ; the standard leaves that freedom. This one follows libjpeg-turbo's defaults: the accurate
//! integer transform (`jidctint.c`), the "fancy" triangle upsampling (`jdsample.c`), its fixed-point colour tables
//! (`jdcolor.c`), and Pillow's reading of CMYK. Baseline, extended and progressive Huffman files of 8 bits; arithmetic
//! coding, lossless and 12-bit files are refused by name.
//!
//! Damaged data are read as libjpeg-turbo reads them: what is missing before an end marker or a restart marker is grey,
//! impossible codes are zeros, lost restart markers are found again, and a progressive picture without all of its scans
//! is smoothed (`jdcoefct.c`). Such a photo carries a warning. A file that ends without an end marker is truncated, and
//! refused as Pillow refuses it; only a sequential picture that is all there may lack the marker.

mod bits;
mod color;
mod frame;
mod idct;
mod markers;
mod scan;
mod smoothing;
mod standard;
mod upsample;

pub(super) use color::through;

use super::{Picture, Pixels, Refusal};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use frame::Coding;
use markers::{Metadata, Missing, Tables};

/// Why a JPEG file was refused: the rest of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JpegError {
    /// The file ends too early.
    Truncated,
    /// The file breaks the standard.
    Damaged(&'static str),
    /// A kind of JPEG that is not read.
    Unsupported(&'static str),
    /// More scans than are read for a picture of this size: so many.
    TooManyScans(u64),
}

impl From<JpegError> for Refusal {
    fn from(err: JpegError) -> Self {
        match err {
            JpegError::Truncated => Self::Truncated,
            JpegError::Damaged(reason) => Self::Damaged(reason.into()),
            JpegError::Unsupported(reason) => Self::Unsupported(reason.into()),
            JpegError::TooManyScans(most) => {
                Self::Unsupported(format!("more than {most} scans for a picture of this size are not supported").into())
            }
        }
    }
}

/// What a damaged photo says of itself.
const DAMAGED: &str = "The photo's JPEG data are damaged, so parts of it are grey or wrong";
/// What one says that ends before its last scan.
const INCOMPLETE: &str = "The photo's JPEG data end before the last scan, so it lacks detail";

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let (size, Metadata { exif, xmp }) = markers::header(bytes, None)?;
    limits.check(size)?;
    let mut frame = markers::read(bytes, Tables::default(), Missing::End)?;
    let smoothed = smoothing::is_useful(&frame);
    let planes = idct::planes(&mut frame, smoothed);
    let rgb = color::to_rgb(&frame, &planes)?;
    let warning = if frame.damaged { Some(DAMAGED) } else { smoothed.then_some(INCOMPLETE) };
    let warnings = warning.into_iter().map(str::to_owned).collect();
    let orientation = super::orientation::find(exif.as_deref(), xmp.as_deref());
    Ok(Picture { size, pixels: Pixels::Rgb(rgb), bits: 8, orientation, warnings })
}

/// A strip or tile of a TIFF file.
pub(super) struct Part {
    /// **Shape** `[height, width, channels]`.
    pub(super) samples: Vec<u8>,
    pub(super) channels: usize,
    pub(super) damaged: bool,
}

/// Decodes a strip or tile of a TIFF file as libtiff does: with tables that stand elsewhere, from YCbCr to RGB only
/// where that is told, and with the end of its data for an end marker. Whether it `fits` is asked before it is decoded;
/// `whole_pixels` are the whole picture's.
pub(super) fn decode_part(
    bytes: &[u8],
    tables: Option<&[u8]>,
    from_ycbcr: bool,
    whole_pixels: u64,
    fits: impl Fn(ImageSize) -> bool,
) -> Result<Part, Refusal> {
    if !bytes.starts_with(b"\xff\xd8") {
        return Err(Refusal::Damaged("one of its parts is no JPEG file".into()));
    }
    let (size, _) = markers::header(bytes, Some(whole_pixels))?;
    if !fits(size) {
        return Err(Refusal::Damaged("one of its JPEG parts has not the size that it should have".into()));
    }
    let tables = tables.map(markers::read_tables).transpose()?.unwrap_or_default();
    let mut frame = markers::read(bytes, tables, Missing::Marker)?;
    frame.coding = if from_ycbcr && frame.components.len() == 3 { Coding::YCbCr } else { Coding::Plain };
    let subsampled = frame.components.iter().any(|part| (part.h, part.v) != (frame.h_max, frame.v_max));
    if subsampled && frame.coding == Coding::Plain {
        return Err(Refusal::Unsupported(
            "JPEG data with subsampled channels that are not YCbCr are not supported".into(),
        ));
    }
    let smoothed = smoothing::is_useful(&frame);
    let planes = idct::planes(&mut frame, smoothed);
    let samples = color::interleaved(&frame, &planes)?;
    Ok(Part { samples, channels: frame.components.len(), damaged: frame.damaged || smoothed })
}
