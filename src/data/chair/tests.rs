//! The table against the published one, and files of captions, whole and damaged.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn read(text: &str) -> Result<GeneratedCaptions, CaptionsError> {
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
        assert_eq!((captions.format, captions.num_bad), (format, 0), "{text}");
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
}

#[test]
fn a_bad_record_is_named_by_its_index_and_the_rest_is_read() {
    let text = r#"[{"image_id": 1, "caption": "a"}, {"image_id": -1, "caption": "b"}, 7, {"image_id": 2}, {"caption": "x"},
        {"image_id": 3, "caption": 5}, {"image_id": 4, "caption": "c"}]"#;
    let captions = read(text).expect("two captions");
    assert_eq!(captions.captions.len(), 2, "the first and the last");
    let said: Vec<String> = captions.bad.iter().map(ToString::to_string).collect();
    let expected = [
        "Record 1: Expected image_id",
        "Record 2: Expected a JSON object, found a number",
        "Record 3: Expected caption",
        "Record 4: Expected image_id",
        "Record 5: Expected caption as text, found the number 5",
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}");
    }
    let cut = read("{\"image_id\": 1, \"caption\": \"a\"}\n{\"image_id\": 2, \"cap").expect("one caption");
    assert_eq!((cut.captions.len(), cut.bad[0].record_idx), (1, 1), "a file that was cut off");
    let cut = read("[{\"image_id\": 1, \"caption\": \"a\"}, {\"image_id\": 2, \"cap").expect("one caption");
    assert_eq!((cut.captions.len(), cut.num_bad), (1, 1), "a list that was cut off");
}

#[test]
fn what_is_no_file_of_captions_says_so() {
    for (text, expected) in [
        ("", "found nothing"),
        ("caption,image", "found a file that starts with 'c'"),
        ("[1, 2", "EOF"),
        ("[]", "the file has no records"),
        ("[{}]", "Record 0: Expected caption"),
    ] {
        let sentence = read(text).expect_err("no captions").to_string();
        assert!(sentence.contains(expected) && sentence.ends_with("c.json"), "{text}: {sentence}");
    }
    let missing = GeneratedCaptions::read(Path::new("no/such/file.jsonl")).expect_err("no file").to_string();
    assert!(missing.ends_with("no/such/file.jsonl"), "{missing}");
}

#[test]
fn ten_thousand_bad_records_are_counted_and_a_hundred_described() {
    let text = format!("[{}{{\"image_id\": 1, \"caption\": \"a\"}}]", "0,".repeat(10_000));
    let captions = read(&text).expect("one caption");
    assert_eq!((captions.num_bad, captions.bad.len()), (10_000, 100), "counted, described");
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
