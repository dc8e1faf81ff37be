//! Beam search against loops without any cache, with methods whose state is each beam's own.

use super::{SPAN, TOY, image_prompt, lone, named};
use crate::decode::method::{OverTrust, OwnSearch};
use crate::decode::{
    ActiveMethod, Asks, BranchContext, Chosen, Combined, DecodeError, DecoderPrompt, Encode, GenerateOptions,
    Generation, Stack, Step, StopReason, TokenStep, Verdict,
};
use crate::model::fixtures::{RandomWeights, decoder, decoder_with, llava, text_config};
use crate::model::{BranchInput, CancelFlag, Decoder, Embedded, ImagePlace, LogitRows, Probe, Site};
use crate::trace::Sampling;
use candle_core::{Result, Tensor};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

type Made<T> = std::result::Result<T, DecodeError>;

const PROMPT: [u32; 4] = [1, 17, 4, 33];

fn options(width: usize, length_penalty: f64, stops: &[u32], max_new_tokens: usize) -> GenerateOptions {
    let sampling = Sampling { beams: width, length_penalty, ..Sampling::default() };
    let stop_token_ids = stops.to_vec();
    GenerateOptions { max_new_tokens, stop_token_ids, sampling, ..GenerateOptions::default() }
}

/// Logits of the last of these positions, without a cache.
fn logits_of(decoder: &Decoder, embeddings: &Tensor) -> Vec<f32> {
    let mut cache = decoder.new_cache(embeddings.dim(0).unwrap()).unwrap();
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings.clone())];
    decoder.forward(&mut branches, LogitRows::Last, &mut ()).unwrap().remove(0).to_vec1().unwrap()
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
    logits.iter().map(|logit| f64::from(*logit) - max - sum.ln()).collect()
}

/// The answer of `_beam_search` in transformers with `early_stopping=False`, and its score. `logits` are those behind
/// an answer.
fn reference(options: &GenerateOptions, logits: &dyn Fn(&[u32]) -> Vec<f32>) -> (Vec<u32>, f64) {
    let (width, stops) = (options.sampling.beams, &options.stop_token_ids);
    let mut running: Vec<(f64, Vec<u32>)> = vec![(0.0, Vec::new())];
    let mut finished: Vec<(f64, Vec<u32>)> = Vec::new();
    loop {
        let mut all = Vec::new();
        for (score, ids) in &running {
            for (id, logprob) in (0_u32..).zip(log_softmax(&logits(ids))) {
                if logprob.is_finite() {
                    all.push((score + logprob, [&ids[..], &[id]].concat()));
                }
            }
        }
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        all.truncate(width * (1 + stops.len()).max(2));
        let ends = |ids: &[u32]| stops.contains(ids.last().unwrap()) || ids.len() == options.max_new_tokens;
        for (score, ids) in all.iter().take(width).filter(|(_, ids)| ends(ids)) {
            let length = ids.len() as f64;
            finished.push((score / length.powf(options.sampling.length_penalty), ids.clone()));
        }
        finished.sort_by(|a, b| b.0.total_cmp(&a.0));
        finished.truncate(width);
        running = all.into_iter().filter(|(_, ids)| !ends(ids)).take(width).collect();
        let best = running.first().map(|(score, ids)| {
            let length = ids.len() as f64;
            score / length.powf(options.sampling.length_penalty)
        });
        let is_over = match (best, finished.last()) {
            (None, _) => true,
            (Some(best), Some(worst)) => finished.len() == width && best <= worst.0,
            (Some(_), None) => false,
        };
        if is_over {
            let (score, ids) = finished.remove(0);
            return (ids, score);
        }
    }
}

/// Every step in the order in which it was told, the answer that they leave, and why it ended.
fn told(mut generation: Generation<'_>) -> (Vec<TokenStep>, Vec<TokenStep>, StopReason) {
    let (mut all, mut left) = (Vec::new(), Vec::<TokenStep>::new());
    while let Some(step) = generation.step(&mut ()).unwrap() {
        left.truncate(left.len() - step.num_retracted);
        assert_eq!(step.step_idx, left.len(), "a token stands behind those that stand");
        left.push(step.clone());
        all.push(step);
    }
    let ids: Vec<u32> = left.iter().map(|step| step.id).collect();
    assert_eq!(generation.ids(), ids, "the answer is what was told");
    (all, left, generation.stop_reason().unwrap())
}

fn ids(steps: &[TokenStep]) -> Vec<u32> {
    steps.iter().map(|step| step.id).collect()
}

#[test]
fn the_best_of_several_beams_is_that_of_loops_without_a_cache() {
    let decoder = decoder();
    let logits = |answer: &[u32]| logits_of(&decoder, &decoder.embed(&[&PROMPT[..], answer].concat()).unwrap());
    let known = Mutex::new(BTreeMap::<Vec<u32>, Vec<f32>>::new());
    let logits = |answer: &[u32]| {
        let mut known = known.lock().unwrap();
        known.entry(answer.to_vec()).or_insert_with(|| logits(answer)).clone()
    };
    let mut num_retracted = 0;
    for width in [2, 3, 5, 16] {
        for length_penalty in [0.0, 1.0, -0.5, 3.0] {
            for stops in [&[][..], &[2], &[7, 30, 41], &[3, 5, 9, 12, 21, 36]] {
                let options = options(width, length_penalty, stops, 6);
                let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
                let generation = Generation::new(&decoder, Stack::default(), prompts, options.clone()).unwrap();
                let (all, left, stop) = told(generation);
                let (expected, score) = reference(&options, &logits);
                let what = format!("{width} beams, length penalty {length_penalty}, ended by {stops:?}");
                assert_eq!(ids(&left), expected, "{what}");
                let sum: f64 = left.iter().map(|step| f64::from(step.logprob)).sum();
                let found = sum / (left.len() as f64).powf(length_penalty);
                assert!((found - score).abs() < 1e-4, "{what}: {found} is not {score}");
                let ends = stops.contains(expected.last().unwrap());
                assert_eq!(stop == StopReason::StopToken, ends, "{what}: why it ended");
                assert_eq!(left.last().unwrap().is_stop, ends, "{what}: the last token is marked");
                num_retracted += all.iter().map(|step| step.num_retracted).sum::<usize>();
            }
        }
    }
    assert!(num_retracted > 0, "another beam takes the lead somewhere");
}

/// Has its own branch, and a state that grows with every token: a token's logit depends on all before it.
#[derive(Clone, Default)]
struct Stateful {
    history: Vec<u32>,
}

fn stateful(l: &[f32], n: &[f32], history: &[u32]) -> Vec<f32> {
    let mut logits: Vec<f32> = l.iter().zip(n).map(|(l, n)| 1.5 * l - 0.5 * n).collect();
    let at = history.iter().fold(7, |at, id| (at * 31 + *id as usize) % logits.len());
    logits[at] += 2.5;
    logits[(at + 1) % l.len()] = f32::NEG_INFINITY;
    logits
}

impl ActiveMethod for Stateful {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn branches(&mut self, context: &BranchContext<'_>, _: &mut Encode<'_>) -> Made<Vec<DecoderPrompt>> {
        Ok(vec![context.replace_image("toy", None)?])
    }

    fn combine(&mut self, step: &Step<'_>) -> Made<Option<Combined>> {
        self.history.extend(step.answer().last());
        assert_eq!(self.history, step.answer(), "the state is that of its own beam");
        Ok(Some(Combined::of(stateful(step.logits, step.branch()?, &self.history))))
    }
}

#[test]
fn a_method_has_a_branch_and_a_state_in_every_beam() {
    let model = llava();
    let (prompt, features) = image_prompt(&model);
    let prompt_ids = prompt.ids.clone();
    let embeddings = prompt.embeddings.clone();
    let blind: Vec<u32> = [&prompt_ids[..SPAN.start], &prompt_ids[SPAN.end()..]].concat();
    let logits = |answer: &[u32]| {
        let decoder = model.decoder();
        let behind = |rows: &Tensor| match answer {
            [] => rows.clone(),
            some => Tensor::cat(&[rows, &decoder.embed(some).unwrap()], 0).unwrap(),
        };
        let (l, n) =
            (logits_of(decoder, &behind(&embeddings)), logits_of(decoder, &behind(&decoder.embed(&blind).unwrap())));
        stateful(&l, &n, answer)
    };
    for (width, length_penalty, stops) in [(2, 1.0, &[2][..]), (3, 0.0, &[5, 11][..]), (4, 2.0, &[2, 3, 4][..])] {
        let context = BranchContext {
            model: &model,
            ids: &prompt_ids,
            image: Some(ImagePlace::new(SPAN, &features)),
            pixel_values: None,
            cls: None,
            seed: 1,
            first_branch_idx: 1,
        };
        let mut methods = lone(Stateful::default());
        let mut prompts = vec![DecoderPrompt::new(prompt_ids.clone(), Embedded::counted(embeddings.clone()))];
        prompts.extend(methods.branches(&context, &mut |_| unreachable!("no other image")).unwrap());
        let options = options(width, length_penalty, stops, 7);
        let generation = Generation::new(model.decoder(), methods, prompts, options.clone()).unwrap();
        let (_, left, _) = told(generation);
        assert_eq!(ids(&left), reference(&options, &logits).0, "{width} beams");
        for step in &left {
            assert_eq!(step.branch_logits.len(), 2, "both branches of each beam");
            let removed = step.final_logits.as_ref().unwrap().iter().filter(|logit| logit.is_infinite()).count();
            assert_eq!(removed, 1, "what the method removed");
        }
    }
}

#[test]
fn registered_methods_act_in_every_beam_and_count_those_of_the_answer() {
    let model = llava();
    let (prompt, features) = image_prompt(&model);
    let prompt_ids = prompt.ids.clone();
    let pixel_values = crate::model::fixtures::random_tensor(5, &[3, 12, 12], 1.5);
    let context = BranchContext {
        model: &model,
        ids: &prompt_ids,
        image: Some(ImagePlace::new(SPAN, &features)),
        pixel_values: Some(&pixel_values),
        cls: None,
        seed: 1,
        first_branch_idx: 1,
    };
    let mut methods = named(&[("vcd", &[("beta", "0")]), ("m3id", &[("threshold", "1")])]);
    let mut prompts = vec![DecoderPrompt::new(prompt_ids.clone(), Embedded::counted(prompt.embeddings.clone()))];
    let mut encode = |seen: &Tensor| Ok(model.encode_image(seen, &mut ())?);
    prompts.extend(methods.branches(&context, &mut encode).unwrap());
    let mut generation = Generation::new(model.decoder(), methods, prompts, options(4, 1.0, &[2], 5)).unwrap();
    let mut left: Vec<TokenStep> = Vec::new();
    while let Some(step) = generation.step(&mut ()).unwrap() {
        left.truncate(left.len() - step.num_retracted);
        left.push(step);
    }
    for (_, report) in generation.methods().reports() {
        assert_eq!(report.num_calls, left.len(), "{}: once for each token of the answer", report.id);
    }
    for step in &left {
        let methods: Vec<_> = step.actions.iter().map(|action| action.method.as_str()).collect();
        assert_eq!(methods, ["vcd", "m3id"], "what each did is told of the answer's own tokens");
    }
    assert_eq!(
        generation.into_caches().iter().map(crate::model::KvCache::len).max(),
        Some(prompt_ids.len()),
        "prompts"
    );
}

#[test]
fn every_registered_method_has_a_copy_for_every_beam() {
    for method in crate::decode::METHODS {
        let parameters: &[(&str, &str)] = if method.id() == "knockout" { &[("patches", "0.0")] } else { &[] };
        named(&[(method.id(), parameters)]).check_forks().unwrap();
    }
}

#[test]
fn what_several_beams_cannot_do_is_refused_by_name_before_anything_runs() {
    struct Single;
    impl ActiveMethod for Single {}
    struct Retracts;
    impl ActiveMethod for Retracts {
        fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
            Some(Box::new(Self))
        }

        fn may_retract(&self) -> bool {
            true
        }
    }
    let decoder = decoder();
    let refused = |methods: Stack, options: GenerateOptions| {
        let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
        Generation::new(&decoder, methods, prompts, options).map(|_| ()).unwrap_err().to_string()
    };
    let two = || options(2, 1.0, &[2], 4);
    let single = "Expected 1 beam with toy, which keeps no separate state for each of several";
    assert_eq!(refused(lone(Single), two()), single, "it has no copy");
    assert_eq!(
        refused(lone(Retracts), two()),
        "Expected 1 beam with toy, which takes tokens back itself",
        "two searches"
    );
    let sampling = Sampling { temperature: 0.5, ..two().sampling };
    let drawn = "Expected temperature 0 with 2 beams, which are not drawn at random, found 0.5";
    assert_eq!(refused(Stack::default(), GenerateOptions { sampling, ..two() }), drawn, "nothing is drawn");
    for (width, length_penalty, expected) in [
        (0, 1.0, "Expected beam search to get beams as a whole number from 1 to 16, found 0"),
        (17, 1.0, "Expected beam search to get beams as a whole number from 1 to 16, found 17"),
        (2, f64::NAN, "Expected beam search to get length_penalty as a number from -100 to 100, found NaN"),
    ] {
        assert_eq!(refused(Stack::default(), options(width, length_penalty, &[], 4)), expected, "out of bounds");
    }
    let stacked = Stack::new(vec![(&TOY, Box::new(Single))]);
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    assert!(Generation::new(&decoder, stacked, prompts, options(1, 1.0, &[], 2)).is_ok(), "one beam takes any method");
}

#[test]
fn what_an_answer_begins_with_is_neither_scored_nor_counted() {
    let decoder = decoder();
    let forced = vec![40, 9, 12];
    let longer = [&PROMPT[..], &forced].concat();
    let free = |prompt: &[u32], options: GenerateOptions| {
        let prompts = vec![DecoderPrompt::text(&decoder, prompt.to_vec()).unwrap()];
        told(Generation::new(&decoder, Stack::default(), prompts, options).unwrap())
    };
    let (_, expected, _) = free(&longer, options(3, 2.0, &[2, 7], 5));
    let (_, found, _) = free(&PROMPT, GenerateOptions { forced: forced.clone(), ..options(3, 2.0, &[2, 7], 8) });
    assert_eq!(ids(&found), [&forced[..], &ids(&expected)].concat(), "as if it were the prompt's");
}

/// Writes down which rows it is shown, layer by layer.
#[derive(Default)]
struct Rows {
    row_id: u64,
    seen: BTreeMap<u64, Vec<usize>>,
    tokens: BTreeMap<u64, Vec<f32>>,
}

impl Probe for Rows {
    fn turn_to(&mut self, row_id: u64) {
        self.row_id = row_id;
    }

    fn wants_probs(&self, site: &Site) -> bool {
        site.branch_idx == 0
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.seen.entry(self.row_id).or_default().push(site.layer_idx);
        let row = probs.narrow(1, site.query_len - 1, 1)?.flatten_all()?.to_vec1::<f32>()?;
        self.tokens.entry(self.row_id).or_default().extend(row);
        Ok(None)
    }
}

#[test]
fn rows_are_named_so_that_those_of_the_answer_are_found_again() {
    let decoder = decoder();
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    let mut generation = Generation::new(&decoder, Stack::default(), prompts, options(3, 0.0, &[2], 6)).unwrap();
    let (mut rows, mut left) = (Rows::default(), Vec::<TokenStep>::new());
    let mut cancelled = CancelFlag::default();
    cancelled.cancel();
    assert!(generation.step(&mut cancelled).is_err(), "the step can be tried again");
    while let Some(step) = generation.step(&mut rows).unwrap() {
        left.truncate(left.len() - step.num_retracted);
        left.push(step);
        let live = generation.live_rows().unwrap();
        assert!(left.iter().all(|step| live.contains(&step.row_id)), "what stands is live");
        assert!(live.len() < 3 * 2 * 7, "what no beam has any more is not");
    }
    assert!(rows.seen.values().all(|layers| *layers == [0, 1, 2]), "whole rows, one after the other: {:?}", rows.seen);
    for (t, step) in left.iter().enumerate() {
        let answer = ids(&left);
        let embeddings = decoder.embed(&[&PROMPT[..], &answer[..t]].concat()).unwrap();
        let mut alone = Rows::default();
        let mut cache = decoder.new_cache(20).unwrap();
        let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
        decoder.forward(&mut branches, LogitRows::Last, &mut alone).unwrap();
        let (found, expected) = (&rows.tokens[&step.row_id], &alone.tokens[&0]);
        let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(found.len() == expected.len() && worst < 1e-5, "row of token {t} is its own: {worst}");
    }
}

#[test]
fn methods_are_told_what_was_taken_back() {
    struct Back {
        is_done: bool,
        told: Arc<Mutex<Vec<usize>>>,
    }
    impl ActiveMethod for Back {
        fn may_retract(&self) -> bool {
            true
        }

        fn judge(&mut self, chosen: &Chosen<'_>) -> Made<Verdict> {
            if self.is_done || chosen.step_idx < 3 {
                return Ok(Verdict::Keep);
            }
            self.is_done = true;
            Ok(Verdict::Retract { to_len: 1, barred: Vec::new() })
        }

        fn rewound(&mut self, to_len: usize) {
            self.told.lock().unwrap().push(to_len);
        }
    }
    let (decoder, to_len) = (decoder(), Arc::new(Mutex::new(Vec::new())));
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    let methods = lone(Back { is_done: false, told: Arc::clone(&to_len) });
    told(Generation::new(&decoder, methods, prompts, options(1, 1.0, &[], 5)).unwrap());
    assert_eq!(*to_len.lock().unwrap(), [1], "once, with what stands");
}

/// Searches as OPERA does, without a method's own parameters.
#[derive(Clone)]
struct OverTrusting(OverTrust);

impl ActiveMethod for OverTrusting {
    fn asks(&self) -> Asks {
        Asks { attention: vec![self.0.last_layer_idx], ..Asks::default() }
    }

    fn search(&self) -> Option<OwnSearch> {
        Some(OwnSearch::Opera(self.0))
    }

    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }
}

#[test]
fn opera_chooses_the_last_token_of_a_full_context_without_running_candidates() {
    let how = OverTrust {
        beams: 2,
        candidates: 1,
        scale: 50.0,
        threshold: 15,
        weight: 0.0,
        warm_up: 0,
        factor: 1e-7,
        window: 512,
        by_slot: false,
        last_layer_idx: 2,
        image: crate::ids::TokenSpan { start: 1, len: 1 },
    };
    for spare in 0..3 {
        let max_position_embeddings = PROMPT.len() + spare;
        let config = crate::checkpoint::TextConfig { max_position_embeddings, ..text_config() };
        let decoder = decoder_with(&config, &RandomWeights::default());
        let run = |methods: Stack, width: usize| {
            let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
            told(Generation::new(&decoder, methods, prompts, options(width, 1.0, &[], 9)).unwrap())
        };
        let (_, plain, _) = run(Stack::default(), 1);
        let (_, beams, _) = run(Stack::default(), 2);
        for candidates in [3, 50] {
            let what = format!("{spare} positions, {candidates} candidates");
            let (_, found, stop) = run(lone(OverTrusting(OverTrust { candidates, ..how })), 1);
            assert_eq!((found.len(), stop), (plain.len(), StopReason::ContextFull), "{what}: as plain decoding");
            let action = &found.last().unwrap().actions[0];
            assert!(action.note.as_ref().unwrap().ends_with("at the end of the context"), "{what}: {action:?}");
            assert_eq!(action.num_removed, 50 - candidates, "{what}: no others");
            // All of them, without a penalty, are what beam search looks at.
            assert!(candidates < 50 || ids(&found) == ids(&beams), "{what}: beam search");
        }
    }
}
