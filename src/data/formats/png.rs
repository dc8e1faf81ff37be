//! PNG.
//!
//! The `png` crate gets only the chunks that make the picture, in a form that it can bear; what tells the orientation
//! is read here, with bounds, and everything else is passed over. As in Pillow a picture that is all there needs no
//! end, checksums of picture data do not matter, and of an animation the first picture is taken.
//!
//! **Source**: Pillow, `PngImagePlugin.py`, for what tells an orientation: `eXIf` anywhere, else `Raw profile type
//! exif` in any kind of text, else XMP.

use super::palette::{Palette, spread, unpack};
use super::{Picture, Pixels, Refusal, orientation};
use crate::data::PhotoLimits;
use crate::geometry::ImageSize;
use miniz_oxide::inflate::{DecompressError, TINFLStatus, decompress_to_vec_zlib_with_limit};
use png::{BitDepth, ColorType, DecodeOptions, Decoder, DecodingError};
use std::io::{BufRead, Error, ErrorKind, Read, Seek, SeekFrom};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Most bytes of an unpacked text.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// Decodes a whole file.
pub(super) fn decode(bytes: &[u8], limits: PhotoLimits) -> Result<Picture, Refusal> {
    let file = File::read(bytes)?;
    limits.check(file.size)?;
    let orientation = orientation::find(file.exif.or(file.raw_profile).as_deref(), file.xmp.as_deref());
    let (pixels, bits) = pixels(file.essential, file.palette, file.size)?;
    Ok(Picture { size: file.size, pixels, bits, orientation, warnings: Vec::new() })
}

/// What of a file matters.
struct File<'a> {
    size: ImageSize,
    /// Whole chunks: signature, header, palette, picture, end.
    essential: Vec<&'a [u8]>,
    palette: &'a [u8],
    exif: Option<Vec<u8>>,
    raw_profile: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
}

/// A chunk; the last one of a file may be cut off.
struct Chunk<'a> {
    kind: [u8; 4],
    body: &'a [u8],
    /// With length and checksum.
    whole: &'a [u8],
    is_complete: bool,
    rest: &'a [u8],
}

fn next_chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    if !kind.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let body = rest.get(..len).unwrap_or(rest);
    let whole = bytes.get(..len.saturating_add(12)).unwrap_or(bytes);
    let is_complete = body.len() == len;
    Some(Chunk { kind: *kind, body, whole, is_complete, rest: bytes.get(whole.len()..).unwrap_or_default() })
}

impl Chunk<'_> {
    /// Only of chunks that are so short that a table would not pay.
    fn is_sound(&self) -> bool {
        let checked = self.whole.get(4..8 + self.body.len()).unwrap_or_default();
        let found = self.whole.get(8 + self.body.len()..).and_then(|rest| rest.first_chunk::<4>());
        let crc = checked.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        });
        found.is_some_and(|found| u32::from_be_bytes(*found) == !crc)
    }
}

const NO_HEADER: Refusal = Refusal::Damaged(std::borrow::Cow::Borrowed("its header is broken"));

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut file = Self {
            size: ImageSize { width_px: 0, height_px: 0 },
            essential: vec![SIGNATURE],
            palette: &[],
            exif: None,
            raw_profile: None,
            xmp: None,
        };
        let mut rest = bytes.get(SIGNATURE.len()..).unwrap_or_default();
        // Of the picture only what lies together counts; a cut through it is seen where it ends too early.
        let (mut picture, mut is_whole) = (None::<std::ops::Range<usize>>, true);
        while let Some(chunk) = next_chunk(rest) {
            let start = bytes.len() - rest.len();
            rest = chunk.rest;
            match (&chunk.kind, &mut picture) {
                (b"IHDR", None) => file.header(&chunk)?,
                (b"PLTE", None) => file.colours(&chunk)?,
                (b"IDAT", place @ None) => *place = Some(start..start + chunk.whole.len()),
                (b"IDAT", Some(place)) if place.end == start => place.end += chunk.whole.len(),
                (b"IEND", _) => break,
                (kind, _) if chunk.is_complete => file.metadata(*kind, chunk.body),
                _ => {}
            }
            is_whole &= chunk.is_complete || &chunk.kind != b"IDAT";
        }
        let picture = picture.and_then(|place| bytes.get(place)).unwrap_or_default();
        if file.essential.len() < 2 || picture.is_empty() {
            return Err(if rest.len() < 12 { Refusal::Truncated } else { NO_HEADER });
        }
        file.essential.push(picture);
        if is_whole {
            file.essential.push(b"\0\0\0\0IEND\xae\x42\x60\x82");
        }
        Ok(file)
    }

    fn header(&mut self, chunk: &Chunk<'a>) -> Result<(), Refusal> {
        let (Some((width, rest)), true) = (chunk.body.split_first_chunk::<4>(), self.essential.len() == 1) else {
            return Err(if chunk.is_complete { NO_HEADER } else { Refusal::Truncated });
        };
        let height = rest.first_chunk::<4>().ok_or(Refusal::Truncated)?;
        if !chunk.is_sound() {
            return Err(if chunk.is_complete { NO_HEADER } else { Refusal::Truncated });
        }
        self.size = ImageSize { width_px: u32::from_be_bytes(*width), height_px: u32::from_be_bytes(*height) };
        self.essential.push(chunk.whole);
        Ok(())
    }

    fn colours(&mut self, chunk: &Chunk<'a>) -> Result<(), Refusal> {
        if chunk.body.len() > 768 || !chunk.is_sound() {
            return Err(Refusal::Damaged("its palette is broken".into()));
        }
        self.palette = chunk.body;
        self.essential.push(chunk.whole);
        Ok(())
    }

    /// Of several that tell the same, the last one counts.
    fn metadata(&mut self, kind: [u8; 4], body: &[u8]) {
        let (key, value) = match &kind {
            // Pillow puts in front what other formats have there.
            b"eXIf" => return self.exif = Some([b"Exif\0\0", body].concat()),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let Some(end) = body.iter().position(|&byte| byte == 0) else { return };
                let (key, value) = body.split_at(end);
                (key, value.get(1..).unwrap_or_default())
            }
            _ => return,
        };
        if !matches!(key, b"Raw profile type exif" | b"XML:com.adobe.xmp" | b"exif") {
            return;
        }
        let Some(text) = text(kind, value) else { return };
        match key {
            b"XML:com.adobe.xmp" => self.xmp = Some(text),
            // A name that stands for the block itself in Pillow.
            b"exif" if &kind == b"tEXt" => self.exif = Some(text),
            b"exif" => {}
            _ => self.raw_profile = Some(from_hex(&text)),
        }
    }
}

/// The text of a chunk behind its key.
fn text(kind: [u8; 4], value: &[u8]) -> Option<Vec<u8>> {
    match &kind {
        b"tEXt" => Some(value.to_vec()),
        b"zTXt" => match value.split_first() {
            Some((0, packed)) => unpacked(packed),
            _ => None,
        },
        _ => {
            let (&[is_packed, method], rest) = value.split_first_chunk::<2>()?;
            // Language and translated key.
            let text = rest.splitn(3, |&byte| byte == 0).nth(2)?;
            match (is_packed, method) {
                (0, _) => Some(text.to_vec()),
                (_, 0) => unpacked(text),
                _ => None,
            }
        }
    }
}

/// What is too long to be an orientation is not looked at; what is cut off counts as far as it goes.
fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    match decompress_to_vec_zlib_with_limit(packed, MAX_TEXT_BYTES) {
        Ok(text) => Some(text),
        Err(DecompressError { status: TINFLStatus::FailedCannotMakeProgress, output }) => Some(output),
        Err(_) => None,
    }
}

/// A profile as `ImageMagick` writes it: an empty line, its name, its length, and then hexadecimal digits. Empty if
/// they are none.
fn from_hex(text: &[u8]) -> Vec<u8> {
    let digits: Option<Vec<u8>> = text
        .split(|&byte| byte == b'\n')
        .skip(3)
        .flatten()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|&byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.unwrap_or_default();
    digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Chunks one behind the other, without a copy of them.
struct Chunks<'a> {
    current: &'a [u8],
    rest: std::vec::IntoIter<&'a [u8]>,
}

impl BufRead for Chunks<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        while self.current.is_empty() {
            let Some(next) = self.rest.next() else { break };
            self.current = next;
        }
        Ok(self.current)
    }

    fn consume(&mut self, count: usize) {
        self.current = self.current.get(count..).unwrap_or_default();
    }
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut available = self.fill_buf()?;
        let count = available.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

/// Nothing is asked for out of order.
impl Seek for Chunks<'_> {
    fn seek(&mut self, _: SeekFrom) -> std::io::Result<u64> {
        Err(Error::from(ErrorKind::Unsupported))
    }
}

impl From<DecodingError> for Refusal {
    fn from(err: DecodingError) -> Self {
        match err {
            DecodingError::IoError(_) => Self::Truncated,
            DecodingError::LimitsExceeded => Self::Unsupported("rows of that length are not supported".into()),
            DecodingError::Format(_) | DecodingError::Parameter(_) => {
                Self::Damaged("its picture data are damaged".into())
            }
        }
    }
}

/// First column, columns from one to the next, first row, rows from one to the next, of the seven passes of an
/// interlaced picture.
const PASSES: [[usize; 4]; 7] =
    [[0, 8, 0, 8], [4, 8, 0, 8], [0, 4, 4, 8], [2, 4, 0, 4], [0, 2, 2, 4], [1, 2, 0, 2], [0, 1, 1, 2]];

/// Of every row in the order of the file: where it lies, its first column, and columns from one pixel to the next.
fn places(width: usize, height: usize, interlaced: bool) -> impl Iterator<Item = (usize, usize, usize)> {
    let passes: &[[usize; 4]] = if interlaced { &PASSES } else { &[[0, 1, 0, 1]] };
    let passes = passes.iter().filter(move |&&[x, ..]| x < width);
    passes.flat_map(move |&[x, dx, y, dy]| (y..height).step_by(dy).map(move |y| (y, x, dx)))
}

fn pixels(essential: Vec<&[u8]>, palette: &[u8], size: ImageSize) -> Result<(Pixels, usize), Refusal> {
    let mut options = DecodeOptions::default();
    options.set_ignore_checksums(true);
    let chunks = Chunks { current: &[], rest: essential.into_iter() };
    let mut reader = Decoder::new_with_options(chunks, options).read_info()?;
    let (color, depth) = (reader.info().color_type, reader.info().bit_depth);
    let palette = Palette::new(palette);
    let (width, height) = (size.width_px as usize, size.height_px as usize);
    let mut pixels = if (color, depth) == (ColorType::Grayscale, BitDepth::Sixteen) {
        Pixels::Grey16(vec![0; width * height])
    } else {
        Pixels::Rgb(vec![0; width * height * 3])
    };
    // Nothing is read behind the last row: what is wrong there does not matter.
    for (y, first_x, step_x) in places(width, height, reader.info().interlaced) {
        let Some(row) = reader.next_interlaced_row()? else { return Err(Refusal::Truncated) };
        let (row, count) = (row.data(), (width - first_x).div_ceil(step_x));
        let columns = |channels: usize| y * width * channels..(y + 1) * width * channels;
        match &mut pixels {
            Pixels::Grey16(grey) => {
                let out = grey.get_mut(columns(1)).unwrap_or_default().iter_mut().skip(first_x).step_by(step_x);
                for (out, &sample) in out.zip(row.as_chunks::<2>().0) {
                    *out = u16::from_be_bytes(sample);
                }
            }
            Pixels::Rgb(rgb) => {
                let out = rgb.get_mut(columns(3)).unwrap_or_default().as_chunks_mut::<3>().0.iter_mut();
                to_rgb(row, color, depth, &palette, count, out.skip(first_x).step_by(step_x));
            }
        }
    }
    Ok((pixels, depth as usize))
}

/// A row of whatever samples, **shape** `[count]`, without alpha and with the high byte of 16 bits.
fn to_rgb<'a>(
    row: &[u8],
    color: ColorType,
    depth: BitDepth,
    palette: &Palette,
    count: usize,
    out: impl Iterator<Item = &'a mut [u8; 3]>,
) {
    let bits = depth as usize;
    match color {
        ColorType::Indexed => {
            out.zip(unpack(row, bits, count)).for_each(|(out, number)| *out = palette.colour(number));
        }
        ColorType::Grayscale if bits <= 8 => {
            out.zip(unpack(row, bits, count)).for_each(|(out, level)| *out = [spread(level, bits); 3]);
        }
        _ => {
            let bytes = bits.div_ceil(8);
            let (colours, channels) = match color {
                ColorType::Rgb => ([0, 1, 2], 3),
                ColorType::Rgba => ([0, 1, 2], 4),
                _ => ([0, 0, 0], color.samples()),
            };
            for (out, pixel) in out.zip(row.chunks_exact(channels * bytes)) {
                *out = colours.map(|nth| pixel.get(nth * bytes).copied().unwrap_or_default());
            }
        }
    }
}
