//! Numbers that are not maps, and the data behind panels.

use super::tokens::{by_place, token_set};
use super::words::{output_text, token_title, token_words};
use super::{BarsPlot, CellsContent, Content, LinesPlot, Made, PanelError};
use crate::analysis::{
    self, AnalysisError, LayerHeadMaps, MapOptions, Normalisation, Pick, Selection, TokenRef, image_share_per_layer,
    image_share_per_token, layer_head_maps,
};
use crate::figure::Inputs;
use crate::figure::font::settable;
use crate::figure::recipe::{GridCells, PlotKind, Tokens};
use crate::geometry::PatchGrid;
use crate::trace::Trace;

/// The numbers behind a panel.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PanelData {
    /// Name, shape, values, row-major.
    pub tensor: Option<(String, Vec<usize>, Vec<f32>)>,
    /// Rows of text, the header first.
    pub table: Vec<Vec<String>>,
    /// Figures of merit by id; none where one is not defined.
    pub metrics: Vec<(String, Option<f64>)>,
}

impl PanelData {
    /// A map and its table.
    pub(super) fn of_map(name: &str, grid: PatchGrid, values: &[f32], unit: &str) -> Self {
        let mut table = vec![vec!["row".to_owned(), "column".to_owned(), unit.to_owned()]];
        for (idx, value) in values.iter().enumerate() {
            let (row, col) = (idx / grid.cols.max(1), idx % grid.cols.max(1));
            table.push(vec![row.to_string(), col.to_string(), value.to_string()]);
        }
        let tensor = Some((name.to_owned(), vec![grid.rows, grid.cols], values.to_vec()));
        Self { tensor, table, metrics: Vec::new() }
    }
}

pub(super) fn grid(
    of: &str,
    vision: bool,
    tokens: &Tokens,
    cells: GridCells,
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    let trace = inputs.trace(of)?;
    let tokens = &by_place(tokens, trace)?;
    let maps = if vision {
        analysis::vision_layer_head_maps(trace, Normalisation::Raw)?
    } else {
        layer_head_maps(trace, &token_set(tokens, trace), MapOptions::default())?
    };
    let LayerHeadMaps { num_hidden_layers: layers, num_attention_heads: heads, .. } = maps;
    let (source, words) = if vision {
        ("Vision [CLS]", "Vision encoder's [CLS]".to_owned())
    } else {
        ("Decoder", format!("Decoder, {}", token_words(tokens, trace)))
    };
    let (cell, values, unit, what) = match cells {
        GridCells::Share => {
            #[expect(clippy::cast_possible_truncation, reason = "f32 is what colours are made of")]
            let totals: Vec<f32> = maps.totals.iter().map(|total| *total as f32).collect();
            let unit = if vision { "[CLS] attention on all patches" } else { "attention on the image" };
            (PatchGrid { rows: 1, cols: 1 }, totals, unit, "one cell a head")
        }
        GridCells::Maps => {
            let unit = if vision { "[CLS] attention probability" } else { "attention probability" };
            (maps.grid, maps.values, unit, "one map a head, all on one scale")
        }
    };
    let mut shape = vec![layers, heads];
    let mut table = vec![vec!["layer".to_owned(), "head".to_owned(), "attention on the image".to_owned()]];
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

pub(super) fn plot(of: &str, kind: &PlotKind, inputs: &Inputs) -> Result<Made, PanelError> {
    let trace = inputs.trace(of)?;
    match kind {
        PlotKind::ImageSharePerLayer { lines } => per_layer(trace, lines),
        PlotKind::ImageSharePerToken => per_token(trace),
        PlotKind::Candidates { token, most } => candidates(trace, *token, *most),
        PlotKind::Similarity => similarity(trace),
    }
}

fn per_layer(trace: &Trace, lines: &[Tokens]) -> Result<Made, PanelError> {
    let whole = [Tokens::default()];
    let lines = if lines.is_empty() { whole.as_slice() } else { lines };
    let mut series = Vec::new();
    for tokens in lines {
        let tokens = &by_place(tokens, trace)?;
        let shares = image_share_per_layer(trace, &token_set(tokens, trace), Pick::default())?;
        series.push((token_title(tokens, trace), shares.into_iter().map(Some).collect()));
    }
    let caption = "Decoder, mean over heads; attention on the image as a part of all attention".to_owned();
    let title = "Attention on the image by layer".to_owned();
    Ok(lines_panel(title, caption, "layer", "attention on the image", series))
}

fn per_token(trace: &Trace) -> Result<Made, PanelError> {
    let shares = image_share_per_token(trace, Selection::default())?;
    if shares.is_empty() {
        return Err(AnalysisError::NoRow { token: TokenRef::Output(0) }.into());
    }
    let caption = "Decoder, mean over layers and heads; attention on the image as a part of all attention".to_owned();
    let title = "Attention on the image by token".to_owned();
    Ok(lines_panel(title, caption, "token", "attention on the image", vec![("answer".to_owned(), shares)]))
}

fn lines_panel(
    title: String,
    caption: String,
    x_label: &str,
    y_label: &str,
    series: Vec<(String, Vec<Option<f32>>)>,
) -> Made {
    let mut table =
        vec![std::iter::once(x_label.to_owned()).chain(series.iter().map(|(name, _)| name.clone())).collect()];
    let length = series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let mut flat = Vec::with_capacity(length * series.len());
    for (_, values) in &series {
        flat.extend((0..length).map(|at| values.get(at).copied().flatten().unwrap_or(f32::NAN)));
    }
    for at in 0..length {
        let cells = series.iter().map(|(_, values)| values.get(at).copied().flatten());
        let cells = cells.map(|value| value.map_or(String::new(), |value| value.to_string()));
        table.push(std::iter::once(at.to_string()).chain(cells).collect::<Vec<String>>());
    }
    let tensor = Some(("lines".to_owned(), vec![series.len(), length], flat));
    let content = LinesPlot { x_label: x_label.to_owned(), y_label: y_label.to_owned(), series };
    Made { title, caption, content: Content::Lines(content), data: PanelData { tensor, table, metrics: Vec::new() } }
}

fn candidates(trace: &Trace, at: usize, most: usize) -> Result<Made, PanelError> {
    let token = trace.output.get(at).ok_or(AnalysisError::NoRow { token: TokenRef::Output(at) })?;
    let shown = token.candidates.iter().take(most.clamp(1, 20));
    let bars: Vec<(String, f32)> =
        shown.clone().map(|one| (format!("“{}”", settable(&one.text).trim()), one.logprob.exp())).collect();
    if bars.is_empty() {
        return Err(PanelError::Other(format!("token {at} without recorded candidates")));
    }
    let marked = shown.clone().position(|one| one.id == token.id);
    let caption = format!("Token {at} “{}”; softmax over the whole vocabulary", output_text(trace, at));
    Ok(bars_panel(format!("In place of “{}”", output_text(trace, at)), caption, "probability", bars, marked))
}

fn similarity(trace: &Trace) -> Result<Made, PanelError> {
    if trace.similarity.is_empty() {
        return Err(PanelError::Other("a trace without texts that were compared with the photo".to_owned()));
    }
    let bars: Vec<(String, f32)> = trace.similarity.iter().map(|one| (settable(&one.text), one.probability)).collect();
    let best = bars.iter().enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(idx, _)| idx);
    let caption = "CLIP; softmax over these texts".to_owned();
    Ok(bars_panel("Texts and the photo".to_owned(), caption, "probability", bars, best))
}

fn bars_panel(title: String, caption: String, x_label: &str, bars: Vec<(String, f32)>, marked: Option<usize>) -> Made {
    let mut table = vec![vec!["name".to_owned(), x_label.to_owned()]];
    table.extend(bars.iter().map(|(name, value)| vec![name.clone(), value.to_string()]));
    let values: Vec<f32> = bars.iter().map(|(_, value)| *value).collect();
    let data = PanelData { tensor: Some(("bars".to_owned(), vec![values.len()], values)), table, metrics: Vec::new() };
    let content = Content::Bars(BarsPlot { x_label: x_label.to_owned(), bars, marked });
    Made { title, caption, content, data }
}
