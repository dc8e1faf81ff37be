//! Numbers as bars.

use super::maps::named;
use super::tokens::token_set;
use super::words::{output_text, place_words, selection, token_title, token_words};
use super::{BarsPlot, Content, Made, PanelData, PanelError, truth};
use crate::analysis::localisation::{PatchCoverage, category_shares};
use crate::analysis::{AnalysisError, AttentionSplit, Pick, TokenRef, split as split_of};
use crate::figure::Inputs;
use crate::figure::font::settable;
use crate::figure::recipe::{MapSpec, Tokens, Truth};
use crate::geometry::Combine;
use crate::trace::Trace;

/// Bars at most: more cannot be read.
const MOST: usize = 20;

fn quoted(text: &str) -> String {
    format!("“{}”", settable(text).trim())
}

fn one((name, value): (String, f32)) -> (String, Vec<Option<f32>>) {
    (name, vec![Some(value)])
}

pub(super) fn candidates(trace: &Trace, at: usize, most: usize) -> Result<Made, PanelError> {
    let token = trace.output.get(at).ok_or(AnalysisError::NoRow { token: TokenRef::Output(at) })?;
    let shown = token.candidates.iter().take(most.clamp(1, MOST));
    let bars: Vec<_> = shown.clone().map(|c| one((quoted(&c.text), c.logprob.exp()))).collect();
    if bars.is_empty() {
        return Err(PanelError::Other(format!("token {at} without recorded candidates")));
    }
    let marked = shown.clone().position(|one| one.id == token.id);
    let caption = format!("Token {at} “{}”; softmax over the whole vocabulary", output_text(trace, at));
    let plot = BarsPlot { x_label: "probability".to_owned(), bars, marked, ..BarsPlot::default() };
    Ok(made(format!("Alternatives to “{}”", output_text(trace, at)), caption, plot))
}

/// Both branches, and what is left of them.
pub(super) fn contrast(trace: &Trace, at: usize, most: usize) -> Result<Made, PanelError> {
    let token = trace.output.get(at).ok_or(AnalysisError::NoRow { token: TokenRef::Output(at) })?;
    let none = || PanelError::Other(format!("token {at} of a strategy without a second branch"));
    let contrast = token.contrast.as_deref().ok_or_else(none)?;
    let shown = contrast.candidates.iter().take(most.clamp(1, MOST));
    let bars = shown
        .clone()
        .map(|candidate| {
            let after = candidate.final_logprob.map(f32::exp);
            let values = vec![Some(candidate.logprob.exp()), Some(candidate.negative_logprob.exp()), after];
            (quoted(&candidate.text), values)
        })
        .collect();
    let marked = shown.clone().position(|one| one.id == contrast.contrasted_id);
    let caption = format!(
        "Token {at} “{}”, {}, strength {:.2}; a dash was removed by the cut-off; {}",
        output_text(trace, at),
        settable(&trace.run.decoding()),
        contrast.alpha,
        settable(&contrast.sentence())
    );
    let series = ["original", "contrast branch", "contrasted"].map(str::to_owned).to_vec();
    let plot = BarsPlot { x_label: "probability".to_owned(), series, bars, marked };
    Ok(made(format!("Both branches at “{}”", output_text(trace, at)), caption, plot))
}

pub(super) fn similarity(trace: &Trace) -> Result<Made, PanelError> {
    if trace.similarity.is_empty() {
        return Err(PanelError::Other("a trace without texts that were compared with the photo".to_owned()));
    }
    let values: Vec<(String, f32)> =
        trace.similarity.iter().map(|one| (settable(&one.text), one.probability)).collect();
    let best = values.iter().enumerate().max_by(|a, b| a.1.1.total_cmp(&b.1.1)).map(|(idx, _)| idx);
    let caption = "CLIP; softmax over these texts".to_owned();
    let bars = values.into_iter().map(one).collect();
    let plot = BarsPlot { x_label: "probability".to_owned(), bars, marked: best, ..BarsPlot::default() };
    let mut made = made("Texts and the photo".to_owned(), caption, plot);
    if let Some(header) = made.data.table.first_mut() {
        header.extend(["cosine", "logit"].map(str::to_owned));
    }
    for (row, text) in made.data.table.iter_mut().skip(1).zip(&trace.similarity) {
        row.extend([text.cosine.to_string(), text.logit.to_string()]);
    }
    Ok(made)
}

/// What the attention of words went to, text and answer included.
pub(super) fn split(trace: &Trace, words: &[Tokens], layers: Pick, heads: Pick) -> Result<Made, PanelError> {
    let choice = selection(layers, heads, [trace.num_hidden_layers, trace.num_attention_heads])?;
    let whole = [Tokens::default()];
    let words = if words.is_empty() { whole.as_slice() } else { words };
    let (mut series, mut splits, mut described) = (Vec::new(), Vec::new(), Vec::new());
    for tokens in words {
        let set = token_set(tokens, trace);
        let all = set.tokens().iter().map(|token| split_of(trace, *token, choice)).collect::<Result<Vec<_>, _>>()?;
        splits.push(AttentionSplit::mean(&all).ok_or(AnalysisError::NothingSelected { what: "token" })?.parts());
        series.push(token_title(tokens, trace));
        described.push(token_words(tokens, trace));
    }
    let names = ["first token", "system text", "image", "question", "answer"];
    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    let value = |parts: &[f64; 5], place: usize| parts.get(place).map(|part| *part as f32);
    let bars = names.iter().enumerate();
    let bars = bars.map(|(place, name)| ((*name).to_owned(), splits.iter().map(|parts| value(parts, place)).collect()));
    let caption = format!(
        "Decoder, {}, {}; parts of all attention, mean over tokens",
        place_words(layers, heads),
        described.join("; ")
    );
    let title =
        if let [one] = series.as_slice() { format!("Where {one} looked") } else { "Where words looked".to_owned() };
    let plot = BarsPlot { x_label: "share of the attention".to_owned(), series, bars: bars.collect(), marked: None };
    Ok(made(title, caption, plot))
}

/// Which objects a map lies on.
pub(super) fn objects(spec: &MapSpec, truth: &Truth, regions: Combine, inputs: &Inputs) -> Result<Made, PanelError> {
    let map = named(spec, inputs)?;
    let masks = truth::by_category(&map.of, truth, inputs)?;
    let coverages = masks
        .iter()
        .map(|(name, mask)| Ok((name.as_str(), PatchCoverage::new(&map.layout, mask.pixels(), regions)?)))
        .collect::<Result<Vec<_>, PanelError>>()?;
    let shares = category_shares(&map.values, coverages.iter().map(|(name, coverage)| (*name, coverage)))?;
    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    let bars = shares.iter().take(MOST).map(|share| one((share.category.to_owned(), share.share as f32))).collect();
    let chance = shares.iter().take(MOST).map(|share| {
        let ratio = share.ratio.map_or_else(|| "not seen".to_owned(), |ratio| format!("{ratio:.2}"));
        format!("{} {ratio}", share.category)
    });
    let caption = format!(
        "{}; part of it inside of each category's masks, which may overlap; times chance: {}",
        map.words,
        chance.collect::<Vec<_>>().join(", ")
    );
    let plot = BarsPlot { x_label: "share of the map".to_owned(), bars, ..BarsPlot::default() };
    let mut made = made(format!("{} on objects", map.title), caption, plot);
    if let Some(header) = made.data.table.first_mut() {
        header.extend(["part of the seen photo", "times chance"].map(str::to_owned));
    }
    for (row, share) in made.data.table.iter_mut().skip(1).zip(&shares) {
        row.extend([share.area_share.to_string(), share.ratio.map_or_else(String::new, |ratio| ratio.to_string())]);
    }
    Ok(made)
}

fn made(title: String, caption: String, plot: BarsPlot) -> Made {
    let columns = plot.series.len().max(1);
    let mut header = vec!["name".to_owned()];
    if plot.series.is_empty() {
        header.push(plot.x_label.clone());
    } else {
        header.extend(plot.series.iter().map(|name| format!("{}, {name}", plot.x_label)));
    }
    let mut table = vec![header];
    let mut flat = Vec::new();
    for (name, values) in &plot.bars {
        let value = |at: usize| values.get(at).copied().flatten();
        let cells = (0..columns).map(|at| value(at).map_or_else(String::new, |value| value.to_string()));
        table.push(std::iter::once(name.clone()).chain(cells).collect());
        flat.extend((0..columns).map(|at| value(at).unwrap_or(f32::NAN)));
    }
    let shape = if plot.series.is_empty() { vec![plot.bars.len()] } else { vec![plot.bars.len(), columns] };
    let data = PanelData { tensor: Some(("bars".to_owned(), shape, flat)), table, metrics: Vec::new() };
    Made { title, caption, content: Content::Bars(plot), data }
}
