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

/// A block taken apart: value `i` is `codes[i] · factors[i / GROUP] + offsets[i / GROUP]`.
pub(super) struct Parts {
    pub(super) codes: [u8; MOST_VALUES],
    pub(super) factors: [f32; MOST_VALUES / LEAST_GROUP],
    pub(super) offsets: [f32; MOST_VALUES / LEAST_GROUP],
}

impl Parts {
    pub(super) const EMPTY: Self = Self {
        codes: [0; MOST_VALUES],
        factors: [0.0; MOST_VALUES / LEAST_GROUP],
        offsets: [0.0; MOST_VALUES / LEAST_GROUP],
    };

    /// One factor for the whole block, whose code `zero` stands for 0.
    #[inline(always)]
    fn one(&mut self, factor: f32, zero: f32) {
        self.factors[0] = factor;
        self.offsets[0] = -zero * factor;
    }
}

/// A block type as the kernels read it.
pub(super) trait Layout {
    /// Values in a block.
    const VALUES: usize;
    /// **Units** bytes of a block.
    const BYTES: usize;
    /// Values that share a factor; a multiple of the lanes of every processor.
    const GROUP: usize;

    /// Takes a block of exactly [`Self::BYTES`] apart.
    fn take_apart(block: &[u8], parts: &mut Parts);
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
pub(super) fn dispatch<J: BlockJob>(level: Level, kind: BlockType, job: J) -> J::Output {
    fn with<L: Layout, J: BlockJob>(level: Level, job: J) -> J::Output {
        level.run(Typed::<L, J>(PhantomData, job))
    }
    match kind {
        BlockType::Q4_0 => with::<Q4_0, J>(level, job),
        BlockType::Q4_1 => with::<Q4_1, J>(level, job),
        BlockType::Q5_0 => with::<Q5_0, J>(level, job),
        BlockType::Q5_1 => with::<Q5_1, J>(level, job),
        BlockType::Q8_0 => with::<Q8_0, J>(level, job),
        BlockType::Q2K => with::<Q2K, J>(level, job),
        BlockType::Q3K => with::<Q3K, J>(level, job),
        BlockType::Q4K => with::<Q4K, J>(level, job),
        BlockType::Q5K => with::<Q5K, J>(level, job),
        BlockType::Q6K => with::<Q6K, J>(level, job),
        BlockType::Q8K => with::<Q8K, J>(level, job),
    }
}

macro_rules! layouts {
    ($($name:ident, $group:literal);* $(;)?) => {
        $(
            pub(super) struct $name;
        )*
        $(
            impl Layout for $name {
                const VALUES: usize = BlockType::$name.block_values();
                const BYTES: usize = BlockType::$name.block_bytes();
                const GROUP: usize = $group;

                #[inline(always)]
                fn take_apart(block: &[u8], parts: &mut Parts) {
                    Self::apart(&block[..Self::BYTES], parts);
                }
            }
        )*
    };
}

layouts! {
    Q4_0, 32;
    Q4_1, 32;
    Q5_0, 32;
    Q5_1, 32;
    Q8_0, 32;
    Q2K, 16;
    Q3K, 16;
    Q4K, 32;
    Q5K, 32;
    Q6K, 16;
    Q8K, 256;
}

impl Q4_0 {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        nibbles(&block[2..18], &mut parts.codes[..32]);
        parts.one(half(block, 0), 8.0);
    }
}

impl Q4_1 {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        nibbles(&block[4..20], &mut parts.codes[..32]);
        parts.factors[0] = half(block, 0);
        parts.offsets[0] = half(block, 2);
    }
}

impl Q5_0 {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        nibbles(&block[6..22], &mut parts.codes[..32]);
        fifth_bits(&block[2..6], &mut parts.codes[..32]);
        parts.one(half(block, 0), 16.0);
    }
}

impl Q5_1 {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        nibbles(&block[8..24], &mut parts.codes[..32]);
        fifth_bits(&block[4..8], &mut parts.codes[..32]);
        parts.factors[0] = half(block, 0);
        parts.offsets[0] = half(block, 2);
    }
}

impl Q8_0 {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        signed(&block[2..34], &mut parts.codes[..32]);
        parts.one(half(block, 0), 128.0);
    }
}

impl Q2K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        let (scales, packed) = (&block[..16], &block[16..80]);
        for (packed, codes) in packed.chunks_exact(32).zip(parts.codes.chunks_exact_mut(128)) {
            for (shift, codes) in (0..8).step_by(2).zip(codes.chunks_exact_mut(32)) {
                for l in 0..32 {
                    codes[l] = (packed[l] >> shift) & 3;
                }
            }
        }
        let (factor, offset) = (half(block, 80), half(block, 82));
        for i in 0..16 {
            parts.factors[i] = factor * f32::from(scales[i] & 15);
            parts.offsets[i] = -offset * f32::from(scales[i] >> 4);
        }
    }
}

impl Q3K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        let (highs, packed) = (&block[..32], &block[32..96]);
        for (part, (packed, codes)) in packed.chunks_exact(32).zip(parts.codes.chunks_exact_mut(128)).enumerate() {
            for (i, codes) in codes.chunks_exact_mut(32).enumerate() {
                for l in 0..32 {
                    codes[l] = ((packed[l] >> (2 * i)) & 3) | (((highs[l] >> (4 * part + i)) & 1) << 2);
                }
            }
        }
        let scales = &block[96..108];
        let factor = half(block, 108);
        for i in 0..16 {
            let low = if i < 8 { scales[i] & 15 } else { scales[i - 8] >> 4 };
            let high = (scales[8 + i % 4] >> (2 * (i / 4))) & 3;
            parts.factors[i] = factor * (f32::from(low | (high << 4)) - 32.0);
            parts.offsets[i] = -4.0 * parts.factors[i];
        }
    }
}

impl Q4K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        for (packed, codes) in block[16..144].chunks_exact(32).zip(parts.codes.chunks_exact_mut(64)) {
            let (low, high) = codes.split_at_mut(32);
            for l in 0..32 {
                low[l] = packed[l] & 15;
                high[l] = packed[l] >> 4;
            }
        }
        six_bits(block, parts);
    }
}

impl Q5K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        let highs = &block[16..48];
        for (i, (packed, codes)) in
            block[48..176].chunks_exact(32).zip(parts.codes.chunks_exact_mut(64)).enumerate()
        {
            let (low, high) = codes.split_at_mut(32);
            for l in 0..32 {
                low[l] = (packed[l] & 15) | (((highs[l] >> (2 * i)) & 1) << 4);
                high[l] = (packed[l] >> 4) | (((highs[l] >> (2 * i + 1)) & 1) << 4);
            }
        }
        six_bits(block, parts);
    }
}

impl Q6K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        let (lows, highs, scales) = (&block[..128], &block[128..192], &block[192..208]);
        let halves = lows.chunks_exact(64).zip(highs.chunks_exact(32));
        for ((lows, highs), codes) in halves.zip(parts.codes.chunks_exact_mut(128)) {
            for l in 0..32 {
                codes[l] = (lows[l] & 15) | ((highs[l] & 3) << 4);
                codes[l + 32] = (lows[l + 32] & 15) | (((highs[l] >> 2) & 3) << 4);
                codes[l + 64] = (lows[l] >> 4) | (((highs[l] >> 4) & 3) << 4);
                codes[l + 96] = (lows[l + 32] >> 4) | ((highs[l] >> 6) << 4);
            }
        }
        let factor = half(block, 208);
        for i in 0..16 {
            parts.factors[i] = factor * f32::from(scales[i].cast_signed());
            parts.offsets[i] = -32.0 * parts.factors[i];
        }
    }
}

impl Q8K {
    #[inline(always)]
    fn apart(block: &[u8], parts: &mut Parts) {
        signed(&block[4..260], &mut parts.codes);
        parts.one(f32::from_le_bytes([block[0], block[1], block[2], block[3]]), 128.0);
    }
}

/// Low halves of the bytes, then the high ones.
#[inline(always)]
fn nibbles(packed: &[u8], codes: &mut [u8]) {
    let (low, high) = codes.split_at_mut(16);
    for l in 0..16 {
        low[l] = packed[l] & 15;
        high[l] = packed[l] >> 4;
    }
}

/// The fifth bit of 32 codes.
#[inline(always)]
fn fifth_bits(bits: &[u8], codes: &mut [u8]) {
    let bits = u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]);
    for (l, code) in codes.iter_mut().enumerate() {
        *code |= ((bits >> l) as u8 & 1) << 4;
    }
}

/// Whole numbers from -128 as codes from 0.
#[inline(always)]
fn signed(bytes: &[u8], codes: &mut [u8]) {
    for (code, byte) in codes.iter_mut().zip(bytes) {
        *code = byte ^ 0x80;
    }
}

/// Factors and offsets of 6 bits for eight groups.
#[inline(always)]
fn six_bits(block: &[u8], parts: &mut Parts) {
    let (factor, offset) = (half(block, 0), half(block, 2));
    let scales = &block[4..16];
    for i in 0..4 {
        parts.factors[i] = factor * f32::from(scales[i] & 63);
        parts.offsets[i] = -offset * f32::from(scales[i + 4] & 63);
        let (low, high) = (scales[i + 8] & 15, scales[i + 8] >> 4);
        parts.factors[i + 4] = factor * f32::from(low | ((scales[i] >> 6) << 4));
        parts.offsets[i + 4] = -offset * f32::from(high | ((scales[i + 4] >> 6) << 4));
    }
}

/// The half precision number at a byte. Its own code, as the library's asks for the processor's features each time.
#[inline(always)]
fn half(bytes: &[u8], at: usize) -> f32 {
    /// 2^112: moves the exponent of a half that was shifted into place to that of a single.
    const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
    let bits = u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * REBIAS;
    // Infinity and what is no number come out above the largest half.
    let magnitude = if magnitude >= 65536.0 { f32::from_bits(magnitude.to_bits() | 0x7f80_0000) } else { magnitude };
    f32::from_bits(magnitude.to_bits() | ((bits & 0x8000) << 16))
}
