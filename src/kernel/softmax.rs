//! Softmax over rows of f32: maximum, exponentials with their sum, one multiplication.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use rayon::prelude::*;

use super::{
    error::KernelError,
    lanes::{Job, Lanes, Level},
};

/// Values in one piece of work.
const PIECE: usize = 1 << 14;
/// Below this `e^x` leaves the normal numbers of f32 and counts as zero.
const SMALLEST: f32 = -87.0;

/// How many leading columns of a row take part; the others become zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// All of them.
    All,
    /// The same number in every row.
    First(usize),
    /// Rows are queries of one or more heads, `num_queries` to a head: query `i` sees the `past_len` keys before the
    /// first query, and the keys of queries `0..=i`.
    Causal {
        /// Queries of one head.
        num_queries: usize,
        /// Keys before the first query.
        past_len: usize,
    },
}

impl Visible {
    /// Columns that row `row` of rows of `cols` columns sees.
    pub const fn of_row(self, row: usize, cols: usize) -> usize {
        let len = match self {
            Self::All => cols,
            Self::First(len) => len,
            Self::Causal { num_queries, past_len } => match row.checked_rem(num_queries) {
                Some(query) => past_len.saturating_add(query + 1),
                None => cols,
            },
        };
        if len < cols { len } else { cols }
    }
}

/// Turns each row of scores into probabilities, in place, split over the current rayon pool.
///
/// A score of minus infinity has probability zero; a row that sees nothing becomes zeros; a row with a NaN, with plus
/// infinity or with minus infinity alone becomes NaN, so that it is noticed. Exponentials are within 2 units in the
/// last place; those below `e^-87` are zero. The result does not depend on the number of threads.
///
/// **Shape** `scores`: `[rows, cols]`.
pub fn softmax(scores: &mut [f32], cols: usize, visible: Visible) -> Result<(), KernelError> {
    softmax_at(Level::widest(), scores, cols, visible)
}

/// [`softmax`] with chosen instructions.
pub(super) fn softmax_at(level: Level, scores: &mut [f32], cols: usize, visible: Visible) -> Result<(), KernelError> {
    if scores.is_empty() {
        return Ok(());
    }
    if scores.len().checked_rem(cols) != Some(0) {
        return Err(KernelError::PartialRow { what: "scores", row: cols, found: scores.len() });
    }
    let rows_per_piece = (PIECE / cols).max(1);
    scores.par_chunks_mut(rows_per_piece * cols).enumerate().for_each(|(piece, rows)| {
        level.run(SoftmaxRows { scores: rows, cols, first: piece * rows_per_piece, visible });
    });
    Ok(())
}

/// Consecutive rows, for one core.
pub(super) struct SoftmaxRows<'a> {
    /// **Shape** `[rows, cols]`.
    pub(super) scores: &'a mut [f32],
    /// Columns.
    pub(super) cols: usize,
    /// Index of the first row.
    pub(super) first: usize,
    /// Which columns take part.
    pub(super) visible: Visible,
}

impl Job for SoftmaxRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        for (row_idx, row) in self.scores.chunks_exact_mut(self.cols).enumerate() {
            let (seen, hidden) = row.split_at_mut(self.visible.of_row(self.first + row_idx, self.cols));
            softmax_row(simd, seen);
            hidden.fill(0.0);
        }
    }
}

#[inline(always)]
fn softmax_row<S: Lanes>(simd: S, row: &mut [f32]) {
    // The end of a row is done as one more vector, filled up with scores of probability zero.
    let mut padded = [f32::NEG_INFINITY; 16];
    let (body, rest) = S::as_mut_simd_f32s(row);
    padded[..rest.len()].copy_from_slice(rest);
    let end = &mut S::as_mut_simd_f32s(&mut padded).0[0];

    let mut maxima = [*end; 4];
    let (quads, singles) = body.as_chunks::<4>();
    for quad in quads {
        for (max, scores) in maxima.iter_mut().zip(quad) {
            *max = simd.max_f32s(*max, *scores);
        }
    }
    for (max, scores) in maxima.iter_mut().zip(singles) {
        *max = simd.max_f32s(*max, *scores);
    }
    let [a, b, c, d] = maxima;
    let max = simd.splat_f32s(simd.reduce_max_f32s(simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d))));

    let mut sum = simd.splat_f32s(0.0);
    for scores in body.iter_mut().chain([&mut *end]) {
        *scores = exp_not_positive(simd, simd.sub_f32s(*scores, max));
        sum = simd.add_f32s(sum, *scores);
    }
    let scale = simd.splat_f32s(1.0 / simd.reduce_sum_f32s(sum));
    for scores in body.iter_mut().chain([&mut *end]) {
        *scores = simd.mul_f32s(*scores, scale);
    }
    rest.copy_from_slice(&padded[..rest.len()]);
}

/// `e^x` for `x <= 0`; NaN stays NaN, and what is below [`SMALLEST`] becomes zero.
///
/// **Source** Cephes `expf`: `x = n ln 2 + r`, `ln 2` in two parts so that `r` is exact, a polynomial of degree 5 for
/// `(e^r - 1 - r) / r²`.
#[inline(always)]
pub(super) fn exp_not_positive<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    // Adding 1.5 · 2^23 rounds to an integer, which then stands in the low bits.
    const ROUNDING: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const COEFFICIENTS: [f32; 6] = [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

    let shifted = simd.fma(x, simd.splat_f32s(std::f32::consts::LOG2_E), simd.splat_f32s(ROUNDING));
    let n = simd.sub_f32s(shifted, simd.splat_f32s(ROUNDING));
    let r = simd.fma(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.fma(n, simd.splat_f32s(-LN_2_LOW), r);
    let mut series = simd.splat_f32s(COEFFICIENTS[0]);
    for coefficient in &COEFFICIENTS[1..] {
        series = simd.fma(series, r, simd.splat_f32s(*coefficient));
    }
    let value = simd.fma(simd.mul_f32s(r, r), series, simd.add_f32s(r, simd.splat_f32s(1.0)));
    let exponent = simd.wrapping_dyn_shl_u32s(pulp::cast(shifted), simd.splat_u32s(23));
    let power: S::f32s = pulp::cast(simd.add_u32s(exponent, simd.splat_u32s(1.0_f32.to_bits())));
    let too_small = simd.less_than_f32s(x, simd.splat_f32s(SMALLEST));
    simd.select_f32s(too_small, simd.splat_f32s(0.0), simd.mul_f32s(value, power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(row: &[f32]) -> Vec<f64> {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exps: Vec<f64> = row.iter().map(|score| (f64::from(*score) - f64::from(max)).exp()).collect();
        let sum: f64 = exps.iter().sum();
        exps.iter().map(|exp| exp / sum).collect()
    }

    /// Unit roundoff times: 2 for the exponential, 1 for the shifted score's rounding (at most 87 · u in the exponent),
    /// the sum's `n / lanes + log(lanes)` additions, 2 for the division; and what is below `e^-87` = 1.65e-38 may be
    /// zero.
    fn bound(probability: f64, len: usize) -> f64 {
        let unit = f64::from(f32::EPSILON) / 2.0;
        probability * unit * (2.0 + 87.0 + len as f64 / 4.0 + 4.0 + 2.0) + 1.7e-38
    }

    struct Exp<'a>(&'a mut [f32]);

    impl Job for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Lanes>(self, simd: S) {
            for value in S::as_mut_simd_f32s(self.0).0 {
                *value = exp_not_positive(simd, *value);
            }
        }
    }

    #[test]
    fn exponentials_are_within_two_units_in_the_last_place() {
        for level in Level::all() {
            let arguments: Vec<f32> = (0..1 << 17).map(|i| -87.0 * i as f32 / (1 << 17) as f32).collect();
            let mut values = arguments.clone();
            level.run(Exp(&mut values));
            let mut worst = 0.0_f64;
            for (x, value) in arguments.iter().zip(&values) {
                let exact = f64::from(*x).exp();
                worst = worst.max((f64::from(*value) - exact).abs() / (exact * f64::from(f32::EPSILON)));
            }
            assert!(worst <= 2.0, "{}: worst error {worst} units", level.name());
        }
    }

    proptest! {
        #[test]
        fn rows_equal_the_naive_softmax(
            (cols, rows) in (1_usize..70, 0_usize..5),
            values in proptest::collection::vec(-60.0_f32..60.0, 70 * 5),
        ) {
            let scores = &values[..rows * cols];
            for level in Level::all() {
                let mut found = scores.to_vec();
                softmax_at(level, &mut found, cols, Visible::All).expect("whole rows");
                for (found, scores) in found.chunks(cols).zip(scores.chunks(cols)) {
                    for (found, expected) in found.iter().zip(naive(scores)) {
                        prop_assert!((f64::from(*found) - expected).abs() <= bound(expected, cols), "{found} is not \
                            {expected}");
                    }
                }
            }
        }

        #[test]
        fn hidden_columns_are_zero_and_change_nothing(past_len in 0_usize..20, num_queries in 1_usize..9,
            heads in 1_usize..4) {
            let cols = past_len + num_queries;
            let visible = Visible::Causal { num_queries, past_len };
            let mut scores: Vec<f32> = (0..heads * num_queries * cols).map(|i| (i * 37 % 101) as f32 / 10.0).collect();
            let before = scores.clone();
            softmax(&mut scores, cols, visible).expect("whole rows");
            for (row, (found, before)) in scores.chunks(cols).zip(before.chunks(cols)).enumerate() {
                let len = past_len + row % num_queries + 1;
                let mut alone = before[..len].to_vec();
                softmax(&mut alone, len, Visible::All).expect("one row");
                prop_assert_eq!(&found[..len], &alone[..], "the visible part is a softmax of its own");
                prop_assert!(found[len..].iter().all(|p| *p == 0.0), "hidden keys have no probability");
            }
        }
    }

    #[test]
    fn a_masked_score_has_no_probability() {
        for level in Level::all() {
            let mut scores = vec![f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 1.0, -200.0];
            softmax_at(level, &mut scores, 5, Visible::All).expect("one row");
            assert_eq!(scores, [0.0, 0.5, 0.0, 0.5, 0.0], "{}", level.name());
        }
    }

    #[test]
    fn a_bad_score_spoils_its_row_and_no_other() {
        for level in Level::all() {
            for bad in [f32::NAN, f32::INFINITY] {
                for place in 0..33 {
                    let mut scores = vec![0.25; 2 * 33];
                    scores[place] = bad;
                    softmax_at(level, &mut scores, 33, Visible::All).expect("two rows");
                    assert!(scores[..33].iter().any(|p| p.is_nan()), "{} at {place} must be noticed", level.name());
                    assert!(scores[33..].iter().all(|p| (p * 33.0 - 1.0).abs() < 1e-6), "the other row stands");
                }
            }
        }
    }

    #[test]
    fn a_row_that_sees_nothing_is_zero() {
        let mut scores = vec![3.0; 6];
        softmax(&mut scores, 3, Visible::First(0)).expect("two rows");
        assert_eq!(scores, [0.0; 6], "no key, no probability");
        softmax(&mut [], 0, Visible::All).expect("nothing to do");
    }

    #[test]
    fn partial_rows_are_refused() {
        let found = softmax(&mut [0.0; 5], 2, Visible::All);
        assert_eq!(
            found,
            Err(KernelError::PartialRow { what: "scores", row: 2, found: 5 }),
            "five is no multiple of two"
        );
        assert!(softmax(&mut [0.0; 5], 0, Visible::All).is_err(), "rows without columns hold nothing");
    }
}
