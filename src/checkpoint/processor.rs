//! An image processor's configuration as the steps that `data` carries out.
//!
//! Which file counts, which class of transformers a file means and what that class does by default are decided as
//! transformers decides them (5.23: `image_processing_base.py`, `models/auto/image_processing_auto.py`, the classes'
//! own files).

mod class;
#[cfg(test)]
mod tests;

use self::class::Class;
use super::CheckpointError;
use super::config::{Fields, number};
use super::files::{FileObject, Files, kind_of, shown};
use crate::geometry::{Framing, PreprocessSpec, Resample, ResizeTo};
use serde_json::{Map, Value};
use std::path::Path;

const PREPROCESSOR: &str = "preprocessor_config.json";
const PROCESSOR: &str = "processor_config.json";
const EDGES_PX: std::ops::RangeInclusive<usize> = 1..=8192;

/// The processor of a checkpoint: nested in `processor_config.json`, or `preprocessor_config.json`, or CLIP's or
/// `SigLIP`'s defaults with a warning.
///
/// `class` is the one that transformers takes for this model where a file names none; `padded` is the original layout's
/// `image_aspect_ratio`.
pub(super) fn preprocess(
    files: &Files,
    class: &str,
    image_size: usize,
    padded: bool,
    warnings: &mut Vec<String>,
) -> Result<PreprocessSpec, CheckpointError> {
    let framing = |spec: PreprocessSpec| if padded { spec.with_framing(Framing::Pad) } else { spec };
    if let Some((map, path)) = processor_file(files)? {
        let spec = preprocess_spec(&map, &path, class, image_size, warnings)?;
        warnings.extend(stale_file(files, &path, class, &spec));
        return Ok(framing(spec));
    }
    let edge = u32::try_from(image_size).unwrap_or(u32::MAX);
    let clip = PreprocessSpec::clip(edge);
    let (name, spec) = if class == "SiglipImageProcessor" {
        let half = Some([0.5; 3]);
        let resize = Some(ResizeTo::Exact { height_px: edge, width_px: edge });
        ("SigLIP", PreprocessSpec { resize, crop_px: None, image_mean: half, image_std: half, ..clip })
    } else {
        ("CLIP", clip)
    };
    warnings.push(format!(
        "Expected {PREPROCESSOR}, found none: photos are prepared as {name} does at {image_size} px: {}",
        files.path(PREPROCESSOR).display()
    ));
    Ok(framing(spec))
}

/// The square that the processor makes, where it says so: an encoder that takes any size is opened for it.
pub(super) fn input_size(files: &Files, class: &str) -> Result<Option<usize>, CheckpointError> {
    let Some((map, path)) = processor_file(files)? else { return Ok(None) };
    let fields = Fields::new(&map, &path);
    let spec = read_spec(fields, Class::of(fields, class)?.0)?;
    let made = match (spec.crop_px, spec.resize) {
        (Some(crop), _) => Some(crop),
        (None, Some(ResizeTo::Exact { height_px, width_px })) => Some((height_px, width_px)),
        (None, _) => None,
    };
    Ok(made.filter(|(height, width)| height == width).and_then(|(side, _)| usize::try_from(side).ok()))
}

/// The newest transformers writes the nested form only, and it counts wherever it is; older ones write
/// `processor_config.json` without an image processor in it.
fn processor_file(files: &Files) -> Result<Option<FileObject>, CheckpointError> {
    const NESTED: &str = "image_processor";
    let path = files.path(PROCESSOR);
    if let Some(mut map) = files.object(PROCESSOR)? {
        match map.remove(NESTED) {
            None | Some(Value::Null) => {}
            Some(Value::Object(nested)) => return Ok(Some((nested, path))),
            Some(other) => return Err(Fields::new(&map, &path).refuse(NESTED, "an object", kind_of(&other))),
        }
    }
    Ok(files.object(PREPROCESSOR)?.map(|map| (map, files.path(PREPROCESSOR))))
}

/// A `preprocessor_config.json` that says something else than the nested form, which counts.
fn stale_file(files: &Files, counted: &Path, class: &str, spec: &PreprocessSpec) -> Option<String> {
    let path = files.path(PREPROCESSOR);
    if counted == path {
        return None;
    }
    let map = files.object(PREPROCESSOR).ok()??;
    let fields = Fields::new(&map, &path);
    let other = Class::of(fields, class).and_then(|(class, _)| read_spec(fields, class)).ok()?;
    (other != *spec).then(|| {
        format!(
            "{PREPROCESSOR} says something else and is not used: {PROCESSOR} holds the image processor: {}",
            path.display()
        )
    })
}

/// Reads one processor configuration and checks that what it makes fits the vision tower.
pub(super) fn preprocess_spec(
    map: &Map<String, Value>,
    path: &Path,
    class: &str,
    image_size: usize,
    warnings: &mut Vec<String>,
) -> Result<PreprocessSpec, CheckpointError> {
    let fields = Fields::new(map, path);
    let (class, unknown) = Class::of(fields, class)?;
    if let Some(name) = unknown {
        warnings.push(format!(
            "Expected the image processor of CLIP or LLaVA, found {name}: its steps are carried out as CLIP's: {}",
            path.display()
        ));
    }
    let spec = read_spec(fields, class)?;
    expect_input_size(fields, &spec, image_size)?;
    if fields.flag("do_pad")?.unwrap_or(false) && !class.pads {
        expect_no_padding(fields, image_size)?;
        warnings.push(format!(
            "do_pad is passed over: {} does not pad, LlavaImageProcessor does: {}",
            class.name,
            path.display()
        ));
    }
    Ok(spec)
}

fn read_spec(fields: Fields<'_>, class: &Class) -> Result<PreprocessSpec, CheckpointError> {
    // To Python `null` is no: it is what the file says, not what it leaves out.
    let flag = |key: &str, default: bool| {
        if fields.is_null(key) { Ok(false) } else { fields.flag(key).map(|flag| flag.unwrap_or(default)) }
    };
    let normalises = flag("do_normalize", true)?;
    Ok(PreprocessSpec {
        framing: if class.pads && flag("do_pad", false)? { Framing::Pad } else { Framing::Crop },
        resize: if flag("do_resize", true)? { Some(resize_to(fields, class)?) } else { None },
        resample: resample(fields, class)?,
        crop_px: if flag("do_center_crop", class.crop_px.is_some())? { Some(crop_px(fields, class)?) } else { None },
        rescale_factor: if flag("do_rescale", true)? {
            let factor = fields.positive("rescale_factor")?.unwrap_or(1.0 / 255.0);
            if !fits_f32(factor) {
                return Err(fields.refuse("rescale_factor", "a number that a 32-bit float holds", &factor));
            }
            Some(factor)
        } else {
            None
        },
        image_mean: if normalises {
            Some(channels(fields, "image_mean", false)?.unwrap_or(class.image_mean))
        } else {
            None
        },
        image_std: if normalises {
            Some(channels(fields, "image_std", true)?.unwrap_or(class.image_std))
        } else {
            None
        },
    })
}

fn edge(fields: Fields<'_>, key: &str) -> Result<Option<u32>, CheckpointError> {
    Ok(fields.size(key, EDGES_PX)?.and_then(|n| u32::try_from(n).ok()))
}

/// `[rows, columns]`.
fn two_edges(fields: Fields<'_>, key: &str) -> Option<(u32, u32)> {
    let edge = |value: &Value| {
        let edge = crate::json::whole(value).and_then(|n| usize::try_from(n).ok()).filter(|n| EDGES_PX.contains(n))?;
        u32::try_from(edge).ok()
    };
    match fields.get(key)?.as_array()?.as_slice() {
        [height, width] => edge(height).zip(edge(width)),
        _ => None,
    }
}

fn resize_to(fields: Fields<'_>, class: &Class) -> Result<ResizeTo, CheckpointError> {
    const EXPECTED: &str = "a number, shortest_edge, or height and width";
    let refuse = || Err(fields.refuse("size", EXPECTED, &fields.get("size").map(shown).unwrap_or_default()));
    match fields.get("size") {
        None if class.takes_square_size && fields.flag("use_square_size")?.unwrap_or(false) => match class.size {
            ResizeTo::ShortestEdge(edge) => Ok(ResizeTo::Exact { height_px: edge, width_px: edge }),
            exact @ ResizeTo::Exact { .. } => Ok(exact),
        },
        None => Ok(class.size),
        Some(Value::Number(_) | Value::String(_)) => {
            let Some(edge) = edge(fields, "size")? else { return refuse() };
            let square = fields.flag("default_to_square")?.unwrap_or(class.default_to_square);
            Ok(if square { ResizeTo::Exact { height_px: edge, width_px: edge } } else { ResizeTo::ShortestEdge(edge) })
        }
        Some(Value::Array(_)) => match two_edges(fields, "size") {
            Some((height_px, width_px)) => Ok(ResizeTo::Exact { height_px, width_px }),
            None => refuse(),
        },
        Some(_) => {
            let size = fields.object("size")?;
            let sides = (edge(size, "shortest_edge")?, edge(size, "height")?, edge(size, "width")?);
            match sides {
                (Some(shortest), None, None) if !size.has("longest_edge") => Ok(ResizeTo::ShortestEdge(shortest)),
                (None, Some(height_px), Some(width_px)) => Ok(ResizeTo::Exact { height_px, width_px }),
                _ => refuse(),
            }
        }
    }
}

fn crop_px(fields: Fields<'_>, class: &Class) -> Result<(u32, u32), CheckpointError> {
    let found = match fields.get("crop_size") {
        None => class.crop_px.map(|side| (side, side)),
        Some(Value::Number(_) | Value::String(_)) => edge(fields, "crop_size")?.map(|side| (side, side)),
        Some(Value::Array(_)) => two_edges(fields, "crop_size"),
        Some(_) => {
            let size = fields.object("crop_size")?;
            edge(size, "height")?.zip(edge(size, "width")?)
        }
    };
    found.ok_or_else(|| {
        let found = fields.get("crop_size").map_or_else(|| "none".to_owned(), shown);
        fields.refuse("crop_size", "a number, or height and width", &found)
    })
}

fn resample(fields: Fields<'_>, class: &Class) -> Result<Resample, CheckpointError> {
    match fields.size("resample", 0..=5)? {
        None => Ok(class.resample),
        Some(0) => Ok(Resample::Nearest),
        Some(1) => Ok(Resample::Lanczos),
        Some(2) => Ok(Resample::Bilinear),
        Some(4) => Ok(Resample::Box),
        Some(5) => Ok(Resample::Hamming),
        Some(_) => Ok(Resample::Bicubic),
    }
}

/// Whether the number keeps a value in the type that photos are normalised in.
fn fits_f32(number: f64) -> bool {
    #[expect(clippy::cast_possible_truncation, reason = "what f32 makes of it is what is checked")]
    let narrow = number as f32;
    narrow.is_finite() && (narrow == 0.0) == (number == 0.0)
}

/// Mean or standard deviation: three numbers, or one for all channels.
fn channels(fields: Fields<'_>, key: &str, divisor: bool) -> Result<Option<[f64; 3]>, CheckpointError> {
    let Some(value) = fields.get(key) else { return Ok(None) };
    let numbers: Option<Vec<f64>> = match value {
        Value::Array(list) => list.iter().map(number).collect(),
        single => number(single).map(|number| vec![number; 3]),
    };
    let valid = |x: &f64| !divisor || *x > 0.0;
    match numbers.as_deref() {
        Some(&[r, g, b]) if [r, g, b].iter().all(valid) => {
            // A mean that is too small for the type is 0 in it, which changes nothing; a divisor would divide by 0.
            let fits = |x: &f64| fits_f32(if divisor { *x } else { x.abs().max(1.0) });
            if ![r, g, b].iter().all(fits) {
                return Err(fields.refuse(key, "three numbers that a 32-bit float holds", &shown(value)));
            }
            Ok(Some([r, g, b]))
        }
        _ => Err(fields.refuse(key, if divisor { "three numbers above 0" } else { "three numbers" }, &shown(value))),
    }
}

/// Processors that pad do it behind everything else, up to `pad_size`: with the input's own size they do nothing.
fn expect_no_padding(fields: Fields<'_>, image_size: usize) -> Result<(), CheckpointError> {
    let Some(value) = fields.get("pad_size") else { return Ok(()) };
    let fits = |side: u32| usize::try_from(side).is_ok_and(|side| side == image_size);
    let size = match value {
        Value::Number(_) | Value::String(_) => edge(fields, "pad_size")?.map(|side| (side, side)),
        Value::Array(_) => two_edges(fields, "pad_size"),
        _ => {
            let size = fields.object("pad_size")?;
            edge(size, "height")?.zip(edge(size, "width")?)
        }
    };
    if size.is_some_and(|(height, width)| fits(height) && fits(width)) {
        return Ok(());
    }
    let expected = format!("{image_size} x {image_size}, the vision tower's image_size");
    Err(fields.refuse("pad_size", expected, &shown(value)))
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
