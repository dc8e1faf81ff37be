//! `gazelens study run` where something is in its way: said, counted, the rest done.

use super::*;
use std::process::Stdio;
use std::time::{Duration, Instant};

const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");
const PHOTOS: [&str; 3] = ["demo_01_beach.png", "demo_02_meadow.png", "demo_03_street.png"];

/// A study of photos in a folder of its own.
fn study(folder: &Path, questions: &str, more: &str) -> String {
    let file = path(folder, "s.toml");
    let text = format!(
        "name = \"S\"\ntemplate = \"pope\"\n[data]\nimages = \"photos\"\n[questions]\n{questions}\n\
            [model]\nmax_new_tokens = 3\n{more}"
    );
    std::fs::write(&file, text).expect("a writable folder");
    file
}

const DESCRIBE: &str = "from = \"prompt\"\nprompt = \"Describe this image.\"";

/// A folder with the first photos of the demo.
fn with_photos() -> tempfile::TempDir {
    let folder = folder();
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos).expect("a writable folder");
    for name in demo_photos().iter().take(PHOTOS.len()) {
        std::fs::copy(name, photos.join(name.file_name().expect("a name"))).expect("a photo");
    }
    folder
}

fn demo_photos() -> Vec<PathBuf> {
    let mut all = entries(Path::new(IMAGES));
    all.retain(|path| path.extension().is_some_and(|ending| ending == "png"));
    all.sort();
    all
}

fn rows(run: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(Path::new(run).join("rows-0-of-1.jsonl")).expect("rows");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// The only error among what is told.
fn error(args: &[&str]) -> String {
    let output = gazelens(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", stderr(&output));
    let text = stderr(&output);
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{args:?}: {text}");
    errors[0].to_owned()
}

#[test]
fn a_run_goes_on_with_what_it_began_with_and_nothing_else() {
    let dir = folder();
    let out = path(dir.path(), "run");
    let [first, other, asked, greedy] = [
        ("first", "prompt = \"Describe this image.\"", ""),
        ("other", "prompt = \"Describe this image.\"", "[[settings]]\nname = \"warm\"\ntemperature = 1.0\n"),
        ("asked", "prompt = \"What is this?\"", ""),
        ("greedy", "prompt = \"Describe this image.\"", "[model]\nmax_new_tokens = 4\n"),
    ]
    .map(|(name, prompt, more)| {
        let file = path(dir.path(), &format!("{name}.toml"));
        let text = format!(
            "name = \"S\"\ntemplate = \"chair\"\n[data]\nimages = \"demo\"\n[questions]\nfrom = \"prompt\"\n\
                photos = 2\n{prompt}\n{more}"
        );
        std::fs::write(&file, text).expect("a writable folder");
        file
    });
    let run = |file: &str, more: &[&str]| {
        let args = ["study", "run", file, "--out", &out, "--limit", "1"];
        [&args[..], more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let refusal = |file: &str, more: &[&str]| {
        let args = run(file, more);
        error(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let begun = run(&first, &[]);
    let output = gazelens(&begun.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(output.status.success(), "{}", stderr(&output));
    let checkpoint = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/own_head/checkpoint");
    for (what, sentence) in [
        ("model", refusal(&first, &["--model", checkpoint])),
        ("settings", refusal(&other, &[])),
        ("photos and questions", refusal(&asked, &[])),
        ("[model]", refusal(&greedy, &[])),
    ] {
        let expected = format!("Expected a run with the same {what} as the study, found ");
        assert!(sentence.contains(&expected) && sentence.ends_with(&out), "{what}: {sentence}");
    }
    assert!(refusal(&other, &[]).contains("warm"), "by name");
    assert_eq!(rows(&out).len(), 1, "nothing was asked");
}

#[test]
fn photos_that_cannot_be_read_are_rows_that_say_so() {
    let dir = with_photos();
    std::fs::write(dir.path().join("photos/a_text.png"), "no photo").expect("a file");
    let file = study(dir.path(), DESCRIBE, "");
    let out = path(dir.path(), "run");
    let output = gazelens(&["study", "run", &file, "--out", &out]);
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("warning: No answer: ") && told.contains("a_text.png"), "said: {told}");
    let summary = told.lines().last().unwrap_or_default();
    assert!(summary.starts_with("4 of 4 rows, 1 without an answer (asked again the next time): "), "{summary}");
    let found = rows(&out);
    assert_eq!(found.len(), 4, "the rest is done");
    let failed: Vec<_> = found.iter().filter(|row| row.get("error").is_some()).collect();
    assert_eq!(failed.len(), 1, "one row");
    assert_eq!(failed[0]["photo"], "a_text.png", "its photo");
    let merge = gazelens(&["study", "merge", &out]);
    assert!(stdout(&merge).contains("3 rows with an answer from 1 file, 1 row that say"), "{}", stdout(&merge));

    // Put right, it is asked again, alone.
    std::fs::copy(&demo_photos()[5], dir.path().join("photos/a_text.png")).expect("a photo");
    let again = gazelens(&["study", "run", &file, "--out", &out]);
    let summary = stderr(&again);
    assert!(again.status.success() && summary.contains("4 of 4 rows, 3 of them from before: "), "{summary}");
    let merge = gazelens(&["study", "merge", &out]);
    assert_eq!(stdout(&merge).trim(), "4 rows with an answer from 1 file", "the answer counts");
}

#[test]
fn a_photo_that_goes_away_under_way_is_a_row_that_says_so() {
    let dir = with_photos();
    let file =
        study(dir.path(), DESCRIBE, "[[settings]]\nname = \"a\"\n[[settings]]\nname = \"b\"\nseeds = [1, 2, 3, 4]\n");
    let out = path(dir.path(), "run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(["study", "run", &file, "--out", &out, "--threads", "1"]).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let (begun, first) = (Instant::now(), Path::new(&out).join("rows-0-of-1.jsonl"));
    while std::fs::metadata(&first).map_or(0, |found| found.len()) == 0 {
        assert!(begun.elapsed() < Duration::from_mins(5), "a row in time");
        std::thread::sleep(Duration::from_millis(1));
    }
    let last = entries(&dir.path().join("photos")).into_iter().max().expect("photos");
    std::fs::remove_file(&last).expect("a photo of ours");
    let output = child.wait_with_output().expect("a child");
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("15 of 15 rows, 5 without an answer"), "counted: {told}");
    assert_eq!(told.matches("warning: No answer: ").count(), 1, "said once: {told}");
    let failed: Vec<_> = rows(&out).into_iter().filter(|row| row.get("error").is_some()).collect();
    assert!(failed.iter().all(|row| row["error"].as_str().is_some_and(|why| why.contains("no such file"))), "why");
}

#[test]
fn questions_about_photos_that_are_not_there_are_counted() {
    let dir = with_photos();
    let name = demo_photos()[0].file_name().expect("a name").to_string_lossy().into_owned();
    let lines = format!(
        "{{\"question_id\": 1, \"image\": \"{name}\", \"text\": \"Is there a dog?\", \"label\": \"no\"}}\n\
            {{\"question_id\": 2, \"image\": \"gone.png\", \"text\": \"Is there a dog?\", \"label\": \"no\"}}\n"
    );
    std::fs::write(dir.path().join("q.jsonl"), lines).expect("questions");
    let file = study(dir.path(), "from = \"pope\"\nfile = \"q.jsonl\"", "");
    let out = path(dir.path(), "run");
    let output = gazelens(&["study", "run", &file, "--out", &out]);
    let told = stderr(&output);
    assert!(output.status.success() && told.contains("1 of 1 rows: "), "{told}");
    assert!(told.contains("Left out: 1 question about 1 photo that is not there (such as gone.png)"), "{told}");
}

#[test]
fn a_folder_that_cannot_be_written_is_one_sentence() {
    let dir = with_photos();
    let file = study(dir.path(), DESCRIBE, "");
    let taken = path(dir.path(), "photos/demo_01_beach.png");
    let sentence = error(&["study", "run", &file, "--out", &taken]);
    assert!(sentence.contains("Cannot write the run: "), "a file has the name: {sentence}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let run = dir.path().join("run");
        std::fs::create_dir(&run).expect("a writable folder");
        let set = |mode| std::fs::set_permissions(&run, std::fs::Permissions::from_mode(mode)).expect("our folder");
        set(0o500);
        if std::fs::write(run.join("probe"), "").is_ok() {
            println!("Not run: a folder without permission to write, this user may write everywhere");
            set(0o700);
            return;
        }
        let sentence = error(&["study", "run", &file, "--out", &run.display().to_string()]);
        assert!(sentence.contains("Cannot write the run: permission denied"), "{sentence}");
        set(0o700);
    }
}

/// The program behind a shell's words.
#[cfg(unix)]
fn behind(words: &str, args: &[&str]) -> Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{words}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_gazelens")]).args(args);
    shell.output().expect("a shell")
}

#[cfg(unix)]
#[test]
fn a_file_that_may_grow_no_further_ends_the_study_with_whole_rows() {
    let dir = with_photos();
    let seeds = "[[settings]]\nname = \"a\"\nseeds = [1, 2, 3, 4, 5, 6]\n[signals]\nmeasured = [\"image_share\"]\n";
    let file = study(dir.path(), DESCRIBE, seeds);
    let out = path(dir.path(), "run");
    // Blocks of 512 bytes: a few rows fit.
    let output = behind("ulimit -f 6", &["study", "run", &file, "--out", &out, "--threads", "1"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("error: Cannot write rows: ") && told.trim_end().ends_with("rows-0-of-1.jsonl"), "{told}");
    let found = rows(&out).len();
    assert!((1..18).contains(&found), "whole rows stay: {found}");
    let again = gazelens(&["study", "run", &file, "--out", &out]);
    assert!(stderr(&again).contains(&format!("18 of 18 rows, {found} of them from before")), "{}", stderr(&again));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_and_a_read_only_one_are_one_sentence_each() {
    let dir = with_photos();
    let seeds = "[[settings]]\nname = \"a\"\nseeds = [1, 2, 3, 4, 5, 6]\n[signals]\nmeasured = [\"image_share\"]\n";
    let file = study(dir.path(), DESCRIBE, seeds);
    let disk = path(dir.path(), "disk");
    std::fs::create_dir(&disk).expect("a writable folder");
    let out = format!("{disk}/run");
    let args = ["study", "run", &file, "--out", &out, "--threads", "1"];
    // In a namespace of its own: the disk goes with the process.
    let inside = |options: &str| {
        let mut shell = Command::new("unshare");
        let words = format!("mount -t tmpfs -o {options} tmpfs \"$1\" || exit 99; shift; exec \"$0\" \"$@\"");
        shell.args(["-rm", "sh", "-c", &words, env!("CARGO_BIN_EXE_gazelens"), &disk]).args(args);
        shell.output().ok().filter(|output| {
            ![Some(1), Some(99)].contains(&output.status.code()) || {
                let told = stderr(output);
                told.contains("error: ")
            }
        })
    };
    let (Some(full), Some(read_only)) = (inside("size=12k"), inside("ro")) else {
        println!("Not run: a full disk and a read-only one, this user may not mount any");
        return;
    };
    let told = stderr(&full);
    assert_eq!(full.status.code(), Some(1), "{told}");
    assert!(told.lines().any(|line| line.starts_with("error: Cannot write ") && line.contains("disk")), "{told}");
    let told = stderr(&read_only);
    assert_eq!(read_only.status.code(), Some(1), "{told}");
    assert!(told.contains("error: Cannot write the run: ") && told.contains(&out), "{told}");
}

#[test]
fn photos_of_folders_below_are_asked_about() {
    let dir = folder();
    let photos = dir.path().join("photos");
    for (idx, name) in ["a.png", "one/a.png", "one/two/b.png"].into_iter().enumerate() {
        let to = photos.join(name);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a writable folder");
        std::fs::copy(&demo_photos()[idx], to).expect("a photo");
    }
    let text = |recursive: &str, questions: &str| {
        format!(
            "name = \"S\"\ntemplate = \"pope\"\n[data]\nimages = \"photos\"\n{recursive}\n[questions]\n{questions}\n\
                [model]\nmax_new_tokens = 2\n"
        )
    };
    let file = path(dir.path(), "s.toml");
    let asked = |name: &str, text: &str| {
        std::fs::write(&file, text).expect("a study");
        let out = path(dir.path(), name);
        let output = gazelens(&["study", "run", &file, "--out", &out]);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        let photos: Vec<String> =
            rows(&out).iter().map(|row| row["photo"].as_str().expect("a name").to_owned()).collect();
        (photos, stderr(&output))
    };
    assert_eq!(asked("plain", &text("", DESCRIBE)).0, ["a.png"], "those of the folder itself");
    let all = asked("below", &text("recursive = true", DESCRIBE)).0;
    assert_eq!(all, ["a.png", "one/a.png", "one/two/b.png"], "with their paths");

    let questions = [("one/two/b.png", "no"), ("one/a.png", "yes"), ("a.png", "yes"), ("../s.toml", "no")];
    let lines: Vec<String> = questions
        .iter()
        .enumerate()
        .map(|(idx, (image, label))| {
            let question =
                serde_json::json!({"question_id": idx + 1, "image": image, "text": "Is it?", "label": label});
            question.to_string()
        })
        .collect();
    std::fs::write(dir.path().join("q.jsonl"), lines.join("\n")).expect("questions");
    let of_file = "from = \"pope\"\nfile = \"q.jsonl\"";
    let (named, told) = asked("named", &text("", of_file));
    assert_eq!(named, ["a.png", "one/a.png", "one/two/b.png"], "a question names its photo's path");
    assert!(told.contains("1 question about 1 photo that is not there (such as ../s.toml)"), "{told}");
    let run = std::fs::read(Path::new(&path(dir.path(), "named")).join("run.json")).expect("a run");
    let run: serde_json::Value = serde_json::from_slice(&run).expect("JSON");
    let folder = std::path::absolute(dir.path()).expect("a folder");
    assert_eq!(run["folder"].as_str(), folder.to_str(), "where the study lay");
}

#[test]
fn a_run_goes_on_where_its_study_lies_elsewhere() {
    let [first, second] = [with_photos(), with_photos()];
    let run = path(first.path(), "run");
    for (dir, limit) in [(&first, "1"), (&second, "3")] {
        let file = study(dir.path(), DESCRIBE, "");
        let output = gazelens(&["study", "run", &file, "--out", &run, "--limit", limit]);
        assert!(output.status.success(), "{}", stderr(&output));
    }
    assert_eq!(rows(&run).len(), 3, "rows depend on no folder");
    let read = || std::fs::read_to_string(Path::new(&run).join("run.json")).expect("a run");
    let text = read();
    assert!(text.contains(&*first.path().to_string_lossy()), "where it began: {text}");
    let mut older: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    older.as_object_mut().expect("an object").remove("folder");
    std::fs::write(Path::new(&run).join("run.json"), older.to_string()).expect("written");
    let output = gazelens(&["study", "merge", &run]);
    assert!(output.status.success(), "an older run does not say it: {}", stderr(&output));
}
