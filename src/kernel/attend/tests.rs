//! Attention against the formula in f64.

use proptest::prelude::*;

use super::{super::softmax, *};

fn wave(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// Probabilities and output in f64, from the values as the cache holds them.
fn naive(
    (shape, capacity): (&CacheShape, usize),
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    scale: f32,
) -> (Vec<f64>, Vec<f64>) {
    let CacheShape { num_attention_heads, num_key_value_heads, head_dim, key_len } = *shape;
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

fn whole(cached: Cached<'_>, capacity: usize, len: usize) -> [Run<'_>; 1] {
    [Run { cached, capacity, len }]
}

/// The first positions of a cache as runs that end at `ends`, each in memory of its own with room for two more.
fn cut<T: Copy>(
    values: &[T],
    (heads, capacity, head_dim): (usize, usize, usize),
    ends: &[usize],
    fill: T,
) -> Vec<Vec<T>> {
    let mut start = 0;
    let runs = ends.iter().map(|&end| {
        let of_head = |head: usize| {
            let rows = &values[(head * capacity + start) * head_dim..(head * capacity + end) * head_dim];
            rows.iter().copied().chain(std::iter::repeat_n(fill, 2 * head_dim)).collect::<Vec<T>>()
        };
        let run = (0..heads).flat_map(of_head).collect();
        start = end;
        run
    });
    runs.collect()
}

fn runs<'a, T>(memory: &'a [Vec<T>], ends: &[usize], cached: impl Fn(&'a [T]) -> Cached<'a>) -> Vec<Run<'a>> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let lens = ends.iter().zip(starts).map(|(end, start)| end - start);
    memory.iter().zip(lens).map(|(memory, len)| Run { cached: cached(memory), capacity: len + 2, len }).collect()
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
        num_key_value_heads in 1_usize..4, group in 1_usize..6, head_dim in 1_usize..150, key_len in 0_usize..40,
            spare in 0_usize..5,
    ) {
        let shape = CacheShape {
            num_attention_heads: num_key_value_heads * group, num_key_value_heads, head_dim, key_len,
        };
        let capacity = key_len + spare;
        let query = wave(shape.hidden(), 1);
        let len = num_key_value_heads * capacity * head_dim;
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
            let (probabilities, out) = naive((&shape, capacity), &query, &keys_seen, &values_seen, scale);
            let (key_run, value_run) = (whole(cached.0, capacity, key_len), whole(cached.1, capacity, key_len));
            let cached: (&[Run<'_>], &[Run<'_>]) = (&key_run, &value_run);
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_cache_in_several_runs_is_one_cache_to_the_bit(
        num_key_value_heads in 1_usize..3, group in 1_usize..6, head_dim in 1_usize..150, key_len in 1_usize..70,
        cuts in prop::collection::vec(0_usize..70, 0..5),
    ) {
        let num_attention_heads = num_key_value_heads * group;
        let shape = CacheShape { num_attention_heads, num_key_value_heads, head_dim, key_len };
        let query = wave(shape.hidden(), 1);
        let len = num_key_value_heads * key_len * head_dim;
        let (keys, values) = (wave(len, 2), wave(len, 3));
        let halves = |values: &[f32]| values.iter().copied().map(f16::from_f32).collect::<Vec<_>>();
        let (half_keys, half_values) = (halves(&keys), halves(&values));
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (key_len + 1)).chain([key_len]).collect();
        ends.sort_unstable();
        let dims = (num_key_value_heads, key_len, head_dim);
        let cut_f32 = [cut(&keys, dims, &ends, f32::NAN), cut(&values, dims, &ends, f32::NAN)];
        let cut_f16 = [cut(&half_keys, dims, &ends, f16::NAN), cut(&half_values, dims, &ends, f16::NAN)];
        let several_f32 = cut_f32.each_ref().map(|memory| runs(memory, &ends, Cached::F32));
        let several_f16 = cut_f16.each_ref().map(|memory| runs(memory, &ends, Cached::F16));
        for (one, several) in [
            ([Cached::F32(&keys), Cached::F32(&values)], several_f32),
            ([Cached::F16(&half_keys), Cached::F16(&half_values)], several_f16),
        ] {
            let one = one.map(|cached| whole(cached, key_len, key_len));
            for level in Level::all() {
                let attended = |keys: &[Run<'_>], values: &[Run<'_>]| {
                    let mut found = (vec![f32::NAN; shape.keys()], vec![f32::NAN; shape.hidden()]);
                    let (probabilities, out) = (&mut found.0, &mut found.1);
                    attend_at(level, &shape, &query, (keys, values), 0.3, probabilities, out).expect("buffers fit");
                    found
                };
                let (found, expected) = (attended(&several[0], &several[1]), attended(&one[0], &one[1]));
                prop_assert_eq!(found, expected, "{}, cut at {:?}", level.name(), &ends);
            }
        }
    }
}

#[test]
fn what_lies_beyond_the_filled_keys_is_never_read() {
    let shape = CacheShape { num_attention_heads: 2, num_key_value_heads: 2, head_dim: 5, key_len: 3 };
    let mut cache = wave(2 * 4 * 5, 4);
    for head in 0..2 {
        cache[(head * 4 + 3) * 5..][..5].fill(f32::NAN);
    }
    let (mut probabilities, mut out) = (vec![0.0; 6], vec![0.0; 10]);
    let run = whole(Cached::F32(&cache), 4, 3);
    attend(&shape, &wave(10, 5), (&run, &run), 1.0, &mut probabilities, &mut out).expect("buffers fit");
    assert!(probabilities.iter().chain(&out).all(|value| value.is_finite()), "NaN past the end stays there");
}

#[test]
fn buffers_that_do_not_fit_are_refused() {
    let shape = CacheShape { num_attention_heads: 4, num_key_value_heads: 2, head_dim: 3, key_len: 2 };
    let cache = vec![0.0; 12];
    let cached = Cached::F32(&cache);
    let of_run = |shape: CacheShape, run: &[Run<'_>], query: usize, len: usize| {
        scores(&shape, &vec![0.0; query], run, 1.0, &mut vec![0.0; len]).map_err(|error| error.to_string())
    };
    let two = whole(cached, 2, 2);
    let scores_of = |shape: CacheShape, query: usize, len: usize| of_run(shape, &two, query, len);
    assert_eq!(scores_of(shape, 12, 8), Ok(()), "all lengths fit");
    assert_eq!(scores_of(shape, 11, 8), Err("Expected 12 values in `query`, found 11".into()), "short query");
    let three = CacheShape { key_len: 3, ..shape };
    assert_eq!(of_run(three, &whole(cached, 2, 3), 12, 12), Err("Expected at most 2 keys, found 3".into()), "cache");
    let sentence = "Expected runs of 3 positions together in `keys`, found 2";
    assert_eq!(scores_of(three, 12, 12), Err(sentence.into()), "a run that is missing");
    let half = vec![f16::ZERO; 12];
    let mixed = [Run { len: 1, ..two[0] }, Run { cached: Cached::F16(&half), capacity: 2, len: 1 }];
    let sentence = "Expected runs of one number format in `keys`, found several";
    assert_eq!(of_run(shape, &mixed, 12, 8), Err(sentence.into()), "two formats");
    let uneven = CacheShape { num_attention_heads: 3, ..shape };
    assert_eq!(scores_of(uneven, 9, 6), Err("Expected a multiple of 2 query heads, found 3".into()), "uneven heads");
}
