//! Bytes of a strip or tile to samples.

use super::super::Refusal;
use super::super::ifd::{Directory, Order};
use super::super::jpeg;
use super::ccitt;
use super::layout::{Chunk, Compression, Layout, Meaning};
use crate::geometry::ImageSize;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};
use std::borrow::Cow;
use weezl::BitOrder;
use weezl::decode::Decoder;

const JPEG_TABLES: u16 = 347;

/// Unpacks one strip or tile after the other.
pub(super) struct Unpacker<'a> {
    file: &'a [u8],
    jpeg_tables: Option<&'a [u8]>,
    /// Bytes that may still be read: strips and tiles that overlap far more than sound files have it would take for
    /// ever.
    budget: usize,
    /// Whether something was missing or wrong that did not end everything.
    pub(super) damaged: bool,
}

impl<'a> Unpacker<'a> {
    pub(super) fn new(layout: &Layout, directory: &Directory<'a>, file: &'a [u8]) -> Result<Self, Refusal> {
        let jpeg_tables = directory.bytes(JPEG_TABLES).filter(|_| layout.compression == Compression::Jpeg);
        if jpeg_tables.is_some_and(|tables| !tables.starts_with(b"\xff\xd8")) {
            return Err(Refusal::Damaged("its JPEG tables are broken".into()));
        }
        let picture =
            layout.width.saturating_mul(layout.height).saturating_mul(layout.samples * layout.bits.div_ceil(8));
        let budget = file.len().saturating_mul(4).saturating_add(picture);
        Ok(Self { file, jpeg_tables, budget, damaged: false })
    }

    /// The samples of a strip or tile, as many as it has, in rows of whole bytes; numbers of 16 bits in the order of
    /// the file.
    pub(super) fn part(&mut self, layout: &Layout, chunk: Chunk, plane: usize) -> Result<Cow<'a, [u8]>, Refusal> {
        let nth = plane * layout.chunks_of_plane() + chunk.nth;
        let place = |values: &[u64]| values.get(nth).and_then(|&value| usize::try_from(value).ok());
        let offset = place(&layout.offsets).unwrap_or(usize::MAX);
        let len = layout.part_bytes(chunk);
        let rest = self.file.get(offset..).ok_or(Refusal::Truncated)?;
        if layout.compression == Compression::None {
            let samples = rest.get(..len).ok_or(Refusal::Truncated)?;
            return Ok(in_order(layout, samples));
        }
        let packed = match place(&layout.bytes) {
            Some(packed) => rest.get(..packed).ok_or(Refusal::Truncated)?,
            None => rest,
        };
        self.budget = self
            .budget
            .checked_sub(packed.len())
            .ok_or(Refusal::Unsupported("strips or tiles that overlap so much are not supported".into()))?;
        if layout.compression == Compression::Jpeg {
            return self.jpeg(layout, chunk, packed).map(Cow::Owned);
        }
        let packed = in_order(layout, packed);
        let mut samples = vec![0; len];
        let is_complete = match layout.compression {
            Compression::Lzw => lzw(&packed, &mut samples),
            Compression::Deflate => deflate(&packed, &mut samples),
            Compression::PackBits => pack_bits(&packed, &mut samples),
            _ => ccitt::unpack(&packed, layout, chunk, &mut samples),
        };
        if !is_complete {
            return Err(Refusal::Damaged("its picture data are damaged or incomplete".into()));
        }
        if layout.has_predictor {
            for row in samples.chunks_exact_mut(layout.row_bytes(chunk.width)) {
                undo_differences(row, layout);
            }
        }
        Ok(Cow::Owned(samples))
    }

    fn jpeg(&mut self, layout: &Layout, chunk: Chunk, packed: &[u8]) -> Result<Vec<u8>, Refusal> {
        let is_last_strip = !layout.is_tiled && chunk.top + chunk.height == layout.height;
        // The last strip may have the rows of a whole one.
        let fits = |size: ImageSize| {
            let (width, height) = (size.width_px as usize, size.height_px as usize);
            let most = if is_last_strip { layout.height } else { chunk.height };
            width == chunk.width && (chunk.height..=most.max(chunk.height)).contains(&height)
        };
        let whole_pixels = layout.width as u64 * layout.height as u64;
        let is_ycbcr = layout.meaning == Meaning::YCbCr;
        let part = jpeg::decode_part(packed, self.jpeg_tables, is_ycbcr, whole_pixels, fits)?;
        if part.channels != layout.samples_together {
            return Err(Refusal::Damaged("one of its JPEG parts has not the channels that it should have".into()));
        }
        self.damaged |= part.damaged;
        Ok(part.samples)
    }
}

/// With the first bit of each byte in front, where the file has it at the end.
fn in_order<'a>(layout: &Layout, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    if layout.is_bits_reversed {
        Cow::Owned(bytes.iter().map(|byte| byte.reverse_bits()).collect())
    } else {
        Cow::Borrowed(bytes)
    }
}

fn lzw(packed: &[u8], samples: &mut [u8]) -> bool {
    // Files from before 1992 have their codes in the other order, and begin otherwise.
    let is_old = matches!(packed, [0, second, ..] if second & 1 == 1);
    let mut decoder =
        if is_old { Decoder::new(BitOrder::Lsb, 8) } else { Decoder::with_tiff_size_switch(BitOrder::Msb, 8) };
    let (mut from, mut done) = (0, 0);
    while done < samples.len() {
        let (input, output) = (packed.get(from..).unwrap_or_default(), samples.get_mut(done..).unwrap_or_default());
        let step = decoder.decode_bytes(input, output);
        from += step.consumed_in;
        done += step.consumed_out;
        if step.status.is_err() || (step.consumed_in, step.consumed_out) == (0, 0) {
            break;
        }
    }
    done >= samples.len()
}

fn deflate(packed: &[u8], samples: &mut [u8]) -> bool {
    let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (_, _, written) = decompress(&mut DecompressorOxide::new(), packed, samples, 0, flags);
    written >= samples.len()
}

fn pack_bits(packed: &[u8], samples: &mut [u8]) -> bool {
    let (mut packed, mut out) = (packed, samples);
    while !out.is_empty() {
        let Some((&count, rest)) = packed.split_first() else { return false };
        packed = rest;
        let count = usize::from(count);
        if count == 128 {
            continue;
        }
        let len = if count < 128 { count + 1 } else { 257 - count };
        // What goes over the end is left out.
        let (run, rest_out) = out.split_at_mut(len.min(out.len()));
        if count < 128 {
            let Some(literal) = packed.get(..run.len()) else { return false };
            run.copy_from_slice(literal);
            packed = packed.get(len..).unwrap_or_default();
        } else {
            let Some((&byte, rest)) = packed.split_first() else { return false };
            run.fill(byte);
            packed = rest;
        }
        out = rest_out;
    }
    true
}

/// Every sample was stored as its difference to the same channel of the pixel before.
fn undo_differences(row: &mut [u8], layout: &Layout) {
    let stride = layout.samples_together;
    if layout.bits == 8 {
        for at in stride..row.len() {
            let before = row.get(at - stride).copied().unwrap_or_default();
            if let Some(sample) = row.get_mut(at) {
                *sample = sample.wrapping_add(before);
            }
        }
        return;
    }
    let samples = row.as_chunks_mut::<2>().0;
    for at in stride..samples.len() {
        let before = samples.get(at - stride).map_or(0, |&before| layout.order.u16(before));
        if let Some(sample) = samples.get_mut(at) {
            let sum = layout.order.u16(*sample).wrapping_add(before);
            *sample = if layout.order == Order::Little { sum.to_le_bytes() } else { sum.to_be_bytes() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_literals_are_unpacked_up_to_the_end() {
        // The example of Apple's note: three AA, 80 00 2A as they are, a nop, four 22; one AA too many.
        let packed = [0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0x80, 0xfd, 0x22, 0xff, 0xaa];
        let mut out = [0; 11];
        assert!(pack_bits(&packed, &mut out), "as much as is needed");
        assert_eq!(out, [0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22, 0x22, 0x22, 0x22, 0xaa], "the bytes");
        assert!(!pack_bits(&packed, &mut [0; 13]), "not enough");
        assert!(!pack_bits(&packed[..5], &mut [0; 6]), "a literal that is cut off");
    }
}
