//! One question through the engine, as the window, the command line and other tests ask it.

use gazelens::data::write_rgb_png;
use gazelens::engine::{
    ATTRIBUTION_TOKENS, Answer, AttributionRequest, DevicePreference, DtypePreference, EngineError, Event, Fork,
    ImageSource, LoadRequest, ModelSource, OpenModel, Prompt, PromptRows, Prompting, Question, RecordOptions, RunId,
    Stage, attribute, run_job,
};
use gazelens::geometry::Framing;
use gazelens::prompting::{MaskGeometry, PromptOptions, Source, prompt_image};
use gazelens::trace::RowPrecision;
use gazelens::trace::file::{TraceFile, write_trace};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

fn demo() -> &'static OpenModel {
    static MODEL: OnceLock<OpenModel> = OnceLock::new();
    MODEL.get_or_init(|| {
        let request =
            LoadRequest { source: ModelSource::Demo, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
        let mut shares = vec![0.0];
        let model = OpenModel::open(&request, &mut |share, _| shares.push(share), &AtomicBool::new(false));
        assert!(shares.is_sorted() && shares.last() == Some(&1.0), "progress grows to the end: {shares:?}");
        model.expect("the demo opens")
    })
}

fn question() -> Question {
    Question {
        max_new_tokens: 12,
        record: RecordOptions { precision: RowPrecision::F32, ..RecordOptions::default() },
        ..Question::new(
            ImageSource::Bundled("demo_07_street.png".to_owned()),
            Prompt::Templated("Describe this image briefly.".to_owned()),
        )
    }
}

fn ask(question: &Question) -> Answer {
    run_job(demo(), RunId(1), question, &mut |_| {}, &AtomicBool::new(false)).expect("an answer")
}

#[test]
fn events_come_in_order_and_add_up_to_the_trace() {
    for prompt_rows in [PromptRows::None, PromptRows::AfterImage] {
        let mut question = question();
        question.record.prompt_rows = prompt_rows;
        let mut order = Vec::new();
        let mut seen = None;
        let mut emit = |event: Event| match event {
            Event::Stage(_, stage) => order.push(format!("{stage:?}")),
            Event::Started(_, trace) => {
                order.push("Started".to_owned());
                seen = Some(*trace);
            }
            Event::Token(_, token, row) => {
                let trace = seen.as_mut().expect("tokens come after the start");
                trace.output.push(*token);
                trace.decoder_attention.extend(row);
            }
            other => panic!("how a job ends is its result, found {other:?}"),
        };
        let answer = run_job(demo(), RunId(1), &question, &mut emit, &AtomicBool::new(false)).expect("an answer");
        let expected = match prompt_rows {
            PromptRows::None => ["Photo", "Vision", "Started", "Prefill", "Decode"],
            _ => ["Photo", "Vision", "Prefill", "Started", "Decode"],
        };
        assert_eq!(order, expected, "the window knows at every moment what is being done");
        let seen = seen.expect("a start");
        assert_eq!(seen.output, answer.trace.output, "the same tokens both ways");
        assert_eq!(seen.decoder_attention.len(), answer.trace.decoder_attention.len(), "the same rows both ways");
        assert_eq!(seen.prompt_attention.len(), answer.trace.prompt_attention.len(), "prompt rows are in the start");
        assert_eq!(answer.trace.output.len(), 12, "as many tokens as asked for");
        assert!(answer.trace.warnings.iter().any(|text| text == "Stopped at the limit of 12 tokens"), "it says so");
    }
}

#[test]
fn a_raised_flag_ends_a_job_at_any_stage() {
    for stop_at in [Stage::Photo, Stage::Vision, Stage::Prefill, Stage::Decode] {
        let cancel = AtomicBool::new(false);
        let mut after = 0;
        let mut emit = |event: Event| match event {
            Event::Stage(_, stage) if stage == stop_at => cancel.store(true, Ordering::Relaxed),
            Event::Token(..) if cancel.load(Ordering::Relaxed) => after += 1,
            _ => {}
        };
        let result = run_job(demo(), RunId(1), &question(), &mut emit, &cancel);
        assert!(matches!(result, Err(EngineError::Cancelled)), "stopped at {stop_at:?}");
        assert!(after <= 1, "only the token that was already chosen may follow {stop_at:?}");
    }
}

#[test]
fn rows_past_the_budget_are_left_out_with_a_warning_and_the_file_stays_valid() {
    let whole = ask(&question());
    let mut limited = question();
    let first_three: usize = whole.trace.decoder_attention.iter().take(3).map(|row| row.bytes()).sum();
    limited.record.budget_bytes = first_three + 1;
    let answer = ask(&limited);
    assert_eq!(answer.trace.decoder_attention.len(), 3, "what fits is kept");
    let ids = |answer: &Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
    assert_eq!(ids(&answer), ids(&whole), "recording changes no answer");
    assert!(answer.trace.warnings.iter().any(|text| text.contains("last 9 tokens")), "{:?}", answer.trace.warnings);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    write_trace(&path, &answer.trace, &answer.extras).expect("written");
    let read = TraceFile::read(&path).expect("read").trace;
    assert_eq!(read.decoder_attention.len(), 3, "rows that were left out do not come back as zeros");
    assert_eq!(read.warnings, answer.trace.warnings, "the warning travels with the file");
}

#[test]
fn half_precision_rows_err_by_what_half_precision_errs() {
    let (exact, mut question) = (ask(&question()), question());
    question.record.precision = RowPrecision::F16;
    let half = ask(&question);
    for (a, b) in exact.trace.decoder_attention.iter().zip(&half.trace.decoder_attention) {
        assert_eq!(a.bytes(), 2 * b.bytes(), "half the memory");
        let worst = a.to_f32().iter().zip(b.to_f32().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= 2.5e-4, "eleven bits near one, found {worst}");
    }
}

#[test]
fn framing_travels_with_the_trace() {
    let mut question = question();
    question.framing = Some(Framing::Pad);
    let run = ask(&question).trace.run;
    assert_eq!((run.preprocessing.framing, run.view.framing), (Framing::Pad, Framing::Pad), "as asked, not as trained");
}

#[test]
fn interventions_act_before_the_row_is_recorded() {
    let mut question = question();
    question.interventions = vec!["knockout:patches=0.0+3.4".parse().expect("a SPEC")];
    let trace = ask(&question).trace;
    let start = trace.image_token_span.start;
    for row in &trace.decoder_attention {
        for head in row.to_f32().chunks_exact(row.key_len()) {
            assert!(head[start] + head[start + 3 * 12 + 4] <= 0.0, "knocked-out patches get nothing");
            assert!(head[start + 1] > 0.0, "their neighbours do");
        }
    }
    assert_eq!(trace.run.interventions.len(), 1, "the run says what was done");
    assert_ne!(trace.output, ask(&self::question()).trace.output, "and it changes what is known of the tokens");
}

#[test]
fn a_question_that_cannot_be_asked_is_one_sentence() {
    let refused = |change: fn(&mut Question)| {
        let mut question = question();
        change(&mut question);
        let result = run_job(demo(), RunId(1), &question, &mut |_| {}, &AtomicBool::new(false));
        result.map_or_else(|err| err.to_string(), |_| String::new())
    };
    let unknown = refused(|question| question.image = ImageSource::Bundled("cat.png".to_owned()));
    assert!(unknown.contains("demo_01_beach.png") && unknown.ends_with("cat.png"), "{unknown}");
    let two = refused(|question| question.prompt = Prompt::Templated("<image> twice?".to_owned()));
    assert!(two.starts_with("Expected a question without <image>"), "{two}");
    let strategy = refused(|question| question.strategy.name = "vdc".to_owned());
    assert!(strategy.contains("plain"), "{strategy}");
}

#[test]
fn weights_that_are_no_numbers_are_blamed_by_name() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let bundled = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
    for entry in std::fs::read_dir(bundled).expect("the bundled model") {
        let from = entry.expect("a file").path();
        std::fs::copy(&from, dir.path().join(from.file_name().expect("a name"))).expect("copied");
    }
    let file = dir.path().join("model.safetensors");
    let mut tensors = candle_core::safetensors::load(&file, &candle_core::Device::Cpu).expect("tensors");
    // A last layer that only maps of `[CLS]` show: the answer has numbers all the same.
    for (end, words) in [
        ("model.norm.weight", "finite logits"),
        ("layers.5.self_attn.q_proj.weight", "finite attention of the vision encoder"),
    ] {
        let name = tensors.keys().filter(|name| name.ends_with(end)).max().expect("a tensor").clone();
        let sound = tensors.insert(name.clone(), (&tensors[&name] * f64::NAN).expect("not a number"));
        candle_core::safetensors::save(&tensors, &file).expect("saved");
        let source = ModelSource::Folder(dir.path().to_owned());
        let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
        let model = OpenModel::open(&request, &mut |_, _| {}, &AtomicBool::new(false)).expect("it opens");
        let failed = run_job(&model, RunId(1), &question(), &mut |_| {}, &AtomicBool::new(false));
        let sentence = failed.expect_err("no answer").to_string();
        assert!(sentence.contains(words) && sentence.contains("no numbers"), "{name}: {sentence}");
        assert!(sentence.ends_with(&dir.path().display().to_string()), "{name}: {sentence}");
        tensors.insert(name, sound.expect("there"));
    }
}

#[test]
fn a_photo_darkened_in_memory_is_the_picture_that_prompt_image_writes() {
    let clip =
        LoadRequest { source: ModelSource::DemoClip, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    let clip = OpenModel::open(&clip, &mut |_, _| {}, &AtomicBool::new(false)).expect("the bundled CLIP opens");
    for (model, source, query) in
        [(&clip, Source::Clip, "a dog"), (demo(), Source::Llava, "Is there a dog in the image?")]
    {
        let request = AttributionRequest {
            source,
            image: question().image,
            query: query.to_owned(),
            object: None,
            framing: None,
            max_new_tokens: ATTRIBUTION_TOKENS,
        };
        let found = attribute(model, &request, &AtomicBool::new(false)).expect("where it looks");
        for options in [
            PromptOptions::default(),
            PromptOptions { kernel: 1, grey: 120, geometry: MaskGeometry::Aligned, ..PromptOptions::default() },
        ] {
            let prompting = Prompting {
                attribution: Arc::clone(&found.attribution),
                model_id: model.info().id.clone(),
                weight_hash: model.info().weight_hash.clone(),
                query: query.to_owned(),
                options,
            };
            let mut question = question();
            question.record.pixel_values = true;
            let in_memory = ask(&Question { prompted: Some(Arc::new(prompting)), ..question.clone() });

            let written = prompt_image(&found.photo, &found.attribution, &options).expect("a darkened photo");
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("prompted.png");
            write_rgb_png(&path, found.photo.width_px, found.photo.height_px, &written.rgb).expect("written");
            let of_file = ask(&Question { image: ImageSource::Path(path), ..question });

            let (a, b) = (&in_memory.extras.pixel_values, &of_file.extras.pixel_values);
            assert!(a.is_some() && a == b, "the model gets the very same pixels, {options:?}");
            // The second time part of the prompt is taken from the first, in another order of additions.
            let ids = |answer: &Answer| answer.trace.output.iter().map(|token| token.id).collect::<Vec<_>>();
            assert_eq!(ids(&in_memory), ids(&of_file), "the same tokens, {options:?}");
            for (a, b) in in_memory.trace.decoder_attention.iter().zip(&of_file.trace.decoder_attention) {
                let apart = a.to_f32().iter().zip(b.to_f32().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(apart < 1e-5, "the same attention, found {apart} apart, {options:?}");
            }
            let run = &in_memory.trace.run;
            assert_eq!((run.image_path.as_str(), &run.image_hash), ("demo_07_street.png", &found.photo.sha256), "ours");
            let told = run.prompting.as_ref().expect("it says so");
            assert_eq!(told.name, source.id(), "who looked");
            assert_eq!(told.parameters.get("grey"), Some(&options.grey.into()), "with every parameter");
            assert_eq!(of_file.trace.run.prompting, None, "the file is a photo like any other");
        }
    }
    assert_eq!(ask(&question()).trace.run.prompting, None, "as is the photo itself");
}

#[test]
fn what_is_known_of_the_photo_as_it_is_is_not_taken_for_the_darkened_one() {
    let words = "Is there a dog in the image?";
    let request = AttributionRequest {
        source: Source::Llava,
        image: question().image,
        query: words.to_owned(),
        object: None,
        framing: None,
        max_new_tokens: ATTRIBUTION_TOKENS,
    };
    let found = attribute(demo(), &request, &AtomicBool::new(false)).expect("where it looks");
    let prompting = Prompting {
        attribution: Arc::clone(&found.attribution),
        model_id: demo().info().id.clone(),
        weight_hash: demo().info().weight_hash.clone(),
        query: words.to_owned(),
        options: PromptOptions::default(),
    };
    let plain = ask(&question());
    let ids: Vec<u32> = plain.trace.output.iter().take(3).map(|token| token.id).collect();
    let prompted = Question { prompted: Some(Arc::new(prompting)), ..question() };
    let fork = |known| Question { fork: Some(Fork { ids: ids.clone(), known }), ..prompted.clone() };
    let fresh = ask(&fork(None));
    let forked = ask(&fork(Some(Arc::new(plain.trace.clone()))));
    for (a, b) in fresh.trace.decoder_attention.iter().zip(&forked.trace.decoder_attention) {
        let apart = a.to_f32().iter().zip(b.to_f32().iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-5, "the darkened photo's own rows, found {apart} apart");
    }
}
