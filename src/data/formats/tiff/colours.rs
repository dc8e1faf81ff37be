//! Samples to colours.

use super::super::ifd::Directory;
use super::super::jpeg::through;
use super::super::palette::{Palette, spread, unpack};
use super::super::{Pixels, Refusal};
use super::layout::{Chunk, Compression, Layout, Meaning};
use super::ycbcr::{Plain, Subsampled};
use std::borrow::Cow;

const COLOUR_MAP: u16 = 320;

/// What a file's samples become.
pub(super) enum Converter {
    /// Of 1 to 8 bits; the second value is whether white is 0.
    Grey(usize, bool),
    Grey16,
    Palette(usize, Box<Palette>),
    Rgb,
    Cmyk,
    Plain(Box<Plain>),
    Subsampled(Box<Subsampled>),
}

impl Converter {
    pub(super) fn new(layout: &Layout, directory: &Directory<'_>) -> Result<Self, Refusal> {
        let bits = layout.bits;
        Ok(match layout.meaning {
            Meaning::GreyFromBlack if bits == 16 => Self::Grey16,
            Meaning::GreyFromBlack => Self::Grey(bits, false),
            Meaning::GreyFromWhite => Self::Grey(bits, true),
            Meaning::Palette => Self::Palette(bits, Box::new(palette(directory)?)),
            Meaning::Rgb => Self::Rgb,
            Meaning::Cmyk => Self::Cmyk,
            // JPEG data are RGB already.
            Meaning::YCbCr if layout.compression == Compression::Jpeg => Self::Rgb,
            Meaning::YCbCr if layout.compression == Compression::None && layout.subsampling == (1, 1) => {
                Self::Plain(Box::new(Plain::new()))
            }
            Meaning::YCbCr => Self::Subsampled(Box::new(Subsampled::new(directory))),
        })
    }

    /// A picture of zeros.
    pub(super) fn blank(&self, layout: &Layout) -> Pixels {
        layout.blank(matches!(self, Self::Grey16))
    }

    /// Puts a strip or tile into the picture: one part of all channels, or one of each.
    pub(super) fn put(&self, layout: &Layout, chunk: Chunk, parts: &[Cow<'_, [u8]>], pixels: &mut Pixels) {
        let (rows, columns) = (chunk.height.min(layout.height - chunk.top), chunk.width.min(layout.width - chunk.left));
        let row_bytes = layout.row_bytes(chunk.width);
        let mut together = Vec::new();
        for y in 0..rows {
            let start = (chunk.top + y) * layout.width + chunk.left;
            let row = |part: &'_ usize| parts.get(*part).and_then(|part| part.get(y * row_bytes..(y + 1) * row_bytes));
            match pixels {
                Pixels::Grey16(grey) => {
                    let out = grey.get_mut(start..start + columns).unwrap_or_default();
                    for (out, &sample) in out.iter_mut().zip(row(&0).unwrap_or_default().as_chunks::<2>().0) {
                        *out = layout.order.u16(sample);
                    }
                }
                Pixels::Rgb(rgb) => {
                    let out = rgb.get_mut(start * 3..(start + columns) * 3).unwrap_or_default();
                    let out = out.as_chunks_mut::<3>().0;
                    if let Self::Subsampled(converter) = self {
                        let part = parts.first().map(|part| &**part).unwrap_or_default();
                        converter.row(part, chunk.width, layout.subsampling, y, out);
                    } else if layout.planes == 1 {
                        self.row(layout, row(&0).unwrap_or_default(), out);
                    } else {
                        let planes: Vec<&[u8]> = (0..layout.planes).filter_map(|plane| row(&plane)).collect();
                        interleave(&planes, layout.bits.div_ceil(8), &mut together);
                        self.row(layout, &together, out);
                    }
                }
            }
        }
    }

    /// One row of all channels.
    fn row(&self, layout: &Layout, row: &[u8], out: &mut [[u8; 3]]) {
        let width = layout.bits.div_ceil(8);
        let pixels = row.chunks_exact(layout.samples * width).zip(out.iter_mut());
        // The high byte of 16 bits is what counts.
        let high = usize::from(width == 2 && layout.order == super::super::ifd::Order::Little);
        let sample = |pixel: &[u8], nth: usize| pixel.get(nth * width + high).copied().unwrap_or_default();
        let count = out_len(row, layout);
        match self {
            Self::Grey(bits, from_white) if *bits < 8 => {
                for (out, level) in out.iter_mut().zip(unpack(row, *bits, count)) {
                    let level = spread(level, *bits);
                    *out = [if *from_white { 255 - level } else { level }; 3];
                }
            }
            Self::Palette(bits, palette) if *bits < 8 => {
                for (out, number) in out.iter_mut().zip(unpack(row, *bits, count)) {
                    *out = palette.colour(number);
                }
            }
            Self::Grey(_, from_white) => {
                for (pixel, out) in pixels {
                    let level = sample(pixel, 0);
                    *out = [if *from_white { 255 - level } else { level }; 3];
                }
            }
            Self::Palette(_, palette) => pixels.for_each(|(pixel, out)| *out = palette.colour(sample(pixel, 0))),
            Self::Cmyk => {
                for (pixel, out) in pixels {
                    let light = 255 - sample(pixel, 3);
                    *out = [0, 1, 2].map(|nth| through(sample(pixel, nth), light));
                }
            }
            Self::Plain(converter) => {
                pixels.for_each(|(pixel, out)| *out = converter.rgb([0, 1, 2].map(|nth| sample(pixel, nth))));
            }
            Self::Rgb | Self::Grey16 | Self::Subsampled(_) => {
                for (pixel, out) in pixels {
                    let rgb = [0, 1, 2].map(|nth| sample(pixel, nth));
                    *out = if layout.is_multiplied { divided(rgb, sample(pixel, 3)) } else { rgb };
                }
            }
        }
    }
}

/// Samples of fewer than 8 bits in a row.
fn out_len(row: &[u8], layout: &Layout) -> usize {
    row.len() * 8 / layout.bits.max(1)
}

/// Channels that lie apart, side by side; each sample has `width` bytes.
fn interleave(planes: &[&[u8]], width: usize, together: &mut Vec<u8>) {
    together.clear();
    let samples = planes.first().map_or(0, |plane| plane.len() / width.max(1));
    for nth in 0..samples {
        for plane in planes {
            together.extend_from_slice(plane.get(nth * width..(nth + 1) * width).unwrap_or_default());
        }
    }
}

/// Colours without the alpha that they were multiplied with.
fn divided(rgb: [u8; 3], alpha: u8) -> [u8; 3] {
    match u16::from(alpha) {
        0 => [0; 3],
        255 => rgb,
        alpha => rgb.map(|sample| u8::try_from(u16::from(sample) * 255 / alpha).unwrap_or(u8::MAX)),
    }
}

/// All reds, then all greens, then all blues, of 16 bits each.
fn palette(directory: &Directory<'_>) -> Result<Palette, Refusal> {
    let levels: Vec<u8> =
        directory.integers(COLOUR_MAP).take(768).map(|level| u8::try_from(level / 256).unwrap_or(u8::MAX)).collect();
    if levels.is_empty() {
        return Err(Refusal::Damaged("it has no palette".into()));
    }
    let colours = levels.len() / 3;
    let of = |nth: usize| levels.get(nth * colours..(nth + 1) * colours).unwrap_or_default();
    let rgb: Vec<u8> = of(0).iter().zip(of(1)).zip(of(2)).flat_map(|((&r, &g), &b)| [r, g, b]).collect();
    Ok(Palette::new(&rgb))
}
