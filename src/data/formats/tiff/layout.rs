//! What the tags say about where samples lie and what they are.

use super::super::Refusal;
use super::super::ifd::{Directory, Order};
use crate::geometry::ImageSize;

const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTES: u16 = 279;
const PLANAR: u16 = 284;
const PREDICTOR: u16 = 317;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const EXTRA: u16 = 338;
const FORMAT: u16 = 339;
const SUBSAMPLING: u16 = 530;

/// Most samples of a pixel, as in Pillow.
const MAX_SAMPLES: u64 = 6;
/// Most strips or tiles of a channel: tiles are of 16 x 16 pixels at least.
const MAX_CHUNKS: usize = 1 << 20;
/// Most bytes of a tile that is larger than the picture.
const MAX_TILE_BYTES: usize = 256 << 20;

/// How samples are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Jpeg,
    Deflate,
    PackBits,
    RunLengths,
    Group3,
    Group4,
}

/// What samples mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    GreyFromWhite,
    GreyFromBlack,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
}

/// Pixels of a strip or tile, those beyond the picture included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Counted row by row.
    pub(super) nth: usize,
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// What the tags say about where samples lie and what they are.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "tags of the format that are there or not, each on its own")]
pub(super) struct Layout {
    pub(super) order: Order,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) compression: Compression,
    pub(super) meaning: Meaning,
    pub(super) bits: usize,
    /// Samples of a pixel that are read.
    pub(super) samples: usize,
    /// Whether the colours are multiplied with the alpha that follows them.
    pub(super) is_multiplied: bool,
    /// Samples of a pixel in each strip or tile.
    pub(super) samples_together: usize,
    /// Strips or tiles that make up a rectangle: one, or one of each channel.
    pub(super) planes: usize,
    pub(super) is_bits_reversed: bool,
    pub(super) has_predictor: bool,
    /// Columns and rows that share their colour in YCbCr.
    pub(super) subsampling: (usize, usize),
    pub(super) is_tiled: bool,
    chunk_width: usize,
    chunk_height: usize,
    /// Places in the file, plane by plane.
    pub(super) offsets: Vec<u64>,
    /// Bytes there; empty where the file does not say.
    pub(super) bytes: Vec<u64>,
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Unsupported(what.into().into()))
}

fn damaged<T>(what: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Damaged(what.into()))
}

/// Columns and rows.
pub(super) fn size(directory: &Directory<'_>) -> Result<ImageSize, Refusal> {
    let edge = |tag: u16| directory.integer(tag).map(|edge| u32::try_from(edge).unwrap_or(u32::MAX));
    match (edge(WIDTH), edge(HEIGHT)) {
        (Some(width_px), Some(height_px)) => Ok(ImageSize { width_px, height_px }),
        _ => damaged("its directory has no size"),
    }
}

fn compression(directory: &Directory<'_>) -> Result<Compression, Refusal> {
    let name = match directory.integer(COMPRESSION).unwrap_or(1) {
        1 => return Ok(Compression::None),
        2 => return Ok(Compression::RunLengths),
        3 if directory.integer(292).unwrap_or(0) & 1 == 0 => return Ok(Compression::Group3),
        4 => return Ok(Compression::Group4),
        5 => return Ok(Compression::Lzw),
        7 => return Ok(Compression::Jpeg),
        8 | 32946 => return Ok(Compression::Deflate),
        32773 => return Ok(Compression::PackBits),
        3 => "CCITT group 3 in two dimensions",
        6 => "JPEG of the old kind",
        34676 | 34677 => "SGI LogLuv",
        34712 => "JPEG 2000",
        34887 => "LERC",
        34925 => "LZMA",
        50000 => "ZSTD",
        50001 => "WebP",
        50002 => "JPEG XL",
        other => return unsupported(format!("compression of kind {other} is not supported")),
    };
    unsupported(format!("{name} compression is not supported"))
}

fn meaning(directory: &Directory<'_>) -> Result<Meaning, Refusal> {
    // A tag that has to be there; Pillow counts from white without it.
    let name = match directory.integer(PHOTOMETRIC).unwrap_or(0) {
        0 => return Ok(Meaning::GreyFromWhite),
        1 => return Ok(Meaning::GreyFromBlack),
        2 => return Ok(Meaning::Rgb),
        3 => return Ok(Meaning::Palette),
        5 => return Ok(Meaning::Cmyk),
        6 => return Ok(Meaning::YCbCr),
        4 => "a mask of transparency".to_owned(),
        8..=10 => "Lab colour".to_owned(),
        32803 | 34892 => "raw data of a camera's sensor".to_owned(),
        32844 | 32845 => "LogLuv colour".to_owned(),
        other => format!("colour of kind {other}"),
    };
    unsupported(format!("{name} is not supported"))
}

impl Layout {
    pub(super) fn read(directory: &Directory<'_>, size: ImageSize, order: Order) -> Result<Self, Refusal> {
        let (compression, meaning) = (compression(directory)?, meaning(directory)?);
        let colours: u64 = match meaning {
            Meaning::Rgb | Meaning::YCbCr => 3,
            Meaning::Cmyk => 4,
            _ => 1,
        };
        let is_apart = directory.integer(PLANAR).unwrap_or(1) == 2;
        let mut extra: Vec<u64> = directory.integers(EXTRA).take(64).collect();
        let mut samples = directory.integer(SAMPLES).unwrap_or(1);
        let stored = samples;
        if is_apart && extra.iter().all(|&kind| kind == 0) {
            // What lies apart and means nothing need not be read.
            samples = samples.saturating_sub(extra.len() as u64);
            extra.clear();
        }
        // Colour of one channel is grey: brightness alone.
        let is_grey = samples == 1 && meaning == Meaning::YCbCr;
        let has_unnamed_alpha = meaning == Meaning::Rgb && samples == 4 && extra.is_empty();
        if samples != colours + extra.len() as u64 && !has_unnamed_alpha && !is_grey || samples > MAX_SAMPLES {
            return unsupported(format!("{stored} samples in a pixel of this kind are not supported"));
        }
        if !extra.is_empty() && meaning == Meaning::YCbCr {
            return unsupported("YCbCr with further channels is not supported");
        }
        let is_multiplied = extra.first() == Some(&1);
        if is_multiplied && meaning != Meaning::Rgb {
            return unsupported("grey multiplied with alpha is not supported");
        }
        let meaning = if is_grey { Meaning::GreyFromBlack } else { meaning };
        let bits = bits(directory, meaning, samples, compression)?;
        let subsampling = subsampling(directory, meaning, compression);
        let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let (width, height) = (size.width_px as usize, size.height_px as usize);
        let is_tiled = !directory.contains(STRIP_OFFSETS);
        let (chunk_width, chunk_height) = if is_tiled {
            let edge = |tag: u16| directory.integer(tag).filter(|&edge| edge > 0).map(count);
            match (edge(TILE_WIDTH), edge(TILE_HEIGHT)) {
                (Some(width), Some(height)) if width.max(height) < 1 << 24 => (width, height),
                _ => return damaged("its tiles have no size"),
            }
        } else {
            let rows = directory.integer(ROWS_PER_STRIP).filter(|&rows| rows > 0).map_or(height, count);
            (width, rows.min(height))
        };
        let samples = count(samples);
        let (samples_together, planes) = if is_apart { (1, samples) } else { (samples, 1) };
        let mut layout = Self {
            order,
            width,
            height,
            compression,
            meaning,
            bits,
            samples,
            is_multiplied,
            samples_together,
            planes,
            is_bits_reversed: directory.integer(FILL_ORDER) == Some(2) && compression != Compression::Jpeg,
            has_predictor: false,
            subsampling,
            is_tiled,
            chunk_width,
            chunk_height,
            offsets: Vec::new(),
            bytes: Vec::new(),
        };
        layout.read_predictor(directory)?;
        if planes > 1 && (meaning == Meaning::YCbCr && (compression != Compression::None || subsampling != (1, 1))) {
            return unsupported("YCbCr channels that lie apart are not supported");
        }
        layout.read_places(directory)?;
        Ok(layout)
    }

    fn read_predictor(&mut self, directory: &Directory<'_>) -> Result<(), Refusal> {
        // The tag means something to these alone.
        if !matches!(self.compression, Compression::Lzw | Compression::Deflate) {
            return Ok(());
        }
        match directory.integer(PREDICTOR).unwrap_or(1) {
            2 if matches!(self.bits, 8 | 16) && self.subsampling == (1, 1) => self.has_predictor = true,
            1 => {}
            _ => return unsupported("this kind of prediction is not supported"),
        }
        Ok(())
    }

    fn read_places(&mut self, directory: &Directory<'_>) -> Result<(), Refusal> {
        let (across, down) = self.grid();
        let needed = across.saturating_mul(down);
        if needed > MAX_CHUNKS {
            return unsupported("so many strips or tiles are not supported");
        }
        let largest = Chunk { nth: 0, left: 0, top: 0, width: self.chunk_width, height: self.chunk_height };
        let (chunk, picture) = (self.part_bytes(largest), self.row_bytes(self.width).saturating_mul(self.height));
        if chunk > picture.max(MAX_TILE_BYTES) {
            return unsupported("tiles of that size are not supported");
        }
        let (offsets, bytes) = if self.is_tiled { (TILE_OFFSETS, TILE_BYTES) } else { (STRIP_OFFSETS, STRIP_BYTES) };
        self.offsets = directory.integers(offsets).take(needed * self.planes).collect();
        self.bytes = directory.integers(bytes).take(needed * self.planes).collect();
        if self.offsets.len() < needed * self.planes {
            return damaged("not all of its strips or tiles are there");
        }
        if self.bytes.len() < self.offsets.len() {
            self.bytes.clear();
        }
        Ok(())
    }

    /// Strips or tiles in a row, and rows of them.
    fn grid(&self) -> (usize, usize) {
        (self.width.div_ceil(self.chunk_width), self.height.div_ceil(self.chunk_height))
    }

    /// Strips or tiles in the order in which they lie in the picture.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> + use<> {
        let (across, down) = self.grid();
        let (width, height, total, is_tiled) = (self.chunk_width, self.chunk_height, self.height, self.is_tiled);
        (0..across * down).map(move |nth| {
            let top = nth / across * height;
            // The last strip is as high as what is left; tiles are always whole.
            let height = if is_tiled { height } else { height.min(total - top) };
            Chunk { nth, left: nth % across * width, top, width, height }
        })
    }

    /// Bytes of a row in a strip or tile, without subsampling.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        width.saturating_mul(self.bits * self.samples_together).div_ceil(8)
    }

    /// Bytes of a whole strip or tile when it is unpacked.
    pub(super) fn part_bytes(&self, chunk: Chunk) -> usize {
        match self.subsampling {
            (1, 1) => self.row_bytes(chunk.width).saturating_mul(chunk.height),
            (h, v) => chunk.width.div_ceil(h).saturating_mul(chunk.height.div_ceil(v)).saturating_mul(h * v + 2),
        }
    }

    /// Strips or tiles of a channel.
    pub(super) fn chunks_of_plane(&self) -> usize {
        self.offsets.len() / self.planes.max(1)
    }
}

fn bits(directory: &Directory<'_>, meaning: Meaning, samples: u64, compression: Compression) -> Result<usize, Refusal> {
    let given: Vec<u64> = directory.integers(BITS).take(64).collect();
    let given = if given.is_empty() { vec![1] } else { given };
    if given.len() > 1 && (given.len() as u64) < samples {
        return damaged("its samples have no sizes");
    }
    let used = given.iter().take(usize::try_from(samples).unwrap_or(usize::MAX));
    let &bits = given.first().unwrap_or(&1);
    if used.clone().any(|&other| other != bits) {
        return unsupported("samples of different sizes are not supported");
    }
    let formats: Vec<u64> = directory.integers(FORMAT).take(64).collect();
    let format = formats.first().copied().unwrap_or(1);
    let is_signed_byte = format == 2 && bits == 8 && samples == 1 && meaning == Meaning::GreyFromBlack;
    match format {
        _ if formats.iter().any(|&other| other != format) => {
            return unsupported("samples of different kinds are not supported");
        }
        // Pillow reads them as if they had no signs.
        1 => {}
        _ if is_signed_byte => {}
        2 => return unsupported(format!("samples of {bits} bits with signs are not supported")),
        3 => return unsupported(format!("floating-point samples of {bits} bits are not supported")),
        _ => return unsupported("samples that are no numbers are not supported"),
    }
    let is_read = match meaning {
        Meaning::GreyFromBlack if samples == 1 => matches!(bits, 1 | 2 | 4 | 8 | 16),
        Meaning::GreyFromWhite | Meaning::Palette if samples == 1 => matches!(bits, 1 | 2 | 4 | 8),
        Meaning::Rgb | Meaning::Cmyk => matches!(bits, 8 | 16),
        _ => bits == 8,
    };
    let suits = match compression {
        Compression::Jpeg => bits == 8,
        Compression::RunLengths | Compression::Group3 | Compression::Group4 => bits == 1,
        _ => true,
    };
    if !is_read || !suits {
        let what = match meaning {
            Meaning::GreyFromWhite => "grey counted from white",
            Meaning::GreyFromBlack => "grey",
            Meaning::Rgb => "RGB",
            Meaning::Palette => "a palette",
            Meaning::Cmyk => "CMYK",
            Meaning::YCbCr => "YCbCr",
        };
        return unsupported(format!("{what} with samples of {bits} bits is not supported in this form"));
    }
    Ok(usize::try_from(bits).unwrap_or(8))
}

/// Columns and rows that share their colour; JPEG data say it themselves.
fn subsampling(directory: &Directory<'_>, meaning: Meaning, compression: Compression) -> (usize, usize) {
    if meaning != Meaning::YCbCr || compression == Compression::Jpeg {
        return (1, 1);
    }
    let mut given = directory.integers(SUBSAMPLING).map(|by| usize::try_from(by).unwrap_or(0));
    // Without compression Pillow takes every pixel to have its own, unless the file says otherwise.
    let default = if compression == Compression::None { 1 } else { 2 };
    let (h, v) = (given.next().unwrap_or(default), given.next().unwrap_or(default));
    if [h, v].iter().all(|by| matches!(by, 1 | 2 | 4)) { (h, v) } else { (1, 1) }
}
