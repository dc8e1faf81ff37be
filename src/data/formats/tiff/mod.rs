//! TIFF: the first picture of a file, as Pillow and libtiff read it.
//!
//! | what | which |
//! | --- | --- |
//! | container | both orders of bytes, `BigTIFF`, strips and tiles, channels together or apart, bits in either order |
//! | samples | 1, 2, 4, 8 bits of grey (from black or white) and palettes; 8 and 16 bits of RGB and CMYK, 16 bits of grey; 8 bits of YCbCr |
//! | extra channels | passed over; colours multiplied with alpha are divided by it again |
//! | compression | none, LZW in both orders, deflate, `PackBits`, JPEG (by [`super::jpeg`]), CCITT run lengths and groups 3 (lines on their own) and 4 |
//!
//! Everything else is refused by name: floating-point and signed samples, more bits, Lab, other compressions.
//!
//! **Source**: Pillow, `TiffImagePlugin.py` (`OPEN_INFO`, `_setup`), `Unpack.c`; libtiff, `tif_getimage.c`,
//! `tif_color.c`, `tif_jpeg.c`.
//!
//! **Differs** where Pillow reads uncompressed channels of 16 bits that lie apart, or subsampled YCbCr without
//! compression, as something that they are not.

mod ccitt;
mod colours;
mod layout;
mod packed;
mod ycbcr;

use super::ifd::{Directory, Header};
use super::{Picture, Pixels, Refusal, orientation};
use crate::data::PhotoLimits;
use colours::Converter;
use layout::Layout;
use packed::Unpacker;

/// XML.
const XMP: u16 = 700;

/// What a photo says of itself whose JPEG strips or tiles are damaged.
const DAMAGED: &str = "The photo's JPEG data are damaged, so parts of it are grey or wrong";

/// Decodes the first picture of a file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let header = Header::read(bytes).ok_or(Refusal::Truncated)?;
    let directory = Directory::first(bytes, header);
    let size = layout::size(&directory)?;
    limits.check(size)?;
    let layout = Layout::read(&directory, size, header.order)?;
    let converter = Converter::new(&layout, &directory)?;
    let mut unpacker = Unpacker::new(&layout, &directory, bytes)?;
    let mut pixels = converter.blank(&layout);
    for chunk in layout.chunks() {
        // One part of all channels, or one of each.
        let mut parts = Vec::with_capacity(layout.planes);
        for plane in 0..layout.planes {
            parts.push(unpacker.part(&layout, chunk, plane)?);
        }
        converter.put(&layout, chunk, &parts, &mut pixels);
    }
    let warnings = if unpacker.damaged { vec![DAMAGED.to_owned()] } else { Vec::new() };
    let orientation = orientation::of_tiff(&directory, directory.bytes(XMP));
    Ok(Picture { size, pixels, bits: layout.bits, orientation, warnings })
}

impl Layout {
    fn blank(&self, grey16: bool) -> Pixels {
        let pixels = self.width * self.height;
        if grey16 { Pixels::Grey16(vec![0; pixels]) } else { Pixels::Rgb(vec![0; pixels * 3]) }
    }
}
