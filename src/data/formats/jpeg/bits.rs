//! Entropy-coded bits and Huffman codes.
//!
//! **Source**: libjpeg-turbo, `jdhuff.c` and `jdmarker.c`. Damage ends nothing: where the data of an interval end
//! early, zeros follow, and a code that is in no table reads as 0. What happened is kept in [`BitReader::damaged`] and
//! [`BitReader::ended`].

use super::JpegError;

/// Codes up to this length are found in one step.
const FAST_BITS: u32 = 9;

/// A Huffman table.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next nine bits: length << 8 | symbol, or 0.
    fast: Box<[u16; 1 << FAST_BITS]>,
    /// By length: one past the last code, shifted up to 16 bits.
    limit: [u32; 17],
    /// By length: place of the first symbol less the first code.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// From the number of codes of each length 1..=16 and the symbols in order.
    pub(super) fn new(counts: &[u8; 16], symbols: Vec<u8>) -> Result<Self, JpegError> {
        let mut table = Self { fast: Box::new([0; 1 << FAST_BITS]), limit: [0; 17], offset: [0; 17], symbols };
        let (mut code, mut place) = (0_u32, 0_u32);
        for (len, &count) in (1_u16..).zip(counts) {
            let index = usize::from(len);
            let len_bits = u32::from(len);
            table.offset[index] = place.cast_signed() - code.cast_signed();
            for _ in 0..count {
                let symbol = table.symbols.get(place as usize).copied();
                let symbol = symbol.ok_or(JpegError::Damaged("a Huffman table has too few symbols"))?;
                if code >= 1 << len_bits {
                    return Err(JpegError::Damaged("a Huffman table has too many codes"));
                }
                if len_bits <= FAST_BITS {
                    let first = (code << (FAST_BITS - len_bits)) as usize;
                    let entry = u16::from(symbol) | (len << 8);
                    table.fast[first..first + (1 << (FAST_BITS - len_bits))].fill(entry);
                }
                code += 1;
                place += 1;
            }
            table.limit[index] = code << (16 - len_bits);
            code <<= 1;
        }
        Ok(table)
    }

    /// Whether every symbol is a number of bits that a constant term may have.
    pub(super) fn is_for_constant_terms(&self) -> bool {
        self.symbols.iter().all(|&symbol| symbol < 16)
    }
}

/// Reads bits up to the next marker.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    /// Behind what was read: at the marker, where one was met.
    pos: usize,
    /// The marker that ends the interval, once it was met.
    marker: Option<u8>,
    /// Valid bits at the top, zeros below.
    bits: u64,
    count: u32,
    /// No data are left of this interval: what is read are zeros.
    exhausted: bool,
    /// Something was missing or wrong.
    pub(super) damaged: bool,
    /// The file itself was over before the picture was.
    pub(super) ended: bool,
}

impl<'a> BitReader<'a> {
    /// Entropy-coded data of a whole file from `pos` on.
    pub(super) fn new(data: &'a [u8], pos: usize) -> Self {
        Self { data, pos, marker: None, bits: 0, count: 0, exhausted: false, damaged: false, ended: false }
    }

    /// Where the reader stands: at most at the next marker.
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Whether the interval has no data left, so that its remaining blocks stay as they are.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    fn fill(&mut self) {
        while self.count <= 56 && self.marker.is_none() {
            let Some(&byte) = self.data.get(self.pos) else { return };
            if byte == 0xff {
                match self.data.get(self.pos + 1) {
                    Some(0) => self.pos += 1,
                    Some(0xff) => {
                        self.pos += 1; // fill bytes before a marker
                        continue;
                    }
                    Some(&marker) => {
                        self.marker = Some(marker);
                        return;
                    }
                    None => return,
                }
            }
            self.pos += 1;
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn consume(&mut self, n: u32) {
        if n > self.count {
            self.ended |= self.marker.is_none();
            (self.exhausted, self.damaged) = (true, true);
            // The bits below are zeros already.
            self.count = 64;
        }
        self.bits <<= n;
        self.count -= n;
    }

    /// The next `n` bits, 0 to 16.
    pub(super) fn take(&mut self, n: u32) -> i32 {
        if n == 0 {
            return 0;
        }
        if self.count < n {
            self.fill();
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 16 bits")]
        let value = (self.bits >> (64 - n)) as i32;
        self.consume(n);
        value
    }

    /// One bit.
    pub(super) fn bit(&mut self) -> bool {
        self.take(1) == 1
    }

    /// A signed number of `n` bits, 0 to 16.
    pub(super) fn signed(&mut self, n: u32) -> i32 {
        let value = self.take(n);
        if n > 0 && value < 1 << (n - 1) { value - (1 << n) + 1 } else { value }
    }

    /// The next symbol; 0 for a code that is in no table.
    pub(super) fn symbol(&mut self, table: &Table) -> u8 {
        if self.count < 17 {
            self.fill();
        }
        let entry = table.fast[(self.bits >> (64 - FAST_BITS)) as usize];
        if entry != 0 {
            self.consume(u32::from(entry >> 8));
            return (entry & 0xff) as u8;
        }
        let next = (self.bits >> 48) as u32;
        let Some(len) = (FAST_BITS + 1..=16).find(|&len| next < table.limit[len as usize]) else {
            // libjpeg sees that no code fits when it has taken a bit more than the longest one has.
            self.consume(17);
            self.damaged = true;
            return 0;
        };
        let code = (next >> (16 - len)).cast_signed();
        self.consume(len);
        let place = usize::try_from(code + table.offset[len as usize]).ok();
        place.and_then(|place| table.symbols.get(place)).copied().unwrap_or(0)
    }

    /// Drops what is left of the interval and steps over its restart marker, which should be number `expected` of 0
    /// to 7.
    ///
    /// Another marker is judged as `jpeg_resync_to_restart` does: a restart marker that should have come before, or
    /// none that exists, is passed over with what follows it; one of the next two, or the beginning of something else,
    /// stays, and the interval is empty.
    pub(super) fn restart(&mut self, expected: u8) {
        (self.bits, self.count) = (0, 0);
        loop {
            if self.marker.is_none() && !self.find_marker() {
                (self.exhausted, self.damaged, self.ended) = (true, true, true);
                return;
            }
            let found = self.marker.unwrap_or_default();
            let ahead = found.wrapping_sub(0xd0).wrapping_sub(expected) & 7;
            self.damaged |= found != 0xd0 + expected;
            match found {
                0xd0..=0xd7 if matches!(ahead, 1 | 2) => return,
                0xd0..=0xd7 if !matches!(ahead, 6 | 7) => break,
                0xc0.. if !matches!(found, 0xd0..=0xd7) => return,
                _ => self.skip_marker(),
            }
        }
        self.skip_marker();
        self.exhausted = false;
    }

    fn skip_marker(&mut self) {
        self.pos += 2;
        self.marker = None;
    }

    /// Goes to the next marker, whatever lies before it.
    fn find_marker(&mut self) -> bool {
        let rest = self.data.get(self.pos..).unwrap_or(&[]);
        let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff)) else {
            return false;
        };
        self.marker = rest.get(at + 1).copied();
        self.pos += at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_lengths_are_found() {
        // Codes 0, 10, 110, ... of lengths 1 to 15, and 16 bits for the last: symbols 1 to 16.
        let table = Table::new(&[1; 16], (1..=16).collect()).expect("a valid table");
        // 16 bits 1111111111111110 (FF is stuffed), then 0, then 10, then 17 ones.
        let data = [0xff, 0x00, 0xfe, 0b0101_1111, 0xff, 0x00, 0b1111_0100];
        let mut reader = BitReader::new(&data, 0);
        assert_eq!(reader.symbol(&table), 16, "the longest code");
        assert_eq!(reader.symbol(&table), 1, "the shortest");
        assert_eq!(reader.symbol(&table), 2, "the next");
        assert_eq!((reader.symbol(&table), reader.damaged), (0, true), "no code");
        assert_eq!(reader.symbol(&table), 1, "17 bits further");
    }

    #[test]
    fn bits_end_at_a_marker() {
        let mut reader = BitReader::new(&[0b1010_0000, 0xff, 0xd9], 0);
        assert_eq!(reader.take(8), 0b1010_0000, "the byte before the marker");
        assert!(!reader.is_exhausted() && !reader.damaged, "all that was asked for was there");
        assert_eq!(reader.take(1), 0, "zeros behind it");
        assert!(reader.is_exhausted() && reader.damaged && !reader.ended, "which is seen");
        assert_eq!(reader.pos(), 1, "stands at the marker");
        let mut reader = BitReader::new(&[0b1010_0000], 0);
        assert_eq!(reader.take(9), 0b1_0100_0000, "a file that ends");
        assert!(reader.ended, "which is seen");
    }

    #[test]
    fn restarts_are_found_again_as_libjpeg_finds_them() {
        // What follows the marker, and whether the interval has data.
        for (data, expected, next) in [
            (&[0xff, 0xd3, 0x80][..], 3, Some(0x80)),
            (&[0xff, 0xd2, 0x11, 0xff, 0xd3, 0x80], 3, Some(0x80)), // one that should have come before
            (&[0xff, 0xd0, 0x80], 3, Some(0x80)),                   // too far away to mean anything
            (&[0xff, 0x02, 0x11, 0xff, 0xd3, 0x80], 3, Some(0x80)), // no marker that exists
            (&[0xff, 0xd4, 0x80], 3, None),                         // the next: one was lost
            (&[0xff, 0xd1, 0x80], 7, None),                         // the one after that
            (&[0xff, 0xd9], 3, None),                               // the end of the picture
            (&[0x12, 0x34], 3, None),                               // the end of the file
        ] {
            let mut reader = BitReader::new(data, 0);
            reader.restart(expected);
            assert_eq!(reader.damaged, data[1] != 0xd0 + expected, "{data:x?}");
            let found = (!reader.is_exhausted() && reader.marker.is_none()).then(|| reader.take(8));
            assert_eq!(found, next, "{data:x?}");
        }
    }

    #[test]
    fn overfull_tables_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(Table::new(&counts, vec![1, 2, 3]).is_err(), "three codes of one bit");
        counts[0] = 1;
        assert!(Table::new(&counts, vec![]).is_err(), "a code without a symbol");
    }
}
