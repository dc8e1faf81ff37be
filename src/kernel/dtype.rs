//! Weights as they lie in a file: bytes, a number format and a shape.

use std::ops::Range;

use half::{bf16, f16, slice::HalfFloatSliceExt as _};
use pulp::bytemuck::{cast_slice, cast_slice_mut, try_cast_slice};
use rayon::prelude::*;

use super::error::KernelError;

/// Values that one piece of work converts.
const PIECE: usize = 1 << 15;

/// Number formats of weights that the kernels read as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightType {
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl WeightType {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// **Units** bytes of one value.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The name that safetensors headers use, in lower case.
    pub const fn label(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

/// A matrix of weights over bytes that something else owns, usually a mapped file. Costs nothing to make; make one for
/// each product.
///
/// **Shape** `[rows, cols]` = `[out_features, in_features]`, row-major, little-endian, at any alignment.
#[derive(Debug, Clone, Copy)]
pub struct Weight<'a> {
    bytes: &'a [u8],
    dtype: WeightType,
    rows: usize,
    cols: usize,
}

impl<'a> Weight<'a> {
    /// A view of `bytes`, which must be exactly as long as the shape says.
    pub fn new(bytes: &'a [u8], dtype: WeightType, rows: usize, cols: usize) -> Result<Self, KernelError> {
        let expected_bytes = rows.checked_mul(cols).and_then(|len| len.checked_mul(dtype.size_bytes()));
        if expected_bytes == Some(bytes.len()) {
            Ok(Self { bytes, dtype, rows, cols })
        } else {
            Err(KernelError::WeightLength { dtype: dtype.label(), rows, cols, found_bytes: bytes.len() })
        }
    }

    /// A matrix of single precision in memory.
    pub fn of_f32(values: &'a [f32], rows: usize, cols: usize) -> Result<Self, KernelError> {
        Self::new(cast_slice(values), WeightType::F32, rows, cols)
    }

    /// A matrix of half precision in memory.
    pub fn of_f16(values: &'a [f16], rows: usize, cols: usize) -> Result<Self, KernelError> {
        Self::new(cast_slice(values), WeightType::F16, rows, cols)
    }

    /// A matrix of the upper halves of single precision in memory.
    pub fn of_bf16(values: &'a [bf16], rows: usize, cols: usize) -> Result<Self, KernelError> {
        Self::new(cast_slice(values), WeightType::Bf16, rows, cols)
    }

    /// Number format.
    pub const fn dtype(&self) -> WeightType {
        self.dtype
    }

    /// Output features.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Input features.
    pub const fn cols(&self) -> usize {
        self.cols
    }

    /// The bytes of the matrix.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// **Units** bytes of one row.
    pub const fn row_bytes(&self) -> usize {
        self.cols * self.dtype.size_bytes()
    }

    /// Some consecutive rows as a matrix of their own.
    pub fn slice_rows(&self, rows: Range<usize>) -> Result<Self, KernelError> {
        let (start, end, available) = (rows.start, rows.end, self.rows);
        let row_bytes = self.row_bytes();
        if start > end || end > available {
            return Err(KernelError::RowRange { start, end, available });
        }
        let bytes = &self.bytes[start * row_bytes..end * row_bytes];
        Ok(Self { bytes, rows: end - start, ..*self })
    }

    /// Writes the matrix as f32, on all cores: what a product over many rows (a prompt) wants, a block of rows at a
    /// time.
    ///
    /// **Shape** `out`: `[rows, cols]`.
    pub fn to_f32(&self, out: &mut [f32]) -> Result<(), KernelError> {
        let expected = self.rows * self.cols;
        if out.len() != expected {
            return Err(KernelError::Length { what: "out", expected, found: out.len() });
        }
        let size = self.dtype.size_bytes();
        out.par_chunks_mut(PIECE).zip(self.bytes.par_chunks(PIECE * size)).for_each(|(out, bytes)| match self.dtype {
            WeightType::F32 => {
                for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            WeightType::F16 => widen_f16(bytes, out),
            WeightType::Bf16 => {
                for (value, &[low, high]) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
                    *value = f32::from_bits(u32::from_le_bytes([0, 0, low, high]));
                }
            }
        });
        Ok(())
    }
}

/// Widens little-endian f16 to f32 with the processor's conversion where it has one.
fn widen_f16(bytes: &[u8], out: &mut [f32]) {
    if let Ok(halves) = try_cast_slice::<u8, f16>(bytes) {
        halves.convert_to_f32_slice(out);
        return;
    }
    // A file whose header has an odd length: copy to an aligned buffer first.
    let mut aligned = [f16::ZERO; 256];
    for (bytes, out) in bytes.chunks(2 * aligned.len()).zip(out.chunks_mut(aligned.len())) {
        let halves = &mut aligned[..out.len()];
        cast_slice_mut::<f16, u8>(halves).copy_from_slice(bytes);
        halves.convert_to_f32_slice(out);
    }
}
