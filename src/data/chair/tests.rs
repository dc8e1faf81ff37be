//! The table against the published one, and files of captions, whole and damaged.

use super::synonyms::UNREACHABLE;
use super::*;
use crate::data::coco::CocoError;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn read(text: &str) -> Result<GeneratedCaptions, CocoError> {
    GeneratedCaptions::from_bytes(text.as_bytes(), Path::new("c.json"))
}

fn ids(text: &str) -> Vec<u64> {
    read(text).expect("captions").captions.iter().map(|caption| caption.image_id).collect()
}

#[test]
fn there_are_eighty_categories_and_no_word_means_two() {
    let mut words = BTreeMap::new();
    for category in categories() {
        assert_eq!(category.words.first(), Some(&category.name), "the name is a word too");
        for word in category.words {
            assert_eq!(words.insert(word, category.name), None, "{word} occurs once");
            let parts: Vec<&str> = word.split(' ').collect();
            assert!(parts.len() <= 2, "{word} can be reached by merging two words");
            assert!(parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_lowercase())), "{word} is lower-case");
        }
    }
    assert_eq!((categories().len(), words.len()), (80, 399), "403 distinct entries less the four that never match");
}

#[test]
fn the_table_means_what_the_published_one_means() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/chair/synonyms.txt");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("Not run: the published synonym table is not there");
        return;
    };
    let mut published = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.trim().split(", ");
        let name = words.next().expect("a name");
        published.extend(std::iter::once(name).chain(words).map(|word| (word, name)));
    }
    let mut ours: BTreeMap<&str, &str> =
        categories().iter().flat_map(|c| c.words.iter().map(|word| (*word, c.name)).collect::<Vec<_>>()).collect();
    ours.extend(UNREACHABLE.iter().map(|(name, word)| (*word, *name)));
    assert_eq!(ours, published, "every word with its category");
}

#[test]
fn every_published_form_is_read() {
    let forms = [
        (CaptionFormat::Lines, "{\"image_id\": 1, \"caption\": \"a\"}\r\n\n{\"image_id\": 2, \"caption\": \"b\"}\n"),
        (CaptionFormat::Array, r#" [{"image_id": 1, "caption": "a", "id": 9}, {"image_id": "2", "caption": "b"}]"#),
        (
            CaptionFormat::Annotations,
            r#"{"annotations": [{"image_id": 1, "caption": "a"}, {"image_id": 2, "text": "b"}]}"#,
        ),
        (
            CaptionFormat::ImgToEval,
            r#"{"overall": {}, "imgToEval": {"1": {"caption": "a"}, "2": {"image_id": 2, "caption": "b"}}}"#,
        ),
    ];
    for (format, text) in forms {
        let captions = read(text).expect("captions");
        assert_eq!((captions.format, captions.problems.total()), (format, 0), "{text}");
        let found: Vec<_> = captions.captions.iter().map(|c| (c.image_id, c.text.as_str())).collect();
        assert_eq!(found, [(1, "a"), (2, "b")], "{format:?}");
    }
    assert_eq!(ids("\u{feff}{\"image_id\": 3, \"caption\": \"a\"}"), [3], "one line behind a byte-order mark");
}

#[test]
fn an_image_is_known_by_its_file_name_too() {
    let names = ["COCO_val2014_000000226988.jpg", "val2017/000000226988.jpg", "226988", "C:\\\\photos\\\\x226988.png"];
    for name in names {
        assert_eq!(ids(&format!("[{{\"image\": \"{name}\", \"answer\": \"a\"}}]")), [226_988], "{name}");
    }
    let named = read(r#"[{"file_name": "a/x7.png", "text": "a"}, {"image_id": 7, "text": "a"}]"#).expect("captions");
    let names: Vec<Option<&str>> = named.captions.iter().map(|caption| caption.image_name.as_deref()).collect();
    assert_eq!(names, [Some("a/x7.png"), None], "a name is kept where the number was read from it");
}

#[test]
fn what_chair_does_not_need_costs_no_caption() {
    for (record, id) in [
        (r#"{"image_id": 42.0, "caption": "a"}"#, 42),
        (r#"{"image_id": "42", "caption": "a", "perplexity": NaN}"#, 42),
        (r#"{"image_id": 4.2e1, "caption": "a", "x": [-Infinity, {"y": [Infinity]}], "z": 1e400}"#, 42),
        (r#"{"image_id": "COCO_val2014_000000000042", "caption": "a"}"#, 42),
        (r#"{"image_id": "COCO_val2014_000000000042.jpg", "caption": "a"}"#, 42),
        (r#"{"image_id": "val2017/000000000042.jpg", "caption": "a"}"#, 42),
        (r#"{"image_id": null, "image": "COCO_val2014_000000000042.jpg", "caption": "a"}"#, 42),
        (r#"{"image_id": NaN, "image": 42.0, "caption": "a"}"#, 42),
        (r#"{"image_id": 42, "caption": null, "text": NaN, "answer": "a"}"#, 42),
        (r#"{"image_id": 42, "caption": "a", "text": [1], "id": "x", "image": []}"#, 42),
        (r#"{"image_id": 9007199254740993, "caption": "a"}"#, 9_007_199_254_740_993),
    ] {
        let forms = [
            record.to_owned(),
            format!("{record}\r\n{record}"),
            format!("[{record}]\0\0"),
            format!(r#"{{"info": NaN, "annotations": [{record}]}}"#),
            format!(r#"{{"overall": {{"SPICE": NaN}}, "imgToEval": {{"1": {record}}}}}"#),
        ];
        for text in forms {
            let captions = read(&text).expect(&text);
            assert!(captions.problems.is_empty(), "{text}: {:?}", captions.problems);
            assert!(captions.captions.iter().all(|one| one.image_id == id && one.text == "a"), "{text}: {captions:?}");
        }
    }
    let keys =
        r#"{"imgToEval": {"42": {"caption": "a"}, "COCO_val2014_000000000007.jpg": {"caption": "b", "SPICE": NaN}}}"#;
    assert_eq!(ids(keys), [42, 7], "by the record's own name");
    assert_eq!(
        ids(r#"[{"image_id": 1, "caption": "\ud83d cut"}, {"image_id": 2, "caption": "b"}]"#),
        [1, 2],
        "half a character"
    );
}

#[test]
fn a_bad_record_is_named_by_its_index_and_the_rest_is_read() {
    let text = r#"[{"image_id": 1, "caption": "a"}, {"image_id": -1, "caption": "b"}, 7, {"image_id": 2}, {"caption": "x"},
        {"image_id": 3, "caption": 5}, {"image_id": "img_7", "caption": "c"}, {"image_id": 4, "caption": "c"}]"#;
    let captions = read(text).expect("two captions");
    assert_eq!(captions.captions.len(), 2, "the first and the last");
    let said: Vec<String> = captions.problems.listed().iter().map(ToString::to_string).collect();
    let expected = [
        "caption 1: expected `image_id` as a whole number from 0, or as COCO's name for a file, found `-1`",
        "caption 2: expected an object, found `7`",
        "caption 3: expected `caption`, found a record without it",
        "caption 4: expected `image_id`, or `image` as a file name that ends in a number, found a record without it",
        "caption 5: expected `caption` as a string, found `5`",
        "caption 6: expected `image_id` as a whole number from 0, or as COCO's name for a file, found `\"img_7\"`",
    ];
    assert_eq!(said, expected, "each by its place");
    let cut = read("{\"image_id\": 1, \"caption\": \"a\"}\n{\"image_id\": 2, \"cap").expect("one caption");
    let first = cut.problems.listed()[0].to_string();
    assert!(
        cut.captions.len() == 1 && first.starts_with("line 2: expected the end"),
        "a file that was cut off: {first}"
    );
    let cut = read("{\"image_id\": 1, \"cap\n{\"image_id\": 2, \"caption\": \"a\"}\n").expect("one caption");
    let first = cut.problems.listed()[0].to_string();
    assert!(cut.captions.len() == 1 && first.starts_with("line 1: expected the end"), "a broken first line: {first}");
    let cut = read("[{\"image_id\": 1, \"caption\": \"a\"}, {\"image_id\": 2, \"cap").expect("one caption");
    assert_eq!((cut.captions.len(), cut.problems.total()), (1, 1), "a list that was cut off");
}

#[test]
fn what_is_no_file_of_captions_says_so() {
    for (text, expected) in [
        ("", "found an empty file"),
        ("caption,image", "The only line is not usable: line 1: expected an object, found `caption,image`"),
        ("[1, 2", "None of 2 captions is usable: caption 0: expected an object, found `1`"),
        ("[]", "found no captions"),
        ("[{}]", "caption 0: expected `caption`"),
        ("{\"annotations\": [{}, {}]}", "None of 2 captions is usable: caption 0: expected `caption`"),
        ("\u{1f}\u{8b}\u{8}", "The only line is not usable"),
    ] {
        let sentence = read(text).expect_err("no captions").to_string();
        assert!(sentence.contains(expected) && sentence.ends_with("c.json"), "{text}: {sentence}");
    }
    let missing = GeneratedCaptions::read(Path::new("no/such/file.jsonl")).expect_err("no file").to_string();
    assert_eq!(missing, "Cannot open no/such/file.jsonl: no such file", "in plain words");
    let packed = GeneratedCaptions::from_bytes(b"\x1f\x8b\x08", Path::new("c.json")).expect_err("gzip").to_string();
    assert!(packed.ends_with("found a gzip file: unpack it first: c.json"), "{packed}");
}

#[test]
fn ten_thousand_bad_records_are_counted_and_a_thousand_described() {
    let text = format!("[{}{{\"image_id\": 1, \"caption\": \"a\"}}]", "0,".repeat(10_000));
    let captions = read(&text).expect("one caption");
    assert_eq!((captions.problems.total(), captions.problems.listed().len()), (10_000, 1000), "counted, described");
}

/// Two records in every form, to be damaged.
fn whole() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{\"image_id\": 12, \"caption\": \"a dog.\"}\n{\"image_id\": 2, \"caption\": \"\\u00e9 b\"}\n",
        r#"[{"image_id": 12, "caption": "a dog."}, {"image": "COCO_val2014_000000000002.jpg", "text": "b"}]"#,
        r#"{"annotations": [{"image_id": 12, "caption": "a"}, {"image_id": 2, "caption": "b"}]}"#,
        r#"{"imgToEval": {"1": {"image_id": 1, "caption": "a"}, "2": {"caption": "b"}}}"#,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_give_an_error_or_captions(
        whole in whole(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..6),
    ) {
        let mut bytes = whole.as_bytes().to_vec();
        for (index, byte, kind) in changes {
            let at = index.index(bytes.len().max(1));
            match kind {
                _ if bytes.is_empty() => {}
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, byte),
            }
        }
        match GeneratedCaptions::from_bytes(&bytes, Path::new("c")) {
            Ok(captions) => prop_assert!(!captions.captions.is_empty(), "never empty without an error"),
            Err(err) => prop_assert!(err.to_string().ends_with(": c"), "the file comes last: {err}"),
        }
    }
}
