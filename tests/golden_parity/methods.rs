//! Methods that act inside the model are what PyTorch computes without any cache (`tests/golden/methods_attention.py`).
//!
//! `GAZELENS_METHODS_GOLDEN` names another file of that script, with fresh cases.

use crate::compare::{PROBABILITY_BOUND, expect_rows, largest_difference};
use crate::reference::Golden;
use crate::{ask, golden_folder, open, question};
use gazelens::engine::{Answer, ImageSource, ModelSource, OpenModel, Prompt, Question, Spec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Methods that the file is about.
const METHODS: [&str; 11] = ["vaf", "var", "eah", "pai", "devils", "spin", "ad-hh", "vti", "vista", "dola", "deco"];
/// Each is compared on so many checkpoints.
const LEAST_CHECKPOINTS: usize = 3;

/// One case of the golden file.
pub(crate) struct Case {
    pub(crate) checkpoint: String,
    pub(crate) name: String,
    pub(crate) spec: Spec,
    pub(crate) raw_prompt: String,
}

pub(crate) fn golden() -> Golden {
    let other = std::env::var_os("GAZELENS_METHODS_GOLDEN").map(PathBuf::from);
    Golden::open(&other.unwrap_or_else(|| golden_folder().join("methods_attention.safetensors")))
}

pub(crate) fn cases(golden: &Golden) -> Vec<Case> {
    let cases = golden.list("cases").iter().map(|case| {
        let word = |name: &str| case[name].as_str().unwrap_or_else(|| panic!("no {name} in {case}")).to_owned();
        let spec = word("spec").parse().expect("a SPEC");
        let [checkpoint, name, raw_prompt] = ["checkpoint", "name", "raw_prompt"].map(word);
        Case { checkpoint, name, spec, raw_prompt }
    });
    cases.collect()
}

/// Files of a checkpoint's directions, by what stands for them in a SPEC.
fn write_directions(golden: &Golden, checkpoint: &str, folder: &Path) -> BTreeMap<&'static str, String> {
    let bytes = |name: &str| {
        let (shape, values) = golden.floats(&format!("{checkpoint}/directions/{name}"));
        (shape, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
    };
    let files = [("DIRECTIONS", "vision"), ("PATCHES", "patches")].map(|(word, vision)| {
        let path = folder.join(format!("{}_{vision}.safetensors", checkpoint.replace('/', "_")));
        let (text, vision) = (bytes("text"), bytes(vision));
        let view = |(shape, bytes): &(Vec<usize>, Vec<u8>)| {
            let bytes: &'static [u8] = bytes.clone().leak();
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).expect("a tensor")
        };
        let tensors = [("text", view(&text)), ("vision", view(&vision))];
        safetensors::serialize_to_file(tensors, None, &path).expect("a file is written");
        (word, path.display().to_string())
    });
    files.into()
}

/// Cases as questions, on models that are opened once.
pub(crate) struct Asker {
    golden: Golden,
    folder: tempfile::TempDir,
    models: BTreeMap<String, (OpenModel, BTreeMap<&'static str, String>)>,
}

impl Asker {
    pub(crate) fn new() -> Self {
        Self { golden: golden(), folder: tempfile::tempdir().expect("a temporary folder"), models: BTreeMap::new() }
    }

    pub(crate) fn model(&mut self, checkpoint: &str) -> &OpenModel {
        let Self { golden, folder, models } = self;
        let make = || {
            let model = open(ModelSource::Folder(golden_folder().join(checkpoint).join("checkpoint")));
            (model, write_directions(golden, checkpoint, folder.path()))
        };
        &models.entry(checkpoint.to_owned()).or_insert_with(make).0
    }

    /// The question of a case with another method, or with its own.
    pub(crate) fn question(&mut self, case: &Case, spec: &str, num_tokens: usize) -> Question {
        self.model(&case.checkpoint);
        let photo = golden_folder().join(&case.checkpoint).join("photo.png");
        let mut asked = question(ImageSource::Path(photo), Prompt::Raw(case.raw_prompt.clone()), num_tokens);
        let mut spec: Spec = spec.parse().expect("a SPEC");
        for (_, value) in &mut spec.parameters {
            if let Some(file) = self.models[&case.checkpoint].1.get(value.as_str()) {
                value.clone_from(file);
            }
        }
        asked.methods = vec![spec];
        asked
    }

    pub(crate) fn ask(&mut self, case: &Case, spec: &str, num_tokens: usize) -> Answer {
        let asked = self.question(case, spec, num_tokens);
        ask(self.model(&case.checkpoint), &asked)
    }
}

#[test]
fn methods_inside_the_model_compute_what_pytorch_computes() {
    let (golden, mut asker) = (golden(), Asker::new());
    for case in cases(&golden) {
        let what = format!("{} {}", case.checkpoint, case.name);
        let tensor = |name: &str| format!("{}/{}/{name}", case.checkpoint, case.name);
        let expected_ids = golden.integers(&tensor("output_ids"));
        let answer = asker.ask(&case, &case.spec.to_string(), expected_ids.len());
        let extras = &answer.extras;
        let mut worst = 0f32;
        for (name, found) in [
            ("logits", &extras.logits),
            ("negative_logits", &extras.negative_logits),
            ("final_logits", &extras.final_logits),
        ] {
            if !golden.has(&tensor(name)) {
                assert!(found.is_empty(), "{what}: there are no {name}");
                continue;
            }
            worst = worst.max(expect_rows(found, &golden, &tensor(name)));
        }
        let ids: Vec<i64> = answer.trace.output.iter().map(|token| i64::from(token.id)).collect();
        assert_eq!(ids, expected_ids, "{what}: tokens");
        let mut rows = 0f32;
        if golden.has(&tensor("decoder_attention")) {
            let (shape, expected) = golden.floats(&tensor("decoder_attention"));
            let last = answer.trace.decoder_attention.last().expect("a row a token");
            assert_eq!(last.key_len(), shape[2], "{what}: keys of the last row");
            rows = largest_difference(&last.to_f32(), &expected, &what);
            assert!(rows <= PROBABILITY_BOUND, "{what}: attention differs by {rows}");
        }
        let idle = answer.trace.warnings.iter().find(|text| text.contains("changed nothing"));
        assert_eq!(idle, None, "{what}: it acts");
        println!("{what}: logits {worst:.1e} of their bound, attention {rows:.1e}");
    }
}

#[test]
fn every_method_inside_the_model_has_golden_cases_on_several_checkpoints() {
    let golden = golden();
    let mut covered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for case in cases(&golden) {
        covered.entry(case.spec.name).or_default().insert(case.checkpoint);
    }
    for method in METHODS {
        let found = covered.get(method).map_or(0, BTreeSet::len);
        assert!(found >= LEAST_CHECKPOINTS, "{method} is compared on {found} checkpoints");
    }
}
