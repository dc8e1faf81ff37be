//! Coefficients to samples.
//!
//! **Source**: libjpeg-turbo, `jidctint.c`: the accurate integer transform of Loeffler, Ligtenberg and Moschytz with 13-bit constants and two
//! extra bits between the passes; out-of-range results are clamped, as its SIMD versions do.

use super::frame::{Component, Frame};
use rayon::prelude::*;

const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

/// The samples of each component, **shape** `[blocks_y * 8, blocks_x * 8]`.
pub(super) fn planes(frame: &Frame) -> Vec<Vec<u8>> {
    frame.components.iter().map(plane).collect()
}

fn plane(component: &Component) -> Vec<u8> {
    let stride = component.blocks_x * 8;
    let quant = component.quant.unwrap_or([1; 64]).map(i32::from);
    let mut samples = vec![0; stride * component.blocks_y * 8];
    let rows = component.coefficients.par_chunks_exact(component.blocks_x);
    samples.par_chunks_exact_mut(stride * 8).zip(rows).for_each(|(out, blocks)| {
        for (bx, block) in blocks.iter().enumerate() {
            let pixels = inverse(block, &quant);
            for (row, pixels) in out.chunks_exact_mut(stride).zip(pixels.chunks_exact(8)) {
                row[bx * 8..bx * 8 + 8].copy_from_slice(pixels);
            }
        }
    });
    samples
}

/// One block: columns first, then rows.
fn inverse(coefficients: &[i16; 64], quant: &[i32; 64]) -> [u8; 64] {
    let mut work = [0_i32; 64];
    for x in 0..8 {
        let column: [i32; 8] = std::array::from_fn(|y| i32::from(coefficients[y * 8 + x]).wrapping_mul(quant[y * 8 + x]));
        let out = one_dimension(column, CONST_BITS - PASS1_BITS);
        for (y, value) in out.into_iter().enumerate() {
            work[y * 8 + x] = value;
        }
    }
    let mut pixels = [0; 64];
    for (out, row) in pixels.chunks_exact_mut(8).zip(work.chunks_exact(8)) {
        let row = one_dimension(std::array::from_fn(|x| row[x]), CONST_BITS + PASS1_BITS + 3);
        for (out, value) in out.iter_mut().zip(row) {
            *out = value.saturating_add(128).clamp(0, 255) as u8;
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
    let (tmp0, tmp1) = (mul(add(input[0], input[4]), 1 << CONST_BITS), mul(sub(input[0], input[4]), 1 << CONST_BITS));
    let even = [add(tmp0, tmp3), add(tmp1, tmp2), sub(tmp1, tmp2), sub(tmp0, tmp3)];
    // Odd part.
    let [_, i1, _, i3, _, i5, _, i7] = input;
    let z5 = mul(add(add(i7, i3), add(i5, i1)), 9633);
    let z1 = mul(add(i7, i1), -7373);
    let z2 = mul(add(i5, i3), -20995);
    let z3 = add(mul(add(i7, i3), -16069), z5);
    let z4 = add(mul(add(i5, i1), -3196), z5);
    let odd = [
        add(mul(i1, 12299), add(z1, z4)),
        add(mul(i3, 25172), add(z2, z3)),
        add(mul(i5, 16819), add(z2, z4)),
        add(mul(i7, 2446), add(z1, z3)),
    ];
    let descale = |value: i32| add(value, 1 << (shift - 1)) >> shift;
    std::array::from_fn(|i| {
        if i < 4 { descale(add(even[i], odd[i])) } else { descale(sub(even[7 - i], odd[7 - i])) }
    })
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
        assert_eq!(inverse(&block, &[-100; 64]), [0; 64], "far too dark");
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
