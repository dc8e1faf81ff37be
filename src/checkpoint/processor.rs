//! An image processor's configuration as the steps that `data` carries out.

use super::CheckpointError;
use super::config::Fields;
use super::files::{FileObject, Files};
use crate::geometry::{Framing, PreprocessSpec, Resample, ResizeTo};
use serde_json::{Map, Value};
use std::path::Path;

const PREPROCESSOR: &str = "preprocessor_config.json";
const PROCESSOR: &str = "processor_config.json";
/// `CLIPImageProcessor`'s own default size, for a file that leaves it out.
const DEFAULT_EDGE_PX: u32 = 224;
const EDGES_PX: std::ops::RangeInclusive<usize> = 1..=8192;
/// Processors whose steps are those of `CLIPImageProcessor`.
const KNOWN_TYPES: [&str; 10] = [
    "CLIPImageProcessor",
    "CLIPImageProcessorFast",
    "CLIPImageProcessorPil",
    "CLIPFeatureExtractor",
    "BitImageProcessor",
    "BitImageProcessorFast",
    "BitImageProcessorPil",
    "LlavaImageProcessor",
    "LlavaImageProcessorFast",
    "LlavaImageProcessorPil",
];

/// The processor of a checkpoint: `preprocessor_config.json`, or nested in `processor_config.json`, or CLIP's defaults with a warning.
///
/// `padded` is the original layout's `image_aspect_ratio`.
pub(super) fn preprocess(
    files: &Files,
    image_size: usize,
    padded: bool,
    warnings: &mut Vec<String>,
) -> Result<PreprocessSpec, CheckpointError> {
    let framing = |spec: PreprocessSpec| if padded { spec.with_framing(Framing::Pad) } else { spec };
    if let Some((map, path)) = processor_file(files)? {
        return preprocess_spec(&map, &path, image_size, warnings).map(framing);
    }
    warnings.push(format!(
        "Expected {PREPROCESSOR}, found none: photos are prepared as CLIP does at {image_size} px: {}",
        files.path(PREPROCESSOR).display()
    ));
    Ok(framing(PreprocessSpec::clip(u32::try_from(image_size).unwrap_or(u32::MAX))))
}

/// The square that the processor makes, where it says so: an encoder that takes any size is opened for it.
pub(super) fn input_size(files: &Files) -> Result<Option<usize>, CheckpointError> {
    let Some((map, path)) = processor_file(files)? else { return Ok(None) };
    let spec = read_spec(Fields::new(&map, &path))?;
    let made = match (spec.crop_px, spec.resize) {
        (Some(crop), _) => Some(crop),
        (None, Some(ResizeTo::Exact { height_px, width_px })) => Some((height_px, width_px)),
        (None, _) => None,
    };
    Ok(made.filter(|(height, width)| height == width).and_then(|(side, _)| usize::try_from(side).ok()))
}

fn processor_file(files: &Files) -> Result<Option<FileObject>, CheckpointError> {
    // The newest transformers writes the nested form only; older ones write processor_config.json without an image processor in it.
    if let Some(map) = files.object(PREPROCESSOR)? {
        return Ok(Some((map, files.path(PREPROCESSOR))));
    }
    let Some(mut map) = files.object(PROCESSOR)? else { return Ok(None) };
    match map.remove("image_processor") {
        Some(Value::Object(nested)) => Ok(Some((nested, files.path(PROCESSOR)))),
        _ => Ok(None),
    }
}

/// Reads one processor configuration and checks that what it makes fits the vision tower.
pub(super) fn preprocess_spec(
    map: &Map<String, Value>,
    path: &Path,
    image_size: usize,
    warnings: &mut Vec<String>,
) -> Result<PreprocessSpec, CheckpointError> {
    let fields = Fields::new(map, path);
    for key in ["image_processor_type", "feature_extractor_type"] {
        if let Some(name) = fields.text(key)?
            && !KNOWN_TYPES.contains(&name)
        {
            warnings.push(format!(
                "Expected the image processor of CLIP or LLaVA, found {name}: its steps are carried out as CLIP's: {}",
                path.display()
            ));
        }
    }
    let spec = read_spec(fields)?;
    expect_input_size(fields, &spec, image_size)?;
    Ok(spec)
}

fn read_spec(fields: Fields<'_>) -> Result<PreprocessSpec, CheckpointError> {
    let flag = |key: &str, default: bool| fields.flag(key).map(|flag| flag.unwrap_or(default));
    Ok(PreprocessSpec {
        framing: if flag("do_pad", false)? { Framing::Pad } else { Framing::Crop },
        resize: if flag("do_resize", true)? { Some(resize_to(fields)?) } else { None },
        resample: resample(fields)?,
        crop_px: if flag("do_center_crop", true)? { Some(crop_px(fields)?) } else { None },
        rescale_factor: if flag("do_rescale", true)? {
            Some(fields.positive("rescale_factor")?.unwrap_or(1.0 / 255.0))
        } else {
            None
        },
        image_mean: normalisation(fields, "image_mean", false)?,
        image_std: normalisation(fields, "image_std", true)?,
    })
}

fn edge(fields: Fields<'_>, key: &str) -> Result<Option<u32>, CheckpointError> {
    Ok(fields.size(key, EDGES_PX)?.and_then(|n| u32::try_from(n).ok()))
}

fn resize_to(fields: Fields<'_>) -> Result<ResizeTo, CheckpointError> {
    if matches!(fields.get("size"), None | Some(Value::Number(_))) {
        return Ok(ResizeTo::ShortestEdge(edge(fields, "size")?.unwrap_or(DEFAULT_EDGE_PX)));
    }
    let size = fields.object("size")?;
    let sides = (edge(size, "shortest_edge")?, edge(size, "height")?, edge(size, "width")?);
    match sides {
        (Some(shortest), None, None) if !size.has("longest_edge") => Ok(ResizeTo::ShortestEdge(shortest)),
        (None, Some(height_px), Some(width_px)) => Ok(ResizeTo::Exact { height_px, width_px }),
        _ => {
            let found = fields.get("size").map(ToString::to_string).unwrap_or_default();
            Err(fields.refuse("size", "a number, shortest_edge, or height and width", &found))
        }
    }
}

fn crop_px(fields: Fields<'_>) -> Result<(u32, u32), CheckpointError> {
    if matches!(fields.get("crop_size"), None | Some(Value::Number(_))) {
        let side = edge(fields, "crop_size")?.unwrap_or(DEFAULT_EDGE_PX);
        return Ok((side, side));
    }
    let size = fields.object("crop_size")?;
    if let (Some(height), Some(width)) = (edge(size, "height")?, edge(size, "width")?) {
        return Ok((height, width));
    }
    let found = fields.get("crop_size").map(ToString::to_string).unwrap_or_default();
    Err(fields.refuse("crop_size", "a number, or height and width", &found))
}

fn resample(fields: Fields<'_>) -> Result<Resample, CheckpointError> {
    match fields.size("resample", 0..=5)? {
        Some(0) => Ok(Resample::Nearest),
        Some(1) => Ok(Resample::Lanczos),
        Some(2) => Ok(Resample::Bilinear),
        Some(4) => Ok(Resample::Box),
        Some(5) => Ok(Resample::Hamming),
        _ => Ok(Resample::Bicubic),
    }
}

/// Mean or standard deviation; `None` when the processor does not normalise.
fn normalisation(fields: Fields<'_>, key: &str, divisor: bool) -> Result<Option<[f64; 3]>, CheckpointError> {
    if !fields.flag("do_normalize")?.unwrap_or(true) {
        return Ok(None);
    }
    let Some(value) = fields.get(key) else {
        let clip = PreprocessSpec::clip(DEFAULT_EDGE_PX);
        return Ok(if divisor { clip.image_std } else { clip.image_mean });
    };
    let numbers: Option<Vec<f64>> = value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    let valid = |x: &f64| x.is_finite() && (!divisor || *x > 0.0);
    match numbers.as_deref() {
        Some(&[r, g, b]) if [r, g, b].iter().all(valid) => Ok(Some([r, g, b])),
        _ => Err(fields.refuse(key, if divisor { "three numbers above 0" } else { "three numbers" }, value)),
    }
}

/// The vision tower has as many position embeddings as its own image size has patches: any other input is a mistake.
fn expect_input_size(fields: Fields<'_>, spec: &PreprocessSpec, image_size: usize) -> Result<(), CheckpointError> {
    let (key, found) = match (spec.crop_px, spec.resize) {
        (Some(crop), _) => ("crop_size", Some(crop)),
        (None, Some(ResizeTo::Exact { height_px, width_px })) => ("size", Some((height_px, width_px))),
        (None, Some(ResizeTo::ShortestEdge(edge))) if spec.framing == Framing::Pad => ("size", Some((edge, edge))),
        (None, _) => ("do_center_crop", None),
    };
    let fits = |side: u32| usize::try_from(side).is_ok_and(|side| side == image_size);
    match found {
        Some((height, width)) if fits(height) && fits(width) => Ok(()),
        Some((height, width)) => Err(fields.refuse(
            key,
            format!("{image_size} x {image_size}, the vision tower's image_size"),
            &format!("{height} x {width}"),
        )),
        None => Err(fields.refuse(key, format!("a crop to the vision tower's {image_size} x {image_size}"), "none")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: Value, image_size: usize) -> Result<PreprocessSpec, CheckpointError> {
        let Value::Object(map) = value else { panic!("an object") };
        preprocess_spec(&map, Path::new(PREPROCESSOR), image_size, &mut Vec::new())
    }

    #[test]
    fn every_spelling_of_a_size_is_read() {
        let square = json!({"height": 336, "width": 336});
        for (size, crop) in [
            (json!(336), json!(336)),
            (json!({"shortest_edge": 336}), square.clone()),
            (json!({"shortest_edge": 336}), json!(336)),
        ] {
            let spec = read(json!({"size": size, "crop_size": crop}), 336).unwrap();
            assert_eq!(spec, PreprocessSpec::clip(336), "{size} {crop}");
        }
        let exact = read(json!({"size": square, "do_center_crop": false}), 336).unwrap();
        assert_eq!(exact.resize, Some(ResizeTo::Exact { height_px: 336, width_px: 336 }), "both edges");
        assert_eq!(exact.crop_px, None, "no crop");
        assert_eq!(read(json!({}), 224).unwrap(), PreprocessSpec::clip(224), "CLIPImageProcessor's own defaults");
    }

    #[test]
    fn steps_that_are_switched_off_are_left_out() {
        let spec =
            read(json!({"size": 8, "crop_size": 8, "do_rescale": false, "do_normalize": false, "resample": 2}), 8)
                .unwrap();
        assert_eq!(
            (spec.rescale_factor, spec.image_mean, spec.image_std),
            (None, None, None),
            "no rescaling, no normalisation"
        );
        assert_eq!(spec.resample, Resample::Bilinear, "Pillow's 2");
        let pad = read(json!({"size": 8, "crop_size": 8, "do_pad": true}), 8).unwrap();
        assert_eq!(pad.framing, Framing::Pad, "LlavaImageProcessor's padding");
        let off = read(json!({"do_resize": false, "crop_size": 8}), 8).unwrap();
        assert_eq!(off.resize, None, "only the crop");
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
            (json!({"image_mean": [0.2]}), "Expected three numbers for image_mean"),
            (json!({"rescale_factor": 0}), "Expected a number above 0 for rescale_factor, found 0"),
        ] {
            let sentence = refusal(value);
            assert!(sentence.starts_with(expected), "{sentence}");
        }
    }

    #[test]
    fn a_processor_of_another_family_is_mentioned() {
        let mut warnings = Vec::new();
        let Value::Object(map) = json!({"image_processor_type": "SiglipImageProcessor", "size": 8, "crop_size": 8})
        else {
            panic!("an object")
        };
        preprocess_spec(&map, Path::new(PREPROCESSOR), 8, &mut warnings).unwrap();
        assert!(warnings.iter().any(|warning| warning.contains("found SiglipImageProcessor")), "{warnings:?}");
    }

    #[test]
    fn the_nested_form_of_the_newest_transformers_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::Folder(folder.path().to_owned());
        let mut warnings = Vec::new();
        std::fs::write(
            folder.path().join(PROCESSOR),
            r#"{"image_processor": {"size": 8, "crop_size": 8, "resample": 1}}"#,
        )
        .unwrap();
        let spec = preprocess(&files, 8, false, &mut warnings).unwrap();
        assert_eq!((spec.resample, warnings.len()), (Resample::Lanczos, 0), "read, and nothing to warn of");
        std::fs::write(folder.path().join(PROCESSOR), r#"{"patch_size": 4, "processor_class": "LlavaProcessor"}"#)
            .unwrap();
        let spec = preprocess(&files, 8, true, &mut warnings).unwrap();
        assert_eq!(
            spec,
            PreprocessSpec::clip(8).with_framing(Framing::Pad),
            "an older file without an image processor"
        );
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }
}
