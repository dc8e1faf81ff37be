//! BMP.
//!
//! **Source**: Pillow, `BmpImagePlugin.py`, and `Unpack.c` for 16-bit colours (`ImagingUnpackBGR15`, `BGR16`).
//!
//! **Differs** where Pillow has no picture: palettes of 16 grey levels, and 32-bit colours with whole bytes in any
//! order.

use super::palette::{Palette, unpack};
use super::{Picture, Pixels, Refusal};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use image::metadata::Orientation;

const RAW: u32 = 0;
const RLE8: u32 = 1;
const RLE4: u32 = 2;
const BIT_FIELDS: u32 = 3;

/// What the headers say.
struct Header {
    size: ImageSize,
    /// Whether the first row of the file is the first one of the picture.
    is_top_down: bool,
    bits: u16,
    compression: u32,
    /// Colours of the palette.
    colours: u32,
    /// Bytes of a colour in the palette.
    colour_bytes: usize,
    /// Bits of red, green and blue.
    masks: [u32; 3],
    /// Where the palette lies.
    palette_at: usize,
    /// Where the pixels lie.
    data_at: usize,
}

/// Where red, green and blue of a pixel are.
enum Layout {
    /// Numbers of colours, of so many bits.
    Numbers(u16, Box<Palette>),
    /// Sixteen bits: bits to the right, and their most.
    Packed([(u32, u32); 3]),
    /// Bytes of a pixel, and the places of its colours.
    Bytes(usize, [usize; 3]),
}

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let header = Header::read(bytes)?;
    limits.check(header.size)?;
    let layout = header.layout(bytes)?;
    let rgb = match (header.compression, &layout) {
        (RLE8 | RLE4, Layout::Numbers(_, palette)) => {
            let numbers = header.runs(bytes)?;
            header.rows(&numbers, header.size.width_px as usize, |row, out| {
                out.iter_mut().zip(row).for_each(|(out, &number)| *out = palette.colour(number));
            })?
        }
        (RLE8 | RLE4, _) => return Err(Refusal::Damaged("its compression needs a palette".into())),
        _ => {
            let stride = (header.size.width_px as usize * usize::from(header.bits)).div_ceil(32) * 4;
            let data = bytes.get(header.data_at..).ok_or(Refusal::Truncated)?;
            header.rows(data, stride, |row, out| layout.row(row, out))?
        }
    };
    let orientation = Orientation::NoTransforms;
    Ok(Picture { size: header.size, pixels: Pixels::Rgb(rgb), bits: 8, orientation, warnings: Vec::new() })
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, Refusal> {
    let pair = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Refusal::Truncated)?;
    Ok(u16::from_le_bytes(*pair))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, Refusal> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(Refusal::Truncated)?;
    Ok(u32::from_le_bytes(*four))
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let len = u32_at(bytes, 14)?;
        let mut header = Self {
            size: ImageSize { width_px: 0, height_px: 0 },
            is_top_down: false,
            bits: 0,
            compression: RAW,
            colours: 0,
            colour_bytes: 3,
            masks: [0; 3],
            palette_at: 14 + len as usize,
            data_at: u32_at(bytes, 10)? as usize,
        };
        match len {
            12 => {
                let edge = |at| u16_at(bytes, at).map(u32::from);
                header.size = ImageSize { width_px: edge(18)?, height_px: edge(20)? };
                header.bits = u16_at(bytes, 24)?;
            }
            40 | 52 | 56 | 64 | 108 | 124 => {
                let (width_px, height) = (u32_at(bytes, 18)?, u32_at(bytes, 22)?);
                header.is_top_down = height >> 24 == 0xff;
                let height_px = if header.is_top_down { height.wrapping_neg() } else { height };
                header.size = ImageSize { width_px, height_px };
                header.bits = u16_at(bytes, 28)?;
                header.compression = u32_at(bytes, 30)?;
                header.colours = u32_at(bytes, 46)?;
                header.colour_bytes = 4;
                if header.compression == BIT_FIELDS {
                    // They follow a header that has no place for them, and the palette follows them.
                    for (mask, at) in header.masks.iter_mut().zip([54, 58, 62]) {
                        *mask = u32_at(bytes, at)?;
                    }
                    header.palette_at += if len == 40 { 12 } else { 0 };
                }
            }
            _ => return Err(Refusal::Unsupported(format!("a header of {len} bytes is not supported").into())),
        }
        if header.colours == 0 && header.bits <= 8 {
            header.colours = 1 << header.bits;
        }
        let palette_bytes = if header.bits <= 8 { header.colours as usize * header.colour_bytes } else { 0 };
        if header.data_at == 0 {
            header.data_at = header.palette_at.saturating_add(palette_bytes);
        } else if header.data_at == 14 + len as usize {
            // Some files leave their palette out of account.
            header.data_at = header.data_at.saturating_add(palette_bytes);
        }
        Ok(header)
    }

    fn layout(&self, bytes: &[u8]) -> Result<Layout, Refusal> {
        let unsupported = |what: String| Err(Refusal::Unsupported(what.into()));
        let [red, green, blue] = self.masks;
        match (self.compression, self.bits) {
            (RAW, 1 | 4 | 8) | (RLE8, 8) | (RLE4, 4) => Ok(Layout::Numbers(self.bits, Box::new(self.palette(bytes)?))),
            (RAW | BIT_FIELDS, 16) if self.compression == RAW || self.masks == [0x7c00, 0x3e0, 0x1f] => {
                Ok(Layout::Packed([(10, 31), (5, 31), (0, 31)]))
            }
            (BIT_FIELDS, 16) if self.masks == [0xf800, 0x7e0, 0x1f] => Ok(Layout::Packed([(11, 31), (5, 63), (0, 31)])),
            (RAW | BIT_FIELDS, 24) if self.compression == RAW || self.masks == [0xff_0000, 0xff00, 0xff] => {
                Ok(Layout::Bytes(3, [2, 1, 0]))
            }
            (RAW, 32) => Ok(Layout::Bytes(4, [2, 1, 0])),
            (BIT_FIELDS, 32) if self.masks == [0; 3] => Ok(Layout::Bytes(4, [2, 1, 0])),
            (BIT_FIELDS, 32) if self.masks.iter().all(|mask| (0..4).any(|byte| 0xff << (byte * 8) == *mask)) => {
                Ok(Layout::Bytes(4, self.masks.map(|mask| mask.trailing_zeros() as usize / 8)))
            }
            (BIT_FIELDS, bits @ (16 | 24 | 32)) => {
                unsupported(format!("{bits} bits with colours at {red:x}, {green:x} and {blue:x} are not supported"))
            }
            (RAW | BIT_FIELDS | RLE8 | RLE4, bits) => {
                unsupported(format!("{bits} bits in this form are not supported"))
            }
            (compression, _) => unsupported(format!("compression of kind {compression} is not supported")),
        }
    }

    fn palette(&self, bytes: &[u8]) -> Result<Palette, Refusal> {
        if self.colours > 65_536 {
            return Err(Refusal::Damaged("its palette is too long".into()));
        }
        let len = self.colours.min(256) as usize * self.colour_bytes;
        let colours = bytes.get(self.palette_at..self.palette_at.saturating_add(len)).ok_or(Refusal::Truncated)?;
        let rgb = colours.chunks_exact(self.colour_bytes).filter_map(|colour| colour.first_chunk());
        let rgb: Vec<u8> = rgb.flat_map(|&[b, g, r]| [r, g, b]).collect();
        Ok(if Palette::is_grey(&rgb) { Palette::grey() } else { Palette::new(&rgb) })
    }

    /// Rows of `stride` bytes in the file's order to the picture's; the last one may lack what fills it up.
    fn rows(&self, data: &[u8], stride: usize, row: impl Fn(&[u8], &mut [[u8; 3]])) -> Result<Vec<u8>, Refusal> {
        let (width, height) = (self.size.width_px as usize, self.size.height_px as usize);
        let used = (width * if stride == width { 8 } else { usize::from(self.bits) }).div_ceil(8);
        if data.len() < stride * (height - 1) + used {
            return Err(Refusal::Truncated);
        }
        let mut rgb = vec![0; width * height * 3];
        for (nth, samples) in data.chunks(stride).take(height).enumerate() {
            let y = if self.is_top_down { nth } else { height - 1 - nth };
            let out = rgb.get_mut(y * width * 3..(y + 1) * width * 3).unwrap_or_default();
            row(samples, out.as_chunks_mut::<3>().0);
        }
        Ok(rgb)
    }

    /// Numbers of colours in the file's order of rows, **shape** `[height, width]`.
    fn runs(&self, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let width = self.size.width_px as usize;
        let total = width * self.size.height_px as usize;
        let mut numbers = Vec::with_capacity(total.min(bytes.len().saturating_mul(128)));
        let (mut at, mut x) = (self.data_at, 0);
        let halves = |byte: u8| [byte >> 4, byte & 15];
        while numbers.len() < total {
            let Some(&[count, value]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { break };
            at += 2;
            let left = total - numbers.len();
            match (count, value) {
                (0, 0) => {
                    numbers.resize(numbers.len().next_multiple_of(width).min(total), 0);
                    x = 0;
                }
                (0, 1) => break,
                (0, 2) => {
                    let Some(&[right, up]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()) else { break };
                    at += 2;
                    let skipped = usize::from(right) + usize::from(up) * width;
                    numbers.resize(numbers.len() + skipped.min(left), 0);
                    x = numbers.len() % width;
                }
                (0, count) => {
                    let wanted = usize::from(count).min(left);
                    let len = if self.compression == RLE4 { wanted.div_ceil(2) } else { wanted };
                    let literal = bytes.get(at..).unwrap_or_default();
                    let literal = literal.get(..len).unwrap_or(literal);
                    if self.compression == RLE4 {
                        numbers.extend(literal.iter().flat_map(|&byte| halves(byte)).take(wanted));
                    } else {
                        numbers.extend_from_slice(literal);
                    }
                    if literal.len() < len {
                        break;
                    }
                    x += usize::from(count);
                    // Filled up to an even place of the file.
                    at = (at + len).next_multiple_of(2);
                }
                (count, value) => {
                    let count = usize::from(count).min(width.saturating_sub(x));
                    if self.compression == RLE4 {
                        numbers.extend(halves(value).into_iter().cycle().take(count));
                    } else {
                        numbers.resize(numbers.len() + count, value);
                    }
                    x += count;
                }
            }
        }
        if numbers.len() < total { Err(Refusal::Truncated) } else { Ok(numbers) }
    }
}

impl Layout {
    fn row(&self, row: &[u8], out: &mut [[u8; 3]]) {
        match self {
            Self::Numbers(bits, palette) => {
                let count = out.len();
                for (out, number) in out.iter_mut().zip(unpack(row, usize::from(*bits), count)) {
                    *out = palette.colour(number);
                }
            }
            Self::Packed(parts) => {
                for (out, &pixel) in out.iter_mut().zip(row.as_chunks::<2>().0) {
                    let pixel = u32::from(u16::from_le_bytes(pixel));
                    *out = parts
                        .map(|(shift, most)| u8::try_from((pixel >> shift & most) * 255 / most).unwrap_or(u8::MAX));
                }
            }
            Self::Bytes(len, places) => {
                for (out, pixel) in out.iter_mut().zip(row.chunks_exact(*len)) {
                    *out = places.map(|place| pixel.get(place).copied().unwrap_or_default());
                }
            }
        }
    }
}
