//! Entropy-coded bits and Huffman codes.

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
        for (len, &count) in (1_u32..).zip(counts) {
            let index = len as usize;
            table.offset[index] = place.cast_signed() - code.cast_signed();
            for _ in 0..count {
                let symbol = table.symbols.get(place as usize).copied();
                let symbol = symbol.ok_or(JpegError::Corrupt("a Huffman table with too few symbols"))?;
                if code >= 1 << len {
                    return Err(JpegError::Corrupt("a Huffman table with too many codes"));
                }
                if len <= FAST_BITS {
                    let first = (code << (FAST_BITS - len)) as usize;
                    let entry = u16::from(symbol) | ((len as u16) << 8);
                    table.fast[first..first + (1 << (FAST_BITS - len))].fill(entry);
                }
                code += 1;
                place += 1;
            }
            table.limit[index] = code << (16 - len);
            code <<= 1;
        }
        Ok(table)
    }
}

/// Reads bits up to the next marker.
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    pos: usize,
    /// Valid bits at the top, zeros below.
    bits: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    /// Entropy-coded data of a whole file from `pos` on.
    pub(super) fn new(data: &'a [u8], pos: usize) -> Self {
        Self { data, pos, bits: 0, count: 0 }
    }

    /// Where the reader stands: at most at the next marker.
    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    fn fill(&mut self) {
        while self.count <= 56 {
            let Some(&byte) = self.data.get(self.pos) else { return };
            if byte == 0xff {
                match self.data.get(self.pos + 1) {
                    Some(0) => self.pos += 1,
                    Some(0xff) => {
                        self.pos += 1; // fill bytes before a marker
                        continue;
                    }
                    _ => return,
                }
            }
            self.pos += 1;
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    fn consume(&mut self, n: u32) -> Result<(), JpegError> {
        if n > self.count {
            return Err(JpegError::Corrupt("picture data that ends too early"));
        }
        self.bits <<= n;
        self.count -= n;
        Ok(())
    }

    /// The next `n` bits, 0 to 16.
    pub(super) fn take(&mut self, n: u32) -> Result<i32, JpegError> {
        if n == 0 {
            return Ok(0);
        }
        if self.count < n {
            self.fill();
        }
        let value = (self.bits >> (64 - n)) as i32;
        self.consume(n)?;
        Ok(value)
    }

    /// One bit.
    pub(super) fn bit(&mut self) -> Result<bool, JpegError> {
        Ok(self.take(1)? == 1)
    }

    /// A signed number of `n` bits, 0 to 16.
    pub(super) fn signed(&mut self, n: u32) -> Result<i32, JpegError> {
        let value = self.take(n)?;
        Ok(if n > 0 && value < 1 << (n - 1) { value - (1 << n) + 1 } else { value })
    }

    /// The next symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, JpegError> {
        if self.count < 16 {
            self.fill();
        }
        let entry = table.fast[(self.bits >> (64 - FAST_BITS)) as usize];
        if entry != 0 {
            self.consume(u32::from(entry >> 8))?;
            return Ok((entry & 0xff) as u8);
        }
        let next = (self.bits >> 48) as u32;
        let len = (FAST_BITS as usize + 1..=16).find(|&len| next < table.limit[len]);
        let len = len.ok_or(JpegError::Corrupt("a code that is in no Huffman table"))?;
        let code = (next >> (16 - len)).cast_signed();
        self.consume(len as u32)?;
        let place = usize::try_from(code + table.offset[len]).ok();
        let symbol = place.and_then(|place| table.symbols.get(place)).copied();
        symbol.ok_or(JpegError::Corrupt("a code that is in no Huffman table"))
    }

    /// Drops what is left of the interval and steps over its restart marker, which must be number `expected` of 0 to 7.
    pub(super) fn restart(&mut self, expected: u8) -> Result<(), JpegError> {
        (self.bits, self.count) = (0, 0);
        let rest = self.data.get(self.pos..).unwrap_or(&[]);
        let marker = rest.windows(2).position(|pair| pair[0] == 0xff && pair[1] != 0 && pair[1] != 0xff);
        let at = marker.ok_or(JpegError::Corrupt("picture data that ends too early"))?;
        if rest.get(at + 1) != Some(&(0xd0 + expected)) {
            return Err(JpegError::Corrupt("a restart marker missing in the picture data"));
        }
        self.pos += at + 2;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_lengths_are_found() {
        // Codes 0, 10, 110, ... of lengths 1 to 15, and 16 bits for the last: symbols 1 to 16.
        let table = Table::new(&[1; 16], (1..=16).collect()).expect("a valid table");
        // 16 bits 1111111111111110 (FF is stuffed), then 0, then 10.
        let data = [0xff, 0x00, 0xfe, 0b0100_0000];
        let mut reader = BitReader::new(&data, 0);
        assert_eq!(reader.symbol(&table), Ok(16), "the longest code");
        assert_eq!(reader.symbol(&table), Ok(1), "the shortest");
        assert_eq!(reader.symbol(&table), Ok(2), "the next");
    }

    #[test]
    fn bits_end_at_a_marker() {
        let mut reader = BitReader::new(&[0b1010_0000, 0xff, 0xd9], 0);
        assert_eq!(reader.take(8), Ok(0b1010_0000), "the byte before the marker");
        assert_eq!(reader.take(1), Err(JpegError::Corrupt("picture data that ends too early")), "the marker");
        assert_eq!(reader.pos(), 1, "stands at the marker");
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
