//! What lies beside figures of one name: one recipe, the numbers behind it, and no more.

use super::outputs::{contents, names, recipe_of_a_photo, write};
use super::{folder, gazelens, one_sentence, path, stderr};
use gazelens::figure::recipe_of;
use serde_json::{Value, json};
use std::path::Path;

/// A recipe of a photo with this title.
pub(super) fn titled(title: &str) -> Value {
    let mut recipe = recipe_of_a_photo(&json!({}));
    recipe["panels"][0]["title"] = title.into();
    recipe
}

/// The same with the objects of the photo, whose pixels are counted.
pub(super) fn masked(title: &str) -> Value {
    let mut recipe = recipe_of_a_photo(&json!({"annotations": {"t": gazelens::figure::demo_annotations()}}));
    recipe["panels"][0] = json!({"title": title, "show": {"kind": "mask", "of": "i", "truth": {"annotations": "t"}}});
    recipe
}

#[test]
fn figures_of_one_name_are_of_one_recipe() {
    let dir = folder();
    let [a, b] = ["a", "b"].map(|title| {
        let file = path(dir.path(), &format!("recipe-{title}.txt"));
        write(&file, titled(title).to_string());
        file
    });
    let out = |name: &str| path(dir.path(), name);
    let draw = |recipe: &str, name: &str| gazelens(&["figure", "--recipe", recipe, "--out", &out(name)]);
    let recipe_inside = |name: &str| {
        let bytes = std::fs::read(out(name)).expect("written");
        recipe_of(&bytes, Path::new(name)).expect("a figure").to_json()
    };
    assert!(draw(&a, "f.svg").status.success(), "the first of its name");
    // Whether its recipe is there or not.
    for _ in 0..2 {
        let before = contents(dir.path());
        for name in ["f.pdf", "f.png", "f.PDF"] {
            let sentence = one_sentence(&["figure", "--recipe", &b, "--out", &out(name)], 1);
            assert!(sentence.contains("as f.svg has another recipe"), "{sentence}");
            assert!(sentence.trim_end().ends_with("f.json"), "the file last: {sentence}");
        }
        assert_eq!(contents(dir.path()), before, "everything is as it was");
        std::fs::remove_file(out("f.json")).ok();
    }
    // The same recipe in another form, and finer, is no other figure.
    assert!(draw(&a, "f.pdf").status.success(), "the same as PDF");
    let finer = gazelens(&["figure", "--recipe", &a, "--out", &out("f.png"), "--dpi", "99"]);
    assert!(finer.status.success(), "{}", stderr(&finer));
    let beside = std::fs::read_to_string(out("f.json")).expect("beside");
    assert_eq!(beside, recipe_inside("f.png"), "that of the last");
    assert!(draw(&a, "f.svg").status.success(), "drawn again");
    // What would stay has another recipe; alone it may be replaced.
    one_sentence(&["figure", "--recipe", &b, "--out", &out("f.svg")], 1);
    for name in ["f.pdf", "f.png"] {
        std::fs::remove_file(out(name)).expect("is there");
    }
    assert!(draw(&b, "f.svg").status.success(), "nothing of another recipe stays");
    let beside = std::fs::read_to_string(out("f.json")).expect("beside");
    assert_eq!(beside, recipe_inside("f.svg"), "its own");
}

#[test]
fn metrics_are_written_where_a_panel_has_some() {
    let dir = folder();
    let (recipe, data) = (path(dir.path(), "r.txt"), dir.path().join("data"));
    let (figure, data_text) = (path(dir.path(), "f.svg"), data.display().to_string());
    let draw = |figure_recipe: Value| -> Value {
        write(&recipe, figure_recipe.to_string());
        let output = gazelens(&["figure", "--recipe", &recipe, "--out", &figure, "--data", &data_text]);
        assert!(output.status.success(), "{}", stderr(&output));
        let list = std::fs::read(data.join("gazelens-data.json")).expect("a list");
        serde_json::from_slice(&list).expect("JSON")
    };
    let listed = draw(titled("a"));
    assert_eq!(names(&data), ["gazelens-data.json"], "no empty tables");
    assert_eq!(listed["files"], json!({}), "nor listed ones");
    draw(masked("a"));
    let of_masks = ["gazelens-data.json", "metrics.csv", "metrics.md", "metrics.tex"];
    assert_eq!(names(&data), of_masks, "counted pixels");
    // What another figure left there is told from what is this one's.
    let listed = draw(titled("a"));
    assert_eq!(listed["files"], json!({}), "none is of this figure");
    let earlier = listed["earlier"].as_object().expect("what was there");
    assert!(earlier.keys().eq(of_masks.iter().skip(1)), "they stay ours: {listed}");
    let listed = draw(masked("b"));
    assert!(listed.get("earlier").is_none(), "and are written over: {listed}");
}
