//! Ids and texts against published vectors and transformers.
//!
//! The tokenizers of LLaMA and CLIP are read from the shared test data, `../shared/data/tokenizers` beside the project;
//! where that is not there, the tests that need it say so and pass.

use super::*;
use crate::checkpoint::IMAGE_PLACEHOLDER;
use crate::checkpoint::files::Files;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::sync::LazyLock;

const VICUNA: &str = "vicuna_tokenizer.json";
const CLIP: &str = "clip_tokenizer.json";

fn shared(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tokenizers").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("NOT RUN: {name} is not in ../shared/data/tokenizers");
    }
    bytes
}

fn tokenizer(json: &[u8], config: &serde_json::Value, spec: TokenizerSpec) -> Result<TextTokenizer, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let files = Files::Folder(folder.path().to_owned());
    load(&files, &TokenizerFiles::read(&files)?, spec, &mut Vec::new())
}

fn llava_1_5() -> serde_json::Value {
    json!({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>",
        "tokenizer_class": "LlamaTokenizer",
        "added_tokens_decoder": {"32000": {"content": "<image>", "special": true}, "32001": {"content": "<pad>",
            "special": true}}})
}

fn vicuna(style: PromptStyle) -> Option<TextTokenizer> {
    let (config, num_rows) = if style == PromptStyle::Chunks {
        (json!({"bos_token": {"content": "<s>"}, "eos_token": {"content": "</s>"}}), 32_000)
    } else {
        (llava_1_5(), 32_064)
    };
    let spec = TokenizerSpec { style, image_token_id: Some(32_000), bos_token_id: Some(1), num_rows };
    shared(VICUNA).map(|json| tokenizer(&json, &config, spec).unwrap())
}

static EXPANDED: LazyLock<Option<TextTokenizer>> = LazyLock::new(|| vicuna(PromptStyle::Expanded));
static DEMO: LazyLock<TextTokenizer> = LazyLock::new(|| crate::checkpoint::Checkpoint::demo().unwrap().tokenizer);

/// A small tokenizer with its configuration changed: the ids of a text, and what was said.
fn with_config(change: &serde_json::Value) -> (Vec<u32>, Vec<String>) {
    let json = include_bytes!("../../../tests/golden/newest_list/checkpoint/tokenizer.json");
    let mut config: serde_json::Value =
        serde_json::from_slice(include_bytes!("../../../tests/golden/newest_list/checkpoint/tokenizer_config.json"))
            .unwrap();
    config.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let files = Files::Folder(folder.path().to_owned());
    let spec =
        TokenizerSpec { style: PromptStyle::Expanded, image_token_id: Some(345), bos_token_id: Some(1), num_rows: 352 };
    let mut warnings = Vec::new();
    let tokenizer = load(&files, &TokenizerFiles::read(&files).unwrap(), spec, &mut warnings).unwrap();
    (tokenizer.encode_text("USER: <image>  What?").unwrap(), warnings)
}

/// transformers 5.23.0: `AutoTokenizer.from_pretrained(folder).encode("USER: <image>  What?")`.
#[test]
fn the_configuration_beside_a_tokenizer_counts_as_in_transformers() {
    let plain = [1, 332, 263, 298, 345, 298, 298, 274, 342, 264];
    assert_eq!(with_config(&json!({})), (plain.to_vec(), Vec::new()), "as it is");
    // What stands in front of a text says tokenizer.json alone.
    assert_eq!(with_config(&json!({"add_bos_token": true})), (plain.to_vec(), Vec::new()), "it does so anyway");
    let (ids, warnings) = with_config(&json!({"add_bos_token": false}));
    assert_eq!(ids, plain, "the start token stays");
    assert!(warnings[0].starts_with("Ignored add_bos_token: false, as transformers 5 does"), "{warnings:?}");
    // Of a token that both describe these files have the say.
    let image = json!({"345": {"content": "<image>", "special": true, "lstrip": true, "rstrip": true}});
    let (ids, _) = with_config(&json!({"added_tokens_decoder": image}));
    assert_eq!(ids, [1, 332, 263, 345, 274, 342, 264], "spaces beside the image go");
    // Without flags there is nothing to say.
    let (ids, _) = with_config(&json!({"added_tokens_decoder": {}}));
    assert_eq!(ids, plain, "no tokens");
}

#[test]
fn templates_are_told_the_names_of_a_model_s_own_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let config = json!({"bos_token": "<s>", "boi_token": "<boi>", "chat_token": 5,
        "extra_special_tokens": {"image_token": {"content": "<image>"}},
            "model_specific_special_tokens": {"audio_token": "<a>"}});
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    let files = TokenizerFiles::read(&Files::Folder(folder.path().to_owned())).unwrap();
    let tokens = serde_json::Value::Object(files.template_tokens());
    assert_eq!(
        tokens,
        json!({"bos_token": "<s>", "boi_token": "<boi>", "image_token": "<image>", "audio_token": "<a>"})
    );
}

#[test]
fn the_published_vectors_are_met() {
    let (Some(tokenizer), Some(texts), Some(ids)) =
        (&*EXPANDED, shared("ggml-vocab-llama-spm.gguf.inp"), shared("ggml-vocab-llama-spm.gguf.out"))
    else {
        return;
    };
    let (texts, ids) = (String::from_utf8(texts).unwrap(), String::from_utf8(ids).unwrap());
    let mut texts: Vec<&str> = texts.split("\n__ggml_vocab_test__\n").collect();
    let ids: Vec<Vec<u32>> =
        ids.split('\n').map(|line| line.split_whitespace().map(|id| id.parse().unwrap()).collect()).collect();
    texts.truncate(47);
    assert_eq!(texts.len(), 47, "vectors");
    for (text, expected) in texts.into_iter().zip(&ids) {
        let found = tokenizer.encode_text(text).unwrap();
        assert_eq!(found.first(), Some(&1), "the start token stands first");
        assert_eq!(&found[1..], expected.as_slice(), "{text:?}");
        let decoded = tokenizer.decode(&found).unwrap();
        assert_eq!(decoded, text, "and back");
    }
}

#[test]
fn the_vicuna_prefix_of_llava_1_5_ends_at_position_35_in_both_layouts() {
    // methods.md: verified there with the original code.
    let prefix: [u32; 35] = [
        1, 319, 13563, 1546, 263, 12758, 1404, 322, 385, 23116, 21082, 20255, 29889, 450, 20255, 4076, 8444, 29892,
        13173, 29892, 322, 1248, 568, 6089, 304, 278, 1404, 29915, 29879, 5155, 29889, 3148, 1001, 29901, 29871,
    ];
    let behind: [u32; 13] = [29871, 13, 4002, 29581, 445, 1967, 29889, 319, 1799, 9047, 13566, 29901, 0];
    for style in [PromptStyle::Chunks, PromptStyle::Expanded] {
        let Some(tokenizer) = vicuna(style) else { return };
        let text = crate::checkpoint::ChatTemplate::vicuna().unwrap().render("Describe this image.").unwrap();
        let prompt = tokenizer.encode_prompt(&text, 576).unwrap();
        assert_eq!(prompt.image_token_span, crate::ids::TokenSpan { start: 35, len: 576 }, "{style:?}");
        assert_eq!(&prompt.ids[..35], &prefix[..], "{style:?}");
        assert_eq!(&prompt.ids[611..], &behind[..12], "{style:?}: the line end stands behind a lone space piece");
    }
}

#[test]
fn chunks_may_be_empty() {
    let Some(tokenizer) = vicuna(PromptStyle::Chunks) else { return };
    let prompt = tokenizer.encode_prompt(IMAGE_PLACEHOLDER, 3).unwrap();
    assert_eq!(prompt.ids, [1, 32_000, 32_000, 32_000], "one start token, nothing behind");
    assert_eq!(tokenizer.pieces(&prompt.ids).unwrap().concat(), "", "no text");
    assert!(tokenizer.is_special(32_000), "the image token is special though the tokenizer does not know it");
    assert_eq!(tokenizer.piece(32_000), "<image>", "and has its name");
}

#[test]
fn answers_read_as_transformers_decodes_them() {
    let Some(tokenizer) = &*EXPANDED else { return };
    // transformers 5.23.0: decode(ids, skip_special_tokens=True)
    let cases: [(&[u32], &str); 5] = [
        (&[3869, 29892], "Yes,"),
        (&[1, 3869, 2], "Yes"),
        (&[29871, 3869], " Yes"),
        (&[229, 153, 188], "▹"),
        (&[13, 3869], "\n Yes"),
    ];
    for (ids, expected) in cases {
        assert_eq!(tokenizer.decode(ids).unwrap(), expected, "{ids:?}");
        let mut stream = tokenizer.stream();
        let streamed: String = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
        assert_eq!(streamed, expected, "streamed {ids:?}");
        assert_eq!(stream.finish().unwrap().concat(), expected, "pieces of {ids:?}");
    }
}

#[test]
fn characters_of_several_tokens_are_carried_by_the_last() {
    let Some(tokenizer) = &*EXPANDED else { return };
    let ids = [450, 29871, 243, 162, 156, 133, 243, 162, 156, 133, 274, 28059];
    let expected = ["The", " ", "", "", "", "🙂", "", "", "", "🙂", " c", "afé"];
    assert_eq!(tokenizer.pieces(&ids).unwrap(), expected, "two emoji of four bytes");
    let mut stream = tokenizer.stream();
    let streamed: Vec<String> = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
    assert_eq!(streamed, expected, "streamed");
    assert_eq!(tokenizer.decode(&ids).unwrap(), expected.concat(), "and they are the text");
}

#[test]
fn an_answer_that_ends_inside_a_character_keeps_its_pieces() {
    let Some(tokenizer) = &*EXPANDED else { return };
    let ids = [450, 243, 162, 156, 133, 243, 162];
    let pieces = tokenizer.pieces(&ids).unwrap();
    assert_eq!(
        pieces.concat(),
        tokenizer.decode(&ids).unwrap(),
        "bytes that are no text are six replacement marks in transformers too"
    );
}

#[test]
fn candidates_read_as_in_the_middle_of_a_text() {
    let Some(tokenizer) = &*EXPANDED else { return };
    for (id, expected) in
        [(3869, " Yes"), (8241, "Yes"), (13, "\n"), (29871, " "), (243, "<0xF0>"), (2, "</s>"), (32_000, "<image>")]
    {
        assert_eq!(tokenizer.piece(id), expected, "id {id}");
    }
    assert_eq!(tokenizer.piece(32_050), "<32050>", "a row of the embedding that the tokenizer does not know");
}

#[test]
fn clip_texts_have_openai_ids() {
    let Some(json) = shared(CLIP) else { return };
    let spec =
        TokenizerSpec { style: PromptStyle::TextOnly, image_token_id: None, bos_token_id: None, num_rows: 49_408 };
    let tokenizer = tokenizer(&json, &json!({"pad_token": "<|endoftext|>"}), spec).unwrap();
    let mut config = crate::checkpoint::ClipCheckpoint::demo().unwrap().config;
    config.text_max_position_embeddings = 77;
    for eos in [2, 49_407] {
        config.text_eos_token_id = eos;
        let text = tokenizer.encode_clip("A photo of a CAT", &config).unwrap();
        assert_eq!(&text.ids[..8], &[49_406, 320, 1125, 539, 320, 2368, 49_407, 49_407], "openai/CLIP's own tokenizer");
        assert_eq!((text.len, text.eot_position, text.ids.len()), (7, 6, 77), "old and new rule for the end token");
    }
    assert_eq!(tokenizer.piece(2368), "cat ", "the end of a word is a space");
}

#[test]
fn tokens_that_only_the_configuration_knows_are_added() {
    let Some(json) = shared(VICUNA) else { return };
    let spec = TokenizerSpec {
        style: PromptStyle::Expanded,
        image_token_id: Some(32_000),
        bos_token_id: Some(1),
        num_rows: 32_064,
    };
    let mut config = llava_1_5();
    config["added_tokens_decoder"] = json!({"32001": {"content": "<image>", "special": true}});
    let error = tokenizer(&json, &config, spec).unwrap_err().to_string();
    assert!(error.starts_with("Expected id 32001 for the token <image>, found 32000: "), "{error}");
    let error = tokenizer(&json, &json!({}), spec).unwrap_err().to_string();
    assert!(error.starts_with("Expected id 32000 for the token <image>, found no such token: "), "{error}");
    let spec = TokenizerSpec { num_rows: 32_001, ..spec };
    let error = tokenizer(&json, &llava_1_5(), spec).unwrap_err().to_string();
    assert!(
        error.starts_with("Expected token ids below 32001, the rows of the embedding, found 32001 for <pad>: "),
        "{error}"
    );
}

#[test]
fn an_empty_part_of_a_prompt_has_no_tokens() {
    let demo = crate::checkpoint::Checkpoint::demo().unwrap();
    let text = "<image>\nas follows:  Is there a dog?";
    let at = |word: &str| text.find(word).unwrap() + 1;
    for place in [at("  "), at("there")] {
        assert!(demo.tokenizer.tokens_of(text, place - 1..place + 1).unwrap().0 > 0, "a token lies there");
        assert_eq!(demo.tokenizer.tokens_of(text, place..place).unwrap().0, 0, "none of it is in an empty part");
    }
}

#[test]
fn tokens_of_an_old_added_tokens_file_are_added() {
    let Some(json) = shared(VICUNA) else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), json).unwrap();
    std::fs::write(folder.path().join("added_tokens.json"), r#"{"<pad>": 32001, "<image>": 32000}"#).unwrap();
    let files = Files::Folder(folder.path().to_owned());
    let spec = TokenizerSpec {
        style: PromptStyle::Expanded,
        image_token_id: Some(32_000),
        bos_token_id: Some(1),
        num_rows: 32_064,
    };
    let tokenizer = load(&files, &TokenizerFiles::read(&files).unwrap(), spec, &mut Vec::new()).unwrap();
    let prompt = tokenizer.encode_prompt("USER: <image>\nWhat is this? ASSISTANT:", 2).unwrap();
    // transformers 5.23.0, the same text with <image> twice.
    let expected =
        [1, 3148, 1001, 29901, 29871, 32_000, 32_000, 29871, 13, 5618, 338, 445, 29973, 319, 1799, 9047, 13566, 29901];
    assert_eq!(prompt.ids, expected, "as with the tokens in tokenizer.json");
}

fn expect_pieces(tokenizer: &TextTokenizer, ids: &[u32]) {
    let text = tokenizer.decode(ids).unwrap();
    let pieces = tokenizer.pieces(ids).unwrap();
    assert_eq!(pieces.concat(), text, "pieces of {ids:?}");
    assert!(
        ids.iter().zip(&pieces).all(|(id, piece)| !tokenizer.is_special(*id) || piece.is_empty()),
        "special tokens add nothing"
    );
    let mut stream = tokenizer.stream();
    let streamed: String = ids.iter().map(|id| stream.push(*id).unwrap()).collect();
    if !text.contains('\u{fffd}') {
        assert_eq!(streamed, text, "streamed {ids:?}");
    }
    assert_eq!(stream.finish().unwrap(), pieces, "the stream ends in the same pieces");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_any_ids_are_their_text(ids in prop::collection::vec(0..640_u32, 0..40)) {
        expect_pieces(&DEMO, &ids);
    }

    #[test]
    fn pieces_of_bytes_are_their_text(ids in prop::collection::vec(0..262_u32, 0..12)) {
        expect_pieces(&DEMO, &ids);
        if let Some(tokenizer) = &*EXPANDED {
            expect_pieces(tokenizer, &ids);
        }
    }

    #[test]
    fn pieces_of_any_text_are_the_text(text in "\\PC{0,24}|[ \n\t🙂é日<>/sA-z]{0,24}") {
        let ids = DEMO.encode_text(&text).unwrap();
        expect_pieces(&DEMO, &ids);
        if let Some(tokenizer) = &*EXPANDED {
            let ids = tokenizer.encode_text(&text).unwrap();
            expect_pieces(tokenizer, &ids);
        }
    }
}
