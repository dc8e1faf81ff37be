//! The numbers of a panel as a table: a row of names with their units, then the values. What is copied from the window.

use crate::analysis::Spread;
use crate::analysis::localisation::{self, Better, Counted};
use crate::analysis::pope::{Confusion, scorers};
use crate::ui::core::pane::TableKind;
use crate::ui::features::derived::{Derived, candidates_subject};
use crate::ui::features::truth::SlowNumbers;
use crate::ui::features::{AppState, Phase, PopeTable};

/// What tables are made of.
#[derive(Clone, Copy)]
pub(in crate::ui) struct TableSource<'a> {
    /// The state.
    pub(in crate::ui) state: &'a AppState,
    /// Maps and figures.
    pub(in crate::ui) derived: &'a Derived,
    /// Figures that take longer.
    pub(in crate::ui) slow_numbers: &'a SlowNumbers,
    /// The attention on the image goes over words instead of layers.
    pub(in crate::ui) over_words: bool,
}

/// Rows of cells, the first one names the columns.
type Cells = Vec<Vec<String>>;

/// A panel's table; `None` where it shows no numbers.
pub(in crate::ui) fn make(kind: TableKind, source: TableSource<'_>) -> Option<Cells> {
    let cells = match kind {
        TableKind::Metrics => metrics(source)?,
        TableKind::Pope => PopeTable::of(source.state).cells(source.state),
        TableKind::PopeFigures => pope_figures(source),
        TableKind::Outliers => outliers(source)?,
        TableKind::Objects => objects(source)?,
        TableKind::Candidates => candidates(source)?,
        TableKind::Layers if source.over_words && source.state.view.source.of_tokens() => words(source)?,
        TableKind::Layers => layers(source)?,
        TableKind::Heads => heads(source)?,
        TableKind::Runs => runs(source),
        TableKind::Study if source.state.study.view.describes => return None,
        TableKind::Study => source.state.shown_study_table()?.cells(),
    };
    (cells.len() > 1).then_some(cells)
}

fn named<const N: usize>(names: [&str; N]) -> Cells {
    vec![names.map(str::to_owned).to_vec()]
}

/// Six digits behind the point, or six in all of what is smaller than a thousandth.
fn number(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.001 { format!("{value:.6}") } else { format!("{value:.5e}") }
}

/// What the map on the photo is, without its numbers.
fn map_words(source: TableSource<'_>) -> String {
    let Some(shown) = &source.derived.shown else { return String::new() };
    shown.caption.strip_suffix(&shown.numbers).unwrap_or(&shown.caption).trim_end_matches(", ").to_owned()
}

fn metrics(source: TableSource<'_>) -> Option<Cells> {
    let scores = source.derived.truth.scores.as_ref()?.as_ref().ok()?;
    let object = source.state.truth.category().map_or("", |category| category.name.as_str());
    let counted = match scores.counted {
        Counted::Seen => "seen by the model",
        Counted::Whole => "whole photo",
    };
    let mut cells =
        named(["Metric", "Value", "Better", "Threshold (value of the map)", "Object", "Pixels that count", "Map"]);
    let map = map_words(source);
    for (metric, value) in localisation::metrics().zip(&scores.values) {
        let better = match metric.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        };
        let threshold = if metric.thresholded { number(scores.threshold) } else { "every".to_owned() };
        let value = value.as_ref().map_or_else(|_| String::new(), |value| number(*value));
        let cell = [metric.label, &value, better, &threshold, object, counted, &map];
        cells.push(cell.map(str::to_owned).to_vec());
    }
    Some(cells)
}

fn pope_figures(source: TableSource<'_>) -> Cells {
    let mut cells = named([
        "Scorer",
        "Accuracy (%)",
        "Precision (%)",
        "Recall (%)",
        "Specificity (%)",
        "F1 (%)",
        "Yes ratio (%)",
        "Present, yes",
        "Present, no",
        "Absent, yes",
        "Absent, no",
        "Left out",
    ]);
    let table = PopeTable::of(source.state);
    for (scorer, counts) in scorers().iter().zip(&table.totals) {
        let figures = counts.figures();
        let parts = [figures.accuracy, figures.precision, figures.recall, figures.specificity, figures.f1];
        let parts = parts.into_iter().chain([figures.yes_ratio]);
        let parts = parts.map(|part| part.map_or_else(String::new, |part| format!("{:.2}", 100.0 * part)));
        let Confusion { true_positives, false_positives, true_negatives, false_negatives, excluded } = counts;
        let counts = [true_positives, false_negatives, false_positives, true_negatives, excluded];
        let name = std::iter::once(scorer.label.to_owned());
        cells.push(name.chain(parts).chain(counts.map(ToString::to_string)).collect());
    }
    cells
}

fn outliers(source: TableSource<'_>) -> Option<Cells> {
    let found = source.slow_numbers.outlier_agreement.as_ref()?.as_ref().ok()?;
    let mut cells = named([
        "Measure",
        "This word (0 to 1)",
        "Chance (0 to 1)",
        "Other words, mean (0 to 1)",
        "Other words, lower quartile",
        "Other words, upper quartile",
    ]);
    let line = |name: String, value: Option<f64>, chance: Option<f64>, others: Option<&Spread>| {
        let cell = |value: Option<f64>| value.map_or_else(String::new, number);
        let spread = [others.map(|other| other.mean), others.map(|other| other.low), others.map(|other| other.high)];
        [vec![name, cell(value), cell(chance)], spread.map(cell).to_vec()].concat()
    };
    let on_top = "F, attention on the encoder's 3 largest patches".to_owned();
    cells.push(line(on_top, found.on_top, Some(found.on_top_by_chance), found.others_on_top.as_ref()));
    for (idx, overlap) in found.overlap.iter().enumerate() {
        let name = format!("H_{0}, overlap of the {0} largest patches", idx + 1);
        cells.push(line(name, Some(*overlap), None, found.others_overlap.get(idx)));
    }
    Some(cells)
}

fn objects(source: TableSource<'_>) -> Option<Cells> {
    let truth = source.state.truth.image.as_ref().filter(|truth| truth.listed)?;
    let [width, height] = truth.size_px.map(f64::from);
    let mut cells = named([
        "Category",
        "Number",
        "Annotation",
        "Crowd",
        "Area (pixels)",
        "Area (% of the photo)",
        "Attention inside the category (% of the image's)",
        "Shown",
        "Map",
    ]);
    let map = map_words(source);
    for category in &truth.categories {
        let shares = &source.derived.truth.shares;
        let share = shares.iter().find(|share| share.category == category.id);
        let attention = share.map_or_else(String::new, |share| format!("{:.3}", 100.0 * share.share));
        for (place, object) in truth.objects_of(category.id).enumerate() {
            let area = object.mask.as_ref().ok().map(|mask| mask.area_px());
            let part = area.map(|area| 100.0 * area as f64 / (width * height).max(1.0));
            let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
            cells.push(vec![
                category.name.clone(),
                (place + 1).to_string(),
                object.id.to_string(),
                yes(object.is_crowd),
                area.map_or_else(String::new, |area| area.to_string()),
                part.map_or_else(String::new, |part| format!("{part:.4}")),
                attention.clone(),
                yes(!source.state.truth.hidden.contains(&object.id)),
                map.clone(),
            ]);
        }
    }
    Some(cells)
}

fn candidates(source: TableSource<'_>) -> Option<Cells> {
    let trace = source.state.current_run()?.trace.as_ref()?;
    let (idx, token) = candidates_subject(source.state, trace)?;
    let mut cells =
        named(["Token", "Rank", "Candidate", "Id", "Probability (temperature 1)", "Logprob (nats)", "Chosen"]);
    let ranked = token.candidates.iter().enumerate();
    let ranked = ranked.map(|(rank, one)| ((rank + 1).to_string(), one.text.as_str(), one.id, one.logprob));
    let is_ranked = token.candidates.iter().any(|one| one.id == token.id);
    let beyond = (!is_ranked).then(|| ("above 20".to_owned(), token.text.as_str(), token.id, token.logprob));
    for (rank, text, id, logprob) in ranked.chain(beyond) {
        let chosen = if id == token.id { "yes" } else { "no" };
        let probability = number(f64::from(logprob.exp()));
        let text = text.replace('\n', "\\n");
        let cell = [idx.to_string(), rank, text, id.to_string(), probability, format!("{logprob:.4}")];
        cells.push(cell.into_iter().chain([chosen.to_owned()]).collect());
    }
    Some(cells)
}

/// What the attention of layers and heads is the attention of.
fn of_what(source: TableSource<'_>) -> &'static str {
    source.state.view.source.entry().sum_title
}

/// What their numbers are.
fn unit_of(source: TableSource<'_>) -> &'static str {
    let entry = source.state.view.source.entry();
    if entry.share_unit.is_some() { "probability" } else { entry.unit }
}

fn layers(source: TableSource<'_>) -> Option<Cells> {
    let values = source.derived.grid.values()?;
    let choice = source.state.view.layer_head();
    let has_heads = source.state.view.source.has_heads();
    let has_one = has_heads && choice.head.reduce.is_none();
    let one = has_one.then_some(choice.head.idx.min(values.heads.saturating_sub(1)));
    let what = of_what(source);
    let over = if has_heads { ", mean over heads" } else { "" };
    let mut names = vec!["Layer".to_owned(), format!("{what}{over} ({})", unit_of(source))];
    names.extend(one.map(|head| format!("{what}, head {head} ({})", unit_of(source))));
    let mut cells = vec![names];
    for (layer, shares) in values.image_shares.chunks(values.heads.max(1)).enumerate() {
        let mean = shares.iter().map(|share| f64::from(*share)).sum::<f64>() / shares.len().max(1) as f64;
        let head = one.and_then(|head| shares.get(head)).map(|share| number(f64::from(*share)));
        cells.push([layer.to_string(), number(mean)].into_iter().chain(head).collect());
    }
    Some(cells)
}

fn heads(source: TableSource<'_>) -> Option<Cells> {
    let values = source.derived.grid.values()?;
    let mut cells =
        vec![vec!["Layer".to_owned(), "Head".to_owned(), format!("{} ({})", of_what(source), unit_of(source))]];
    for (cell, share) in values.image_shares.iter().enumerate() {
        let heads = values.heads.max(1);
        cells.push(vec![(cell / heads).to_string(), (cell % heads).to_string(), number(f64::from(*share))]);
    }
    Some(cells)
}

fn words(source: TableSource<'_>) -> Option<Cells> {
    let trace = source.state.current_run()?.trace.as_ref()?;
    let share = crate::ui::features::derived::share_words(source.state.view.decoder);
    let mut cells = vec![vec!["Token".to_owned(), "Text".to_owned(), share]];
    for (idx, map) in source.derived.tokens.answer() {
        let text = trace.output.get(idx).map_or("", |token| token.text.trim());
        cells.push(vec![idx.to_string(), text.replace('\n', "\\n"), number(f64::from(map.image_share))]);
    }
    Some(cells)
}

fn runs(source: TableSource<'_>) -> Cells {
    let mut cells = named(["Run", "Name", "Question", "How", "Model", "State", "Answer (tokens)", "Answer"]);
    // POPE's have a table of their own.
    for entry in source.state.history().into_iter().filter(|entry| !entry.pope) {
        let Some(run) = source.state.runs.get(entry.run) else { continue };
        let state = match &run.phase {
            Phase::Waiting | Phase::Working(_) => "answering",
            Phase::Finished => "answered",
            Phase::Cancelled => "stopped",
            Phase::Failed(_) => "failed",
        };
        let variant = run.variant();
        let how = if variant.is_empty() { "plain" } else { &variant };
        let trace = run.trace.as_ref();
        let (count, answer) = trace.map_or_else(Default::default, |trace| (trace.output.len(), trace.text()));
        let (nr, count, name) = (entry.nr.to_string(), count.to_string(), entry.name.unwrap_or_default());
        let model = run.model_id().unwrap_or_default();
        let cell = [&nr, &name, run.prompt_text(), how, model, state, &count, answer.trim()];
        cells.push(cell.map(str::to_owned).to_vec());
    }
    cells
}
