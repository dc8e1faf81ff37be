//! What a row of attention says of each patch.

use super::{AnalysisError, ImageKeys};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::{AttentionRow, Trace, VisionAttention};

/// One head's probabilities over the cells, after sink suppression. Where rounding took the row's sum above 1, they are
/// parts of that sum: no sum of them is above 1.
pub(super) fn patch_values(
    row: &AttentionRow,
    layer_idx: LayerIdx,
    head_idx: HeadIdx,
    keys: &ImageKeys,
    suppress_sink: bool,
) -> Vec<f64> {
    let probabilities = row.head(layer_idx, head_idx);
    let mut values = keys.values(&probabilities);
    if suppress_sink {
        let rest: f64 = probabilities.iter().skip(1).map(|&p| f64::from(p)).sum();
        if let Some(sink) = keys.first_position().and_then(|cell| values.get_mut(cell)) {
            *sink = 0.0;
        }
        // Summed, not 1 - p: near 1 an f16 cannot hold the difference.
        let scale = if rest > 0.0 || rest.is_nan() { 1.0 / rest } else { 0.0 };
        for value in &mut values {
            *value *= scale;
        }
        return values;
    }
    let whole = whole(&probabilities);
    if whole > 1.0 {
        for value in &mut values {
            *value /= whole;
        }
    }
    values
}

/// One head's `[CLS]` row over the patches, no sum of which is above 1 either.
pub(super) fn cls_values(vision: &VisionAttention, layer_idx: LayerIdx, head_idx: HeadIdx) -> Vec<f64> {
    let row = vision.head(layer_idx, head_idx);
    let whole = whole(row);
    row.iter().map(|&p| f64::from(p) / whole).collect()
}

/// What an encoder of a trace looked at, with its tensors checked against their announced shapes.
pub(super) fn vision_of(trace: &Trace, encoder: usize) -> Result<&VisionAttention, AnalysisError> {
    let vision = trace.encoder(encoder).ok_or(AnalysisError::NoVision)?;
    let expected = vision.num_hidden_layers * vision.num_attention_heads * vision.num_patches;
    if vision.rows().len() != expected {
        let (what, found) = ("values of the vision encoder's attention", vision.rows().len());
        return Err(AnalysisError::WrongShape { what, expected, found });
    }
    let expected = trace.encoder_layout(encoder).len();
    if vision.num_patches != expected {
        return Err(AnalysisError::SpanMismatch { expected, found: vision.num_patches });
    }
    Ok(vision)
}

/// What a row's probabilities are parts of: 1, or their own sum where rounding took that above 1. Some hundred values
/// kept in 16 bits come to 1.0002 at times, and a part above the whole is none.
pub(super) fn whole(probabilities: &[f32]) -> f64 {
    /// More than the order of a row's sum can be worth: 2^-52 for each of a million keys.
    const SLACK: f64 = 1e-9;
    // In lanes this costs an eighth; only where it comes near 1 the order of the sum says what it is.
    let mut lanes = [0.0_f64; 8];
    let chunks = probabilities.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|&p| f64::from(p)).sum();
    for chunk in chunks {
        for (lane, &p) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(p);
        }
    }
    if lanes.iter().sum::<f64>() + rest < 1.0 - SLACK {
        return 1.0;
    }
    let sum: f64 = probabilities.iter().map(|&p| f64::from(p)).sum();
    if sum > 1.0 { sum } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_is_one_or_the_sum_in_order_where_that_is_more() {
        for len in [0, 1, 7, 8, 9, 577, 640] {
            for scale in [0.2, 0.999, 0.999_999_9, 1.0, 1.000_000_1, 1.0002, f32::NAN] {
                let row: Vec<f32> = (0..len).map(|idx| scale * (1.0 + idx as f32 % 5.0) / (3.0 * len as f32)).collect();
                let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
                let expected = if sum > 1.0 { sum } else { 1.0 };
                assert_eq!(whole(&row).to_bits(), expected.to_bits(), "{len} keys, {scale}");
            }
        }
    }
}
