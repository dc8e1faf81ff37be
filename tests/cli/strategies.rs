//! `--strategy`: contrastive decoding from the command line.

use super::{folder, gazelens, one_sentence, path, stderr, stdout, trace_to};
use gazelens::trace::file::TraceFile;
use std::path::Path;

fn read(path: &str) -> TraceFile {
    TraceFile::read(Path::new(path)).expect("a valid trace")
}

#[test]
fn strategies_write_both_branches_and_what_was_chosen_from() {
    let folder = folder();
    let plain = path(folder.path(), "plain");
    assert!(trace_to(&plain, &["--logits"]).status.success(), "plain");
    let plain = read(&plain);
    assert!(plain.extras.negative_logits.is_empty() && plain.extras.outlier_tokens.is_none(), "plain has one branch");
    for (spec, name) in [("vcd:alpha=1.5", "vcd"), ("damro:k=7", "damro"), ("icd", "icd"), ("pai-cfg", "pai-cfg")] {
        let out = path(folder.path(), name);
        let output = trace_to(&out, &["--logits", "--json", "--strategy", spec]);
        assert!(output.status.success(), "{spec}: {}", stderr(&output));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let step = &json["tokens"][0]["contrast"];
        assert!(step["num_removed"].as_u64() > Some(0) && step["alpha"].as_f64() > Some(0.0), "{spec}: {step}");
        let TraceFile { trace, extras } = read(&out);
        let tokens = trace.output.len();
        let rows = [&extras.logits, &extras.negative_logits, &extras.final_logits];
        assert!(rows.iter().all(|rows| rows.len() == tokens && tokens > 0), "{spec}: three kinds of logits");
        let worst = extras.logits[0].iter().zip(&plain.extras.logits[0]).map(|(a, b)| (a - b).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-3, "{spec}: the ordinary branch is untouched");
        let last = &extras.final_logits[0];
        assert!(last.iter().any(|logit| logit.is_infinite()), "{spec}: removed candidates are minus infinity");
        assert!(last[trace.output[0].id as usize].is_finite(), "{spec}: what is left is chosen");
        assert_eq!(extras.outlier_tokens.map(|outliers| outliers.len()), (name == "damro").then_some(7), "{spec}");
        assert_eq!(trace.run.strategy.name, name, "the run names it");
    }
    let run = read(&path(folder.path(), "vcd")).trace.run;
    let names: Vec<_> = run.strategy.parameters.keys().map(String::as_str).collect();
    assert_eq!(names, ["alpha", "beta", "noise", "preset", "step"], "with every parameter");
    assert_eq!(run.strategy.parameters["alpha"], 1.5, "as it was used");
}

#[test]
fn a_disturbed_prompt_is_read_from_a_file() {
    let folder = folder();
    let (file, out) = (path(folder.path(), "prompt.txt"), path(folder.path(), "t"));
    let text = "You see badly, and in a hurry. USER: <image>\nIs there a dog in the image? ASSISTANT:";
    std::fs::write(&file, text).expect("a writable folder");
    let spec = format!("icd:prompt=@{file}");
    let output = trace_to(&out, &["--strategy", &spec]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(read(&out).trace.run.strategy.parameters["prompt"], text, "word for word");
    let missing = format!("icd:prompt=@{file}.none");
    let trace = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--out", &out, "--strategy"];
    let sentence = one_sentence(&[&trace[..], &[&missing]].concat(), 1);
    assert!(sentence.contains("prompt.txt.none"), "{sentence}");
}

#[test]
fn strategies_that_cannot_work_are_refused_in_a_sentence() {
    let folder = folder();
    let (out, noise) = (path(folder.path(), "t"), path(folder.path(), "noise.safetensors"));
    let bytes = [0_u8; 48];
    let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![3, 2, 2], &bytes).expect("a tensor");
    safetensors::serialize_to_file([("noise", view)], None, Path::new(&noise)).expect("a file is written");
    let trace = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--out", &out, "--strategy"];
    let (small, missing) = (format!("vcd:noise={noise}"), format!("vcd:noise={noise}.none"));
    for (spec, status, expected) in [
        ("vdc", 2, "Expected one of the strategies plain, vcd, damro, icd, pai-cfg, m3id, found vdc"),
        ("vcd:gamma=1", 2, "found gamma"),
        ("vcd:alpha=much", 2, "as a number from 0 to 10, found much"),
        ("damro:k=145", 2, "as a whole number from 1 to 144, found 145"),
        (&missing, 1, "Cannot read `noise` of vcd from a file: no such file"),
        (&small, 1, "found [3, 2, 2]"),
    ] {
        let sentence = one_sentence(&[&trace[..], &[spec]].concat(), status);
        assert!(sentence.contains(expected), "{spec}: {sentence}");
        assert!(!Path::new(&out).exists(), "{spec}: nothing is written");
    }
    let clip = one_sentence(&[&trace[..], &["vcd", "--model", "demo-clip"]].concat(), 1);
    assert!(clip.contains("without a decoder"), "{clip}");
}

#[test]
fn strategies_are_listed_with_their_ranges_and_presets() {
    let json: serde_json::Value =
        serde_json::from_slice(&gazelens(&["list", "strategies", "--json"]).stdout).expect("a JSON array");
    let vcd = json.as_array().and_then(|all| all.iter().find(|entry| entry["id"] == "vcd")).expect("listed");
    let alpha = vcd["parameters"].as_array().and_then(|all| all.iter().find(|one| one["name"] == "alpha"));
    let kind = &alpha.expect("a parameter")["kind"];
    assert_eq!((&kind["type"], &kind["max"]), (&"real".into(), &10.0.into()), "its range");
    assert_eq!(vcd["presets"][1]["id"], "official", "its presets");
    let text = stdout(&gazelens(&["list", "strategies"]));
    assert!(text.contains("preset=official") && text.contains("step=500"), "{text}");
}

#[test]
fn beams_are_recorded_and_what_they_cannot_do_is_refused() {
    let folder = folder();
    let out = path(folder.path(), "beams");
    let output = trace_to(&out, &["--json", "--beams", "3", "--length-penalty", "0.5", "--strategy", "vcd"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!((&json["beams"], &json["length_penalty"]), (&3.into(), &0.5.into()), "said with the answer");
    let trace = read(&out).trace;
    assert_eq!((trace.run.beams, trace.run.length_penalty.to_bits()), (3, 0.5_f64.to_bits()), "and in the trace");
    assert_eq!(trace.output.len(), trace.decoder_attention.len(), "every token has its row");
    assert!(trace.output.iter().all(|token| token.contrast.is_some()), "the contrast acts in every beam");
    let again = path(folder.path(), "again");
    assert!(
        trace_to(&again, &["--beams", "3", "--length-penalty", "0.5", "--strategy", "vcd"]).status.success(),
        "again"
    );
    assert_eq!(read(&again).trace.output, trace.output, "the same answer every time");
    let (plain, one) = (path(folder.path(), "plain"), path(folder.path(), "one"));
    assert!(trace_to(&plain, &[]).status.success() && trace_to(&one, &["--beams", "1"]).status.success(), "both");
    assert_eq!(std::fs::read(&plain).expect("a file"), std::fs::read(&one).expect("a file"), "one beam is greedy");
    assert_eq!(read(&plain).trace.run.beams, 1, "a trace that does not say it has one");
    let base = ["trace", "--image", "demo_01_beach.png", "--prompt", "x", "--out", &out];
    for (more, expected) in [
        (["--beams", "2", "--temperature", "0.5"], "Expected temperature 0 with 2 beams"),
        (["--beams", "17", "--seed", "1"], "expected a whole number from 1 to 16"),
        (["--beams", "0", "--seed", "1"], "expected a whole number from 1 to 16"),
        (["--beams", "2", "--length-penalty", "nan"], "expected a number from -100 to 100"),
    ] {
        let sentence = one_sentence(&[&base[..], &more].concat(), 2);
        assert!(sentence.contains(expected), "{more:?}: {sentence}");
    }
}
