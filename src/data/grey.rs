//! Pictures whose grey levels are numbers: heat maps.

use super::formats::{Picture, Pixels};
use super::pixels::decode_any;
use super::{PhotoError, PhotoLimits, photo};
use crate::geometry::ImageSize;
use std::path::Path;

/// An upright picture of grey levels, with all the bits that its file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GreyPicture {
    /// After the EXIF orientation was applied.
    pub size: ImageSize,
    /// **Shape** `[height_px, width_px]`, from 0 to `white`.
    pub levels: Vec<u16>,
    /// The brightest level that the file could have: 255 or 65,535.
    pub white: u16,
    /// What the user should know of these levels: sentences that name the file.
    pub warnings: Vec<String>,
}

impl GreyPicture {
    /// Reads a picture file within the limits of photos.
    ///
    /// Levels of 1, 2 and 4 bits are spread over 0 to 255. Colours are taken where all of them are grey, but not with
    /// 16 bits.
    pub fn open(path: &Path) -> Result<Self, PhotoError> {
        let limits = PhotoLimits::default();
        let Picture { size, pixels, bits, warnings, .. } = decode_any(&photo::read(path, limits)?, path, limits)?;
        let not_grey = |found: String| PhotoError::NotGrey { found, path: path.to_owned() };
        let (levels, white) = match pixels {
            Pixels::Grey16(levels) => (levels, u16::MAX),
            Pixels::Rgb(_) if bits > 8 => return Err(not_grey(format!("colours or alpha of {bits} bits"))),
            Pixels::Rgb(rgb) => {
                let pixels = rgb.as_chunks::<3>().0;
                if let Some([r, g, b]) = pixels.iter().find(|[r, g, b]| r != g || g != b) {
                    return Err(not_grey(format!("the colour {r}, {g}, {b}")));
                }
                (pixels.iter().map(|&[grey, ..]| u16::from(grey)).collect(), u16::from(u8::MAX))
            }
        };
        let warnings = warnings.into_iter().map(|text| format!("{text}: {}", path.display())).collect();
        Ok(Self { size, levels, white, warnings })
    }
}
