//! How the blocks of GGUF files hold their values: small whole numbers (codes), and for every few of them a factor and
//! an offset.
//!
//! **Source**: ggml's `ggml-common.h` and `ggml-quants.c` (`dequantize_row_*`).
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use super::super::lanes::{Job, Lanes, Level};
use std::marker::PhantomData;

/// Values of the largest block.
pub(super) const MOST_VALUES: usize = 256;
/// Values that share a factor at least.
const LEAST_GROUP: usize = 16;

/// Block types of GGUF files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockType {
    /// 4 bits, one factor for 32 values.
    Q4_0,
    /// 4 bits, factor and offset for 32 values.
    Q4_1,
    /// 5 bits, one factor for 32 values.
    Q5_0,
    /// 5 bits, factor and offset for 32 values.
    Q5_1,
    /// 8 bits, one factor for 32 values.
    Q8_0,
    /// 2 bits, factor and offset of 4 bits for 16 values, both scaled for 256.
    Q2K,
    /// 3 bits, factor of 6 bits for 16 values, scaled for 256.
    Q3K,
    /// 4 bits, factor and offset of 6 bits for 32 values, both scaled for 256.
    Q4K,
    /// 5 bits, factor and offset of 6 bits for 32 values, both scaled for 256.
    Q5K,
    /// 6 bits, factor of 8 bits for 16 values, scaled for 256.
    Q6K,
    /// 8 bits, one factor in single precision for 256 values.
    Q8K,
}

impl BlockType {
    /// All types.
    pub const ALL: [Self; 11] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Q8K,
    ];

    /// The name that llama.cpp uses.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Q4_0 => "Q4_0",
            Self::Q4_1 => "Q4_1",
            Self::Q5_0 => "Q5_0",
            Self::Q5_1 => "Q5_1",
            Self::Q8_0 => "Q8_0",
            Self::Q2K => "Q2_K",
            Self::Q3K => "Q3_K",
            Self::Q4K => "Q4_K",
            Self::Q5K => "Q5_K",
            Self::Q6K => "Q6_K",
            Self::Q8K => "Q8_K",
        }
    }

    /// The type of that name.
    pub fn named(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// Values in a block.
    pub const fn block_values(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q2K | Self::Q3K | Self::Q4K | Self::Q5K | Self::Q6K | Self::Q8K => MOST_VALUES,
        }
    }

    /// **Units** bytes of a block.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q2K => 84,
            Self::Q3K => 110,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
            Self::Q8K => 292,
        }
    }
}

/// Factors and offsets of a block: value `i` is `code · factors[i / GROUP] + offsets[i / GROUP]`.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Scales {
    pub(super) factors: [f32; MOST_VALUES / LEAST_GROUP],
    pub(super) offsets: [f32; MOST_VALUES / LEAST_GROUP],
}

impl Scales {
    pub(super) const ZERO: Self =
        Self { factors: [0.0; MOST_VALUES / LEAST_GROUP], offsets: [0.0; MOST_VALUES / LEAST_GROUP] };

    /// For the whole block.
    #[inline(always)]
    fn one(factor: f32, offset: f32) -> Self {
        let mut scales = Self::ZERO;
        scales.factors[0] = factor;
        scales.offsets[0] = offset;
        scales
    }

    /// For the whole block, whose code `zero` stands for 0.
    #[inline(always)]
    fn around(factor: f32, zero: f32) -> Self {
        Self::one(factor, -zero * factor)
    }
}

/// A block type as the kernels read it.
///
/// Codes go from the file's bytes into registers and nowhere else: written down in eights and read in sixteens they
/// cost three times as much.
pub(super) trait Layout {
    /// Values in a block.
    const VALUES: usize;
    /// **Units** bytes of a block.
    const BYTES: usize;
    /// Values that share a factor; a multiple of the lanes of every processor.
    const GROUP: usize;
    /// Whether rows are read once in the order of the memory before their products: where the processor does not fetch
    /// ahead by itself, because of the order in which the parts of a block are met (measured: `Q6_K` takes half of
    /// the time).
    const IS_FETCHED: bool;

    /// Factors and offsets of a block of [`Self::BYTES`].
    fn scales<S: Lanes>(simd: S, block: &[u8]) -> Scales;

    /// Codes of two vectors that follow each other in a block of [`Self::BYTES`], `at` behind the start of the
    /// `SEGMENT`th 32 values, each code in a lane of its own.
    fn pair<S: Lanes, const SEGMENT: usize>(simd: S, block: &[u8], at: usize) -> [S::u32s; 2];
}

/// Work that is written once over the block types.
pub(super) trait BlockJob {
    /// What the work returns.
    type Output;

    /// Does the work with blocks of this type.
    fn run<S: Lanes, L: Layout>(self, simd: S) -> Self::Output;
}

struct Typed<L, J>(PhantomData<L>, J);

impl<L: Layout, J: BlockJob> Job for Typed<L, J> {
    type Output = J::Output;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> J::Output {
        self.1.run::<S, L>(simd)
    }
}

/// Does `job` with these instructions and blocks of this type.
///
/// Rows of `cols` values; blocks of 32 are taken eight at a time where that is possible.
pub(super) fn dispatch<J: BlockJob>(level: Level, kind: BlockType, cols: usize, job: J) -> J::Output {
    fn small<L: Layout, J: BlockJob>(level: Level, cols: usize, job: J) -> J::Output {
        if cols.is_multiple_of(8 * L::VALUES) { with::<Eight<L>, J>(level, job) } else { with::<L, J>(level, job) }
    }
    fn with<L: Layout, J: BlockJob>(level: Level, job: J) -> J::Output {
        level.run(Typed::<L, J>(PhantomData, job))
    }
    match kind {
        BlockType::Q4_0 => small::<Q4_0, J>(level, cols, job),
        BlockType::Q4_1 => small::<Q4_1, J>(level, cols, job),
        BlockType::Q5_0 => small::<Q5_0, J>(level, cols, job),
        BlockType::Q5_1 => small::<Q5_1, J>(level, cols, job),
        BlockType::Q8_0 => small::<Q8_0, J>(level, cols, job),
        BlockType::Q2K => with::<Q2K, J>(level, job),
        BlockType::Q3K => with::<Q3K, J>(level, job),
        BlockType::Q4K => with::<Q4K, J>(level, job),
        BlockType::Q5K => with::<Q5K, J>(level, job),
        BlockType::Q6K => with::<Q6K, J>(level, job),
        BlockType::Q8K => with::<Q8K, J>(level, job),
    }
}

macro_rules! layouts {
    ($($name:ident, $group:literal, $is_fetched:literal);* $(;)?) => {
        $(
            pub(super) struct $name;

            impl Layout for $name {
                const VALUES: usize = BlockType::$name.block_values();
                const BYTES: usize = BlockType::$name.block_bytes();
                const GROUP: usize = $group;
                const IS_FETCHED: bool = $is_fetched;

                #[inline(always)]
                fn scales<S: Lanes>(simd: S, block: &[u8]) -> Scales {
                    Self::own_scales(simd, &block[..Self::BYTES])
                }

                #[inline(always)]
                fn pair<S: Lanes, const SEGMENT: usize>(simd: S, block: &[u8], at: usize) -> [S::u32s; 2] {
                    Self::own_pair(simd, &block[..Self::BYTES], SEGMENT, at)
                }
            }
        )*
    };
}

layouts! {
    Q4_0, 32, false;
    Q4_1, 32, true;
    Q5_0, 32, false;
    Q5_1, 32, true;
    Q8_0, 32, false;
    Q2K, 16, false;
    Q3K, 16, true;
    Q4K, 32, false;
    Q5K, 32, false;
    Q6K, 16, true;
    Q8K, 256, false;
}

impl Q4_0 {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::around(half(block, 0), 8.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], _: usize, at: usize) -> [S::u32s; 2] {
        nibbles_of_16(simd, &block[2..18], at)
    }
}

impl Q4_1 {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::one(half(block, 0), half(block, 2))
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], _: usize, at: usize) -> [S::u32s; 2] {
        nibbles_of_16(simd, &block[4..20], at)
    }
}

impl Q5_0 {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::around(half(block, 0), 16.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], _: usize, at: usize) -> [S::u32s; 2] {
        fives_of_16(simd, &block[2..22], at)
    }
}

impl Q5_1 {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::one(half(block, 0), half(block, 2))
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], _: usize, at: usize) -> [S::u32s; 2] {
        fives_of_16(simd, &block[4..24], at)
    }
}

impl Q8_0 {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::around(half(block, 0), 128.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        signed(simd, &block[2 + 32 * segment + at..])
    }
}

impl Q2K {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        let mut scales = Scales::ZERO;
        let (factor, offset) = (half(block, 80), half(block, 82));
        for (i, packed) in block[..16].iter().enumerate() {
            scales.factors[i] = factor * f32::from(packed & 15);
            scales.offsets[i] = -offset * f32::from(packed >> 4);
        }
        scales
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        let (part, quarter) = (segment / 4, segment % 4);
        let [a, b] = spread(simd, &block[16 + 32 * part + at..]);
        [bits(simd, a, 2 * quarter, 3), bits(simd, b, 2 * quarter, 3)]
    }
}

impl Q3K {
    #[inline(always)]
    fn own_scales<S: Lanes>(simd: S, block: &[u8]) -> Scales {
        let [low, high] =
            [word(block, 96), u64::from(u32::from_le_bytes([block[104], block[105], block[106], block[107]]))];
        let pairs = |shift: u32| ((high >> shift) & 0x0303_0303) << 4;
        let first = (low & each(15)) | pairs(0) | (pairs(2) << 32);
        let second = ((low >> 4) & each(15)) | pairs(4) | (pairs(6) << 32);
        let sixteen = (u128::from(first) | (u128::from(second) << 64)).to_le_bytes();
        sixteen_factors(simd, &sixteen, half(block, 108), 32.0, 4.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        let (part, quarter) = (segment / 4, segment % 4);
        let [a, b] = spread(simd, &block[32 + 32 * part + at..]);
        let [c, d] = spread(simd, &block[at..]);
        [
            with_high(simd, bits(simd, a, 2 * quarter, 3), bits(simd, c, segment, 1), 2),
            with_high(simd, bits(simd, b, 2 * quarter, 3), bits(simd, d, segment, 1), 2),
        ]
    }
}

impl Q4K {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        six_bits(block)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        let [a, b] = spread(simd, &block[16 + 32 * (segment / 2) + at..]);
        [bits(simd, a, 4 * (segment % 2), 15), bits(simd, b, 4 * (segment % 2), 15)]
    }
}

impl Q5K {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        six_bits(block)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        let [a, b] = spread(simd, &block[48 + 32 * (segment / 2) + at..]);
        let [c, d] = spread(simd, &block[16 + at..]);
        [
            with_high(simd, bits(simd, a, 4 * (segment % 2), 15), bits(simd, c, segment, 1), 4),
            with_high(simd, bits(simd, b, 4 * (segment % 2), 15), bits(simd, d, segment, 1), 4),
        ]
    }
}

impl Q6K {
    #[inline(always)]
    fn own_scales<S: Lanes>(simd: S, block: &[u8]) -> Scales {
        let signed = u128::from(word(block, 192) ^ each(0x80)) | (u128::from(word(block, 200) ^ each(0x80)) << 64);
        sixteen_factors(simd, &signed.to_le_bytes(), half(block, 208), 128.0, 32.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        let (part, quarter) = (segment / 4, segment % 4);
        let [a, b] = spread(simd, &block[64 * part + 32 * (quarter % 2) + at..]);
        let [c, d] = spread(simd, &block[128 + 32 * part + at..]);
        [
            with_high(simd, bits(simd, a, 4 * (quarter / 2), 15), bits(simd, c, 2 * quarter, 3), 4),
            with_high(simd, bits(simd, b, 4 * (quarter / 2), 15), bits(simd, d, 2 * quarter, 3), 4),
        ]
    }
}

impl Q8K {
    #[inline(always)]
    fn own_scales<S: Lanes>(_: S, block: &[u8]) -> Scales {
        Scales::around(f32::from_le_bytes([block[0], block[1], block[2], block[3]]), 128.0)
    }

    #[inline(always)]
    fn own_pair<S: Lanes>(simd: S, block: &[u8], segment: usize, at: usize) -> [S::u32s; 2] {
        signed(simd, &block[4 + 32 * segment + at..])
    }
}

/// Eight bytes of this value.
const fn each(value: u8) -> u64 {
    value as u64 * 0x0101_0101_0101_0101
}

/// The eight bytes from a place on.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

/// Sixteen factors from bytes of which `least` stands for 0, scaled; the code `zero` stands for 0.
#[inline(always)]
fn sixteen_factors<S: Lanes>(simd: S, bytes: &[u8; 16], scale: f32, least: f32, zero: f32) -> Scales {
    let mut scales = Scales::ZERO;
    let factors = S::as_mut_simd_f32s(&mut scales.factors).0;
    let offsets = S::as_mut_simd_f32s(&mut scales.offsets).0;
    for (i, (factors, offsets)) in factors.iter_mut().zip(offsets).enumerate() {
        let whole = simd.whole_to_float(simd.spread(&bytes[i * S::F32_LANES..]));
        let factor = simd.mul_f32s(simd.sub_f32s(whole, simd.splat_f32s(least)), simd.splat_f32s(scale));
        *factors = factor;
        *offsets = simd.mul_f32s(factor, simd.splat_f32s(-zero));
    }
    scales
}

/// Eight blocks of 32 values as one.
pub(super) struct Eight<L>(PhantomData<L>);

impl<L: Layout> Layout for Eight<L> {
    const VALUES: usize = 8 * L::VALUES;
    const BYTES: usize = 8 * L::BYTES;
    const GROUP: usize = L::VALUES;
    const IS_FETCHED: bool = L::IS_FETCHED;

    #[inline(always)]
    fn scales<S: Lanes>(simd: S, block: &[u8]) -> Scales {
        let block = &block[..Self::BYTES];
        let mut scales = Scales::ZERO;
        for i in 0..8 {
            let own = L::scales(simd, &block[i * L::BYTES..]);
            scales.factors[i] = own.factors[0];
            scales.offsets[i] = own.offsets[0];
        }
        scales
    }

    #[inline(always)]
    fn pair<S: Lanes, const SEGMENT: usize>(simd: S, block: &[u8], at: usize) -> [S::u32s; 2] {
        L::pair::<S, 0>(simd, &block[..Self::BYTES][SEGMENT * L::BYTES..], at)
    }
}

/// Two vectors of bytes, each in a lane of its own.
#[inline(always)]
fn spread<S: Lanes>(simd: S, bytes: &[u8]) -> [S::u32s; 2] {
    [simd.spread(bytes), simd.spread(&bytes[S::F32_LANES..])]
}

/// Some bits of each lane.
#[inline(always)]
fn bits<S: Lanes>(simd: S, lanes: S::u32s, shift: usize, mask: u32) -> S::u32s {
    simd.and_u32s(simd.wrapping_dyn_shr_u32s(lanes, simd.splat_u32s(SHIFTS[shift])), simd.splat_u32s(mask))
}

/// Codes with more bits above their own.
#[inline(always)]
fn with_high<S: Lanes>(simd: S, low: S::u32s, high: S::u32s, shift: u32) -> S::u32s {
    simd.or_u32s(low, simd.wrapping_dyn_shl_u32s(high, simd.splat_u32s(shift)))
}

/// Whole numbers from -128 as codes from 0.
#[inline(always)]
fn signed<S: Lanes>(simd: S, bytes: &[u8]) -> [S::u32s; 2] {
    let [a, b] = spread(simd, bytes);
    [simd.xor_u32s(a, simd.splat_u32s(0x80)), simd.xor_u32s(b, simd.splat_u32s(0x80))]
}

/// Codes of 16 bytes whose low halves are the first 16 values and whose high halves are the others.
#[inline(always)]
fn nibbles_of_16<S: Lanes>(simd: S, packed: &[u8], at: usize) -> [S::u32s; 2] {
    [nibbles(simd, packed, at), nibbles(simd, packed, at + S::F32_LANES)]
}

#[inline(always)]
fn nibbles<S: Lanes>(simd: S, packed: &[u8], first: usize) -> S::u32s {
    let lanes = simd.spread(&packed[first % 16..]);
    bits(simd, lanes, 4 * (first / 16), 15)
}

/// As [`nibbles_of_16`] behind 4 bytes with the fifth bits of all values.
#[inline(always)]
fn fives_of_16<S: Lanes>(simd: S, packed: &[u8], at: usize) -> [S::u32s; 2] {
    let fifths = simd.splat_u32s(u32::from_le_bytes([packed[0], packed[1], packed[2], packed[3]]));
    let [low, high] = nibbles_of_16(simd, &packed[4..], at);
    [fifth(simd, low, fifths, at), fifth(simd, high, fifths, at + S::F32_LANES)]
}

#[inline(always)]
fn fifth<S: Lanes>(simd: S, low: S::u32s, fifths: S::u32s, first: usize) -> S::u32s {
    let places = S::as_simd_u32s(&SHIFTS[first..first + S::F32_LANES]).0[0];
    let own = simd.and_u32s(simd.wrapping_dyn_shr_u32s(fifths, places), simd.splat_u32s(1));
    with_high(simd, low, own, 4)
}

/// Whole numbers in order: shifts, and places of the values of a block.
static SHIFTS: [u32; 32] = {
    let mut shifts = [0; 32];
    let (mut idx, mut shift) = (0, 0);
    while idx < shifts.len() {
        shifts[idx] = shift;
        idx += 1;
        shift += 1;
    }
    shifts
};

/// Factors and offsets of 6 bits for eight groups.
#[inline(always)]
fn six_bits(block: &[u8]) -> Scales {
    let mut scales = Scales::ZERO;
    let (factor, offset) = (half(block, 0), half(block, 2));
    let packed = &block[4..16];
    for i in 0..4 {
        scales.factors[i] = factor * f32::from(packed[i] & 63);
        scales.offsets[i] = -offset * f32::from(packed[i + 4] & 63);
        let (low, high) = (packed[i + 8] & 15, packed[i + 8] >> 4);
        scales.factors[i + 4] = factor * f32::from(low | ((packed[i] >> 6) << 4));
        scales.offsets[i + 4] = -offset * f32::from(high | ((packed[i + 4] >> 6) << 4));
    }
    scales
}

/// The half precision number at a byte. Its own code: the library's asks for the processor's features each time, and
/// small factors are subnormal halves, which are slow on some processors as subnormal singles.
#[inline(always)]
fn half(bytes: &[u8], at: usize) -> f32 {
    /// What the exponent of a half lacks to that of a single.
    const REBIAS: u32 = 112 << 23;
    /// The least normal half.
    const LEAST: u32 = 113 << 23;
    let bits = u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let shifted = (bits & 0x7fff) << 13;
    let normal = shifted + REBIAS + if shifted >= 31 << 23 { REBIAS } else { 0 };
    let subnormal = (f32::from_bits(shifted + LEAST) - f32::from_bits(LEAST)).to_bits();
    let magnitude = if shifted < 1 << 23 { subnormal } else { normal };
    f32::from_bits(magnitude | ((bits & 0x8000) << 16))
}
