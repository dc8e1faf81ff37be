//! GGUF headers whole and damaged, and the vocabulary inside them.

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

#[test]
fn merges_are_every_split_of_a_piece_best_score_first() {
    let pieces: Vec<String> = ["a", "b", "ab", "ba", "aba"].map(str::to_owned).to_vec();
    let found = merges(&pieces, &[0.0, 0.0, -1.0, -3.0, -2.0]);
    assert_eq!(found, [("a", "b"), ("a", "ba"), ("ab", "a"), ("b", "a")], "by score, then by the parts");
}

#[test]
fn other_vocabularies_and_architectures_are_refused_by_name() {
    let mut header = vocabulary(&["<unk>".to_owned()], vec![0.0]);
    header.metadata.insert("tokenizer.ggml.model".to_owned(), Stored::Text("gpt2".to_owned()));
    let refusal = tokenizer_json(&Metadata::new(&header, Path::new(PATH))).err().unwrap().to_string();
    assert!(
        refusal.starts_with("Expected llama (SentencePiece pieces and scores) for tokenizer.ggml.model, found gpt2"),
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
