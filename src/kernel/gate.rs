//! Activations of the form `x · sigmoid(s(x))`, which all gated and most plain feed-forward parts use.
#![expect(
    clippy::inline_always,
    reason = "code that is not inlined into pulp's dispatch loses the vector instructions"
)]

use rayon::prelude::*;

use super::{
    error::KernelError,
    lanes::{Job, Lanes, Level},
    softmax::exp_not_positive,
};

/// Values in one piece of work.
const PIECE: usize = 1 << 14;

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// `x · sigmoid(x)`.
    Silu,
    /// `x · sigmoid(1.702 x)`.
    QuickGelu,
    /// `x / 2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`, which is `x · sigmoid(2 √(2/π) (x + 0.044715 x³))`.
    GeluTanh,
}

impl Gate {
    /// `s(x)`.
    #[inline(always)]
    fn exponent<S: Lanes>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Silu => x,
            Self::QuickGelu => simd.mul_f32s(x, simd.splat_f32s(1.702)),
            Self::GeluTanh => {
                let (a, b) = (simd.splat_f32s(1.595_769), simd.splat_f32s(0.071_354_814));
                simd.mul_f32s(x, simd.fma(simd.mul_f32s(x, x), b, a))
            }
        }
    }
}

/// Applies an activation in place, split over the current rayon pool.
///
/// Within 4 units in the last place of the sigmoid of `s(x)` as f32 has it. The result does not depend on the number of
/// threads.
pub fn activate(gate: Gate, values: &mut [f32]) {
    let level = Level::widest();
    values.par_chunks_mut(PIECE).for_each(|values| level.run(Swish { gate, values, factors: None }));
}

/// `values = activation(values) · factors`, element by element: the inner half of a gated feed-forward part.
pub fn activate_and_multiply(gate: Gate, values: &mut [f32], factors: &[f32]) -> Result<(), KernelError> {
    let (expected, found) = (values.len(), factors.len());
    if expected != found {
        return Err(KernelError::Length { what: "factors", expected, found });
    }
    let level = Level::widest();
    values
        .par_chunks_mut(PIECE)
        .zip(factors.par_chunks(PIECE))
        .for_each(|(values, factors)| level.run(Swish { gate, values, factors: Some(factors) }));
    Ok(())
}

struct Swish<'a> {
    gate: Gate,
    values: &'a mut [f32],
    factors: Option<&'a [f32]>,
}

impl Job for Swish<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let (body, rest) = S::as_mut_simd_f32s(self.values);
        let at = body.len() * S::F32_LANES;
        match self.factors {
            None => body.iter_mut().for_each(|x| *x = swish(simd, self.gate, *x)),
            Some(factors) => {
                for (x, factor) in body.iter_mut().zip(S::as_simd_f32s(factors).0) {
                    *x = simd.mul_f32s(swish(simd, self.gate, *x), *factor);
                }
            }
        }
        // The end is done as one more vector.
        let mut padded = [0.0; 16];
        padded[..rest.len()].copy_from_slice(rest);
        let end = &mut S::as_mut_simd_f32s(&mut padded).0[0];
        *end = swish(simd, self.gate, *end);
        match self.factors {
            None => rest.copy_from_slice(&padded[..rest.len()]),
            Some(factors) => {
                for ((x, value), factor) in rest.iter_mut().zip(padded).zip(&factors[at..]) {
                    *x = value * factor;
                }
            }
        }
    }
}

/// `x · sigmoid(s)`: with `t = e^-|s|`, which cannot overflow, the sigmoid is `1 / (1 + t)`, or `t / (1 + t)` below
/// zero.
#[inline(always)]
fn swish<S: Lanes>(simd: S, gate: Gate, x: S::f32s) -> S::f32s {
    let s = gate.exponent(simd, x);
    let t = exp_not_positive(simd, simd.neg_f32s(simd.abs_f32s(s)));
    let one = simd.splat_f32s(1.0);
    let negative = simd.less_than_f32s(s, simd.splat_f32s(0.0));
    let numerator = simd.select_f32s(negative, t, one);
    simd.div_f32s(simd.mul_f32s(x, numerator), simd.add_f32s(one, t))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Gate; 3] = [Gate::Silu, Gate::QuickGelu, Gate::GeluTanh];

    fn exact(gate: Gate, x: f32) -> f64 {
        let x = f64::from(x);
        match gate {
            Gate::Silu => x / (1.0 + (-x).exp()),
            Gate::QuickGelu => x / (1.0 + (-1.702 * x).exp()),
            // (1 + tanh u) / 2 is the sigmoid of 2u, which does not cancel.
            Gate::GeluTanh => {
                x / (1.0 + (-2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).exp())
            }
        }
    }

    #[test]
    fn activations_equal_their_formulas() {
        // The exponent is rounded, so below zero the error grows with |s|, at most 87 units; what is below e^-87 may be
        // zero.
        for level in Level::all() {
            for gate in ALL {
                let xs: Vec<f32> = (0..40_001_u16).map(|i| (f32::from(i) - 20_000.0) / 400.0).collect();
                let mut found = xs.clone();
                level.run(Swish { gate, values: &mut found, factors: None });
                for (x, found) in xs.iter().zip(found) {
                    let expected = exact(gate, *x);
                    let bound = expected.abs() * f64::from(f32::EPSILON) * 100.0 + 1e-35;
                    assert!((f64::from(found) - expected).abs() <= bound, "{gate:?} of {x}: {found}, not {expected}");
                }
            }
        }
    }

    #[test]
    fn every_length_is_done_to_its_end_and_multiplied() {
        for len in [0, 1, 15, 16, 17, 40, PIECE + 3] {
            let xs: Vec<f32> = (0..len).map(|i| (i % 37) as f32 / 5.0 - 3.0).collect();
            let factors: Vec<f32> = (0..len).map(|i| (i % 11) as f32 - 5.0).collect();
            let (mut plain, mut multiplied) = (xs.clone(), xs);
            activate(Gate::Silu, &mut plain);
            activate_and_multiply(Gate::Silu, &mut multiplied, &factors).expect("as many factors");
            let expected: Vec<f32> = plain.iter().zip(&factors).map(|(value, factor)| value * factor).collect();
            assert_eq!(multiplied, expected, "{len} values");
        }
        let refused = activate_and_multiply(Gate::Silu, &mut [0.0; 2], &[0.0; 3]);
        assert!(refused.is_err(), "three factors for two values");
    }

    #[test]
    fn extremes_stay_what_they_are() {
        for gate in ALL {
            let mut values = [1e30, -1e30, 0.0, f32::NAN];
            activate(gate, &mut values);
            assert!(values[0] >= 1e30 && values[1] == 0.0 && values[2] == 0.0, "{gate:?}: {values:?}");
            assert!(values[3].is_nan(), "not a number is noticed");
        }
    }
}
