//! The segments of a file, in order.

use super::JpegError;
use super::bits::{BitReader, Table};
use super::frame::Frame;
use super::scan::{self, Scan, ScanComponent, ZIGZAG};
use crate::geometry::ImageSize;

/// More scans than any encoder writes: a bomb.
const MAX_SCANS: usize = 256;

/// Blocks of bytes that say how the picture is to be turned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::data) struct Metadata {
    /// A TIFF structure.
    pub(in crate::data) exif: Option<Vec<u8>>,
    /// XML.
    pub(in crate::data) xmp: Option<Vec<u8>>,
}

/// What segments before a scan have set up.
#[derive(Default)]
struct Tables {
    quant: [Option<[u16; 64]>; 4],
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
    restart_interval: usize,
    jfif: bool,
    adobe_transform: Option<u8>,
    metadata: Metadata,
}

/// A marker with what follows it up to the next one.
struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
    /// One past the body.
    end: usize,
}

const TRUNCATED: JpegError = JpegError::Corrupt("a file that ends too early");

/// The next segment at or after `pos`; bytes that belong to none are skipped, as libjpeg does.
fn next_segment(bytes: &[u8], pos: usize) -> Result<Segment<'_>, JpegError> {
    let rest = bytes.get(pos..).unwrap_or(&[]);
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0x01 | 0xd0..=0xd8);
    let at = pos + rest.windows(2).position(is_marker).ok_or(TRUNCATED)?;
    let marker = bytes[at + 1];
    if marker == 0xd9 {
        return Ok(Segment { marker, body: &[], end: at + 2 });
    }
    let length = bytes.get(at + 2..at + 4).ok_or(TRUNCATED)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        return Err(JpegError::Corrupt("a segment without a length"));
    }
    let end = at + 2 + length;
    Ok(Segment { marker, body: bytes.get(at + 4..end).ok_or(TRUNCATED)?, end })
}

/// A frame, when the marker starts one.
fn frame_of(segment: &Segment<'_>) -> Result<Option<Frame>, JpegError> {
    match segment.marker {
        0xc0 | 0xc1 => Frame::new(segment.body, false).map(Some),
        0xc2 => Frame::new(segment.body, true).map(Some),
        0xc3 | 0xc5..=0xc7 => Err(JpegError::Unsupported("lossless or hierarchical coding")),
        0xc9..=0xcb | 0xcd..=0xcf => Err(JpegError::Unsupported("arithmetic coding")),
        _ => Ok(None),
    }
}

/// Reads up to the frame header for the size, and through all segments before the picture data for the metadata.
pub(super) fn header(bytes: &[u8]) -> Result<(ImageSize, Metadata), JpegError> {
    let (mut tables, mut size, mut pos) = (Tables::default(), None, 2);
    loop {
        let segment = next_segment(bytes, pos)?;
        pos = segment.end;
        if let Some(frame) = frame_of(&segment)? {
            let edge = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            size = Some(ImageSize { width_px: edge(frame.width), height_px: edge(frame.height) });
        }
        match (segment.marker, size) {
            (0xda, Some(size)) => return Ok((size, tables.metadata)),
            (0xda | 0xd9, _) => return Err(JpegError::Corrupt("picture data without a frame header")),
            _ => tables.read(&segment)?,
        }
    }
}

/// Reads a whole file: every scan into coefficients.
pub(super) fn read(bytes: &[u8]) -> Result<Frame, JpegError> {
    let (mut tables, mut frame, mut scans, mut pos) = (Tables::default(), None::<Frame>, 0, 2);
    loop {
        let segment = match next_segment(bytes, pos) {
            // All of a sequential picture is there, only its end marker is not: as good as complete.
            Err(TRUNCATED) if frame.as_ref().is_some_and(is_complete) => break,
            segment => segment?,
        };
        pos = segment.end;
        if let Some(new) = frame_of(&segment)? {
            if frame.is_some() {
                return Err(JpegError::Corrupt("two frame headers"));
            }
            frame = Some(new);
            continue;
        }
        match segment.marker {
            0xd9 => break,
            0xda => {
                let frame = frame.as_mut().ok_or(JpegError::Corrupt("picture data without a frame header"))?;
                scans += 1;
                if scans > MAX_SCANS {
                    return Err(JpegError::Corrupt("more than 256 scans"));
                }
                pos = read_scan(bytes, &segment, frame, &tables)?;
            }
            _ => tables.read(&segment)?,
        }
    }
    let mut frame = frame.ok_or(JpegError::Corrupt("no frame header"))?;
    if frame.components.iter().any(|component| component.quant.is_none()) {
        return Err(JpegError::Corrupt("a channel without picture data"));
    }
    frame.set_coding(tables.jfif, tables.adobe_transform);
    Ok(frame)
}

fn is_complete(frame: &Frame) -> bool {
    !frame.progressive && frame.components.iter().all(|component| component.quant.is_some())
}

/// Reads the scan behind its header; returns where it ends.
fn read_scan(bytes: &[u8], segment: &Segment<'_>, frame: &mut Frame, tables: &Tables) -> Result<usize, JpegError> {
    let scan = scan_header(segment.body, frame, tables)?;
    for part in &scan.components {
        let component = &mut frame.components[part.idx];
        if component.quant.is_none() {
            let quant = tables.quant[component.quant_idx];
            component.quant = Some(quant.ok_or(JpegError::Corrupt("picture data before its quantisation table"))?);
        }
    }
    if frame.components.iter().all(|component| component.coefficients.is_empty()) {
        frame.allocate();
    }
    let mut reader = BitReader::new(bytes, segment.end);
    scan::decode(frame, &scan, &mut reader)?;
    Ok(reader.pos())
}

fn scan_header<'t>(body: &[u8], frame: &Frame, tables: &'t Tables) -> Result<Scan<'t>, JpegError> {
    const BAD: JpegError = JpegError::Corrupt("a broken scan header");
    let (&count, rest) = body.split_first().ok_or(BAD)?;
    let count = usize::from(count);
    let (fields, band) = rest.split_at_checked(count * 2).ok_or(BAD)?;
    let &[first, last, bits, ..] = band else { return Err(BAD) };
    let mut components = Vec::new();
    for field in fields.chunks_exact(2) {
        let idx = frame.components.iter().position(|component| component.id == field[0]).ok_or(BAD)?;
        if components.iter().any(|part: &ScanComponent<'_>| part.idx == idx) {
            return Err(BAD);
        }
        let (dc, ac) = (usize::from(field[1] >> 4), usize::from(field[1] & 15));
        let table = |tables: &'t [Option<Table>; 4], at: usize| tables.get(at).and_then(Option::as_ref);
        components.push(ScanComponent { idx, dc: table(&tables.dc, dc), ac: table(&tables.ac, ac) });
    }
    let blocks: usize = components.iter().map(|part| frame.components[part.idx].h * frame.components[part.idx].v).sum();
    if components.is_empty() || (components.len() > 1 && blocks > 10) {
        return Err(BAD);
    }
    let mut scan = Scan {
        first: usize::from(first),
        last: usize::from(last),
        high: u32::from(bits >> 4),
        low: u32::from(bits & 15),
        restart_interval: tables.restart_interval,
        components,
    };
    if frame.progressive {
        let dc = scan.first == 0 && scan.last == 0;
        let ac = scan.first > 0 && scan.first <= scan.last && scan.last < 64 && scan.components.len() == 1;
        if !(dc || ac) || scan.low > 13 {
            return Err(BAD);
        }
    } else {
        (scan.first, scan.last, scan.high, scan.low) = (0, 63, 0, 0);
    }
    Ok(scan)
}

impl Tables {
    /// Takes in a segment that is neither frame nor scan.
    fn read(&mut self, segment: &Segment<'_>) -> Result<(), JpegError> {
        let body = segment.body;
        match segment.marker {
            0xc4 => self.read_huffman(body),
            0xdb => self.read_quantisation(body),
            0xdd => {
                let &[high, low, ..] = body else { return Err(TRUNCATED) };
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xe0 => {
                self.jfif |= body.starts_with(b"JFIF\0");
                Ok(())
            }
            0xe1 => {
                if let Some(exif) = body.strip_prefix(b"Exif\0\0") {
                    self.metadata.exif.get_or_insert_with(|| exif.to_vec());
                } else if let Some(xmp) = body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.metadata.xmp.get_or_insert_with(|| xmp.to_vec());
                }
                Ok(())
            }
            0xee => {
                if body.starts_with(b"Adobe") && body.len() >= 12 {
                    self.adobe_transform = Some(body[11]);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn read_huffman(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        const BAD: JpegError = JpegError::Corrupt("a broken Huffman table");
        while let Some((&class, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(BAD)?;
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(BAD)?;
            let tables = match class >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(BAD),
            };
            *tables.get_mut(usize::from(class & 15)).ok_or(BAD)? = Some(Table::new(counts, symbols.to_vec())?);
            body = rest;
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        const BAD: JpegError = JpegError::Corrupt("a broken quantisation table");
        while let Some((&class, rest)) = body.split_first() {
            let wide = match class >> 4 {
                0 => 1,
                1 => 2,
                _ => return Err(BAD),
            };
            let (values, rest) = rest.split_at_checked(64 * wide).ok_or(BAD)?;
            let mut table = [0; 64];
            for (value, &place) in values.chunks_exact(wide).zip(&ZIGZAG) {
                table[place] = value.iter().fold(0, |acc, &byte| acc << 8 | u16::from(byte));
            }
            *self.quant.get_mut(usize::from(class & 15)).ok_or(BAD)? = Some(table);
            body = rest;
        }
        Ok(())
    }
}
