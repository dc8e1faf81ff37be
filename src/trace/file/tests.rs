mod encoders;
mod regions;

use super::super::{
    AttentionRow, Candidate, ContrastCandidate, Extras, OutputToken, PixelValues, PromptToken, RowPrecision, RunInfo,
    SpecInfo, TokenContrast, Trace, VisionAttention, compare,
};
use super::{TraceFile, TraceFileError, write_trace};
use crate::geometry::{ImageSize, ModelView, PatchGrid, PreprocessSpec};
use crate::ids::TokenSpan;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const LAYERS: usize = 2;
const HEADS: usize = 3;

fn run() -> RunInfo {
    let preprocessing = PreprocessSpec::clip(4);
    RunInfo {
        model_id: "demo".to_owned(),
        weight_hash: "00".to_owned(),
        image_path: "photo.png".to_owned(),
        image_hash: "11".to_owned(),
        prompt: "What is 这?".to_owned(),
        templated: true,
        full_prompt: "USER: <image>\nWhat is 这? ASSISTANT:".to_owned(),
        template: None,
        template_date: None,
        strategy: SpecInfo { name: "greedy".to_owned(), parameters: BTreeMap::new() },
        interventions: Vec::new(),
        methods: Vec::new(),
        temperature: 0.0,
        top_p: None,
        top_k: None,
        repetition_penalty: 1.0,
        seed: 42,
        beams: 1,
        length_penalty: 1.0,
        max_new_tokens: 3,
        prompting: Some(SpecInfo {
            name: "clip".to_owned(),
            parameters: BTreeMap::from([("kernel".to_owned(), 3.into())]),
        }),
        forced_ids: Vec::new(),
        view: ModelView::new(ImageSize { width_px: 9, height_px: 6 }, &preprocessing, 2),
        preprocessing,
        device: "CPU".to_owned(),
        dtype: "f32".to_owned(),
        program_version: "0".to_owned(),
    }
}

fn row(keys: usize, precision: RowPrecision) -> Arc<AttentionRow> {
    let values = (0..LAYERS * HEADS * keys).map(|i| 1.0 / (i + 3) as f32).collect();
    Arc::new(AttentionRow::new(LAYERS, HEADS, keys, values, precision).expect("as many values as the shape says"))
}

/// With numbers that a rounded text would not keep.
fn contrast() -> TokenContrast {
    let candidate = |id, final_logprob| ContrastCandidate {
        id,
        text: "▁é".to_owned(),
        logprob: -0.1,
        negative_logprob: -1.0 / 3.0,
        final_logprob,
    };
    TokenContrast {
        alpha: 1.0 / 3.0,
        plain_id: 0,
        contrasted_id: 1,
        num_removed: 1,
        moved: 0.7,
        branches_differ: true,
        alpha_from: 0.1 + 0.2,
        alpha_to: None,
        candidates: vec![candidate(1, Some(-0.2)), candidate(0, None)],
    }
}

pub(crate) fn sample(precision: RowPrecision) -> (Trace, Extras) {
    let prompt: Vec<_> = (0..7)
        .map(|i| PromptToken { id: i + 10, text: format!("t{i}"), special: i == 0, image: (2..6).contains(&i) })
        .collect();
    let output: Vec<_> = (0..3)
        .map(|i| OutputToken {
            id: i,
            text: "é".to_owned(),
            special: i == 2,
            logprob: -0.1 - i as f32 / 3.0,
            entropy_nats: 0.7,
            candidates: vec![Candidate { id: i, text: "▁é".to_owned(), logprob: -0.1 }],
            contrast: (i == 1).then(|| Box::new(contrast())),
            actions: Vec::new(),
        })
        .collect();
    let trace = Trace {
        run: Arc::new(run()),
        decoder_attention: (0..3).map(|t| row(7 + t, precision)).collect(),
        prompt_attention: vec![(6, row(7, precision)), (1, row(2, precision))],
        prompt: prompt.into(),
        image_token_span: TokenSpan { start: 2, len: 4 },
        layout: Arc::new(run().view.into()),
        num_hidden_layers: LAYERS,
        num_attention_heads: HEADS,
        output,
        vision: Some(Arc::new(VisionAttention {
            num_hidden_layers: 2,
            num_attention_heads: 1,
            num_patches: 4,
            cls_attention: (0..8_u8).map(f32::from).collect(),
            received_attention: Vec::new(),
            patch_norms: vec![3.0; 8],
            cls_unsplit: vec![0.25; 8],
            feature_layer_idx: 1,
        })),
        further_vision: Vec::new(),
        similarity: Vec::new(),
        warnings: vec!["The photo was scaled down".to_owned()],
    };
    let extras = Extras {
        logits: vec![vec![0.5, -2.0]; 3],
        negative_logits: vec![vec![0.25, 1.0]; 3],
        final_logits: vec![vec![0.75, f32::NEG_INFINITY]; 3],
        outlier_tokens: Some(vec![3, 0]),
        pixel_values: Some(PixelValues { height_px: 2, width_px: 2, values: vec![-1.5; 12] }),
    };
    (trace, extras)
}

fn assert_same(expected: &Trace, found: &Trace) {
    assert_eq!(expected.run, found.run, "the run is kept to the letter");
    assert_eq!(expected.prompt, found.prompt, "prompt tokens are kept");
    assert_eq!(expected.output, found.output, "generated tokens are kept");
    assert_eq!(expected.image_token_span, found.image_token_span, "the span is kept");
    assert_eq!(expected.layout, found.layout, "the layout is kept, to the last digit");
    assert_eq!(expected.warnings, found.warnings, "warnings are kept");
    assert_eq!(expected.decoder_attention.len(), found.decoder_attention.len(), "every row is kept");
    for (a, b) in expected.decoder_attention.iter().zip(&found.decoder_attention) {
        assert_eq!((a.key_len(), a.precision()), (b.key_len(), b.precision()), "rows keep their keys and precision");
        assert_eq!(a.to_f32(), b.to_f32(), "rows keep their values");
    }
    for ((at, a), (bt, b)) in expected.prompt_attention.iter().zip(&found.prompt_attention) {
        assert_eq!((at, a.to_f32()), (bt, b.to_f32()), "prompt rows keep position and values");
    }
    let (a, b) = (expected.vision.as_ref().expect("made with it"), found.vision.as_ref().expect("written with it"));
    assert_eq!(a.cls_attention, b.cls_attention, "[CLS] rows are kept");
    assert_eq!(a.patch_norms, b.patch_norms, "norms are kept");
    assert_eq!(a.cls_unsplit, b.cls_unsplit, "the unsplit row is kept");
    assert_eq!(a.feature_layer_idx, b.feature_layer_idx, "the feature layer is kept");
    assert_eq!(expected.further_vision.len(), found.further_vision.len(), "every encoder is kept");
    for (a, b) in expected.further_vision.iter().zip(&found.further_vision) {
        assert_eq!((a.num_patches, a.feature_layer_idx), (b.num_patches, b.feature_layer_idx), "with its sizes");
        assert_eq!(a.cls_attention, b.cls_attention, "and its [CLS] rows");
        assert_eq!(a.received_attention, b.received_attention, "or the attention received");
        assert_eq!(a.patch_norms, b.patch_norms, "and its norms");
    }
}

#[test]
fn a_written_trace_reads_back_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for precision in [RowPrecision::F16, RowPrecision::F32] {
        let (trace, extras) = sample(precision);
        let path = folder.path().join("t.safetensors");
        write_trace(&path, &trace, &extras).expect("a consistent trace is written");
        let read = TraceFile::read(&path).expect("and can be read");
        assert_same(&trace, &read.trace);
        assert_eq!(extras, read.extras, "what was kept besides comes back");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "no temporary file stays behind");
}

/// The same of an encoder that compared two texts.
fn without_decoder() -> (Trace, Extras) {
    let (trace, extras) = sample(RowPrecision::F32);
    let texts = vec![("一只狗\n".to_owned(), 0.31), ("a cat".to_owned(), -0.2)];
    let trace = Trace {
        prompt: Vec::new().into(),
        image_token_span: TokenSpan { start: 0, len: 0 },
        num_hidden_layers: 0,
        num_attention_heads: 0,
        output: Vec::new(),
        decoder_attention: Vec::new(),
        prompt_attention: Vec::new(),
        similarity: compare(texts, 30.0),
        ..trace
    };
    (trace, Extras { pixel_values: extras.pixel_values, ..Extras::default() })
}

#[test]
fn a_trace_without_a_decoder_has_no_tensor_of_one_and_reads_back_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (mut trace, extras) = without_decoder();
    for compared in [true, false] {
        if !compared {
            trace.similarity.clear();
        }
        write_trace(&path, &trace, &extras).expect("a consistent trace is written");
        let bytes = std::fs::read(&path).expect("just written");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
        let mut names = tensors.names();
        names.sort_unstable();
        let mut expected = vec![
            "image_grid",
            "image_region_rects",
            "image_regions",
            "pixel_values",
            "similarity",
            "vision_cls_attention",
            "vision_cls_unsplit",
            "vision_patch_norms",
        ];
        expected.retain(|name| compared || *name != "similarity");
        assert_eq!(names, expected, "only what an encoder has");
        let read = TraceFile::read(&path).expect("and can be read");
        assert_same(&trace, &read.trace);
        assert_eq!(trace.similarity, read.trace.similarity, "texts keep their numbers");
        assert!(!read.trace.has_decoder(), "it is known as what it is");
        assert_eq!(extras, read.extras, "what was kept besides comes back");
    }
}

#[test]
fn a_trace_without_a_decoder_is_checked_all_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let break_it: [fn(&mut Trace); 6] = [
        |trace| trace.vision = None,
        |trace| trace.num_attention_heads = 1,
        |trace| trace.image_token_span.len = 4,
        |trace| trace.layout = Arc::new(ModelView { grid: PatchGrid { rows: 9, cols: 2 }, ..trace.run.view }.into()),
        |trace| trace.similarity[0].cosine = 1.5,
        |trace| trace.similarity[1].logit = f32::NAN,
    ];
    for (idx, change) in break_it.into_iter().enumerate() {
        let (mut trace, extras) = without_decoder();
        change(&mut trace);
        let error = write_trace(&path, &trace, &extras).expect_err("a contradiction");
        assert!(matches!(error, TraceFileError::Inconsistent { .. }), "case {idx}: {error}");
    }
    let (mut trace, extras) = sample(RowPrecision::F32);
    trace.similarity = without_decoder().0.similarity;
    let error = write_trace(&path, &trace, &extras).expect_err("an answer and texts").to_string();
    assert!(error.contains("similarity of texts only without a decoder"), "{error}");
}

/// A file of a trace whose header says something else; `change` gets the header and the values behind it.
fn changed(half: bool, with_decoder: bool, change: impl FnOnce(&mut serde_json::Value, &mut Vec<u8>)) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let precision = if half { RowPrecision::F16 } else { RowPrecision::F32 };
    let (trace, extras) = if with_decoder { sample(precision) } else { without_decoder() };
    write_trace(&path, &trace, &extras).expect("written");
    let bytes = std::fs::read(&path).expect("there");
    let (len, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let (header, body) = rest.split_at(usize::try_from(u64::from_le_bytes(*len)).expect("short"));
    let mut header = serde_json::from_slice(header).expect("JSON");
    let mut body = body.to_vec();
    change(&mut header, &mut body);
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &body].concat()
}

/// Gives a tensor another shape and no or other values; what lies behind it moves.
fn reshape(header: &mut serde_json::Value, body: &mut Vec<u8>, tensor: &str, shape: &[u64]) {
    let place = |header: &serde_json::Value, idx: usize| {
        let at = header[tensor]["data_offsets"][idx].as_u64().expect("a place");
        usize::try_from(at).expect("small")
    };
    let (start, end) = (place(header, 0), place(header, 1));
    assert!(shape.contains(&0), "an empty one");
    drop(body.drain(start..end));
    header[tensor]["shape"] = shape.into();
    for (_, info) in header.as_object_mut().expect("an object").iter_mut() {
        let places = info.get_mut("data_offsets").and_then(serde_json::Value::as_array_mut);
        for at in places.into_iter().flatten() {
            if let Some(old) = at.as_u64().filter(|old| *old >= end as u64) {
                *at = (old - (end - start) as u64).into();
            }
        }
    }
}

fn refusal(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    std::fs::write(&path, bytes).expect("a writable folder");
    let why = TraceFile::read(&path).expect_err("must be refused").to_string();
    assert!(why.ends_with("t.safetensors") && why.lines().count() == 1, "one sentence, the file last: {why}");
    why
}

#[test]
fn a_dimension_of_nothing_bounds_the_others_too() {
    const MANY: u64 = 1 << 40;
    for (with_decoder, tensor, shape, words) in [
        (true, "decoder_attention", [3, MANY, 0, 10], "1 to 1024 layers of 1 to 1024 heads"),
        (true, "decoder_attention", [3, 0, MANY, 10], "1 to 1024 layers"),
        (true, "decoder_attention", [0, MANY, 3, 10], "1 to 1024 layers"),
        (true, "decoder_attention", [0, 2, 1 << 20, 10], "1 to 1024 layers"),
        (true, "decoder_attention", [3, 2, 0, 10], "1 to 1024 layers"),
    ] {
        let bytes = changed(false, with_decoder, |header, body| reshape(header, body, tensor, &shape));
        let why = refusal(&bytes);
        assert!(why.contains(tensor) && why.contains(words), "{shape:?}: {why}");
    }
    let cases: [(bool, &str, &[u64], &str); 6] = [
        (true, "vision_cls_attention", &[MANY, MANY >> 20, 0], "1 to 1024 layers"),
        (false, "vision_cls_attention", &[1 << 20, 1 << 20, 0], "1 to 1024 layers"),
        (false, "vision_cls_attention", &[2, 1, 0], "1 to 1048576 patches"),
        (false, "vision_cls_attention", &[0, 0, MANY], "1 to 1024 layers"),
        (true, "logits", &[3, 0], "a logit for each token"),
        (true, "pixel_values", &[3, MANY, 0], "1 to 65536 pixels a side"),
    ];
    for (with_decoder, tensor, shape, words) in cases {
        let bytes = changed(false, with_decoder, |header, body| reshape(header, body, tensor, shape));
        let why = refusal(&bytes);
        assert!(why.contains(tensor) && why.contains(words), "{shape:?}: {why}");
    }
}

#[test]
fn a_rectangle_that_the_preprocessing_does_not_give_is_refused() {
    type Change = fn(&mut serde_json::Value);
    let with_run = |change: fn(&mut serde_json::Value)| {
        changed(true, true, |header, _| {
            let text = header["__metadata__"]["run"].as_str().expect("a string").to_owned();
            let mut run = serde_json::from_str(&text).expect("JSON");
            change(&mut run);
            header["__metadata__"]["run"] = run.to_string().into();
        })
    };
    let changes: [(Change, &str); 9] = [
        (|run| run["view"]["rect_px"]["x1"] = 1e308.into(), "a rectangle with an area"),
        (|run| run["view"]["rect_px"]["x1"] = (-7.5).into(), "a rectangle with an area"),
        (|run| run["view"]["rect_px"]["x0"] = run["view"]["rect_px"]["x1"].clone(), "a rectangle with an area"),
        (
            |run| run["view"]["rect_px"]["x0"] = 0.0.into(),
            "the seen rectangle 1.5, 0.0, 7.5, 6.0, as the preprocessing",
        ),
        (|run| run["view"]["image"]["width_px"] = 12.into(), "a photo of 12 x 6 pixels"),
        (|run| run["view"]["grid"]["rows"] = 4.into(), "2 x 2 patches in the run's view"),
        (|run| run["view"]["grid"]["rows"] = u64::MAX.into(), "a grid of 1 to 1048576 patches"),
        (|run| run["view"]["framing"] = "pad".into(), "the seen rectangle"),
        (|run| run["preprocessing"]["crop_px"] = serde_json::json!([0, 4]), "a crop to 1 to"),
    ];
    for (idx, (change, words)) in changes.into_iter().enumerate() {
        let why = refusal(&with_run(change));
        assert!(why.contains(words), "change {idx}: {why}");
    }
    for (rows, cols) in [(0, 0), (0, u64::MAX >> 1), (1 << 31, 1 << 31), (u64::MAX >> 1, 2)] {
        let why = refusal(&changed(true, true, |header, body| {
            let at = header["image_grid"]["data_offsets"][0].as_u64().and_then(|at| usize::try_from(at).ok());
            let at = at.expect("a place");
            body[at..at + 8].copy_from_slice(&u64::to_le_bytes(rows));
            body[at + 8..at + 16].copy_from_slice(&u64::to_le_bytes(cols));
        }));
        assert!(why.contains(&format!("found {rows} x {cols}")), "{why}");
    }
}

#[test]
fn headers_that_take_more_than_they_are_long_are_refused() {
    let tensors = changed(true, true, |header, _| {
        for idx in 0..300 {
            header[format!("t{idx}")] = serde_json::json!({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]});
        }
    });
    assert!(refusal(&tensors).contains("more than 256 tensors"), "many tensors");
    let shape = changed(true, true, |header, _| {
        header["t"] = serde_json::json!({"dtype": "F32", "shape": vec![0; 9], "data_offsets": [0, 0]});
    });
    assert!(refusal(&shape).contains("at most 8 dimensions"), "many dimensions");
    let strings = changed(true, true, |header, _| {
        for idx in 0..100 {
            header["__metadata__"][format!("s{idx}")] = "".into();
        }
    });
    assert!(refusal(&strings).contains("at most 64 strings"), "many strings");
    let notes = changed(true, true, |header, _| {
        let warnings = vec![""; 3 << 20];
        let notes = serde_json::json!({"warnings": warnings, "decoder_attention_rows": 3});
        header["__metadata__"]["notes"] = notes.to_string().into();
    });
    assert!(refusal(&notes).contains("more than 4194304"), "many warnings");
    let twice = changed(true, true, |_, _| {});
    let at = twice.windows(13).position(|part| part == b"\"image_grid\":").expect("there");
    let mut twice = twice;
    twice[at + 1..at + 11].copy_from_slice(b"prompt_ids");
    assert!(refusal(&twice).contains("there twice"), "one name for two tensors");
}

#[test]
fn the_file_is_what_the_contract_says_to_any_safetensors_reader() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (trace, extras) = sample(RowPrecision::F16);
    write_trace(&path, &trace, &extras).expect("a consistent trace is written");
    let bytes = std::fs::read(&path).expect("just written");
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).expect("a valid header");
    let strings = metadata.metadata().clone().expect("metadata");
    assert_eq!(strings.get("format").map(String::as_str), Some("gazelens-trace"), "the format's name");
    assert_eq!(strings.get("version").map(String::as_str), Some("2"), "the format's version");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("a valid file");
    let shape = |name: &str| tensors.tensor(name).map(|t| t.shape().to_vec()).unwrap_or_default();
    for (name, expected) in [
        ("prompt_ids", vec![7]),
        ("output_ids", vec![3]),
        ("image_token_span", vec![2]),
        ("image_grid", vec![2]),
        ("image_regions", vec![1, 4]),
        ("image_region_rects", vec![1, 4]),
        ("decoder_attention", vec![3, 2, 3, 10]),
        ("vision_cls_attention", vec![2, 1, 4]),
        ("vision_cls_unsplit", vec![2, 4]),
        ("logits", vec![3, 2]),
        ("negative_logits", vec![3, 2]),
        ("final_logits", vec![3, 2]),
        ("outlier_tokens", vec![2]),
        ("pixel_values", vec![3, 2, 2]),
    ] {
        assert_eq!(shape(name), expected, "the shape of `{name}`");
    }
    let rows = tensors.tensor("decoder_attention").expect("there");
    let first_head = rows.data().get(..20).expect("ten half-precision values");
    assert_eq!(first_head.get(14..), Some(&[0_u8; 6][..]), "row 0 is zero beyond its seven keys");
    let span = tensors.tensor("image_token_span").expect("there");
    assert_eq!(span.data(), [2_i64.to_le_bytes(), 4_i64.to_le_bytes()].concat(), "start and number of image tokens");
}

#[test]
fn the_same_trace_makes_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (trace, extras) = sample(RowPrecision::F32);
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    write_trace(&a, &trace, &extras).expect("written");
    write_trace(&b, &trace, &extras).expect("written");
    assert_eq!(std::fs::read(a).expect("there"), std::fs::read(b).expect("there"), "nothing random in a file");
}

#[test]
fn rows_left_out_for_the_budget_stay_left_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (mut trace, extras) = sample(RowPrecision::F32);
    trace.decoder_attention.truncate(1);
    write_trace(&path, &trace, &extras).expect("written");
    assert_same(&trace, &TraceFile::read(&path).expect("read").trace);
}

#[test]
fn a_trace_that_contradicts_itself_is_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    std::fs::write(&path, "what was there before").expect("a writable folder");
    let break_it: [fn(&mut Trace, &mut Extras); 6] = [
        |trace, _| trace.image_token_span.len = 5,
        |trace, _| trace.image_token_span.start = usize::MAX,
        |trace, _| trace.decoder_attention[1] = row(9, RowPrecision::F32),
        |trace, _| trace.output[0].logprob = f32::NAN,
        |_, extras| extras.logits[0][0] = f32::NEG_INFINITY,
        |_, extras| extras.outlier_tokens = Some(vec![4]),
    ];
    for (idx, change) in break_it.into_iter().enumerate() {
        let (mut trace, mut extras) = sample(RowPrecision::F32);
        change(&mut trace, &mut extras);
        let error = write_trace(&path, &trace, &extras).expect_err("a contradiction");
        assert!(matches!(error, TraceFileError::Inconsistent { .. }), "case {idx}: {error}");
        assert!(error.to_string().ends_with("t.safetensors"), "the file comes last: {error}");
    }
    assert_eq!(std::fs::read(&path).expect("there"), b"what was there before", "the old file is untouched");
    assert_eq!(std::fs::read_dir(folder.path()).expect("readable").count(), 1, "no temporary file stays behind");
}

#[test]
fn files_that_are_no_trace_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.safetensors");
    let sentence = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("a writable folder");
        TraceFile::read(&path).expect_err("no trace").to_string()
    };
    assert!(sentence(b"abc").contains("only 3 bytes"), "too short for a header");
    assert!(sentence(&u64::MAX.to_le_bytes()).contains("a header of"), "a header longer than the file");
    let other = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    assert!(sentence(&other("{}")).contains("found format=none"), "another program's file");
    let newer = r#"{"__metadata__":{"format":"gazelens-trace","version":"3"}}"#;
    assert!(sentence(&other(newer)).contains("version=3"), "a newer version is named");
    let bare = r#"{"__metadata__":{"format":"gazelens-trace","version":"1"}}"#;
    assert!(sentence(&other(bare)).contains("`run`"), "the missing metadata is named");
    let missing = TraceFile::read(&folder.path().join("nowhere")).expect_err("no file").to_string();
    assert!(missing.starts_with("Could not read the trace file"), "a missing file: {missing}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Bytes changed, cut off or doubled anywhere: an error sentence or a consistent trace, never a panic or a huge
    /// allocation.
    #[test]
    fn damaged_files_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        half in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("t.safetensors");
        let (trace, extras) = sample(if half { RowPrecision::F16 } else { RowPrecision::F32 });
        write_trace(&path, &trace, &extras).expect("written");
        let mut bytes = std::fs::read(&path).expect("there");
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        std::fs::write(&path, &bytes).expect("a writable folder");
        match TraceFile::read(&path) {
            Ok(read) => write_trace(&path, &read.trace, &read.extras).expect("what was accepted is consistent"),
            Err(error) => prop_assert!(error.to_string().ends_with("t.safetensors"), "the file comes last: {}", error),
        }
    }

    /// Digits of the header changed: shapes, offsets and counts that lie.
    #[test]
    fn headers_that_lie_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), 0..10_u8), 1..4)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("t.safetensors");
        let (trace, extras) = sample(RowPrecision::F32);
        write_trace(&path, &trace, &extras).expect("written");
        let mut bytes = std::fs::read(&path).expect("there");
        let header_len = usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
        let digits: Vec<usize> = (8..8 + header_len).filter(|at| bytes[*at].is_ascii_digit()).collect();
        for (at, digit) in changes {
            bytes[*at.get(&digits)] = b'0' + digit;
        }
        std::fs::write(&path, &bytes).expect("a writable folder");
        if let Ok(read) = TraceFile::read(&path) {
            write_trace(&path, &read.trace, &read.extras).expect("what was accepted is consistent");
        }
    }
}

#[test]
fn a_run_keeps_the_day_that_its_template_was_told() {
    let told = RunInfo { template_date: Some("2024-07-05".to_owned()), ..run() };
    let json = serde_json::to_value(&told).expect("plain data");
    assert_eq!(serde_json::from_value::<RunInfo>(json).expect("a run"), told, "kept");
    let untold = serde_json::to_value(run()).expect("plain data");
    assert!(untold.get("template_date").is_none(), "a run of before, and one whose template knows no day, has none");
    assert_eq!(serde_json::from_value::<RunInfo>(untold).expect("a run").template_date, None, "read all the same");
}

#[test]
fn a_run_of_before_photos_could_be_darkened_is_read() {
    let mut json = serde_json::to_value(run()).expect("plain data");
    let before = json.as_object_mut().and_then(|run| run.remove("prompting"));
    assert!(before.is_some(), "it is written where there is one");
    let read: RunInfo = serde_json::from_value(json).expect("a run without it");
    assert_eq!(read.prompting, None, "the photo as it was");
    let again = serde_json::to_value(&read).expect("plain data");
    assert!(again.get("prompting").is_none(), "and nothing is written where there is none");
}
