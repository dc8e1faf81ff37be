//! Which vector instructions this processor has, found at run time, and the three number formats as those instructions
//! read them.
//!
//! Every kernel is written once over [`Lanes`] and compiled once for each [`Level`]. The functions are `inline(always)`
//! because a vector instruction is only generated inside the function that `pulp` has marked with the processor's
//! features.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use pulp::{NullaryFnOnce, Scalar128b, Simd};

use super::dtype::WeightType;

/// Lanes of f32 in the widest vector.
const MOST_LANES: usize = 16;

/// A set of vector instructions that this processor was found to have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    /// 512-bit vectors, f16 widened by one instruction.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// 128-bit vectors of 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// Plain code in groups of four that the compiler vectorises for the oldest supported processor.
    Portable(Scalar128b),
}

/// Work written once over the vector width.
pub(super) trait Job {
    /// What the work returns.
    type Output;

    /// Does the work with the instructions of `S`.
    fn run<S: Lanes>(self, simd: S) -> Self::Output;
}

struct Bound<S, J>(S, J);

impl<S: Lanes, J: Job> NullaryFnOnce for Bound<S, J> {
    type Output = J::Output;

    #[inline(always)]
    fn call(self) -> J::Output {
        self.1.run(self.0)
    }
}

impl Level {
    /// Every level of this processor, the widest first; the last is [`Level::Portable`].
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [
            #[cfg(target_arch = "x86_64")]
            pulp::x86::V4::try_new().map(Level::Avx512),
            #[cfg(target_arch = "x86_64")]
            pulp::x86::V3::try_new().map(Level::Avx2),
            #[cfg(target_arch = "aarch64")]
            pulp::aarch64::Neon::try_new().map(Level::Neon),
            Some(Level::Portable(Scalar128b)),
        ]
        .into_iter()
        .flatten()
    }

    /// The widest level of this processor.
    pub(super) fn widest() -> Self {
        Self::all().next().unwrap_or(Level::Portable(Scalar128b))
    }

    /// Its name, for reports.
    pub(super) const fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => "NEON",
            Level::Portable(_) => "portable",
        }
    }

    /// Values of f32 in one vector.
    pub(super) const fn f32_lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => pulp::x86::V4::F32_LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => pulp::x86::V3::F32_LANES,
            #[cfg(target_arch = "aarch64")]
            Level::Neon(_) => pulp::aarch64::Neon::F32_LANES,
            Level::Portable(_) => Scalar128b::F32_LANES,
        }
    }

    /// Whether these instructions read `dtype` as pairs of even and odd columns ([`Format::EVEN_ODD`]).
    pub(super) fn even_odd(self, dtype: WeightType) -> bool {
        struct Ask(WeightType);
        impl Job for Ask {
            type Output = bool;

            #[inline(always)]
            fn run<S: Lanes>(self, _: S) -> bool {
                match self.0 {
                    WeightType::F32 => <F32 as Format<S>>::EVEN_ODD,
                    WeightType::F16 => <S::Half as Format<S>>::EVEN_ODD,
                    WeightType::Bf16 => <Bf16 as Format<S>>::EVEN_ODD,
                }
            }
        }
        self.run(Ask(dtype))
    }

    /// Does `job` with these instructions.
    #[inline]
    pub(super) fn run<J: Job>(self, job: J) -> J::Output {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(simd) => simd.vectorize(Bound(simd, job)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(simd) => simd.vectorize(Bound(simd, job)),
            #[cfg(target_arch = "aarch64")]
            Level::Neon(simd) => simd.vectorize(Bound(simd, job)),
            Level::Portable(simd) => job.run(simd),
        }
    }
}

/// What the kernels need beyond `pulp`'s portable operations.
pub(super) trait Lanes: Simd {
    /// How f16 is read here.
    type Half: Format<Self>;

    /// `a * b + c`, in whatever rounding is fast here.
    #[inline(always)]
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.mul_add_e_f32s(a, b, c)
    }

    /// Bytes, each in a lane of its own. **Shape** `bytes`: at least as many as there are lanes.
    #[inline(always)]
    fn spread(self, bytes: &[u8]) -> Self::u32s {
        let mut lanes = [0; MOST_LANES];
        for (lane, byte) in lanes.iter_mut().zip(&bytes[..Self::F32_LANES]) {
            *lane = u32::from(*byte);
        }
        Self::as_simd_u32s(&lanes).0[0]
    }

    /// Whole numbers below 2^23 as floats, exactly.
    #[inline(always)]
    fn whole_to_float(self, whole: Self::u32s) -> Self::f32s {
        /// 2^23, whose last bit stands for 1.
        const ONES: f32 = 8_388_608.0;
        let above = self.or_u32s(whole, self.splat_u32s(ONES.to_bits()));
        self.sub_f32s(pulp::cast(above), self.splat_f32s(ONES))
    }
}

#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V4 {
    type Half = F16Widened;

    #[inline(always)]
    fn spread(self, bytes: &[u8]) -> Self::u32s {
        let mut lanes = [0_u8; 16];
        lanes.copy_from_slice(&bytes[..16]);
        pulp::cast(self.avx512f._mm512_cvtepu8_epi32(pulp::cast(lanes)))
    }

    #[inline(always)]
    fn whole_to_float(self, whole: Self::u32s) -> Self::f32s {
        pulp::cast(self.avx512f._mm512_cvtepi32_ps(pulp::cast(whole)))
    }
}

// `pulp` has no token for F16C, and without one its instruction cannot be reached from safe code.
#[cfg(target_arch = "x86_64")]
impl Lanes for pulp::x86::V3 {
    type Half = F16Shifted;

    #[inline(always)]
    fn spread(self, bytes: &[u8]) -> Self::u32s {
        let mut lanes = [0_u8; 16];
        lanes[..8].copy_from_slice(&bytes[..8]);
        pulp::cast(self.avx2._mm256_cvtepu8_epi32(pulp::cast(lanes)))
    }

    #[inline(always)]
    fn whole_to_float(self, whole: Self::u32s) -> Self::f32s {
        pulp::cast(self.avx._mm256_cvtepi32_ps(pulp::cast(whole)))
    }
}

#[cfg(target_arch = "aarch64")]
impl Lanes for pulp::aarch64::Neon {
    type Half = F16Shifted;
}

impl Lanes for Scalar128b {
    type Half = F16Shifted;

    // Without the instruction, a fused product is a library call.
    #[inline(always)]
    fn fma(self, a: Self::f32s, b: Self::f32s, c: Self::f32s) -> Self::f32s {
        self.add_f32s(self.mul_f32s(a, b), c)
    }
}

/// Little-endian numbers as pairs of f32 vectors.
pub(super) trait Format<S: Lanes> {
    /// Vector registers of bytes that one pair is made of.
    const REGISTERS: usize;
    /// Whether the first vector of a pair holds the values of even index and the second those of odd index; else the
    /// two follow each other.
    const EVEN_ODD: bool;

    /// Widens the first [`Self::REGISTERS`] of `bytes`, which is never shorter.
    fn pair(simd: S, bytes: &[S::u8s]) -> [S::f32s; 2];
}

/// f32, as it stands.
pub(super) struct F32;

impl<S: Lanes> Format<S> for F32 {
    const REGISTERS: usize = 2;
    const EVEN_ODD: bool = false;

    #[inline(always)]
    fn pair(_: S, bytes: &[S::u8s]) -> [S::f32s; 2] {
        [pulp::cast(bytes[0]), pulp::cast(bytes[1])]
    }
}

/// bf16: the upper half of an f32, two to a 32-bit lane.
pub(super) struct Bf16;

impl<S: Lanes> Format<S> for Bf16 {
    const REGISTERS: usize = 1;
    const EVEN_ODD: bool = true;

    #[inline(always)]
    fn pair(simd: S, bytes: &[S::u8s]) -> [S::f32s; 2] {
        let both: S::u32s = pulp::cast(bytes[0]);
        let even = simd.wrapping_dyn_shl_u32s(both, simd.splat_u32s(16));
        let odd = simd.and_u32s(both, simd.splat_u32s(0xffff_0000));
        [pulp::cast(even), pulp::cast(odd)]
    }
}

/// f16, two to a 32-bit lane, widened with integer operations: the exponent and mantissa bits moved to their f32 places
/// are the value times 2^-112, subnormals included.
pub(super) struct F16Shifted;

impl F16Shifted {
    /// Widens the f16 that lies in the upper half of each lane; the lower half is ignored.
    #[inline(always)]
    fn upper<S: Lanes>(simd: S, bits: S::u32s) -> S::f32s {
        const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
        let sign = simd.and_u32s(bits, simd.splat_u32s(0x8000_0000));
        let shifted = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(3));
        let magnitude: S::f32s = pulp::cast(simd.and_u32s(shifted, simd.splat_u32s(0x0fff_e000)));
        let value = simd.mul_f32s(magnitude, simd.splat_f32s(REBIAS));
        // The exponent of infinities and NaN comes out as 2^16, one above the largest f16.
        let special = simd.greater_than_or_equal_f32s(value, simd.splat_f32s(65536.0));
        let widest = simd.or_f32s(value, simd.splat_f32s(f32::INFINITY));
        simd.or_f32s(pulp::cast(sign), simd.select_f32s(special, widest, value))
    }
}

impl<S: Lanes> Format<S> for F16Shifted {
    const REGISTERS: usize = 1;
    const EVEN_ODD: bool = true;

    #[inline(always)]
    fn pair(simd: S, bytes: &[S::u8s]) -> [S::f32s; 2] {
        let both: S::u32s = pulp::cast(bytes[0]);
        let even = simd.wrapping_dyn_shl_u32s(both, simd.splat_u32s(16));
        [Self::upper(simd, even), Self::upper(simd, both)]
    }
}

/// f16, where the processor widens it in one instruction.
#[cfg(target_arch = "x86_64")]
pub(super) struct F16Widened;

#[cfg(target_arch = "x86_64")]
impl Format<pulp::x86::V4> for F16Widened {
    const REGISTERS: usize = 1;
    const EVEN_ODD: bool = false;

    #[inline(always)]
    fn pair(simd: pulp::x86::V4, bytes: &[pulp::u8x64]) -> [pulp::f32x16; 2] {
        let [low, high]: [pulp::u8x32; 2] = pulp::cast(bytes[0]);
        [
            pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(low))),
            pulp::cast(simd.avx512f._mm512_cvtph_ps(pulp::cast(high))),
        ]
    }
}
