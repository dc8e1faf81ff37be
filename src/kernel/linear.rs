//! The product that decoding is made of: a few rows of activations with a weight that is far larger than any cache.

use rayon::prelude::*;

use super::{
    block::{Block, Packed, TILE_ROWS},
    dtype::Weight,
    error::KernelError,
    lanes::Level,
};

/// **Units** bytes of weights in one piece of work: long enough that sharing them out costs nothing, short enough to
/// end together.
const PIECE_BYTES: usize = 256 << 10;

/// `y = x · wᵀ`, accumulated in f32, `w` read once whatever the number of rows in `x`, split over the current rayon
/// pool.
///
/// Meant for the rows of a step and of a short question, up to a few dozen; a prompt or an image is faster in a blocked
/// product over [`Weight::to_f32`]. Call it from inside the pool (`ThreadPool::install`) where many calls follow each
/// other: entering the pool from outside costs some microseconds each time. The result does not depend on the number of
/// threads.
///
/// **Shape** `x`: `[m, w.cols()]`, `y`: `[m, w.rows()]`.
pub fn linear(x: &[f32], w: Weight<'_>, y: &mut [f32]) -> Result<(), KernelError> {
    linear_at(Level::widest(), x, w, y)
}

/// [`linear`] with chosen instructions.
pub(super) fn linear_at(level: Level, x: &[f32], w: Weight<'_>, y: &mut [f32]) -> Result<(), KernelError> {
    num_rows(x, w.cols(), y, w.rows())?;
    if y.is_empty() {
        return Ok(());
    }
    if w.cols() == 0 {
        y.fill(0.0);
        return Ok(());
    }
    let packed = Packed::new(x, w.cols(), w.dtype(), level);
    let rows_per_piece = (PIECE_BYTES / w.row_bytes()).next_multiple_of(TILE_ROWS).max(TILE_ROWS);
    let mut pieces = pieces(y, w.rows(), rows_per_piece);
    let (dtype, row_bytes) = (w.dtype(), w.row_bytes());
    pieces.par_iter_mut().zip(w.bytes().par_chunks(rows_per_piece * row_bytes)).for_each(|(y, bytes)| {
        level.run(Block { bytes, dtype, row_bytes, x: &packed, y });
    });
    Ok(())
}

/// Outputs dealt out: for each piece of work its part of every row of `y`, which holds `len` values a row.
pub(super) fn pieces(y: &mut [f32], len: usize, rows_per_piece: usize) -> Vec<Vec<&mut [f32]>> {
    let mut pieces: Vec<Vec<&mut [f32]>> = Vec::new();
    pieces.resize_with(len.div_ceil(rows_per_piece), Vec::new);
    for y_row in y.chunks_exact_mut(len) {
        for (piece, part) in pieces.iter_mut().zip(y_row.chunks_mut(rows_per_piece)) {
            piece.push(part);
        }
    }
    pieces
}

/// Rows of `x`, once both buffers are found to fit the weight. An empty side leaves the count to the other.
pub(super) fn num_rows(x: &[f32], cols: usize, y: &[f32], rows: usize) -> Result<usize, KernelError> {
    let (what, row, found) = if cols > 0 { ("x", cols, x.len()) } else { ("y", rows, y.len()) };
    let m = found.checked_div(row).unwrap_or(0);
    if m * row != found {
        return Err(KernelError::PartialRow { what, row, found });
    }
    for (what, expected, found) in [("x", m * cols, x.len()), ("y", m * rows, y.len())] {
        if expected != found {
            return Err(KernelError::Length { what, expected, found });
        }
    }
    Ok(m)
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use proptest::prelude::*;

    use super::{super::WeightType, *};

    fn encode(values: &[f32], dtype: WeightType) -> (Vec<u8>, Vec<f32>) {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| match dtype {
                WeightType::F32 => value.to_le_bytes().to_vec(),
                WeightType::F16 => f16::from_f32(*value).to_le_bytes().to_vec(),
                WeightType::Bf16 => bf16::from_f32(*value).to_le_bytes().to_vec(),
            })
            .collect();
        let kept = values
            .iter()
            .map(|value| match dtype {
                WeightType::F32 => *value,
                WeightType::F16 => f16::from_f32(*value).to_f32(),
                WeightType::Bf16 => bf16::from_f32(*value).to_f32(),
            })
            .collect();
        (bytes, kept)
    }

    fn wave(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }

    /// Checks every output against f64. A sum of products in any order errs by at most `terms · u · Σ|w x|`; here a
    /// lane adds at most `cols / 8 + 1` products and at most 8 lanes and 2 vectors are then added, each value has one
    /// more rounding for its product.
    fn check(level: Level, dtype: WeightType, (m, rows, cols): (usize, usize, usize), offset: usize) {
        let x = wave(m * cols, 1);
        let (bytes, kept) = encode(&wave(rows * cols, 2), dtype);
        let mut shifted = vec![0xff; offset];
        shifted.extend(&bytes);
        let w = Weight::new(&shifted[offset..], dtype, rows, cols).expect("bytes fit");
        let mut y = vec![f32::NAN; m * rows];
        linear_at(level, &x, w, &mut y).expect("buffers fit");
        let terms = cols as f64 / 8.0 + 12.0;
        for (i, found) in y.iter().enumerate() {
            let products = (0..cols).map(|k| f64::from(x[i / rows * cols + k]) * f64::from(kept[i % rows * cols + k]));
            let (sum, size) = products.fold((0.0, 0.0), |(sum, size), product| (sum + product, size + product.abs()));
            let bound = terms * f64::from(f32::EPSILON) / 2.0 * size;
            assert!(
                (f64::from(*found) - sum).abs() <= bound,
                "{} {} {m} x {rows} x {cols} at {i}: found {found}, expected {sum} within {bound:e}",
                level.name(),
                dtype.label()
            );
        }
    }

    #[test]
    fn every_number_of_rows_equals_the_naive_product() {
        for level in Level::all() {
            for dtype in WeightType::ALL {
                for m in 1..=9 {
                    check(level, dtype, (m, 7, 131), 0);
                }
            }
        }
    }

    #[test]
    fn work_that_is_split_equals_the_naive_product() {
        for dtype in WeightType::ALL {
            check(Level::widest(), dtype, (2, 301, 1025), 0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn odd_sizes_at_any_alignment_equal_the_naive_product(m in 0_usize..6, rows in 1_usize..14,
            cols in 1_usize..160, offset in 0_usize..5) {
            for level in Level::all() {
                for dtype in WeightType::ALL {
                    check(level, dtype, (m, rows, cols), offset);
                }
            }
        }
    }

    #[test]
    fn every_half_is_widened_exactly() {
        // One row for each of the 65536 bit patterns, one column: the product with 1 is the weight itself.
        for level in Level::all() {
            for dtype in [WeightType::F16, WeightType::Bf16] {
                let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
                let w = Weight::new(&bytes, dtype, 1 << 16, 1).expect("bytes fit");
                let (mut y, mut plain) = (vec![0.0; 1 << 16], vec![0.0; 1 << 16]);
                linear_at(level, &[1.0], w, &mut y).expect("buffers fit");
                w.to_f32(&mut plain).expect("buffers fit");
                for bits in 0..=u16::MAX {
                    let expected = if dtype == WeightType::F16 {
                        f16::from_bits(bits).to_f32()
                    } else {
                        bf16::from_bits(bits).to_f32()
                    };
                    for found in [y[usize::from(bits)], plain[usize::from(bits)]] {
                        // Adding zero makes both zeros the same: the sum starts from +0.
                        let same = (found + 0.0).to_bits() == (expected + 0.0).to_bits()
                            || (found.is_nan() && expected.is_nan());
                        assert!(same, "{} {}: {bits:#06x} is {expected}, found {found}", level.name(), dtype.label());
                    }
                }
            }
        }
    }

    #[test]
    fn values_in_memory_are_the_bytes_of_a_file() {
        let values = [1.5, -2.0, 0.25, 8.0, 3.0, -0.5];
        let (halves, uppers) = (values.map(f16::from_f32), values.map(bf16::from_f32));
        let weights = [Weight::of_f32(&values, 2, 3), Weight::of_f16(&halves, 2, 3), Weight::of_bf16(&uppers, 2, 3)];
        for w in weights.map(|w| w.expect("six values")) {
            let mut y = [0.0; 2];
            linear(&[1.0, 2.0, 4.0], w, &mut y).expect("buffers fit");
            let expected = [-1.5_f32, 12.0].map(f32::to_bits);
            assert_eq!(y.map(f32::to_bits), expected, "{}: exact in every format", w.dtype().label());
        }
        assert!(Weight::of_f32(&values, 3, 3).is_err(), "six values are not nine");
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let (rows, cols) = (520, 1031);
        let (bytes, _) = encode(&wave(rows * cols, 3), WeightType::F16);
        let w = Weight::new(&bytes, WeightType::F16, rows, cols).expect("bytes fit");
        let x = wave(3 * cols, 4);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let mut y = vec![0.0; 3 * rows];
            pool.install(|| linear(&x, w, &mut y)).expect("buffers fit");
            y
        };
        assert_eq!(run(1), run(3), "the same sums in the same order");
    }

    #[test]
    fn one_row_in_company_equals_the_row_alone() {
        // Contrastive strategies compare branches: a branch must not depend on who shares its step.
        for level in Level::all() {
            for dtype in WeightType::ALL {
                let (rows, cols) = (9, 200);
                let (bytes, _) = encode(&wave(rows * cols, 3), dtype);
                let w = Weight::new(&bytes, dtype, rows, cols).expect("bytes fit");
                for m in 2..=9 {
                    let x = wave(m * cols, 4);
                    let (mut together, mut alone) = (vec![0.0; m * rows], vec![0.0; rows]);
                    linear_at(level, &x, w, &mut together).expect("buffers fit");
                    for (x, together) in x.chunks(cols).zip(together.chunks(rows)) {
                        linear_at(level, x, w, &mut alone).expect("buffers fit");
                        assert_eq!(together, alone, "{} {}, {m} rows", level.name(), dtype.label());
                    }
                }
            }
        }
    }

    #[test]
    fn empty_sides_are_no_work() {
        let empty = |rows, cols| Weight::new(&[], WeightType::F16, rows, cols).expect("no bytes");
        assert_eq!(linear(&[], empty(0, 3), &mut []), Ok(()), "nothing to compute");
        assert_eq!(linear(&[1.0; 3], empty(0, 3), &mut []), Ok(()), "no output features");
        let mut y = [f32::NAN; 4];
        assert_eq!(linear(&[], empty(2, 0), &mut y), Ok(()), "no input features");
        assert_eq!(y.map(f32::to_bits), [0; 4], "an empty sum is zero");
        assert_eq!(linear(&[], empty(0, 0), &mut []), Ok(()), "nothing at all");
    }

    #[test]
    fn buffers_that_do_not_fit_are_refused() {
        assert!(Weight::new(&[0; 7], WeightType::F16, 2, 2).is_err(), "seven bytes are not four halves");
        assert!(Weight::new(&[], WeightType::F32, usize::MAX, 2).is_err(), "a size beyond the address space");
        let w = Weight::new(&[0; 12], WeightType::F16, 2, 3).expect("six halves");
        let text = |x: &[f32], y: &mut [f32]| linear(x, w, y).expect_err("must be refused").to_string();
        assert_eq!(text(&[0.0; 4], &mut [0.0; 2]), "Expected `x` to hold whole rows of 3 values, found 4 values", "x");
        assert_eq!(text(&[0.0; 6], &mut [0.0; 3]), "Expected 4 values in `y`, found 3", "y");
        assert!(w.slice_rows(1..3).is_err(), "there is no third row");
        assert_eq!(w.slice_rows(1..2).expect("second row").bytes().len(), 6, "three halves");
        assert!(w.to_f32(&mut [0.0; 5]).is_err(), "six values need six places");
    }
}
