//! What a method may use, and methods one behind the other.

use super::{SPAN, TOY, given, image_prompt, lone, named};
use crate::checkpoint::TextConfig;
use crate::decode::{
    Acted, ActiveMethod, Asks, BranchContext, Chosen, Combined, DecodeError, DecoderPrompt, Encode, GenerateOptions,
    Generated, Readout, Stack, Step, TokenStep, Verdict, Word, build, generate,
};
use crate::model::fixtures::{RandomWeights, decoder, decoder_with, llava, text_config};
use crate::model::{BranchInput, Decoder, ImagePlace, LogitRows, Probe, Site, Tower};
use candle_core::{Result, Tensor};
use std::sync::{Arc, Mutex};

type Made<T> = std::result::Result<T, DecodeError>;

const NUM_LAYERS: usize = 3;

fn options(max_new_tokens: usize) -> GenerateOptions {
    GenerateOptions { max_new_tokens, ..GenerateOptions::default() }
}

fn close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: as many");
    for (idx, (found, expected)) in found.iter().zip(expected).enumerate() {
        let both_removed = found.is_infinite() && expected.is_infinite();
        let same = both_removed || (found - expected).abs() < 1e-4 * expected.abs().max(1.0);
        assert!(same, "{what}: {found} is not {expected} at {idx}");
    }
}

/// The answer of a stack about the image of [`image_prompt`], its branches made by the stack.
fn answer(methods: &mut Option<Stack>, options: GenerateOptions) -> (Generated, Vec<TokenStep>) {
    let model = llava();
    let (prompt, features) = image_prompt(&model);
    let pixel_values = crate::model::fixtures::random_tensor(5, &[3, 12, 12], 1.5);
    let ids = prompt.ids.clone();
    let context = BranchContext {
        model: &model,
        ids: &ids,
        image: Some(ImagePlace::new(SPAN, &features)),
        pixel_values: Some(&pixel_values),
        cls: None,
        seed: 1,
        first_branch_idx: 1,
    };
    let mut stack = methods.take().unwrap();
    let mut prompts = vec![prompt];
    let mut encode = |seen: &Tensor| Ok(model.encode_image(seen, &mut ())?);
    prompts.extend(stack.branches(&context, &mut encode).unwrap());
    let mut steps = Vec::new();
    let mut generation = crate::decode::Generation::new(model.decoder(), stack, prompts, options).unwrap();
    while let Some(step) = generation.step(&mut ()).unwrap() {
        steps.push(step);
    }
    let stop = generation.stop_reason().unwrap();
    (Generated { ids: generation.ids().to_vec(), stop }, steps)
}

fn stacked(methods: &[(&str, &[(&str, &str)])]) -> Vec<TokenStep> {
    answer(&mut Some(named(methods)), options(4)).1
}

/// A contrast as the papers write it, in f64.
#[expect(clippy::cast_possible_truncation, reason = "logits, computed in f64 for the test's own digits")]
fn contrast(l: &[f32], n: &[f32], alpha: f64, beta: f64) -> Vec<f32> {
    let cutoff = f64::from(l.iter().copied().fold(f32::NEG_INFINITY, f32::max)) + beta.ln();
    let score = |(l, n): (&f32, &f32)| {
        let (l, n) = (f64::from(*l), f64::from(*n));
        if l < cutoff { f32::NEG_INFINITY } else { ((1.0 + alpha) * l - alpha * n) as f32 }
    };
    l.iter().zip(n).map(score).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the same")]
fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    logits.iter().map(|logit| (f64::from(*logit) - sum.ln()) as f32).collect()
}

#[test]
fn a_second_strategy_takes_what_the_first_left_and_each_has_its_own_branch() {
    let vcd: (&str, &[(&str, &str)]) = ("vcd", &[("alpha", "1"), ("beta", "0.2")]);
    let cfg: (&str, &[(&str, &str)]) = ("pai-cfg", &[("gamma", "3"), ("beta", "0.1")]);
    let (first, second) = (stacked(&[vcd]), stacked(&[cfg]));
    for (order, flipped) in [([vcd, cfg], false), ([cfg, vcd], true)] {
        for (t, step) in stacked(&order).iter().enumerate() {
            let [ordinary, a, b] = step.branch_logits.as_slice() else { panic!("three branches") };
            let (noised, blind) = if flipped { (b, a) } else { (a, b) };
            if t == 0 {
                close(noised, &first[0].branch_logits[1], "the noised image's branch");
                close(blind, &second[0].branch_logits[1], "the branch without the image");
                close(ordinary, &first[0].branch_logits[0], "the ordinary branch");
            }
            let expected = if flipped {
                let left = contrast(&log_softmax(ordinary), &log_softmax(blind), 2.0, 0.1);
                contrast(&left, noised, 1.0, 0.2)
            } else {
                let left = contrast(ordinary, noised, 1.0, 0.2);
                contrast(&log_softmax(&left), &log_softmax(blind), 2.0, 0.1)
            };
            close(step.final_logits.as_ref().unwrap(), &expected, "one contrast behind the other");
            assert!(step.contrast.is_none(), "two contrasts are not one");
            let methods: Vec<_> = step.actions.iter().map(|action| action.method.as_str()).collect();
            assert_eq!(methods, [order[0].0, order[1].0], "what each did, in order");
            assert_eq!(step.actions[0].after_id, step.actions[1].before_id, "the second begins where the first ended");
            assert_eq!(step.actions[1].after_id, step.id, "greedy takes what is left");
            let removed = expected.iter().filter(|logit| logit.is_infinite()).count();
            assert_eq!(step.actions.iter().map(|action| action.num_removed).sum::<usize>(), removed, "removed once");
        }
    }
}

#[test]
fn a_lone_strategy_in_a_stack_is_recorded_as_it_is_alone() {
    let alone = stacked(&[("vcd", &[])]);
    let beside = stacked(&[("plain", &[]), ("vcd", &[])]);
    assert_eq!(alone, beside, "plain decoding adds nothing");
    assert!(alone[0].contrast.is_some() && alone[0].actions.is_empty(), "as a contrast");
}

/// Uses everything: its own branch, a probe, what is inside the model.
#[derive(Default)]
struct Toy {
    first_branch_idx: usize,
    look: Look,
    seen: Arc<Mutex<Vec<Told>>>,
}

/// Doubles the scores of the image keys of layer 1 in the ordinary branch, and remembers what share the toy's own
/// branch gives its first key.
#[derive(Default)]
struct Look {
    branch_idx: usize,
    share: f32,
    num_values: usize,
}

/// What `combine` was given.
struct Told {
    share: f32,
    ids: Vec<u32>,
    negative: Vec<f32>,
    readouts: Vec<Vec<f32>>,
    hidden: Vec<Vec<f32>>,
    attention: Vec<f32>,
}

impl Probe for Look {
    fn wants_scores(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.branch_idx == 0 && site.layer_idx == 1
    }

    fn scores(&mut self, _: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        let image = scores.narrow(2, SPAN.start, SPAN.len)?;
        let after = scores.narrow(2, SPAN.end(), scores.dim(2)? - SPAN.end())?;
        self.num_values += SPAN.len;
        Tensor::cat(&[&scores.narrow(2, 0, SPAN.start)?, &(image * 2.0)?, &after], 2).map(Some)
    }

    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.branch_idx == self.branch_idx && site.layer_idx == 0
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        self.share = probs.get(0)?.get(site.query_len - 1)?.get(0)?.to_scalar()?;
        Ok(None)
    }
}

const READOUTS: [Readout; 5] = [
    Readout { entry: 0, normed: true },
    Readout { entry: 1, normed: true },
    Readout { entry: 1, normed: false },
    Readout { entry: 2, normed: true },
    Readout { entry: NUM_LAYERS, normed: false },
];

impl ActiveMethod for Toy {
    fn asks(&self) -> Asks {
        Asks { readouts: READOUTS.to_vec(), hidden: vec![0, 1, NUM_LAYERS], attention: vec![2] }
    }

    fn branches(&mut self, context: &BranchContext<'_>, _: &mut Encode<'_>) -> Made<Vec<DecoderPrompt>> {
        (self.first_branch_idx, self.look.branch_idx) = (context.first_branch_idx, context.first_branch_idx);
        Ok(vec![context.replace_image("toy", None)?])
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(&mut self.look)
    }

    fn combine(&mut self, step: &Step<'_>) -> Made<Option<Combined>> {
        let readouts = READOUTS.map(|readout| step.readout(readout).map(<[f32]>::to_vec));
        let hidden = [0, 1, NUM_LAYERS].map(|entry| step.hidden(entry).map(<[f32]>::to_vec));
        self.seen.lock().unwrap().push(Told {
            share: self.look.share,
            ids: step.ids.to_vec(),
            negative: step.branch()?.to_vec(),
            readouts: readouts.into_iter().collect::<Made<_>>()?,
            hidden: hidden.into_iter().collect::<Made<_>>()?,
            attention: step.attention(2)?.values.clone(),
        });
        assert_eq!(step.answer().len(), step.step_idx, "the answer so far");
        assert!(matches!(step.hidden(2), Err(DecodeError::NotSeen { idx: 2, .. })), "only what was asked for");
        // The share that its probe saw is the strength.
        let inner = step.readout(READOUTS[1])?;
        let logits = step.logits.iter().zip(inner).map(|(l, inner)| l - self.look.share * inner).collect();
        let note = Some(format!("share {:.3}", self.look.share));
        Ok(Some(Combined { note, ..Combined::of(logits) }))
    }
}

/// The last row of the present pass.
#[derive(Default)]
struct LastRow {
    hidden: Vec<Vec<f32>>,
    attention: Vec<f32>,
    first_share: f32,
}

impl Probe for LastRow {
    fn wants_hidden(&self, _: &Site) -> bool {
        true
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        self.hidden.push(hidden.get(site.query_len - 1)?.to_vec1()?);
        Ok(None)
    }

    fn wants_probs(&self, _: &Site) -> bool {
        true
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let rows: Vec<Vec<f32>> =
            probs.to_vec3::<f32>()?.into_iter().map(|mut head| head.remove(site.query_len - 1)).collect();
        if site.layer_idx == 0 {
            self.first_share = rows[0][0];
        }
        self.attention = rows.concat();
        Ok(None)
    }
}

/// One pass without a cache; the logits of its last row.
fn whole(decoder: &Decoder, embeddings: &Tensor, probe: &mut dyn Probe) -> Vec<f32> {
    let mut cache = decoder.new_cache(embeddings.dim(0).unwrap()).unwrap();
    let mut branches = [BranchInput::counted(0, &mut cache, embeddings.clone())];
    decoder.forward(&mut branches, LogitRows::Last, probe).unwrap().remove(0).to_vec1().unwrap()
}

fn row(values: &[f32]) -> Tensor {
    Tensor::from_slice(values, (1, values.len()), &candle_core::Device::Cpu).unwrap()
}

#[test]
fn a_method_sees_its_branch_its_probe_and_what_is_inside_the_model() {
    let toy = Toy::default();
    let told = Arc::clone(&toy.seen);
    // Behind another method with a branch, so that its own is not the first.
    let (vcd, first, _) = build(Word::Method, "vcd", &given(&[("alpha", "0"), ("beta", "0")])).unwrap();
    let stack = Stack::new(vec![(vcd.info(), first), (&TOY, Box::new(toy))]);
    let (generated, steps) = answer(&mut Some(stack), options(3));
    let model = llava();
    let (prompt, features) = image_prompt(&model);
    let decoder = model.decoder();
    // A decoder of fewer layers with the same weights reads out what an inner layer's logits are.
    let shallow =
        |num_hidden_layers| decoder_with(&TextConfig { num_hidden_layers, ..text_config() }, &RandomWeights::default());
    for (t, told) in told.lock().unwrap().iter().enumerate() {
        let answer = &generated.ids[..t];
        assert_eq!(told.ids, [&prompt.ids, answer].concat(), "prompt and answer");
        let embeddings = model.embed_prompt(&prompt.ids, Some((SPAN, &features))).unwrap();
        let rows =
            if t == 0 { embeddings } else { Tensor::cat(&[&embeddings, &decoder.embed(answer).unwrap()], 0).unwrap() };
        let mut words: Vec<u32> = vec![1, 7, 8, 30, 12];
        words.extend(answer);
        let mut blind = LastRow::default();
        let negative = whole(decoder, &decoder.embed(&words).unwrap(), &mut blind);
        close(&told.negative, &negative, "its own branch, not the one before it");
        close(&[told.share], &[blind.first_share], "its probe saw its own branch, and told");

        let (mut edit, mut inside) = (Look { branch_idx: 9, ..Look::default() }, LastRow::default());
        let raw = whole(decoder, &rows, &mut crate::model::ProbeChain::new().with(&mut edit).with(&mut inside));
        close(&steps[t].branch_logits[0], &raw, "its probe edits the ordinary branch");
        close(&told.attention, &inside.attention, "the attention of the last layer, after the edit");
        let embedded: Vec<f32> = rows.get(rows.dim(0).unwrap() - 1).unwrap().to_vec1().unwrap();
        close(&told.hidden[0], &embedded, "embeddings");
        close(&told.hidden[1], &inside.hidden[0], "the first layer's output");
        let normed = decoder.final_norm(&row(&inside.hidden[2]));
        close(
            &told.hidden[2],
            &normed.unwrap().get(0).unwrap().to_vec1::<f32>().unwrap(),
            "the last behind the final norm",
        );
        for (idx, num_layers) in [(0, 0), (1, 1), (3, 2)] {
            // Its edit is in layer 1, which only the deeper one has.
            let mut edit = Look { branch_idx: 9, ..Look::default() };
            close(&told.readouts[idx], &whole(&shallow(num_layers), &rows, &mut edit), "a shallower decoder");
        }
        close(&told.readouts[4], &raw, "the last entry is the model's own logits");
        let head = decoder.read_out(&row(&inside.hidden[0]));
        close(&told.readouts[2], &head.unwrap().get(0).unwrap().to_vec1::<f32>().unwrap(), "without the norm");
        let expected: Vec<f32> = raw.iter().zip(&told.readouts[1]).map(|(l, inner)| l - told.share * inner).collect();
        close(steps[t].final_logits.as_ref().unwrap(), &expected, "probe and combine share the share");
        let note = steps[t].actions[1].note.as_deref();
        assert_eq!(note, Some(format!("share {:.3}", told.share).as_str()), "what it says itself");
    }
    assert_eq!(told.lock().unwrap().len(), 3, "asked at every step");
}

#[test]
fn a_layer_that_the_model_lacks_is_refused() {
    struct Deep;
    impl ActiveMethod for Deep {
        fn asks(&self) -> Asks {
            Asks { hidden: vec![NUM_LAYERS + 1], ..Asks::default() }
        }
    }
    let decoder = decoder();
    let prompts = vec![DecoderPrompt::text(&decoder, vec![1, 2]).unwrap()];
    let err = generate(&decoder, lone(Deep), prompts, options(1), &mut (), &mut |_| ()).unwrap_err();
    assert_eq!(err.to_string(), "Expected a layer up to 3 of the decoder, found 4", "named");
}

#[test]
fn methods_on_logits_that_move_nothing_are_counted() {
    struct Same;
    impl ActiveMethod for Same {
        fn combine(&mut self, step: &Step<'_>) -> Made<Option<Combined>> {
            Ok(Some(Combined::of(step.logits.to_vec())))
        }
    }
    struct Cut;
    impl ActiveMethod for Cut {
        fn combine(&mut self, step: &Step<'_>) -> Made<Option<Combined>> {
            let mut logits = step.logits.to_vec();
            logits[7] = f32::NEG_INFINITY;
            Ok(Some(Combined::of(logits)))
        }
    }
    let decoder = decoder();
    let prompts = vec![DecoderPrompt::text(&decoder, vec![1, 2]).unwrap()];
    let stack = Stack::new(vec![(&TOY, Box::new(Same)), (&TOY, Box::new(Cut))]);
    let mut generation = crate::decode::Generation::new(&decoder, stack, prompts, options(3)).unwrap();
    while generation.step(&mut ()).unwrap().is_some() {}
    let reports: Vec<_> = generation.methods().reports().map(|(_, report)| report).collect();
    assert_eq!((reports[0].acted, reports[0].num_calls, reports[0].num_values), (Acted::OnLogits, 3, 0), "idle");
    let warning = reports[0].warning(Word::Method);
    assert_eq!(warning.as_deref(), Some("The method toy changed nothing in this run"), "and it says so");
    assert_eq!((reports[1].num_values, reports[1].warning(Word::Method)), (3, None), "at work");
    assert_eq!(reports[1].to_string(), "toy moved the distribution of 3 of 3 tokens", "in words");
}

/// Takes back the answer to `to_len` once `at` is chosen, so many times.
struct Back {
    at: usize,
    to_len: usize,
    times: usize,
    chosen: Arc<Mutex<Vec<(usize, u32)>>>,
}

impl ActiveMethod for Back {
    fn may_retract(&self) -> bool {
        true
    }

    fn judge(&mut self, chosen: &Chosen<'_>) -> Made<Verdict> {
        self.chosen.lock().unwrap().push((chosen.step_idx, chosen.id));
        if chosen.step_idx != self.at || self.times == 0 {
            return Ok(Verdict::Keep);
        }
        self.times -= 1;
        let barred = chosen.ids.get(chosen.prompt_len + self.to_len).copied().unwrap_or(chosen.id);
        Ok(Verdict::Retract { to_len: self.to_len, barred: vec![barred] })
    }
}

#[test]
fn a_retracted_token_is_chosen_anew_and_everything_behind_it_follows() {
    let (plain, plain_steps) = answer(&mut Some(Stack::default()), options(6));
    let model = llava();
    for (at, to_len) in [(0, 0), (2, 2), (3, 1), (4, 0)] {
        let chosen = Arc::new(Mutex::new(Vec::new()));
        let back = Back { at, to_len, times: 1, chosen: Arc::clone(&chosen) };
        let (generated, steps) = answer(&mut Some(lone(back)), options(6));
        let ids = |steps: &[TokenStep]| steps.iter().map(|step| step.id).collect::<Vec<_>>();
        assert_eq!(ids(&steps[..at.min(steps.len())]), plain.ids[..at], "what was told before");
        let again = &steps[at];
        assert_eq!(again.num_retracted, at - to_len, "{at} to {to_len}: what of it goes");
        assert_eq!(again.step_idx, to_len, "chosen again");
        assert_eq!(generated.ids[..to_len], plain.ids[..to_len], "what stands");
        assert_ne!(generated.ids[to_len], plain.ids[to_len], "not the same token");
        close(&again.branch_logits[0], &plain_steps[to_len].branch_logits[0], "from the same logits");
        let mut left = again.branch_logits[0].clone();
        left[plain.ids[to_len] as usize] = f32::NEG_INFINITY;
        let best = (0u32..).zip(&left).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
        assert_eq!(generated.ids[to_len], best, "the best of the others");
        assert_eq!(ids(&steps[at..]), generated.ids[to_len..], "and then on");
        // The caches hold what stands: each later token is the argmax of a fresh pass.
        let (prompt, features) = image_prompt(&model);
        for (t, step) in generated.ids.iter().enumerate().skip(to_len + 1) {
            let embeddings = model.embed_prompt(&prompt.ids, Some((SPAN, &features))).unwrap();
            let answered = model.decoder().embed(&generated.ids[..t]).unwrap();
            let logits = whole(model.decoder(), &Tensor::cat(&[&embeddings, &answered], 0).unwrap(), &mut ());
            let best = (0u32..).zip(&logits).max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0;
            assert_eq!(*step, best, "{at} to {to_len}: token {t} of what stands");
        }
        assert!(chosen.lock().unwrap().len() > 6, "the method judged every choice");
    }
}

#[test]
fn retractions_come_to_an_end() {
    let back = Back { at: 1, to_len: 0, times: usize::MAX, chosen: Arc::default() };
    let (generated, _) = answer(&mut Some(lone(back)), options(3));
    assert_eq!(generated.ids.len(), 3, "the answer is written all the same");
}

#[test]
fn a_method_that_does_not_say_so_takes_nothing_back() {
    struct Silent(Back);
    impl ActiveMethod for Silent {
        fn judge(&mut self, chosen: &Chosen<'_>) -> Made<Verdict> {
            self.0.judge(chosen)
        }
    }
    let back = Back { at: 1, to_len: 0, times: 1, chosen: Arc::default() };
    let (plain, _) = answer(&mut Some(Stack::default()), options(3));
    assert_eq!(answer(&mut Some(lone(Silent(back))), options(3)).0, plain, "its tokens were told already");
}
