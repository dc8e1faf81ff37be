//! An image processor's configuration as the steps that `data` carries out.

use super::CheckpointError;
use super::config::Fields;
use super::files::Files;
use crate::geometry::{Framing, PreprocessSpec, Resample, ResizeTo};
use serde_json::{Map, Value};
use std::path::Path;

const PREPROCESSOR: &str = "preprocessor_config.json";
const PROCESSOR: &str = "processor_config.json";
/// `CLIPImageProcessor`'s own default size, for a file that leaves it out.
const DEFAULT_EDGE_PX: u32 = 224;
const EDGES_PX: std::ops::RangeInclusive<usize> = 1..=8192;
/// Processors whose steps are those of `CLIPImageProcessor`.
const KNOWN_TYPES: [&str; 7] = [
    "CLIPImageProcessor",
    "CLIPImageProcessorFast",
    "CLIPImageProcessorPil",
    "CLIPFeatureExtractor",
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

fn processor_file(files: &Files) -> Result<Option<(Map<String, Value>, std::path::PathBuf)>, CheckpointError> {
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
    let flag = |key: &str, default: bool| fields.flag(key).map(|flag| flag.unwrap_or(default));
    let spec = PreprocessSpec {
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
    };
    expect_input_size(fields, &spec, image_size)?;
    Ok(spec)
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
            Err(fields.refuse("size", "a number, shortest_edge, or height and width", found))
        }
    }
}

fn crop_px(fields: Fields<'_>) -> Result<(u32, u32), CheckpointError> {
    if matches!(fields.get("crop_size"), None | Some(Value::Number(_))) {
        let side = edge(fields, "crop_size")?.unwrap_or(DEFAULT_EDGE_PX);
        return Ok((side, side));
    }
    let size = fields.object("crop_size")?;
    match (edge(size, "height")?, edge(size, "width")?) {
        (Some(height), Some(width)) => Ok((height, width)),
        _ => {
            let found = fields.get("crop_size").map(ToString::to_string).unwrap_or_default();
            Err(fields.refuse("crop_size", "a number, or height and width", found))
        }
    }
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
            format!("{height} x {width}"),
        )),
        None => Err(fields.refuse(key, format!("a crop to the vision tower's {image_size} x {image_size}"), "none")),
    }
}
