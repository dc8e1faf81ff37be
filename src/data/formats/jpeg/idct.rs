//! Coefficients to samples.
//!
//! **Source**: libjpeg-turbo, `jidctint.c`: the accurate integer transform of Loeffler, Ligtenberg and Moschytz with
//! 13-bit constants and two extra bits between the passes. What only damaged files reach, beyond 16 bits, is as in
//! `jidctint-avx2.asm`: products with the quantisation table and three kinds of sums wrap, results of either pass are
//! clamped.

use super::frame::{Component, Frame};
use super::smoothing::Smoother;
use rayon::prelude::*;

const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

/// The samples of each component, **shape** `[blocks_y * 8, blocks_x * 8]`. The coefficients are given up for them.
pub(super) fn planes(frame: &mut Frame, smoothed: bool) -> Vec<Vec<u8>> {
    let mut planes = Vec::with_capacity(frame.components.len());
    for idx in 0..frame.components.len() {
        let Some(component) = frame.components.get(idx) else { continue };
        let smoother = smoothed.then(|| Smoother::new(frame, component));
        planes.push(plane(component, smoother.as_ref()));
        if let Some(component) = frame.components.get_mut(idx) {
            component.coefficients = Vec::new();
        }
    }
    planes
}

fn plane(component: &Component, smoother: Option<&Smoother<'_>>) -> Vec<u8> {
    let stride = component.blocks_x * 8;
    // A component without data has no table, and is grey.
    let quant = component.quant.unwrap_or([0; 64]);
    let mut samples = vec![0; stride * component.blocks_y * 8];
    let rows = component.coefficients.par_chunks_exact(component.blocks_x).enumerate();
    samples.par_chunks_exact_mut(stride * 8).zip(rows).for_each(|(out, (by, blocks))| {
        for (bx, block) in blocks.iter().enumerate() {
            let pixels = match smoother {
                Some(smoother) => inverse(&smoother.block(bx, by, block), &quant),
                None => inverse(block, &quant),
            };
            for (row, pixels) in out.chunks_exact_mut(stride).zip(pixels.chunks_exact(8)) {
                row[bx * 8..bx * 8 + 8].copy_from_slice(pixels);
            }
        }
    });
    samples
}

/// Sixteen bits, as the vector registers have them.
#[expect(clippy::cast_possible_truncation, reason = "only damaged files go beyond")]
fn wrap(value: i32) -> i32 {
    i32::from(value as i16)
}

fn clamp(value: i32) -> i32 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))
}

/// One block: columns first, then rows.
fn inverse(coefficients: &[i16; 64], quant: &[u16; 64]) -> [u8; 64] {
    let mut work = [0_i32; 64];
    let dequantised = |at: usize| wrap(i32::from(coefficients[at]).wrapping_mul(i32::from(quant[at])));
    if coefficients[8..].iter().all(|&coefficient| coefficient == 0) {
        // The columns are constant. The general way differs where this overflows.
        for x in 0..8 {
            let constant = wrap(dequantised(x) << PASS1_BITS);
            for y in 0..8 {
                work[y * 8 + x] = constant;
            }
        }
    } else {
        for x in 0..8 {
            let column: [i32; 8] = std::array::from_fn(|y| dequantised(y * 8 + x));
            let out = one_dimension(column, CONST_BITS - PASS1_BITS);
            for (y, value) in out.into_iter().enumerate() {
                work[y * 8 + x] = value;
            }
        }
    }
    let mut pixels = [0; 64];
    for (out, row) in pixels.chunks_exact_mut(8).zip(work.chunks_exact(8)) {
        let row = one_dimension(std::array::from_fn(|x| row[x]), CONST_BITS + PASS1_BITS + 3);
        for (out, value) in out.iter_mut().zip(row) {
            #[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
            let sample = (value + 128).clamp(0, 255) as u8;
            *out = sample;
        }
    }
    pixels
}

/// Eight values, scaled down by `shift` bits with rounding. Wrapping, because only damaged files overflow.
fn one_dimension(input: [i32; 8], shift: u32) -> [i32; 8] {
    let mul = i32::wrapping_mul;
    let add = i32::wrapping_add;
    let sub = i32::wrapping_sub;
    // Even part.
    let z1 = mul(add(input[2], input[6]), 4433);
    let (tmp2, tmp3) = (sub(z1, mul(input[6], 15137)), add(z1, mul(input[2], 6270)));
    let (tmp0, tmp1) = (wrap(add(input[0], input[4])) << CONST_BITS, wrap(sub(input[0], input[4])) << CONST_BITS);
    let even = [add(tmp0, tmp3), add(tmp1, tmp2), sub(tmp1, tmp2), sub(tmp0, tmp3)];
    // Odd part.
    let [_, i1, _, i3, _, i5, _, i7] = input;
    let (s37, s15) = (wrap(add(i7, i3)), wrap(add(i5, i1)));
    let z5 = mul(add(s37, s15), 9633);
    let z1 = mul(add(i7, i1), -7373);
    let z2 = mul(add(i5, i3), -20995);
    let z3 = add(mul(s37, -16069), z5);
    let z4 = add(mul(s15, -3196), z5);
    let odd = [
        add(mul(i1, 12299), add(z1, z4)),
        add(mul(i3, 25172), add(z2, z3)),
        add(mul(i5, 16819), add(z2, z4)),
        add(mul(i7, 2446), add(z1, z3)),
    ];
    let descale = |value: i32| clamp(add(value, 1 << (shift - 1)) >> shift);
    std::array::from_fn(|i| if i < 4 { descale(add(even[i], odd[i])) } else { descale(sub(even[7 - i], odd[7 - i])) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_block_is_flat_and_clamped() {
        let mut block = [0; 64];
        block[0] = 80;
        assert_eq!(inverse(&block, &[1; 64]), [138; 64], "80 / 8 above the middle grey");
        assert_eq!(inverse(&block, &[100; 64]), [255; 64], "far too bright");
        block[0] = -80;
        assert_eq!(inverse(&block, &[100; 64]), [0; 64], "far too dark");
    }

    #[test]
    fn transform_is_the_cosine_series_within_rounding() {
        let mut block = [0_i16; 64];
        for (idx, value) in [(0, 120), (1, -60), (8, 45), (9, 30), (27, -25), (63, 18)] {
            block[idx] = value;
        }
        let pixels = inverse(&block, &[1; 64]);
        let basis = |n: usize, k: usize| {
            let scale = if k == 0 { (0.5_f64).sqrt() } else { 1.0 };
            scale * ((2 * n + 1) as f64 * k as f64 * std::f64::consts::PI / 16.0).cos() / 2.0
        };
        for y in 0..8 {
            for x in 0..8 {
                let sum: f64 = (0..64).map(|k| f64::from(block[k]) * basis(x, k % 8) * basis(y, k / 8)).sum();
                let off = (f64::from(pixels[y * 8 + x]) - (sum + 128.0).clamp(0.0, 255.0)).abs();
                assert!(off < 0.51, "row {y}, column {x}: off by {off}");
            }
        }
    }
}
