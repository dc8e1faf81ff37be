//! The tiny random checkpoints of `tests/golden/make.py`.

use crate::compare::{expect_pixels, expect_prompt, expect_run};
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{ImageSource, ModelSource, Prompt};
use std::collections::BTreeSet;

/// Names of all golden checkpoints.
fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(golden_folder()).expect("the golden folder");
    let folders = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("checkpoint").is_dir());
    folders.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

/// Several failures are reported together: they often have one cause.
fn for_each_checkpoint(check: impl Fn(&str) + std::panic::RefUnwindSafe) {
    let failed: Vec<String> =
        names().into_iter().filter(|name| std::panic::catch_unwind(|| check(name)).is_err()).collect();
    assert_eq!(failed, Vec::<String>::new(), "these checkpoints differ from transformers");
}

#[test]
fn every_layout_type_and_shape_is_covered() {
    let mut layouts = BTreeSet::new();
    for name in names() {
        layouts.insert(Golden::open(&golden_folder().join(&name).join("golden.safetensors")).word("layout").to_owned());
    }
    assert!(names().len() >= 7, "golden checkpoints: {:?}", names());
    let expected = ["nested", "newest", "original", "prefixed"];
    assert_eq!(layouts.iter().map(String::as_str).collect::<Vec<_>>(), expected, "layouts of the golden checkpoints");
}

#[test]
fn golden_checkpoints_compute_what_transformers_computes() {
    for_each_checkpoint(|name| {
        let folder = golden_folder().join(name);
        let golden = Golden::open(&folder.join("golden.safetensors"));
        let model = open(ModelSource::Folder(folder.join("checkpoint")));
        let grid = model.info().image_grid;
        let found = [grid.rows, grid.cols].map(|side| i64::try_from(side).expect("small"));
        assert_eq!(found.as_slice(), golden.integers("image_grid"), "{name}: image grid");
        let prompt = Prompt::Raw(golden.word("raw_prompt").to_owned());
        let limit = golden.integers("output_ids").len();
        let answer = ask(&model, &question(ImageSource::Path(folder.join("photo.png")), prompt, limit));
        expect_pixels(&answer, &answer.trace.run.preprocessing, &golden, name);
        expect_run(&answer, &golden, name);
    });
}

#[test]
fn chat_templates_make_the_prompts_that_transformers_makes() {
    for_each_checkpoint(|name| {
        let folder = golden_folder().join(name);
        let golden = Golden::open(&folder.join("golden.safetensors"));
        let model = open(ModelSource::Folder(folder.join("checkpoint")));
        let prompt = Prompt::Templated(golden.word("question").to_owned());
        let answer = ask(&model, &question(ImageSource::Path(folder.join("photo.png")), prompt, 1));
        assert_eq!(answer.trace.run.full_prompt, golden.word("templated_prompt"), "{name}: templated text");
        expect_prompt(&answer.trace, golden.integers("templated_prompt_ids"), name);
    });
}

#[test]
fn every_listed_end_token_ends_an_answer() {
    for name in ["newest_list", "exact_resize"] {
        let folder = golden_folder().join(name);
        let golden = Golden::open(&folder.join("golden.safetensors"));
        let model = open(ModelSource::Folder(folder.join("checkpoint")));
        let prompt = Prompt::Raw(golden.word("raw_prompt").to_owned());
        let answer = ask(&model, &question(ImageSource::Path(folder.join("photo.png")), prompt, 40));
        let expected = golden.integers("output_ids");
        assert_eq!(answer.trace.output.len(), expected.len(), "{name}: ends at the second end token of the list");
        let last = answer.trace.output.last().map(|token| i64::from(token.id));
        assert!(last.is_some_and(|id| id > 2), "{name}: the golden answer ends with a token that is not </s>");
    }
}
