//! Numbers that are not maps.

use super::tokens::token_set;
use super::words::token_words;
use super::{CellsContent, Content, Made, PanelData, PanelError, truth};
use crate::analysis::localisation::{Better, Counted, MetricGrid, PatchCoverage, metric_by_id, metrics};
use crate::analysis::{self, LayerHeadMaps, MapOptions, Normalisation, layer_head_maps};
use crate::figure::recipe::{GridCells, Tokens, Truth};
use crate::figure::{FigureError, Inputs};
use crate::geometry::{Combine, Flattening, PatchGrid};
use crate::trace::{Trace, VisionAttention};
use std::sync::atomic::AtomicBool;

pub(super) fn grid(
    of: &str,
    vision: bool,
    tokens: &Tokens,
    (cells, regions): (GridCells, Combine),
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let trace = inputs.trace(of)?;
    let (maps, words) = layers_and_heads(trace, vision, tokens)?;
    let LayerHeadMaps { num_hidden_layers: layers, num_attention_heads: heads, .. } = maps;
    let has_cls = trace.vision.as_deref().is_none_or(VisionAttention::has_cls);
    let source = match (vision, has_cls) {
        (true, true) => "Vision [CLS]",
        (true, false) => "Received attention",
        (false, _) => "Decoder",
    };
    let total = match (vision, has_cls) {
        (true, true) => "[CLS] attention on all patches",
        (true, false) => "attention that all patches receive",
        (false, _) => "attention on the image",
    };
    let (cell, values, unit, what) = match cells {
        GridCells::Share => {
            #[expect(clippy::cast_possible_truncation, reason = "f32 is what colours are made of")]
            let totals: Vec<f32> = maps.totals.iter().map(|total| *total as f32).collect();
            (PatchGrid { rows: 1, cols: 1 }, totals, total, "one cell a head")
        }
        GridCells::Maps => {
            let unit = match (vision, has_cls) {
                (true, true) => "[CLS] attention probability",
                (true, false) => "received attention, mean over queries",
                (false, _) => "attention probability",
            };
            {
                let flat = Flattening::new(&maps.layout, regions);
                let cells = maps.layout.len().max(1);
                let values = maps.values.chunks_exact(cells).flat_map(|map| flat.of(map).into_owned()).collect();
                (flat.grid(), values, unit, "one map a head, all on one scale")
            }
        }
    };
    let mut shape = vec![layers, heads];
    let mut table = vec![vec!["layer".to_owned(), "head".to_owned(), total.to_owned()]];
    for (idx, total) in maps.totals.iter().enumerate() {
        table.push(vec![(idx / heads.max(1)).to_string(), (idx % heads.max(1)).to_string(), total.to_string()]);
    }
    if cells == GridCells::Maps {
        shape.extend([cell.rows, cell.cols]);
    }
    let data =
        PanelData { tensor: Some(("layers_heads".to_owned(), shape, values.clone())), table, metrics: Vec::new() };
    let content = CellsContent { layers, heads, cell, values: values.into(), unit: unit.to_owned() };
    let title = format!("{source}, every layer and head");
    Ok(Made { title, caption: format!("{words}; {what}; {unit}"), content: Content::Cells(content), data })
}

/// A figure of merit of every head at its own mean.
pub(super) fn scores(
    of: &str,
    vision: bool,
    tokens: &Tokens,
    metric: &str,
    (truth, whole, regions): (&Truth, bool, Combine),
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let trace = inputs.trace(of)?;
    let metric = metric_by_id(metric).ok_or_else(|| {
        let names: Vec<&str> = metrics().map(|metric| metric.id).collect();
        let expected = format!("`metric` as one of {}", names.join(", "));
        FigureError::Setting { expected, found: format!("`{metric}`") }
    })?;
    let (maps, words) = layers_and_heads(trace, vision, tokens)?;
    let (mask, names) = truth::union(of, truth, inputs)?;
    let coverage = PatchCoverage::new(&maps.layout, mask.pixels(), regions)?;
    let go_on = AtomicBool::new(false);
    let found = MetricGrid::new(&maps, &coverage, counted(whole), metric, &go_on)?;
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what colours are made of")]
    let values: Vec<f32> = found.values.iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect();
    let heads = maps.num_attention_heads.max(1);
    let mut table = vec![["layer", "head", metric.id].map(str::to_owned).to_vec()];
    for (idx, value) in found.values.iter().enumerate() {
        let value = value.map_or_else(String::new, |value| value.to_string());
        table.push(vec![(idx / heads).to_string(), (idx % heads).to_string(), value]);
    }
    let shape = vec![maps.num_hidden_layers, heads];
    let data = PanelData { tensor: Some((metric.id.to_owned(), shape, values.clone())), table, metrics: Vec::new() };
    let defined = || found.values.iter().copied().enumerate().filter_map(|(cell, value)| Some((cell, value?)));
    let best = match metric.better {
        Better::Higher => defined().max_by(|a, b| a.1.total_cmp(&b.1)),
        Better::Lower => defined().min_by(|a, b| a.1.total_cmp(&b.1)),
    };
    let best = best.map_or_else(String::new, |(cell, value)| {
        format!("; best: layer {}, head {} with {value:.3}", cell / heads, cell % heads)
    });
    let caption = format!("{words}; every head's map against the mask of {names}, cut at its own mean{best}");
    let (layers, cell) = (maps.num_hidden_layers, PatchGrid { rows: 1, cols: 1 });
    let content = CellsContent { layers, heads, cell, values: values.into(), unit: metric.label.to_owned() };
    let title = format!("{} of every head, {names}", metric.label);
    Ok(Made { title, caption, content: Content::Cells(content), data })
}

/// Which pixels count.
pub(super) fn counted(whole: bool) -> Counted {
    if whole { Counted::Whole } else { Counted::Seen }
}

fn layers_and_heads(trace: &Trace, vision: bool, tokens: &Tokens) -> Result<(LayerHeadMaps, String), PanelError> {
    Ok(if vision {
        let has_cls = trace.vision.as_deref().is_none_or(VisionAttention::has_cls);
        let words = if has_cls { "Vision encoder's [CLS]" } else { "Attention received in the vision encoder" };
        (analysis::vision_layer_head_maps(trace, Normalisation::Raw)?, words.to_owned())
    } else {
        let maps = layer_head_maps(trace, &token_set(tokens, trace), MapOptions::default())?;
        (maps, format!("Decoder, {}", token_words(tokens, trace)))
    })
}
