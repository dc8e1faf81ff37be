//! MMVP-VLM against `tests/golden/mmvp_vlm.py`: transformers and plain loops.

use gazelens::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, OpenModel, logit_scale};
use gazelens::study::MmvpVlm;
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

const BOUND: f64 = 1e-5;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn open(source: ModelSource) -> OpenModel {
    let request = LoadRequest { source, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    OpenModel::open(&request, &mut |_, _| {}, &GO_ON).expect("a model")
}

#[test]
fn pairs_are_decided_as_by_the_outside_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/mmvp_vlm");
    let text = std::fs::read_to_string(folder.join("expected.json")).expect("the reference");
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    let data = MmvpVlm::open(&folder).expect("the data set");
    let model = open(ModelSource::DemoClip);
    let mut done = Vec::new();
    let scores = data.score(&model, &mut |now| done.push(now), &GO_ON).expect("scores");
    assert_eq!(done, (1..=data.pairs.len()).collect::<Vec<_>>(), "told pair by pair");
    let pairs = expected["pairs"].as_array().expect("pairs");
    assert_eq!(scores.pairs.len(), pairs.len(), "all pairs");
    let (mut worst, mut right) = (0.0_f64, 0);
    for (found, pair) in scores.pairs.iter().zip(pairs) {
        assert_eq!(Value::from(found.questions.to_vec()), pair["questions"], "the same questions");
        for (idx, p) in found.first_photo.iter().enumerate() {
            let off = (p - pair["first_photo"][idx].as_f64().expect("a number")).abs();
            assert!(off <= BOUND, "{:?}: {p}, off by {off}", found.questions);
            worst = worst.max(off);
        }
        assert_eq!(Value::from(found.is_right), pair["is_right"], "{:?}", found.questions);
        right += usize::from(found.is_right);
    }
    assert!(right > 0 && right < pairs.len(), "pairs of both kinds: {right}");
    for (found, expected) in scores.patterns().iter().zip(expected["patterns"].as_array().expect("patterns")) {
        let off = found.unwrap_or(0.0) - expected.as_f64().unwrap_or(0.0);
        assert!(found.is_some() == expected.is_number() && off.abs() < 1e-12, "{found:?}, expected {expected}");
    }
    let scale = f64::from(logit_scale(&model).expect("CLIP has one"));
    assert!((scale - expected["logit_scale"].as_f64().expect("a number")).abs() < 1e-3, "{scale}");
    let told = scores.warnings.iter().any(|text| text.contains("the model's own factor is"));
    assert_eq!(told, (scale - 100.0).abs() > 1.0, "another factor is told: {scale}");
    println!("{worst:e} at most, {right} right");
}

#[test]
fn a_model_without_a_text_tower_has_no_score() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let data = MmvpVlm::open(&root.join("mmvp_vlm")).expect("the data set");
    for source in [ModelSource::Folder(root.join("vision/dinov2/checkpoint")), ModelSource::Demo] {
        let refused = data.score(&open(source), &mut |_| {}, &GO_ON).expect_err("no CLIP").to_string();
        assert!(refused.contains("which has no text tower") || refused.contains("a model that answers"), "{refused}");
    }
}
