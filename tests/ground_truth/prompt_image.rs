//! `gazelens prompt-image` from outside.

use gazelens::data::{Photo, demo};
use gazelens::prompting::blend;
use safetensors::SafeTensors;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

const IMAGE: &str = "demo_04_park.png";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
        command.env("HF_HUB_OFFLINE", "1").env("HF_HUB_CACHE", "no/such/cache").env_remove("RUST_BACKTRACE");
        command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("prompt-image").args(more);
        for (flag, name) in [("--out", "b.png"), ("--mask-out", "m.png"), ("--map-out", "a.safetensors")] {
            if !more.contains(&flag) {
                command.arg(flag).arg(self.path(name));
            }
        }
        command.output().expect("the program starts")
    }

    fn json(&self, more: &[&str]) -> (Value, String) {
        let output = self.run(&[more, &["--image", IMAGE, "--json"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{more:?}: {said}");
        (serde_json::from_slice(&output.stdout).expect("one JSON object"), said)
    }

    /// It must fail with this status and one sentence, and write nothing.
    fn refused(&self, more: &[&str], status: i32) -> String {
        let output = self.run(more);
        let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{more:?}: {sentence}");
        assert!(output.stdout.is_empty(), "nothing on standard output: {more:?}");
        assert!(!sentence.contains("panicked") && sentence.trim_end().lines().count() == 1, "one line: {sentence}");
        assert_eq!(std::fs::read_dir(self.0.path()).expect("readable").count(), 0, "nothing is written: {more:?}");
        sentence
    }

    fn photo(&self, name: &str) -> Photo {
        Photo::open(&self.path(name)).expect("a picture")
    }
}

fn original() -> Photo {
    demo::image(IMAGE).expect("bundled").photo().expect("a photo")
}

/// The three files belong together and to the photo.
fn check_files(folder: &Folder, grey: u8, names: &[&str]) {
    let (original, prompted, mask) = (original(), folder.photo("b.png"), folder.photo("m.png"));
    assert_eq!((prompted.size(), mask.size()), (original.size(), original.size()), "the photo's size");
    let levels: Vec<u8> = mask.rgb.iter().step_by(3).copied().collect();
    assert!(blend(&original.rgb, &levels, grey) == prompted.rgb[..], "the prompted photo is the photo under the mask");
    assert!(levels.iter().any(|level| *level > 200) && levels.iter().any(|level| *level < 100), "light and dark");
    let bytes = std::fs::read(folder.path("a.safetensors")).expect("written");
    let maps = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    for name in [&["attribution", "mask"], names].concat() {
        let shape = maps.tensor(name).unwrap_or_else(|err| panic!("{name}: {err}")).shape().to_vec();
        assert!(shape.ends_with(&[12, 12]), "{name} lies on the patches: {shape:?}");
    }
}

#[test]
fn clip_prompts_a_photo() {
    let folder = Folder::new();
    // The bundled model of `demo` answers; its CLIP is meant.
    let (json, said) = folder.json(&["--attribution", "clip", "--model", "demo", "--query", "dog", "--label", "yes"]);
    check_files(&folder, 0, &["cls_map", "token_map", "contributions", "similarities", "last_cosines"]);
    assert_eq!(
        (&json["model"], &json["layer"], &json["num_layers"]),
        (&"demo-clip".into(), &4.into(), &6.into()),
        "defaults"
    );
    assert_eq!((&json["kernel"], &json["enhance"], &json["grey"]), (&3.into(), &5.0.into(), &0.into()), "as published");
    assert_eq!(json["resample"], "lanczos", "as published");
    let pre_output = &json["pre_output"];
    assert_eq!(pre_output["object"], "dog", "the query is the object");
    let yes = pre_output["yes_probability"].as_f64().expect("a probability");
    assert_eq!(pre_output["said"], if yes >= 0.5 { "yes" } else { "no" }, "from one half on");
    assert_eq!(pre_output["right"], yes >= 0.5, "a label was given");
    let cited = pre_output["citation"].as_str().expect("a label was given");
    let expected = if yes >= 0.5 {
        "CLIP is right about this photo. In Tomita et al. (Table 1) accuracy was higher on such questions (89.4 \
            against 82.5 %)"
    } else {
        "CLIP is wrong about this photo: “dog” is in it. In Tomita et al. (Table 1) accuracy was lower on such \
            questions (82.5 against 89.4 %)"
    };
    assert_eq!(cited, expected, "the published numbers and no verdict");
    assert!(!said.contains("known to"), "nor a warning: {said}");

    let first = folder.photo("b.png");
    let more = ["--grey", "200", "--kernel", "7", "--enhance", "10", "--resample", "bicubic", "--layer", "3"];
    let paper = ["--formula", "paper", "--geometry", "aligned"];
    let base = ["--attribution", "clip", "--query", "dog"];
    folder.json(&[&base[..], &more, &paper].concat());
    check_files(&folder, 200, &[]);
    assert!(folder.photo("b.png") != first, "options matter");
}

#[test]
fn llava_prompts_a_photo() {
    let folder = Folder::new();
    let args = ["--attribution", "llava", "--query", "Is there a dog in the image?"];
    let (json, _) = folder.json(&[&args[..], &["--label", "no"]].concat());
    check_files(&folder, 0, &["attention", "image_attention"]);
    assert_eq!((&json["layer"], &json["num_layers"]), (&2.into(), &4.into()), "five eighths up");
    let said = json["pre_output"]["text"].as_str().expect("an answer");
    let right = said.starts_with("No");
    assert_eq!(json["pre_output"]["right"].as_bool(), Some(right), "{said}");
    let output = folder.run(&[&args[..], &["--image", IMAGE]].concat());
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), said, "without --json the answer");
}

#[test]
fn what_cannot_be_prompted_is_one_sentence() {
    let folder = Folder::new();
    let base = ["--attribution", "clip", "--image", IMAGE, "--query", "dog"];
    let refused = |more: &[&str], status: i32| folder.refused(&[&base[..], more].concat(), status);
    for (more, expected) in [
        (&["--kernel", "4"][..], "odd"),
        (&["--kernel", "-3"], "odd"),
        (&["--enhance", "-1"], "from 0"),
        (&["--enhance", "nan"], "from 0"),
        (&["--grey", "256"], "256"),
        (&["--resample", "sharp"], "lanczos"),
        (&["--max-new-tokens", "0"], "from 1"),
        (&["--layer", "6"], "--layer below 6, found 6"),
    ] {
        let sentence = refused(more, 2);
        assert!(sentence.contains(expected), "{sentence}");
    }
    let twice = folder.path("b.png").display().to_string();
    assert!(refused(&["--mask-out", &twice], 2).contains("different files"), "one file cannot be both");
    let jpeg = folder.path("b.jpg").display().to_string();
    let sentence = refused(&["--out", &jpeg], 2);
    assert!(
        sentence.contains("--out as a PNG, found the ending jpg"),
        "a name that promises another format: {sentence}"
    );
    assert!(refused(&["--out", "no/such/folder/b.png"], 1).contains("no such folder"), "told at once");
    assert!(folder.refused(&["--attribution", "clip", "--image", IMAGE], 2).contains("--query"), "no query");
    let nothing = ["--attribution", "clip", "--image", IMAGE, "--query", "  "];
    assert!(folder.refused(&nothing, 2).contains("found nothing"), "an empty query");
    let nowhere = ["--attribution", "clip", "--image", "nowhere.png", "--query", "dog"];
    let sentence = folder.refused(&nowhere, 1);
    assert_eq!(sentence.trim_end(), "error: Cannot open nowhere.png: no such file", "no photo");
}

#[test]
fn an_attribution_of_another_kind_of_model_is_refused() {
    let folder = Folder::new();
    let refused = |attribution: &str, model: &str| {
        let args = ["--attribution", attribution, "--model", model, "--image", IMAGE, "--query", "dog"];
        folder.refused(&args, 1)
    };
    let sentence = refused("llava", "demo-clip");
    assert!(sentence.contains("answers questions") && sentence.trim_end().ends_with("demo-clip"), "{sentence}");
    let sentence = refused("clip", "assets/demo/llava");
    assert!(sentence.contains("a CLIP with both towers") && sentence.contains("with a decoder"), "{sentence}");
}
