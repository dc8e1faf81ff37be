//! Sentences for people: nothing in them steers a terminal, they end, and they name the file.

use super::*;
use serde_json::json;

/// Escape codes, line ends and a mark that turns the reading direction.
const NAME: &str = "a\u{1b}[31m\nb\u{202e}c";
const SHOWN: &str = r"a\u{1b}[31m\u{a}b\u{202e}c";

#[test]
fn names_of_every_kind_reach_the_terminal_escaped() {
    let dir = folder();
    let [captions, annotations] = ["c.json", "i.json"].map(|name| path(dir.path(), name));
    std::fs::write(&captions, json!([{"image_id": 1, "caption": "a dog"}]).to_string()).expect("written");
    let instances = json!({"images": [{"id": 1, "width": 4, "height": 4, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": NAME}, {"id": 2, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1}, {"id": 2, "image_id": 1, "category_id": 2}]});
    let ending = path(dir.path(), &format!("{NAME}.txt"));
    std::fs::write(&annotations, instances.to_string()).expect("written");
    let named = path(dir.path(), NAME);
    let spec = format!("{NAME}:a=1");
    for args in [
        &["trace", "--image", &named, "--prompt", "a", "--json"][..],
        &["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--json", "--model", &named],
        &["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--json", "--strategy", &spec],
        &["mask", "--annotations", &annotations, "--image-id", "1", "--category", "dog", "--out", &ending],
        &["mask", "--annotations", &annotations, "--image-id", "1", "--category", "x", "--out", "m.png"],
        &["html", "--trace", &named, "--out", "o.html"],
        &["figure", "--recipe", &named, "--out", "o.svg"],
        &["list", NAME],
        &[NAME],
        &["chair", "--captions", &captions, "--annotations", &annotations],
    ] {
        let output = gazelens(args);
        let said = stderr(&output);
        assert!(said.contains(SHOWN), "{args:?}: {said:?}");
        assert_eq!(said.trim_end().lines().count(), 1, "one line: {said:?}");
        assert!(!said.contains(['\u{1b}', '\u{202e}']), "{args:?}: {said:?}");
    }
}

#[test]
fn a_sentence_ends_however_long_a_value_is_and_names_the_file() {
    let dir = folder();
    let long = "x".repeat(100_000);
    let list = vec![-1; 50_000];
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/llava");
    let model = dir.path().join("model");
    std::fs::create_dir(&model).expect("a folder");
    for from in entries(&demo) {
        std::fs::copy(&from, model.join(from.file_name().expect("a name"))).expect("copied");
    }
    let config = std::fs::read_to_string(model.join("config.json")).expect("there");
    let mut config: serde_json::Value = serde_json::from_str(&config).expect("JSON");
    config["tie_word_embeddings"] = json!(list);
    std::fs::write(model.join("config.json"), config.to_string()).expect("written");
    let model = model.display().to_string();
    let recipe = path(dir.path(), "r.json");
    std::fs::write(&recipe, json!({"format": long}).to_string()).expect("written");
    let strategy = format!("vcd:alpha={long}");
    for (args, last) in [
        (&["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--json", "--model", &model][..], "config.json"),
        (&["figure", "--recipe", &recipe, "--out", "o.svg"], "r.json"),
        (&["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--json", "--strategy", &strategy], ""),
        (&["trace", "--image", "demo_01_beach.png", "--raw-prompt", &long, "--json"], ""),
        (&["list", &long], ""),
    ] {
        let said = stderr(&gazelens(args));
        assert!(said.starts_with("error: ") && said.len() < 1200, "{} bytes: {:.300}", said.len(), said);
        assert!(said.trim_end().ends_with(last), "the file is told: {said}");
    }
}

#[test]
fn a_sentence_without_a_file_says_what_it_is_about() {
    let dir = folder();
    let ask = ["trace", "--image", "demo_01_beach.png", "--json"];
    let long = "a ".repeat(30_000);
    let sentence = one_sentence(&[&ask[..], &["--prompt", &long]].concat(), 1);
    assert!(sentence.contains("positions") && sentence.trim_end().ends_with(": demo"), "the model: {sentence}");
    let out = path(dir.path(), "o.svg");
    let trace = path(dir.path(), "t.safetensors");
    assert!(trace_to(&trace, &["--max-new-tokens", "2"]).status.success(), "a trace");
    assert!(gazelens(&["figure", "--trace", &trace, "--out", &out]).status.success(), "a figure");
    let beside = std::fs::read_to_string(path(dir.path(), "o.json")).expect("the recipe");
    let recipe: serde_json::Value = serde_json::from_str(&beside).expect("JSON");
    let refusal = |change: &dyn Fn(&mut serde_json::Value), name: &str| {
        let mut changed = recipe.clone();
        change(&mut changed);
        let file = path(dir.path(), name);
        std::fs::write(&file, changed.to_string()).expect("written");
        let sentence = one_sentence(&["figure", "--recipe", &file, "--out", &path(dir.path(), "p.svg")], 1);
        assert!(sentence.trim_end().ends_with(name), "the recipe comes last: {sentence}");
        sentence
    };
    let sentence = refusal(&|recipe| recipe["layout"]["columns"] = json!(0), "columns.json");
    assert!(sentence.contains("in the recipe, found"), "a setting: {sentence}");
    refusal(&|recipe| recipe["panels"][0]["show"]["of"] = json!("nothing"), "input.json");
}

#[test]
fn ranges_are_told_as_people_write_them() {
    let ask = [&TRACE[..], &["--json"]].concat();
    let said = refused(&[&ask[..], &["--repetition-penalty", "1e38"]].concat(), 2);
    assert!(said.contains("expected a number above 0 and below 1000000"), "{said}");
    let said = one_sentence(&[&ask[..], &["--intervene", "pai:alpha=nan"]].concat(), 2);
    assert!(said.contains("a number above 0 and up to 10, found nan"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_says_why() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a full device");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    let output = command.arg("--help").stdout(full).output().expect("the program starts");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Could not write to standard output: "), "{said}");
}
