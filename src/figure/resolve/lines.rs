//! Numbers as lines and columns.

use super::maps::named;
use super::numbers::counted;
use super::tokens::token_set;
use super::words::{choice_words, output_text, place_words, selection, token_title, token_words};
use super::{Content, LinesPlot, Made, PanelData, PanelError, Places, truth};
use crate::analysis::localisation::{Counts, Evaluation, PatchCoverage, Ranked, metrics};
use crate::analysis::{
    AnalysisError, ClsVariant, DamroOptions, OutlierAgreement, Pick, Selection, TokenRef, cls_share_per_layer, damro,
    image_share_per_layer, image_share_per_token,
};
use crate::figure::Inputs;
use crate::figure::font::settable;
use crate::figure::recipe::{MapSpec, Tokens, Truth};
use crate::geometry::Combine;
use crate::trace::{TokenContrast, Trace};

/// Thresholds and strengths of a curve.
const CURVE_POINTS: usize = 101;
/// The strategies' own bound.
const MOST_STRENGTH: f64 = 10.0;

/// A figure of merit at one threshold.
type Figure = fn(Counts) -> Option<f64>;

const SHARE: &str = "attention on the image";

pub(super) fn per_layer(trace: &Trace, lines: &[Tokens], heads: &[Pick]) -> Result<Made, PanelError> {
    let (whole, mean) = ([Tokens::default()], [Pick::default()]);
    let lines = if lines.is_empty() { whole.as_slice() } else { lines };
    let heads = if heads.is_empty() { mean.as_slice() } else { heads };
    let mut series = Vec::new();
    for tokens in lines {
        for choice in heads {
            let Selection { heads: pick, .. } =
                selection(Pick::default(), *choice, [trace.num_hidden_layers, trace.num_attention_heads])?;
            let shares = image_share_per_layer(trace, &token_set(tokens, trace), pick)?;
            let name = match heads.len() {
                1 => token_title(tokens, trace),
                _ if lines.len() == 1 => choice_words("head", *choice),
                _ => format!("{}, {}", token_title(tokens, trace), choice_words("head", *choice)),
            };
            series.push((name, shares.into_iter().map(Some).collect()));
        }
    }
    let heads: Vec<String> = heads.iter().map(|choice| choice_words("head", *choice)).collect();
    let of = match lines {
        [one] => format!("{}; ", token_words(one, trace)),
        _ => String::new(),
    };
    let caption = format!("Decoder, {of}{}; attention on the image as a part of all attention", heads.join(", "));
    let plot = LinesPlot { x_label: "layer".to_owned(), y_label: SHARE.to_owned(), series, ..LinesPlot::default() };
    Ok(made("Attention on the image by layer".to_owned(), caption, plot))
}

pub(super) fn cls_per_layer(trace: &Trace, heads: &[Pick]) -> Result<Made, PanelError> {
    let vision = trace.vision.as_ref().ok_or(AnalysisError::NoVision)?;
    let mean = [Pick::default()];
    let heads = if heads.is_empty() { mean.as_slice() } else { heads };
    let mut series = Vec::new();
    for choice in heads {
        let shape = [vision.num_hidden_layers, vision.num_attention_heads];
        let Selection { heads: pick, .. } = selection(Pick::default(), *choice, shape)?;
        let shares = cls_share_per_layer(trace, pick)?;
        series.push((choice_words("head", *choice), shares.into_iter().map(Some).collect()));
    }
    let names: Vec<String> = heads.iter().map(|choice| choice_words("head", *choice)).collect();
    let has_cls = vision.has_cls();
    let whose = if has_cls { "Vision encoder's [CLS]" } else { "Attention received in the vision encoder" };
    let caption = format!("{whose}, {}; attention on all patches as a part of all attention", names.join(", "));
    let y_label = if has_cls { "[CLS] attention on patches" } else { "attention received by patches" }.to_owned();
    let plot = LinesPlot { x_label: "layer".to_owned(), y_label, series, ..LinesPlot::default() };
    let title = if has_cls { "[CLS] attention on the patches by layer" } else { "Received attention by layer" };
    Ok(made(title.to_owned(), caption, plot))
}

pub(super) fn per_token(trace: &Trace) -> Result<Made, PanelError> {
    let series = vec![("answer".to_owned(), token_shares(trace, Selection::default())?)];
    let caption = "Decoder, mean over layers and heads; attention on the image as a part of all attention".to_owned();
    let plot = LinesPlot { x_label: "token".to_owned(), y_label: SHARE.to_owned(), series, ..LinesPlot::default() };
    Ok(made("Attention on the image by token".to_owned(), caption, plot))
}

pub(super) fn of_tokens(trace: &Trace, layers: Pick, heads: Pick) -> Result<Made, PanelError> {
    let choice = selection(layers, heads, [trace.num_hidden_layers, trace.num_attention_heads])?;
    let series = vec![("answer".to_owned(), token_shares(trace, choice)?)];
    let names = (0..trace.output.len()).map(|at| output_text(trace, at)).collect();
    let place = place_words(layers, heads);
    let caption = format!("Decoder, {place}; attention on the image as a part of all attention");
    let (x_label, y_label) = ("token of the answer".to_owned(), SHARE.to_owned());
    let plot = LinesPlot { x_label, y_label, series, names, columns: true, ..LinesPlot::default() };
    Ok(made("Attention on the image, word by word".to_owned(), caption, plot))
}

fn token_shares(trace: &Trace, choice: Selection) -> Result<Vec<Option<f32>>, PanelError> {
    let shares = image_share_per_token(trace, choice)?;
    if shares.is_empty() {
        return Err(AnalysisError::NoRow { token: TokenRef::Output(0) }.into());
    }
    Ok(shares)
}

/// How many choices flip at another strength.
pub(super) fn strength(trace: &Trace, most: f64) -> Result<Made, PanelError> {
    if !(most > 0.0 && most <= MOST_STRENGTH) {
        let found = most.to_string();
        return Err(PanelError::Other(format!(
            "expected a largest strength above 0 and up to {MOST_STRENGTH}, found {found}"
        )));
    }
    let steps: Vec<&TokenContrast> = trace.output.iter().filter_map(|token| token.contrast.as_deref()).collect();
    let Some(first) = steps.first() else {
        return Err(PanelError::Other("an answer of a strategy without a second branch".to_owned()));
    };
    let same = steps.iter().all(|step| (step.alpha - first.alpha).abs() < 1e-9);
    let at: Vec<f64> = (0..CURVE_POINTS).map(|idx| most * idx as f64 / (CURVE_POINTS - 1) as f64).collect();
    let flips = |tried: f64| {
        let strength = |step: &TokenContrast| if same { tried } else { tried * step.alpha };
        let count = steps.iter().filter(|step| step.flips_at(strength(step))).count();
        Some(count as f32)
    };
    let series = vec![("tokens that change".to_owned(), at.iter().map(|tried| flips(*tried)).collect())];
    let recorded = if same { first.alpha } else { 1.0 };
    let rule = (recorded <= most).then(|| ("recorded".to_owned(), recorded));
    let x_label = if same { "strength of the contrast" } else { "strength, times the recorded one" }.to_owned();
    let strategy = settable(&trace.run.decoding());
    let caption = format!(
        "{strategy}, recorded at {}; choices of {} with a second branch that another strength would change, each in \
            its recorded context: only the first is certain",
        if same { format!("{:.2}", first.alpha) } else { "another strength at every step".to_owned() },
        steps.len()
    );
    let y_label = format!("tokens that change, of {}", steps.len());
    let plot = LinesPlot {
        x_label,
        y_label,
        places: Places::At(at),
        series,
        rule,
        at_least: 1.0,
        counts: true,
        ..LinesPlot::default()
    };
    Ok(made("Tokens that another strength would change".to_owned(), caption, plot))
}

pub(super) fn threshold(
    spec: &MapSpec,
    (truth, whole): (&Truth, bool),
    cut: Option<f32>,
    regions: Combine,
    inputs: &Inputs,
) -> Result<Made, PanelError> {
    if let Some(bad) = cut.filter(|part| !(0.0..=1.0).contains(part)) {
        return Err(PanelError::Other(format!("expected `cut` from 0 to 1, found {bad}")));
    }
    let map = named(spec, inputs)?;
    let (mask, names) = truth::union(&map.of, truth, inputs)?;
    let coverage = PatchCoverage::new(&map.layout, mask.pixels(), regions)?;
    let ranked = Ranked::of_patches(&map.values, &coverage, counted(whole))?;
    let [_, max] = ranked.range();
    let part = |threshold: f64| if max > 0.0 { threshold / max } else { 0.0 };
    let at_cut = Evaluation::at(&ranked, cut.map_or_else(|| ranked.mean(), |part| f64::from(part) * max));
    let curve = ranked.curve(CURVE_POINTS);
    let line = |figure: Figure| {
        #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
        let values = curve.iter().map(|point| figure(point.counts).map(|value| value as f32)).collect();
        values
    };
    let lines: [(&str, Figure); 3] =
        [("precision", Counts::precision), ("recall", Counts::recall), ("IoU", Counts::iou)];
    let series = lines.map(|(name, figure)| (name.to_owned(), line(figure))).to_vec();
    let cut_words = if cut.is_some() { "chosen threshold" } else { "the map's mean" };
    let value = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let counts = at_cut.counts;
    let caption = format!(
        "{} against the mask of {names}; at {cut_words}: precision {}, recall {}, IoU {}",
        map.words,
        value(counts.precision()),
        value(counts.recall()),
        value(counts.iou())
    );
    let plot = LinesPlot {
        x_label: "threshold / largest value".to_owned(),
        y_label: "part".to_owned(),
        places: Places::At(curve.iter().map(|point| part(point.threshold).max(0.0)).collect()),
        series,
        rule: Some((cut_words.to_owned(), part(at_cut.threshold).max(0.0))),
        at_least: 1.0,
        ..LinesPlot::default()
    };
    let mut made = made(format!("{} against {names} over the threshold", map.title), caption, plot);
    made.data.metrics = metrics().map(|metric| (metric.id.to_owned(), metric.value(&at_cut).ok())).collect();
    made.data.metrics.insert(0, ("threshold".to_owned(), Some(at_cut.threshold)));
    Ok(made)
}

pub(super) fn outliers(trace: &Trace, tokens: &Tokens, head_mean: bool) -> Result<Made, PanelError> {
    let variant = if head_mean { ClsVariant::HeadMean } else { ClsVariant::Unsplit };
    let options = DamroOptions::of(trace)?;
    let found = damro(trace, &token_set(tokens, trace), &options, variant)?;
    #[expect(clippy::cast_possible_truncation, reason = "a share between 0 and 1")]
    let narrow = |value: f64| value as f32;
    let OutlierAgreement { overlap, others_overlap: others, on_top, .. } = &found;
    let mut series = vec![(token_title(tokens, trace), overlap.iter().map(|value| Some(narrow(*value))).collect())];
    let mut band = None;
    if !others.is_empty() {
        series.push((
            match found.num_others {
                1 => "1 other token".to_owned(),
                others => format!("{others} other tokens, mean"),
            },
            others.iter().map(|spread| Some(narrow(spread.mean))).collect(),
        ));
        band = Some((
            "others, quartiles".to_owned(),
            others.iter().map(|spread| [narrow(spread.low), narrow(spread.high)]).collect(),
        ));
    }
    let encoder = if head_mean { "[CLS], mean over heads" } else { "unsplit [CLS]" };
    let on_top_words = on_top.map_or_else(|| "not defined".to_owned(), |f| format!("{f:.3}"));
    let caption = format!(
        "Decoder, {}; {encoder} of the feature layer against the {}; F\u{a0}=\u{a0}{on_top_words}, chance {:.3}",
        token_words(tokens, trace),
        options.decoder_words(),
        found.on_top_by_chance
    );
    let plot = LinesPlot {
        x_label: "i: the largest i patches of each".to_owned(),
        y_label: "overlap, H(i)".to_owned(),
        places: Places::From(1),
        series,
        band,
        ..LinesPlot::default()
    };
    let mut made = made("Largest patches of encoder and decoder".to_owned(), caption, plot);
    made.data.metrics = vec![
        ("attention on the encoder's three largest patches".to_owned(), *on_top),
        ("the same by chance".to_owned(), Some(found.on_top_by_chance)),
    ];
    Ok(made)
}

fn made(title: String, caption: String, plot: LinesPlot) -> Made {
    let names = plot.series.iter().map(|(name, _)| name.clone());
    let mut header: Vec<String> = std::iter::once(plot.x_label.clone()).chain(names).collect();
    let band = plot.band.as_ref().map(|(name, values)| {
        header.extend([format!("{name}, lower"), format!("{name}, upper")]);
        values
    });
    if !plot.names.is_empty() {
        header.push("text".to_owned());
    }
    let mut table = vec![header];
    let length = plot.series.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    let mut flat = Vec::with_capacity(length * plot.series.len());
    for (_, values) in &plot.series {
        flat.extend((0..length).map(|at| values.get(at).copied().flatten().unwrap_or(f32::NAN)));
    }
    for at in 0..length {
        let place = match &plot.places {
            Places::From(first) => (first + at).to_string(),
            Places::At(places) => places.get(at).map_or_else(String::new, ToString::to_string),
        };
        let cells = plot.series.iter().map(|(_, values)| values.get(at).copied().flatten());
        let mut row: Vec<String> = std::iter::once(place)
            .chain(cells.map(|value| value.map_or_else(String::new, |value| value.to_string())))
            .collect();
        if let Some(ends) = band.and_then(|band| band.get(at)) {
            row.extend(ends.map(|value| value.to_string()));
        }
        row.extend(plot.names.get(at).cloned());
        table.push(row);
    }
    let tensor = Some(("lines".to_owned(), vec![plot.series.len(), length], flat));
    Made { title, caption, content: Content::Lines(plot), data: PanelData { tensor, table, metrics: Vec::new() } }
}
