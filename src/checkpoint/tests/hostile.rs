//! Checkpoints of strangers: files on which a library would panic, explode or never end are refused in one sentence
//! that names them.
//!
//! The files of the shared test data, `../shared/cases/hostile` beside the project, are tried too; where they are not
//! there, the test says so.

use super::*;
use serde_json::json;
use std::time::{Duration, Instant};

/// Builds without optimisation on a busy machine are some thirty times slower than a release.
const PATIENCE: Duration = Duration::from_mins(1);

fn refusal_in_time(folder: &Folder, what: &str) -> String {
    let started = Instant::now();
    let refusal = folder.refusal();
    assert!(started.elapsed() < PATIENCE, "{what} took {:?}: {refusal}", started.elapsed());
    assert!(!refusal.contains('\n') && refusal.len() < 600, "{what}: one short sentence: {refusal}");
    refusal
}

fn replace(times: usize) -> Value {
    json!({"type": "Replace", "pattern": {"String": "a"}, "content": "a".repeat(times)})
}

/// What a stranger may write into a tokenizer, and a part of the sentence that refuses it.
fn changes() -> Vec<(&'static str, Value, &'static str)> {
    let model = |name: &str, value: Value| {
        let mut file: Value = serde_json::from_slice(TOKENIZER).unwrap();
        file["model"][name] = value;
        file["model"].take()
    };
    let template = |single: Value| {
        json!({"type": "TemplateProcessing", "single": single, "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})
    };
    let charsmap = |text: &str| json!({"type": "Precompiled", "precompiled_charsmap": text});
    let fails = "that the tokenizers library fails on";
    vec![
        ("model", model("continuing_subword_prefix", json!("#######")), fails),
        ("model", model("continuing_subword_prefix", json!("../../etc/passwd")), fails),
        ("model", model("continuing_subword_prefix", json!("▁")), fails),
        ("pre_tokenizer", json!({"type": "FixedLength", "length": 0}), fails),
        ("pre_tokenizer", json!({"type": "Sequence", "pretokenizers": [{"type": "FixedLength", "length": 0}]}), fails),
        ("post_processor", template(json!([{"SpecialToken": {"id": "<nope>", "type_id": 0}}])), fails),
        ("post_processor", template(json!([{"Sequence": {"id": "B", "type_id": 0}}])), fails),
        ("normalizer", charsmap("AAAAAAAAAAAAAAAA/////w=="), fails),
        ("normalizer", charsmap("BAAAAAAAAAA="), fails),
        ("normalizer", charsmap("/////wAA"), "a precompiled_charsmap that claims 4294967295 bytes and has 2"),
        ("normalizer", charsmap("////fwAA"), "a precompiled_charsmap that claims 2147483647 bytes and has 2"),
        (
            "normalizer",
            json!({"type": "Sequence", "normalizers": vec![replace(10); 12]}),
            "whose normalizers can make more than 1048576 bytes",
        ),
        ("normalizer", replace(1_000_000), "a replacement of 1000000 bytes, more than 64"),
        (
            "normalizer",
            json!({"type": "Sequence", "normalizers": vec![json!({"type": "NFC"}); 10_000]}),
            "more than 32 normalizers",
        ),
        (
            "decoder",
            json!({"type": "Sequence", "decoders": vec![replace(10); 12]}),
            "decoders that make a text 1000000000000 times as long",
        ),
        (
            "pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "(\\w{999}){999}"}, "behavior": "Isolated", "invert": false}),
            "counted repetitions",
        ),
    ]
}

#[test]
fn tokenizers_that_make_the_library_panic_or_explode_are_refused() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    for (part, value, expected) in changes() {
        let mut file: Value = serde_json::from_slice(TOKENIZER).unwrap();
        file[part] = value;
        let what: String = format!("{part}: {}", file[part]).chars().take(200).collect();
        folder.write_json("tokenizer.json", &file);
        let refusal = refusal_in_time(&folder, &what);
        assert!(
            refusal.starts_with("Expected a tokenizer, found ") && refusal.ends_with(": F/tokenizer.json"),
            "{what}: {refusal}"
        );
        assert!(refusal.contains(expected), "{what}: {refusal}");
    }
}

#[test]
fn added_tokens_that_explode_are_refused() {
    let mut file: Value = serde_json::from_slice(TOKENIZER).unwrap();
    file["normalizer"] = json!({"type": "Sequence", "normalizers": vec![replace(64); 12]});
    file["added_tokens"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": 640, "content": "banana", "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": true, "special": false}));
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.write_json("tokenizer.json", &file);
    let refusal = refusal_in_time(&folder, "a normalized token");
    assert!(refusal.contains("bytes of a text of 6") && refusal.ends_with(": F/tokenizer.json"), "{refusal}");
    // The files beside it add tokens too, and each call of the library builds everything anew.
    let folder = Folder::llava(Layout::HfOld, "F16");
    let tokens: Map<String, Value> =
        (640..60_000).map(|id| (id.to_string(), json!({"content": format!("<{id}>"), "special": true}))).collect();
    folder.write_json("tokenizer_config.json", &json!({"added_tokens_decoder": tokens}));
    let refusal = refusal_in_time(&folder, "60,000 tokens beside");
    assert!(refusal.starts_with("Expected token ids below 640"), "{refusal}");
}

#[test]
fn a_text_on_which_a_tokenizer_explodes_is_refused_with_its_name() {
    let mut file: Value = serde_json::from_slice(TOKENIZER).unwrap();
    let bomb = json!({"type": "Replace", "pattern": {"String": "\u{2603}"}, "content": "\u{2603}".repeat(20)});
    file["normalizer"] = json!({"type": "Sequence", "normalizers": vec![bomb; 12]});
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.write_json("tokenizer.json", &file);
    let checkpoint = folder.open().expect("nothing of it is in the texts that are tried");
    assert!(checkpoint.tokenizer.encode_prompt("USER: <image>\nWhy? ASSISTANT:", 4).is_ok(), "nor in this question");
    let error = checkpoint.tokenizer.encode_prompt("USER: <image>\n\u{2603}? ASSISTANT:", 4).unwrap_err().to_string();
    assert!(error.contains("whose normalizers can make more than") && error.ends_with("tokenizer.json"), "{error}");
    let long = format!("USER: <image>\n{} ASSISTANT:", "a ".repeat(300_000));
    let error = checkpoint.tokenizer.encode_prompt(&long, 4).unwrap_err().to_string();
    assert_eq!(
        error, "Expected text that the tokenizer can handle, found 600046 bytes, more than 524288",
        "too long for any"
    );
}

#[test]
fn files_of_strangers_in_the_shared_data_are_refused() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/hostile");
    let Ok(entries) = std::fs::read_dir(&cases) else {
        println!("not run: files of strangers, ../shared/cases/hostile is not there");
        return;
    };
    let mut num_tried = 0;
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let file = if name.starts_with("tokenizer-") { "tokenizer.json" } else { "chat_template.jinja" };
        if name.starts_with("tokenizer-") || name.starts_with("chat_template-") {
            let folder = Folder::llava(Layout::HfOld, "F16");
            folder.write(file, std::fs::read(&path).unwrap());
            let refusal =
                if name.contains("escape-codes") { folder.refusal() } else { refusal_in_time(&folder, &name) };
            assert!(refusal.ends_with(&format!(": F/{file}")), "{name}: {refusal}");
            num_tried += 1;
        }
    }
    assert!(num_tried > 10, "{num_tried} files");
}
