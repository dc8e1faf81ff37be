//! Questions that are answered together against the same asked one by one.

use candle_core::{Result as TensorResult, Tensor};
use gazelens::decode::{
    ActiveMethod, DecodeError, Method, MethodInfo, ParameterInfo, Parameters, Registered, add_method,
};
use gazelens::engine::{
    AboutPhoto, Answer, DevicePreference, DtypePreference, ImageSource, LoadRequest, ModelSource, OpenModel, Prompt,
    Question, RecordOptions, RunId, Sampling, run_job,
};
use gazelens::model::{Probe, Site, Tower};
use gazelens::trace::RowPrecision;
use std::sync::atomic::AtomicBool;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn demo() -> OpenModel {
    let request = LoadRequest { source: ModelSource::Demo, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &GO_ON).expect("the bundled model")
}

/// Questions of different lengths, in one way.
fn questions(methods: &[&str], sampling: Sampling) -> Vec<Question> {
    let words = [
        "Is there an umbrella in the image?",
        "Is there a boat in the image? Please answer this question with one word.",
        "Describe this image in detail.",
        "Is there a car in the image?",
        "What can you see in this image?",
    ];
    let record = RecordOptions { precision: RowPrecision::F32, budget_bytes: usize::MAX, ..RecordOptions::default() };
    let question = |words: &&str| Question {
        methods: methods.iter().map(|text| text.parse().expect("a method")).collect(),
        sampling,
        max_new_tokens: 12,
        record: RecordOptions { logits: true, ..record },
        ..Question::new(ImageSource::Bundled("demo_01_beach.png".to_owned()), Prompt::Templated((*words).to_owned()))
    };
    words.iter().map(question).collect()
}

fn together(model: &OpenModel, questions: &[Question]) -> Vec<Answer> {
    let about = AboutPhoto::read(model, &questions[0], 12, &GO_ON).expect("the photo");
    let answers = about.answer(questions, &GO_ON).expect("nothing that concerns all");
    answers.into_iter().map(|answer| answer.expect("an answer")).collect()
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.trace.output.iter().map(|token| token.id).collect()
}

/// Largest difference of two answers' attention rows.
fn difference(a: &Answer, b: &Answer) -> f32 {
    let rows = a.trace.decoder_attention.iter().zip(&b.trace.decoder_attention);
    let of_rows = rows.map(|(a, b)| {
        let (a, b) = (a.to_f32(), b.to_f32());
        a.iter().zip(b.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    });
    of_rows.fold(0.0, f32::max)
}

#[test]
fn questions_asked_together_are_answered_as_one_by_one() {
    let beams = Sampling { beams: 3, ..Sampling::default() };
    let drawn = Sampling { temperature: 1.0, seed: 7, ..Sampling::default() };
    let ways: [(&[&str], Sampling); 8] = [
        (&[], Sampling::default()),
        (&[], drawn),
        (&[], beams),
        (&["vcd"], Sampling::default()),
        (&["damro"], Sampling::default()),
        (&["pai"], Sampling::default()),
        (&["icd", "vaf"], Sampling::default()),
        (&["eah"], Sampling::default()),
    ];
    let model = demo();
    for (methods, sampling) in ways {
        let questions = questions(methods, sampling);
        let answers = together(&model, &questions);
        assert_eq!(answers.len(), questions.len(), "{methods:?}: each has its answer");
        for (question, answer) in questions.iter().zip(&answers) {
            let alone = demo();
            let expected = run_job(&alone, RunId(0), question, &mut |_| {}, &GO_ON).expect("an answer");
            assert_eq!(ids(answer), ids(&expected), "{methods:?}, {:?}: the same tokens", question.prompt);
            assert_eq!(answer.trace.text(), expected.trace.text(), "and text");
            let off = difference(answer, &expected);
            assert!(off <= 1e-5, "{methods:?}, {:?}: attention rows differ by {off}", question.prompt);
            let logits = answer.extras.logits.iter().flatten().zip(expected.extras.logits.iter().flatten());
            let off = logits.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off <= 1e-3, "{methods:?}: logits differ by {off}");
            let vision = |answer: &Answer| answer.trace.vision.as_ref().map(|vision| vision.cls_attention.clone());
            assert_eq!(vision(answer), vision(&expected), "what the encoder looked at");
        }
        assert!(answers.iter().any(|answer| answer.timings.reused_tokens > 0) || methods == ["eah"], "{methods:?}");
    }
}

#[test]
fn what_was_asked_before_changes_no_bit() {
    let model = demo();
    for methods in [&[][..], &["vcd"], &["vdgd"]] {
        let questions = questions(methods, Sampling::default());
        let first = together(&model, &questions);
        for other in ["What is this?", "Is there a boat in the image?"] {
            let prompt = Prompt::Templated(other.to_owned());
            let other = Question { prompt, max_new_tokens: 3, ..questions[0].clone() };
            run_job(&model, RunId(0), &other, &mut |_| {}, &GO_ON).expect("an answer");
        }
        let again = together(&model, &questions);
        let fresh = together(&demo(), &questions);
        for (first, other) in first.iter().chain(&first).zip(again.iter().chain(&fresh)) {
            assert_eq!(first.trace.output, other.trace.output, "{methods:?}: tokens and probabilities");
            assert!(difference(first, other).to_bits() == 0, "{methods:?}: attention to the bit");
        }
    }
}

#[test]
fn nothing_is_kept_of_a_photo_that_is_done_with() {
    let model = demo();
    together(&model, &questions(&["vcd"], Sampling::default()));
    assert!(model.kept().images > 0, "what the encoder saw");
    model.forget();
    let kept = model.kept();
    assert_eq!((kept.images, kept.prompts, kept.held_bytes), (0, 0, 0), "nothing");
}

#[test]
fn a_question_that_cannot_be_asked_is_its_own_fault() {
    let model = demo();
    let mut all = questions(&[], Sampling::default());
    all[1].prompt = Prompt::Templated("a <image> b".to_owned());
    let about = AboutPhoto::read(&model, &all[0], 12, &GO_ON).expect("the photo");
    let answers = about.answer(&all, &GO_ON).expect("the others are answered");
    let failed: Vec<usize> = (0..all.len()).filter(|idx| answers[*idx].is_err()).collect();
    assert_eq!(failed, [1], "one of five");
    let raised = AtomicBool::new(true);
    assert!(matches!(about.answer(&all, &raised), Err(gazelens::engine::EngineError::Cancelled)), "stopped");
}

/// A method that breaks the pass of whoever asks for it.
struct Breaking;

const BREAKING: MethodInfo = MethodInfo {
    id: "breaking",
    label: "Breaking",
    help: "Breaks the pass that it is in",
    parameters: &[ParameterInfo::real("breaks", "0", (0.0, 1.0), "Whether it does")],
    ..MethodInfo::NONE
};

impl Registered for Breaking {
    fn info(&self) -> &'static MethodInfo {
        &BREAKING
    }
}

impl Method for Breaking {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(Active { breaks: parameters.number("breaks")? > 0.5 }))
    }
}

struct Active {
    breaks: bool,
}

impl Probe for Active {
    fn wants_scores(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.layer_idx == 1
    }

    fn scores(&mut self, _: &Site, _: &Tensor) -> TensorResult<Option<Tensor>> {
        if self.breaks { Err(candle_core::Error::Msg("broken".to_owned())) } else { Ok(None) }
    }
}

impl ActiveMethod for Active {
    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
    }
}

#[test]
fn a_question_that_breaks_the_pass_of_all_is_its_own_fault() {
    add_method(&Breaking).expect("a new name");
    let model = demo();
    for broken in 0..3 {
        let mut all = questions(&["breaking"], Sampling::default());
        all[broken].methods = vec!["breaking:breaks=1".parse().expect("a method")];
        let about = AboutPhoto::read(&model, &all[0], 12, &GO_ON).expect("the photo");
        let answers = about.answer(&all, &GO_ON).expect("the others are answered");
        for (idx, (question, answer)) in all.iter().zip(&answers).enumerate() {
            match answer {
                Err(err) => assert!(idx == broken && err.to_string().contains("broken"), "{idx}: {err}"),
                Ok(answer) => {
                    let expected = run_job(&demo(), RunId(0), question, &mut |_| {}, &GO_ON).expect("an answer");
                    assert!(idx != broken && ids(answer) == ids(&expected), "{idx}: the same tokens");
                }
            }
        }
    }
}
