//! Entropy-coded scans: sequential and the four kinds of progressive ones.
//!
//! **Source**: libjpeg-turbo, `jdhuff.c` and `jdphuff.c`. Nothing that the bits say is an error: what is impossible is
//! read as those do.

use super::JpegError;
use super::bits::{BitReader, Table};
use super::frame::Frame;

/// Natural place of each coefficient in the order of the file. Runs in damaged data go up to 15 places beyond the last
/// one, which then takes their values.
pub(super) const ZIGZAG: [usize; 64 + 16] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, //
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47,
    55, 62, 63, //
    63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
];

/// A component of a scan with its tables.
pub(super) struct ScanComponent<'t> {
    /// Place in the frame.
    pub(super) idx: usize,
    pub(super) dc: Option<&'t Table>,
    pub(super) ac: Option<&'t Table>,
}

/// What a scan holds.
pub(super) struct Scan<'t> {
    pub(super) components: Vec<ScanComponent<'t>>,
    /// First and last coefficient.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Bit positions: of the previous scan of these coefficients (0: none), and of this one.
    pub(super) high: u32,
    pub(super) low: u32,
    /// Groups between restart markers; 0: none.
    pub(super) restart_interval: usize,
}

const NO_TABLE: JpegError = JpegError::Damaged("a scan comes before its Huffman table");

/// What is carried from block to block.
struct State {
    /// Of each component of the scan.
    dc: Vec<i32>,
    /// Blocks that still have no coefficients in this band.
    end_run: u32,
}

/// Decodes a scan into the frame's coefficients.
pub(super) fn decode(frame: &mut Frame, scan: &Scan<'_>, reader: &mut BitReader<'_>) -> Result<(), JpegError> {
    let mut state = State { dc: vec![0; scan.components.len()], end_run: 0 };
    let single = match scan.components.as_slice() {
        [only] => Some(frame.components[only.idx].own_blocks()),
        _ => None,
    };
    let (groups_x, groups_y) = single.unwrap_or((frame.groups_x, frame.groups_y));
    // Rows of blocks in a row of the frame's groups, for a scan that counts its own.
    let rows = match scan.components.as_slice() {
        [only] => frame.components[only.idx].v,
        _ => 1,
    };
    let mut restarts = 0_u8;
    for group in 0..groups_x * groups_y {
        let (gx, gy) = (group % groups_x, group / groups_x);
        if !reader.is_exhausted() {
            frame.last_good_row = gy / rows;
        }
        if scan.restart_interval > 0 && group > 0 && group % scan.restart_interval == 0 {
            reader.restart(restarts % 8);
            restarts = restarts.wrapping_add(1);
            state.dc.fill(0);
            state.end_run = 0;
        }
        if reader.is_exhausted() {
            if scan.restart_interval == 0 || reader.ended {
                break;
            }
            continue;
        }
        for (nth, part) in scan.components.iter().enumerate() {
            let component = &mut frame.components[part.idx];
            let (h, v) = if single.is_some() { (1, 1) } else { (component.h, component.v) };
            for block in 0..h * v {
                let at = (gy * v + block / h) * component.blocks_x + gx * h + block % h;
                let block = &mut component.coefficients[at];
                decode_block(block, frame.progressive, scan, part, reader, &mut state, nth)?;
            }
        }
    }
    Ok(())
}

fn decode_block(
    block: &mut [i16; 64],
    progressive: bool,
    scan: &Scan<'_>,
    part: &ScanComponent<'_>,
    reader: &mut BitReader<'_>,
    state: &mut State,
    nth: usize,
) -> Result<(), JpegError> {
    if !progressive {
        block[0] = narrow(dc(part, reader, &mut state.dc[nth])?);
        return sequential_ac(block, part, reader);
    }
    match (scan.first, scan.high) {
        (0, 0) => block[0] = narrow(dc(part, reader, &mut state.dc[nth])? << scan.low),
        (0, _) => {
            if reader.bit() {
                block[0] |= 1 << scan.low;
            }
        }
        (_, 0) => first_ac(block, scan, part, reader, &mut state.end_run)?,
        _ => refine_ac(block, scan, part, reader, &mut state.end_run)?,
    }
    Ok(())
}

/// Only damaged files have coefficients of more than 16 bits; they wrap, as libjpeg's do.
#[expect(clippy::cast_possible_truncation, reason = "see above")]
fn narrow(coefficient: i32) -> i16 {
    coefficient as i16
}

/// The next constant term, coded as the difference to the one before.
fn dc(part: &ScanComponent<'_>, reader: &mut BitReader<'_>, last: &mut i32) -> Result<i32, JpegError> {
    let size = reader.symbol(part.dc.ok_or(NO_TABLE)?);
    *last = last.wrapping_add(reader.signed(u32::from(size.min(15))));
    Ok(*last)
}

fn sequential_ac(block: &mut [i16; 64], part: &ScanComponent<'_>, reader: &mut BitReader<'_>) -> Result<(), JpegError> {
    // An end of band is the end of the block here, whatever run it announces.
    band(block, (1, 63, 0), part, reader).map(drop)
}

/// Coefficients from `first` to `last`, shifted by `low`, up to a symbol that ends the band: its run.
fn band(
    block: &mut [i16; 64],
    (first, last, low): (usize, usize, u32),
    part: &ScanComponent<'_>,
    reader: &mut BitReader<'_>,
) -> Result<Option<u8>, JpegError> {
    let table = part.ac.ok_or(NO_TABLE)?;
    let mut k = first;
    while k <= last {
        let symbol = reader.symbol(table);
        let (run, size) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        if size == 0 {
            if run != 15 {
                return Ok(Some(symbol >> 4));
            }
            k += 16;
            continue;
        }
        k += run;
        reader.damaged |= k > 63;
        block[ZIGZAG[k]] = narrow(reader.signed(size) << low);
        k += 1;
    }
    Ok(None)
}

/// Number of blocks an end-of-band symbol stands for.
fn end_run_of(run: u8, reader: &mut BitReader<'_>) -> u32 {
    let run = u32::from(run);
    (1 << run) + reader.take(run).cast_unsigned()
}

fn first_ac(
    block: &mut [i16; 64],
    scan: &Scan<'_>,
    part: &ScanComponent<'_>,
    reader: &mut BitReader<'_>,
    end_run: &mut u32,
) -> Result<(), JpegError> {
    if *end_run > 0 {
        *end_run -= 1;
        return Ok(());
    }
    if let Some(run) = band(block, (scan.first, scan.last, scan.low), part, reader)? {
        *end_run = end_run_of(run, reader) - 1;
    }
    Ok(())
}

/// One more bit for every coefficient that is already known, and new ones of a single bit.
fn refine_ac(
    block: &mut [i16; 64],
    scan: &Scan<'_>,
    part: &ScanComponent<'_>,
    reader: &mut BitReader<'_>,
    end_run: &mut u32,
) -> Result<(), JpegError> {
    let table = part.ac.ok_or(NO_TABLE)?;
    let bit = 1_i16 << scan.low;
    let mut k = scan.first;
    while *end_run == 0 && k <= scan.last {
        let symbol = reader.symbol(table);
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        let value = match size {
            0 if run != 15 => {
                *end_run = end_run_of(symbol >> 4, reader);
                break;
            }
            0 => 0,
            _ => {
                // Only one bit is possible: a longer number counts as one.
                reader.damaged |= size > 1;
                if reader.bit() { bit } else { -bit }
            }
        };
        // `run` unknown coefficients are passed over, known ones on the way are refined.
        let mut zeros = run;
        while k <= scan.last {
            let coefficient = &mut block[ZIGZAG[k]];
            if *coefficient != 0 {
                refine(coefficient, bit, reader);
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            k += 1;
        }
        if value != 0 {
            reader.damaged |= k > scan.last;
            block[ZIGZAG[k]] = value;
        }
        k += 1;
    }
    if *end_run > 0 {
        for &place in ZIGZAG.get(k..=scan.last).unwrap_or(&[]) {
            if block[place] != 0 {
                refine(&mut block[place], bit, reader);
            }
        }
        *end_run -= 1;
    }
    Ok(())
}

fn refine(coefficient: &mut i16, bit: i16, reader: &mut BitReader<'_>) {
    if reader.bit() && *coefficient & bit == 0 {
        *coefficient = if *coefficient >= 0 { coefficient.wrapping_add(bit) } else { coefficient.wrapping_sub(bit) };
    }
}
