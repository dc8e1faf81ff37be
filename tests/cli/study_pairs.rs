//! `gazelens study pairs`.

use super::*;

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/embeddings/clip");
const DINOV2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vision/dinov2/checkpoint");
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/demo/images");

fn photos(count: usize) -> tempfile::TempDir {
    let folder = folder();
    let mut names: Vec<_> =
        std::fs::read_dir(IMAGES).expect("photos").map(|entry| entry.expect("one").path()).collect();
    names.sort();
    for path in names.iter().take(count) {
        std::fs::copy(path, folder.path().join(path.file_name().expect("a name"))).expect("copied");
    }
    folder
}

#[test]
fn pairs_are_printed_written_and_cached() {
    let (images, dir) = (photos(6), folder());
    std::fs::write(images.path().join("broken.png"), "no photo").expect("a file");
    let (out, cache) = (path(dir.path(), "pairs.jsonl"), path(dir.path(), "e.safetensors"));
    let images = images.path().display().to_string();
    let command = ["study", "pairs", "--images", &images, "--model", CLIP, "--second", DINOV2];
    let wide = ["--above", "-1", "--below", "1", "--most", "4", "--cache", &cache];
    let output = gazelens(&[&command[..], &wide, &["--out", &out, "--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let found: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!((&found["num_photos"], &found["num_pairs"]), (&6.into(), &15.into()), "6 photos have 15 pairs");
    assert_eq!(found["unread"][0]["image"], "broken.png", "named");
    assert!(stderr(&output).contains("1 of 7 photos was left out"), "and counted: {}", stderr(&output));
    let lines = std::fs::read_to_string(&out).expect("pairs");
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    assert_eq!(Some(&lines), found["pairs"].as_array(), "the same pairs in the file");
    let difference = |pair: &serde_json::Value| {
        pair["model_cosine"].as_f64().expect("a cosine") - pair["second_cosine"].as_f64().expect("a cosine")
    };
    assert!(lines.len() == 4 && lines.is_sorted_by(|a, b| difference(a) >= difference(b)), "the best first");

    let first = std::fs::read(&cache).expect("a cache");
    let again = gazelens(&[&command[..], &wide].concat());
    assert!(again.status.success() && stderr(&again).contains("7 of 7 photos, 6 from the cache"), "{}", stderr(&again));
    assert_eq!(std::fs::read(&cache).expect("a cache"), first, "nothing new");
    let text = stdout(&again);
    assert!(text.starts_with("15 pairs of 6 photos with a cosine above -1 by --model and below 1 by"), "{text}");
    assert!(text.lines().count() == 5 && text.contains("; the first 4 are"), "{text}");

    let none = gazelens(&[&command[..], &["--above", "1"]].concat());
    assert!(stdout(&none).starts_with("0 pairs of 6 photos"), "{}", stdout(&none));
}

#[test]
fn pairs_say_what_they_are_of_and_are_drawn() {
    let (images, dir) = (photos(3), folder());
    let (out, drawn) = (path(dir.path(), "pairs.jsonl"), dir.path().join("figures"));
    let (folder_text, drawn_text) = (images.path().display().to_string(), drawn.display().to_string());
    let command = ["study", "pairs", "--images", &folder_text, "--model", "demo-clip", "--second", DINOV2];
    let wide = ["--above", "-1", "--below", "1", "--most", "2", "--out", &out, "--figures", &drawn_text];
    let output = gazelens(&[&command[..], &wide].concat());
    assert!(output.status.success() && stderr(&output).contains("2 of 2 figures"), "{}", stderr(&output));
    let lines = std::fs::read_to_string(&out).expect("pairs");
    let line: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a pair")).expect("JSON");
    let named = [&line["images"], &line["model"], &line["second_model"]];
    assert_eq!(named, [&folder_text[..], "demo-clip", DINOV2], "what opens it again");
    let mut names: Vec<String> = std::fs::read_dir(&drawn)
        .expect("a folder")
        .map(|entry| entry.expect("one").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names[..4], ["pair_001.json", "pair_001.svg", "pair_002.json", "pair_002.svg"], "figures and recipes");
    assert_eq!(names.len(), 4 + 6, "and what two encoders saw in three photos: {names:?}");
    let svg = std::fs::read(drawn.join("pair_001.svg")).expect("a figure");
    let text = String::from_utf8_lossy(&svg);
    for name in ["first", "second"] {
        let name = line[name].as_str().expect("a name");
        assert!(text.contains(name), "{name} stands over its column");
    }
    assert!(!text.contains("decoding"), "an encoder decodes nothing");
    // Drawn again from what lies beside it, without a model.
    let (recipe, again) = (drawn.join("pair_001.json"), path(dir.path(), "again.svg"));
    let recipe_text = recipe.display().to_string();
    let output = gazelens(&["figure", "--recipe", &recipe_text, "--out", &again]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(std::fs::read(&again).expect("a figure"), svg, "the same bytes");
    let output = gazelens(&[&command[..], &wide].concat());
    assert!(output.status.success(), "once more into the same folder: {}", stderr(&output));
    let twice = path(dir.path(), "twice");
    let command = ["study", "pairs", "--images", &folder_text, "--model", "demo-clip", "--second", "demo-clip"];
    let output = gazelens(&[&command[..], &["--above", "-1", "--below", "1", "--figures", &twice]].concat());
    assert!(output.status.success(), "one encoder twice: {}", stderr(&output));
}

#[test]
fn what_cannot_be_compared_is_one_sentence() {
    let (images, dir) = (photos(1), folder());
    let images = images.path().display().to_string();
    let pairs = |images: &str, model: &str, second: &str, more: &[&str], status: i32| {
        let command = ["study", "pairs", "--images", images, "--model", model, "--second", second];
        one_sentence_at_the_end(&[&command[..], more].concat(), status)
    };
    let sentence = pairs(&images, CLIP, DINOV2, &[], 1);
    assert!(sentence.contains("Expected two or more photos that can be read, found 1: "), "{sentence}");
    let empty = dir.path().display().to_string();
    let sentence = pairs(&empty, CLIP, DINOV2, &[], 1);
    assert!(sentence.contains("Expected photos, found none: "), "{sentence}");
    let sentence = pairs(&images, "demo", DINOV2, &[], 1);
    assert!(sentence.contains("found a model that answers questions"), "{sentence}");
    let sentence = pairs(&images, CLIP, "nowhere", &[], 1);
    assert!(sentence.contains("as --second, found neither such a folder"), "{sentence}");
    let sentence = pairs(&images, CLIP, DINOV2, &["--above", "1.5"], 2);
    assert!(sentence.contains("a number from -1 to 1"), "{sentence}");
    let sentence = pairs(&images, CLIP, DINOV2, &["--out", "pairs.csv"], 2);
    assert!(sentence.contains("found the ending csv"), "{sentence}");
    let other = path(dir.path(), "other.safetensors");
    std::fs::write(&other, "no embeddings").expect("a file");
    let sentence = pairs(&images, CLIP, DINOV2, &["--cache", &other], 1);
    assert!(sentence.contains("Expected a file of embeddings") && sentence.trim_end().ends_with(&other), "{sentence}");
    let weights = format!("{DINOV2}/model.safetensors");
    let sentence = pairs(&images, CLIP, DINOV2, &["--cache", &weights], 1);
    assert!(sentence.contains("Expected a file of embeddings, found the tensor"), "{sentence}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_photo_whose_name_is_no_text_is_refused_and_nothing_is_read_over() {
    use std::os::unix::ffi::OsStrExt as _;
    let (images, dir) = (photos(2), folder());
    let (shown, cache) = (images.path().display().to_string(), path(dir.path(), "e.safetensors"));
    let command = ["study", "pairs", "--images", &shown, "--model", CLIP, "--second", DINOV2, "--cache", &cache];
    std::os::unix::fs::symlink(format!("{CLIP}/model.safetensors"), &cache).expect("a link");
    let sentence = one_sentence_at_the_end(&command, 1);
    assert!(sentence.contains("Expected a file of embeddings"), "the weights of a model: {sentence}");
    std::fs::remove_file(&cache).expect("removed");
    std::fs::write(images.path().join(std::ffi::OsStr::from_bytes(b"a\xff.png")), "").expect("a file");
    let sentence = one_sentence_at_the_end(&command, 2);
    assert!(sentence.contains("Cannot use the name of a photo of --images, as it is not UTF-8"), "{sentence}");
    assert!(!Path::new(&cache).exists(), "nothing was written");
}

/// The error after what is told on the way.
fn one_sentence_at_the_end(args: &[&str], status: i32) -> String {
    let output = gazelens(args);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {}", stderr(&output));
    assert!(stdout(&output).is_empty(), "nothing is printed");
    let text = stderr(&output);
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{args:?}: {text}");
    errors[0].to_owned()
}
