//! What users read when a checkpoint is not what they think.

use super::*;
use candle_core::{DType, Device};

#[test]
fn folders_that_are_none_are_named() {
    let folder = Folder::empty();
    let error = Checkpoint::open(&folder.file("nowhere"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.starts_with("Expected a checkpoint folder, found nothing of that name: "), "{error}");
    folder.write("vicuna.Q4.gguf", "GGUF");
    let error = Checkpoint::open(&folder.file("vicuna.Q4.gguf"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.starts_with("Expected safetensors weights, found a GGUF file"), "{error}");
    assert_eq!(
        folder.refusal(),
        "Expected the configuration of a Hugging Face checkpoint, found no such file: F/config.json",
        "an empty folder"
    );
}

#[test]
fn weights_in_other_formats_are_named() {
    for (name, found) in [
        ("pytorch_model.bin", "a PyTorch pickle file, which can run code"),
        ("model.pt", "a PyTorch pickle file"),
        ("llava.ckpt", "a PyTorch pickle file"),
        ("ggml-model-q4.gguf", "a GGUF file"),
    ] {
        let folder = Folder::llava(Layout::HfOld, "F16");
        folder.remove("model.safetensors");
        folder.write(name, "x");
        let refusal = folder.refusal();
        let expected = format!("Expected safetensors weights, found {found}");
        assert!(refusal.starts_with(&expected) && refusal.ends_with(&format!(": F/{name}")), "{refusal}");
    }
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.write("model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14\n");
    assert!(folder.refusal().contains("a Git LFS pointer instead of the file"), "{}", folder.refusal());
    folder.remove("model.safetensors");
    let expected = "Expected the weights as safetensors, found no such file: F/model.safetensors";
    assert_eq!(folder.refusal(), expected, "no weights at all");
}

#[test]
fn broken_weight_files_are_named_with_what_is_broken() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let whole = std::fs::read(folder.file("model.safetensors")).unwrap();
    let refusal = |bytes: &[u8]| {
        folder.write("model.safetensors", bytes);
        folder.refusal()
    };
    let cut = refusal(&whole[..whole.len() - 10]);
    let expected = format!(
        "Expected {} bytes as the file's header says, found {} (was the download interrupted?): F/model.safetensors",
        whole.len(),
        whole.len() - 10
    );
    assert_eq!(cut, expected, "a truncated file");
    let cut = refusal(&whole[..100]);
    assert!(cut.contains("found 100 (was the download interrupted?)"), "truncated in its header: {cut}");
    let empty = refusal(&[]);
    assert_eq!(empty, "Expected a safetensors header, found a file of 0 bytes: F/model.safetensors", "an empty file");
    let garbage = refusal(&[0xff; 64]);
    assert!(garbage.starts_with("Expected a safetensors header, found a header length of "), "{garbage}");
    let no_json = refusal(&[&8_u64.to_le_bytes()[..], b"{\"a\": 1 "].concat());
    assert!(no_json.starts_with("Expected a safetensors header, found a JSON error"), "{no_json}");
    let (name, shape) = ("lm_head.weight", vec![2_usize, 2]);
    let lying = safetensors(&[(name.to_owned(), "F32", shape, vec![0; 15])]);
    let lying = refusal(&lying);
    assert!(
        lying.contains("the tensor lm_head.weight with the offsets 0 to 15 where F32 [2, 2] takes 16 bytes"),
        "{lying}"
    );
}

#[test]
fn shards_that_are_missing_or_incomplete_are_named() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let name = "model-00001-of-00002.safetensors";
    std::fs::rename(folder.file("model.safetensors"), folder.file(name)).unwrap();
    let index = |map: Value| {
        folder.write_json("model.safetensors.index.json", &json!({"weight_map": map}));
        folder.refusal()
    };
    let refusal = index(json!({"a": name, "b": "model-00002-of-00002.safetensors"}));
    assert_eq!(
        refusal,
        "Expected the shard model-00002-of-00002.safetensors, found no such file beside the index that names it: \
         F/model.safetensors.index.json",
        "a missing shard"
    );
    let refusal = index(json!({"language_model.model.extra.weight": name}));
    assert!(
        refusal.starts_with("Expected the tensor language_model.model.extra.weight as the index says"),
        "{refusal}"
    );
    for outside in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", ""] {
        let refusal = index(json!({"a": outside}));
        assert!(refusal.contains("names of files beside the index"), "{outside}: {refusal}");
    }
    assert!(index(json!([])).contains("a map from tensor to file"), "no map");
}

#[test]
fn tensors_that_are_there_twice_are_named_with_both_places() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let mut tensors: Vec<Stored> =
        llava_tensors().iter().map(|(n, shape)| stored(&Layout::HfOld.stored(n), n, "F16", shape)).collect();
    tensors.push(stored("model.norm.weight", "x", "F16", &[8]));
    folder.write("model.safetensors", safetensors(&tensors));
    let refusal = folder.refusal();
    let names = ["language_model.model.norm.weight", "model.norm.weight"];
    assert!(refusal.starts_with("Expected one tensor for language_model.norm.weight, found "), "{refusal}");
    assert!(names.iter().all(|name| refusal.contains(name)), "{refusal}");
    folder.write("model.safetensors", safetensors(&tensors[..4]));
    std::fs::rename(folder.file("model.safetensors"), folder.file("a.safetensors")).unwrap();
    folder.write("b.safetensors", safetensors(&tensors[3..]));
    let refusal = folder.refusal();
    assert!(refusal.contains("F/a.safetensors and ") && refusal.ends_with("F/b.safetensors"), "{refusal}");
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let weights = folder.open().unwrap().weights;
    let get = |name: &str, shape: &[usize]| {
        let error = weights.tensor(name, shape, DType::F32, &Device::Cpu).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "F")
    };
    assert_eq!(
        get("language_model.layers.7.mlp.up_proj.weight", &[12, 8]),
        "Expected the tensor language_model.layers.7.mlp.up_proj.weight, found no tensor of that name in any layout: F/model.safetensors",
        "a missing tensor"
    );
    assert_eq!(
        get("language_model.norm.weight", &[16]),
        "Expected shape [16] for the tensor language_model.model.norm.weight, found [8]: F/model.safetensors",
        "a wrong shape"
    );
    assert!(
        weights.optional("nothing", &[1], DType::F32, &Device::Cpu).unwrap().is_none(),
        "optional tensors may be absent"
    );
    let unused = weights.finish().unwrap_err().to_string();
    assert!(unused.starts_with("Expected every tensor to have a place in the model, found "), "{unused}");
    folder.write(
        "model.safetensors",
        safetensors(&[("language_model.model.embed_tokens.weight".to_owned(), "I8", vec![640, 8], vec![0; 5120])]),
    );
    let weights = folder.open().unwrap().weights;
    let error = weights.tensor("language_model.embed_tokens.weight", &[640, 8], DType::F32, &Device::Cpu).unwrap_err();
    assert!(error.to_string().starts_with("Expected f32, f16 or bf16 for the tensor"), "quantised integers: {error}");
}

#[test]
fn a_vocabulary_that_does_not_match_is_named() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.set("/text_config/vocab_size", json!(639));
    let refusal = folder.refusal();
    let expected = "Expected the rows of language_model.embed_tokens.weight, whose shape is [640, 8] for text_config.vocab_size, found 639: \
        F/config.json";
    assert_eq!(refusal, expected, "configuration and embedding");
    let folder = Folder::llava(Layout::HfOld, "F16");
    let tensors = [stored("language_model.model.embed_tokens.weight", "x", "F16", &[600, 8])];
    folder.write("model.safetensors", safetensors(&tensors));
    folder.set("/text_config/vocab_size", json!(600));
    let refusal = folder.refusal();
    let expected = "Expected token ids below 600, the rows of the embedding, found 639 for <pad>: F/tokenizer.json";
    assert_eq!(refusal, expected, "tokenizer and embedding");
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.set("/image_token_index", json!(637));
    let expected = "Expected id 637 for the token <image>, found 638: F/tokenizer.json";
    assert_eq!(folder.refusal(), expected, "the placeholder's id");
}

#[test]
fn tokenizers_that_cannot_be_read_are_named() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.write("tokenizer.json", "{}");
    assert!(folder.refusal().starts_with("Expected a tokenizer, found "), "{}", folder.refusal());
    folder.remove("tokenizer.json");
    assert_eq!(folder.refusal(), "Expected a tokenizer.json, found no such file: F/tokenizer.json", "none at all");
    folder.write("tokenizer.model", "x");
    assert!(folder.refusal().contains("beside tokenizer.model"), "{}", folder.refusal());
}

#[test]
fn families_that_are_not_supported_are_named_with_those_that_are() {
    for (model_type, found) in [
        ("qwen2_vl", "qwen2_vl"),
        ("llava_next", "llava_next"),
        ("idefics3", "idefics3"),
        ("paligemma", "paligemma"),
        ("", "LlavaForConditionalGeneration"),
    ] {
        let folder = Folder::llava(Layout::HfOld, "F16");
        folder.remove("model.safetensors");
        folder.set("/model_type", json!(model_type));
        assert_eq!(
            folder.refusal(),
            format!(
                "Expected one of the supported families llava, llava-original, clip, dinov2 for model_type, found {found}: F/config.json"
            ),
            "another family"
        );
    }
}
