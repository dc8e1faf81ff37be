//! `[CLS]` rows of a vision encoder as the trace keeps them.

/// See [`crate::trace::VisionAttention`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VisionRows {
    pub(super) num_patches: usize,
    /// **Shape** `[layers, heads, num_patches]`.
    pub(super) cls_attention: Vec<f32>,
    /// **Shape** `[layers, num_patches]`.
    pub(super) cls_unsplit: Vec<f32>,
}

impl VisionRows {
    /// Drops the columns in front of the patches, and puts each layer's heads back into the one head of DAMRO's code.
    ///
    /// **Shape**: `rows` `[layers, heads, key_len]`, each summing to 1.
    pub(super) fn new(rows: &[f32], heads: usize, key_len: usize, prefix_len: usize) -> Self {
        let num_patches = key_len.saturating_sub(prefix_len);
        let (mut cls_attention, mut cls_unsplit) = (Vec::with_capacity(rows.len()), Vec::new());
        for layer in rows.chunks_exact((heads * key_len).max(1)) {
            for head in layer.chunks_exact(key_len.max(1)) {
                cls_attention.extend_from_slice(head.get(prefix_len..).unwrap_or_default());
            }
            cls_unsplit.extend(unsplit(layer, heads, key_len).into_iter().skip(prefix_len));
        }
        Self { num_patches, cls_attention, cls_unsplit }
    }
}

/// One head as wide as the model, from the probabilities of its parts.
///
/// A head's log-probabilities are its logits `s_h` but for a constant, which no softmax sees; so `sum_h ln p_h /
/// sqrt(H)` has the softmax of `sum_h s_h / sqrt(H) = q k / sqrt(H head_dim)`. A key that some head gives nothing
/// (knocked out, or below what an f32 holds, e^-103) gets nothing.
fn unsplit(layer: &[f32], heads: usize, key_len: usize) -> Vec<f32> {
    let mut logits = vec![0.0_f64; key_len];
    for head in layer.chunks_exact(key_len.max(1)) {
        for (logit, &p) in logits.iter_mut().zip(head) {
            *logit += f64::from(p).ln();
        }
    }
    let scale = 1.0 / (heads.max(1) as f64).sqrt();
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !largest.is_finite() {
        return vec![0.0; key_len];
    }
    let weights: Vec<f64> = logits.iter().map(|logit| ((logit - largest) * scale).exp()).collect();
    let sum: f64 = weights.iter().sum();
    #[expect(clippy::cast_possible_truncation, reason = "probabilities")]
    let row = weights.into_iter().map(|weight| (weight / sum) as f32).collect();
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADS: usize = 4;
    const HEAD_DIM: usize = 8;
    const KEYS: usize = 11;

    fn softmax(logits: &[f64]) -> Vec<f64> {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|weight| weight / sum).collect()
    }

    #[test]
    fn heads_put_back_together_are_the_unsplit_head() {
        // Queries and keys of all heads side by side, as they come out of the projections.
        let value = |i: usize| ((i * 7919 + 104_729) % 1013) as f64 / 250.0 - 2.0;
        let query: Vec<f64> = (0..HEADS * HEAD_DIM).map(value).collect();
        let key = |k: usize| (0..HEADS * HEAD_DIM).map(move |i| value(1000 + k * 64 + i));
        let dot = |k: usize, range: std::ops::Range<usize>| -> f64 {
            query.iter().zip(key(k)).skip(range.start).take(range.len()).map(|(q, k)| q * k).sum()
        };
        let whole = (0..KEYS).map(|k| dot(k, 0..HEADS * HEAD_DIM) / ((HEADS * HEAD_DIM) as f64).sqrt());
        let expected = softmax(&whole.collect::<Vec<_>>());
        let head = |h: usize| {
            let logits = (0..KEYS).map(|k| dot(k, h * HEAD_DIM..(h + 1) * HEAD_DIM) / (HEAD_DIM as f64).sqrt());
            softmax(&logits.collect::<Vec<_>>())
        };
        #[expect(clippy::cast_possible_truncation, reason = "as the encoder has them")]
        let rows: Vec<f32> = (0..HEADS).flat_map(|h| head(h).into_iter().map(|p| p as f32)).collect();
        let found = VisionRows::new(&rows, HEADS, KEYS, 2);
        assert_eq!((found.num_patches, found.cls_attention.len()), (9, 36), "two columns dropped");
        assert_eq!(found.cls_unsplit.len(), 9, "of the unsplit row too");
        for (k, (found, expected)) in found.cls_unsplit.iter().zip(&expected[2..]).enumerate() {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "patch {k}: {found} and {expected}");
        }
    }

    #[test]
    fn a_patch_that_was_knocked_out_of_one_head_gets_nothing() {
        let rows = VisionRows::new(&[0.5, 0.5, 0.0, 0.25, 0.5, 0.25], 2, 3, 1);
        assert_eq!(rows.cls_attention, [0.5, 0.0, 0.5, 0.25], "the first column dropped");
        assert!(rows.cls_unsplit[0] > 0.0 && rows.cls_unsplit[1].abs() < 1e-12, "{:?}", rows.cls_unsplit);
        let apart = VisionRows::new(&[1.0, 0.0, 0.0, 1.0], 2, 2, 0);
        assert_eq!(apart.cls_unsplit, [0.0, 0.0], "heads that share no key: no number is made up");
    }
}
