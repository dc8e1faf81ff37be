//! `gazelens metrics` and the figures behind it: against scikit-learn on real masks, against a slow count on a trace,
//! and refused.

use super::shared;
use gazelens::analysis::localisation::{Evaluation, METRICS, Ranked};
use gazelens::data::coco::{Crowds, Instances};
use gazelens::ids::{HeadIdx, LayerIdx};
use gazelens::trace::file::TraceFile;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

fn gazelens(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET", "RUST_BACKTRACE"] {
        command.env_remove(name);
    }
    command.env("HF_HUB_OFFLINE", "1").args(args).output().expect("the program starts")
}

fn figures(args: &[&str]) -> Value {
    let output = gazelens(&[&["metrics", "--json"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// One sentence on standard error with this status, and nothing else.
#[track_caller]
fn refused(args: &[&str], status: i32) -> String {
    let output = gazelens(&[&["metrics", "--json"], args].concat());
    let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {sentence}");
    assert!(output.stdout.is_empty(), "{args:?}: nothing on standard output");
    assert_eq!(sentence.trim_end().lines().count(), 1, "{args:?}: one line: {sentence}");
    sentence
}

/// `heat` of `tests/golden/localisation.py`.
fn heat(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let value = |(x, y): (u32, u32)| x * 160 / width + y * 60 / height + ((x * 73) ^ (y * 151)) % 64 + seed;
    pixels.map(|at| u8::try_from(value(at) % 256).expect("below 256")).collect()
}

fn write_grey(path: &Path, width: u32, height: u32, grey: Vec<u8>) -> String {
    image::GrayImage::from_raw(width, height, grey).expect("the size fits").save(path).expect("a PNG file");
    path.display().to_string()
}

fn golden() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/localisation.json");
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path).expect("the golden file")).expect("JSON");
    all["coco"].as_array().expect("cases").clone()
}

#[track_caller]
fn assert_close(found: &Value, expected: &Value, what: &str) {
    let close = match (found.as_f64(), expected.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs().max(1.0),
        (None, None) => true,
        _ => false,
    };
    assert!(close, "{what}: found {found}, expected {expected}");
}

fn number(value: &Value) -> u32 {
    value.as_u64().and_then(|v| u32::try_from(v).ok()).expect("a small number")
}

#[test]
fn figures_on_real_masks_are_those_of_scikit_learn() {
    let Some(path) = shared("coco/instances.json") else { return };
    let instances = Instances::open(&path, &mut |_| {}, &AtomicBool::new(false)).expect("a COCO file");
    let cases = golden();
    assert!(cases.len() > 20, "many masks, found {}", cases.len());
    for case in &cases {
        let expected = &case["figures"];
        let (width, height) = (number(&case["size"][0]), number(&case["size"][1]));
        let name = case["category"].as_str().expect("a name");
        let category = instances.category_named(name).expect("a category of the file");
        let image_id = case["image_id"].as_u64().expect("a number");
        let mask = instances.category_mask(image_id, category.id, Crowds::Included).expect("a mask");
        let heat: Vec<u16> = heat(width, height, number(&case["seed"])).into_iter().map(u16::from).collect();
        let ranked = Ranked::of_levels(&heat, 255, mask.pixels()).expect("the photo's size");
        let at = Evaluation::at_mean(&ranked);
        for (key, found) in [
            ("mask_area", json!(ranked.mask_area())),
            ("threshold", json!(at.threshold)),
            ("tp", json!(at.counts.true_positive)),
            ("fp", json!(at.counts.false_positive)),
            ("fn", json!(at.counts.false_negative)),
            ("tn", json!(at.counts.true_negative)),
        ] {
            assert_close(&found, &expected[key], &format!("{image_id} {name}: {key}"));
        }
        for metric in METRICS {
            let found = json!(metric.value(&at).ok());
            assert_close(&found, &expected[metric.id], &format!("{image_id} {name}: {}", metric.id));
        }
    }
}

#[test]
fn the_command_prints_the_figures_of_a_heat_map() {
    let Some(path) = shared("coco/instances.json") else { return };
    let annotations = path.display().to_string();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for case in golden().iter().step_by(9) {
        let (width, height) = (number(&case["size"][0]), number(&case["size"][1]));
        let file = write_grey(&folder.path().join("h.png"), width, height, heat(width, height, number(&case["seed"])));
        let (id, name) = (case["image_id"].to_string(), case["category"].as_str().expect("a name"));
        let found =
            figures(&["--annotations", &annotations, "--image-id", &id, "--category", name, "--heatmap", &file]);
        for (key, expected) in case["figures"].as_object().expect("figures") {
            assert_close(&found[key], expected, &format!("{id} {name}: {key}"));
        }
        assert_eq!((&found["variant"], &found["scale"]), (&json!("paper"), &json!("0..255")), "both are named");
    }
}

/// The photo that traces of these tests are about.
const PHOTO: &str = "demo_01_beach.png";

/// An annotation file with a rectangle on image 7, which is [`PHOTO`] of this size, and an image 8 without objects.
fn annotations(folder: &Path, width: u32, height: u32) -> String {
    let (w, h) = (f64::from(width), f64::from(height));
    let ring = [0.25 * w, 0.25 * h, 0.75 * w, 0.25 * h, 0.75 * w, 0.9 * h, 0.25 * w, 0.9 * h];
    let file = json!({
        "images": [
            {"id": 7, "file_name": PHOTO, "width": width, "height": height},
            {"id": 8, "file_name": "b.png", "width": width, "height": height},
        ],
        "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}],
        "annotations": [{
            "id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "segmentation": [ring], "area": w * h * 0.325,
            "bbox": [0.25 * w, 0.25 * h, 0.5 * w, 0.65 * h],
        }],
    });
    let path = folder.join("instances.json");
    std::fs::write(&path, file.to_string()).expect("a writable folder");
    path.display().to_string()
}

fn traced(folder: &Path, framing: &str) -> (PathBuf, String) {
    let out = folder.join(format!("{framing}.safetensors"));
    let name = out.display().to_string();
    let question = ["trace", "--image", PHOTO, "--prompt", "Is there a dog in the image?"];
    let output = gazelens(&[&question[..], &["--framing", framing, "--out", &name]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (out, name)
}

#[test]
fn the_attention_of_a_token_is_measured_on_the_pixels_of_its_patches() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for framing in ["crop", "pad"] {
        let (out, name) = traced(folder.path(), framing);
        let trace = TraceFile::read(&out).expect("a trace").trace;
        let size = trace.run.view.image;
        let file = annotations(folder.path(), size.width_px, size.height_px);
        let base = ["--annotations", &file, "--image-id", "7", "--category", "dog", "--trace", &name, "--token", "0"];
        let found = figures(&[&base[..], &["--layer", "1", "--head", "2"]].concat());

        let (layer, head) = (LayerIdx::new(1, 9).expect("below"), HeadIdx::new(2, 9).expect("below"));
        let row = trace.decoder_attention[0].head(layer, head).into_owned();
        let patches = &row[trace.image_token_span.range()];
        let instances = Instances::open(Path::new(&file), &mut |_| {}, &AtomicBool::new(false)).expect("a COCO file");
        let mask = instances.category_mask(7, 1, Crowds::Included).expect("a mask");
        let mut pixels = Vec::new();
        for y in 0..size.height_px {
            for x in 0..size.width_px {
                let patch = trace.run.view.patch_at(f64::from(x) + 0.5, f64::from(y) + 0.5);
                let value = patch.map(|pos| f64::from(patches[trace.run.view.grid.idx(pos)]));
                pixels.push((value, mask.contains(x, y)));
            }
        }
        assert_eq!(found["mask_area"].as_u64(), Some(mask.area_px()), "{framing}: the whole mask");
        let seen: Vec<(f64, bool)> = pixels.iter().filter_map(|(v, inside)| v.map(|v| (v, *inside))).collect();
        let whole: Vec<(f64, bool)> = pixels.iter().map(|(v, inside)| (v.unwrap_or(0.0), *inside)).collect();
        for (figures, counted, variant) in [(&found, &seen, "seen"), (&found["paper"], &whole, "paper")] {
            assert_eq!(figures["variant"], variant, "{framing}: named");
            let mean = counted.iter().map(|(v, _)| v).sum::<f64>() / counted.len() as f64;
            let count = |above: bool, within: bool| {
                counted.iter().filter(|(v, inside)| (*v >= mean) == above && *inside == within).count()
            };
            let what = format!("{framing} {variant}");
            assert_close(&figures["threshold"], &json!(mean), &what);
            assert_eq!(figures["tp"], json!(count(true, true)), "{what}: tp");
            assert_eq!(figures["fp"], json!(count(true, false)), "{what}: fp");
            assert_eq!(figures["fn"], json!(count(false, true)), "{what}: fn");
            let mass = |all: bool| -> f64 { counted.iter().filter(|(_, i)| all || *i).map(|(v, _)| v).sum() };
            assert_close(&figures["mass"], &json!(mass(false) / mass(true)), &what);
        }
        for (key, expected) in
            [("layer", json!(1)), ("head", json!(2)), ("sampling", json!("nearest")), ("token", json!(0))]
        {
            assert_eq!(found[key], expected, "{framing}: {key} is named");
        }
        let all = figures(&base);
        assert!(all["layer"].as_str().is_some_and(|text| text.starts_with("mean of ")), "said: {}", all["layer"]);
        let smooth = figures(&[&base[..], &["--sampling", "bicubic"]].concat());
        assert_eq!(smooth["sampling"], "bicubic", "named");
        let table = gazelens(&[&["metrics"], &base[..]].concat());
        let text = String::from_utf8_lossy(&table.stdout).into_owned();
        for metric in METRICS {
            assert!(text.contains(metric.label), "{} stands in the table: {text}", metric.label);
        }
    }
}

#[test]
fn a_trace_is_measured_on_its_own_photo_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let in_folder = |name: &str| folder.path().join(name).display().to_string();
    let photo = gazelens::data::demo::image(PHOTO).expect("bundled");
    let asked = |name: &str| {
        std::fs::write(in_folder(name), photo.png).expect("a writable folder");
        let out = in_folder("t.safetensors");
        let question = ["trace", "--image", &in_folder(name), "--prompt", "Is there a dog in the image?"];
        let output = gazelens(&[&question[..], &["--out", &out]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        out
    };
    let trace = asked("000000000139.png");
    let size = TraceFile::read(Path::new(&trace)).expect("a trace").trace.run.view.image;
    let file = annotations(folder.path(), size.width_px, size.height_px);
    let renamed = |name: &str| {
        let text = std::fs::read_to_string(in_folder("instances.json")).expect("there");
        let mut json: Value = serde_json::from_str(&text).expect("JSON");
        json["images"][0]["file_name"] = name.into();
        std::fs::write(in_folder("instances.json"), json.to_string()).expect("a writable folder");
    };
    let base = ["--annotations", &file, "--image-id", "7", "--category", "dog", "--trace", &trace, "--token", "0"];
    // The same photo under every name that the data set's join takes for it.
    for name in ["000000000139.png", "val2017/000000000139.jpg", "COCO_val2014_000000000139.jpg", ""] {
        renamed(name);
        figures(&base);
    }
    for name in ["000000000140.png", "a.png", "COCO_val2014_000000000140.jpg"] {
        renamed(name);
        let sentence = refused(&base, 1);
        let both = sentence.contains(name) && sentence.contains("000000000139.png");
        assert!(both && sentence.trim_end().ends_with("t.safetensors"), "both names: {sentence}");
        let output = gazelens(&[&["metrics", "--json"], &base[..], &["--allow-mismatch"]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.starts_with("warning: Expected a trace of image 7"), "{said}");
    }
    // The photo is at hand and is another one by now: where it was, and beside the annotations.
    renamed("000000000139.png");
    let other = gazelens::data::demo::IMAGES.iter().find(|image| image.file_name != PHOTO).expect("two are bundled");
    std::fs::write(in_folder("000000000139.png"), other.png).expect("a writable folder");
    let sentence = refused(&base, 1);
    assert!(sentence.contains("as in the trace, found") && sentence.trim_end().ends_with("139.png"), "{sentence}");
    std::fs::remove_file(in_folder("000000000139.png")).expect("there");
    figures(&base);
    std::fs::write(in_folder("COCO_val2014_000000000139.jpg"), other.png).expect("a writable folder");
    renamed("COCO_val2014_000000000139.jpg");
    assert!(refused(&base, 1).trim_end().ends_with("COCO_val2014_000000000139.jpg"), "beside the annotations");
}

#[test]
fn the_unsplit_row_of_a_trace_is_that_of_damro_s_hooks() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, _) = traced(folder.path(), "crop");
    let vision = TraceFile::read(&out).expect("a trace").trace.vision.expect("an encoder with [CLS]");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/cls_unsplit.safetensors");
    let golden = candle_core::safetensors::load(path, &candle_core::Device::Cpu).expect("the golden file");
    let rows = golden["vision_cls_unsplit"].to_vec2::<f32>().expect("a row a layer");
    assert_eq!(rows.len(), vision.num_hidden_layers, "every layer");
    for (layer_idx, expected) in LayerIdx::all(rows.len()).zip(&rows) {
        let found = vision.unsplit(layer_idx);
        assert_eq!(found.len(), expected.len(), "every patch");
        let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // The contract's bound for probabilities.
        assert!(difference < 1e-4, "layer {layer_idx}: differs by {difference}");
        let largest = expected.iter().copied().fold(0.0, f32::max);
        assert!(largest > 2.0 / expected.len() as f32, "layer {layer_idx}: the row says something, {largest}");
    }
}

#[test]
fn figures_that_are_not_defined_are_null_with_a_reason() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = annotations(folder.path(), 8, 8);
    let heat = write_grey(&folder.path().join("h.png"), 8, 8, (0..64).collect());
    let found = figures(&["--annotations", &file, "--image-id", "8", "--category", "dog", "--heatmap", &heat]);
    assert_eq!(found["mask_area"], 0, "no such object");
    for key in ["recall", "roc_auc", "average_precision", "mass_ratio", "pointing_game"] {
        assert_eq!(found[key], Value::Null, "{key} has no value");
        assert_eq!(found["undefined"][key], "the mask is empty", "{key}: the reason");
    }
    assert_eq!((found["precision"].as_f64(), found["iou"].as_f64()), (Some(0.0), Some(0.0)), "all above is false");
}

#[test]
fn heat_maps_of_16_bits_are_measured_to_their_last_digit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = annotations(folder.path(), 8, 8);
    let path = folder.path().join("deep.png");
    // Levels that are one in 8 bits.
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_fn(8, 8, |x, y| {
        image::Luma([30_000 + u16::try_from(8 * y + x).expect("small")])
    });
    deep.save(&path).expect("a PNG file");
    let heat = path.display().to_string();
    let found = figures(&["--annotations", &file, "--image-id", "7", "--category", "dog", "--heatmap", &heat]);
    assert_eq!(found["normalisation"], "h / 65535", "what 1 is");
    assert_eq!(found["threshold"].as_f64(), Some(30_031.5), "the mean, in the map's own levels");
    assert_eq!(found["tp"].as_u64().zip(found["fp"].as_u64()).map(|(tp, fp)| tp + fp), Some(32), "half lies above it");
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, trace) = traced(folder.path(), "crop");
    let size = TraceFile::read(&out).expect("a trace").trace.run.view.image;
    let file = annotations(folder.path(), size.width_px, size.height_px);
    let small = write_grey(&folder.path().join("small.png"), 8, 8, vec![0; 64]);
    let (w, h) = (size.width_px, size.height_px);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let red = image::RgbImage::from_pixel(w, h, image::Rgb([9, 0, 0]));
    red.save(path("red.png")).expect("a PNG file");
    let red = path("red.png");
    let base = ["--annotations", file.as_str(), "--image-id", "7", "--category", "dog"];
    let with = |more: &[&str], status: i32| refused(&[&base[..], more].concat(), status);
    for (sentence, words, last) in [
        (with(&["--heatmap", &small], 1), "found 8 x 8", small.as_str()),
        (with(&["--heatmap", &red], 1), "Expected a grey picture, found the colour 9, 0, 0", &red),
        (with(&["--heatmap", &file], 1), "Expected a PNG", &file),
        (with(&["--trace", &trace, "--token", "99"], 2), "Expected --token as one of", &trace),
        (with(&["--trace", &trace, "--token", "0", "--layer", "99"], 2), "Expected --layer below", &trace),
        (with(&["--trace", &trace, "--token", "0", "--head", "99"], 2), "Expected --head below", &trace),
        (with(&["--trace", &small, "--token", "0"], 1), "Expected a safetensors file", &small),
        (with(&["--trace", "nowhere", "--token", "0"], 1), "Could not read", "nowhere"),
        (
            refused(&["--annotations", &file, "--image-id", "7", "--category", "cat", "--heatmap", &small], 1),
            "found `cat`",
            &file,
        ),
        (
            refused(&["--annotations", &file, "--image-id", "9", "--category", "dog", "--heatmap", &small], 1),
            "found 9",
            &file,
        ),
        (
            refused(&["--annotations", &small, "--image-id", "7", "--category", "dog", "--heatmap", &small], 1),
            "Expected",
            &small,
        ),
    ] {
        assert!(sentence.contains(words), "expected `{words}` in: {sentence}");
        assert!(sentence.trim_end().ends_with(last), "the file comes last: {sentence}");
    }
    let other = annotations(folder.path(), 5, 4);
    let sentence = refused(
        &["--annotations", &other, "--image-id", "7", "--category", "dog", "--trace", &trace, "--token", "0"],
        1,
    );
    assert!(sentence.contains("Expected a trace of a photo of 5 x 4 pixels"), "{sentence}");
    for wrong in [
        &["--trace", trace.as_str()][..],
        &["--heatmap", &small, "--token", "0"],
        &["--heatmap", &small, "--trace", &trace, "--token", "0"],
        &[],
    ] {
        with(wrong, 2);
    }
}
