//! A question that continues from what earlier ones left gives what it gives alone.

use gazelens::engine::{
    Answer, DevicePreference, DtypePreference, EngineError, Event, Fork, ImageSource, LoadRequest, ModelSource,
    OpenModel, Prompt, PromptRows, Question, RecordOptions, RunId, Sampling, Spec, Stage, further_questions, run_job,
};
use gazelens::geometry::Framing;
use gazelens::trace::{AttentionRow, RowPrecision};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most that a probability or a log-probability may differ from a fresh run in f32.
const BOUND: f32 = 1e-5;
const STREET: &str = "demo_07_street.png";
const BEACH: &str = "demo_01_beach.png";

fn demo() -> OpenModel {
    let request = LoadRequest { source: ModelSource::Demo, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("the demo opens")
}

fn question(image: &str, words: &str) -> Question {
    Question {
        image: ImageSource::Bundled(image.to_owned()),
        prompt: Prompt::Templated(words.to_owned()),
        framing: None,
        sampling: Sampling::default(),
        max_new_tokens: 10,
        strategy: Spec::default(),
        interventions: Vec::new(),
        methods: Vec::new(),
        prompted: None,
        fork: None,
        record: RecordOptions { precision: RowPrecision::F32, logits: true, ..RecordOptions::default() },
    }
}

fn with(mut question: Question, spec: &str) -> Question {
    question.interventions.push(spec.parse().expect("a SPEC"));
    question
}

fn ask(model: &OpenModel, question: &Question) -> Answer {
    run_job(model, RunId(1), question, &mut |_| {}, &AtomicBool::new(false)).expect("an answer")
}

/// One model that keeps, and one that does not.
struct Pair {
    keeps: OpenModel,
    forgets: OpenModel,
    worst: f32,
}

impl Pair {
    fn new() -> Self {
        let pair = Self { keeps: demo(), forgets: demo(), worst: 0.0 };
        pair.forgets.keep_at_most(0);
        pair
    }

    /// Asks both; returns how many positions were not read again.
    fn ask(&mut self, question: &Question, what: &str) -> usize {
        let (kept, fresh) = (ask(&self.keeps, question), ask(&self.forgets, question));
        assert_eq!(fresh.timings.reused_tokens, 0, "{what}: the other model starts anew");
        self.compare(&kept, &fresh, what);
        kept.timings.reused_tokens
    }

    fn compare(&mut self, found: &Answer, expected: &Answer, what: &str) {
        let ids = |answer: &Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
        assert_eq!(ids(found), ids(expected), "{what}: the same tokens");
        let rows = |answer: &Answer| -> Vec<f32> {
            let rows =
                answer.trace.decoder_attention.iter().chain(answer.trace.prompt_attention.iter().map(|(_, row)| row));
            rows.flat_map(|row: &std::sync::Arc<AttentionRow>| row.to_f32().into_owned()).collect()
        };
        self.hold(&rows(found), &rows(expected), what, "attention");
        let logprobs = |answer: &Answer| answer.trace.output.iter().map(|token| token.logprob).collect::<Vec<_>>();
        self.hold(&logprobs(found), &logprobs(expected), what, "log-probabilities");
        let contrasts = |answer: &Answer| -> Vec<f32> {
            let steps = answer.trace.output.iter().filter_map(|token| token.contrast.as_deref());
            let candidates = steps.flat_map(|step| &step.candidates);
            candidates.map(|candidate| candidate.negative_logprob).collect()
        };
        self.hold(&contrasts(found), &contrasts(expected), what, "the other branch");
        let vision = |answer: &Answer| {
            let vision = answer.trace.vision.clone().expect("the demo has [CLS]");
            [vision.cls_attention.clone(), vision.patch_norms.clone()].concat()
        };
        assert_eq!(vision(found), vision(expected), "{what}: what the vision encoder showed");
        assert_eq!(found.trace.warnings, expected.trace.warnings, "{what}: warnings");
    }

    fn hold(&mut self, found: &[f32], expected: &[f32], what: &str, part: &str) {
        assert_eq!(found.len(), expected.len(), "{what}: as many values of {part}");
        let differs = |(a, b): (&f32, &f32)| (a - b).abs() / b.abs().max(1.0);
        let worst = found.iter().zip(expected).map(differs).fold(0.0, f32::max);
        assert!(worst <= BOUND, "{what}: {part} differs by {worst}");
        self.worst = self.worst.max(worst);
    }
}

#[test]
fn further_questions_equal_fresh_ones_in_any_order() {
    let mut pair = Pair::new();
    let words =
        ["Describe this image briefly.", "Is there a dog?", "Describe this image in detail.", "Is there a dog?"];
    for image in [STREET, BEACH] {
        let first = pair.ask(&question(image, words[0]), "the first question");
        let span = ask(&pair.forgets, &question(image, words[0])).trace.image_token_span;
        assert!(first <= span.start, "another photo shares what stands before the image, found {first} positions");
        for words in words {
            let reused = pair.ask(&question(image, words), words);
            assert!(reused >= span.end(), "{words}: the image is not read again, found {reused} positions");
        }
    }
    let back = pair.ask(&question(STREET, words[1]), "back to the first image");
    assert!(back > 144, "it was kept beside the second, found {back} positions");
    println!("further questions differ from fresh ones by at most {:.1e}", pair.worst);
}

#[test]
fn interventions_share_what_they_leave_alone() {
    let mut pair = Pair::new();
    let plain = || question(STREET, "Describe this image briefly.");
    let start = ask(&pair.forgets, &plain()).trace.image_token_span.start;
    pair.ask(&plain(), "plain");
    let knocked = |words: &str| with(question(STREET, words), "knockout:patches=3.4+5.5");
    let first_patch = start + 3 * 12 + 4;
    let on = pair.ask(&knocked("Describe this image briefly."), "knockout on");
    assert_eq!(on, first_patch + 1, "positions up to the first patch that is knocked out are as they were");
    let further = pair.ask(&knocked("Is there a dog?"), "the next question with it");
    assert!(further >= start + 144, "the same knockout is kept as well, found {further} positions");
    let other = pair.ask(&with(plain(), "knockout:patches=3.4+5.6"), "another knockout");
    assert_eq!(other, first_patch + 1, "another one shares nothing behind its first patch");
    let off = pair.ask(&plain(), "knockout off");
    assert!(off >= start + 144, "the plain prompt was not lost, found {off} positions");
    let prompt_len = ask(&pair.forgets, &plain()).trace.prompt.len();
    for _ in 0..2 {
        let boosted = pair.ask(&with(plain(), "pai:alpha=0.5"), "pai");
        assert_eq!(boosted, prompt_len - 1, "pai changes the row that predicts, and only that");
    }
    let after = pair.ask(&question(STREET, "Describe this image briefly. And the sky?"), "plain after pai");
    assert!(after >= start + 144 && after < prompt_len, "a boosted row is not taken for a plain one: {after}");
    let both = with(with(plain(), "pai:alpha=0.5"), "knockout:patches=3.4+5.5");
    assert_eq!(pair.ask(&both, "both"), first_patch + 1, "what the two of them leave alone");
    pair.ask(&plain(), "plain at the end");
    println!("interventions on and off differ from fresh runs by at most {:.1e}", pair.worst);
}

fn decoded(words: &str, spec: &str) -> Question {
    Question { strategy: spec.parse().expect("a SPEC"), ..question(STREET, words) }
}

#[test]
fn a_strategy_that_is_switched_on_and_off_pays_for_what_differs() {
    let mut pair = Pair::new();
    let words = "Describe this image briefly.";
    let prompt_len = ask(&pair.forgets, &decoded(words, "plain")).trace.prompt.len();
    pair.ask(&decoded(words, "plain"), "plain");
    for spec in ["vcd", "damro", "icd", "pai-cfg", "m3id:lambda=0.3", "vcd:step=900", "vcd", "plain"] {
        let reused = pair.ask(&decoded(words, spec), spec);
        assert_eq!(reused, prompt_len - 1, "{spec}: the ordinary branch was read before");
    }
    // Another question: the image is there for both branches, whatever was asked between.
    for spec in ["vcd", "damro", "icd"] {
        let reused = pair.ask(&decoded("Is there a dog?", spec), spec);
        assert!(reused >= 144, "{spec}: the image is not read again, found {reused} positions");
    }
    let boosted = with(decoded(words, "vcd"), "pai:alpha=0.5");
    assert!(pair.ask(&boosted, "vcd with pai") >= 144, "pai changes the row that predicts");
    let knocked = with(decoded(words, "damro"), "knockout:patches=3.4");
    pair.ask(&knocked, "damro with a knockout");
    let again = pair.ask(&decoded(words, "damro"), "damro again");
    assert_eq!(again, prompt_len - 1, "nothing of it is left behind");
    println!("strategies on and off differ from fresh runs by at most {:.1e}", pair.worst);
}

#[test]
fn the_image_of_another_branch_is_seen_once() {
    let model = demo();
    let vision_secs = |spec: &str| ask(&model, &decoded("Is there a dog?", spec)).timings.vision_secs;
    let (first, second) = (vision_secs("vcd"), vision_secs("vcd"));
    assert!(second < first / 2.0, "the same noise on the same image, {second} s after {first} s");
    let trace = ask(&model, &decoded("Is there a dog?", "plain")).trace;
    assert!(trace.vision.is_some(), "the photo's own [CLS] rows are not those of the noise");
}

#[test]
fn rows_that_are_asked_for_are_made_and_framing_is_part_of_the_image() {
    let mut pair = Pair::new();
    let mut asked = question(STREET, "Describe this image briefly.");
    // A photo that is not square: bundled ones are, and padding them changes nothing.
    asked.image = ImageSource::Path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/qwen2_biases/photo.png").into());
    pair.ask(&asked, "plain");
    for (prompt_rows, most) in [(PromptRows::AfterImage, usize::MAX), (PromptRows::All, 0)] {
        asked.record.prompt_rows = prompt_rows;
        let reused = pair.ask(&asked, &format!("{prompt_rows:?}"));
        assert!(reused <= most, "{prompt_rows:?}: rows of positions that did not run do not exist, {reused} positions");
    }
    asked.record.prompt_rows = PromptRows::None;
    asked.framing = Some(Framing::Pad);
    let padded = pair.ask(&asked, "another framing");
    assert!(padded < 144, "another framing is another image, found {padded} positions");
}

#[test]
fn a_stopped_question_leaves_a_sound_cache() {
    let mut pair = Pair::new();
    let words = ["Describe this image briefly.", "Is there a dog?"];
    pair.ask(&question(STREET, words[0]), "before");
    for stop_at in [Stage::Photo, Stage::Vision, Stage::Prefill, Stage::Decode] {
        for stopped in [question(STREET, words[1]), with(question(BEACH, words[1]), "knockout:patches=2.2")] {
            let cancel = AtomicBool::new(false);
            let mut emit = |event: Event| {
                if matches!(event, Event::Stage(_, stage) if stage == stop_at) {
                    cancel.store(true, Ordering::Relaxed);
                }
            };
            let result = run_job(&pair.keeps, RunId(1), &stopped, &mut emit, &cancel);
            // Two stages can be over before the flag is looked at again.
            assert!(matches!(result, Err(EngineError::Cancelled)), "stopped at {stop_at:?}");
        }
        for words in words {
            let reused = pair.ask(&question(STREET, words), &format!("after a stop at {stop_at:?}"));
            assert!(reused > 144, "what was kept before is still there, found {reused} positions");
        }
    }
}

#[test]
fn memory_stays_within_the_budget_and_the_oldest_goes_first() {
    let mut pair = Pair::new();
    pair.ask(&question(STREET, "Is there a dog?"), "one image");
    let one = pair.keeps.kept();
    assert!(one.held_bytes > 0 && (one.images, one.prompts) == (1, 1), "{one:?}");
    let budget = one.held_bytes * 5 / 2;
    pair.keeps.keep_at_most(budget);
    let names: Vec<&str> = gazelens::data::demo::IMAGES.iter().map(|image| image.file_name).collect();
    for name in names.iter().chain(&names[..2]) {
        pair.ask(&question(name, "Is there a dog?"), name);
        let kept = pair.keeps.kept();
        assert!(kept.held_bytes <= budget && kept.budget_bytes == budget, "{name}: {kept:?}");
    }
    let last = pair.ask(&question(names[1], "Describe this image briefly."), "the last image");
    assert!(last > 144, "the last image is kept, found {last} positions");
    let oldest = pair.ask(&question(names[4], "Is there a dog?"), "an image of long ago");
    assert!(oldest < 144, "an image of long ago is not, found {oldest} positions");
    pair.keeps.keep_at_most(0);
    assert_eq!((pair.keeps.kept().held_bytes, pair.keeps.kept().prompts), (0, 0), "nothing within no budget");
    assert_eq!(pair.ask(&question(names[4], "Is there a dog?"), "without a budget"), 0, "read anew");
}

#[test]
fn a_fork_reads_only_what_differs() {
    let mut pair = Pair::new();
    let asked = question(STREET, "Describe this image briefly.");
    let answer = ask(&pair.keeps, &asked);
    let forked = format!("{}{}", answer.trace.run.full_prompt, answer.trace.text());
    let mut again = question(STREET, "");
    again.prompt = Prompt::Raw(forked);
    let reused = pair.ask(&again, "the answer goes on");
    let prompt_len = answer.trace.prompt.len();
    assert!(reused >= prompt_len - 1, "the prompt, and the tokens that a text makes again: {reused} of {prompt_len}");
}

#[test]
fn two_threads_may_ask_one_model() {
    let model = demo();
    let alone = demo();
    alone.keep_at_most(0);
    std::thread::scope(|scope| {
        for (image, words) in [(STREET, "Is there a dog?"), (BEACH, "Describe this image briefly.")] {
            let (model, alone) = (&model, &alone);
            scope.spawn(move || {
                for _ in 0..3 {
                    let asked = question(image, words);
                    let (found, expected) = (ask(model, &asked), ask(alone, &asked));
                    assert_eq!(found.trace.text(), expected.trace.text(), "the same answer");
                }
            });
        }
    });
}

#[test]
fn six_questions_are_measured_from_an_empty_store() {
    let model = demo();
    let image = ImageSource::Bundled(STREET.to_owned());
    ask(&model, &question(STREET, "Is there a dog?"));
    let measured = further_questions(&model, &image).expect("measured");
    println!("{measured:?}");
    assert!(measured.total_secs > measured.first_secs && measured.first_secs > measured.further_secs, "{measured:?}");
    assert!(measured.kept_bytes > 0, "{measured:?}");
}

/// An answer that begins with the first `at` tokens of another one, and then with `id`.
fn fork(question: &Question, parent: &Answer, at: usize, id: Option<u32>) -> Question {
    let kept = parent.trace.output.iter().take(at).map(|token| token.id);
    let known = Some(Arc::new(parent.trace.clone()));
    let mut question = question.clone();
    question.record.logits = false;
    question.max_new_tokens = 14;
    question.fork = Some(Fork { ids: kept.chain(id).collect(), known });
    question
}

/// The same without what the other answer knew.
fn anew(mut question: Question) -> Question {
    question.fork = question.fork.map(|fork| Fork { known: None, ..fork });
    question
}

#[test]
fn a_fork_equals_a_fresh_run_with_the_same_beginning() {
    let mut pair = Pair::new();
    for prompt_rows in [PromptRows::None, PromptRows::AfterImage] {
        let mut asked = question(STREET, "Describe this image in detail.");
        asked.record.prompt_rows = prompt_rows;
        let parent = ask(&pair.keeps, &asked);
        for at in [0, 3, 6] {
            let second = parent.trace.output[at].candidates[1].id;
            let forked = fork(&asked, &parent, at, Some(second));
            let (found, fresh) = (ask(&pair.keeps, &forked), ask(&pair.forgets, &anew(forked.clone())));
            pair.compare(&found, &fresh, &format!("fork at {at}"));
            assert_eq!(found.trace.output[at].id, second, "the token that was forced stands at {at}");
            assert_eq!(found.trace.text(), fresh.trace.text(), "the same words");
            assert_eq!(found.trace.run.forced_ids.len(), at + 1, "its file says what was forced");
            let read = found.timings.reused_tokens;
            assert!(read >= parent.trace.prompt.len() - 1, "fork at {at}: the prompt is not read again, found {read}");
            for (row, other) in found.trace.decoder_attention.iter().zip(&parent.trace.decoder_attention).take(at) {
                assert!(Arc::ptr_eq(row, other), "rows before the fork are the other answer's own");
            }
        }
    }
    println!("forks differ from fresh runs by at most {:.1e}", pair.worst);
}

#[test]
fn a_strategy_can_be_switched_within_an_answer() {
    let mut pair = Pair::new();
    let plain = decoded("Describe this image in detail.", "plain");
    let parent = ask(&pair.keeps, &plain);
    for spec in ["vcd:alpha=3", "damro:alpha=3", "icd", "m3id:lambda=0.3", "pai-cfg"] {
        let switched = decoded("Describe this image in detail.", spec);
        let forked = fork(&switched, &parent, 4, None);
        let (found, fresh) = (ask(&pair.keeps, &forked), ask(&pair.forgets, &anew(forked.clone())));
        let contrast = |answer: &Answer, idx: usize| answer.trace.output[idx].contrast.clone();
        assert!((0..4).all(|idx| contrast(&found, idx).is_none()), "{spec}: it did nothing to what was there before");
        assert!(contrast(&found, 4).is_some(), "{spec}: it acts from there on");
        let ids = |answer: &Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&fresh), "{spec}: the same tokens");
        for idx in 4..found.trace.output.len() {
            let (a, b) = (contrast(&found, idx).expect("acts"), contrast(&fresh, idx).expect("acts"));
            let logprobs = |of: &gazelens::trace::TokenContrast| {
                of.candidates.iter().map(|candidate| candidate.negative_logprob).collect::<Vec<_>>()
            };
            pair.hold(&logprobs(&a), &logprobs(&b), spec, "the other branch");
        }
    }
}

#[test]
fn what_cannot_be_taken_over_is_computed() {
    let model = demo();
    let asked = question(STREET, "Describe this image in detail.");
    let parent = ask(&model, &asked);
    let id = parent.trace.output[2].candidates[1].id;
    // Another photo, another prompt, changes inside the model, logits: nothing of the other answer holds.
    let other_photo = fork(&question(BEACH, "Describe this image in detail."), &parent, 2, Some(id));
    let other_words = fork(&question(STREET, "Describe this image briefly."), &parent, 2, Some(id));
    let boosted = fork(&with(asked.clone(), "pai:alpha=0.5"), &parent, 2, Some(id));
    let mut with_logits = fork(&asked, &parent, 2, Some(id));
    with_logits.record.logits = true;
    for (question, what) in
        [(other_photo, "photo"), (other_words, "prompt"), (boosted, "intervention"), (with_logits, "logits")]
    {
        let (found, fresh) = (ask(&model, &question), ask(&demo(), &anew(question.clone())));
        for (row, other) in found.trace.decoder_attention.iter().zip(&parent.trace.decoder_attention) {
            assert!(!Arc::ptr_eq(row, other), "{what}: rows of another question are not taken over");
        }
        let ids = |answer: &Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
        assert_eq!(ids(&found), ids(&fresh), "{what}: as if there had been no other answer");
        assert_eq!(found.trace.output[2].id, id, "{what}: it begins as it was told to");
    }
}

#[test]
fn a_beginning_that_cannot_be_is_refused() {
    let refused = |ids: Vec<u32>| {
        let mut question = question(STREET, "Is there a dog?");
        question.fork = Some(Fork { ids, known: None });
        let error = run_job(&demo(), RunId(1), &question, &mut |_| {}, &AtomicBool::new(false)).expect_err("refused");
        assert!(error.is_usage(), "the question is at fault: {error}");
        error.to_string()
    };
    assert!(refused(vec![5, 9_999_999]).contains("found 9999999"), "no such token");
    assert!(refused(vec![5; 10]).contains("fewer forced tokens than the 10"), "nothing left to choose");
}
