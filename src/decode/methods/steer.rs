//! Steering: vectors turned towards a direction, their length kept.

use candle_core::{DType, Result, Tensor};

/// Shorter has no direction.
const SHORTEST: f64 = 1e-12;

/// Lengths of rows, **shape** `[rows, width]` to `[rows, 1]`.
fn lengths(rows: &Tensor) -> Result<Tensor> {
    rows.sqr()?.sum_keepdim(1)?.sqrt()
}

/// Rows of length 1; those without a length stay.
fn units(rows: &Tensor) -> Result<Tensor> {
    rows.broadcast_div(&lengths(rows)?.maximum(SHORTEST)?)
}

/// Rows `m` as `|m| unit(m / |m| + weight d / |d|)`, in the type they come in. `weight` gets the cosines of `m` and
/// `d`, **shape** `[rows, 1]`, and returns as many weights.
///
/// **Shape**: `rows` `[rows, width]`, `directions` f32, the same or `[1, width]`. Rows whose direction is zero stay.
pub(super) fn steered(
    rows: &Tensor,
    directions: &Tensor,
    weight: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let directions = directions.to_device(rows.device())?;
    let wide = rows.to_dtype(DType::F32)?;
    let (unit, towards) = (units(&wide)?, units(&directions)?);
    let weight = weight(&unit.broadcast_mul(&towards)?.sum_keepdim(1)?)?;
    let turned = unit.broadcast_add(&towards.broadcast_mul(&weight)?)?;
    units(&turned)?.broadcast_mul(&lengths(&wide)?)?.to_dtype(rows.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn vectors_turn_and_keep_their_length() {
        let rows = Tensor::new(&[[3.0_f32, 4.0], [0.0, 0.0]], &Device::Cpu).unwrap();
        let direction = Tensor::new(&[[2.0_f32, 0.0]], &Device::Cpu).unwrap();
        let weight = |cosine: &Tensor| {
            assert!((cosine.to_vec2::<f32>()?[0][0] - 0.6).abs() < 1e-6, "the cosine");
            cosine.ones_like()
        };
        let found = steered(&rows, &direction, weight).unwrap().to_vec2::<f32>().unwrap();
        // (0.6 + 1, 0.8) is 1.789 long.
        let scale = 5.0 / (1.6_f32 * 1.6 + 0.64).sqrt();
        assert!((found[0][0] - 1.6 * scale).abs() < 1e-5 && (found[0][1] - 0.8 * scale).abs() < 1e-5, "{found:?}");
        assert_eq!(found[1], [0.0, 0.0], "what has no length has none");
        let none = direction.zeros_like().unwrap();
        let found = steered(&rows, &none, Tensor::ones_like).unwrap().to_vec2::<f32>().unwrap();
        assert!((found[0][0] - 3.0).abs() < 1e-6 && (found[0][1] - 4.0).abs() < 1e-6, "no direction: {found:?}");
    }
}
