//! Every form of a processor's configuration.

use super::*;
use serde_json::json;

const CLIP: &str = "CLIPImageProcessor";

fn read_as(value: Value, class: &str, image_size: usize) -> Result<(PreprocessSpec, Vec<String>), CheckpointError> {
    let Value::Object(map) = value else { panic!("an object") };
    let mut warnings = Vec::new();
    preprocess_spec(&map, Path::new(PREPROCESSOR), class, image_size, &mut warnings).map(|spec| (spec, warnings))
}

fn read(value: Value, image_size: usize) -> Result<PreprocessSpec, CheckpointError> {
    read_as(value, CLIP, image_size).map(|(spec, _)| spec)
}

#[test]
fn every_spelling_of_a_size_is_read() {
    let square = json!({"height": 336, "width": 336});
    for (size, crop) in [
        (json!(336), json!(336)),
        (json!({"shortest_edge": 336}), square.clone()),
        (json!({"shortest_edge": 336}), json!(336)),
        (json!(336.0), json!("336")),
        (json!({"shortest_edge": 336.0}), json!([336, 336])),
        (json!({"shortest_edge": "336"}), json!({"height": 336.0, "width": "336"})),
    ] {
        let spec = read(json!({"size": size, "crop_size": crop}), 336).unwrap();
        assert_eq!(spec, PreprocessSpec::clip(336), "{size} {crop}");
    }
    let exact = read(json!({"size": square, "do_center_crop": false}), 336).unwrap();
    assert_eq!(exact.resize, Some(ResizeTo::Exact { height_px: 336, width_px: 336 }), "both edges");
    assert_eq!(exact.crop_px, None, "no crop");
    for size in [json!([336, 336]), json!({"height": 336.0, "width": 336})] {
        let spec = read(json!({"size": size, "do_center_crop": false}), 336).unwrap();
        assert_eq!(spec.resize, exact.resize, "{size}: rows and columns");
    }
    let square = read(json!({"size": 336, "default_to_square": true, "crop_size": 336}), 336).unwrap();
    assert_eq!(square.resize, exact.resize, "one number for both edges, where the file says so");
    let kosmos = read(json!({"use_square_size": true}), 224).unwrap();
    assert_eq!(kosmos.resize, Some(ResizeTo::Exact { height_px: 224, width_px: 224 }), "CLIP's older flag");
    assert_eq!(read(json!({}), 224).unwrap(), PreprocessSpec::clip(224), "CLIPImageProcessor's own defaults");
}

#[test]
fn steps_that_are_switched_off_are_left_out() {
    let spec =
        read(json!({"size": 8, "crop_size": 8, "do_rescale": false, "do_normalize": false, "resample": 2}), 8).unwrap();
    assert_eq!(
        (spec.rescale_factor, spec.image_mean, spec.image_std),
        (None, None, None),
        "no rescaling, no normalisation"
    );
    assert_eq!(spec.resample, Resample::Bilinear, "Pillow's 2");
    let off = read(json!({"do_resize": false, "crop_size": 8}), 8).unwrap();
    assert_eq!(off.resize, None, "only the crop");
}

#[test]
fn null_switches_a_step_off_as_in_transformers() {
    let all = json!({"size": 8, "crop_size": 8, "do_resize": null, "do_rescale": null, "do_normalize": null});
    let spec = read(all, 8).unwrap();
    assert_eq!((spec.resize, spec.rescale_factor, spec.image_mean), (None, None, None), "and not its default");
}

#[test]
fn an_input_that_the_tower_has_no_positions_for_is_refused() {
    let refusal = |value: Value| read(value, 336).unwrap_err().to_string();
    for (value, expected) in [
        (json!({"size": 336}), "Expected 336 x 336, the vision tower's image_size for crop_size, found 224 x 224"),
        (
            json!({"size": 336, "do_center_crop": false}),
            "Expected a crop to the vision tower's 336 x 336 for do_center_crop, found none",
        ),
        (json!({"size": {"height": 336}}), "Expected a number, shortest_edge, or height and width for size"),
        (
            json!({"size": {"shortest_edge": 336, "longest_edge": 400}}),
            "Expected a number, shortest_edge, or height and width for size",
        ),
        (
            json!({"size": {"shortest_edge": -1}}),
            "Expected a whole number from 1 to 8192 for size.shortest_edge, found -1",
        ),
        (json!({"resample": 9}), "Expected a whole number from 0 to 5 for resample, found 9"),
        (json!({"image_std": [0.2, 0.0, 0.2]}), "Expected three numbers above 0 for image_std"),
        (
            json!({"image_std": [0.2, {"$number": "NaN"}, 0.2]}),
            "Expected three numbers above 0 for image_std, found [0.2,NaN,0.2]",
        ),
        (json!({"crop_size": {"shortest_edge": 336}}), "Expected a number, or height and width for crop_size"),
        (json!({"size": {"$number": "NaN"}}), "Expected an object for size, found a number that is none"),
        (json!({"size": [336]}), "Expected a number, shortest_edge, or height and width for size, found [336]"),
        (json!({"image_mean": [0.2]}), "Expected three numbers for image_mean"),
        (json!({"rescale_factor": 0}), "Expected a number above 0 for rescale_factor, found 0"),
    ] {
        let sentence = refusal(value);
        assert!(sentence.starts_with(expected), "{sentence}");
    }
}

#[test]
fn a_processor_that_is_not_known_is_mentioned() {
    let value = json!({"image_processor_type": "PixtralImageProcessor", "size": 8, "crop_size": 8});
    let (spec, warnings) = read_as(value, CLIP, 8).unwrap();
    assert_eq!(spec, PreprocessSpec::clip(8), "CLIP's steps");
    assert!(warnings.iter().any(|warning| warning.contains("found PixtralImageProcessor")), "{warnings:?}");
}

/// What the classes of transformers 5.23 do with an empty configuration: `CLASS()`.
#[test]
fn every_class_has_its_own_defaults() {
    let half = Some([0.5; 3]);
    let exact = |side| Some(ResizeTo::Exact { height_px: side, width_px: side });
    let clip = PreprocessSpec::clip(224);
    for (name, expected) in [
        ("CLIPFeatureExtractor", clip.clone()),
        ("LlavaImageProcessorFast", clip.clone()),
        ("BitImageProcessorPil", clip.clone()),
        (
            "ViTImageProcessor",
            PreprocessSpec {
                resize: exact(224),
                crop_px: None,
                resample: Resample::Bilinear,
                image_mean: half,
                image_std: half,
                ..clip.clone()
            },
        ),
        (
            "DeiTFeatureExtractor",
            PreprocessSpec { resize: exact(256), image_mean: half, image_std: half, ..clip.clone() },
        ),
        (
            "SiglipImageProcessorFast",
            PreprocessSpec { resize: exact(224), crop_px: None, image_mean: half, image_std: half, ..clip.clone() },
        ),
    ] {
        let key = if name.ends_with("Extractor") { "feature_extractor_type" } else { "image_processor_type" };
        let (spec, warnings) = read_as(json!({key: name}), CLIP, 224).unwrap();
        assert_eq!((spec, warnings.len()), (expected, 0), "{name}");
    }
    let both = json!({"image_processor_type": "CLIPImageProcessor", "feature_extractor_type": "ViTFeatureExtractor"});
    assert_eq!(read(both, 224).unwrap(), clip, "the newer name counts");
    let unsaid = read_as(json!({"size": 8}), "ViTImageProcessor", 8).unwrap().0;
    assert_eq!(unsaid.resize, exact(8), "the model's own class where the file names none");
}

#[test]
fn only_llavas_processor_pads() {
    let padded = |mut value: Value, class: &str| {
        value["size"] = json!(8);
        value["crop_size"] = json!(8);
        value["do_pad"] = json!(true);
        read_as(value, class, 8)
    };
    for (value, class) in [
        (json!({"image_processor_type": "LlavaImageProcessor"}), CLIP),
        (json!({"image_processor_type": "LlavaImageProcessorFast"}), CLIP),
        (json!({}), "LlavaImageProcessor"),
    ] {
        let (spec, warnings) = padded(value.clone(), class).unwrap();
        assert_eq!((spec.framing, warnings.len()), (Framing::Pad, 0), "{value}: pads, and nothing to warn of");
    }
    for (value, class) in [
        (json!({"image_processor_type": "CLIPImageProcessor"}), "LlavaImageProcessor"),
        (json!({"image_processor_type": "CLIPImageProcessorFast"}), "LlavaImageProcessor"),
        (json!({"image_processor_type": "BitImageProcessor"}), "LlavaImageProcessor"),
        (json!({"feature_extractor_type": "CLIPFeatureExtractor"}), "LlavaImageProcessor"),
        (json!({"pad_size": {"height": 8, "width": 8}}), CLIP),
        (json!({}), CLIP),
    ] {
        let (spec, warnings) = padded(value.clone(), class).unwrap();
        assert_eq!(spec, PreprocessSpec::clip(8), "{value}: crops");
        assert!(warnings.iter().any(|warning| warning.starts_with("do_pad is passed over: ")), "{value}: {warnings:?}");
    }
    let refused = padded(json!({"pad_size": {"height": 9, "width": 9}}), CLIP).unwrap_err().to_string();
    assert!(refused.starts_with("Expected 8 x 8, the vision tower's image_size for pad_size, found"), "{refused}");
}

#[test]
fn numbers_that_would_overflow_are_refused_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::Folder(folder.path().to_owned());
    for (key, value, is_right) in [
        ("image_mean", json!([1e308, 0.5, 0.5]), false),
        ("image_mean", json!(-1e39), false),
        ("image_mean", json!([1e-60, 0.5, 0.5]), true),
        ("image_std", json!([0.5, 1e-60, 0.5]), false),
        ("image_std", json!(1e300), false),
        ("rescale_factor", json!(1e300), false),
        ("rescale_factor", json!(1e-60), false),
        ("rescale_factor", json!(1e-5), true),
    ] {
        let mut map = json!({"size": 8, "crop_size": 8});
        map[key] = value.clone();
        std::fs::write(folder.path().join(PREPROCESSOR), map.to_string()).unwrap();
        let read = preprocess(&files, CLIP, 8, false, &mut Vec::new());
        if is_right {
            assert!(read.is_ok(), "{key} {value}");
            continue;
        }
        let refused = read.unwrap_err().to_string();
        assert!(refused.contains(&format!("that a 32-bit float holds for {key}, found ")), "{value}: {refused}");
        assert!(refused.ends_with(PREPROCESSOR), "the file comes last: {refused}");
    }
}

#[test]
fn the_nested_processor_counts_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::Folder(folder.path().to_owned());
    let write = |name: &str, value: &Value| std::fs::write(folder.path().join(name), value.to_string()).unwrap();
    let spec = |padded: bool| {
        let mut warnings = Vec::new();
        preprocess(&files, "LlavaImageProcessor", 8, padded, &mut warnings).map(|spec| (spec, warnings))
    };
    write(
        PROCESSOR,
        &json!({"image_processor": {"size": 8, "crop_size": 8, "resample": 1}, "video_processor": {"size": 9}}),
    );
    let (found, warnings) = spec(false).unwrap();
    assert_eq!((found.resample, warnings.len()), (Resample::Lanczos, 0), "read, and nothing to warn of");
    write(PREPROCESSOR, &json!({"size": 8.0, "crop_size": 8, "resample": 1}));
    let (found, warnings) = spec(false).unwrap();
    assert_eq!((found.resample, warnings.len()), (Resample::Lanczos, 0), "two files that say the same");
    write(PREPROCESSOR, &json!({"size": 8, "crop_size": 8, "resample": 2}));
    let (found, warnings) = spec(false).unwrap();
    assert_eq!(found.resample, Resample::Lanczos, "a stale file does not count");
    assert!(warnings.len() == 1 && warnings[0].contains("is not used"), "{warnings:?}");
    write(PREPROCESSOR, &json!({"size": 99_999}));
    assert_eq!(spec(false).unwrap().0.resample, Resample::Lanczos, "whatever is wrong with it");
    write("video_preprocessor_config.json", &json!({"size": 7}));
    assert_eq!(spec(false).unwrap().0.resample, Resample::Lanczos, "videos have their own");
    for nested in [json!(null), json!({})] {
        let wrapper =
            if nested.is_null() { json!({"image_processor": null, "patch_size": 4}) } else { json!({"patch_size": 4}) };
        write(PROCESSOR, &wrapper);
        write(PREPROCESSOR, &json!({"size": 8, "crop_size": 8, "resample": 2}));
        assert_eq!(spec(false).unwrap().0.resample, Resample::Bilinear, "{wrapper}: nothing is nested");
    }
    write(PROCESSOR, &json!({"image_processor": [1]}));
    let refused = spec(false).unwrap_err().to_string();
    assert!(refused.starts_with("Expected an object for image_processor, found a list"), "{refused}");
    write(PROCESSOR, &json!({"patch_size": 4, "processor_class": "LlavaProcessor"}));
    std::fs::remove_file(folder.path().join(PREPROCESSOR)).unwrap();
    let (found, warnings) = spec(true).unwrap();
    assert_eq!(found, PreprocessSpec::clip(8).with_framing(Framing::Pad), "an older file without an image processor");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
}
