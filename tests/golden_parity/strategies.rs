//! Contrastive decoding is what PyTorch computes without any cache (`tests/golden/strategies.py`).

use crate::compare::expect_rows;
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{ImageSource, ModelSource, OpenModel, Prompt, Question, Spec, catalog};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// One case of the golden file.
struct Case {
    checkpoint: String,
    name: String,
    spec: Spec,
    raw_prompt: String,
    disturbed: String,
}

fn cases(golden: &Golden) -> Vec<Case> {
    let cases = golden.list("cases").iter().map(|case| {
        let word = |name: &str| case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}")).to_owned();
        let spec = word("spec").parse().expect("a SPEC");
        let [checkpoint, name, raw_prompt, disturbed] = ["checkpoint", "name", "raw_prompt", "disturbed"].map(word);
        Case { checkpoint, name, spec, raw_prompt, disturbed }
    });
    cases.collect()
}

impl Case {
    /// The question, with the noise in a file of its own.
    fn question(&self, golden: &Golden, folder: &Path, num_tokens: usize) -> Question {
        let photo = golden_folder().join(&self.checkpoint).join("photo.png");
        let mut asked = question(ImageSource::Path(photo), Prompt::Raw(self.raw_prompt.clone()), num_tokens);
        asked.strategy = self.spec.clone();
        for (_, value) in &mut asked.strategy.parameters {
            match value.as_str() {
                "NOISE" => *value = write_noise(golden, &self.checkpoint, folder),
                "PROMPT" => value.clone_from(&self.disturbed),
                _ => {}
            }
        }
        asked
    }
}

pub(crate) fn write_noise(golden: &Golden, checkpoint: &str, folder: &Path) -> String {
    let (shape, values) = golden.floats(&format!("{checkpoint}/noise"));
    write_tensor(&folder.join(format!("{checkpoint}.safetensors")), &shape, &values)
}

/// A file with one f32 tensor `noise`; its path.
pub(crate) fn write_tensor(path: &Path, shape: &[usize], values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), &bytes).expect("a tensor");
    safetensors::serialize_to_file([("noise", view)], None, path).expect("a file is written");
    path.display().to_string()
}

pub(crate) fn golden() -> Golden {
    Golden::open(&golden_folder().join("strategies.safetensors"))
}

#[test]
fn strategies_compute_what_pytorch_computes() {
    let golden = golden();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut models: BTreeMap<String, OpenModel> = BTreeMap::new();
    for case in cases(&golden) {
        let what = format!("{} {}", case.checkpoint, case.name);
        let source = || ModelSource::Folder(golden_folder().join(&case.checkpoint).join("checkpoint"));
        let model = models.entry(case.checkpoint.clone()).or_insert_with(|| open(source()));
        let tensor = |name: &str| format!("{}/{}/{name}", case.checkpoint, case.name);
        let expected_ids = golden.integers(&tensor("output_ids"));
        let answer = ask(model, &case.question(&golden, folder.path(), expected_ids.len()));
        let extras = &answer.extras;
        let mut worst = 0f32;
        for (name, found) in [
            ("logits", &extras.logits),
            ("negative_logits", &extras.negative_logits),
            ("final_logits", &extras.final_logits),
        ] {
            worst = worst.max(expect_rows(found, &golden, &tensor(name)));
        }
        let ids: Vec<i64> = answer.trace.output.iter().map(|token| i64::from(token.id)).collect();
        assert_eq!(ids, expected_ids, "{what}: tokens");
        if case.spec.name == "damro" {
            let outliers = extras.outlier_tokens.iter().flatten().map(|idx| i64::try_from(*idx).expect("small"));
            assert_eq!(outliers.collect::<Vec<_>>(), golden.integers(&tensor("outlier_tokens")), "{what}: outliers");
        } else {
            assert_eq!(extras.outlier_tokens, None, "{what}: no outliers");
        }
        for (t, token) in answer.trace.output.iter().enumerate() {
            let contrast = token.contrast.as_ref().unwrap_or_else(|| panic!("{what}: token {t} without its contrast"));
            assert_eq!(contrast.contrasted_id, token.id, "{what}: greedy takes the most probable");
            let removed = extras.final_logits[t].iter().filter(|logit| logit.is_infinite()).count();
            assert_eq!(contrast.num_removed, removed, "{what}: removed candidates are counted");
        }
        println!("{what}: {worst:.1e} of the bound of logits");
    }
}

#[test]
fn every_strategy_has_golden_cases() {
    let golden = golden();
    let covered: BTreeSet<String> = cases(&golden).into_iter().map(|case| case.spec.name).collect();
    let registered: BTreeSet<String> =
        catalog().strategies.iter().map(|entry| entry.id.to_owned()).filter(|id| id != "plain").collect();
    assert_eq!(covered, registered, "plain decoding has the other golden files");
}
