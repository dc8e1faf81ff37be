//! An attribution map of a file that `gazelens prompt-image --map-out` wrote, or that lies beside a figure.

use super::FigureError;
use crate::geometry::{PatchGrid, RectPx};
use crate::prompting::file::attribution_bytes;
use crate::prompting::{Attribution, PromptOptions, PromptingError, grid_mask};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::Path;

/// One value a patch, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct MapFile {
    /// The patches.
    pub grid: PatchGrid,
    /// **Shape** `[rows, cols]`.
    pub values: Vec<f32>,
    /// How much of each patch stays, 0 to 1. **Shape** `[rows, cols]`.
    pub mask: Vec<f32>,
    /// The part of the photo that the patches cover.
    pub seen_px: RectPx,
    /// `clip` or `llava`.
    pub source: String,
    /// What was looked for.
    pub query: String,
    /// 0-based.
    pub layer: usize,
    /// `official` or `paper`.
    pub formula: String,
    /// Hash of the photo's file.
    pub image_hash: String,
}

/// Where a model looked, to be written as such a file.
#[derive(Debug, Clone, Copy)]
pub struct MapSubject<'a> {
    /// The maps of all layers.
    pub attribution: &'a Attribution,
    /// Layer, formula and the mask's.
    pub options: &'a PromptOptions,
    /// The model that looked.
    pub model_id: &'a str,
    /// Hash of its weights.
    pub weight_hash: &'a str,
    /// What it looked for.
    pub query: &'a str,
    /// Name of the photo.
    pub image: &'a str,
    /// Hash of the photo's file.
    pub image_hash: &'a str,
}

#[derive(Deserialize)]
struct Run {
    attribution: String,
    image_hash: String,
    query: String,
    layer: usize,
    formula: String,
    seen_rect: RectPx,
}

/// Headers are small; one that says otherwise is damaged.
const MOST_HEADER_BYTES: u64 = 16 << 20;

impl MapFile {
    /// The bytes of a file that [`Self::read`] reads.
    pub fn bytes(subject: &MapSubject<'_>) -> Result<Vec<u8>, PromptingError> {
        let MapSubject { attribution, options, model_id, weight_hash, query, image, image_hash } = *subject;
        let layer_idx = options.layer_idx.unwrap_or_else(|| attribution.default_layer());
        let map = attribution.map(Some(layer_idx), options.formula)?;
        let mask = grid_mask(attribution, options)?;
        let run = json!({
            "attribution": attribution.source().id(),
            "model": model_id,
            "weight_hash": weight_hash,
            "image": image,
            "image_hash": image_hash,
            "query": query,
            "layer": layer_idx,
            "num_layers": attribution.num_layers(),
            "formula": options.formula.id(),
            "kernel": options.kernel,
            "enhance": options.enhance,
            "resample": options.resample,
            "grey": options.grey,
            "geometry": options.geometry.id(),
            "grid": [attribution.grid().rows, attribution.grid().cols],
            "seen_rect": attribution.view.rect_px,
            "flat": mask.is_flat,
            "program_version": env!("CARGO_PKG_VERSION"),
        });
        Ok(attribution_bytes(attribution, layer_idx, &map, &mask, &run))
    }

    /// Reads a file's bytes; `path` is for messages.
    pub fn read(bytes: &[u8], path: &Path) -> Result<Self, FigureError> {
        parse(bytes).map_err(|found| FigureError::Recipe {
            expected: "an attribution file of gazelens (safetensors)".to_owned(),
            found,
            path: path.to_owned(),
        })
    }
}

fn parse(bytes: &[u8]) -> Result<MapFile, String> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("fewer than 8 bytes")?;
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER_BYTES {
        return Err(format!("a header of {length} bytes"));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let (header, data) = rest.split_at_checked(length).ok_or("a header that is cut off")?;
    let header: Value = serde_json::from_slice(header).map_err(|err| format!("a header that is no JSON ({err})"))?;
    let ends = header.as_object().into_iter().flatten().filter_map(|(_, info)| info["data_offsets"][1].as_u64());
    if ends.max().unwrap_or(0) != data.len() as u64 {
        return Err("tensors that are cut off".to_owned());
    }
    let metadata = &header["__metadata__"];
    if metadata["format"] != "gazelens-attribution" {
        return Err("another format".to_owned());
    }
    let run = metadata["run"].as_str().ok_or("no description of the run")?;
    let run: Run = serde_json::from_str(run).map_err(|err| format!("a description of the run with {err}"))?;
    let (grid, values) = tensor(&header["attribution"], data)?;
    let (mask_grid, mask) = tensor(&header["mask"], data)?;
    if grid != mask_grid {
        return Err("a map and a mask of different shapes".to_owned());
    }
    let Run { attribution: source, image_hash, query, layer, formula, seen_rect: seen_px } = run;
    Ok(MapFile { grid, values, mask, seen_px, source, query, layer, formula, image_hash })
}

/// An f32 tensor `[rows, cols]`, all finite.
fn tensor(info: &Value, data: &[u8]) -> Result<(PatchGrid, Vec<f32>), String> {
    let number = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([a, b]) => number(a).zip(number(b)),
        _ => None,
    };
    let (rows, cols) = pair(&info["shape"]).ok_or("a tensor without rows and columns")?;
    let (start, end) = pair(&info["data_offsets"]).ok_or("a tensor without a place")?;
    let bytes = data.get(start..end).ok_or("a tensor beyond the end of the file")?;
    let grid = PatchGrid::checked(rows, cols).ok_or_else(|| format!("a map of {rows} x {cols} patches"))?;
    if info["dtype"] != "F32" || grid.len().checked_mul(4) != Some(bytes.len()) {
        return Err("a tensor of another size".to_owned());
    }
    let values: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    match values.iter().find(|value| !value.is_finite()) {
        Some(bad) => Err(format!("the value {bad}")),
        None => Ok((grid, values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(change: impl FnOnce(&mut Value)) -> Vec<u8> {
        let run = json!({"attribution": "clip", "image_hash": "0", "query": "a dog", "layer": 1, "formula": "official",
            "seen_rect": {"x0": 0.0, "y0": 0.0, "x1": 10.0, "y1": 10.0}});
        let mut header = json!({
            "__metadata__": {"format": "gazelens-attribution"},
            "attribution": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
            "mask": {"dtype": "F32", "shape": [2, 2], "data_offsets": [16, 32]},
            "run": run,
        });
        change(&mut header);
        let run = header.as_object_mut().and_then(|header| header.remove("run")).expect("a run");
        header["__metadata__"]["run"] = run.to_string().into();
        let header = header.to_string();
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &[0; 32]].concat()
    }

    #[test]
    fn a_map_whose_numbers_nothing_can_have_is_refused() {
        type Change = fn(&mut Value);
        let read = |bytes: &[u8]| MapFile::read(bytes, Path::new("map.safetensors"));
        assert!(read(&file(|_| {})).is_ok(), "as it is");
        let changes: [(Change, &str); 5] = [
            (|header| header["run"]["seen_rect"]["x1"] = 1e308.into(), "a rectangle with an area"),
            (|header| header["run"]["seen_rect"]["x1"] = (-1.0).into(), "a rectangle with an area"),
            (
                |header| header["attribution"]["shape"] = json!([0, u64::MAX]),
                "a map of 0 x 18446744073709551615 patches",
            ),
            (|header| header["mask"]["shape"] = json!([u64::MAX, 2]), "a map of 18446744073709551615 x 2 patches"),
            (|header| header["mask"]["shape"] = json!([1, 4]), "different shapes"),
        ];
        for (change, words) in changes {
            let why = read(&file(change)).expect_err("must be refused").to_string();
            assert!(why.contains(words) && why.ends_with("map.safetensors"), "{why}");
        }
    }
}
