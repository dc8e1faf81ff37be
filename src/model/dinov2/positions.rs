//! A position table for another number of patches than it was trained with.

use candle_core::{DType, Result, Tensor};

/// Brings the patch positions from one square grid to another, bicubic, in f32; `[CLS]` keeps its own.
///
/// **Shape**: `[1 + from * from, width]` to `[1 + to * to, width]`.
///
/// **Source**: `torch.nn.functional.interpolate(mode="bicubic", align_corners=False)`, with `antialias=True` for the
/// encoder with registers. Both are separable, so each is a matrix from the left and one from the right.
pub(super) fn resize(table: &Tensor, from: usize, to: usize, antialias: bool) -> Result<Tensor> {
    if from == to {
        return Ok(table.clone());
    }
    let width = table.dim(1)?;
    let weights: Vec<f32> =
        (0..to).flat_map(|at| if antialias { smoothed(at, from, to) } else { cubic(at, from, to) }).collect();
    let weights = Tensor::from_vec(weights, (to, from), table.device())?;
    let grid = table.narrow(0, 1, from * from)?.to_dtype(DType::F32)?.contiguous()?;
    let rows = weights.matmul(&grid.reshape((from, from * width))?)?.reshape((to, from, width))?;
    let cols = rows.transpose(0, 1)?.contiguous()?.reshape((from, to * width))?;
    let resized = weights.matmul(&cols)?.reshape((to, to, width))?.transpose(0, 1)?.contiguous()?;
    let resized = resized.reshape((to * to, width))?.to_dtype(table.dtype())?;
    Tensor::cat(&[&table.narrow(0, 0, 1)?, &resized], 0)
}

/// Keys' cubic with its parameter `a`.
fn kernel(x: f32, a: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

/// Weights of one output position: four taps, those beyond the edge on the edge.
fn cubic(at: usize, from: usize, to: usize) -> Vec<f32> {
    let centre = (at as f32 + 0.5) * (from as f32 / to as f32) - 0.5;
    let first = centre.floor() - 1.0;
    let mut weights = vec![0.0; from];
    for tap in 0..4_u8 {
        let position = first + f32::from(tap);
        let weight = kernel(position - centre, -0.75);
        if let Some(slot) = weights.get_mut(clamped(position, from)) {
            *slot += weight;
        }
    }
    weights
}

/// Weights of one output position with a kernel that is as wide as the shrinking asks for, normalised.
fn smoothed(at: usize, from: usize, to: usize) -> Vec<f32> {
    let scale = from as f32 / to as f32;
    let widening = scale.max(1.0);
    let centre = scale * (at as f32 + 0.5);
    let first = clamped((centre - 2.0 * widening + 0.5).floor(), from + 1);
    let end = clamped((centre + 2.0 * widening + 0.5).floor(), from + 1);
    let taps = first..end;
    let mut weights: Vec<f32> = (0..from)
        .map(|tap| if taps.contains(&tap) { kernel((tap as f32 - centre + 0.5) / widening, -0.5) } else { 0.0 })
        .collect();
    let sum: f32 = weights.iter().sum();
    for weight in &mut weights {
        *weight /= sum;
    }
    weights
}

/// A position as an index below `len`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number between 0 and a grid's side, clamped before the cast"
)]
fn clamped(position: f32, len: usize) -> usize {
    position.clamp(0.0, len.saturating_sub(1) as f32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_position_sum_to_one() {
        for (from, to) in [(4, 6), (8, 5), (37, 16), (2, 9)] {
            for at in 0..to {
                for weights in [cubic(at, from, to), smoothed(at, from, to)] {
                    let sum: f32 = weights.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{from} to {to}, position {at}: {sum}");
                }
            }
        }
    }
}
