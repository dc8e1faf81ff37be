//! `gazelens study mmvp-vlm`.

use super::*;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mmvp_vlm");
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/embeddings/clip");

#[test]
fn clips_are_scored_by_pattern_in_every_form() {
    let command = ["study", "mmvp-vlm", "--data", DATA, "--model", "demo-clip", "--model", CLIP, "--threads", "2"];
    let output = gazelens(&[&command[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("18 pairs, not the 135 published ones"), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let text = std::fs::read_to_string(Path::new(DATA).join("expected.json")).expect("the reference");
    let expected: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(found["patterns"][0], "Orientation and Direction", "named");
    assert_eq!(found["models"].as_array().map(Vec::len), Some(2), "a model each");
    let first = &found["models"][0];
    assert_eq!(first["num_pairs"], 18, "all");
    for (found, expected) in
        first["pairs"].as_array().expect("pairs").iter().zip(expected["pairs"].as_array().expect("pairs"))
    {
        assert_eq!(found["is_right"], expected["is_right"], "as the script has it: {found}");
    }

    let dir = folder();
    for (ending, begins) in [("md", "**Pairs that a CLIP"), ("csv", "model,Orientation and"), ("tex", "% Pairs that")] {
        let out = path(dir.path(), &format!("t.{ending}"));
        let output = gazelens(&[&command[..], &["--out", &out]].concat());
        assert!(output.status.success(), "{ending}: {}", stderr(&output));
        let text = std::fs::read_to_string(&out).expect("a table");
        assert!(text.starts_with(begins), "{ending}: {text}");
        let lines = text.lines().filter(|line| line.contains("demo-clip") || line.contains("clip")).count();
        assert!(lines >= 2, "{ending}: a row each: {text}");
        assert!(stdout(&output).starts_with("**Pairs that a CLIP"), "{ending}: printed: {}", stdout(&output));
    }
}

#[test]
fn what_cannot_be_scored_is_one_sentence() {
    let dir = folder();
    let shown = dir.path().display().to_string();
    let run = |args: &[&str]| {
        let output = gazelens(args);
        let text = stderr(&output);
        assert!(stdout(&output).is_empty(), "nothing is printed");
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{args:?}: {text}");
        (output.status.code(), errors[0].to_owned())
    };
    let scored = |data: &str, model: &str, more: &[&str]| {
        run(&[&["study", "mmvp-vlm", "--data", data, "--model", model][..], more].concat())
    };
    let (status, sentence) = scored(&shown, "demo-clip", &[]);
    assert!(status == Some(1) && sentence.contains("Cannot open MMVP-VLM's statements: "), "{sentence}");
    let (status, sentence) = scored(DATA, "demo", &[]);
    assert!(status == Some(1) && sentence.contains("found a model that answers questions"), "{sentence}");
    let (status, sentence) = scored(DATA, "demo-clip", &["--out", "t.xls"]);
    assert!(status == Some(2) && sentence.contains("found the ending xls"), "{sentence}");
    let questions = format!("{DATA}/Questions.csv");
    let (status, sentence) = scored(DATA, "demo-clip", &["--out", &questions]);
    assert!(status == Some(2), "the data set itself: {sentence}");
}
