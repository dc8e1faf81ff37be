//! Methods with a second branch, and controls, are what PyTorch computes without any cache
//! (`tests/golden/methods_branches.py`).

use crate::compare::expect_rows;
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{Answer, ImageSource, ModelSource, OpenModel, Prompt, Question, Spec};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Methods that this file has.
const METHODS: [&str; 8] = ["avisc", "causalmm", "cutoff", "flip", "only", "sid", "vdgd", "yes-suffix"];

fn word<'a>(case: &'a Value, name: &str) -> &'a str {
    case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}"))
}

pub(crate) fn asked(case: &Value, num_tokens: usize) -> Question {
    let photo = ImageSource::Path(golden_folder().join(word(case, "checkpoint")).join("photo.png"));
    let prompt = match case["question"].as_str() {
        Some(words) => Prompt::Templated(words.to_owned()),
        None => Prompt::Raw(word(case, "raw_prompt").to_owned()),
    };
    let mut asked = question(photo, prompt, num_tokens);
    let mut spec: Spec = word(case, "spec").parse().expect("a SPEC");
    for (_, value) in spec.parameters.iter_mut().filter(|(_, value)| value == "DESCRIPTION") {
        word(case, "description").clone_into(value);
    }
    asked.methods = vec![spec];
    asked
}

fn expect_case(answer: &Answer, golden: &Golden, case: &Value) -> f32 {
    let tensor = |name: &str| format!("{}/{}/{name}", word(case, "checkpoint"), word(case, "name"));
    let extras = &answer.extras;
    let mut worst = 0_f32;
    for (name, found) in [
        ("logits", &extras.logits),
        ("negative_logits", &extras.negative_logits),
        ("final_logits", &extras.final_logits),
    ] {
        if golden.has(&tensor(name)) {
            worst = worst.max(expect_rows(found, golden, &tensor(name)));
        } else {
            assert!(found.is_empty(), "{}: none", tensor(name));
        }
    }
    let ids: Vec<i64> = answer.trace.output.iter().map(|token| i64::from(token.id)).collect();
    assert_eq!(ids, golden.integers(&tensor("output_ids")), "{case}: tokens");
    let run = &answer.trace.run;
    assert_eq!(run.full_prompt, word(case, "full_prompt"), "{case}: the whole prompt");
    worst
}

#[test]
fn methods_with_branches_compute_what_pytorch_computes() {
    let golden = Golden::open(&golden_folder().join("methods_branches.safetensors"));
    let mut models: BTreeMap<&str, OpenModel> = BTreeMap::new();
    let mut covered: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for case in golden.list("cases") {
        let name = word(case, "checkpoint");
        let source = || ModelSource::Folder(golden_folder().join(name).join("checkpoint"));
        let model = models.entry(name).or_insert_with(|| open(source()));
        let ids = golden.integers(&format!("{name}/{}/output_ids", word(case, "name")));
        let asked = asked(case, ids.len());
        // The second time what was read is kept.
        let worst = [0, 1].map(|_| expect_case(&ask(model, &asked), &golden, case));
        covered.entry(asked.methods[0].name.clone()).or_default().insert(name);
        println!("{name} {}: {:.1e} and {:.1e} of the bound of logits", word(case, "name"), worst[0], worst[1]);
    }
    assert_eq!(covered.keys().map(String::as_str).collect::<Vec<_>>(), METHODS, "every method");
    for (method, checkpoints) in covered {
        assert!(checkpoints.len() >= 3, "{method} on {checkpoints:?}");
    }
}
