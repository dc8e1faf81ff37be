//! The bundled model.

use crate::compare::{expect_run, text};
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question, root};
use gazelens::engine::{ImageSource, ModelSource, Prompt};

#[test]
fn the_demo_model_answers_as_under_transformers() {
    let golden = Golden::open(&golden_folder().join("demo_answer.safetensors"));
    let model = open(ModelSource::Demo);
    let image = ImageSource::Bundled(golden.word("image").to_owned());
    let limit = golden.integers("output_ids").len();
    for prompt in
        [Prompt::Raw(golden.word("raw_prompt").to_owned()), Prompt::Templated(golden.word("question").to_owned())]
    {
        expect_run(&ask(&model, &question(image.clone(), prompt, limit)), &golden, "demo");
    }
}

#[test]
fn the_bundled_descriptions_are_the_models_own() {
    let captions = std::fs::read_to_string(root().join("assets/demo/captions.json")).expect("the captions");
    let captions: Vec<serde_json::Value> = serde_json::from_str(&captions).expect("JSON");
    assert_eq!(captions.len(), 24, "one description an image");
    let model = open(ModelSource::Demo);
    for entry in captions {
        let word = |name: &str| entry[name].as_str().unwrap_or_else(|| panic!("{name} in {entry}")).to_owned();
        let mut asked = question(ImageSource::Bundled(word("image")), Prompt::Templated(word("prompt")), 90);
        (asked.record.logits, asked.record.budget_bytes) = (false, 0);
        assert_eq!(text(&ask(&model, &asked).trace), word("caption"), "description of {}", word("image"));
    }
}
