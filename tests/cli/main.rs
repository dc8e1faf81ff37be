//! The program from outside: exit status, output, files.

#![expect(clippy::print_stdout, reason = "tests say what did not run")]

mod captions;
mod checkpoints;
mod displays;
mod documentation;
#[cfg(target_os = "linux")]
mod endless;
mod figure_commands;
mod figure_inputs;
mod figure_layout;
mod figure_names;
mod figure_plots;
mod figure_subjects;
mod figure_words;
mod figures;
mod hostile;
#[cfg(unix)]
mod kills;
mod methods;
mod options;
mod outputs;
mod pages;
mod questions;
mod reports;
mod same_run;
mod sentences;
mod strategies;
mod study;
mod study_exchange;
#[cfg(unix)]
mod study_figures;
mod study_kills;
mod study_mmvp_vlm;
mod study_pairs;
mod study_runs;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Without a display, whatever this machine has.
fn gazelens(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    // Nothing is downloaded here; `tests/hub` has a hub of its own.
    command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "no/such/cache");
    command.args(args).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The command must fail with this status and one sentence on standard error.
fn refused(args: &[&str], status: i32) -> String {
    let output = gazelens(args);
    let sentence = stderr(&output);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {sentence}");
    assert_eq!(stdout(&output), "", "nothing on standard output: {args:?}");
    assert!(!sentence.contains("panicked") && !sentence.contains("stack backtrace"), "no panic: {sentence}");
    sentence
}

/// The same where the sentence is our own: one line.
fn one_sentence(args: &[&str], status: i32) -> String {
    let sentence = refused(args, status);
    assert_eq!(sentence.trim_end().lines().count(), 1, "one line: {sentence}");
    sentence
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

const TRACE: [&str; 5] = ["trace", "--image", "demo_01_beach.png", "--prompt", "Is there a dog in the image?"];

fn trace_to(out: &str, more: &[&str]) -> Output {
    gazelens(&[&TRACE[..], &["--out", out], more].concat())
}

#[test]
fn a_question_is_answered_into_a_trace_file() {
    let folder = folder();
    let out = path(folder.path(), "t.safetensors");
    let output = trace_to(&out, &["--json", "--logits", "--vision", "--prompt-rows", "after-image"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    for key in ["text", "tokens", "prompt_tokens", "image_token_span", "timings", "peak_rss_bytes"] {
        assert!(json.get(key).is_some(), "the contract's `{key}`");
    }
    let token = &json["tokens"][0];
    assert!(["Yes", "No"].iter().any(|answer| json["text"].as_str() == Some(answer)), "yes or no: {}", json["text"]);
    assert_eq!(token["candidates"].as_array().map(Vec::len), Some(20), "twenty candidates");
    assert_eq!(token["candidates"][0]["id"], token["id"], "greedy takes the most probable");
    assert!(json["timings"]["prefill"].as_f64() > Some(0.0), "time was measured");

    let file = gazelens::trace::file::TraceFile::read(Path::new(&out)).expect("a valid trace");
    let (trace, extras) = (file.trace, file.extras);
    assert_eq!(trace.text().trim(), json["text"].as_str().unwrap_or_default(), "the same answer in both");
    assert_eq!(json["prompt_tokens"].as_u64(), Some(trace.prompt.len() as u64), "expanded prompt positions");
    assert_eq!(trace.decoder_attention.len(), trace.output.len(), "a row for every token");
    assert_eq!(extras.logits.len(), trace.output.len(), "logits were asked for");
    assert!(extras.pixel_values.is_some(), "pixel values were asked for");
    let behind = trace.prompt.len() - trace.image_token_span.end();
    assert_eq!(trace.prompt_attention.len(), behind, "rows of the text behind the image were asked for");
    let vision = trace.vision.expect("the demo has a [CLS] token");
    assert_eq!(vision.num_hidden_layers, 6, "every vision layer, also those behind the feature layer");
    assert_eq!(vision.feature_layer_idx, 4, "the demo's features are the last layer's but one");
    for row in trace.decoder_attention.iter().chain(trace.prompt_attention.iter().map(|(_, row)| row)) {
        for head in row.to_f32().chunks_exact(row.key_len()) {
            let sum: f32 = head.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "a row sums to one, found {sum}");
        }
    }
    assert_eq!(entries(folder.path()).len(), 1, "no temporary file stays behind");
}

#[test]
fn texts_are_compared_with_a_photo() {
    let folder = folder();
    let out = path(folder.path(), "t");
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/clip").display().to_string();
    let base = ["trace", "--image", "demo_01_beach.png", "--out", &out];
    let texts = ["--prompt", "a beach\na kitchen"];
    let output = gazelens(&[&base[..], &texts, &["--model", &clip, "--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let rows = json["similarity"].as_array().expect("a row for every text");
    assert_eq!((rows.len(), rows[0]["text"].as_str()), (2, Some("a beach")), "in the order given");
    let value = |idx: usize, key: &str| rows[idx][key].as_f64().expect("a number");
    assert!(value(0, "probability") > 0.9, "the photo shows a beach: {json}");
    assert!(value(0, "cosine") > value(1, "cosine") && value(0, "logit") > value(1, "logit"), "in every measure");
    assert_eq!(json["tokens"].as_array().map(Vec::len), Some(0), "there is no answer");
    let trace = gazelens::trace::file::TraceFile::read(Path::new(&out)).expect("a valid trace").trace;
    assert_eq!(trace.similarity.len(), 2, "the texts are in the file");

    let plain = gazelens(&[&base[..], &texts, &["--model", "demo-clip"]].concat());
    assert_eq!(stdout(&plain).lines().count(), 2, "a line for every text: {}", stderr(&plain));
    assert!(stdout(&plain).lines().all(|line| line.starts_with("cosine ")), "{}", stdout(&plain));

    let sees =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/vision/dinov2/checkpoint").display().to_string();
    let maps = gazelens(&[&base[..], &["--model", &sees]].concat());
    assert!(stdout(&maps).starts_with("[CLS] attention of "), "no prompt needed: {}", stderr(&maps));
    for model in ["demo", "demo-clip"] {
        let sentence = one_sentence(&[&base[..], &["--model", model]].concat(), 2);
        assert!(sentence.contains("Expected --prompt"), "words are needed: {sentence}");
    }
}

#[test]
fn the_raw_prompt_of_the_template_gives_the_same_answer() {
    let folder = folder();
    let [a, b] = ["a", "b"].map(|name| path(folder.path(), name));
    let templated = trace_to(&a, &[]);
    let raw = "USER: <image>\nIs there a dog in the image? ASSISTANT:";
    let raw = gazelens(&["trace", "--image", "demo_01_beach.png", "--raw-prompt", raw, "--out", &b]);
    assert!(raw.status.success(), "{}", stderr(&raw));
    assert_eq!(stdout(&templated), stdout(&raw), "the template adds nothing else");
    let read = |path: &str| gazelens::trace::file::TraceFile::read(Path::new(path)).expect("a valid trace").trace;
    let (a, b) = (read(&a), read(&b));
    assert_eq!(a.prompt, b.prompt, "the same ids");
    assert!(a.run.templated && !b.run.templated, "the run says which it was");
}

#[test]
fn sampling_is_seeded() {
    let folder = folder();
    let out = path(folder.path(), "t");
    let ask = |seed: &str| {
        let words =
            ["trace", "--image", "demo_01_beach.png", "--prompt", "Describe this image in detail.", "--out", &out];
        let output =
            gazelens(&[&words[..], &["--temperature", "2", "--seed", seed, "--max-new-tokens", "12"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    assert_eq!(ask("7"), ask("7"), "the same seed gives the same answer");
    assert_ne!(ask("7"), ask("8"), "another seed gives another at this temperature");
}

#[test]
fn a_wrong_command_line_is_status_two() {
    let folder = folder();
    let out = path(folder.path(), "t");
    for args in [
        vec!["frobnicate"],
        vec!["metrics"],
        vec!["trace", "--image", "x.png", "--out", "t"],
        vec!["trace", "--image", "x.png", "--prompt", "a", "--raw-prompt", "<image>", "--out", "t"],
        vec!["trace", "--image", "x.png", "--raw-prompt", "no place for the photo", "--out", "t"],
        vec!["trace", "--image", "x.png", "--prompt", "a", "--out", "t", "--temperature", "-1"],
        vec!["trace", "--image", "x.png", "--prompt", "a", "--out", "t", "--top-p", "1.5"],
        vec!["trace", "--image", "x.png", "--prompt", "a", "--out", "t", "--max-new-tokens", "0"],
        vec!["--device", "tpu"],
        vec!["list", "spoons"],
    ] {
        refused(&args, 2);
    }
    for (more, expected) in [
        (["--strategy", "vdc"], "plain"),
        (["--strategy", "plain:alpha=1"], "alpha"),
        (["--intervene", "nothing"], "knockout"),
        (["--intervene", "knockout:patch=1.1"], "patches"),
        (["--intervene", "knockout:patches=99.1"], "rows below 12"),
    ] {
        let sentence = one_sentence(&[&TRACE[..], &["--out", &out], &more].concat(), 2);
        assert!(sentence.contains(expected), "{more:?} names what there is: {sentence}");
    }
    assert!(entries(folder.path()).is_empty(), "nothing was written");
}

#[test]
fn work_that_fails_is_status_one_and_writes_nothing() {
    let folder = folder();
    let out = path(folder.path(), "t");
    let no_photo = path(folder.path(), "photo.txt");
    std::fs::write(&no_photo, "not a photo").expect("a writable folder");
    let failing = |image: &str, out: &str, more: &[&str]| {
        one_sentence(&[&["trace", "--image", image, "--prompt", "a", "--out", out], more].concat(), 1)
    };
    let missing = path(folder.path(), "nowhere.png");
    let expected = format!("error: Cannot open {missing}: no such file");
    assert_eq!(failing(&missing, &out, &[]).trim_end(), expected, "the missing photo is named");
    assert!(failing(&no_photo, &out, &[]).contains("PNG, JPEG"), "what a photo is");
    assert!(failing("demo_01_beach.png", "/no/such/folder/t", &[]).contains("--out"), "the folder must be there");
    let folder_model = failing("demo_01_beach.png", &out, &["--model", folder.path().to_str().unwrap_or_default()]);
    assert!(folder_model.contains("config.json"), "a folder without a model: {folder_model}");
    for (model, expected) in
        [("x.gguf", "No such file"), ("./nowhere", "a checkpoint folder or a hub id"), ("Cargo.toml", "found a file")]
    {
        let sentence = failing("demo_01_beach.png", &out, &["--model", model]);
        assert!(sentence.contains(expected) && sentence.trim_end().ends_with(model), "{sentence}");
    }
    let offline = failing("demo_01_beach.png", &out, &["--model", "llava-hf/llava-1.5-7b-hf"]);
    assert!(offline.contains("HF_HUB_OFFLINE") && offline.trim_end().ends_with("no/such/cache"), "{offline}");
    if cfg!(not(feature = "cuda")) {
        let sentence = failing("demo_01_beach.png", &out, &["--device", "cuda:1"]);
        assert!(sentence.contains("--features cuda"), "how to build it: {sentence}");
    }
    assert_eq!(entries(folder.path()).len(), 1, "nothing was written beside the file that was there");
}

#[test]
fn every_registry_can_be_listed() {
    for what in ["strategies", "interventions", "metrics", "families", "colormaps"] {
        let output = gazelens(&["list", what, "--json"]);
        assert!(output.status.success(), "{what}: {}", stderr(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let entries = json.as_array().expect("an array");
        for entry in entries {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            assert!(!text("id").is_empty() && !text("help").is_empty(), "{what}: id and help of {entry}");
            assert!(entry["parameters"].is_array(), "{what}: parameters of {entry}");
        }
        let plain = gazelens(&["list", what]);
        for entry in entries {
            let id = entry["id"].as_str().unwrap_or_default();
            assert!(stdout(&plain).lines().any(|line| line == id), "{what} lists {id} as text too");
        }
    }
    assert!(stdout(&gazelens(&["list", "colormaps"])).contains("viridis"), "colour maps come from the renderer");
}

#[test]
fn the_machine_can_be_measured() {
    let output = gazelens(&["bench", "--new-tokens", "3", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let runs = json["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 4, "with and without capture, one and two branches");
    for run in runs {
        assert!(run["tokens_per_second"].as_f64() > Some(0.0), "{run}");
        assert_eq!(run["decoded_tokens"].as_u64(), Some(2), "no stop token ends a measurement");
    }
    assert!(json["read_bandwidth_bytes_per_sec"].as_f64() > Some(1e8), "a machine reads more than 0.1 GB/s");
}

#[test]
fn methods_are_measured_beside_plain_decoding() {
    let run = |options: &[&str]| {
        let output = gazelens(&[&["bench", "--new-tokens", "3"], options].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        output
    };
    let specs = ["--method", "plain", "--method", "vaf", "--method", "vcd", "--method", "vista"];
    let json: serde_json::Value =
        serde_json::from_slice(&run(&[&specs[..], &["--json"]].concat()).stdout).expect("one JSON object");
    let methods = json["methods"].as_array().expect("methods");
    let column = |key: &str| methods.iter().map(|method| method[key].as_f64()).collect::<Vec<_>>();
    let is_exactly = |found: Vec<Option<f64>>, expected: &[f64]| {
        let pairs = found.iter().zip(expected);
        found.len() == expected.len() && pairs.into_iter().all(|(a, b)| a.is_some_and(|a| (a - b).abs() < 1e-9))
    };
    assert!(is_exactly(column("branches"), &[1.0, 1.0, 2.0, 1.0]), "{json}");
    let passes = column("prompt_passes");
    assert!(is_exactly(passes[..2].to_vec(), &[1.0, 1.0]), "plain and an edit read the prompt once: {json}");
    let shared = passes[2].expect("passes");
    assert!(shared > 1.8 && shared < 2.0, "a second branch reads it again, but for the words before the photo: {json}");
    assert!(passes[3] > Some(1.0), "VISTA's direction takes further passes: {json}");
    for key in ["token_ratio", "first_token_ratio", "tokens_per_second", "plain_tokens_per_second"] {
        assert!(column(key).iter().all(|number| *number > Some(0.0)), "{key}: {json}");
    }
    assert_eq!((&methods[0]["aim"], methods[2]["aim"].as_f64()), (&serde_json::Value::Null, Some(1.25)), "{json}");

    let table = stdout(&run(&["--beams", "2"]));
    assert!(table.contains("answers of 3, 2 beams") && table.trim_end().ends_with("plain"), "{table}");
    let refused = stderr(&gazelens(&["bench", "--method", "vdc"]));
    assert!(refused.contains("found vdc (near: vcd"), "{refused}");
    let refused = stderr(&gazelens(&["bench", "--method", "opera", "--beams", "2"]));
    assert!(refused.contains("with opera"), "{refused}");
}

#[test]
fn help_and_version_are_no_failures() {
    for args in [&["--help"][..], &["--version"], &["trace", "--help"]] {
        let output = gazelens(args);
        assert!(output.status.success() && !output.stdout.is_empty(), "{args:?}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_never_replaced_and_a_link_stays_a_link() {
    let dir = folder();
    let socket = path(dir.path(), "socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let args = [&TRACE[..], &["--out", socket.as_str()]].concat();
    let sentence = one_sentence(&args, 1);
    assert!(sentence.contains("found a device or pipe"), "said before the work: {sentence}");
    assert!(!Path::new(&socket).is_file() && Path::new(&socket).exists(), "it is still there, still no file");

    let (real, link) = (path(dir.path(), "real.safetensors"), path(dir.path(), "link.safetensors"));
    std::fs::write(&real, b"before").expect("written");
    std::os::unix::fs::symlink(&real, &link).expect("a link");
    assert!(trace_to(&link, &["--max-new-tokens", "2"]).status.success(), "written through the link");
    assert!(std::fs::symlink_metadata(&link).is_ok_and(|at| at.is_symlink()), "the link stays");
    assert!(std::fs::metadata(&real).is_ok_and(|at| at.len() > 6), "what it points to is replaced");
}

#[test]
fn what_was_assumed_about_a_checkpoint_is_said_and_kept() {
    let dir = folder();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
    for from in entries(&bundled).iter().filter(|from| !from.to_string_lossy().contains("processor_config")) {
        let name = from.file_name().expect("a file");
        std::fs::copy(from, dir.path().join(name)).expect("copied");
    }
    let (model, out) = (dir.path().display().to_string(), path(dir.path(), "t.safetensors"));
    let output = trace_to(&out, &["--max-new-tokens", "2", "--model", &model, "--json"]);
    assert!(output.status.success(), "answered: {}", stderr(&output));
    for said in [stderr(&output), stdout(&output)] {
        assert!(said.contains("Expected preprocessor_config.json, found none"), "how photos are prepared: {said}");
    }
}

/// Two images, of which one has a dog and a couch.
const INSTANCES: &str = r#"{"images": [{"id": 1, "width": 4, "height": 4, "file_name": "a.jpg"},
    {"id": 2, "width": 4, "height": 4, "file_name": "b.jpg"}],
    "categories": [{"id": 18, "name": "dog"}, {"id": 63, "name": "couch"}, {"id": 99, "name": "wombat"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 18, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0, "segmentation": [[0, 0, 1, 0, 1, 1]]},
    {"id": 2, "image_id": 1, "category_id": 63, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0, "segmentation": [[0, 0, 1, 0, 1, 1]]},
    {"id": 3, "image_id": 2, "category_id": 99, "bbox": [0, 0, 1, 1], "area": 1, "iscrowd": 0, "segmentation": [[0, 0, 1, 0, 1, 1]]}]}"#;
