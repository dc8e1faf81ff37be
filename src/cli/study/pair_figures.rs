//! A figure of each pair of photos: where the `[CLS]` of both encoders looks.

use super::super::failure::Failure;
use super::super::output;
use crate::analysis::{Normalisation, Pick};
use crate::engine::{ImageSource, OpenModel, look_at};
use crate::figure::recipe::{Colour, Layout, MapSpec, Panel, Recipe, Show, sha256};
use crate::figure::{Besides, Figure, Given, Inputs, Mismatches, Watch};
use crate::files::Outputs;
use crate::study::PhotoPair;
use crate::trace::file::EncodedTrace;
use crate::trace::{Extras, Trace};
use anyhow::anyhow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Photos whose maps are kept: one stands in many pairs.
const MOST_KEPT: usize = 64;
/// Figures after which progress is told.
const FIGURES_AT_A_TIME: usize = 10;
/// Of what was seen.
const WHAT: &str = "what an encoder saw, next to the figure";

/// What one encoder saw in one photo, and its file.
struct Look {
    trace: Arc<Trace>,
    bytes: Vec<u8>,
    file: String,
}

/// Writes `pair_001.svg` and so on, with recipes and what was seen beside them. `outputs` has made the folder.
pub(super) fn write(
    folder: &Path,
    models: [&OpenModel; 2],
    pairs: &[PhotoPair],
    outputs: &mut Outputs,
    cancel: &AtomicBool,
) -> Result<(), Failure> {
    let mut kept: HashMap<PathBuf, [Arc<Look>; 2]> = HashMap::new();
    for (number, pair) in (1..).zip(pairs) {
        let images = Path::new(pair.images.as_deref().unwrap_or_default());
        let photos = [&pair.first, &pair.second].map(|name| images.join(name));
        let mut looks = Vec::new();
        for photo in &photos {
            if kept.len() >= MOST_KEPT {
                kept.clear();
            }
            if !kept.contains_key(photo) {
                let [first, second] = models;
                let seen = [look(first, photo, cancel)?, look(second, photo, cancel)?];
                kept.insert(photo.clone(), seen.map(Arc::new));
            }
            looks.extend(kept.get(photo).cloned());
        }
        let [of_first, of_second] = looks.as_slice() else { continue };
        outputs.reads_all("a photo of --images", &photos);
        let file = folder.join(format!("pair_{number:03}.svg"));
        draw(&file, pair, models, [of_first, of_second], outputs)?;
        if number % FIGURES_AT_A_TIME == 0 || number == pairs.len() {
            output::note(&format!("{number} of {} figures", pairs.len()));
        }
    }
    Ok(outputs.commit()?)
}

fn look(model: &OpenModel, photo: &Path, cancel: &AtomicBool) -> Result<Look, Failure> {
    let trace = look_at(model, &ImageSource::Path(photo.to_owned()), cancel)?;
    let extras = Extras::default();
    let encoded = EncodedTrace::new(photo, &trace, &extras)?;
    let mut bytes = Vec::new();
    encoded.write_to(&mut bytes).map_err(|err| anyhow!("Cannot write {WHAT}: {err}: {}", photo.display()))?;
    let file = format!("seen-{}.safetensors", sha256(&bytes).get(..12).unwrap_or_default());
    Ok(Look { trace: Arc::new(trace), bytes, file })
}

fn draw(
    file: &Path,
    pair: &PhotoPair,
    models: [&OpenModel; 2],
    looks: [&[Arc<Look>; 2]; 2],
    outputs: &mut Outputs,
) -> Result<(), Failure> {
    let mut recipe = Recipe::new(layout(pair, models), Colour::default());
    let mut given = Given::default();
    // One file where both encoders are one, or both photos.
    let mut written = HashSet::new();
    // A row for each encoder, a column for each photo.
    for encoder in 0..2 {
        for (photo, seen) in looks.into_iter().enumerate() {
            let Some(look) = seen.get(encoder) else { continue };
            let name = format!("{} by {}", ["first", "second"][photo], ["model", "second"][encoder]);
            recipe.add_trace(&name, &look.trace, Some(Path::new(&look.file)));
            recipe.panels.push(Panel::new(Show::Map { map: map(&name), outline: None, grid_lines: false }));
            given.traces.insert(name, Arc::clone(&look.trace));
            let beside = file.with_file_name(&look.file);
            if !written.insert(&look.file) {
                continue;
            }
            if let Some(key) = outputs.claim_beside(WHAT, &beside, Some(&look.bytes), &|_| false)? {
                outputs.write_bytes(key, &look.bytes)?;
            }
        }
    }
    let inputs = Inputs::open(&recipe, given, file.parent(), Mismatches::Refused)?;
    let figure = Figure::new(&recipe, &inputs)?;
    for text in figure.warnings() {
        output::warning(&text);
    }
    Ok(figure.write_with(&Besides::default(), outputs, ("a figure", file), &mut Watch::quiet())?)
}

fn layout(pair: &PhotoPair, models: [&OpenModel; 2]) -> Layout {
    let short = |model: &OpenModel| {
        let id = &model.info().id;
        id.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(id).to_owned()
    };
    let cosines = [pair.model_cosine, pair.second_cosine];
    let labels = models.into_iter().zip(cosines).map(|(model, cosine)| format!("{}, cosine {cosine:.3}", short(model)));
    Layout {
        columns: 2,
        titles: false,
        letters: false,
        column_titles: vec![pair.first.clone(), pair.second.clone()],
        row_labels: labels.collect(),
        ..Layout::default()
    }
}

/// The mean of all layers and heads, as the window shows it first.
fn map(name: &str) -> MapSpec {
    let (of, layers, heads, normalisation) = (name.to_owned(), Pick::default(), Pick::default(), Normalisation::Raw);
    MapSpec::VisionCls { of, encoder: 0, layers, heads, normalisation }
}
