//! Number crunching on the processor where candle leaves too much of the machine idle: products of a few rows with
//! weights, floats or quantised blocks, read straight from a mapped file, softmax, activations, and one query against a
//! cache.
//!
//! Decoding is bound by reading the weights, so what counts is that each is read once, at the rate of the memory
//! ([`bandwidth`]), whatever its number format and however many branches run. Large products (prompts, images) stay
//! with candle's `gemm`, a block of widened weights at a time.
//!
//! # Why so
//! - Vectors come from `pulp`: safe, one source for AVX-512, AVX2, NEON and plain code, chosen at run time, so one
//!   binary serves all.
//! - Weights are bytes, because a file's tensor may lie at any address; every load is an unaligned one, which costs
//!   nothing.
//! - bf16 and (without AVX-512) f16 are read two to a 32-bit lane; the activations are reordered once to match. That is
//!   cheaper than spreading the weights out.
//! - Quantised blocks meet f32 activations. Rounding activations to int8, as others do, would be faster and would
//!   change attention by as much as 0.01; whoever looks at attention wants the numbers of the weights.
//! - Results do not depend on the number of threads, nor on which other rows share a product: a branch in company
//!   equals the branch alone.
//!
//! # Layer
//! Lowest: knows neither tensors nor models. Only slices, lengths and errors about lengths.

mod attend;
mod bandwidth;
mod block;
mod blocks;
mod dtype;
mod error;
mod gate;
mod lanes;
mod linear;
mod softmax;

pub use attend::{CacheShape, Cached, Run, attend, mix, scores};
pub use bandwidth::{Bandwidth, BandwidthProbe, STRETCH_BYTES, bandwidth};
pub use blocks::{BlockType, BlockWeight, block_linear};
pub use dtype::{Weight, WeightType};
pub use error::KernelError;
pub use gate::{Gate, activate, activate_and_multiply};
pub use linear::linear;
pub use softmax::{Visible, softmax};

/// The instructions that the kernels use on this processor, for reports.
pub fn instructions() -> &'static str {
    lanes::Level::widest().name()
}
