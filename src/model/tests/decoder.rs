//! The decoder: caches, ragged branches, grouped heads.

use super::Recorder;
use crate::model::fixtures::{RandomWeights, decoder, decoder_with, max_diff, text_config};
use crate::model::weights::TensorSource as _;
use crate::model::{Additions, BranchInput, Decoder, KvCache, LogitRows, ModelError, Positions, Probe, Site};
use candle_core::{DType, Device, Tensor};

const IDS: [u32; 7] = [1, 17, 4, 33, 9, 21, 5];
/// Two roundings of f32 sums of some dozen terms.
const CLOSE: f32 = 1e-5;

fn run(decoder: &Decoder, cache: &mut KvCache, ids: &[u32], probe: &mut dyn Probe) -> Tensor {
    let embeddings = decoder.embed(ids).unwrap();
    let mut branches = [BranchInput::counted(0, cache, embeddings)];
    decoder.forward(&mut branches, LogitRows::All, probe).unwrap().remove(0)
}

fn fresh(decoder: &Decoder, ids: &[u32]) -> Tensor {
    run(decoder, &mut decoder.new_cache(ids.len()).unwrap(), ids, &mut ())
}

fn decoder_of(dtype: DType) -> Decoder {
    Decoder::load(&RandomWeights::default(), &text_config(), dtype, &Device::Cpu).unwrap()
}

#[test]
fn attention_rows_sum_to_one_and_do_not_look_ahead() {
    let decoder = decoder();
    let mut seen = Recorder::default();
    run(&decoder, &mut decoder.new_cache(16).unwrap(), &IDS, &mut seen);
    assert_eq!(seen.probs.len(), 3, "one call a layer");
    for (site, probs) in &seen.probs {
        assert_eq!(probs.dims(), [4, IDS.len(), IDS.len()], "heads, queries, keys");
        assert_eq!((site.query_start, site.query_len, site.key_len), (0, IDS.len(), IDS.len()), "the site says so too");
        for head in probs.to_vec3::<f32>().unwrap() {
            for (query, row) in head.iter().enumerate() {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < CLOSE, "row {query} sums to one");
                assert!(row.iter().skip(query + 1).all(|p| *p == 0.0), "row {query} looks ahead");
            }
        }
    }
}

#[test]
fn cached_equals_uncached() {
    let decoder = decoder();
    let whole = fresh(&decoder, &IDS);
    let mut cache = decoder.new_cache(IDS.len()).unwrap();
    let mut parts = vec![run(&decoder, &mut cache, &IDS[..3], &mut ())];
    parts.push(run(&decoder, &mut cache, &IDS[3..5], &mut ()));
    for id in &IDS[5..] {
        parts.push(run(&decoder, &mut cache, &[*id], &mut ()));
    }
    assert_eq!(cache.len(), IDS.len(), "all positions are held");
    let diff = max_diff(&Tensor::cat(&parts, 0).unwrap(), &whole);
    assert!(diff < CLOSE, "logits differ by {diff}");
}

#[test]
fn sites_of_later_passes_start_where_the_cache_ends() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(8).unwrap();
    run(&decoder, &mut cache, &IDS[..4], &mut ());
    let mut seen = Recorder::default();
    run(&decoder, &mut cache, &IDS[4..6], &mut seen);
    for (layer_idx, (site, _)) in seen.probs.iter().enumerate() {
        let found = (site.layer_idx, site.branch_idx, site.query_start, site.query_len, site.key_len);
        assert_eq!(found, (layer_idx, 0, 4, 2, 6), "layer, branch, first query, queries, keys");
    }
}

#[test]
fn two_branches_equal_two_runs() {
    let decoder = decoder();
    let other = [2, 40, 40, 8];
    let (mut first, mut second) = (decoder.new_cache(12).unwrap(), decoder.new_cache(9).unwrap());
    for (ids, other_ids) in [(&IDS[..], &other[..]), (&[11][..], &[30][..])] {
        let alone = |cache: &KvCache, ids| run(&decoder, &mut cache.fork(), ids, &mut ());
        let expected = [alone(&first, ids), alone(&second, other_ids)];
        let mut seen = Recorder::default();
        let (a, b) = (decoder.embed(ids).unwrap(), decoder.embed(other_ids).unwrap());
        let mut branches = [BranchInput::counted(0, &mut first, a), BranchInput::counted(1, &mut second, b)];
        let together = decoder.forward(&mut branches, LogitRows::All, &mut seen).unwrap();
        for (branch_idx, (found, expected)) in together.iter().zip(&expected).enumerate() {
            let diff = max_diff(found, expected);
            assert!(diff < CLOSE, "branch {branch_idx} differs by {diff}");
        }
        let branches: Vec<_> = seen.probs.iter().map(|(site, _)| site.branch_idx).collect();
        assert_eq!(branches, [0, 1, 0, 1, 0, 1], "both branches in every layer");
        assert_eq!(seen.hidden.len(), 6, "hidden states per branch");
    }
    assert_eq!((first.len(), second.len()), (8, 5), "each cache grew by its own rows");
}

#[test]
fn last_rows_are_the_last_of_all_rows() {
    let decoder = decoder();
    let all = fresh(&decoder, &IDS);
    let mut cache = decoder.new_cache(IDS.len()).unwrap();
    let embeddings = decoder.embed(&IDS).unwrap();
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
    let last = decoder.forward(&mut branches, LogitRows::Last, &mut ()).unwrap().remove(0);
    assert_eq!(last.dims(), [50], "one row of the vocabulary");
    assert!(max_diff(&last, &all.get(IDS.len() - 1).unwrap()) < CLOSE, "the row that predicts the next token");
}

#[test]
fn truncated_and_copied_caches_go_on_alone() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(16).unwrap();
    run(&decoder, &mut cache, &IDS, &mut ());
    let mut fork = cache.copy(20).unwrap();
    fork.truncate(3);
    run(&decoder, &mut fork, &[49, 48], &mut ());
    let found = run(&decoder, &mut cache, &[13], &mut ());
    let expected = fresh(&decoder, &[&IDS[..], &[13]].concat());
    let diff = max_diff(&found, &expected.narrow(0, IDS.len(), 1).unwrap());
    assert!(diff < CLOSE, "the original is disturbed by its fork: {diff}");
    let found = run(&decoder, &mut fork, &[13], &mut ());
    let expected = fresh(&decoder, &[IDS[0], IDS[1], IDS[2], 49, 48, 13]);
    let diff = max_diff(&found, &expected.narrow(0, 5, 1).unwrap());
    assert!(diff < CLOSE, "the fork does not go on from position 3: {diff}");
    assert!(matches!(cache.copy(2), Err(ModelError::ContextFull { capacity: 2, needed: 8 })), "a copy needs room");
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

#[test]
fn forks_share_what_they_have_seen_and_equal_caches_of_their_own_to_the_bit() {
    for decoder in [DType::F32, DType::F16].map(decoder_of) {
        let mut cache = decoder.new_cache(200).unwrap();
        run(&decoder, &mut cache, &IDS, &mut ());
        let bytes = cache.bytes();
        let mut forks = [cache.fork(), cache.fork()];
        assert_eq!(forks.each_ref().map(|fork| fork.shared_len(&cache)), [IDS.len(); 2], "all of the memory");
        // Each goes on by itself, and forks again on the way: short runs, a rewind, and more than one run is long.
        let mut alone = [0, 1].map(|_| decoder.new_cache(200).unwrap());
        for cache in &mut alone {
            run(&decoder, cache, &IDS, &mut ());
        }
        for step in 0..150_u32 {
            for (idx, (fork, alone)) in forks.iter_mut().zip(&mut alone).enumerate() {
                let id = (7 * step + 11 * u32::try_from(idx).unwrap()) % 48;
                let (found, expected) = (run(&decoder, fork, &[id], &mut ()), run(&decoder, alone, &[id], &mut ()));
                assert_eq!(bits(&found), bits(&expected), "step {step} of fork {idx}");
            }
            if step % 5 == 0 {
                let kept = forks.each_ref().map(KvCache::fork);
                forks = kept;
            }
            if step == 90 {
                // Into what both share, and into a run of its own.
                for (fork, alone) in forks.iter_mut().zip(&mut alone) {
                    fork.truncate(60);
                    alone.truncate(60);
                }
            }
        }
        assert!(forks.iter().all(|fork| fork.shared_len(&cache) == IDS.len()), "the prompt is there once");
        assert!(forks.iter().all(|fork| fork.bytes() < 2 * bytes), "and what is not shared is small");
        let found = run(&decoder, &mut cache, &[13], &mut ());
        let mut again = decoder.new_cache(20).unwrap();
        run(&decoder, &mut again, &IDS, &mut ());
        let expected = run(&decoder, &mut again, &[13], &mut ());
        assert_eq!(bits(&found), bits(&expected), "the original is not disturbed by its forks");
        // Several positions at once go through the matrix product.
        let (found, expected) =
            (run(&decoder, &mut forks[1], &IDS, &mut ()), run(&decoder, &mut alone[1], &IDS, &mut ()));
        assert_eq!(bits(&found), bits(&expected), "a longer piece behind several runs");
    }
}

#[test]
fn a_cache_that_nobody_shares_any_more_is_written_in_place() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(16).unwrap();
    run(&decoder, &mut cache, &IDS, &mut ());
    let before = cache.bytes();
    drop(cache.fork());
    run(&decoder, &mut cache, &[5], &mut ());
    assert_eq!(cache.bytes(), before, "no further run was begun");
    let fork = cache.fork();
    run(&decoder, &mut cache, &[6], &mut ());
    assert!(cache.bytes() > before && fork.len() == IDS.len() + 1, "a shared one is left as it is");
}

/// Weights of a decoder whose keys and values are those of the grouped one, repeated for every query head.
fn expanded(weights: &RandomWeights) -> RandomWeights {
    let config = text_config();
    let group = config.num_attention_heads / config.num_key_value_heads;
    let mut overrides = weights.overrides.clone();
    for layer in 0..config.num_hidden_layers {
        for projection in ["k_proj", "v_proj"] {
            let name = format!("language_model.layers.{layer}.self_attn.{projection}.weight");
            let shape = [config.num_key_value_heads * config.head_dim, config.hidden_size];
            let grouped = weights.tensor(&name, &shape, DType::F32, &Device::Cpu).unwrap();
            let heads = (0..config.num_attention_heads)
                .map(|head| grouped.narrow(0, head / group * config.head_dim, config.head_dim).unwrap());
            overrides.insert(name, Tensor::cat(&heads.collect::<Vec<_>>(), 0).unwrap());
        }
    }
    RandomWeights { seed: weights.seed, overrides }
}

#[test]
fn grouped_heads_equal_expanded_ones() {
    let weights = RandomWeights::default();
    let mut config = text_config();
    let grouped = fresh(&decoder_with(&config, &weights), &IDS);
    config.num_key_value_heads = config.num_attention_heads;
    let diff = max_diff(&grouped, &fresh(&decoder_with(&config, &expanded(&weights)), &IDS));
    assert!(diff < CLOSE, "logits differ by {diff}");
}

#[test]
fn permuting_heads_permutes_attention_and_nothing_else() {
    let mut config = text_config();
    config.num_key_value_heads = config.num_attention_heads;
    let weights = RandomWeights::default();
    let order = [2usize, 0, 3, 1];
    let width = config.num_attention_heads * config.head_dim;
    let mut permuted = RandomWeights::default();
    for layer in 0..config.num_hidden_layers {
        for (projection, shape, dim) in [
            ("q_proj", [width, config.hidden_size], 0),
            ("k_proj", [width, config.hidden_size], 0),
            ("v_proj", [width, config.hidden_size], 0),
            ("o_proj", [config.hidden_size, width], 1),
        ] {
            let name = format!("language_model.layers.{layer}.self_attn.{projection}.weight");
            let tensor = weights.tensor(&name, &shape, DType::F32, &Device::Cpu).unwrap();
            let heads = order.map(|head| tensor.narrow(dim, head * config.head_dim, config.head_dim).unwrap());
            permuted.overrides.insert(name, Tensor::cat(&heads, dim).unwrap().contiguous().unwrap());
        }
    }
    let (mut plain_seen, mut permuted_seen) = (Recorder::default(), Recorder::default());
    let (plain, permuted) = (decoder_with(&config, &weights), decoder_with(&config, &permuted));
    let plain_logits = run(&plain, &mut plain.new_cache(8).unwrap(), &IDS, &mut plain_seen);
    let permuted_logits = run(&permuted, &mut permuted.new_cache(8).unwrap(), &IDS, &mut permuted_seen);
    assert!(max_diff(&plain_logits, &permuted_logits) < CLOSE, "the order of heads must not matter");
    for ((_, plain), (_, permuted)) in plain_seen.probs.iter().zip(&permuted_seen.probs) {
        for (head, from) in order.into_iter().enumerate() {
            let diff = max_diff(&permuted.get(head).unwrap(), &plain.get(from).unwrap());
            assert!(diff < CLOSE, "head {head} is not head {from}: {diff}");
        }
    }
}

#[test]
fn linear_rope_scaling_stretches_positions() {
    // With factor 2, position 2 turns as position 1 does without: the first token's key seen from position 2.
    let scaled = crate::checkpoint::TextConfig {
        rope_scaling: crate::checkpoint::RopeScaling::Linear { factor: 2.0 },
        ..text_config()
    };
    let angles = |config, start| {
        crate::model::rope::Rope::new(config).angles(&Positions::one_row([start]), &Device::Cpu).unwrap()
    };
    let ((cos, sin), (scaled_cos, scaled_sin)) = (angles(&text_config(), 3), angles(&scaled, 6));
    assert!(max_diff(&cos, &scaled_cos) < 1e-6, "cosines");
    assert!(max_diff(&sin, &scaled_sin) < 1e-6, "sines");
}

/// **Source** of the frequencies: transformers 5.23, `ROPE_INIT_FUNCTIONS["llama3"]` and the formula that llama.cpp
/// documents for divisors.
#[test]
fn frequencies_are_scaled_pair_by_pair() {
    let scaling = |context| crate::checkpoint::RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: context,
    };
    let base = crate::checkpoint::TextConfig { head_dim: 12, rope_theta: 100.0, ..text_config() };
    let sines = |config: &crate::checkpoint::TextConfig, position: usize| -> Vec<f32> {
        let (_, sin) =
            crate::model::rope::Rope::new(config).angles(&Positions::one_row([position]), &Device::Cpu).unwrap();
        sin.flatten_all().unwrap().to_vec1().unwrap()
    };
    let expected: [f32; 6] = [1.0, 0.242_669_84, 0.033_041_05, 0.0125, 0.005_801_986, 0.002_693_043_6];
    for position in [1_usize, 31, 32, 33, 500] {
        let found = sines(&crate::checkpoint::TextConfig { rope_scaling: scaling(32), ..base.clone() }, position);
        for (pair, (found, frequency)) in found.iter().zip(expected).enumerate() {
            let wanted = (position as f32 * frequency).sin();
            assert!((found - wanted).abs() < 1e-4, "pair {pair} at {position}: {found}, not {wanted}");
        }
    }
    let divisors = vec![1.0, 1.5, 2.0, 4.0, 8.0, 8.0];
    let linear = crate::checkpoint::RopeScaling::Linear { factor: 2.0 };
    let config =
        crate::checkpoint::TextConfig { rope_scaling: linear, rope_divisors: divisors.clone(), ..base.clone() };
    for (pair, (found, divisor)) in sines(&config, 40).iter().zip(divisors).enumerate() {
        let wanted = (40.0 / 100_f32.powf(pair as f32 / 6.0) / 2.0 / divisor).sin();
        assert!((found - wanted).abs() < 1e-5, "pair {pair}: {found}, not {wanted}");
    }
    let ones = crate::checkpoint::TextConfig { rope_divisors: vec![1.0; 6], ..base.clone() };
    assert_eq!(sines(&ones, 77), sines(&base, 77), "ones change no bit");
}

#[test]
fn biases_and_tied_embeddings_are_used() {
    let base = text_config();
    let plain = fresh(&decoder_with(&base, &RandomWeights::default()), &IDS);
    let variants = [
        crate::checkpoint::TextConfig { qkv_bias: true, ..base.clone() },
        crate::checkpoint::TextConfig { o_bias: true, ..base.clone() },
        crate::checkpoint::TextConfig { mlp_bias: true, ..base.clone() },
        crate::checkpoint::TextConfig { tie_word_embeddings: true, ..base },
    ];
    for config in variants {
        let logits = fresh(&decoder_with(&config, &RandomWeights::default()), &IDS);
        assert!(max_diff(&plain, &logits) > 1e-2, "the variant changes nothing: {config:?}");
    }
}

#[test]
fn refused_inputs_are_named() {
    let decoder = decoder();
    let mut cache = decoder.new_cache(4).unwrap();
    let mut forward = |embeddings: Tensor| {
        let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
        decoder.forward(&mut branches, LogitRows::Last, &mut ()).map(|_| ()).unwrap_err()
    };
    let err = forward(decoder.embed(&IDS).unwrap());
    assert!(matches!(err, ModelError::ContextFull { capacity: 4, needed: 7 }), "no room: {err}");
    let err = forward(decoder.embed(&[]).unwrap());
    assert!(matches!(err, ModelError::EmptyPrompt), "nothing to run: {err}");
    let err = forward(Tensor::zeros((2, 23), DType::F32, &Device::Cpu).unwrap());
    assert!(matches!(err, ModelError::InputShape { .. }), "wrong width: {err}");
    let err = decoder.embed(&[1, 50]).unwrap_err();
    assert!(matches!(err, ModelError::TokenOutOfRange { id: 50, position: 1, vocab_size: 50 }), "no such id: {err}");
    assert!(decoder.forward(&mut [], LogitRows::Last, &mut ()).unwrap().is_empty(), "no branches, no logits");
}

#[test]
fn cache_of_another_decoder_is_refused() {
    let decoder = decoder();
    let deeper = crate::checkpoint::TextConfig { num_hidden_layers: 4, ..text_config() };
    let mut cache = decoder_with(&deeper, &RandomWeights::default()).new_cache(4).unwrap();
    let embeddings = decoder.embed(&[1]).unwrap();
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
    let err = decoder.forward(&mut branches, LogitRows::Last, &mut ()).unwrap_err();
    assert!(matches!(err, ModelError::CacheMismatch { expected: 3, found: 4 }), "found {err}");
}

#[test]
fn cache_says_how_large_it_is() {
    let cache = decoder().new_cache(10).unwrap();
    // 3 layers, keys and values, 2 heads, 10 positions, 6 wide, 4 bytes.
    assert_eq!(cache.bytes(), 3 * 2 * 2 * 10 * 6 * 4, "bytes of keys and values");
    assert!(cache.is_empty() && cache.capacity() == 10, "empty, with room for ten");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]

    /// Prompts of any lengths, cut anywhere, run together: the logits of each are those of its own uncut run.
    #[test]
    fn any_cut_of_any_branches_gives_the_same_logits(
        prompts in proptest::collection::vec(proptest::collection::vec(0u32..50, 2..9), 1..4),
        cuts in proptest::collection::vec(1usize..8, 3),
        kv_heads in proptest::sample::select(vec![1usize, 2, 4]),
    ) {
        let config = crate::checkpoint::TextConfig { num_key_value_heads: kv_heads, ..text_config() };
        let decoder = decoder_with(&config, &RandomWeights::default());
        let mut caches: Vec<_> = prompts.iter().map(|ids| decoder.new_cache(ids.len()).unwrap()).collect();
        let mut rows: Vec<Vec<Tensor>> = vec![Vec::new(); prompts.len()];
        for half in 0..2 {
            let parts = prompts.iter().zip(&cuts).map(|(ids, cut)| {
                let (head, tail) = ids.split_at((*cut).min(ids.len() - 1));
                decoder.embed(if half == 0 { head } else { tail }).unwrap()
            });
            let mut branches: Vec<_> = caches.iter_mut().zip(parts).enumerate()
                .map(|(branch_idx, (cache, embeddings))| BranchInput::counted(branch_idx, cache, embeddings))
                .collect();
            let logits = decoder.forward(&mut branches, LogitRows::All, &mut ()).unwrap();
            rows.iter_mut().zip(logits).for_each(|(rows, logits)| rows.push(logits));
        }
        for (ids, rows) in prompts.iter().zip(&rows) {
            let diff = max_diff(&Tensor::cat(rows, 0).unwrap(), &fresh(&decoder, ids));
            proptest::prop_assert!(diff < CLOSE, "logits differ by {diff}");
        }
    }
}

#[test]
fn positions_are_data_of_a_branch() {
    let decoder = decoder();
    let last = |positions: Positions| -> Result<Tensor, ModelError> {
        let mut cache = decoder.new_cache(4).unwrap();
        let (cache, embeddings) = (&mut cache, decoder.embed(&[1, 17, 4, 33]).unwrap());
        let input = BranchInput { positions, ..BranchInput::counted(0, cache, embeddings) };
        Ok(decoder.forward(&mut [input], LogitRows::Last, &mut ())?.remove(0))
    };
    let counted = last(Positions::counted(4)).unwrap();
    let shifted = last(Positions::one_row(7..11)).unwrap();
    assert!(max_diff(&counted, &shifted) < 1e-4, "what counts is how far tokens stand from each other");
    let closer = last(Positions::one_row([0, 1, 1, 1])).unwrap();
    assert!(max_diff(&counted, &closer) > 1e-3, "closer together they attend otherwise");
    for bad in [Positions::counted(3), Positions::three_rows(vec![[0; 3], [1; 3], [2; 3], [3; 3]])] {
        let refused = last(bad).unwrap_err().to_string();
        assert!(refused.starts_with("Expected positions of shape [1, 4], found ["), "{refused}");
    }
}

/// Adds rows to the output of layer 0.
struct Adder(Tensor);

impl Probe for Adder {
    fn wants_hidden(&self, site: &Site) -> bool {
        site.layer_idx == 0
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> candle_core::Result<Option<Tensor>> {
        Some(hidden + self.0.narrow(0, site.query_start, site.query_len)?).transpose()
    }
}

#[test]
fn additions_are_what_a_probe_would_add_in_one_pass_or_several() {
    let decoder = decoder();
    let ids = [1, 17, 4, 33];
    let rows = (decoder.embed(&[9, 8, 7, 6]).unwrap() * 3.0).unwrap();
    let pass = |cache: &mut KvCache, from: usize, to: usize, additions: Additions, probe: &mut dyn Probe| {
        let embeddings = decoder.embed(&ids[from..to]).unwrap();
        let input = BranchInput { additions, ..BranchInput::counted(0, cache, embeddings) };
        decoder.forward(&mut [input], LogitRows::All, probe).unwrap().remove(0)
    };
    let cache = || decoder.new_cache(4).unwrap();
    let expected = pass(&mut cache(), 0, 4, Additions::default(), &mut Adder(rows.clone()));
    let plain = pass(&mut cache(), 0, 4, Additions::default(), &mut ());
    assert!(max_diff(&expected, &plain) > 1e-3, "they change something");
    let additions = || Additions::new(vec![rows.clone()]);
    assert!(max_diff(&expected, &pass(&mut cache(), 0, 4, additions(), &mut ())) < CLOSE, "in one pass");
    let mut cache = cache();
    let parts = [pass(&mut cache, 0, 3, additions(), &mut ()), pass(&mut cache, 3, 4, additions(), &mut ())];
    assert!(max_diff(&expected, &Tensor::cat(&parts, 0).unwrap()) < CLOSE, "in two, by place in the sequence");
}
