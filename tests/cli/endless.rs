//! Files without an end, and pipes that nobody writes to: refused at once, whoever names them.

use super::{folder, path};
use gazelens::session::Session;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const PHOTO: &str = "demo_01_beach.png";
const PHOTO_SHA256: &str = "36fe1f58960b2b09c7a3f08b40e620242439c7bd16149ed976677e8df86b10e5";
/// Far longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_mins(5);

/// The program, which must end by itself.
fn ends(args: &[&str], stdin: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "no/such/cache");
    let mut child = command
        .args(args)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let begun = Instant::now();
    while child.try_wait().expect("a child").is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().expect("killed");
            panic!("it waits for ever: {args:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("a child")
}

fn refused(args: &[&str]) {
    let output = ends(args, Stdio::null());
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{args:?}: {:?} {sentence}", output.status);
    let last = sentence.lines().last().unwrap_or_default();
    assert!(last.starts_with("error: ") && !sentence.contains("panicked"), "one sentence: {args:?}: {sentence}");
    assert!(sentence.contains("device, pipe or socket"), "what it is: {args:?}: {sentence}");
}

fn recipe(inputs: &Value) -> String {
    let mut all = json!({"traces": {}, "images": {"i": {"file": PHOTO, "sha256": PHOTO_SHA256}}, "annotations": {}});
    for (key, value) in inputs.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    json!({"format": "gazelens-figure", "version": 1, "program_version": "0.1.0", "inputs": all,
        "layout": {"width": "single", "columns": 1, "dpi": 72, "gap_mm": 3.0, "font_pt": 7.0, "letters": true,
            "titles": true, "captions": true, "column_titles": [], "row_labels": []},
        "colour": {"map": "inferno", "difference_map": "rdbu", "scale": "each", "gamma": 1.0, "opacity": 0.75,
            "alpha_ramp": 0.85, "resampling": "nearest", "bars": "labelled"},
        "panels": [{"show": {"kind": "photo", "of": "i"}}]})
    .to_string()
}

#[test]
fn what_has_no_end_is_refused_at_once() {
    let dir = folder();
    let pipe = path(dir.path(), "pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()), "a pipe");
    let pipe_gguf = path(dir.path(), "pipe.gguf");
    assert!(Command::new("mkfifo").arg(&pipe_gguf).status().is_ok_and(|made| made.success()), "a pipe");
    let [out, page, answer] = ["o.svg", "o.html", "o.safetensors"].map(|name| path(dir.path(), name));
    let file = path(dir.path(), "r.json");
    for bad in [pipe.as_str(), "/dev/zero"] {
        let named = |sha256: &str| json!({"x": {"file": bad, "sha256": sha256}});
        for inputs in [
            json!({"fonts": named("")}),
            json!({"maps": named("")}),
            json!({"annotations": named("")}),
            json!({"images": {"i": {"file": bad, "sha256": PHOTO_SHA256}}}),
        ] {
            std::fs::write(&file, recipe(&inputs)).expect("a writable folder");
            refused(&["figure", "--recipe", &file, "--out", &out]);
        }
        refused(&["figure", "--recipe", bad, "--out", &out]);
        refused(&["figure", "--trace", bad, "--out", &out]);
        refused(&["figure", "--session", bad, "--out", &out]);
        refused(&["html", "--trace", bad, "--out", &page]);
        refused(&["trace", "--image", bad, "--prompt", "a", "--out", &answer]);
        refused(&[
            "prompt-image",
            "--attribution",
            "clip",
            "--image",
            bad,
            "--query",
            "a",
            "--out",
            &path(dir.path(), "o.png"),
        ]);
        refused(&["chair", "--captions", bad, "--annotations", bad]);
        refused(&[
            "mask",
            "--annotations",
            bad,
            "--image-id",
            "1",
            "--category",
            "dog",
            "--out",
            &path(dir.path(), "o.png"),
        ]);
        let spec = format!("icd:prompt=@{bad}");
        refused(&["trace", "--image", PHOTO, "--prompt", "a", "--out", &answer, "--strategy", &spec]);
    }
    // Parts of a model.
    refused(&["trace", "--image", PHOTO, "--prompt", "a", "--out", &answer, "--model", &pipe_gguf]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/gguf/old_types/decoder.gguf");
    let decoder = path(dir.path(), "decoder.gguf");
    std::fs::copy(golden, &decoder).expect("copied");
    let gguf = ["trace", "--image", PHOTO, "--prompt", "a", "--out", &answer, "--model", &decoder];
    refused(&[&gguf[..], &["--mmproj", &pipe]].concat());
    assert!(!Path::new(&out).exists(), "nothing was written");
    // A session that names a pipe for its tags and notes is drawn without opening it.
    let session = path(dir.path(), "s.gazelens");
    let state =
        json!({"notes": pipe, "figure": {"recipe": serde_json::from_str::<Value>(&recipe(&json!({}))).expect("JSON")}});
    let saved = Session { program_version: "0.1.0".to_owned(), state, answers: Vec::new() };
    gazelens::session::write(Path::new(&session), &saved).expect("a writable folder");
    let output = ends(&["figure", "--session", &session, "--out", &out], Stdio::null());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_list_may_come_from_another_program_as_long_as_it_ends() {
    let dir = folder();
    let (recipe_file, out) = (path(dir.path(), "first.svg"), path(dir.path(), "of_{name}.svg"));
    let made = ends(&["figure", "--demo", "--out", &recipe_file], Stdio::null());
    assert!(made.status.success(), "a recipe to start from");
    let pipe = path(dir.path(), "pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()), "a pipe");
    for bad in [pipe.as_str(), "/dev/zero"] {
        refused(&["figure", "--recipe", &recipe_file, "--images", bad, "--out", &out]);
    }
    let list = path(dir.path(), "list");
    std::fs::write(&list, "demo_05_park.png\n").expect("a writable folder");
    let mut cat = Command::new("cat").arg(&list).stdout(Stdio::piped()).spawn().expect("cat runs");
    let batch = ["figure", "--recipe", &recipe_file, "--images", "/dev/stdin", "--out", &out];
    let output = ends(&batch, cat.stdout.take().expect("piped").into());
    cat.wait().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(dir.path().join("of_demo_05_park.svg").exists(), "the photo of the list");
    let zero = std::fs::File::open("/dev/zero").expect("a device");
    let output = ends(&batch, zero.into());
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("without an end"), "how long a list may be");
}
