//! Where the map comes from: a picture, or a trace.

use super::super::failure::Failure;
use super::super::output;
use super::super::truth_args::MetricsArgs;
use super::words;
use crate::analysis::localisation::{Counted, PhotoMap, Ranked, Sampling};
use crate::analysis::{MapOptions, Pick, Reduce, Selection, decoder_map};
use crate::data::GreyPicture;
use crate::data::coco::Mask;
use crate::geometry::{Combine, ImageSize};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::Trace;
use anyhow::{anyhow, bail};
use serde_json::{Map, Value, json};
use std::path::Path;

/// A map against a mask, and what it was made from.
pub(super) struct Measured {
    /// By which pixels count; the default first.
    pub(super) variants: Vec<(Counted, Ranked)>,
    /// For the reader of the figures.
    pub(super) made_from: Map<String, Value>,
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// A grey picture of the photo's size, of 8 or 16 bits; every pixel counts.
pub(super) fn of_heatmap(path: &Path, mask: &Mask, size: ImageSize) -> anyhow::Result<Measured> {
    let picture = GreyPicture::open(path)?;
    let (w, h) = (size.width_px, size.height_px);
    if picture.size != size {
        let ImageSize { width_px, height_px } = picture.size;
        bail!(
            "Expected a heat map of {w} x {h} pixels as the image, found {width_px} x {height_px}: {}",
            path.display()
        );
    }
    for text in &picture.warnings {
        output::warning(text);
    }
    let ranked = Ranked::of_levels(&picture.levels, picture.white, mask.pixels())
        .map_err(|err| anyhow!("{err}: {}", path.display()))?;
    Ok(Measured {
        variants: vec![(Counted::Whole, ranked)],
        made_from: object(json!({
            "map": "heatmap",
            "normalisation": format!("h / {}", picture.white),
            "sampling": "none",
            "seen_rect": [0, 0, w, h],
        })),
    })
}

/// A token's attention in the decoder.
pub(super) fn of_trace(
    trace: &Trace,
    path: &Path,
    args: &MetricsArgs,
    mask: &Mask,
    size: ImageSize,
) -> Result<Measured, Failure> {
    let at = path.display();
    let (w, h) = (size.width_px, size.height_px);
    if trace.layout.image() != size {
        let ImageSize { width_px, height_px } = trace.layout.image();
        return Err(anyhow!(
            "Expected a trace of a photo of {w} x {h} pixels as the image, found {width_px} x {height_px}: {at}"
        )
        .into());
    }
    let tokens = words::selected(args, trace).map_err(|failure| failure.about_file(path))?;
    let selection = selection(args, trace).map_err(|failure| failure.about_file(path))?;
    let map =
        decoder_map(trace, &tokens.set, selection, MapOptions::default()).map_err(|err| anyhow!("{err}: {at}"))?;
    let sampling = Sampling::from(args.resample);
    let map = PhotoMap::new(&trace.layout, &map.values, sampling, Combine::default())
        .map_err(|err| anyhow!("{err}: {at}"))?;
    let variants = [Counted::Seen, Counted::Whole].map(|counted| {
        let ranked = Ranked::of_photo_map(&map, mask.pixels(), counted);
        ranked.map(|ranked| (counted, ranked)).map_err(|err| anyhow!("{err}: {at}"))
    });
    let named = |one: Option<usize>, count: usize| one.map_or(json!(format!("mean of {count}")), |idx| json!(idx));
    let seen = map.seen;
    Ok(Measured {
        variants: variants.into_iter().collect::<anyhow::Result<_>>()?,
        made_from: object(json!({
            "map": "decoder attention",
            "token": tokens.idxs.first(),
            "tokens": tokens.idxs,
            "token_text": tokens.text,
            "layer": named(args.layer, trace.num_hidden_layers),
            "head": named(args.head, trace.num_attention_heads),
            "normalisation": "raw attention; min-max of the counted pixels for mse",
            "sampling": sampling.id(),
            "seen_rect": [seen.x0, seen.y0, seen.x1, seen.y1],
        })),
    })
}

fn selection(args: &MetricsArgs, trace: &Trace) -> Result<Selection, Failure> {
    let refused = |flag: &str, count: usize, found: usize| {
        Failure::usage(anyhow!("Expected {flag} below {count}, counted from 0, found {found}"))
    };
    let (layers, heads) = (trace.num_hidden_layers, trace.num_attention_heads);
    let layers = match args.layer {
        None => Pick::All(Reduce::Mean),
        Some(idx) => Pick::One(LayerIdx::new(idx, layers).map_err(|_| refused("--layer", layers, idx))?),
    };
    let heads = match args.head {
        None => Pick::All(Reduce::Mean),
        Some(idx) => Pick::One(HeadIdx::new(idx, heads).map_err(|_| refused("--head", heads, idx))?),
    };
    Ok(Selection { layers, heads })
}
