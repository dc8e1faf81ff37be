//! Run lengths down the columns, the first of pixels outside.

use super::error::Mismatch;

/// Run lengths that fill an image: outside, inside, outside, in column order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rle {
    width_px: u32,
    height_px: u32,
    counts: Vec<u32>,
}

const FILL: &str = "run lengths that sum to the number of pixels";
const STRING: &str = "`counts` as a string of pycocotools' compressed run lengths";

impl Rle {
    /// Of counts that sum to the number of pixels.
    pub(super) fn new(width_px: u32, height_px: u32, counts: Vec<u32>) -> Result<Self, Mismatch> {
        let pixels = u64::from(width_px) * u64::from(height_px);
        let sum: u64 = counts.iter().map(|count| u64::from(*count)).sum();
        if sum != pixels || u32::try_from(pixels).is_err() {
            let found = format!("a sum of {sum} for {width_px} x {height_px} pixels");
            return Err(Mismatch::new(FILL, found));
        }
        Ok(Self { width_px, height_px, counts })
    }

    /// Of a string in pycocotools' six-bit code, in which a count from the fourth on is written as its difference to
    /// the one before the last.
    ///
    /// **Source** pycocotools 2.0.11, `maskApi.c` `rleFrString`.
    pub(super) fn from_compressed(width_px: u32, height_px: u32, text: &str) -> Result<Self, Mismatch> {
        let bad = |at: usize, what: &str| Mismatch::new(STRING, format!("{what} at character {at}"));
        let mut counts: Vec<u32> = Vec::new();
        let (mut value, mut shift) = (0_i64, 0_u32);
        for (at, byte) in text.bytes().enumerate() {
            let Some(code) = byte.checked_sub(48).filter(|code| *code < 64) else {
                return Err(bad(at, "another character"));
            };
            // Seven groups of five bits hold more than any count.
            if shift > 30 {
                return Err(bad(at, "a count above 2^32"));
            }
            value |= i64::from(code & 0x1f) << shift;
            shift += 5;
            if code & 0x20 != 0 {
                continue;
            }
            if code & 0x10 != 0 {
                value |= -1 << shift;
            }
            if counts.len() > 2 {
                value += counts.get(counts.len() - 2).copied().map_or(0, i64::from);
            }
            counts.push(u32::try_from(value).map_err(|_| bad(at, "a count below 0 or above 2^32"))?);
            (value, shift) = (0, 0);
        }
        if shift != 0 {
            return Err(bad(text.len(), "the end inside a count"));
        }
        Self::new(width_px, height_px, counts)
    }

    /// Columns.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Rows.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Lengths of the runs; they sum to the number of pixels.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
}
