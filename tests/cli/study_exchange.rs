//! `gazelens study export`, `import` and `submit`.

use super::*;
use serde_json::{Value, json};

/// Where files of other programs may be.
const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared");

/// A study of the demo's questions or captions.
fn study(folder: &Path, template: &str, questions: &str) -> String {
    let file = path(folder, "s.toml");
    let text = format!(
        "name = \"S\"\ntemplate = \"{template}\"\n[data]\nimages = \"demo\"\nannotations = \"demo\"\n\
            [questions]\n{questions}\n[model]\nmax_new_tokens = 6\n\
            [[settings]]\nname = \"greedy\"\n[[settings]]\nname = \"warm\"\ntemperature = 1.0\nseeds = [1, 2]\n"
    );
    std::fs::write(&file, text).expect("a writable folder");
    file
}

const POPE: &str = "from = \"pope\"\nfile = \"demo\"";
const DESCRIBE: &str = "from = \"prompt\"\nprompt = \"Describe this image.\"";
/// Behind the questions: few of them.
const FEW: &str = "\nphotos = 2";

fn done(args: &[&str]) -> String {
    let output = gazelens(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    stderr(&output)
}

/// Rows of a run after merging.
fn rows(run: &str) -> Vec<Value> {
    done(&["study", "merge", run]);
    let text = std::fs::read_to_string(Path::new(run).join("rows.jsonl")).expect("rows");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

/// Answers and what CHAIR counts, without what only the model's own run knows.
fn told(rows: &[Value], setting: &str, seed: u64) -> Vec<Value> {
    let of = rows.iter().filter(|row| row["setting"] == setting && row["seed"] == seed);
    let keys = ["item", "setting_number", "photo", "prompt", "label", "answer", "hallucinated", "objects", "num_words"];
    let of = of.map(|row| {
        let words = row["words"].as_array().cloned().unwrap_or_default();
        let words: Vec<Value> =
            words.iter().map(|word| json!([word["text"], word["category"], word["status"], word["bytes"]])).collect();
        json!([keys.map(|key| row[key].clone()), words])
    });
    of.collect()
}

#[test]
fn answers_that_are_written_for_another_program_come_back_as_the_same_rows() {
    for (template, questions, formats) in
        [("pope", POPE, &["llava", "lmms-eval", "amber"][..]), ("chair", DESCRIBE, &["llava", "lmms-eval", "chair"])]
    {
        let dir = folder();
        let file = study(dir.path(), template, &format!("{questions}{FEW}"));
        let run = path(dir.path(), "run");
        done(&["study", "run", &file, "--out", &run]);
        let expected = told(&rows(&run), "warm", 2);
        assert!(expected.len() >= 2, "rows of the setting");
        for format in formats {
            let ending = if *format == "amber" { "json" } else { "jsonl" };
            let answers = path(dir.path(), &format!("{format}.{ending}"));
            let export = ["study", "export", &run, "--format", format, "--out", &answers, "--setting", "warm"];
            let note = done(&[&export[..], &["--seed", "2"]].concat());
            assert!(note.starts_with(&format!("{} answers of warm: ", expected.len())), "{note}");
            let other = path(dir.path(), &format!("of-{format}"));
            let import = ["study", "import", &file, "--answers", &answers, "--out", &other, "--model-name", "theirs"];
            let import = [&import[..], &["--setting", "warm", "--seed", "2"]].concat();
            let note = done(&import);
            let counts = format!("{} answers of theirs became rows of warm: ", expected.len());
            assert!(note.contains(&counts), "{template}, {format}: {note}");
            let found = told(&rows(&other), "warm", 2);
            if *format == "amber" {
                assert_eq!(found.len(), expected.len(), "{template}: as many");
            } else {
                assert_eq!(found, expected, "{template}, {format}");
            }
            let again = done(&import);
            assert!(again.contains(&format!(", {} were there before", expected.len())), "{again}");
        }
        let report = gazelens(&["study", "report", &path(dir.path(), "of-llava")]);
        assert!(report.status.success() && stdout(&report).contains("warm"), "{}", stderr(&report));
    }
}

#[test]
fn answers_to_other_questions_are_named_and_counted() {
    let dir = folder();
    let file = study(dir.path(), "pope", POPE);
    let run = path(dir.path(), "run");
    let lines = [
        json!({"question_id": 1, "prompt": "Is there an umbrella in the image?\nAnswer yes or no.", "text": "Yes."}),
        json!({"question_id": 99_999, "prompt": "Is there a dog?", "text": "No"}),
        json!({"question_id": 2, "prompt": "Is there a zebra in the image?", "text": "No"}),
        json!({"image": "COCO_val2014_000000310196.jpg", "question": "Is there a car?", "answer": "no"}),
        json!({"question_id": 1, "text": "No"}),
        json!({"question_id": 3}),
        json!({"text": "Yes"}),
    ];
    let answers = path(dir.path(), "a.jsonl");
    std::fs::write(&answers, lines.map(|line| format!("{line}\n")).concat()).expect("a writable folder");
    let import = ["study", "import", &file, "--answers", &answers, "--out", &run, "--setting", "greedy"];
    let note = done(&import);
    let found: Vec<Value> = rows(&run).iter().map(|row| json!([row["question_id"], row["answer"]])).collect();
    assert_eq!(found, [json!([1, "Yes."])], "the one that belongs to the study: {note}");
    for why in [
        "answer 2: the study has no question `99999`",
        "answer 3: the study asks something else there",
        "answer 4: the study has no question about COCO_val2014_000000310196.jpg",
        "answer 7: it names neither a question nor a photo",
    ] {
        assert!(note.contains(why), "{why}: {note}");
    }
    assert!(note.contains("line 6: expected `text`, `answer`"), "{note}");
    let counts = "1 answers of another program became rows of greedy, 1 more than once, 4 left out";
    assert!(note.contains(counts), "{note}");
    assert!(note.contains("questions without an answer"), "{note}");
}

#[test]
fn what_is_not_said_and_cannot_be_guessed_is_asked_for() {
    let dir = folder();
    let file = study(dir.path(), "pope", POPE);
    let (run, out) = (path(dir.path(), "run"), path(dir.path(), "a.jsonl"));
    let answers = path(dir.path(), "b.jsonl");
    std::fs::write(&answers, "{\"question_id\": 1, \"text\": \"Yes\"}\n").expect("a writable folder");
    let import = ["study", "import", &file, "--answers", &answers, "--out", &run];
    let sentence = one_sentence(&import, 2);
    assert!(sentence.contains("Expected --setting, one of greedy, warm, found none"), "{sentence}");
    let sentence = one_sentence(&[&import[..], &["--setting", "gredy"]].concat(), 2);
    assert!(sentence.contains("found `gredy` (near: greedy"), "{sentence}");
    let sentence = one_sentence(&[&import[..], &["--setting", "warm", "--seed", "7"]].concat(), 2);
    assert!(sentence.contains("Expected --seed, one of 1, 2, found 7"), "{sentence}");
    for (place, seed) in [("greedy", "42"), ("warm", "1"), ("warm", "2")] {
        done(&[&import[..], &["--setting", place, "--seed", seed]].concat());
    }
    let export = ["study", "export", &run, "--format", "llava", "--out", &out];
    let sentence = one_sentence(&export, 2);
    assert!(sentence.contains("Expected --setting, one of greedy, warm, found none"), "{sentence}");
    let sentence = one_sentence(&[&export[..], &["--setting", "warm"]].concat(), 2);
    assert!(sentence.contains("Expected --seed, one of 1, 2, found none"), "{sentence}");
    let sentence = one_sentence(&["study", "export", &run, "--format", "amber", "--out", &out], 2);
    assert!(sentence.contains("found the ending jsonl"), "{sentence}");
    let rows = path(Path::new(&run), "rows-0-of-1.jsonl");
    let sentence =
        one_sentence(&["study", "export", &run, "--format", "llava", "--out", &rows, "--setting", "greedy"], 2);
    assert!(sentence.contains("Cannot write --out, as it is the same file as rows of the run"), "{sentence}");
    let other = one_sentence(&[&import[..], &["--setting", "greedy", "--model-name", "x"]].concat(), 1);
    assert!(other.contains("Expected a run with the same model as the study"), "one program a run: {other}");
    let nothing = path(dir.path(), "n.jsonl");
    std::fs::write(&nothing, "{\"question_id\": 12345678, \"text\": \"Yes\"}\n").expect("a writable folder");
    let none = path(dir.path(), "none");
    let import = ["study", "import", &file, "--answers", &nothing, "--out", &none, "--setting", "greedy"];
    let sentence = one_sentence(&import, 1);
    assert!(sentence.contains("found none (answer 1: the study has no question `12345678`)"), "{sentence}");
    assert!(!Path::new(&none).exists(), "nothing was written");
}

/// A study about photos of COCO that are not here: files with their names are enough to import answers.
fn coco_study(folder: &Path, template: &str, questions: &str, names: &[String]) -> String {
    let photos = folder.join("photos");
    std::fs::create_dir_all(&photos).expect("a writable folder");
    for name in names {
        std::fs::write(photos.join(name), "").expect("a file");
    }
    let file = path(folder, "coco.toml");
    let text =
        format!("name = \"S\"\ntemplate = \"{template}\"\n[data]\nimages = \"photos\"\n[questions]\n{questions}\n");
    std::fs::write(&file, text).expect("a writable folder");
    file
}

#[test]
fn files_of_other_programs_become_rows() {
    let pope = Path::new(SHARED).join("cases/pope");
    let captions = Path::new(SHARED).join("data/chair/opera_llava-1.5_greedy.jsonl");
    if !pope.is_dir() || !captions.is_file() {
        println!("Not run: answers as POPE's and CHAIR's authors publish them, the shared data are not there");
        return;
    }
    let dir = folder();
    let questions = pope.join("p0_plain.json");
    let name = "COCO_val2014_000000310196.jpg".to_owned();
    let file = coco_study(dir.path(), "pope", &format!("from = \"pope\"\nfile = \"{}\"", questions.display()), &[name]);
    // The hub's form names the photo without its ending and quotes numbers; its answers count as somebody's.
    let answers = pope.join("p2_lmms.jsonl").display().to_string();
    let run = path(dir.path(), "pope");
    let note = done(&["study", "import", &file, "--answers", &answers, "--out", &run]);
    assert!(note.contains("3 answers of another program became rows of plain: "), "{note}");
    assert!(rows(&run).iter().all(|row| row["answer"] == row["label"]), "each to its question");

    let text = std::fs::read_to_string(&captions).expect("captions");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<String> = lines
        .iter()
        .map(|line| format!("COCO_val2014_{:012}.jpg", line["image_id"].as_u64().expect("a number")))
        .collect();
    let dir = folder();
    let file = coco_study(dir.path(), "chair", DESCRIBE, &names);
    let run = path(dir.path(), "chair");
    let answers = captions.display().to_string();
    let note = done(&["study", "import", &file, "--answers", &answers, "--out", &run]);
    assert!(note.contains(&format!("{} answers of another program became rows of plain: ", lines.len())), "{note}");
    let found = rows(&run);
    let words: usize = found.iter().map(|row| row["words"].as_array().map_or(0, Vec::len)).sum();
    assert!(words > 2 * found.len(), "object words of every caption: {words}");
    let back = path(dir.path(), "back.jsonl");
    done(&["study", "export", &run, "--format", "chair", "--out", &back]);
    let back = std::fs::read_to_string(&back).expect("captions");
    let pair = |line: &Value| (line["image_id"].as_u64(), line["caption"].as_str().map(|text| text.trim().to_owned()));
    let mut back: Vec<_> = back.lines().map(|line| pair(&serde_json::from_str(line).expect("JSON"))).collect();
    let mut lines: Vec<_> = lines.iter().map(pair).collect();
    back.sort();
    lines.sort();
    assert_eq!(back, lines, "the same captions");
}

#[cfg(unix)]
#[test]
fn a_submission_is_two_scripts_and_two_jobs() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder();
    let file = study(dir.path(), "pope", POPE);
    let out = path(dir.path(), "run");
    let submit = ["study", "submit", &file, "--out", &out, "--tasks", "4", "--sbatch-option=--time=04:00:00"];
    let dry = gazelens(&[&submit[..], &["--dry-run", "--threads", "2"]].concat());
    assert!(dry.status.success(), "{}", stderr(&dry));
    let expected = format!("sbatch {out}/submit.sh\nsbatch --dependency=afterany:JOB {out}/merge.sh\n");
    assert_eq!(stdout(&dry), expected, "what to type");
    let script = std::fs::read_to_string(format!("{out}/submit.sh")).expect("a script");
    for part in
        ["#SBATCH --array=0-3\n", "#SBATCH --time=04:00:00\n", "--threads 2 &\n", env!("CARGO_BIN_EXE_gazelens")]
    {
        assert!(script.contains(part), "{part}: {script}");
    }
    for name in ["submit.sh", "merge.sh"] {
        let status = Command::new("bash").args(["-n", &format!("{out}/{name}")]).status().expect("a shell");
        assert!(status.success(), "{name} is a script");
    }
    let run = |folder: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
        command.args(submit).env("PATH", folder).output().expect("the program starts")
    };
    let none = run(dir.path());
    assert_eq!(none.status.code(), Some(1), "{}", stderr(&none));
    let told = stderr(&none);
    assert!(told.contains("Expected Slurm's sbatch, found no such program; not submitted: "), "{told}");
    assert!(told.contains("submit.sh and ") && told.trim_end().ends_with("merge.sh"), "{told}");
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).expect("a writable folder");
    let fake = |text: &str| {
        let path = bin.join("sbatch");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("our file");
        run(&bin)
    };
    let log = path(dir.path(), "log");
    let done = fake(&format!("echo \"$@\" >> '{log}'; case \"$*\" in *afterany*) echo 8;; *) echo '7;cluster';; esac"));
    assert_eq!(stdout(&done), "Job 7: 4 tasks\nJob 8: merges behind them\n", "{}", stderr(&done));
    let log = std::fs::read_to_string(&log).expect("what sbatch was given");
    assert_eq!(log, format!("--parsable {out}/submit.sh\n--parsable --dependency=afterany:7 {out}/merge.sh\n"), "both");
    let refused = fake("echo 'sbatch: error: invalid partition' >&2; exit 1");
    assert!(
        stderr(&refused).contains("sbatch refused: sbatch: error: invalid partition; not submitted: "),
        "{}",
        stderr(&refused)
    );
    let sentence = refused_option(&file, &out);
    assert!(sentence.contains("expected an option of sbatch"), "{sentence}");
}

#[cfg(unix)]
fn refused_option(file: &str, out: &str) -> String {
    refused(&["study", "submit", file, "--out", out, "--tasks", "2", "--sbatch-option", "gpu"], 2)
}
