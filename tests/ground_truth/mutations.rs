//! Files that somebody or something damaged: a list of problems or one sentence, never a panic, never memory without
//! bound.

use crate::shared;
use gazelens::data::chair::GeneratedCaptions;
use gazelens::data::coco::{Captions, CocoError, Cost, Crowds, Instances, fuzz_segmentation};
use gazelens::data::pope::Questions;
use gazelens::data::questions::PhotoQuestions;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

const ANNOTATIONS: &[u8] = include_bytes!("../golden/coco_synthetic.json");
const RUNS: &[u8] = include_bytes!("../../assets/demo/instances.json");
const QUESTIONS: &[u8] = include_bytes!("../../assets/demo/pope.jsonl");

/// The beginning of a real file, made whole again; what is bundled where there is none.
fn real(name: &str, most_bytes: usize, end: &str, bundled: &'static [u8]) -> Vec<u8> {
    let Some(bytes) = shared(name).and_then(|path| std::fs::read(path).ok()) else { return bundled.to_vec() };
    let list = bytes.windows(14).position(|part| part == b"\"annotations\":").unwrap_or(0);
    let records = &bytes[list..];
    let cut =
        records[..most_bytes.min(records.len())].windows(3).rposition(|part| part == b"}, ").map_or(0, |at| at + 1);
    let mut whole =
        b"{\"images\": [{\"id\": 139, \"file_name\": \"000000000139.jpg\", \"width\": 640, \"height\": 426}],
        \"categories\": [{\"id\": 1, \"name\": \"person\"}, {\"id\": 62, \"name\": \"chair\"}], "
            .to_vec();
    whole.extend_from_slice(&records[..cut]);
    whole.extend_from_slice(end.as_bytes());
    whole
}

static REAL_ANNOTATIONS: LazyLock<Vec<u8>> = LazyLock::new(|| real("coco/instances.json", 60_000, "]}", ANNOTATIONS));
static REAL_CAPTIONS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    real(
        "coco/captions.json",
        20_000,
        "]}",
        br#"{"annotations": [{"image_id": 139, "id": 3, "caption": "A \u00e9 \"table\""}]}"#,
    )
});
static REAL_QUESTIONS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bytes = shared("pope/coco_pope_popular.json").and_then(|path| std::fs::read(path).ok());
    bytes.map_or_else(|| QUESTIONS.to_vec(), |bytes| bytes[..12_000].to_vec())
});

/// One change of a file's bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Value(usize, &'static str),
    Number(usize, &'static str),
    Cut(usize),
}

const VALUES: [&str; 32] = [
    "NaN",
    "-Infinity",
    "Infinity",
    "1.0",
    "1e0",
    "\"1\"",
    "\" 1.0 \"",
    "[NaN]",
    "[null,null,null,null]",
    "\"COCO_val2014_000000000139.jpg\"",
    "{\"a\":[NaN,{\"b\":Infinity}]}",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "[[[[",
    "\"}, {\"",
    "\0\0",
    "{\"counts\":[1.0,\"2\",1e0],\"size\":[\"2\",2.0]}",
    "null",
    "true",
    "\"x\"",
    "[]",
    "{}",
    "[1,-2]",
    "\"\\ud83d\"",
    "[[[]]]",
    "-1",
    "1e400",
    "18446744073709551616",
    "1.5",
    "4294967295",
    "[[1e30,0,5,5,0,9]]",
    "{\"counts\":[4294967295,4294967295],\"size\":[65535,65535]}",
    "{\"counts\":\"oooooooooooo0\",\"size\":[1,1]}",
];
const NUMBERS: [&str; 12] = [
    "1e30",
    "-1e9",
    "NaN",
    "-Infinity",
    "\"5\"",
    "\"NaN\"",
    "null",
    "99999999",
    "0.30000000000000004",
    "-0",
    "1e-320",
    "399999999.9",
];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at.clone(), prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:\\0-"[..])])
            .prop_map(|(at, byte)| Change::Set(at, byte)),
        (at.clone(), 1..400_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (at.clone(), 1..400_usize).prop_map(|(at, len)| Change::Repeat(at, len)),
        (at.clone(), prop::sample::select(&VALUES[..])).prop_map(|(at, value)| Change::Value(at, value)),
        (at.clone(), prop::sample::select(&NUMBERS[..])).prop_map(|(at, number)| Change::Number(at, number)),
        at.prop_map(Change::Cut),
    ]
}

fn damaged(whole: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for change in changes {
        let len = bytes.len().max(1);
        let range = |at: usize, count: usize| at % len..(at % len + count).min(len);
        let behind = |at: usize, mark: u8| {
            bytes[at % len..].iter().position(|byte| *byte == mark).map(|found| at % len + found + 1)
        };
        match change {
            _ if bytes.is_empty() => {}
            Change::Set(at, byte) => bytes[at % len] = *byte,
            Change::Remove(at, count) => drop(bytes.drain(range(*at, *count))),
            Change::Repeat(at, count) => {
                let part = bytes[range(*at, *count)].to_vec();
                bytes.splice(at % len..at % len, part);
            }
            Change::Value(at, text) | Change::Number(at, text) => {
                let mark = if matches!(change, Change::Value(..)) { b':' } else { b',' };
                let Some(start) = behind(*at, mark) else { continue };
                let end = bytes[start..].iter().position(|byte| b",}]".contains(byte)).map_or(start, |end| start + end);
                bytes.splice(start..end, text.bytes());
            }
            Change::Cut(at) => bytes.truncate(at % len),
        }
    }
    bytes
}

fn is_sentence(err: &CocoError) {
    let sentence = err.to_string();
    let starts = ["Expected ", "None of ", "The only "].iter().any(|start| sentence.starts_with(start));
    assert!(starts && sentence.contains("found "), "every error is such a sentence: {sentence}");
    assert!(sentence.ends_with("a file") && sentence.len() < 400, "short, the file last: {sentence}");
}

fn annotations(bytes: Vec<u8>) {
    let read = Instances::from_bytes(bytes, Path::new("a file"));
    let Ok(instances) = read.map_err(|err| is_sentence(&err)) else { return };
    let total = instances.annotations().len();
    let rows = 0..instances.images().len();
    assert_eq!(rows.map(|row| instances.annotations_of(row).len()).sum::<usize>(), total, "each object has one image");
    let problems = instances.problems();
    assert!(problems.listed().len() <= problems.total().min(1000 * Cost::ALL.len()), "a bounded list");
    assert_eq!(
        Cost::ALL.iter().map(|cost| problems.total_of(*cost)).sum::<usize>(),
        problems.total(),
        "each has one cost"
    );
    assert!(instances.named_objects().count() == total + instances.num_unlisted(), "each object has a name");
    for one in instances.annotations() {
        let image = instances.image_row(one.image_id).and_then(|row| instances.images().get(row)).expect("is known");
        assert!(instances.category(one.category_id).is_some(), "is known");
        match instances.mask(one) {
            Ok(mask) => {
                assert_eq!((mask.width_px(), mask.height_px()), (image.width_px, image.height_px), "the image's size");
            }
            Err(err) => assert!(err.to_string().starts_with("Expected "), "{err}"),
        }
    }
    for (image, category) in instances.images().iter().zip(instances.categories().iter().cycle()).take(8) {
        if u64::from(image.width_px) * u64::from(image.height_px) > 1 << 22 {
            continue;
        }
        if let Err(err) = instances.category_mask(image.id, category.id, Crowds::LeftOut) {
            let said = err.to_string();
            assert!(said.starts_with("Expected ") || said.starts_with("Cannot make the mask of image"), "{said}");
        }
    }
}

/// Captions of a model in every form.
const GENERATED: [&str; 4] = [
    "{\"image_id\": 12, \"caption\": \"a dog.\", \"score\": NaN}\n{\"image_id\": 2.0, \"caption\": \"\\u00e9 \\ud83d \
        b\"}\n",
    r#"[{"image_id": "12", "caption": "a dog."}, {"image": "COCO_val2014_000000000002.jpg", "text": "b", "x": [-Infinity]}]"#,
    r#"{"info": NaN, "annotations": [{"image_id": 12, "caption": "a"}, {"image_id": 2, "caption": "b"}]}"#,
    r#"{"overall": {"SPICE": NaN}, "imgToEval": {"1": {"image_id": 1, "caption": "a"}, "2": {"caption": "b", "Bleu_1": NaN}}}"#,
];
/// Questions that do not stand one a line, and under the other names.
const ARRAY: &[u8] = br#"[{"question_id": 1, "image": "a.jpg", "text": "Is there a dog?", "label": "yes"},
{"question_id": "2", "image_source": "b", "question": "Is there a cat?", "answer": "no", "score": NaN}]"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_annotations_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        annotations(damaged(&REAL_ANNOTATIONS, &changes));
    }

    #[test]
    fn damaged_masks_of_every_form_never_panic(changes in prop::collection::vec(change(), 1..12)) {
        annotations(damaged(ANNOTATIONS, &changes));
    }

    #[test]
    fn damaged_bundled_annotations_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        annotations(damaged(&RUNS[..RUNS.len().min(60_000)], &changes));
    }

    #[test]
    fn damaged_captions_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        match Captions::from_bytes(&damaged(&REAL_CAPTIONS, &changes), Path::new("a file")) {
            Ok(captions) => {
                let all: usize = captions.images().iter().map(|image| captions.of(image.id).len()).sum();
                prop_assert!(all <= captions.captions().len(), "each caption has at most one image");
            }
            Err(err) => is_sentence(&err),
        }
    }

    #[test]
    fn damaged_captions_of_models_never_panic(changes in prop::collection::vec(change(), 1..4), form in 0..4_usize) {
        match GeneratedCaptions::from_bytes(&damaged(GENERATED[form].as_bytes(), &changes), Path::new("a file")) {
            Ok(captions) => prop_assert!(!captions.captions.is_empty(), "at least one was read"),
            Err(err) => is_sentence(&err),
        }
    }

    #[test]
    fn damaged_questions_never_panic(changes in prop::collection::vec(change(), 1..6), is_array in any::<bool>()) {
        let bytes = damaged(if is_array { ARRAY } else { &REAL_QUESTIONS }, &changes);
        match Questions::from_bytes(&bytes, Path::new("a file")) {
            Ok(questions) => prop_assert!(!questions.questions().is_empty(), "at least one was read"),
            Err(err) => is_sentence(&err),
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("a file");
        std::fs::write(&path, &bytes).expect("a writable folder");
        match PhotoQuestions::open(&path, &AtomicBool::new(false)) {
            Ok(questions) => {
                prop_assert!(!questions.all.is_empty(), "at least one was read");
                let numbers: Vec<usize> = questions.all.iter().map(|one| one.number).collect();
                prop_assert!(numbers.is_sorted_by(|a, b| a < b), "each has a number of its own: {:?}", numbers);
            }
            Err(err) => is_sentence(&err),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_run_lengths_never_panic(changes in prop::collection::vec(change(), 0..4), which in 0..4_usize,
        width in 0..70_u32) {
        let whole: &[u8] = [
            &br#"{"size":[2,3],"counts":[1,2,3]}"#[..],
            br#"{"counts":"1223","size":[2,4]}"#,
            b"[[0,0,3,0,3,2.5,0,2],[1,1,2,1,2,2]]",
            br#"{"size":[64,64],"counts":"PPP`0l1000O100O1O1O1N2N2M3M3LdN"}"#,
        ][which];
        fuzz_segmentation(&damaged(whole, &changes), width, 64);
    }

    #[test]
    fn any_string_of_run_lengths_never_panics(text in "[0-o]{0,40}", width in 1..70_u32) {
        let escaped = text.replace('\\', "\\\\");
        fuzz_segmentation(format!(r#"{{"size":[64,{width}],"counts":"{escaped}"}}"#).as_bytes(), width, 64);
    }
}
