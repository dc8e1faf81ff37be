//! Files as people have them: what they give is what the same data gives where it is written soundly.
//!
//! `tests/golden/odd_files.py` wrote many of them together with what is right; `../shared/cases` holds those of public
//! bug reports.

use crate::cases;
use gazelens::data::coco::{Crowds, FileKind, Instances, sniff};
use gazelens::data::pope::{Label, Questions};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

static GOLDEN: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../golden/odd_files.json")).expect("the golden file parses"));

fn golden(kind: &str) -> &'static [Value] {
    GOLDEN[kind].as_array().expect("a list of files")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn gazelens(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(args).env_remove("RUST_BACKTRACE").output().expect("the program starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn masks_of_odd_files_are_those_of_pycocotools() {
    for (place, case) in golden("instances").iter().enumerate() {
        let file = text(&case["file"]).to_owned();
        let instances = Instances::from_bytes(file.clone().into_bytes(), Path::new("odd.json"));
        let instances = instances.unwrap_or_else(|err| panic!("file {place}: {err}\n{file}"));
        for expected in case["masks"].as_array().expect("lines") {
            let mut words = text(expected).split(' ');
            let mut word = || words.next().expect("five words");
            let (image, category, crowds) = (word().parse().expect("a number"), word(), word());
            let crowds = if crowds == "all" { Crowds::Included } else { Crowds::LeftOut };
            let category = instances.category_named(category).unwrap_or_else(|| panic!("file {place}: {category}"));
            let mask = instances.category_mask(image, category.id, crowds);
            let mask = mask.unwrap_or_else(|err| panic!("file {place}, {expected}: {err}\n{file}"));
            let bytes: Vec<u8> = mask.pixels().iter().map(|inside| u8::from(*inside)).collect();
            let hash =
                Sha256::digest(&bytes).iter().take(8).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            let found = format!("{} {hash}", mask.area_px());
            assert!(text(expected).ends_with(&found), "file {place}: {expected}, here {found}\n{file}");
        }
    }
}

#[test]
fn figures_of_odd_files_are_those_of_the_sound_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (captions, instances) = (folder.path().join("c.json"), folder.path().join("i.json"));
    for (place, case) in golden("captions").iter().enumerate() {
        std::fs::write(&captions, text(&case["file"])).expect("can be written");
        std::fs::write(&instances, text(&case["instances"])).expect("can be written");
        let (captions, instances) = (captions.display().to_string(), instances.display().to_string());
        let output = gazelens(&["chair", "--captions", &captions, "--annotations", &instances, "--json"]);
        let said = format!("file {place}: {}{}", stderr(&output), case["file"]);
        assert!(output.status.success() && !said.contains("left out"), "{said}");
        let found: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        for name in ["CHAIRs", "CHAIRi", "recall"] {
            let [found, expected] = [&found[name], &case["figures"][name]].map(Value::as_f64);
            let same = found.zip(expected).is_some_and(|(found, expected)| (found - expected).abs() < 1e-12);
            assert!(same || (found, expected) == (None, None), "{name}: {found:?}, not {expected:?}: {said}");
        }
    }
}

#[test]
fn questions_of_odd_files_are_those_of_the_sound_ones() {
    for (place, case) in golden("questions").iter().enumerate() {
        let questions = Questions::from_bytes(text(&case["file"]).as_bytes(), Path::new("odd.json"));
        let questions = questions.unwrap_or_else(|err| panic!("file {place}: {err}"));
        assert!(questions.problems().is_empty(), "file {place}: {:?}", questions.problems());
        let expected = case["questions"].as_array().expect("questions");
        assert_eq!(questions.questions().len(), expected.len(), "file {place}: all of them");
        for (found, expected) in questions.questions().iter().zip(expected) {
            let label = if expected["label"] == "yes" { Label::Yes } else { Label::No };
            assert_eq!(Some(found.question_id), expected["question_id"].as_u64(), "file {place}: its number");
            assert_eq!(
                (found.image.as_str(), found.text.as_str()),
                (text(&expected["image"]), text(&expected["text"]))
            );
            assert_eq!(found.label, label, "file {place}: the answer");
        }
    }
}

#[test]
fn masks_of_reported_files_have_the_pixels_of_pycocotools() {
    let Some(folder) = cases("coco") else { return };
    let out = tempfile::tempdir().expect("a temporary folder");
    let mask = out.path().join("m.png").display().to_string();
    for (name, image) in [
        ("base", "1"),
        ("c01_string_category", "1"),
        ("c02_float_ids", "1"),
        ("c02b_float_iscrowd", "1"),
        ("c02c_float_size", "1"),
        ("c03_string_image_ids", "324158"),
        ("c07_area_list", "1"),
        ("c07b_area_nan", "1"),
        ("c07e_bbox_nulls", "1"),
        ("c09_lvis", "1"),
        ("c10_duplicate_ids", "1"),
    ] {
        let file = folder.join(name).with_extension("json").display().to_string();
        let args = ["mask", "--annotations", &file, "--image-id", image, "--category", "dog", "--out", &mask];
        let output = gazelens(&args);
        let said = stderr(&output);
        assert!(output.status.success() && !said.contains("left out"), "{name}: {said}");
        assert_eq!(said.contains("both objects are used"), name == "c10_duplicate_ids", "{name}: {said}");
        let photo = gazelens::data::Photo::open(Path::new(&mask)).expect("a picture");
        let inside = photo.rgb.iter().step_by(3).filter(|grey| **grey == 255).count();
        assert_eq!(inside, 1035, "{name}");
    }
}

#[test]
fn captions_of_reports_have_the_figures_of_the_sound_ones() {
    let Some(folder) = cases("chair") else { return };
    let path = |name: &str| folder.join(name).display().to_string();
    for (captions, instances) in [
        ("lines.jsonl", "inst.json"),
        ("lines_nan.jsonl", "inst.json"),
        ("array_nan.json", "inst.json"),
        ("array_float_id.json", "inst.json"),
        ("array_name_id.json", "inst.json"),
        ("imgtoeval.json", "inst.json"),
        ("imgtoeval_nan.json", "inst.json"),
        ("imgtoeval_nul.json", "inst.json"),
        ("lines.jsonl", "inst_nan_area.json"),
        ("lines.jsonl", "inst_float_iscrowd.json"),
    ] {
        let output = gazelens(&["chair", "--captions", &path(captions), "--annotations", &path(instances)]);
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = stderr(&output);
        assert!(output.status.success() && said.is_empty(), "{captions}, {instances}: {said}");
        assert!(found.contains("CHAIRs 66.7 %  CHAIRi 40.0 %"), "{captions}, {instances}: {found}");
        assert!(found.contains("\n3 captions, 0 without"), "{captions}, {instances}: {found}");
    }
    let panoptic = path("inst_panoptic.json");
    let output = gazelens(&["chair", "--captions", &path("lines.jsonl"), "--annotations", &panoptic]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: None of 3 annotations is usable: annotation 0: ") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn questions_of_reports_are_those_of_the_sound_file() {
    let Some(folder) = cases("pope") else { return };
    let read = |name: &str| {
        let path = folder.join(name);
        assert_eq!(sniff(&path).ok(), Some(FileKind::Questions), "{name}");
        let questions = Questions::open(&path, &mut |_| {}, &AtomicBool::new(false));
        let questions = questions.unwrap_or_else(|err| panic!("{name}: {err}"));
        assert!(questions.problems().is_empty(), "{name}: {:?}", questions.problems());
        let all = questions.questions().iter();
        let stem = |name: &str| name.trim_end_matches(".jpg").to_owned();
        all.map(|one| (stem(&one.image), one.text.clone(), one.label)).collect::<Vec<_>>()
    };
    let expected = read("p0_plain.json");
    assert_eq!(expected.len(), 3, "the sound file");
    for name in [
        "p1_array.json",
        "p2_lmms.jsonl",
        "p5_qid_string.json",
        "p5b_qid_null.json",
        "p6b_array_lines.json",
        "p7_nan.json",
    ] {
        assert_eq!(read(name), expected, "{name}");
    }
}
