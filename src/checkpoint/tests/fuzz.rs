//! Files that somebody or something damaged: an error or a checkpoint, never a panic.

use super::*;
use crate::checkpoint::files::parse_object;
use crate::checkpoint::processor::preprocess_spec;
use crate::checkpoint::weights::{index_pairs, read_header};
use proptest::prelude::*;
use std::sync::LazyLock;

/// One change of a file's bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Number(usize, &'static str),
    Value(usize, &'static str),
    Cut(usize),
}

const NUMBERS: [&str; 9] =
    ["0", "-1", "1e400", "18446744073709551615", "1.5", "7", "-9223372036854775808", "1099511627776", "1e-320"];
const VALUES: [&str; 8] = ["null", "true", "\"x\"", "[]", "{}", "[1,-2]", "\"\\ud83d\\ude42\"", "[[[]]]"];

fn change() -> impl Strategy<Value = Change> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (at.clone(), 1..40_usize).prop_map(|(at, len)| Change::Remove(at, len)),
        (at.clone(), 1..40_usize).prop_map(|(at, len)| Change::Repeat(at, len)),
        (at.clone(), prop::sample::select(&NUMBERS[..])).prop_map(|(at, number)| Change::Number(at, number)),
        (at.clone(), prop::sample::select(&VALUES[..])).prop_map(|(at, value)| Change::Value(at, value)),
        at.prop_map(Change::Cut),
    ]
}

/// Changes land anywhere in the file; numbers and values replace the next JSON value behind the place.
fn damaged(whole: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for change in changes {
        let len = bytes.len().max(1);
        let range = |at: usize, count: usize| at % len..(at % len + count).min(len);
        match change {
            _ if bytes.is_empty() => {}
            Change::Set(at, byte) => bytes[at % len] = *byte,
            Change::Remove(at, count) => drop(bytes.drain(range(*at, *count))),
            Change::Repeat(at, count) => {
                let part = bytes[range(*at, *count)].to_vec();
                bytes.splice(at % len..at % len, part);
            }
            Change::Number(at, text) | Change::Value(at, text) => {
                let behind = bytes[at % len..].iter().position(|byte| *byte == b':').map(|colon| at % len + colon + 1);
                let Some(start) = behind else { continue };
                let end = bytes[start..].iter().position(|byte| b",}".contains(byte)).map_or(start, |end| start + end);
                bytes.splice(start..end, text.bytes());
            }
            Change::Cut(at) => bytes.truncate(at % len),
        }
    }
    bytes
}

/// One checkpoint for all cases: only the damaged file is written anew.
static FOLDER: LazyLock<std::sync::Mutex<(Folder, Vec<u8>)>> = LazyLock::new(|| {
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.write("generation_config.json", r#"{"bos_token_id": 1, "eos_token_id": [2, 3]}"#);
    let config = std::fs::read(folder.file("config.json")).unwrap();
    std::sync::Mutex::new((folder, config))
});

/// A case that failed must not make all the others fail.
fn folder() -> std::sync::MutexGuard<'static, (Folder, Vec<u8>)> {
    FOLDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn open_damaged(name: &str, whole: &[u8], changes: &[Change]) {
    let guard = folder();
    let before = std::fs::read(guard.0.file(name)).ok();
    guard.0.write(name, damaged(whole, changes));
    let opened = guard.0.open();
    match before {
        Some(before) => guard.0.write(name, before),
        None => guard.0.remove(name),
    }
    match opened {
        Err(error) => {
            let sentence = error.to_string();
            let is_sentence = sentence.starts_with("Expected ") && sentence.contains("found ");
            assert!(is_sentence, "every error is such a sentence: {sentence}");
        }
        Ok(checkpoint) => ask(&checkpoint),
    }
}

/// What a question does with a template and a tokenizer that open: errors are answers too.
fn ask(checkpoint: &Checkpoint) {
    let Some(template) = &checkpoint.template else { return };
    for question in ["Why?", "", "Où est l'été? \u{1f642}  (a+b)*7 <image> {{ x }}"] {
        let Ok(text) = template.render(question) else { continue };
        let Ok(prompt) = checkpoint.tokenizer.encode_prompt(&text, 4) else { continue };
        let _ = checkpoint.tokenizer.pieces(&prompt.ids);
        let _ = prompt.ids.first().map(|id| checkpoint.tokenizer.piece(*id));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_configuration_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let whole = folder().1.clone();
        open_damaged("config.json", &whole, &changes);
    }

    #[test]
    fn a_damaged_original_configuration_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        open_damaged("config.json", &serde_json::to_vec(&original_config()).unwrap(), &changes);
    }

    #[test]
    fn a_damaged_clip_configuration_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        open_damaged("config.json", include_bytes!("../../../assets/demo/clip/config.json"), &changes);
    }

    #[test]
    fn a_damaged_processor_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let whole = include_bytes!("../../../assets/demo/llava/preprocessor_config.json");
        let path = Path::new("preprocessor_config.json");
        if let Ok(map) = parse_object(&damaged(whole, &changes), path) {
            let _ = preprocess_spec(&map, path, "LlavaImageProcessor", 144, &mut Vec::new());
        }
    }

    #[test]
    fn a_damaged_tokenizer_configuration_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let whole = br#"{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": true, "additional_special_tokens": ["<a>"],
            "added_tokens_decoder": {"0": {"content": "<unk>", "special": true}, "638": {"content": "<image>", "special": true, "lstrip": false}},
            "chat_template": [{"name": "default", "template": "USER: <image>\n{{ messages[0].content[1].text }}"}]}"#;
        open_damaged("tokenizer_config.json", whole, &changes);
    }

    #[test]
    fn a_damaged_tokenizer_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        open_damaged("tokenizer.json", TOKENIZER, &changes);
    }

    #[test]
    fn a_damaged_chat_template_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        open_damaged("chat_template.jinja", include_bytes!("../../../assets/demo/llava/chat_template.jinja"), &changes);
    }

    #[test]
    fn a_damaged_generation_configuration_never_panics(changes in prop::collection::vec(change(), 1..3)) {
        open_damaged("generation_config.json", br#"{"bos_token_id": 1, "eos_token_id": [2, 3], "max_length": 20}"#, &changes);
    }

    #[test]
    fn a_damaged_index_never_panics(changes in prop::collection::vec(change(), 1..4)) {
        let whole = br#"{"metadata": {"total_size": 12}, "weight_map": {"a.weight": "model-1.safetensors", "b.weight": "model-2.safetensors"}}"#;
        let path = Path::new("model.safetensors.index.json");
        if let Ok(map) = parse_object(&damaged(whole, &changes), path) {
            let _ = index_pairs(&map, path);
        }
    }

    #[test]
    fn a_damaged_header_never_panics(changes in prop::collection::vec(change(), 1..5),
        length in prop::option::of(any::<u64>())) {
        let mut whole = safetensors(&[stored("a.weight", "a", "F32", &[2, 3]), stored("b.weight", "b", "F16", &[4])]);
        if let Some(length) = length {
            whole[..8].copy_from_slice(&length.to_le_bytes());
        }
        let bytes = damaged(&whole, &changes);
        if let Ok((header_bytes, tensors)) = read_header(&bytes, Path::new("model.safetensors")) {
            prop_assert!(header_bytes <= bytes.len(), "the header is inside the file");
            prop_assert!(tensors.iter().all(|tensor| tensor.range.end <= bytes.len()), "every tensor is inside the \
                file");
        }
    }
}
