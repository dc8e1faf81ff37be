//! `gazelens figure` from outside: the demo, a batch, a session, and what makes no figure.

use super::{folder, gazelens, one_sentence, path, stderr};
use gazelens::figure::recipe_of;
use gazelens::session::{Session, SessionAnswer};
use gazelens::trace::file::TraceFile;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

#[test]
fn the_command_line_draws_the_demo_and_makes_it_again_from_the_figure() {
    let folder = folder();
    let (svg, again) = (path(folder.path(), "a.svg"), path(folder.path(), "b.svg"));
    let output = gazelens(&["figure", "--demo", "--out", &svg]);
    assert!(output.status.success(), "{}", stderr(&output));
    let first = std::fs::read(&svg).expect("a figure");
    let beside = std::fs::read_to_string(folder.path().join("a.json")).expect("a recipe beside it");
    assert_eq!(recipe_of(&first, Path::new("a.svg")).expect("inside").to_json(), beside, "the same recipe");
    let output = gazelens(&["figure", "--recipe", &svg, "--out", &again]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(std::fs::read(&again).expect("a figure") == first, "the model was asked again, and the bytes are the same");

    let wrong = path(folder.path(), "wrong.json");
    let weights = recipe_of(&first, Path::new("a.svg")).expect("inside").inputs.traces["trace"].run.weight_hash.clone();
    std::fs::write(&wrong, beside.replace(&weights, &"ab".repeat(32))).expect("a writable folder");
    let refused = path(folder.path(), "refused.pdf");
    let sentence = one_sentence(&["figure", "--recipe", &wrong, "--out", &refused], 1);
    assert!(sentence.contains(&weights) && sentence.contains(&"ab".repeat(32)), "both hashes: {sentence}");
    assert!(!Path::new(&refused).exists(), "nothing was drawn");
    let output = gazelens(&["figure", "--recipe", &wrong, "--out", &refused, "--allow-mismatch"]);
    assert!(
        output.status.success() && stderr(&output).contains("warning: Expected the weights"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_batch_goes_on_after_what_fails_and_keeps_what_is_there() {
    let folder = folder();
    let first = path(folder.path(), "first.svg");
    assert!(gazelens(&["figure", "--demo", "--out", &first]).status.success(), "a recipe to start from");
    let (list, out) = (path(folder.path(), "list.txt"), path(folder.path(), "of_{name}.svg"));
    std::fs::write(&list, "# photos\ndemo_05_park.png\nmissing.png\n\ndemo_11_room.png\n").expect("a writable folder");
    let batch = ["figure", "--recipe", &first, "--images", &list, "--out", &out];
    let output = gazelens(&batch);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "one failed: {told}");
    assert!(told.contains("[2/3] missing") && told.contains("2 of 3 figures written, 0 kept, 1 failed"), "{told}");
    assert!(
        told.contains("missing.png: ") && told.contains("error: Expected 3 figures, 1 could not be drawn"),
        "{told}"
    );
    let figure = folder.path().join("of_demo_11_room.svg");
    let bytes = std::fs::read(&figure).expect("written");
    let inside = recipe_of(&bytes, &figure).expect("with its recipe");
    assert_eq!(inside.inputs.traces["trace"].run.image_path, "demo_11_room.png", "about its own photo");
    let again = stderr(&gazelens(&batch));
    assert!(again.contains("0 of 3 figures written, 2 kept, 1 failed"), "{again}");
    std::fs::write(&figure, &bytes[..bytes.len() / 2]).expect("a writable folder");
    let healed = stderr(&gazelens(&batch));
    assert!(healed.contains("1 of 3 figures written, 1 kept, 1 failed"), "what is cut off is made again: {healed}");
    let alone = gazelens(&[
        "figure",
        "--recipe",
        &path(folder.path(), "of_demo_11_room.json"),
        "--out",
        &path(folder.path(), "x.svg"),
    ]);
    assert!(alone.status.success(), "{}", stderr(&alone));
    assert!(
        std::fs::read(folder.path().join("x.svg")).expect("written") == bytes,
        "one of a batch is made again alone"
    );
}

#[test]
fn a_session_is_drawn_by_the_answer_that_it_shows() {
    let folder = folder();
    let answer = |image: &str| {
        let file = path(folder.path(), "t.safetensors");
        let args = ["trace", "--image", image, "--prompt", "Is there a dog?", "--max-new-tokens", "3", "--out", &file];
        let output = gazelens(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        TraceFile::read(Path::new(&file)).expect("just written").trace
    };
    let saved = |id: u64, image: &str| SessionAnswer {
        about: json!({"id": id, "question": {"image": {"Bundled": image}}}),
        trace: Some(Arc::new(answer(image))),
    };
    let (beach, street) = ("demo_01_beach.png", "demo_07_street.png");
    let session = Session {
        program_version: "0.1.0".to_owned(),
        state: json!({"image": {"Bundled": beach}, "shown": [1, 2]}),
        answers: vec![saved(1, beach), saved(2, street)],
    };
    let (file, out) = (path(folder.path(), "work.gazelens"), path(folder.path(), "f.svg"));
    gazelens::session::write(Path::new(&file), &session).expect("a writable folder");
    let output = gazelens(&["figure", "--session", &file, "--out", &out]);
    assert!(output.status.success(), "{}", stderr(&output));
    let recipe = recipe_of(&std::fs::read(&out).expect("a figure"), Path::new("f.svg")).expect("inside");
    let images: Vec<&str> = recipe.inputs.traces.values().map(|input| input.run.image_path.as_str()).collect();
    assert_eq!(images, [beach], "the answer about the image that was looked at");

    // The figure that was being put together goes before it, and a recipe before that; the answers are the session's,
    // not asked again.
    let mut kept = recipe.clone();
    kept.panels.truncate(1);
    let kept: serde_json::Value = serde_json::from_str(&kept.to_json()).expect("JSON");
    let state = json!({"image": {"Bundled": beach}, "shown": [1, 2], "figure": {"recipe": kept}});
    let session = Session { state, ..session };
    gazelens::session::write(Path::new(&file), &session).expect("a writable folder");
    let (one, again) = (path(folder.path(), "one.svg"), path(folder.path(), "again.svg"));
    let output = gazelens(&["figure", "--session", &file, "--out", &one]);
    assert!(output.status.success() && !stderr(&output).contains("Asking again"), "{}", stderr(&output));
    let made = recipe_of(&std::fs::read(&one).expect("a figure"), Path::new("one.svg")).expect("inside");
    assert_eq!(made.panels, recipe.panels[..1], "its panels");
    let page = path(folder.path(), "page.html");
    let output = gazelens(&["figure", "--session", &file, "--out", &page]);
    assert!(output.status.success(), "a page is of the shown answer: {}", stderr(&output));
    let output = gazelens(&["figure", "--session", &file, "--recipe", &out, "--out", &again]);
    assert!(output.status.success() && !stderr(&output).contains("Asking again"), "{}", stderr(&output));
    let read = |file: &str| std::fs::read(file).expect("a figure");
    assert!(read(&again) == read(&out), "the recipe with the session's answer: the same bytes");
}

#[test]
fn commands_that_make_no_figure_are_refused() {
    let folder = folder();
    let out = path(folder.path(), "f.png");
    let cases: [(&[&str], i32, &str); 7] = [
        (&["figure", "--out", &out], 2, "--trace, --demo, --session or --recipe"),
        (&["figure", "--demo", "--out", "f.gif"], 2, "png, svg, pdf or html"),
        (&["figure", "--demo", "--recipe", "r.json", "--out", &out], 2, "--recipe"),
        (&["figure", "--demo", "--out", "f.html", "--data", "d"], 2, "--data"),
        (&["figure", "--session", "no.gazelens", "--out", &out], 1, "no.gazelens"),
        (&["figure", "--recipe", "no.json", "--images", "l", "--out", &out], 2, "{name}"),
        (&["figure", "--trace", "no.safetensors", "--out", &out], 1, "no.safetensors"),
    ];
    for (args, status, part) in cases {
        let sentence = one_sentence(args, status);
        assert!(sentence.contains(part), "{args:?}: {sentence}");
    }
}
