//! Checkpoints of strangers, and files that change under the program: one sentence, exit status 1, little time and
//! memory.

use super::{folder, one_sentence, path};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The demo model as a checkpoint of a user's, with its template in `chat_template.jinja` alone.
fn checkpoint(into: &Path) {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
    for entry in std::fs::read_dir(demo).expect("the demo model") {
        let from = entry.expect("readable").path();
        if !from.ends_with("chat_template.json") {
            std::fs::copy(&from, into.join(from.file_name().expect("a name"))).expect("can be copied");
        }
    }
}

fn trace_arguments(folder: &Path) -> Vec<String> {
    let words = [
        "trace",
        "--image",
        "demo_01_beach.png",
        "--prompt",
        "What is in this image?",
        "--max-new-tokens",
        "40",
        "--model",
    ];
    let mut args: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    args.extend([folder.display().to_string(), "--out".to_owned(), path(folder, "out.safetensors")]);
    args
}

fn refused_in_time(folder: &Path, file: &str) -> String {
    let started = Instant::now();
    let args = trace_arguments(folder);
    let sentence = one_sentence(&args.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    assert!(sentence.trim_end().ends_with(file), "the file is named last: {sentence}");
    assert!(
        started.elapsed() < Duration::from_mins(1),
        "{:?} in a build without optimisation: {sentence}",
        started.elapsed()
    );
    assert!(!folder.join("out.safetensors").exists(), "nothing was written");
    sentence
}

#[test]
fn templates_and_tokenizers_of_strangers_are_refused_by_name() {
    let rest = "{% for m in messages %}USER: <image>\n{{ m['content'][1]['text'] }}{% endfor %}ASSISTANT:";
    let minus = format!("{{{{ {}1 }}}}", "-".repeat(25_000));
    for (start, expected) in [
        (
            "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns|tojson }}",
            "an object where only texts, numbers, lists and maps can be",
        ),
        (
            "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}\
             {% endfor %}",
            "more than 64 MiB of texts and lists",
        ),
        (&minus, "an expression of more than 1000 parts"),
    ] {
        let folder = folder();
        checkpoint(folder.path());
        std::fs::write(folder.path().join("chat_template.jinja"), format!("{start}{rest}")).expect("can be written");
        let sentence = refused_in_time(folder.path(), "chat_template.jinja");
        assert!(sentence.contains(expected), "{sentence}");
    }
    let tokenizer =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava/tokenizer.json"))
            .expect("readable");
    for (part, value) in [
        ("pre_tokenizer", serde_json::json!({"type": "FixedLength", "length": 0})),
        ("normalizer", serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "/////wAA"})),
    ] {
        let folder = folder();
        checkpoint(folder.path());
        let mut file: serde_json::Value = serde_json::from_str(&tokenizer).expect("JSON");
        file[part] = value;
        std::fs::write(folder.path().join("tokenizer.json"), file.to_string()).expect("can be written");
        refused_in_time(folder.path(), "tokenizer.json");
    }
}

/// Starts a trace and returns when its weights are mapped.
#[cfg(target_os = "linux")]
fn running(folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(trace_arguments(folder)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let maps = format!("/proc/{}/maps", child.id());
    let is_mapped = || std::fs::read_to_string(&maps).is_ok_and(|maps| maps.contains("model.safetensors"));
    while !is_mapped() && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

#[cfg(target_os = "linux")]
fn ended(child: Child) -> (Output, String) {
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

#[cfg(target_os = "linux")]
#[test]
fn weights_truncated_during_a_trace_are_one_sentence_and_no_signal() {
    let mut num_during = 0;
    for wait_millis in [0, 5, 20, 50, 100, 200, 400] {
        let folder = folder();
        checkpoint(folder.path());
        let child = running(folder.path());
        std::thread::sleep(Duration::from_millis(wait_millis));
        let weights = std::fs::File::options().write(true).open(folder.path().join("model.safetensors"));
        weights.and_then(|file| file.set_len(5_000)).expect("can be truncated");
        let (output, said) = ended(child);
        let is_late = output.status.success() && folder.path().join("out.safetensors").exists();
        assert!(is_late || output.status.code() == Some(1), "{:?}: {said}", output.status);
        if !is_late {
            assert_eq!(said.trim_end().lines().count(), 1, "one sentence: {said}");
            assert!(said.trim_end().ends_with("model.safetensors"), "with the file: {said}");
            num_during += usize::from(said.contains("its weights were truncated while it was open"));
        }
    }
    assert!(num_during > 0, "one of them at least was cut while it was read");
}

#[cfg(target_os = "linux")]
#[test]
fn weights_overwritten_during_a_trace_are_noticed() {
    use std::io::Write as _;
    let mut num_noticed = 0;
    for wait_millis in [0, 20, 50, 100, 200, 400] {
        let folder = folder();
        checkpoint(folder.path());
        let weights = folder.path().join("model.safetensors");
        let same = std::fs::read(&weights).expect("readable");
        let child = running(folder.path());
        std::thread::sleep(Duration::from_millis(wait_millis));
        let is_running = !folder.path().join("out.safetensors").exists();
        let mut file = std::fs::File::options().write(true).open(&weights).expect("can be opened");
        file.write_all(&same).expect("can be written");
        let (output, said) = ended(child);
        assert!(output.status.code().is_some(), "no signal: {:?}: {said}", output.status);
        let is_told = said.contains("The weights changed while the question was answered")
            || said.contains("its weights have changed");
        assert!(!is_told || is_running, "only while it ran: {said}");
        num_noticed += usize::from(is_told);
    }
    assert!(num_noticed > 0, "one of them at least was written while it was open");
}
