//! What users read when a checkpoint is not what they think.

use super::*;
use candle_core::{DType, Device};

#[test]
fn folders_that_are_none_are_named() {
    let folder = Folder::empty();
    let error = Checkpoint::open(&folder.file("nowhere"), &mut |_, _| {}).unwrap_err().to_string();
    assert_eq!(error, format!("Cannot open {}: no such file or folder", folder.file("nowhere").display()), "a typo");
    folder.write("vicuna.Q4.gguf", "GGUF");
    let error = Checkpoint::open(&folder.file("vicuna.Q4.gguf"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.starts_with("Expected a GGUF header, found "), "{error}");
    folder.remove("vicuna.Q4.gguf");
    assert_eq!(folder.refusal(), "Expected a checkpoint folder, found an empty folder: F", "an empty folder");
    folder.write("notes.txt", "x");
    assert_eq!(
        folder.refusal(),
        "Expected the configuration of a Hugging Face checkpoint, found no such file: F/config.json",
        "something else"
    );
}

#[test]
fn folders_with_something_else_in_them_are_named() {
    let refusal = |files: &[(&str, &str)]| {
        let folder = Folder::empty();
        for (name, text) in files {
            folder.write(name, text);
        }
        folder.refusal()
    };
    let expected = "Expected a checkpoint folder, found ";
    for (files, found) in [
        (
            &[("b/config.json", "{}"), ("a/config.json", "{}")][..],
            "a folder of checkpoints (open one of them: a, b): F",
        ),
        (
            &[("snapshots/0ab/config.json", "{}"), ("refs/main", "0ab")],
            "a model's folder of the hub's cache, whose checkpoint is snapshots/0ab: F",
        ),
        (&[("model_index.json", "{}"), ("unet/config.json", "{}")], "a diffusers pipeline, which makes pictures: F"),
        (
            &[("params.json", "{}"), ("consolidated.00.pth", "x")],
            "a checkpoint in its authors' own format (params.json), not in that of Hugging Face: F",
        ),
    ] {
        assert_eq!(refusal(files), format!("{expected}{found}"), "{files:?}");
    }
    let weights = "Expected safetensors weights, found ";
    for (files, found) in [
        (&[("pytorch_model.bin", "x"), ("README.md", "x")][..], "a PyTorch pickle file"),
        (&[("onnx/model.onnx", "x")], "an ONNX file"),
        (&[("tf_model.h5", "x")], "TensorFlow or Flax weights"),
        (&[("flax_model.msgpack", "x")], "TensorFlow or Flax weights"),
        (&[("saved_model/saved_model.pb", "x")], "TensorFlow or Flax weights"),
        (&[("openvino_model.bin", "x"), ("openvino_model.xml", "x")], "OpenVINO's format"),
    ] {
        let sentence = refusal(files);
        assert!(sentence.starts_with(&format!("{weights}{found}")), "{sentence}");
    }
    let sentence = refusal(&[("training_args.bin", "x"), ("optimizer.pt", "x")]);
    assert!(sentence.starts_with("Expected the configuration of a Hugging Face checkpoint"), "no weights: {sentence}");
}

#[test]
fn adapters_are_named_with_their_base_model() {
    let expected = "Expected a whole checkpoint, found a LoRA adapter of llava-hf/llava-1.5-7b-hf: merge it into that \
        model first \
        (peft's merge_and_unload, then save_pretrained): F/adapter_config.json";
    let base = "llava-hf/llava-1.5-7b-hf";
    let config = json!({"base_model_name_or_path": base, "peft_type": "LORA", "r": 8});
    let folder = Folder::empty();
    folder.write_json("adapter_config.json", &config);
    assert_eq!(folder.refusal(), expected, "peft's folder");
    folder.write("adapter_model.safetensors", "x");
    assert_eq!(folder.refusal(), expected, "with its weights");
    let whole = Folder::llava(Layout::Original, "F16");
    whole.write_json("adapter_config.json", &config);
    let warnings = whole.open().unwrap().warnings;
    let expected_warning = "The LoRA adapter of llava-hf/llava-1.5-7b-hf beside the weights is not applied: ";
    assert!(warnings.iter().any(|warning| warning.starts_with(expected_warning)), "{warnings:?}");
    whole.remove("model.safetensors");
    assert_eq!(whole.refusal(), expected, "LLaVA's own folder");
    for name in ["adapter_model.safetensors", "adapter_model.bin", "non_lora_trainables.bin"] {
        whole.write(name, "x");
        assert_eq!(whole.refusal(), expected, "with {name}");
    }
    folder.write_json("adapter_config.json", &json!({"peft_type": "IA3"}));
    let other = folder.refusal();
    assert!(other.contains("found a ia3 adapter of a model that it does not name"), "{other}");
}

#[test]
fn quantised_safetensors_are_named_with_their_method() {
    let name = "language_model.model.layers.0.mlp.up_proj";
    let refusal = |config: &Value, tensors: &[(&str, &'static str, usize)]| {
        let folder = Folder::llava(Layout::HfOld, "F16");
        if let Value::Object(map) = config {
            for (key, value) in map {
                folder.set(&format!("/{key}"), value.clone());
            }
        }
        let mut all: Vec<Stored> = llava_tensors()
            .iter()
            .filter(|(canonical, _)| Layout::HfOld.stored(canonical) != format!("{name}.weight"))
            .map(|(n, shape)| stored(&Layout::HfOld.stored(n), n, "F16", shape))
            .collect();
        for (end, dtype, bytes) in tensors {
            let items = bytes
                / if *dtype == "I32" || *dtype == "U32" {
                    4
                } else if *dtype == "F16" {
                    2
                } else {
                    1
                };
            all.push((format!("{name}.{end}"), dtype, vec![items], vec![0; *bytes]));
        }
        folder.write("model.safetensors", safetensors(&all));
        folder.refusal()
    };
    let expected =
        "Expected f16, bf16 or f32 weights as safetensors, or quantised ones as GGUF, found weights quantised with ";
    for (config, tensors, found) in [
        (
            json!({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}),
            &[("weight", "U8", 48), ("weight.absmax", "U8", 1), ("weight.quant_state.bitsandbytes__nf4", "U8", 80)][..],
            "bitsandbytes, 4 bits: F/config.json",
        ),
        (
            json!({"quantization_config": {"load_in_8bit": true}}),
            &[("weight", "I8", 96), ("SCB", "F16", 24)],
            "bitsandbytes, 8 bits: F/config.json",
        ),
        (
            json!({"quantization_config": {"quant_method": "awq", "bits": 4}}),
            &[("qweight", "I32", 48)],
            "AWQ, 4 bits: F/config.json",
        ),
        (
            json!({"quantization_config": {"quant_method": "gptq", "bits": 3}}),
            &[("qweight", "I32", 48), ("g_idx", "I32", 32)],
            "GPTQ, 3 bits: F/config.json",
        ),
        (
            json!({"quantization": {"bits": 4, "group_size": 64}}),
            &[("weight", "U32", 48), ("scales", "F16", 24)],
            "MLX, 4 bits: F/config.json",
        ),
        (json!({"quantization_config": {"quant_method": "fp8"}}), &[("weight", "F8_E4M3", 96)], "FP8: F/config.json"),
        (
            json!({"quantization_config": {"quant_method": "compressed-tensors"}}),
            &[("weight_packed", "I32", 48)],
            "compressed-tensors: F/config.json",
        ),
        (
            json!({"text_config/quantization_config": {"quant_method": "hqq"}}),
            &[("W_q", "U8", 48)],
            "HQQ: F/config.json",
        ),
        (json!({}), &[("weight", "U8", 48), ("weight.absmax", "U8", 1)], "bitsandbytes, 4 bits: F/model.safetensors"),
        (json!({}), &[("weight", "F8_E5M2", 96)], "FP8: F/model.safetensors"),
        (json!({}), &[("qweight", "I32", 48), ("g_idx", "I32", 32)], "GPTQ: F/model.safetensors"),
    ] {
        assert_eq!(refusal(&config, tensors), format!("{expected}{found}"), "{config}");
    }
    let folder = Folder::llava(Layout::HfOld, "F16");
    folder.set("/quantization_config", json!({"quant_method": "bitsandbytes", "load_in_4bit": true}));
    let warnings = folder.open().unwrap().warnings;
    assert!(warnings.iter().any(|warning| warning.contains("are used as stored")), "floats stay floats: {warnings:?}");
}

#[test]
fn pointers_pages_and_packed_files_in_place_of_a_file_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14\n";
    for name in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
        let folder = Folder::llava(Layout::HfOld, "F16");
        folder.write(name, pointer);
        let refusal = folder.refusal();
        assert!(
            refusal.contains("found a Git LFS pointer instead of the file") && refusal.ends_with(name),
            "{refusal}"
        );
        folder.write(name, "<!doctype html><title>Log in</title>");
        assert!(folder.refusal().contains("found a web page"), "{}", folder.refusal());
        folder.write(name, b"\x1f\x8b\x08\0");
        assert!(folder.refusal().contains("found a gzip file: unpack it first"), "{}", folder.refusal());
    }
    let folder = Folder::empty();
    folder.write("decoder.gguf", pointer);
    let error = Checkpoint::open(&folder.file("decoder.gguf"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(error.contains("found a Git LFS pointer"), "{error}");
}

#[test]
fn what_python_writes_beyond_json_costs_nothing_where_nobody_needs_it() {
    let folder = Folder::llava(Layout::HfOld, "F16");
    let change = |name: &str, text: &str| {
        let old = std::fs::read_to_string(folder.file(name)).unwrap_or_else(|_| "{\"a\": 1}".to_owned());
        let (before, after) = old.split_once('{').unwrap();
        folder.write(name, format!("\u{feff}{before}{{{text}, {after}\0\0"));
    };
    for name in [
        "config.json",
        "generation_config.json",
        "preprocessor_config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    ] {
        change(name, "\"unneeded\": [NaN, -Infinity, Infinity]");
    }
    assert_eq!(folder.open().unwrap().warnings, Vec::<String>::new(), "nothing is lost");
    for (name, field, found) in [
        ("generation_config.json", "bos_token_id", "NaN"),
        ("config.json", "projector_hidden_act", "a number that is none"),
        ("preprocessor_config.json", "rescale_factor", "Infinity"),
    ] {
        let folder = Folder::llava(Layout::HfOld, "F16");
        let old = std::fs::read_to_string(folder.file(name)).unwrap_or_else(|_| "{\"a\": 1}".to_owned());
        let value = if found == "Infinity" { "Infinity" } else { "NaN" };
        folder.write(name, old.replacen('{', &format!("{{\"{field}\": {value}, "), 1));
        let refusal = folder.refusal();
        assert!(refusal.contains(&format!("for {field}, found {found}")) && refusal.ends_with(name), "{refusal}");
    }
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
        "Expected the tensor language_model.layers.7.mlp.up_proj.weight, found no tensor of that name in any layout: \
            F/model.safetensors",
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
    let expected = "Expected the rows of language_model.embed_tokens.weight, whose shape is [640, 8] for \
        text_config.vocab_size, found 639: \
        F/config.json";
    assert_eq!(refusal, expected, "configuration and embedding");
    let folder = Folder::llava(Layout::HfOld, "F16");
    let tensors = [stored("language_model.model.embed_tokens.weight", "x", "F16", &[600, 8])];
    folder.write("model.safetensors", safetensors(&tensors));
    folder.set("/text_config/vocab_size", json!(600));
    folder.set("/image_token_index", json!(599));
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
fn families_without_a_reader_are_named() {
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
            format!("Expected a supported family for model_type, found {found}: F/config.json"),
            "another family"
        );
    }
}
