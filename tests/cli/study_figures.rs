//! Figures 3 and 4 of Tomita et al., as `gazelens study report --photos` draws them.

use super::*;
use gazelens::figure::MapFile;

/// A run of the template about one photo of a folder of its own.
fn run(folder: &Path) -> String {
    let photos = folder.join("photos");
    std::fs::create_dir(&photos).expect("a folder");
    let name = "demo_01_beach.png";
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images").join(name);
    std::fs::copy(from, photos.join(name)).expect("a photo");
    let text = stdout(&gazelens(&["study", "new", "tomita"]));
    let text = text.replace("images = \"demo\"", "images = \"photos\"");
    let file = path(folder, "s.toml");
    std::fs::write(&file, text).expect("a study");
    let out = path(folder, "run");
    let output = gazelens(&["study", "run", &file, "--out", &out, "--limit", "3"]);
    assert!(output.status.success(), "{}", stderr(&output));
    out
}

#[test]
fn examples_are_drawn_from_a_run_and_from_their_recipes() {
    let dir = folder();
    let out = run(dir.path());
    let report = dir.path().join("report");
    let text = report.display().to_string();
    let output = gazelens(&["study", "report", &out, "--out", &text, "--photos", "demo_01_beach.png"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(report.join("report.md").is_file(), "the tables as ever");
    let rows = std::fs::read_to_string(Path::new(&out).join("rows-0-of-1.jsonl")).expect("rows");
    let first: serde_json::Value = serde_json::from_str(rows.lines().next().expect("a row")).expect("JSON");
    for (number, looker) in [(3, "CLIP"), (4, "LLaVA")] {
        let file = report.join(format!("figure_{number}_demo_01_beach.svg"));
        let svg = std::fs::read(&file).expect("a figure");
        let recipe: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file.with_extension("json")).expect("a recipe")).expect("JSON");
        let panels = recipe["panels"].as_array().expect("panels");
        assert!(!panels.is_empty() && panels.len().is_multiple_of(3), "three a question: {}", panels.len());
        let kinds: Vec<&str> = panels[..3].iter().filter_map(|panel| panel["show"]["kind"].as_str()).collect();
        assert_eq!(kinds[1..], ["map", "prompted"], "where it looked, and what was asked about");
        let title = |idx: usize| panels[idx]["title"].as_str().unwrap_or_default().to_owned();
        assert!(title(0).contains("in the image?") && title(0).contains("(label: "), "the question: {}", title(0));
        assert!(title(1).starts_with(&format!("Where {looker} looked; says ")), "its own answer: {}", title(1));
        assert!(title(2).starts_with("Without prompting: ") && title(2).contains(" With it: "), "both: {}", title(2));
        let again = path(dir.path(), &format!("again_{number}.svg"));
        let recipe = file.with_extension("json").display().to_string();
        let drawn = gazelens(&["figure", "--recipe", &recipe, "--out", &again]);
        assert!(drawn.status.success(), "{}", stderr(&drawn));
        assert_eq!(std::fs::read(&again).expect("a figure"), svg, "the same bytes, without a model");
    }
    // The map is the one that prompts a photo by itself.
    let recipe = std::fs::read(report.join("figure_3_demo_01_beach.json")).expect("a recipe");
    let recipe: serde_json::Value = serde_json::from_slice(&recipe).expect("JSON");
    let map = report.join(recipe["inputs"]["maps"]["map 1"]["file"].as_str().expect("a map"));
    let read = |path: &Path| MapFile::read(&std::fs::read(path).expect("a file"), path).expect("a map");
    let found = read(&map);
    let (alone, png) = (dir.path().join("alone.safetensors"), path(dir.path(), "alone.png"));
    let photo = dir.path().join("photos/demo_01_beach.png").display().to_string();
    let alone_text = alone.display().to_string();
    let command = ["prompt-image", "--attribution", "clip", "--image", &photo, "--query", &found.query];
    let output = gazelens(&[&command[..], &["--out", &png, "--map-out", &alone_text]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = read(&alone);
    assert_eq!((found.values, found.mask), (expected.values, expected.mask), "the same values");
    assert!(first["prompt"].as_str().is_some_and(|prompt| prompt.contains("in the image?")), "asked so");
}

#[test]
fn figures_are_drawn_from_anywhere_once_a_photo_and_in_no_time_of_a_strangers() {
    let dir = folder();
    let out = run(dir.path());
    // The run is somewhere else; its study is not.
    let (elsewhere, report) = (folder(), path(dir.path(), "report"));
    let moved = elsewhere.path().join("run");
    std::fs::rename(&out, &moved).expect("moved");
    let header = moved.join("run.json");
    let mut value: serde_json::Value = serde_json::from_slice(&std::fs::read(&header).expect("one")).expect("JSON");
    value["num_items"] = 1_000_000_000_000_000_u64.into();
    std::fs::write(&header, value.to_string()).expect("written");
    let (moved, photos) = (moved.display().to_string(), "demo_01_beach.png,demo_01_beach.png");
    let output = gazelens(&["study", "report", &moved, "--out", &report, "--photos", photos]);
    assert!(output.status.success(), "{}", stderr(&output));
    let figures = std::fs::read_dir(&report).expect("a folder").filter_map(Result::ok);
    let figures = figures.filter(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        name.starts_with("figure_") && name.ends_with("beach.svg")
    });
    assert_eq!(figures.count(), 2, "one of each, of a photo that is named twice");
}

#[test]
fn what_has_no_such_figures_is_one_sentence() {
    let dir = folder();
    let out = run(dir.path());
    let report = path(dir.path(), "report");
    let args =
        |photos: &'static str| ["study", "report", &out, "--out", &report, "--photos", photos].map(str::to_owned);
    let refused = |args: &[String], status: i32| {
        let output = gazelens(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(status), "{args:?}: {}", stderr(&output));
        stderr(&output).lines().find(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
    };
    let why = refused(&args("demo_01_beech.png"), 1);
    assert!(why.contains("found demo_01_beech.png (near: demo_01_beach.png)"), "{why}");
    let why = refused(&["study", "report", &out, "--photos", "auto"].map(str::to_owned), 2);
    assert!(why.contains("--out"), "a folder is needed: {why}");
    let header = Path::new(&out).join("run.json");
    let before = std::fs::read_to_string(&header).expect("a header");
    let edited = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut value = serde_json::from_str(&before).expect("JSON");
        edit(&mut value);
        std::fs::write(&header, value.to_string()).expect("written");
    };
    // A run that names a model of the hub asks nobody.
    edited(&|value| {
        for setting in value["study"]["settings"].as_array_mut().expect("settings") {
            if setting["prompting"]["source"] == "clip" {
                setting["prompting"]["model"] = "somebody/clip".into();
            }
        }
    });
    let why = refused(&args("auto"), 1);
    assert!(why.contains("somebody/clip") && why.contains("not on this machine"), "{why}");
    std::fs::write(&header, &before).expect("as it was");
    // Another photo of the same name.
    let photo = dir.path().join("photos/demo_01_beach.png");
    let own = std::fs::read(&photo).expect("a photo");
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo/images/demo_24_lake.png");
    std::fs::copy(other, &photo).expect("another photo");
    let why = refused(&args("auto"), 1);
    assert!(why.contains("Expected the photo that the run asked about (SHA-256 "), "{why}");
    std::fs::write(&photo, own).expect("as it was");
    std::fs::remove_dir_all(dir.path().join("photos")).expect("there");
    let why = refused(&args("auto"), 1);
    assert!(why.contains("Expected the study's files in this folder or above the run"), "{why}");
    assert!(why.ends_with("photos"), "which: {why}");
}
