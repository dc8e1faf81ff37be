//! Attention against the formula in f64.

use proptest::prelude::*;

use super::{super::softmax, *};

fn wave(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// Probabilities and output in f64, from the values as the cache holds them.
fn naive(shape: &CacheShape, query: &[f32], keys: &[f32], values: &[f32], scale: f32) -> (Vec<f64>, Vec<f64>) {
    let CacheShape { num_attention_heads, num_key_value_heads, head_dim, capacity, key_len } = *shape;
    let (mut all_probabilities, mut all_out) = (Vec::new(), Vec::new());
    for head in 0..num_attention_heads {
        let start = head / (num_attention_heads / num_key_value_heads) * capacity;
        let row = |cache: &[f32], t: usize, d: usize| f64::from(cache[(start + t) * head_dim + d]);
        let scores: Vec<f64> = (0..key_len)
            .map(|t| (0..head_dim).map(|d| row(keys, t, d) * f64::from(query[head * head_dim + d])).sum::<f64>())
            .map(|dot| dot * f64::from(scale))
            .collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
        let probabilities: Vec<f64> = scores.iter().map(|score| (score - max).exp() / sum).collect();
        all_out.extend((0..head_dim).map(|d| (0..key_len).map(|t| probabilities[t] * row(values, t, d)).sum::<f64>()));
        all_probabilities.extend(probabilities);
    }
    (all_probabilities, all_out)
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((f64::from(*found) - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn attention_equals_the_naive_formula(
        num_key_value_heads in 1_usize..4, group in 1_usize..6, head_dim in 1_usize..150, key_len in 0_usize..40, spare in 0_usize..5,
    ) {
        let shape = CacheShape {
            num_attention_heads: num_key_value_heads * group, num_key_value_heads, head_dim, capacity: key_len + spare, key_len,
        };
        let query = wave(shape.hidden(), 1);
        let len = num_key_value_heads * shape.capacity * head_dim;
        let (keys, values) = (wave(len, 2), wave(len, 3));
        let halves = |values: &[f32]| values.iter().copied().map(f16::from_f32).collect::<Vec<_>>();
        let (half_keys, half_values) = (halves(&keys), halves(&values));
        let floats = |values: &[f16]| values.iter().copied().map(f32::from).collect::<Vec<_>>();
        let scale = 1.0 / (head_dim as f32).sqrt();
        // Scores are at most sqrt(150) = 12.2 with at most 150 roundings each, so probabilities err by less than
        // 2 · 12.2 · 150 / 8 · 2^-24 < 3e-5 of themselves; all values are at most 1.
        for (keys_seen, values_seen, cached) in [
            (keys.clone(), values.clone(), (Cached::F32(&keys), Cached::F32(&values))),
            (floats(&half_keys), floats(&half_values), (Cached::F16(&half_keys), Cached::F16(&half_values))),
        ] {
            let (probabilities, out) = naive(&shape, &query, &keys_seen, &values_seen, scale);
            for level in Level::all() {
                let mut found = (vec![f32::NAN; shape.keys()], vec![f32::NAN; shape.hidden()]);
                attend_at(level, &shape, &query, cached, scale, &mut found.0, &mut found.1).expect("buffers fit");
                assert_close(&found.0, &probabilities, 3e-5, level.name());
                assert_close(&found.1, &out, 3e-5, level.name());
            }
            let mut steps = (vec![f32::NAN; shape.keys()], vec![f32::NAN; shape.hidden()]);
            scores(&shape, &query, cached.0, scale, &mut steps.0).expect("buffers fit");
            softmax(&mut steps.0, key_len, Visible::All).expect("whole rows");
            mix(&shape, &steps.0, cached.1, &mut steps.1).expect("buffers fit");
            let mut whole = (vec![f32::NAN; shape.keys()], vec![f32::NAN; shape.hidden()]);
            attend(&shape, &query, cached, scale, &mut whole.0, &mut whole.1).expect("buffers fit");
            prop_assert_eq!(steps, whole, "three steps are the same as one");
        }
    }
}

#[test]
fn what_lies_beyond_the_filled_keys_is_never_read() {
    let shape = CacheShape { num_attention_heads: 2, num_key_value_heads: 2, head_dim: 5, capacity: 4, key_len: 3 };
    let mut cache = wave(2 * 4 * 5, 4);
    for head in 0..2 {
        cache[(head * 4 + 3) * 5..][..5].fill(f32::NAN);
    }
    let (mut probabilities, mut out) = (vec![0.0; 6], vec![0.0; 10]);
    let cached = (Cached::F32(&cache), Cached::F32(&cache));
    attend(&shape, &wave(10, 5), cached, 1.0, &mut probabilities, &mut out).expect("buffers fit");
    assert!(probabilities.iter().chain(&out).all(|value| value.is_finite()), "NaN past the end stays there");
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let shape = CacheShape { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 3, capacity: 2, key_len: 2 };
    let cache = vec![0.0; 12];
    let cached = Cached::F32(&cache);
    let scores_of = |shape: CacheShape, query: usize, len: usize| {
        scores(&shape, &vec![0.0; query], cached, 1.0, &mut vec![0.0; len]).map_err(|error| error.to_string())
    };
    assert_eq!(scores_of(shape, 12, 8), Ok(()), "all lengths fit");
    assert_eq!(scores_of(shape, 11, 8), Err("Expected 12 values in `query`, found 11".into()), "short query");
    assert_eq!(
        scores_of(CacheShape { key_len: 3, ..shape }, 12, 12),
        Err("Expected at most 2 keys, found 3".into()),
        "cache"
    );
    let uneven = CacheShape { num_attention_heads: 3, ..shape };
    assert_eq!(scores_of(uneven, 9, 6), Err("Expected a multiple of 2 query heads, found 3".into()), "uneven heads");
}
