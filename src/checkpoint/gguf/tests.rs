//! GGUF headers whole and damaged, and the vocabulary inside them.

use super::config::end_ids;
use super::header::{Value as Stored, read_gguf_header};
use super::tokenizer::{merges, tokenizer_json};
use super::{Header, Metadata};
use crate::checkpoint::Checkpoint;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PATH: &str = "x.gguf";

fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gguf").join(file)
}

fn header_of(metadata: BTreeMap<String, Stored>) -> Header {
    Header { metadata, tensors: Vec::new(), data_start: 0 }
}

/// Pieces, scores and types of a vocabulary as `convert_hf_to_gguf.py` writes them.
fn vocabulary(pieces: &[String], scores: Vec<f64>) -> Header {
    let kind = |piece: &String| match piece.as_str() {
        "<unk>" => 2.0,
        "<s>" | "</s>" => 3.0,
        byte if byte.starts_with("<0x") => 6.0,
        _ => 1.0,
    };
    header_of(BTreeMap::from([
        ("tokenizer.ggml.model".to_owned(), Stored::Text("llama".to_owned())),
        ("tokenizer.ggml.tokens".to_owned(), Stored::Texts(pieces.to_vec())),
        ("tokenizer.ggml.scores".to_owned(), Stored::Numbers(scores)),
        ("tokenizer.ggml.token_type".to_owned(), Stored::Numbers(pieces.iter().map(kind).collect())),
    ]))
}

#[test]
fn vicunas_vocabulary_gives_the_published_ids() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/tokenizers");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let (Some(vicuna), Some(texts), Some(ids)) =
        (read("vicuna_tokenizer.json"), read("ggml-vocab-llama-spm.gguf.inp"), read("ggml-vocab-llama-spm.gguf.out"))
    else {
        println!("vicunas_vocabulary_gives_the_published_ids: not run, {} is not there", folder.display());
        return;
    };
    let vicuna: serde_json::Value = serde_json::from_str(&vicuna).unwrap();
    let vocab = vicuna["model"]["vocab"].as_object().unwrap();
    let mut pieces: Vec<(u64, String)> =
        vocab.iter().map(|(piece, id)| (id.as_u64().unwrap(), piece.clone())).collect();
    pieces.sort();
    let pieces: Vec<String> = pieces.into_iter().map(|(_, piece)| piece).collect();
    // A piece's score falls with the place of the merge that makes it.
    let published: Vec<(&str, &str)> = vicuna["model"]["merges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|merge| match merge.as_str() {
            Some(text) => text.split_once(' ').unwrap(),
            None => (merge[0].as_str().unwrap(), merge[1].as_str().unwrap()),
        })
        .collect();
    let mut ranks: BTreeMap<String, usize> = BTreeMap::new();
    for (rank, (left, right)) in published.iter().enumerate() {
        ranks.entry(format!("{left}{right}")).or_insert(rank);
    }
    let scores: Vec<f64> = pieces.iter().map(|piece| -(ranks.get(piece).copied().unwrap_or_default() as f64)).collect();
    assert!(merges(&pieces, &scores) == published, "the merges of the published tokenizer, in its order");
    let header = vocabulary(&pieces, scores);
    let json = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).unwrap();
    assert_eq!(json.image_token_id, 32_000, "the placeholder is the first id behind the vocabulary");
    let tokenizer = tokenizers::Tokenizer::from_bytes(json.tokenizer.to_string()).unwrap();
    let texts: Vec<&str> = texts.split("\n__ggml_vocab_test__\n").take(47).collect();
    assert_eq!(texts.len(), 47, "vectors");
    for (text, expected) in texts.into_iter().zip(ids.split('\n')) {
        let expected: Vec<u32> = expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
        let found = tokenizer.encode(text, true).unwrap();
        assert_eq!(found.get_ids(), expected.as_slice(), "{text:?}");
    }
}

/// A vocabulary's file, and what it makes of the texts beside it.
fn byte_level(pre: &str) -> (Header, Vec<(String, Vec<u32>)>) {
    let bytes = std::fs::read(golden(&format!("bytes/{pre}.gguf"))).unwrap();
    let rows = std::fs::read(golden(&format!("bytes/{pre}.json"))).unwrap();
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&rows).unwrap();
    let rows = rows.into_iter().map(|row| {
        let ids =
            row["ids"].as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect();
        (row["text"].as_str().unwrap().to_owned(), ids)
    });
    (read_gguf_header(&bytes, Path::new(PATH)).unwrap(), rows.collect())
}

#[test]
fn byte_level_vocabularies_give_the_ids_of_the_tokenizers_they_were_made_from() {
    for pre in ["gpt-2", "qwen2", "llama-bpe"] {
        let (header, rows) = byte_level(pre);
        let json = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(json.tokenizer.to_string()).unwrap();
        assert_eq!(json.config["bos_token"], "<|begin_of_text|>", "{pre}: the first special token");
        assert_eq!(
            json.config["tokenizer.ggml.add_bos_token"],
            pre == "llama-bpe",
            "{pre}: where it stands in front of a text"
        );
        // The placeholder is a token of its own here, and four pieces there.
        for (text, expected) in rows.into_iter().filter(|(text, _)| !text.contains("<image>")) {
            let found = tokenizer.encode(text.as_str(), true).unwrap();
            let without_bos = if pre == "llama-bpe" { &expected[1..] } else { &expected[..] };
            assert_eq!(found.get_ids(), without_bos, "{pre}: {text:?}");
        }
    }
}

#[test]
fn a_file_that_does_not_say_how_words_are_cut_is_read_as_llama_cpp_reads_it() {
    let (mut header, _) = byte_level("gpt-2");
    header.metadata.remove("tokenizer.ggml.pre");
    let json = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).unwrap();
    let tokenizer = tokenizers::Tokenizer::from_bytes(json.tokenizer.to_string()).unwrap();
    let found = tokenizer.encode("12345 ok!", true).unwrap();
    assert_eq!(tokenizer.decode(found.get_ids(), true).unwrap(), "12345 ok!", "nothing is lost");
    let tokens: String = found.get_tokens().join("|");
    assert!(tokens.starts_with("12|3|4|5|"), "digits by threes: {tokens}");
}

/// Real vocabularies: those of llama.cpp, named by a folder of its `ggml-vocab-*.gguf` files with their `.inp` and
/// `.out`.
#[test]
fn llama_cpps_own_vectors_hold_where_they_are() {
    let Some(folder) = std::env::var_os("GAZELENS_GGML_VOCABULARIES").map(PathBuf::from) else {
        println!("llama_cpps_own_vectors_hold_where_they_are: not run, GAZELENS_GGML_VOCABULARIES names no folder");
        return;
    };
    for (name, composes) in [("llama-bpe", false), ("qwen2", true), ("gpt-2", false), ("llama-spm", false)] {
        let read = |end: &str| std::fs::read(folder.join(format!("ggml-vocab-{name}.gguf{end}"))).unwrap();
        let header = read_gguf_header(&read(""), Path::new(PATH)).unwrap();
        let json = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).unwrap();
        let tokenizer = tokenizers::Tokenizer::from_bytes(json.tokenizer.to_string()).unwrap();
        let (texts, ids) = (String::from_utf8(read(".inp")).unwrap(), String::from_utf8(read(".out")).unwrap());
        let mut compared = 0;
        for (text, expected) in texts.split("\n__ggml_vocab_test__\n").zip(ids.split('\n')) {
            let expected: Vec<u32> = expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
            let found = tokenizer.encode(text, false).unwrap();
            let is_decomposed = composes && tokenizer.decode(found.get_ids(), true).unwrap() != text;
            if !is_decomposed {
                assert_eq!(found.get_ids(), expected, "{name}: {text:?}");
                compared += 1;
            }
        }
        println!("{name}: {compared} texts");
    }
}

#[test]
fn merges_are_every_split_of_a_piece_best_score_first() {
    let pieces: Vec<String> = ["a", "b", "ab", "ba", "aba"].map(str::to_owned).to_vec();
    let found = merges(&pieces, &[0.0, 0.0, -1.0, -3.0, -2.0]);
    assert_eq!(found, [("a", "b"), ("a", "ba"), ("ab", "a"), ("b", "a")], "by score, then by the parts");
}

#[test]
fn pieces_that_are_made_of_each_other_in_too_many_ways_are_refused() {
    let pieces: Vec<String> = (1..2_000).map(|len| "a".repeat(len)).collect();
    let scores = vec![0.0; pieces.len()];
    let error = tokenizer_json(&Metadata::new(&vocabulary(&pieces, scores), Path::new(PATH)))
        .err()
        .map(|error| error.to_string());
    let expected =
        "Expected pieces that are made of each other in at most 1000000 ways for tokenizer.ggml.tokens, found more";
    assert!(error.as_ref().is_some_and(|error| error.starts_with(expected) && error.ends_with(PATH)), "{error:?}");
}

#[test]
fn other_vocabularies_and_architectures_are_refused_by_name() {
    let mut header = vocabulary(&["<unk>".to_owned()], vec![0.0]);
    header.metadata.insert("tokenizer.ggml.model".to_owned(), Stored::Text("bert".to_owned()));
    let refusal = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).err().unwrap().to_string();
    assert!(
        refusal.starts_with("Expected llama (SentencePiece pieces and scores) or gpt2")
            && refusal.contains("for tokenizer.ggml.model, found bert"),
        "{refusal}"
    );
    header.metadata.insert("tokenizer.ggml.model".to_owned(), Stored::Text("gpt2".to_owned()));
    header.metadata.insert("tokenizer.ggml.pre".to_owned(), Stored::Text("tekken".to_owned()));
    let refusal = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).err().unwrap().to_string();
    assert!(
        refusal.starts_with(
            "Expected one of the pre-tokenizers llama-bpe, qwen2, gpt-2, default for tokenizer.ggml.pre, found tekken"
        ),
        "{refusal}"
    );
    let open = |decoder: &str, mmproj: &str| {
        Checkpoint::open_gguf(&golden(decoder), Some(&golden(mmproj)), &mut |_, _| {}).unwrap_err().to_string()
    };
    let exchanged = open("old_types/mmproj.gguf", "old_types/decoder.gguf");
    assert!(exchanged.starts_with("Expected one of the decoders llama"), "{exchanged}");
    let twice = open("old_types/decoder.gguf", "old_types/decoder.gguf");
    assert!(twice.starts_with("Expected clip, a projector file (mmproj)"), "{twice}");
    let text = open("old_types/photo.png", "old_types/mmproj.gguf");
    assert!(text.starts_with("Expected a GGUF header, found a file that does not begin with GGUF"), "{text}");
}

/// A header with one value changed or, with `None`, left out.
fn changed(key: &str, value: Option<Stored>) -> Header {
    let pieces = ["<unk>", "<s>", "</s>", "a"].map(str::to_owned);
    let mut header = vocabulary(&pieces, vec![0.0; 4]);
    header.metadata.remove(key);
    header.metadata.extend(value.map(|value| (key.to_owned(), value)));
    header
}

#[test]
fn an_answer_ends_where_llama_cpp_ends_it() {
    let pieces = ["<unk>", "<s>", "</s>", "a", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "b"].map(str::to_owned);
    let ends = |given: &[(&str, f64)], controls: &[usize]| {
        let mut header = vocabulary(&pieces, vec![0.0; 8]);
        for (name, id) in given {
            header.metadata.insert(format!("tokenizer.ggml.{name}_token_id"), Stored::Number(*id));
        }
        let kinds = (0..8).map(|id| if controls.contains(&id) { 3.0 } else { 1.0 }).collect();
        header.metadata.insert("tokenizer.ggml.token_type".to_owned(), Stored::Numbers(kinds));
        end_ids(&Metadata::new(&header, Path::new(PATH)))
    };
    assert_eq!(ends(&[], &[]).unwrap(), [2], "LLaMA's");
    assert_eq!(ends(&[("eos", 2.0), ("eot", 7.0), ("eom", 3.0)], &[]).unwrap(), [2, 3, 7], "all that are named");
    assert_eq!(ends(&[("eos", 2.0), ("eot", 2.0)], &[]).unwrap(), [2], "once");
    assert_eq!(ends(&[("eos", 4.0)], &[4, 5, 6]).unwrap(), [4, 5, 6], "control tokens that end turns by their texts");
    assert_eq!(ends(&[("eos", 4.0)], &[4]).unwrap(), [4], "the same texts as ordinary tokens are words");
    let refused = ends(&[("eot", 8.0)], &[]).unwrap_err().to_string();
    assert!(refused.contains(" for tokenizer.ggml.eot_token_id, found 8"), "{refused}");
}

#[test]
fn ids_that_no_token_has_are_refused_by_their_key() {
    for name in ["bos", "eos", "unknown", "padding"] {
        let key = format!("tokenizer.ggml.{name}_token_id");
        for value in [
            Stored::Number(4.0),
            Stored::Number(4_294_967_294.0),
            Stored::Number(-2.0),
            Stored::Number(1e308),
            Stored::Number(f64::NAN),
            Stored::Number(1.5),
            Stored::Text("1".to_owned()),
            Stored::Numbers(vec![1.0]),
            Stored::Flag(true),
        ] {
            let header = changed(&key, Some(value.clone()));
            let refused = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).err();
            let sentence = refused.unwrap_or_else(|| panic!("{key} {value:?} must be refused")).to_string();
            assert!(sentence.contains(&format!(" for {key}, found ")) && sentence.ends_with(": x.gguf"), "{sentence}");
        }
        let found = |value: f64| {
            let header = changed(&key, Some(Stored::Number(value)));
            tokenizer_json(&Metadata::new(&header, Path::new(PATH))).is_ok()
        };
        assert!(found(3.0), "{key}: a token");
        assert_eq!(
            (found(4_294_967_295.0), found(-1.0)),
            (name == "padding", name == "padding"),
            "{key}: none to fill up"
        );
    }
    let mut header = byte_level("llama-bpe").0;
    header.metadata.remove("tokenizer.ggml.bos_token_id");
    let refused = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).err().unwrap().to_string();
    let expected =
        "Expected the id of the token that stands in front of every prompt for tokenizer.ggml.bos_token_id, found none";
    assert!(refused.starts_with(expected), "{refused}");
    header.metadata.insert("tokenizer.ggml.add_bos_token".to_owned(), Stored::Flag(false));
    assert!(tokenizer_json(&Metadata::new(&header, Path::new(PATH))).is_ok(), "no prompt begins with it");
}

#[test]
fn rotary_scaling_is_read_as_llama_cpp_reads_it() {
    let read = |values: &[(&str, Stored)]| {
        let bytes = std::fs::read(golden("old_types/decoder.gguf")).unwrap();
        let mut header = read_gguf_header(&bytes, Path::new(PATH)).unwrap();
        header.metadata.extend(values.iter().map(|(key, value)| (format!("llama.{key}"), value.clone())));
        super::config::text_config(&Metadata::new(&header, Path::new(PATH)))
            .map(|config| config["rope_scaling"]["factor"].as_f64())
            .map_err(|error| error.to_string())
    };
    let text = |text: &str| Stored::Text(text.to_owned());
    for (values, factor) in [
        (&[][..], None),
        (&[("rope.scaling.type", text("linear")), ("rope.scaling.factor", Stored::Number(2.0))], Some(2.0)),
        (&[("rope.scaling.factor", Stored::Number(2.0))], Some(2.0)),
        (&[("rope.scale_linear", Stored::Number(4.0))], Some(4.0)),
        (&[("rope.scaling.type", text("none")), ("rope.scaling.factor", Stored::Number(2.0))], None),
        (&[("rope.scaling.type", text("linear"))], None),
        (&[("rope.scaling.factor", Stored::Number(0.0))], None),
        (&[("rope.dimension_count", Stored::Number(16.0))], None),
    ] {
        assert_eq!(read(values), Ok(factor), "{values:?}");
    }
    for (values, expected) in [
        (
            &[("rope.scaling.type", text("yarn"))][..],
            "Expected one of none, linear for llama.rope.scaling.type, found yarn",
        ),
        (
            &[("rope.scaling.type", text("longrope"))],
            "Expected one of none, linear for llama.rope.scaling.type, found longrope",
        ),
        (
            &[("rope.scaling.factor", Stored::Number(-1.0))],
            "Expected a number above 0 for llama.rope.scaling.factor, found -1",
        ),
        (
            &[("rope.dimension_count", Stored::Number(8.0))],
            "Expected rotary positions on all of a head, 16 for llama.rope.dimension_count, found 8",
        ),
    ] {
        let sentence = read(values).unwrap_err();
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}

#[test]
fn divisors_of_rotary_frequencies_are_checked() {
    let open = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(golden("rope_freqs/decoder.gguf")).unwrap();
        change(&mut bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decoder.gguf");
        std::fs::write(&path, &bytes).unwrap();
        Checkpoint::open_gguf(&path, Some(&golden("rope_freqs/mmproj.gguf")), &mut |_, _| {})
    };
    let config = open(&|_| {}).unwrap();
    let text = &config.llava().unwrap().text;
    assert_eq!(text.rope_divisors, [1.0, 1.0, 1.5, 2.25, 3.0, 5.0, 8.0, 8.0], "as the file has them");
    assert_eq!(text.rope_scaling, crate::checkpoint::RopeScaling::Linear { factor: 2.0 }, "and the linear factor");
    for (number, found) in [(0.0_f32, "0"), (f32::NAN, "NaN"), (-1.0, "-1"), (f32::INFINITY, "inf")] {
        let refused = open(&|bytes: &mut Vec<u8>| {
            let header = read_gguf_header(bytes, Path::new(PATH)).unwrap();
            let start = header.tensors.iter().find(|tensor| tensor.name == "rope_freqs.weight").unwrap().range.start;
            bytes[start + 4..start + 8].copy_from_slice(&number.to_le_bytes());
        });
        let sentence = refused.unwrap_err().to_string();
        assert!(
            sentence.starts_with(&format!("Expected numbers above 0 for rope_freqs.weight, found {found}: ")),
            "{sentence}"
        );
    }
}

#[test]
fn a_part_of_a_split_file_is_named() {
    let whole = |parts: f64| {
        let header = changed("split.count", Some(Stored::Number(parts)));
        super::expect_whole(&Metadata::new(&header, Path::new(PATH))).map_err(|error| error.to_string())
    };
    assert_eq!((whole(0.0), whole(1.0)), (Ok(()), Ok(())), "whole files");
    let refused = whole(3.0).unwrap_err();
    assert!(
        refused.starts_with("Expected 1, a whole file (merge the parts") && refused.contains("found 3"),
        "{refused}"
    );
}

#[test]
fn types_that_are_not_read_are_named() {
    let whole = std::fs::read(golden("old_types/decoder.gguf")).unwrap();
    let name = b"blk.0.ffn_gate.weight";
    let at = whole.windows(name.len()).position(|window| window == name).unwrap() + name.len() + 4 + 16;
    for (kind, found) in [
        (23_u32, "of the type IQ4_XS, which is not read ("),
        (20, "of the type IQ4_NL, which is not read ("),
        (39, "of the type MXFP4, which is not read ("),
        (34, "of the type TQ1_0, which is not read ("),
        (16, "of the type IQ2_XXS, which is not read ("),
        (28, "of the type F64, which is not read ("),
        (99, "of the unknown type 99"),
    ] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        let refused = read_gguf_header(&bytes, Path::new(PATH)).unwrap_err().to_string();
        assert!(refused.contains(&format!("the tensor blk.0.ffn_gate.weight {found}")), "{refused}");
    }
}

#[test]
fn a_pair_is_found_by_its_folder_and_by_its_decoder() {
    for path in ["old_types", "old_types/decoder.gguf"] {
        let checkpoint = Checkpoint::open(&golden(path), &mut |_, _| {}).unwrap();
        assert_eq!(checkpoint.model_id, "decoder", "{path}");
        let config = checkpoint.llava().unwrap();
        assert_eq!((config.text.num_hidden_layers, config.text.num_key_value_heads), (2, 2), "the decoder's sizes");
        assert_eq!(
            (config.vision.num_hidden_layers, config.vision_feature_layers.as_slice()),
            (2, [2].as_slice()),
            "every layer that is kept"
        );
        assert!(checkpoint.weights.is_quantised(), "some matrices are blocks");
    }
    let checkpoint = Checkpoint::open(&golden("k_types"), &mut |_, _| {}).unwrap();
    let config = checkpoint.llava().unwrap();
    assert_eq!(
        (config.vision.num_hidden_layers, config.vision_feature_layers.as_slice()),
        (3, [2].as_slice()),
        "the last but one"
    );
}

#[test]
fn tensors_that_leave_the_file_or_overlap_are_refused() {
    let whole = std::fs::read(golden("old_types/decoder.gguf")).unwrap();
    let header = read_gguf_header(&whole, Path::new(PATH)).unwrap();
    let cut = read_gguf_header(&whole[..whole.len() - 64], Path::new(PATH)).unwrap_err().to_string();
    assert!(cut.contains("was the download interrupted?"), "{cut}");
    let counts = [[0xff_u8; 8], 1_u64.to_le_bytes()];
    for count in counts.iter().take(1) {
        let mut bytes = whole.clone();
        bytes[8..16].copy_from_slice(count);
        let refusal = read_gguf_header(&bytes, Path::new(PATH)).unwrap_err().to_string();
        assert!(refusal.contains("tensors in the"), "{refusal}");
    }
    let first = header.tensors.first().unwrap();
    assert_eq!(first.range.start, header.data_start, "the data begin where the header ends");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_damaged_header_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        numbers in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..3),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = std::fs::read(golden("old_types/mmproj.gguf")).unwrap();
        let header_bytes = read_gguf_header(&bytes, Path::new(PATH)).unwrap().data_start;
        for (at, byte) in changes {
            let at = at.index(header_bytes);
            bytes[at] = byte;
        }
        for (at, number) in numbers {
            let at = at.index(header_bytes - 8);
            bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(header) = read_gguf_header(&bytes, Path::new(PATH)) {
            for tensor in &header.tensors {
                prop_assert!(tensor.range.end <= bytes.len(), "{} lies in the file", tensor.name);
            }
        }
    }

    #[test]
    fn a_damaged_byte_level_vocabulary_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        word in ".{0,12}",
    ) {
        let mut bytes = std::fs::read(golden("bytes/llama-bpe.gguf")).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(header) = read_gguf_header(&bytes, Path::new(PATH)) else { return Ok(()) };
        if let Ok(json) = tokenizer_json(&Metadata::new(&header, Path::new(PATH)))
            && let Ok(tokenizer) = tokenizers::Tokenizer::from_bytes(json.tokenizer.to_string())
        {
            let _ = tokenizer.encode(word, true);
        }
    }

    #[test]
    fn a_damaged_pair_opens_or_is_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = std::fs::read(golden("old_types/decoder.gguf")).unwrap();
        let header_bytes = read_gguf_header(&bytes, Path::new(PATH)).unwrap().data_start;
        for (at, byte) in changes {
            let at = at.index(header_bytes);
            bytes[at] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decoder.gguf");
        std::fs::write(&path, &bytes).unwrap();
        let _ = Checkpoint::open_gguf(&path, Some(&golden("old_types/mmproj.gguf")), &mut |_, _| {});
    }
}
