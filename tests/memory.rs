//! What files take of memory: a checkpoint of LLaVA-1.5-7B's shape, made of files that are all hole, opened, estimated
//! and refused without taking its memory; and traces, as much as they are long.

use gazelens::checkpoint::Checkpoint;
use gazelens::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, free_memory, plan_memory};
use gazelens::geometry::{ImageSize, ModelView, PreprocessSpec};
use gazelens::trace::file::TraceFile;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

const GB: u64 = 1_000_000_000;

/// Names and shapes of LLaVA-1.5-7B.
fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![
        ("language_model.model.embed_tokens.weight".to_owned(), vec![32_064, 4096]),
        ("language_model.model.norm.weight".to_owned(), vec![4096]),
        ("language_model.lm_head.weight".to_owned(), vec![32_064, 4096]),
        ("vision_tower.vision_model.embeddings.class_embedding".to_owned(), vec![1024]),
        ("vision_tower.vision_model.embeddings.patch_embedding.weight".to_owned(), vec![1024, 3, 14, 14]),
        ("vision_tower.vision_model.embeddings.position_embedding.weight".to_owned(), vec![577, 1024]),
    ];
    let mut linear = |name: String, outputs: usize, inputs: usize, bias: bool| {
        tensors.push((format!("{name}.weight"), if inputs == 0 { vec![outputs] } else { vec![outputs, inputs] }));
        if bias {
            tensors.push((format!("{name}.bias"), vec![outputs]));
        }
    };
    for layer in 0..32 {
        let at = format!("language_model.model.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            linear(format!("{at}.self_attn.{part}"), 4096, 4096, false);
        }
        linear(format!("{at}.mlp.gate_proj"), 11_008, 4096, false);
        linear(format!("{at}.mlp.up_proj"), 11_008, 4096, false);
        linear(format!("{at}.mlp.down_proj"), 4096, 11_008, false);
        linear(format!("{at}.input_layernorm"), 4096, 0, false);
        linear(format!("{at}.post_attention_layernorm"), 4096, 0, false);
    }
    for layer in 0..24 {
        let at = format!("vision_tower.vision_model.encoder.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            linear(format!("{at}.self_attn.{part}"), 1024, 1024, true);
        }
        linear(format!("{at}.mlp.fc1"), 4096, 1024, true);
        linear(format!("{at}.mlp.fc2"), 1024, 4096, true);
        linear(format!("{at}.layer_norm1"), 1024, 0, true);
        linear(format!("{at}.layer_norm2"), 1024, 0, true);
    }
    linear("multi_modal_projector.linear_1".to_owned(), 4096, 1024, true);
    linear("multi_modal_projector.linear_2".to_owned(), 4096, 4096, true);
    tensors
}

/// A header and a hole of 14 or 28 GB behind it; tensors are those of one shard in so many.
fn write_weights(path: &Path, dtype: &str, (shard, shards): (usize, usize)) {
    let mut header = Map::new();
    let mut end = 0_u64;
    let item = if dtype == "F32" { 4 } else { 2 };
    for (name, shape) in tensors().into_iter().skip(shard).step_by(shards) {
        let start = end;
        end += item * shape.iter().map(|n| *n as u64).product::<u64>();
        header.insert(name, json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let header = Value::Object(header).to_string();
    let mut file = File::create(path).expect("a file");
    file.write_all(&(header.len() as u64).to_le_bytes())
        .and_then(|()| file.write_all(header.as_bytes()))
        .expect("a header");
    file.set_len(8 + header.len() as u64 + end).expect("a hole");
}

fn write_folder(folder: &Path, dtype: &str, shards: usize) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/newest_shards/checkpoint");
    for name in ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"] {
        std::fs::copy(base.join(name), folder.join(name)).expect("a copy");
    }
    let text = std::fs::read(base.join("config.json")).expect("a configuration");
    let base: Value = serde_json::from_slice(&text).expect("JSON");
    let config = json!({
        "model_type": "llava", "image_token_index": base["image_token_id"], "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default", "text_config": {"model_type": "llama", "vocab_size": 32_064,
            "max_position_embeddings": 4096},
    });
    std::fs::write(folder.join("config.json"), config.to_string()).expect("written");
    for shard in 0..shards {
        let name = match shards {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{shards:05}.safetensors", shard + 1),
        };
        write_weights(&folder.join(name), dtype, (shard, shards));
    }
}

#[test]
fn a_checkpoint_of_7b_opens_is_estimated_and_is_refused_with_what_fits() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_folder(folder.path(), "F16", 1);
    let checkpoint = Checkpoint::open(folder.path(), &mut |_, _| {}).expect("only headers are read");
    let sizes = gazelens::model::answering(&checkpoint).expect("it answers").sizes;
    let plan = |dtype, free_bytes| {
        let source = ModelSource::Folder(folder.path().to_owned());
        let request = LoadRequest { source, device: DevicePreference::Cpu, dtype };
        plan_memory(&checkpoint, &sizes, &request, free_bytes).map_err(|err| err.to_string())
    };
    let (_, whole) = plan(DtypePreference::Auto, None).expect("unknown memory is trusted");
    assert_eq!(
        (whole.dtype.as_str(), whole.weight_bytes / GB),
        ("f32", 14),
        "computed in f32, kept as stored: {whole:?}"
    );
    assert!(whole.reason.contains("stay f16 in their file"), "{}", whole.reason);
    let (_, wide) = plan(DtypePreference::F32, None).expect("unknown memory is trusted");
    assert_eq!(wide.weight_bytes / GB, 28, "seven billion weights copied to f32: {wide:?}");
    assert!(wide.reason.contains("a converted copy of the f16 weights"), "{}", wide.reason);
    assert_eq!(
        (whole.context, whole.cache_bytes / 1_000_000),
        (1600, 1677),
        "two rows of 4096 in 32 layers a position"
    );
    let (_, kept) = plan(DtypePreference::Auto, Some(20 * GB)).expect("the file fits into 20 GB");
    assert_eq!(kept.weight_bytes, whole.weight_bytes, "{kept:?}");
    for (dtype, free, advice) in [
        (DtypePreference::F32, 20 * GB, "--dtype f16 needs"),
        (DtypePreference::Auto, 12 * GB, "a GGUF of it in Q4_K needs about"),
        (DtypePreference::Auto, 2 * GB, "no type of this model fits"),
    ] {
        let refusal = plan(dtype, Some(free)).expect_err("too little");
        assert!(refusal.starts_with("Expected ") && refusal.contains(advice), "{refusal}");
    }
}

#[test]
fn the_command_line_refuses_what_this_machine_has_no_memory_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (stored, asked, shards, gigabytes) in [("F32", "f32", 3, 28), ("BF16", "f32", 2, 28), ("BF16", "bf16", 2, 14)] {
        let checkpoint = folder.path().join(format!("{stored}-{asked}"));
        std::fs::create_dir(&checkpoint).expect("a folder");
        write_folder(&checkpoint, stored, shards);
        let what = format!("{stored} in {asked}");
        if free_memory().is_none_or(|free| free >= gigabytes * GB) {
            // It would be read, and answer with seven billion zeros.
            println!("{what}: not run, this machine has the memory for it or does not say");
            continue;
        }
        let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/qwen2_biases/photo.png");
        let out = folder.path().join("t.safetensors");
        let command = std::process::Command::new(env!("CARGO_BIN_EXE_gazelens"))
            .args([
                "trace",
                "--device",
                "cpu",
                "--dtype",
                asked,
                "--prompt",
                "What is in this image?",
                "--max-new-tokens",
                "1",
            ])
            .args([Path::new("--model"), &checkpoint, Path::new("--image"), &image, Path::new("--out"), &out])
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&command.stderr);
        assert_eq!(command.status.code(), Some(1), "{what}: the work failed, found {said}");
        let refusal = format!("of free memory (weights {gigabytes}.");
        assert!(said.contains("Expected ") && said.contains(&refusal) && said.contains("GB: "), "{what}: {said}");
        assert!(["--dtype", "Q4_K", "smaller model"].iter().any(|advice| said.contains(advice)), "{what}: {said}");
        assert!(!out.exists(), "{what}: nothing is written");
    }
}

/// The file that the process of a measurement reads.
const READ: &str = "GAZELENS_TEST_READ_TRACE";

/// Most memory that this process has held, and what it holds; **units** bytes. `None` where the system does not say.
fn held() -> Option<[u64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let of = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some([of("VmHWM:")?, of("VmRSS:")?])
}

/// What is measured by [`a_trace_takes_as_much_memory_as_its_file`], in a process of its own; alone it does nothing.
#[test]
fn a_process_that_reads_a_trace() {
    let Some(path) = std::env::var_os(READ) else { return };
    let [_, before] = held().expect("looked at before");
    let read = TraceFile::read(Path::new(&path));
    let [most, _] = held().expect("looked at before");
    println!("MEASURED {} {}", most.saturating_sub(before), read.is_ok());
}

/// How much more memory reading a trace took than there was before, and whether it was read.
fn measured(path: &Path) -> (u64, bool) {
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_process_that_reads_a_trace", "--nocapture"])
        .env(READ, path)
        .output()
        .expect("the test runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.split_once("MEASURED ")).expect("a measurement").1;
    let (bytes, is_read) = line.trim().split_once(' ').expect("two values");
    (bytes.parse().expect("a number"), is_read == "true")
}

/// A trace whose tensors are holes, with this metadata in place of its own.
fn write_trace(path: &Path, tensors: &[(&str, &str, &[u64])], change: impl FnOnce(&mut Value)) -> u64 {
    let photo = ImageSize { width_px: 336, height_px: 336 };
    let preprocessing = PreprocessSpec::clip(336);
    let run = json!({
        "model_id": "m", "weight_hash": "0", "image_path": "p", "image_hash": "0", "prompt": "", "templated": false,
        "full_prompt": "", "template": null, "strategy": {"name": "plain", "parameters": {}}, "interventions": [],
        "temperature": 0.0, "top_p": null, "top_k": null, "repetition_penalty": 1.0, "seed": 0, "max_new_tokens": 1,
        "view": ModelView::new(photo, &preprocessing, 168), "preprocessing": preprocessing,
        "device": "", "dtype": "", "program_version": "",
    });
    let mut parts = json!({
        "run": run,
        "tokens": {"prompt": [], "output": []},
        "notes": {"warnings": [], "decoder_attention_rows": 0, "vision_feature_layer_idx": null},
    });
    change(&mut parts);
    let mut header = Map::new();
    let mut metadata = json!({"format": "gazelens-trace", "version": "1"});
    for (name, value) in parts.as_object().expect("an object") {
        metadata[name] = value.to_string().into();
    }
    header.insert("__metadata__".to_owned(), metadata);
    let mut end = 0_u64;
    for (name, dtype, shape) in tensors {
        let start = end;
        end += values(&[(name, dtype, shape)]);
        header.insert((*name).to_owned(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let header = Value::Object(header).to_string();
    let mut file = File::create(path).expect("a file");
    file.write_all(&(header.len() as u64).to_le_bytes())
        .and_then(|()| file.write_all(header.as_bytes()))
        .expect("room");
    // The grid is the first tensor of all of these.
    file.write_all(&[2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]).expect("room");
    file.set_len(8 + header.len() as u64 + end).expect("a hole");
    header.len() as u64
}

#[test]
fn a_trace_takes_as_much_memory_as_its_file() {
    type Change = fn(&mut Value);
    const MB: u64 = 1 << 20;
    if held().is_none() {
        println!("Not run: this system does not say how much memory a process has held");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let grid: (&str, &str, &[u64]) = ("image_grid", "I64", &[2]);
    // Values: one long row, many rows of [CLS], a large input.
    let tokens = |prompt: usize| {
        let prompt: Vec<Value> =
            (0..prompt).map(|at| json!({"id": 0, "text": "", "special": false, "image": at < 4})).collect();
        let output =
            json!([{"id": 0, "text": "", "special": false, "logprob": 0.0, "entropy_nats": 0.0, "candidates": []}]);
        json!({"prompt": prompt, "output": output})
    };
    let decoder: &[(&str, &str, &[u64])] = &[
        grid,
        ("image_token_span", "I64", &[2]),
        ("output_ids", "I64", &[1]),
        ("prompt_ids", "I64", &[1000]),
        ("decoder_attention", "F16", &[1, 256, 256, 1001]),
    ];
    let vision: &[(&str, &str, &[u64])] =
        &[grid, ("vision_cls_attention", "F32", &[1000, 1000, 4]), ("pixel_values", "F32", &[3, 2048, 4096])];
    for (tensors, has_tokens) in [(decoder, true), (vision, false)] {
        write_trace(&path, tensors, |parts| {
            if has_tokens {
                parts["tokens"] = tokens(1000);
                parts["notes"]["decoder_attention_rows"] = 1.into();
            }
        });
        if has_tokens {
            // Where the image tokens lie: 0 and 4.
            let mut file = File::options().write(true).open(&path).expect("just written");
            let body = path.metadata().expect("there").len() - values(tensors);
            file.seek(SeekFrom::Start(body + 24)).and_then(|_| file.write_all(&[4])).expect("room");
        }
        let len = path.metadata().expect("there").len();
        let (most, is_read) = measured(&path);
        assert!(is_read, "a trace: {tensors:?}");
        let limit = len + len / 4 + 48 * MB;
        assert!(most < limit, "{} MB for a file of {} MB: {tensors:?}", most / MB, len / MB);
    }
    // Headers: words without end, values in parameters, candidates, tensors.
    let headers: [Change; 4] = [
        |parts| {
            let token = json!({"id": 0, "text": "", "special": false, "image": false});
            parts["tokens"]["prompt"] = vec![token; 150_000].into();
        },
        |parts| parts["run"]["strategy"]["parameters"]["a"] = vec![0; 2_000_000].into(),
        |parts| parts["notes"]["warnings"] = vec![""; 1_300_000].into(),
        |parts| {
            let candidate = json!({"id": 0, "text": "", "logprob": 0});
            parts["tokens"]["output"] = json!([{"id": 0, "text": "", "special": false, "logprob": 0, "entropy_nats": 0,
                "candidates": vec![candidate; 200_000]}]);
        },
    ];
    for (idx, change) in headers.into_iter().enumerate() {
        let header = write_trace(&path, &[grid], change);
        let (most, _) = measured(&path);
        let limit = 8 * header + 256 * MB;
        assert!(most < limit, "{} MB for header {idx} of {} MB", most / MB, header / MB);
    }
}

fn values(tensors: &[(&str, &str, &[u64])]) -> u64 {
    let item = |dtype: &str| match dtype {
        "I64" => 8,
        "F32" => 4,
        _ => 2,
    };
    tensors.iter().map(|(_, dtype, shape)| item(dtype) * shape.iter().product::<u64>()).sum()
}
