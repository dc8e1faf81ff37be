//! A photo in memory.

use super::pixels::decode;
use super::{PhotoError, PhotoLimits};
use crate::files;
use crate::geometry::ImageSize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// An upright 8-bit RGB photo. Cloning shares the pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Columns, after the EXIF orientation was applied.
    pub width_px: u32,
    /// Rows, after the EXIF orientation was applied.
    pub height_px: u32,
    /// **Shape** `[height_px, width_px, 3]`.
    pub rgb: Arc<[u8]>,
    /// SHA-256 of the file's bytes (of the pixels, where there was no file), lower-case hexadecimal.
    pub sha256: String,
    /// What the user should know of these pixels: sentences that name the file. Empty for a sound photo.
    pub warnings: Arc<[String]>,
}

impl Photo {
    /// Reads a photo file within the default limits.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        Self::open_within(path, PhotoLimits::default())
    }

    /// Reads a photo file.
    pub fn open_within(path: &Path, limits: PhotoLimits) -> Result<Self, PhotoError> {
        Self::from_bytes_within(&read(path, limits)?, path, limits)
    }

    /// Decodes the bytes of a photo file within the default limits; `name` is for messages only.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, PhotoError> {
        Self::from_bytes_within(bytes, name, PhotoLimits::default())
    }

    /// Decodes the bytes of a photo file; `name` is for messages only.
    ///
    /// Equal to `ImageOps.exif_transpose(Image.open(f)).convert("RGB")` of Pillow: alpha is dropped, not composited;
    /// the first frame of an animation is taken; colour profiles are ignored; of 16-bit colours the high byte is taken,
    /// and 16-bit grey is clipped at 255, with a warning where that loses something.
    ///
    /// Files that Pillow refuses for their metadata alone are read all the same.
    pub fn from_bytes_within(bytes: &[u8], name: &Path, limits: PhotoLimits) -> Result<Self, PhotoError> {
        let image = decode(bytes, name, limits)?;
        Ok(Self {
            width_px: image.size.width_px,
            height_px: image.size.height_px,
            rgb: image.samples.into(),
            sha256: hex_sha256(bytes),
            warnings: image.warnings.into_iter().map(|text| format!("{text}: {}", name.display())).collect(),
        })
    }

    /// A photo from pixels in memory, **shape** `[height_px, width_px, 3]`.
    pub fn from_rgb(width_px: u32, height_px: u32, rgb: Vec<u8>) -> Result<Self, PhotoError> {
        let expected = u64::from(width_px) * u64::from(height_px) * 3;
        if expected == 0 || rgb.len() as u64 != expected {
            return Err(PhotoError::WrongLength { expected, found: rgb.len(), width_px, height_px });
        }
        let sha256 = hex_sha256(&rgb);
        Ok(Self { width_px, height_px, rgb: rgb.into(), sha256, warnings: Arc::default() })
    }

    /// Width and height.
    pub fn size(&self) -> ImageSize {
        ImageSize { width_px: self.width_px, height_px: self.height_px }
    }
}

/// The bytes of a photo file.
pub(super) fn read(path: &Path, limits: PhotoLimits) -> Result<Vec<u8>, PhotoError> {
    let too_large = |found_bytes| PhotoError::FileTooLarge {
        limit_bytes: limits.max_file_bytes,
        found_bytes,
        path: path.to_owned(),
    };
    let unreadable = |err: std::io::Error| match err.kind() {
        std::io::ErrorKind::FileTooLarge => too_large(std::fs::metadata(path).map_or(0, |metadata| metadata.len())),
        _ => PhotoError::Unreadable { reason: files::reason(&err), path: path.to_owned() },
    };
    files::read(path, limits.max_file_bytes).map_err(unreadable)
}

/// SHA-256 in lower-case hexadecimal.
fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
