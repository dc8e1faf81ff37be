//! The loop: greedy and sampled, stops, branches, cancelling, nonsense.

use super::{image_prompt, lone, named};
use crate::decode::{
    ActiveMethod, BranchContext, Combined, DecodeError, DecoderPrompt, Encode, GenerateOptions, Generated, Generation,
    Stack, Step, StopReason, TokenStep, generate,
};
use crate::model::fixtures::{RandomWeights, decoder, decoder_with, llava, random_tensor, text_config};
use crate::model::{BranchInput, CancelFlag, Decoder, ImagePlace, LogitRows, ModelError, Probe, ProbeChain, Site};
use crate::trace::Sampling;
use candle_core::{Result, Tensor};

const PROMPT: [u32; 4] = [1, 17, 4, 33];

fn options(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions { max_new_tokens, ..GenerateOptions::default() }
}

fn answer(decoder: &Decoder, options: GenerateOptions) -> (Generated, Vec<TokenStep>) {
    let prompts = vec![DecoderPrompt::text(decoder, PROMPT.to_vec()).unwrap()];
    let mut steps = Vec::new();
    let plain = Stack::default();
    let generated = generate(decoder, plain, prompts, options, &mut (), &mut |step| steps.push(step.clone())).unwrap();
    (generated, steps)
}

/// Logits of the last of `ids`, without a cache.
fn uncached(decoder: &Decoder, ids: &[u32]) -> Vec<f32> {
    let mut cache = decoder.new_cache(ids.len()).unwrap();
    let embeddings = decoder.embed(ids).unwrap();
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
    decoder.forward(&mut branches, LogitRows::Last, &mut ()).unwrap().remove(0).to_vec1().unwrap()
}

fn argmax(logits: &[f32]) -> u32 {
    (0u32..).zip(logits).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0
}

#[test]
fn greedy_answer_is_the_argmax_of_uncached_passes() {
    let decoder = decoder();
    let (generated, steps) = answer(&decoder, options(12));
    assert_eq!(generated.stop, StopReason::MaxNewTokens, "no stop tokens were given");
    let mut context = PROMPT.to_vec();
    for (step_idx, step) in steps.iter().enumerate() {
        let logits = uncached(&decoder, &context);
        assert_eq!(step.id, argmax(&logits), "token {step_idx}");
        let diff = step.branch_logits[0].iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(diff < 1e-5, "logits of token {step_idx} differ by {diff}");
        assert_eq!(
            (step.step_idx, step.query_position),
            (step_idx, context.len() - 1),
            "predicted by the last position"
        );
        assert_eq!(step.candidates.len(), 20, "twenty candidates");
        assert_eq!((step.candidates[0].id, step.candidates[0].logprob), (step.id, step.logprob), "greedy is the first");
        assert!(step.final_logits.is_none(), "plain decoding leaves the logits alone");
        context.push(step.id);
    }
    assert_eq!(generated.ids, context[PROMPT.len()..], "as they were shown");
}

#[test]
fn answers_end_at_a_stop_token_which_they_contain() {
    let decoder = decoder();
    let (free, _) = answer(&decoder, options(8));
    let stop = free.ids[3];
    let first = free.ids.iter().position(|id| *id == stop).unwrap();
    let (stopped, steps) = answer(&decoder, GenerateOptions { stop_token_ids: vec![99, stop], ..options(8) });
    assert_eq!(stopped.ids, free.ids[..=first], "up to and with the stop token");
    assert_eq!(stopped.stop, StopReason::StopToken, "and it says why");
    assert!(steps.last().unwrap().is_stop && !steps[0].is_stop || first == 0, "the last token is marked");
}

#[test]
fn answers_end_where_the_model_has_no_positions() {
    let config = crate::checkpoint::TextConfig { max_position_embeddings: 7, ..text_config() };
    let decoder = decoder_with(&config, &RandomWeights::default());
    let (generated, _) = answer(&decoder, options(20));
    // Four prompt positions and three fed back; the fourth token is predicted by the seventh position.
    assert_eq!((generated.ids.len(), generated.stop), (4, StopReason::ContextFull), "a full context is no error");
    let long = DecoderPrompt::text(&decoder, vec![1; 8]).unwrap();
    let plain = named(&[("plain", &[])]);
    let err = Generation::new(&decoder, plain, vec![long], options(1)).map(|_| ()).unwrap_err();
    assert_eq!(err.to_string(), "Expected at most 7 positions, found 8", "a prompt that does not fit is one");
}

#[test]
fn no_tokens_wanted_no_tokens_made() {
    let (generated, steps) = answer(&decoder(), options(0));
    assert!(generated.ids.is_empty() && steps.is_empty(), "nothing");
}

#[test]
fn sampling_is_repeated_by_its_seed() {
    let decoder = decoder();
    let sampled = |seed| {
        let sampling = Sampling { temperature: 1.5, top_k: Some(30), top_p: Some(0.95), seed, ..Default::default() };
        answer(&decoder, GenerateOptions { sampling, ..options(16) })
    };
    let (first, steps) = sampled(1);
    assert_eq!(first, sampled(1).0, "same seed");
    assert_ne!(first, sampled(2).0, "another seed");
    let step = &steps[5];
    let logits = &step.branch_logits[0];
    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    let expected = f64::from(logits[step.id as usize]) - sum.ln();
    assert!((f64::from(step.logprob) - expected).abs() < 1e-5, "log-probability at temperature 1, unfiltered");
}

/// Two branches; the answer is chosen from twice the first's logits minus the second's.
struct Contrast;

impl ActiveMethod for Contrast {
    fn branches(
        &mut self,
        context: &BranchContext<'_>,
        _: &mut Encode<'_>,
    ) -> std::result::Result<Vec<DecoderPrompt>, DecodeError> {
        let span = context.image.unwrap().span;
        let ids = [&context.ids[..span.start], &context.ids[span.end()..]].concat();
        Ok(vec![DecoderPrompt::text(context.model.decoder(), ids)?])
    }

    fn combine(&mut self, step: &Step<'_>) -> std::result::Result<Option<Combined>, DecodeError> {
        let logits = step.logits.iter().zip(step.branch()?).map(|(a, b)| 2.0 * a - b).collect();
        Ok(Some(Combined { alpha: Some(1.0), ..Combined::of(logits) }))
    }
}

#[test]
fn contrastive_branches_equal_separate_runs() {
    let model = llava();
    let decoder = model.decoder();
    let (prompt, features) = image_prompt(&model);
    let ids = prompt.ids.clone();
    let context = BranchContext {
        model: &model,
        ids: &ids,
        image: Some(ImagePlace::new(super::SPAN, &features)),
        pixel_values: None,
        cls: None,
        seed: 1,
        first_branch_idx: 1,
    };
    let mut methods = lone(Contrast);
    let mut prompts = vec![prompt];
    prompts.extend(methods.branches(&context, &mut |_| unreachable!("no other image")).unwrap());
    let mut steps = Vec::new();
    generate(decoder, methods, prompts, options(5), &mut (), &mut |step| steps.push(step.clone())).unwrap();

    let mut text: Vec<u32> = vec![1, 7, 8, 30, 12];
    let mut answer = Vec::new();
    for step in &steps {
        let negative = uncached(decoder, &text);
        let diff = step.branch_logits[1].iter().zip(&negative).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(diff < 1e-5, "the second branch has its own context: {diff}");
        let embeddings = model.embed_prompt(&ids, Some((super::SPAN, &features))).unwrap();
        let embeddings = match answer.as_slice() {
            [] => embeddings,
            some => Tensor::cat(&[&embeddings, &decoder.embed(some).unwrap()], 0).unwrap(),
        };
        let mut cache = decoder.new_cache(30).unwrap();
        let mut branches = [BranchInput::counted(0, &mut cache, embeddings)];
        let ordinary: Vec<f32> =
            decoder.forward(&mut branches, LogitRows::Last, &mut ()).unwrap().remove(0).to_vec1().unwrap();
        let diff = step.branch_logits[0].iter().zip(&ordinary).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(diff < 1e-5, "the first branch is the ordinary run: {diff}");
        let combined: Vec<f32> = ordinary.iter().zip(&negative).map(|(a, b)| 2.0 * a - b).collect();
        assert_eq!(step.id, argmax(&combined), "chosen from the combined logits");
        assert!(step.final_logits.is_some(), "which are kept");
        text.push(step.id);
        answer.push(step.id);
    }
}

/// Query rows of every branch in the passes it sees.
#[derive(Default)]
struct Rows(Vec<(usize, usize)>);

impl Probe for Rows {
    fn wants_hidden(&self, site: &Site) -> bool {
        site.layer_idx == 0
    }

    fn hidden(&mut self, site: &Site, _: &Tensor) -> Result<Option<Tensor>> {
        self.0.push((site.query_start, site.query_len));
        Ok(None)
    }
}

#[test]
fn a_prefix_that_branches_share_is_computed_once() {
    let decoder = decoder();
    let prompt = |ids: &[u32]| DecoderPrompt::text(&decoder, ids.to_vec()).unwrap();
    let prompts = || vec![prompt(&[1, 17, 4, 33, 9]), prompt(&[1, 17, 4, 8])];
    let vcd = || named(&[("vcd", &[])]);
    let mut apart = Generation::new(&decoder, vcd(), prompts(), options(6)).unwrap();
    let mut shares = Generation::new(&decoder, vcd(), prompts(), options(6)).unwrap();
    shares.share_prefix(1, 3).unwrap();
    let mut cancelled = CancelFlag::default();
    cancelled.cancel();
    assert!(shares.step(&mut cancelled).is_err(), "the step can be tried again");
    let mut rows = Rows::default();
    while let Some(found) = shares.step(&mut rows).unwrap() {
        let expected = apart.step(&mut ()).unwrap().unwrap();
        assert_eq!(found.id, expected.id, "the same token");
        for (found, expected) in found.branch_logits.iter().zip(&expected.branch_logits) {
            let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "the same logits, found {worst}");
        }
    }
    assert_eq!(rows.0[..4], [(0, 5), (3, 1), (5, 1), (4, 1)], "the other branch starts behind what it shares");

    let mut never = Generation::new(&decoder, vcd(), prompts(), options(6)).unwrap();
    never.share_prefix(1, 99).unwrap();
    let lens: Vec<usize> = never.into_caches().iter().map(crate::model::KvCache::len).collect();
    assert_eq!(lens, [0, 0], "what was only promised is not handed on");
}

#[test]
fn a_strategy_that_returns_too_few_logits_is_refused() {
    struct Short;
    impl ActiveMethod for Short {
        fn combine(&mut self, _: &Step<'_>) -> std::result::Result<Option<Combined>, DecodeError> {
            Ok(Some(Combined::of(vec![0.0; 3])))
        }
    }
    let decoder = decoder();
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    let err = generate(&decoder, lone(Short), prompts, options(1), &mut (), &mut |_| ()).unwrap_err();
    assert!(matches!(err, DecodeError::StrategyShape { expected: 50, found: 3 }), "found {err}");
}

#[test]
fn logits_that_are_not_finite_end_the_answer_with_an_error() {
    let mut weights = RandomWeights::default();
    let head = random_tensor(3, &[50, 24], 0.3).to_vec2::<f32>().unwrap();
    let head = head.into_iter().enumerate().map(|(row, values)| if row == 41 { vec![f32::NAN; 24] } else { values });
    let head = Tensor::new(head.collect::<Vec<_>>(), &candle_core::Device::Cpu).unwrap();
    weights.overrides.insert("lm_head.weight".to_owned(), head);
    let decoder = decoder_with(&text_config(), &weights);
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    let plain = named(&[("plain", &[])]);
    let err = generate(&decoder, plain, prompts, options(3), &mut (), &mut |_| ()).unwrap_err();
    let expected = "Expected finite logits for generated token 0 in branch 0, found NaN at id 41";
    assert_eq!(err.to_string(), expected, "token, branch and id are named");
}

/// Raises the flag in one layer of one pass.
struct CancelAt {
    pass: usize,
    seen: usize,
    flag: CancelFlag,
}

impl Probe for CancelAt {
    fn wants_hidden(&self, site: &Site) -> bool {
        site.layer_idx == 1
    }

    fn hidden(&mut self, _: &Site, _: &Tensor) -> Result<Option<Tensor>> {
        if self.seen == self.pass {
            self.flag.cancel();
        }
        self.seen += 1;
        Ok(None)
    }
}

#[test]
fn a_cancelled_answer_keeps_its_tokens_and_can_go_on() {
    let decoder = decoder();
    let (whole, _) = answer(&decoder, options(6));
    let prompts = vec![DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap()];
    let plain = named(&[("plain", &[])]);
    let mut generation = Generation::new(&decoder, plain, prompts, options(6)).unwrap();
    let mut flag = CancelFlag::default();
    let mut cancel = CancelAt { pass: 2, seen: 0, flag: flag.clone() };
    let mut steps = 0;
    let err = loop {
        match generation.step(&mut ProbeChain::new().with(&mut cancel).with(&mut flag)) {
            Ok(Some(_)) => steps += 1,
            Ok(None) => panic!("the answer ended before it was cancelled"),
            Err(err) => break err,
        }
    };
    assert!(err.is_cancelled(), "recognisable: {err}");
    assert_eq!((steps, generation.ids()), (2, &whole.ids[..2]), "what came before stays");
    while generation.step(&mut ()).unwrap().is_some() {}
    assert_eq!(generation.ids(), whole.ids, "the rest is what it would have been");
    assert_eq!(generation.stop_reason(), Some(StopReason::MaxNewTokens), "and it says why it ended");
    assert!(generation.cache_bytes() > 0, "keys and values are counted");
}

#[test]
fn an_answer_needs_a_prompt() {
    let decoder = decoder();
    let plain = || named(&[("plain", &[])]);
    let err = Generation::new(&decoder, plain(), Vec::new(), options(1)).map(|_| ()).unwrap_err();
    assert!(matches!(err, DecodeError::Model(ModelError::EmptyPrompt)), "no branch: {err}");
    let mut short = DecoderPrompt::text(&decoder, PROMPT.to_vec()).unwrap();
    short.ids.pop();
    let err = Generation::new(&decoder, plain(), vec![short], options(1)).map(|_| ()).unwrap_err();
    assert!(matches!(err, DecodeError::Model(ModelError::InputShape { .. })), "ids and embeddings differ: {err}");
    let empty = vec![DecoderPrompt::text(&decoder, Vec::new()).unwrap()];
    let err = generate(&decoder, plain(), empty, options(1), &mut (), &mut |_| ()).unwrap_err();
    assert!(matches!(err, DecodeError::Model(ModelError::EmptyPrompt)), "no token: {err}");
}
