//! A photo in memory.

use super::PhotoError;
use super::pixels::decode;
use crate::files;
use crate::geometry::ImageSize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// How large a photo may be. What is refused is refused before memory is taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhotoLimits {
    /// Of the file, **units** bytes.
    pub max_file_bytes: u64,
    /// Of the image. The default is where Pillow raises `DecompressionBombError`.
    pub max_pixels: u64,
    /// Longest edge.
    pub max_edge_px: u32,
}

impl Default for PhotoLimits {
    fn default() -> Self {
        Self { max_file_bytes: 512 << 20, max_pixels: 178_956_970, max_edge_px: 65_535 }
    }
}

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
}

impl Photo {
    /// Reads a photo file within the default limits.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        Self::open_within(path, PhotoLimits::default())
    }

    /// Reads a photo file.
    pub fn open_within(path: &Path, limits: PhotoLimits) -> Result<Self, PhotoError> {
        let unreadable =
            |err: std::io::Error| PhotoError::Unreadable { reason: files::reason(&err), path: path.to_owned() };
        let (mut file, len) = files::open(path).map_err(unreadable)?;
        let too_large = |found_bytes| PhotoError::FileTooLarge {
            limit_bytes: limits.max_file_bytes,
            found_bytes,
            path: path.to_owned(),
        };
        if len > limits.max_file_bytes {
            return Err(too_large(len));
        }
        // The length above may be a lie (a growing file): one byte past the limit tells.
        let mut bytes = Vec::new();
        file.by_ref().take(limits.max_file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > limits.max_file_bytes {
            return Err(too_large(bytes.len() as u64));
        }
        Self::from_bytes_within(&bytes, path, limits)
    }

    /// Decodes the bytes of a photo file within the default limits; `name` is for messages only.
    pub fn from_bytes(bytes: &[u8], name: &Path) -> Result<Self, PhotoError> {
        Self::from_bytes_within(bytes, name, PhotoLimits::default())
    }

    /// Decodes the bytes of a photo file; `name` is for messages only.
    ///
    /// Equal to `ImageOps.exif_transpose(Image.open(f)).convert("RGB")` of Pillow: alpha is dropped, not composited; the first frame of an
    /// animation is taken; colour profiles are ignored; of 16-bit samples the high byte is taken.
    ///
    /// **Differs** for 16-bit grey: Pillow clips it at 255, which turns every such photo white; here the high byte is taken, as Pillow itself
    /// does for 16-bit colour (test `sixteen_bit_grey_keeps_its_high_byte`).
    pub fn from_bytes_within(bytes: &[u8], name: &Path, limits: PhotoLimits) -> Result<Self, PhotoError> {
        let image = decode(bytes, name, limits)?;
        Ok(Self {
            width_px: image.size.width_px,
            height_px: image.size.height_px,
            rgb: image.rgb.into(),
            sha256: hex_sha256(bytes),
        })
    }

    /// A photo from pixels in memory, **shape** `[height_px, width_px, 3]`.
    pub fn from_rgb(width_px: u32, height_px: u32, rgb: Vec<u8>) -> Result<Self, PhotoError> {
        let expected = u64::from(width_px) * u64::from(height_px) * 3;
        if expected == 0 || rgb.len() as u64 != expected {
            return Err(PhotoError::WrongLength { expected, found: rgb.len(), width_px, height_px });
        }
        let sha256 = hex_sha256(&rgb);
        Ok(Self { width_px, height_px, rgb: rgb.into(), sha256 })
    }

    /// Width and height.
    pub fn size(&self) -> ImageSize {
        ImageSize { width_px: self.width_px, height_px: self.height_px }
    }
}

/// SHA-256 in lower-case hexadecimal.
fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
