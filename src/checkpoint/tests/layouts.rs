//! One model in every layout, type and split is one model.

use super::*;
use crate::checkpoint::{CheckpointKind, PromptStyle, Weights};
use crate::geometry::Framing;
use candle_core::{DType, Device};

fn expect_all_tensors(weights: &Weights, what: &str) {
    for (name, shape) in llava_tensors() {
        let tensor = weights.tensor(&name, &shape, DType::F32, &Device::Cpu).unwrap();
        let found: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(found, values(&name, found.len()), "{what}: {name}");
        assert_eq!(tensor.dims(), shape, "{what}: {name}");
    }
    weights.finish().unwrap();
}

#[test]
fn every_layout_and_type_gives_the_same_tensors() {
    for layout in LAYOUTS {
        for dtype in ["F32", "F16", "BF16"] {
            let checkpoint = Folder::llava(layout, dtype).open().unwrap();
            expect_all_tensors(&checkpoint.weights, &format!("{layout:?} {dtype}"));
        }
    }
}

#[test]
fn every_layout_gives_the_same_configuration() {
    let mut configs = Vec::new();
    for layout in LAYOUTS {
        let checkpoint = Folder::llava(layout, "F16").open().unwrap();
        assert_eq!(checkpoint.warnings, Vec::<String>::new(), "{layout:?} opens without a warning");
        let original = layout == Layout::Original;
        let style = if original { PromptStyle::Chunks } else { PromptStyle::Expanded };
        assert_eq!(checkpoint.tokenizer.style(), style, "{layout:?}");
        let framing = if original { Framing::Pad } else { Framing::Crop };
        assert_eq!(checkpoint.preprocess.framing, framing, "{layout:?}");
        let CheckpointKind::Llava(mut config) = checkpoint.kind else { panic!("a LLaVA") };
        if original {
            assert_eq!(config.image_token_id, 640, "the first id behind the vocabulary");
            config.image_token_id = 638;
            config.bos_token_id = None;
        }
        configs.push(config);
    }
    for config in &configs {
        assert_eq!(config, &configs[1], "the layouts describe one model");
    }
}

#[test]
fn shards_with_an_index_or_without_are_one_checkpoint() {
    for index in [true, false] {
        let folder = Folder::llava(Layout::HfOld, "F16");
        folder.remove("model.safetensors");
        let mut map = Map::new();
        for (shard, chunk) in llava_tensors().chunks(20).enumerate() {
            let name = format!("model-{shard:05}-of-00004.safetensors");
            let tensors: Vec<Stored> =
                chunk.iter().map(|(n, shape)| stored(&Layout::HfOld.stored(n), n, "F16", shape)).collect();
            map.extend(tensors.iter().map(|tensor| (tensor.0.clone(), json!(name))));
            folder.write(&name, safetensors(&tensors));
        }
        if index {
            folder
                .write_json("model.safetensors.index.json", &json!({"metadata": {"total_size": 1}, "weight_map": map}));
        }
        let checkpoint = folder.open().unwrap();
        expect_all_tensors(&checkpoint.weights, "shards");
        let items: usize = llava_tensors().iter().map(|(_, shape)| shape.iter().product::<usize>()).sum();
        assert_eq!(checkpoint.weights.total_bytes(), 2 * items as u64, "two bytes a number");
        assert_eq!(checkpoint.weights.weight_hash().len(), 64, "SHA-256 in hexadecimal");
    }
}

#[test]
fn the_hash_names_the_weights_and_nothing_else() {
    let hash = |folder: &Folder| folder.open().unwrap().weights.weight_hash().to_owned();
    let (a, b) = (Folder::llava(Layout::HfOld, "F16"), Folder::llava(Layout::HfOld, "F16"));
    b.set("/text_config/rms_norm_eps", json!(1e-6));
    assert_eq!(hash(&a), hash(&b), "the same weights in another folder");
    assert_ne!(hash(&a), hash(&Folder::llava(Layout::HfOld, "BF16")), "other bytes");
}

#[test]
fn derived_buffers_of_old_versions_are_ignored() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let mut tensors: Vec<Stored> =
        llava_tensors().iter().map(|(n, shape)| stored(&Layout::HfOld.stored(n), n, "F16", shape)).collect();
    for layer in 0..2 {
        tensors.push(stored(
            &format!("language_model.model.layers.{layer}.self_attn.rotary_emb.inv_freq"),
            "x",
            "F32",
            &[2],
        ));
    }
    tensors.push(("vision_tower.vision_model.embeddings.position_ids".to_owned(), "I64", vec![1, 5], vec![0; 40]));
    folder.write("model.safetensors", safetensors(&tensors));
    expect_all_tensors(&folder.open().unwrap().weights, "with buffers");
}

#[test]
fn a_part_that_is_left_out_on_purpose_is_not_unused() {
    let folder = Folder::llava(Layout::HfNewest, "F16");
    let weights = folder.open().unwrap().weights;
    for (name, shape) in llava_tensors().iter().filter(|(name, _)| !name.starts_with("vision_tower.encoder.layers.1."))
    {
        weights.tensor(name, shape, DType::F16, &Device::Cpu).unwrap();
    }
    assert!(weights.finish().is_err(), "the last vision layer is unused");
    assert_eq!(weights.leave_out("vision_tower.encoder.layers.1."), 16, "tensors of a vision layer");
    weights.finish().unwrap();
}

/// The tiny LLaVA with a head and an embedding of these names' values; `None` leaves one out.
fn with_head(head: Option<(&str, &'static str)>, embedding: Option<&'static str>) -> Folder {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let embed = "language_model.embed_tokens.weight";
    let tensors = llava_tensors().into_iter().filter_map(|(name, shape)| {
        let stored_name = Layout::HfOld.stored(&name);
        match name.as_str() {
            "lm_head.weight" => head.map(|(values, dtype)| stored(&stored_name, values, dtype, &shape)),
            name if name == embed => embedding.map(|dtype| stored(&stored_name, embed, dtype, &shape)),
            name => Some(stored(&stored_name, name, "F16", &shape)),
        }
    });
    folder.write("model.safetensors", safetensors(&tensors.collect::<Vec<_>>()));
    folder
}

/// Every combination as transformers 5.23 loads it (`LlavaForConditionalGeneration.from_pretrained`).
#[test]
fn tying_and_stored_heads_are_settled_as_transformers_does() {
    let embed = "language_model.embed_tokens.weight";
    for (top, text) in [(Some(true), None), (None, Some(true)), (Some(false), Some(true)), (Some(true), Some(false))] {
        for (head, embedding, tied, warnings) in [
            (None, Some("F16"), true, 0),
            (Some((embed, "F16")), Some("F16"), true, 0),
            (Some((embed, "F32")), Some("F16"), true, 0),
            (Some((embed, "BF16")), Some("F32"), true, 0),
            (Some(("lm_head.weight", "F16")), Some("F16"), false, 1),
            (Some(("lm_head.weight", "F32")), Some("F16"), false, 1),
            (Some((embed, "F16")), None, true, 0),
        ] {
            let folder = with_head(head, embedding);
            for (pointer, value) in [("/tie_word_embeddings", top), ("/text_config/tie_word_embeddings", text)] {
                if let Some(value) = value {
                    folder.set(pointer, json!(value));
                }
            }
            let checkpoint = folder.open().unwrap();
            let what = format!("{top:?} {text:?} {head:?} {embedding:?}");
            assert_eq!(checkpoint.llava().unwrap().text.tie_word_embeddings, tied, "{what}");
            assert_eq!(checkpoint.warnings.len(), warnings, "{what}: {:?}", checkpoint.warnings);
            for (name, shape) in llava_tensors().iter().filter(|(name, _)| !tied || name != "lm_head.weight") {
                let tensor = checkpoint.weights.tensor(name, shape, DType::F32, &Device::Cpu).unwrap();
                let found: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
                assert_eq!(found, values(name, found.len()), "{what}: {name}");
            }
            checkpoint.weights.finish().unwrap();
        }
    }
    let folder = with_head(Some(("lm_head.weight", "F16")), Some("F16"));
    folder.set("/tie_word_embeddings", json!(true));
    let warnings = folder.open().unwrap().warnings;
    assert!(warnings[0].contains("the stored head is used") && warnings[0].ends_with("config.json"), "{warnings:?}");
    let untied = with_head(Some((embed, "F16")), Some("F16")).open().unwrap();
    assert!(
        !untied.llava().unwrap().text.tie_word_embeddings && untied.warnings.is_empty(),
        "not tied, and both there"
    );
    let refusal = with_head(Some((embed, "F16")), None).refusal();
    assert!(refusal.starts_with("Expected the tensor language_model.embed_tokens.weight"), "{refusal}");
}

#[test]
fn a_checkpoint_is_called_as_the_hub_calls_it() {
    let folder = Folder::llava(Layout::HfNewest, "F16");
    let snapshot = folder.file("models--llava-hf--llava-1.5-7b-hf/snapshots/0123abc");
    std::fs::create_dir_all(&snapshot).unwrap();
    for name in
        ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"]
    {
        std::fs::copy(folder.file(name), snapshot.join(name)).unwrap();
    }
    let cached = Checkpoint::open(&snapshot, &mut |_, _| {}).unwrap();
    assert_eq!(cached.model_id, "llava-hf/llava-1.5-7b-hf", "in the hub's cache");
    let name = folder.path().file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(folder.open().unwrap().model_id, name, "elsewhere");
}

#[test]
fn checkpoints_may_move_between_threads() {
    fn expect_send_and_sync<T: Send + Sync>() {}
    expect_send_and_sync::<Checkpoint>();
    expect_send_and_sync::<crate::checkpoint::ClipCheckpoint>();
}

#[test]
fn a_missing_processor_is_clips_with_a_warning() {
    let folder = Folder::llava(Layout::HfNewest, "F16");
    folder.remove("preprocessor_config.json");
    let checkpoint = folder.open().unwrap();
    assert_eq!(checkpoint.preprocess, crate::geometry::PreprocessSpec::clip(8), "CLIP's steps at the tower's size");
    assert_eq!(checkpoint.warnings.len(), 1, "{:?}", checkpoint.warnings);
}
