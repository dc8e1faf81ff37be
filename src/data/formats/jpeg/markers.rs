//! The segments of a file, in order.
//!
//! **Source**: libjpeg-turbo, `jdmarker.c`, `jdinput.c`, `jdphuff.c` (`start_pass_phuff_decoder`), and for EXIF and XMP
//! Pillow, `JpegImagePlugin.py`.

use super::bits::{BitReader, Table};
use super::frame::Frame;
use super::scan::{self, Scan, ScanComponent, ZIGZAG};
use super::{JpegError, standard};
use crate::geometry::ImageSize;

/// More scans than any encoder writes: a bomb.
const MAX_SCANS: u64 = 256;

/// Most pixels that all scans together may pass over. Encoders write about ten scans, the most thorough of them some
/// twenty: 22 for the largest photo that is read, 256 up to 15 megapixels.
const MAX_SCANNED_PIXELS: u64 = 4_000_000_000;

/// Of all its segments together.
const MAX_EXIF_BYTES: usize = 4 << 20;

/// Blocks of bytes that say how the picture is to be turned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::data::formats) struct Metadata {
    /// A TIFF structure: the EXIF segments, one behind the other.
    pub(in crate::data::formats) exif: Option<Vec<u8>>,
    /// XML.
    pub(in crate::data::formats) xmp: Option<Vec<u8>>,
}

/// What stands for an end marker that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nothing: the file is truncated.
    End,
    /// The end of the data, as libtiff has it.
    Marker,
}

/// A Huffman table as it was sent; whether it is a sound one matters when it is used.
type Sent = Option<Result<Table, JpegError>>;

/// What segments before a scan have set up.
#[derive(Default)]
pub(super) struct Tables {
    quant: [Option<[u16; 64]>; 4],
    dc: [Sent; 4],
    ac: [Sent; 4],
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

/// The next segment at or after `pos`; bytes that belong to none are skipped, as libjpeg does.
fn next_segment(bytes: &[u8], pos: usize) -> Result<Segment<'_>, JpegError> {
    let rest = bytes.get(pos..).unwrap_or(&[]);
    let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff | 0x01 | 0xd0..=0xd8);
    let at = pos + rest.windows(2).position(is_marker).ok_or(JpegError::Truncated)?;
    let marker = bytes[at + 1];
    if marker == 0xd9 {
        return Ok(Segment { marker, body: &[], end: at + 2 });
    }
    let length = bytes.get(at + 2..at + 4).ok_or(JpegError::Truncated)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if length < 2 {
        // Of what is not looked at libjpeg skips nothing then.
        let is_skipped = matches!(marker, 0xe0..=0xef | 0xfe);
        let nothing = Segment { marker, body: &[], end: at + 4 };
        return if is_skipped { Ok(nothing) } else { Err(JpegError::Damaged("one of its segments has no length")) };
    }
    let end = at + 2 + length;
    Ok(Segment { marker, body: bytes.get(at + 4..end).ok_or(JpegError::Truncated)?, end })
}

/// A frame, when the marker starts one.
fn frame_of(segment: &Segment<'_>) -> Result<Option<Frame>, JpegError> {
    match segment.marker {
        0xc0 | 0xc1 => Frame::new(segment.body, false).map(Some),
        0xc2 => Frame::new(segment.body, true).map(Some),
        0xc3 | 0xc5..=0xc7 => Err(JpegError::Unsupported("lossless or hierarchical coding is not supported")),
        0xc9..=0xcb | 0xcd..=0xcf => Err(JpegError::Unsupported("arithmetic coding is not supported")),
        _ => Ok(None),
    }
}

const NO_FRAME: JpegError = JpegError::Damaged("it has no frame header");

/// Reads up to the frame header for the size, and through all segments before the picture data for the metadata.
///
/// `whole_pixels` are those of the picture that this is a part of, where it is one: its parts together may have no more
/// scans than it.
pub(super) fn header(bytes: &[u8], whole_pixels: Option<u64>) -> Result<(ImageSize, Metadata), JpegError> {
    let (mut tables, mut size, mut pos) = (Tables::default(), None, 2);
    loop {
        let segment = next_segment(bytes, pos)?;
        pos = segment.end;
        if let Some(frame) = frame_of(&segment)? {
            let edge = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            size = Some(ImageSize { width_px: edge(frame.width), height_px: edge(frame.height) });
        }
        match (segment.marker, size) {
            (0xda, Some(size)) => {
                let pixels = u64::from(size.width_px) * u64::from(size.height_px);
                check_scans(bytes, pos, whole_pixels.unwrap_or(pixels))?;
                return Ok((size, tables.metadata));
            }
            (0xda | 0xd9, _) => return Err(NO_FRAME),
            _ => tables.read(&segment)?,
        }
    }
}

/// Counts the scans from the first one on, so that a file with too many is refused before any of them is decoded.
fn check_scans(bytes: &[u8], mut pos: usize, pixels: u64) -> Result<(), JpegError> {
    let most = (MAX_SCANNED_PIXELS / pixels.max(1)).min(MAX_SCANS);
    let mut scans = 1;
    while let Ok(Segment { marker, end, .. }) = next_segment(bytes, pos) {
        scans += u64::from(marker == 0xda);
        if scans > most {
            return Err(JpegError::TooManyScans(most));
        }
        if marker == 0xd9 {
            break;
        }
        pos = end;
    }
    Ok(())
}

/// Tables that stand alone, for parts of a picture that have none (TIFF).
pub(super) fn read_tables(bytes: &[u8]) -> Result<Tables, JpegError> {
    let (mut tables, mut pos) = (Tables::default(), 2);
    loop {
        let segment = match next_segment(bytes, pos) {
            Err(JpegError::Truncated) => return Ok(tables),
            segment => segment?,
        };
        pos = segment.end;
        match segment.marker {
            0xd9 | 0xda => return Ok(tables),
            _ => tables.read(&segment)?,
        }
    }
}

/// Reads a whole file: every scan into coefficients.
pub(super) fn read(bytes: &[u8], mut tables: Tables, missing: Missing) -> Result<Frame, JpegError> {
    let (mut frame, mut pos) = (None::<Frame>, 2);
    loop {
        let segment = match next_segment(bytes, pos) {
            Err(JpegError::Truncated) if missing == Missing::Marker => {
                if let Some(frame) = &mut frame {
                    frame.damaged = true;
                }
                break;
            }
            // All of a sequential picture is there, only its end marker is not: as good as complete.
            Err(JpegError::Truncated) if frame.as_ref().is_some_and(is_complete) => break,
            segment => segment?,
        };
        pos = segment.end;
        if let Some(new) = frame_of(&segment)? {
            if frame.is_some() {
                return Err(JpegError::Damaged("it has two frame headers"));
            }
            frame = Some(new);
            continue;
        }
        match segment.marker {
            0xd9 => break,
            0xda => {
                let frame = frame.as_mut().ok_or(NO_FRAME)?;
                if frame.scans == 0 && !frame.progressive {
                    tables.complete();
                }
                frame.scans += 1;
                pos = read_scan(bytes, &segment, frame, &tables, missing)?;
                if frame.scans == 1 && is_complete(frame) {
                    break;
                }
            }
            _ => tables.read(&segment)?,
        }
    }
    let mut frame = frame.ok_or(NO_FRAME)?;
    if frame.scans == 0 {
        return Err(JpegError::Damaged("it has no picture data"));
    }
    // What no scan was sent of stays grey.
    frame.damaged |= frame.components.iter().any(|component| component.quant.is_none());
    frame.set_coding(tables.jfif, tables.adobe_transform);
    Ok(frame)
}

fn is_complete(frame: &Frame) -> bool {
    !frame.progressive && frame.components.iter().all(|component| component.quant.is_some())
}

/// Reads the scan behind its header; returns where it ends.
fn read_scan(
    bytes: &[u8],
    segment: &Segment<'_>,
    frame: &mut Frame,
    tables: &Tables,
    missing: Missing,
) -> Result<usize, JpegError> {
    let scan = scan_header(segment.body, frame, tables)?;
    for part in &scan.components {
        let component = &mut frame.components[part.idx];
        if component.quant.is_none() {
            let quant = tables.quant.get(component.quant_idx).copied().flatten();
            component.quant = Some(quant.ok_or(JpegError::Damaged("a scan comes before its quantisation table"))?);
        }
    }
    if frame.progressive {
        note_progress(frame, &scan);
    }
    if frame.components.iter().all(|component| component.coefficients.is_empty()) {
        frame.allocate();
    }
    let mut reader = BitReader::new(bytes, segment.end);
    scan::decode(frame, &scan, &mut reader)?;
    if reader.ended && missing == Missing::End {
        return Err(JpegError::Truncated);
    }
    frame.damaged |= reader.damaged;
    Ok(reader.pos())
}

/// Keeps how far each coefficient is known, now and before this scan: what block smoothing depends on.
fn note_progress(frame: &mut Frame, scan: &Scan<'_>) {
    let is_first = frame.scans == 1;
    for part in &scan.components {
        let component = &mut frame.components[part.idx];
        for k in scan.first.min(1)..component.known_before.len() {
            component.known_before[k] = if is_first { 0 } else { component.known[k] };
        }
        component.known[scan.first..=scan.last].fill(i8::try_from(scan.low).unwrap_or_default());
    }
}

/// A sound table.
fn table(sent: &[Sent; 4], at: u8) -> Result<&Table, JpegError> {
    const NO_TABLE: JpegError = JpegError::Damaged("a scan comes before its Huffman table");
    sent.get(usize::from(at)).and_then(Option::as_ref).ok_or(NO_TABLE)?.as_ref().map_err(|&err| err)
}

fn scan_header<'t>(body: &[u8], frame: &Frame, tables: &'t Tables) -> Result<Scan<'t>, JpegError> {
    const BAD: JpegError = JpegError::Damaged("one of its scan headers is broken");
    let (&count, rest) = body.split_first().ok_or(BAD)?;
    let count = usize::from(count);
    let (fields, band) = rest.split_at_checked(count * 2).ok_or(BAD)?;
    let &[first, last, bits, ..] = band else { return Err(BAD) };
    let (high, low) = (bits >> 4, bits & 15);
    if frame.progressive {
        let dc = first == 0 && last == 0;
        let ac = first > 0 && first <= last && last < 64 && count == 1;
        if !(dc || ac) || low > 13 || (high > 0 && low + 1 != high) {
            return Err(BAD);
        }
    }
    let mut components: Vec<ScanComponent<'t>> = Vec::new();
    for field in fields.chunks_exact(2) {
        // Where several channels have one number, as in some files all of them, each is named in turn.
        let named =
            |(nth, component): (usize, &super::frame::Component)| component.id == field[0] && nth >= components.len();
        let idx = frame.components.iter().enumerate().position(named).ok_or(BAD)?;
        if components.iter().any(|part| part.idx == idx) {
            return Err(BAD);
        }
        let (dc, ac) = (field[1] >> 4, field[1] & 15);
        let (needs_dc, needs_ac) = if frame.progressive { (first == 0 && high == 0, first > 0) } else { (true, true) };
        let dc = needs_dc.then(|| table(&tables.dc, dc)).transpose()?;
        if dc.is_some_and(|table| !table.is_for_constant_terms()) {
            return Err(JpegError::Damaged("a Huffman table has a constant term of more than 15 bits"));
        }
        components.push(ScanComponent { idx, dc, ac: needs_ac.then(|| table(&tables.ac, ac)).transpose()? });
    }
    let blocks: usize = components.iter().map(|part| frame.components[part.idx].h * frame.components[part.idx].v).sum();
    if components.is_empty() || (components.len() > 1 && blocks > 10) {
        return Err(BAD);
    }
    // Of sequential files the last four numbers mean nothing, and some have zeros there.
    let (first, last, high, low) = if frame.progressive { (first, last, high, low) } else { (0, 63, 0, 0) };
    Ok(Scan {
        components,
        first: usize::from(first),
        last: usize::from(last),
        high: u32::from(high),
        low: u32::from(low),
        restart_interval: tables.restart_interval,
    })
}

impl Tables {
    /// Frames of motion JPEG leave out the tables of the standard's annex K.
    fn complete(&mut self) {
        for (sent, class) in [(&mut self.dc, standard::DC), (&mut self.ac, standard::AC)] {
            for (sent, (counts, symbols)) in sent.iter_mut().zip(class) {
                sent.get_or_insert_with(|| Table::new(counts, symbols.to_vec()));
            }
        }
    }

    /// Takes in a segment that is neither frame nor scan.
    fn read(&mut self, segment: &Segment<'_>) -> Result<(), JpegError> {
        let body = segment.body;
        match segment.marker {
            0xc4 => self.read_huffman(body),
            0xdb => self.read_quantisation(body),
            0xdd => {
                let &[high, low, ..] = body else { return Err(JpegError::Truncated) };
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xe0 => {
                self.jfif |= body.starts_with(b"JFIF\0") && body.len() >= 14;
                Ok(())
            }
            0xe1 => {
                if let Some(more) = body.strip_prefix(b"Exif\0\0") {
                    match &mut self.metadata.exif {
                        Some(exif) if exif.len() > MAX_EXIF_BYTES => {}
                        Some(exif) => exif.extend_from_slice(more),
                        none => *none = Some(body.to_vec()),
                    }
                } else if let Some(xmp) = body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                    self.metadata.xmp = Some(xmp.to_vec());
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
        const BAD: JpegError = JpegError::Damaged("one of its Huffman tables is broken");
        while let Some((&class, rest)) = body.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(BAD)?;
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (symbols, rest) = rest.split_at_checked(total).filter(|_| total <= 256).ok_or(BAD)?;
            let tables = match class >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(BAD),
            };
            *tables.get_mut(usize::from(class & 15)).ok_or(BAD)? = Some(Table::new(counts, symbols.to_vec()));
            body = rest;
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut body: &[u8]) -> Result<(), JpegError> {
        const BAD: JpegError = JpegError::Damaged("one of its quantisation tables is broken");
        while let Some((&class, rest)) = body.split_first() {
            let wide = if class >> 4 == 0 { 1 } else { 2 };
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
