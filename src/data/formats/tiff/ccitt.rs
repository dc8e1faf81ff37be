//! Lines of black and white runs, as fax machines have them.
//!
//! The tables of codes are those of the `fax` crate, and so is group 4. What the crate has no reader for are lines
//! without marks between them (compression 2).

use super::layout::{Chunk, Compression, Layout};
use fax::decoder::{decode_g4, pels};
use fax::maps::{black, white};
use fax::{BitReader, Color};

/// Unpacks a strip or tile; black is 1. `false` where not all of it is there.
pub(super) fn unpack(packed: &[u8], layout: &Layout, chunk: Chunk, samples: &mut [u8]) -> bool {
    let Ok(width) = u16::try_from(chunk.width) else { return false };
    let mut rows = samples.chunks_exact_mut(layout.row_bytes(chunk.width));
    let mut left = chunk.height;
    let mut put = |transitions: &[u16]| {
        let Some(row) = rows.next() else { return };
        left = left.saturating_sub(1);
        for (x, color) in pels(transitions, width).enumerate() {
            if let (Color::Black, Some(byte)) = (color, row.get_mut(x / 8)) {
                *byte |= 0x80 >> (x % 8);
            }
        }
    };
    if layout.compression == Compression::Group4 {
        // It ends itself where the data end.
        let _ = decode_g4(packed.iter().copied(), width, u16::try_from(chunk.height).ok(), &mut put);
    } else {
        let mut bits = Bits { bytes: packed, at: 0 };
        let mut transitions = Vec::new();
        for _ in 0..chunk.height {
            if layout.compression == Compression::Group3 {
                bits.skip_mark();
            }
            if line(&mut bits, width, &mut transitions).is_none() {
                break;
            }
            put(&transitions);
            if layout.compression == Compression::RunLengths {
                bits.at = bits.at.next_multiple_of(8);
            }
        }
    }
    left == 0
}

/// One line: where its colour changes, white first.
fn line(bits: &mut Bits<'_>, width: u16, transitions: &mut Vec<u16>) -> Option<()> {
    transitions.clear();
    let (mut at, mut is_white) = (0_u16, true);
    while at < width {
        // Long runs come in parts of 64 and more, and end with a shorter one.
        loop {
            let part = if is_white { white::decode(bits)? } else { black::decode(bits)? };
            at = at.checked_add(part)?;
            if part < 64 {
                break;
            }
        }
        transitions.push(at);
        is_white = !is_white;
    }
    Some(())
}

/// Bits from the highest of each byte on, with zeros behind the last one.
struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl Bits<'_> {
    /// Steps over the mark between two lines, eleven zeros or more and a one, where there is one.
    fn skip_mark(&mut self) {
        if self.peek(11) != Some(0) {
            return;
        }
        while self.peek(1) == Some(0) {
            self.at += 1;
        }
        self.at += 1;
    }
}

impl BitReader for Bits<'_> {
    type Error = ();

    fn peek(&self, bits: u8) -> Option<u16> {
        let first = self.at / 8;
        if first >= self.bytes.len() {
            return None;
        }
        let window = (first..first + 3)
            .fold(0, |window: u32, nth| window << 8 | u32::from(self.bytes.get(nth).copied().unwrap_or_default()));
        let shifted = window << (8 + self.at % 8);
        u16::try_from(shifted.checked_shr(32 - u32::from(bits)).unwrap_or_default()).ok()
    }

    fn consume(&mut self, bits: u8) -> Result<(), ()> {
        self.at += usize::from(bits);
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        u8::try_from(self.at.wrapping_neg() % 8).unwrap_or_default()
    }
}
