//! An attribution as a safetensors file, for other programs.
//!
//! Metadata: `format=gazelens-attribution`, `version=1`, `run`: what it was made with, as JSON. Tensors, all f32:
//!
//! | tensor | shape | meaning |
//! | --- | --- | --- |
//! | `attribution` | `[rows, cols]` | where the model looked, at the layer and by the formula of `run`, as the model has it |
//! | `mask` | `[rows, cols]` | how much of each patch stays, before it is rounded to 8 bits |
//! | `cls_map`, `token_map` | `[rows, cols]` | CLIP: contributions to `[CLS]`, and similarities of the patches themselves, of that one layer |
//! | `contributions`, `similarities` | `[layers, rows, cols]` | CLIP: the same of all layers |
//! | `last_cosines` | `[rows, cols]` | CLIP: cosines of the last layer's patches and the query |
//! | `attention`, `image_attention` | `[tokens, layers, rows, cols]` | LLaVA: ordinary attention, and divided by what a head spends on the image; means over heads |

use super::{Attribution, GridMask, Maps};
use crate::files::replace;
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::path::Path;

/// Writes the file; it is complete or not there. `map` is [`Attribution::map`] of the layer and formula that `run`
/// tells.
pub fn write_attribution(
    path: &Path,
    attribution: &Attribution,
    layer_idx: usize,
    map: &[f32],
    mask: &GridMask,
    run: &Value,
) -> std::io::Result<()> {
    let bytes = attribution_bytes(attribution, layer_idx, map, mask, run);
    replace(path, |out| out.write_all(&bytes))
}

/// The bytes of the file.
pub fn attribution_bytes(
    attribution: &Attribution,
    layer_idx: usize,
    map: &[f32],
    mask: &GridMask,
    run: &Value,
) -> Vec<u8> {
    let grid = attribution.grid();
    let cells = [grid.rows, grid.cols];
    let one = |values: &[f32]| values.iter().skip(layer_idx * grid.len()).take(grid.len()).copied().collect::<Vec<_>>();
    let mut tensors = vec![("attribution", cells.to_vec(), bytes(map)), ("mask", cells.to_vec(), bytes(&mask.values))];
    match &attribution.maps {
        Maps::Clip(maps) => {
            let all = vec![maps.num_layers, grid.rows, grid.cols];
            tensors.extend([
                ("cls_map", cells.to_vec(), bytes(&one(&maps.contributions))),
                ("token_map", cells.to_vec(), bytes(&one(&maps.similarities))),
                ("contributions", all.clone(), bytes(&maps.contributions)),
                ("similarities", all, bytes(&maps.similarities)),
                ("last_cosines", cells.to_vec(), bytes(&maps.last_cosines)),
            ]);
        }
        Maps::Llava(maps) => {
            let all = vec![maps.num_tokens, maps.num_layers, grid.rows, grid.cols];
            tensors.extend([
                ("attention", all.clone(), bytes(&maps.attention)),
                ("image_attention", all, bytes(&maps.image_attention)),
            ]);
        }
    }
    let header = header(&tensors, run);
    let length = (header.len() as u64).to_le_bytes();
    let tensors = tensors.iter().flat_map(|(_, _, bytes)| bytes);
    length.iter().chain(header.as_bytes()).chain(tensors).copied().collect()
}

/// The header by hand, so that the same attribution gives the same bytes. Filled with spaces, so that tensors begin at
/// a multiple of 8.
fn header(tensors: &[(&str, Vec<usize>, Vec<u8>)], run: &Value) -> String {
    let metadata = json!({"format": "gazelens-attribution", "version": "1", "run": run.to_string()});
    let mut entries = Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut start = 0;
    for (name, shape, bytes) in tensors {
        let end = start + bytes.len();
        entries.insert((*name).to_owned(), json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
        start = end;
    }
    let mut header = Value::Object(entries).to_string();
    let filled = header.len().next_multiple_of(8);
    header.extend(std::iter::repeat_n(' ', filled - header.len()));
    header
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
