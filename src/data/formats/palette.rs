//! Tables of colours.

/// The colours of the numbers 0 to 255. Numbers that a file's table leaves out are black, as in Pillow.
pub(super) struct Palette([[u8; 3]; 256]);

impl Palette {
    /// From three bytes a colour; what is beyond 256 colours, or is no whole colour, is left out.
    pub(super) fn new(rgb: &[u8]) -> Self {
        let mut colours = [[0; 3]; 256];
        for (&known, colour) in rgb.as_chunks::<3>().0.iter().zip(&mut colours) {
            *colour = known;
        }
        Self(colours)
    }

    /// Every number is its grey level.
    pub(super) fn grey() -> Self {
        let mut colours = [[0; 3]; 256];
        for (grey, colour) in (0..=u8::MAX).zip(&mut colours) {
            *colour = [grey; 3];
        }
        Self(colours)
    }

    /// Whether a table says nothing but that numbers are grey levels.
    pub(super) fn is_grey(rgb: &[u8]) -> bool {
        rgb.as_chunks::<3>().0.iter().zip(0..=u8::MAX).all(|(&colour, grey)| colour == [grey; 3])
    }

    /// The colour of a number.
    pub(super) fn colour(&self, number: u8) -> [u8; 3] {
        self.0.get(usize::from(number)).copied().unwrap_or_default()
    }
}

/// Samples of 1, 2, 4 or 8 bits, the first in the highest bits of its byte.
pub(super) fn unpack(packed: &[u8], bits: usize, count: usize) -> impl Iterator<Item = u8> + '_ {
    let in_byte = 8 / bits.clamp(1, 8);
    let mask = u8::MAX >> (8 - bits.clamp(1, 8));
    (0..count).map(move |nth| {
        let byte = packed.get(nth / in_byte).copied().unwrap_or_default();
        byte >> (8 - bits.clamp(1, 8) - nth % in_byte * bits) & mask
    })
}

/// A grey level of fewer than 8 bits on the scale of 8.
pub(super) fn spread(level: u8, bits: usize) -> u8 {
    match bits {
        1 => level * 255,
        2 => level * 85,
        4 => level * 17,
        _ => level,
    }
}
