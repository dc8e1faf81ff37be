//! GIF: the first frame on its background.
//!
//! **Source**: Pillow, `GifImagePlugin.py`: a frame that reaches over the edge enlarges the picture, one that does not
//! fill it lies on its transparent colour, else on the first one; transparency itself is dropped. A table of nothing
//! but grey levels does not count as one.

use super::palette::Palette;
use super::{Picture, Pixels, Refusal};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use image::metadata::Orientation;
use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

/// Decodes the first frame of a file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let mut reader = Reader(bytes.get(6..).unwrap_or_default());
    let (width, height) = (reader.u16()?, reader.u16()?);
    let flags = reader.byte()?;
    reader.take(2)?;
    let global = if flags & 128 > 0 { Some(reader.take(3 << ((flags & 7) + 1))?) } else { None };
    let (frame, transparent) = first_frame(&mut reader)?;
    let size = ImageSize {
        width_px: u32::from(width).max(u32::from(frame.left) + u32::from(frame.width)),
        height_px: u32::from(height).max(u32::from(frame.top) + u32::from(frame.height)),
    };
    limits.check(size)?;
    if frame.width == 0 || frame.height == 0 {
        return Err(Refusal::Damaged("its first frame is empty".into()));
    }
    let known = frame.palette.into_iter().chain(global).find(|rgb| !Palette::is_grey(rgb));
    let palette = known.map_or_else(Palette::grey, Palette::new);
    let numbers = frame.numbers(&mut reader)?;
    let mut rgb = palette.colour(transparent.unwrap_or(0)).repeat(size.width_px as usize * size.height_px as usize);
    let (left, columns) = (usize::from(frame.left), usize::from(frame.width));
    for (y, numbers) in frame.rows().zip(numbers.chunks_exact(columns)) {
        let start = ((usize::from(frame.top) + y) * size.width_px as usize + left) * 3;
        let row = rgb.get_mut(start..start + columns * 3).unwrap_or_default();
        for (out, &number) in row.as_chunks_mut::<3>().0.iter_mut().zip(numbers) {
            *out = palette.colour(number);
        }
    }
    // What is left of the frame's blocks, and whether another frame follows.
    while let Ok(Some(_)) = reader.block() {}
    let is_animated = first_frame(&mut reader).is_ok();
    let warnings = is_animated.then(|| super::FIRST_FRAME.to_owned()).into_iter().collect();
    Ok(Picture { size, pixels: Pixels::Rgb(rgb), bits: 8, orientation: Orientation::NoTransforms, warnings })
}

/// What is left of a file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Refusal> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Refusal::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Refusal> {
        self.take(1).map(|taken| taken.first().copied().unwrap_or_default())
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        self.take(2).map(|taken| taken.first_chunk().map_or(0, |pair| u16::from_le_bytes(*pair)))
    }

    /// The next block of data; `None` behind the last one.
    fn block(&mut self) -> Result<Option<&'a [u8]>, Refusal> {
        let len = usize::from(self.byte()?);
        if len == 0 { Ok(None) } else { self.take(len).map(Some) }
    }
}

/// Where a frame lies, and its own colours.
struct Frame<'a> {
    left: u16,
    top: u16,
    width: u16,
    height: u16,
    is_interlaced: bool,
    palette: Option<&'a [u8]>,
}

/// Reads up to the data of the first frame; the second value is the number of its transparent colour.
fn first_frame<'a>(reader: &mut Reader<'a>) -> Result<(Frame<'a>, Option<u8>), Refusal> {
    let mut transparent = None;
    loop {
        match reader.byte()? {
            b'!' => {
                let label = reader.byte()?;
                while let Some(block) = reader.block()? {
                    if let (0xf9, &[flags, _, _, number, ..]) = (label, block)
                        && flags & 1 == 1
                    {
                        transparent = Some(number);
                    }
                }
            }
            b',' => {
                let (left, top, width, height) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
                let flags = reader.byte()?;
                let palette = if flags & 128 > 0 { Some(reader.take(3 << ((flags & 7) + 1))?) } else { None };
                let frame = Frame { left, top, width, height, is_interlaced: flags & 64 > 0, palette };
                return Ok((frame, transparent));
            }
            b';' => return Err(Refusal::Damaged("it has no picture".into())),
            // Bytes that belong to nothing.
            _ => {}
        }
    }
}

impl Frame<'_> {
    /// Numbers of colours in the order of the file, **shape** `[height, width]`.
    fn numbers(&self, reader: &mut Reader<'_>) -> Result<Vec<u8>, Refusal> {
        let bits = reader.byte()?;
        if bits > 11 {
            return Err(Refusal::Damaged("its codes are too long".into()));
        }
        let mut decoder = Decoder::new(BitOrder::Lsb, bits);
        let mut numbers = vec![0; usize::from(self.width) * usize::from(self.height)];
        let mut done = 0;
        while done < numbers.len() {
            // What is behind the last block cannot complete the picture.
            let Some(mut block) = reader.block()? else { return Err(Refusal::Truncated) };
            // The decoder may hold pixels back when all of a block is read.
            while done < numbers.len() {
                let step = decoder.decode_bytes(block, numbers.get_mut(done..).unwrap_or_default());
                block = block.get(step.consumed_in..).unwrap_or_default();
                done += step.consumed_out;
                match step.status {
                    Ok(LzwStatus::Done) if done < numbers.len() => return Err(Refusal::Truncated),
                    Ok(LzwStatus::NoProgress) => break,
                    Ok(_) if (step.consumed_in, step.consumed_out) == (0, 0) => break,
                    Ok(_) => {}
                    Err(_) => return Err(Refusal::Damaged("its picture data are damaged".into())),
                }
            }
        }
        Ok(numbers)
    }

    /// Rows in the order of the file.
    fn rows(&self) -> impl Iterator<Item = usize> {
        let height = usize::from(self.height);
        let passes: &[(usize, usize)] = if self.is_interlaced { &[(0, 8), (4, 8), (2, 4), (1, 2)] } else { &[(0, 1)] };
        passes.iter().flat_map(move |&(first, step)| (first..height).step_by(step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_animation_says_that_its_first_frame_is_taken() {
        // One pixel of the first colour.
        let frame = [&b",\0\0\0\0\x01\0\x01\0\0"[..], &[2, 2, 0x44, 1, 0]].concat();
        for (frames, said) in [(1, 0), (2, 1), (3, 1)] {
            let bytes = [&b"GIF89a\x01\0\x01\0\0\0\0"[..], &frame.repeat(frames), b";"].concat();
            let picture = decode(&bytes, PhotoLimits::default()).map(|picture| picture.warnings);
            let warnings = picture.unwrap_or_else(|_| panic!("{frames} frames can be read"));
            assert_eq!(warnings.len(), said, "{frames} frames: {warnings:?}");
        }
    }
}
