//! Many questions to one open model.

use super::*;
use gazelens::trace::file::TraceFile;
use serde_json::Value;

const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");

/// Writes a file of questions.
fn questions(folder: &Path, text: &str) -> String {
    let file = path(folder, "questions.json");
    std::fs::write(&file, text).expect("a writable folder");
    file
}

fn lines(output: &Output) -> Vec<Value> {
    stdout(output).lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn ids(object: &Value) -> Vec<u64> {
    object["tokens"].as_array().expect("tokens").iter().filter_map(|token| token["id"].as_u64()).collect()
}

#[test]
fn every_form_of_question_files_is_answered_as_single_questions_are() {
    let dir = folder();
    let out_dir = path(dir.path(), "traces/new");
    let pope =
        r#"{"question_id": 1, "image": "demo_01_beach.png", "text": "Is there a dog in the image?", "label": "no"}"#;
    let lmms =
        r#"{"question_id": "2", "image_source": "demo_02_beach", "question": "Is there a cat?", "answer": "No"}"#;
    let other = r#"{"id": "q-7", "image": "x/demo_01_beach.png", "prompt": "Describe this image in detail."}"#;
    for (form, text) in [
        ("lines", format!("{pope}\n{other}\n")),
        ("an array", format!("[{pope}, {other}]")),
        ("an object", format!("{{\"questions\": [{pope}, {other}]}}")),
        ("other names", format!("{pope}\r\n{}\n", lmms.replace("demo_02_beach", "demo_02_beach.png"))),
    ] {
        let file = questions(dir.path(), &text);
        let how = ["--out-dir", &out_dir, "--max-new-tokens", "12", "--strategy", "vcd:alpha=0.5", "--seed", "3"];
        let args = [&["trace", "--questions", &file, "--images", IMAGES], &how[..]].concat();
        let output = gazelens(&args);
        assert!(output.status.success(), "{form}: {}", stderr(&output));
        assert!(stderr(&output).contains("2 of 2 questions answered"), "{form}: {}", stderr(&output));
        let found = lines(&output);
        assert_eq!(found.len(), 2, "{form}: a line each");
        for (number, line) in (1..).zip(&found) {
            let trace = path(Path::new(&out_dir), &format!("{number}.safetensors"));
            assert_eq!((&line["number"], &line["trace"]), (&number.into(), &trace.clone().into()), "{form}");
            let (image, prompt) = (line["image"].as_str().expect("a photo"), line["prompt"].as_str().expect("words"));
            let how = ["--max-new-tokens", "12", "--strategy", "vcd:alpha=0.5", "--seed", "3", "--json"];
            let alone = gazelens(&[&["trace", "--image", image, "--prompt", prompt], &how[..]].concat());
            let alone: Value = serde_json::from_slice(&alone.stdout).expect("one JSON object");
            for key in ["text", "model", "weight_hash", "image_hash", "strategy", "seed", "max_new_tokens"] {
                assert_eq!(line[key], alone[key], "{form}, {number}: {key}");
            }
            assert_eq!(ids(line), ids(&alone), "{form}, {number}: the same tokens");
            let run = TraceFile::read(Path::new(&trace)).expect("a trace").trace.run.clone();
            assert_eq!((run.image_path.as_str(), run.prompt.as_str()), (image, prompt), "{form}, {number}");
        }
        assert!(found[0]["timings"]["load"].as_f64() > Some(0.0), "{form}: the model was opened");
        assert_eq!(found[1]["timings"]["load"], 0.0, "{form}: once");
        assert_eq!((&found[0]["question_id"], &found[0]["label"]), (&1.into(), &"no".into()), "{form}");
        assert_eq!(entries(Path::new(&out_dir)).len(), 2, "{form}: traces of an earlier run made room, nothing else");
    }
}

#[test]
fn what_cannot_be_answered_is_a_line_and_the_exit_status_tells() {
    let dir = folder();
    let file = questions(
        dir.path(),
        "{\"image\": \"nowhere.png\", \"text\": \"Is there a dog?\"}\n{\"image\": \"demo_01_beach.png\"}\n\
        {\"image\": \"demo_01_beach.png\", \"text\": \"USER: <image> a dog?\"}\n\
        {\"image\": \"../demo_01_beach.png\", \"text\": \"Is there a dog?\", \"label\": \"no\"}\n",
    );
    let out_dir = path(dir.path(), "traces");
    let args = ["trace", "--questions", &file, "--images", IMAGES, "--out-dir", &out_dir, "--max-new-tokens", "4"];
    let output = gazelens(&args);
    assert_eq!(output.status.code(), Some(1), "not all were answered");
    let found = lines(&output);
    let numbers: Vec<&Value> = found.iter().map(|line| &line["number"]).collect();
    assert_eq!(numbers, [1, 2, 3, 4], "one line each");
    let wrong = |idx: usize| found[idx]["error"].as_str().unwrap_or_default();
    assert!(wrong(0).contains("Cannot find the photo `nowhere.png`") && wrong(0).ends_with(IMAGES), "{}", wrong(0));
    assert!(
        wrong(1).starts_with("Cannot use question 2: expected `text`") && wrong(1).ends_with(&file),
        "{}",
        wrong(1)
    );
    assert!(wrong(2).contains("Expected a question without <image>"), "{}", wrong(2));
    assert!(["Yes", "No"].contains(&found[3]["text"].as_str().unwrap_or_default()), "the last one: {}", found[3]);
    let said = stderr(&output);
    for expected in [
        "1 record was left out: line 2: expected `text`",
        "warning: Cannot answer question 1: Cannot find the photo `nowhere.png` in the folder",
        "1 of 4 questions answered, 2 failed, 1 could not be read",
        "error: Expected answers to 4 questions, found 1",
    ] {
        assert!(said.contains(expected), "{expected} in {said}");
    }
    assert_eq!(entries(Path::new(&out_dir)), [Path::new(&out_dir).join("4.safetensors")], "what was answered stays");
    let none = questions(dir.path(), "{\"image\": \"nowhere.png\", \"text\": \"Is there a dog?\"}\n");
    let nothing = path(dir.path(), "nothing");
    let output = gazelens(&["trace", "--questions", &none, "--images", IMAGES, "--out-dir", &nothing]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(!Path::new(&nothing).exists(), "a folder of nothing");
}

#[test]
fn a_photo_of_the_batch_is_never_written_over_whatever_its_name() {
    let dir = folder();
    let photos = path(dir.path(), "p");
    std::fs::create_dir(&photos).expect("a writable folder");
    let photo = Path::new(&photos).join("1.safetensors");
    std::fs::copy(Path::new(IMAGES).join("demo_01_beach.png"), &photo).expect("can be copied");
    let before = std::fs::read(&photo).expect("a photo");
    // The first question would write over the photo of the second one.
    let file = questions(
        dir.path(),
        "{\"image\": \"1.safetensors\", \"text\": \"Is there a dog?\"}\n\
         {\"image\": \"1.safetensors\", \"text\": \"Is there a boat?\"}\n",
    );
    let args = ["trace", "--questions", &file, "--images", &photos, "--out-dir", &photos, "--max-new-tokens", "1"];
    let output = gazelens(&args);
    assert_ne!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(std::fs::read(&photo).expect("still there"), before, "the photo is as it was");
}

#[test]
fn a_wrong_command_line_asks_nothing() {
    let dir = folder();
    let file = questions(dir.path(), "{\"image\": \"demo_01_beach.png\", \"text\": \"Is there a dog?\"}\n");
    let base = ["trace", "--questions", &file];
    let (out_dir, with) = (path(dir.path(), "t"), ["--images", IMAGES, "--json"]);
    for more in [
        &["--out-dir", out_dir.as_str()][..],
        &["--images", IMAGES],
        &["--images", IMAGES, "--out-dir", &out_dir, "--image", "a.png"],
        &["--images", IMAGES, "--out-dir", &out_dir, "--prompt", "a"],
        &["--images", IMAGES, "--out-dir", &out_dir, "--out", "t.safetensors"],
    ] {
        refused(&[&base[..], more].concat(), 2);
    }
    refused(&["trace", "--image", "a.png", "--prompt", "a", "--out-dir", &out_dir, "--json"], 2);
    for more in [["--strategy", "PAI"], ["--intervene", "knockout:patches=99.1"]] {
        let output = gazelens(&[&base[..], &with, &more].concat());
        assert_eq!((output.status.code(), stdout(&output).as_str()), (Some(2), ""), "{more:?}: {}", stderr(&output));
    }
    let missing = path(dir.path(), "nowhere");
    let sentence = one_sentence(&[&base[..], &["--images", &missing, "--json"]].concat(), 1);
    assert!(sentence.trim_end().ends_with("nowhere"), "{sentence}");
    assert!(!Path::new(&out_dir).exists(), "nothing was made");
    let output = gazelens(&[&base[..], &with].concat());
    assert!(output.status.success() && lines(&output)[0]["trace"].is_null(), "no folder: {}", stderr(&output));
}

#[test]
fn what_lies_in_the_folder_and_is_no_trace_stays() {
    let dir = folder();
    let file = questions(dir.path(), "{\"image\": \"demo_01_beach.png\", \"text\": \"Is there a dog?\"}\n");
    let out_dir = dir.path().join("traces");
    std::fs::create_dir(&out_dir).expect("a folder");
    let place = out_dir.join("1.safetensors");
    std::fs::write(&place, "mine").expect("written");
    let arguments = ["trace", "--questions", &file, "--images", IMAGES, "--out-dir", out_dir.to_str().expect("UTF-8")];
    let refused = gazelens(&arguments);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("Cannot write a trace, as another file has its name"), "{}", stderr(&refused));
    assert_eq!(std::fs::read(&place).expect("there"), b"mine", "as it was");
    #[cfg(unix)]
    {
        let real = path(dir.path(), "real.safetensors");
        assert!(trace_to(&real, &["--max-new-tokens", "2"]).status.success(), "a trace elsewhere");
        let before = std::fs::read(&real).expect("there");
        std::fs::remove_file(&place).expect("there");
        std::os::unix::fs::symlink(&real, &place).expect("a link");
        assert!(stderr(&gazelens(&arguments)).contains("as a link has its name"), "no link is followed");
        assert_eq!(std::fs::read(&real).expect("there"), before, "as it was");
    }
}

#[cfg(unix)]
#[test]
fn what_was_answered_stays_when_the_command_is_stopped() {
    use std::io::{BufRead as _, BufReader};
    let dir = folder();
    let one = "{\"image\": \"demo_01_beach.png\", \"text\": \"Describe this image in detail.\"}\n";
    let file = questions(dir.path(), &one.repeat(500));
    let out_dir = dir.path().join("traces");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(["trace", "--questions", &file, "--images", IMAGES, "--out-dir", out_dir.to_str().expect("UTF-8")]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let mut answered = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let first: Vec<String> = answered.by_ref().take(2).map(|line| line.expect("a line")).collect();
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(!child.wait().expect("a child").success(), "stopped");
    let told = first.len() + answered.count();
    let traces = entries(&out_dir);
    assert!(traces.len() >= told && told >= 2, "{told} lines, {} traces", traces.len());
    for trace in traces {
        assert!(TraceFile::read(&trace).is_ok(), "whole: {}", trace.display());
    }
}

#[test]
fn a_wrong_folder_of_photos_is_said_once() {
    let dir = folder();
    let text = "{\"image\": \"a.png\", \"text\": \"Is there a dog?\"}\n".repeat(5)
        + "{\"image\": \"demo_01_beach.png\", \"text\": \"Is there a dog?\"}\n";
    let file = questions(dir.path(), &text);
    let args = ["trace", "--questions", &file, "--images", IMAGES, "--json", "--max-new-tokens", "1"];
    let output = gazelens(&args);
    assert_eq!((output.status.code(), lines(&output).len()), (Some(1), 6), "a line for each");
    assert!(lines(&output)[4]["error"].as_str().is_some_and(|why| why.contains("`a.png`")), "each says why");
    let said = stderr(&output);
    assert_eq!(said.matches("warning: Cannot").count(), 1, "{said}");
    assert!(said.contains("Cannot find the photos of 5 of 6 questions, such as `a.png`, in the folder: "), "{said}");
    let asked = "{\"image\": \"demo_01_beach.png\", \"text\": \"USER: <image> a dog?\"}\n".repeat(4);
    let file = questions(dir.path(), &asked);
    let output = gazelens(&["trace", "--questions", &file, "--images", IMAGES, "--json"]);
    let said = stderr(&output);
    assert_eq!(said.matches("Expected a question without <image>").count(), 2, "once, and how often again: {said}");
    assert!(said.contains("warning: Cannot answer 3 more questions for the same reason: "), "{said}");
}

#[test]
fn traces_of_an_earlier_run_are_counted() {
    let dir = folder();
    let one = "{\"image\": \"demo_01_beach.png\", \"text\": \"Is there a dog?\"}\n";
    let out_dir = path(dir.path(), "traces");
    let run = |times: usize| {
        let file = questions(dir.path(), &one.repeat(times));
        let args = ["trace", "--questions", &file, "--images", IMAGES, "--out-dir", &out_dir, "--max-new-tokens", "1"];
        let output = gazelens(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(!run(3).contains("by this run"), "a new folder");
    assert!(run(1).contains("warning: 2 traces in the folder were not written by this run: "), "of a larger one");
    assert!(run(2).contains("warning: 1 trace in the folder was not written by this run: "), "one");
    assert_eq!(entries(Path::new(&out_dir)).len(), 3, "they stay");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_a_batch_at_once() {
    let (disk, dir) = (folder(), folder());
    let Some(small) = super::outputs::small_disk(disk.path(), 64) else {
        println!("not run: a full disk (this process may not mount one)");
        return;
    };
    let file = questions(dir.path(), &"{\"image\": \"demo_01_beach.png\", \"text\": \"Is there a dog?\"}\n".repeat(5));
    let out_dir = path(disk.path(), "traces");
    let output = gazelens(&["trace", "--questions", &file, "--images", IMAGES, "--out-dir", &out_dir, "--logits"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("the disk is full").count(), 1, "once: {said}");
    assert!(lines(&output).len() < 5, "no question is asked in vain: {said}");
    drop(small);
}
