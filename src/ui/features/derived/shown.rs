//! The map on the photo.

use crate::analysis::MapRequest;
use crate::engine::RunId;
use crate::geometry::ImageLayout;
use crate::render::HeatMap;
use crate::trace::Trace;
use crate::ui::core::settings::{LayerHead, RangeMode, ViewState};
use crate::ui::features::derived::token_maps::TokenMaps;
use crate::ui::features::derived::{caption, narrow};
use crate::ui::features::{AppState, Normalisation, Reduce, Run, Source, TokenPos};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

/// Everything the shown map depends on.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    run: RunId,
    rewinds: u64,
    source: Source,
    encoder: usize,
    choice: LayerHead,
    tokens: Vec<TokenPos>,
    reduce: Reduce,
    normalisation: Normalisation,
    suppress_sink: bool,
    range_mode: RangeMode,
    fixed_range: [f32; 2],
    made: usize,
}

/// The map on the photo, with what its caption says of it.
#[derive(Debug, Clone)]
pub struct ShownMap {
    key: Key,
    /// The values, or why there are none.
    pub map: Result<HeatMap, String>,
    /// Values at the two ends of the colour scale.
    pub range: [f32; 2],
    /// Sum of the raw values over all patches: the attention on the image.
    pub image_share: f32,
    /// What is shown, in words.
    pub caption: String,
    /// The end of the caption: the largest value and the attention on the image.
    pub numbers: String,
    /// The part of the caption that the bar over the photo does not say: tokens, largest value, attention on the image.
    pub brief: String,
    /// The unit, for the colour bar.
    pub unit: &'static str,
}

/// A map in the chosen normalisation.
pub(super) struct Values {
    /// One a cell of the layout.
    pub(super) values: Vec<f32>,
    /// Sum of the raw values.
    pub(super) image_share: f32,
}

impl Values {
    pub(super) fn max(&self) -> f32 {
        self.values.iter().copied().fold(0.0_f32, f32::max)
    }

    pub(super) fn heat(self, layout: &Arc<ImageLayout>) -> HeatMap {
        HeatMap { layout: Arc::clone(layout), key: content_key(&self.values), values: self.values.into() }
    }
}

/// Where a run looked, by what is chosen in `view`.
pub(super) fn values(run: &Run, view: &ViewState, maps: &TokenMaps, wanted: &[TokenPos]) -> Result<Values, String> {
    let trace = run.trace.as_ref().ok_or("There is no answer yet")?;
    let mut made =
        if view.source.of_tokens() { token_values(trace, maps, wanted, view.tokens)? } else { one_map(run, view)? };
    let is_shared = view.normalisation == Normalisation::ImageShare && view.source.entry().share_unit.is_some();
    if is_shared && made.image_share > 0.0 {
        let whole: f64 = made.values.iter().map(|value| f64::from(*value)).sum();
        for value in &mut made.values {
            *value = narrow(f64::from(*value) / whole);
        }
    }
    Ok(made)
}

/// What the values are, for a colour bar.
pub(in crate::ui) fn unit(view: &ViewState) -> &'static str {
    if view.source.has_sink() && view.normalisation == Normalisation::Raw && view.suppress_sink {
        return "attention probability without the first position";
    }
    view.source.unit(view.normalisation)
}

/// The map for this state; the one from before if nothing changed.
pub(super) fn update(
    before: Option<ShownMap>,
    state: &AppState,
    run: &Run,
    maps: &TokenMaps,
    wanted: &[TokenPos],
) -> Option<ShownMap> {
    let trace = run.trace.as_ref()?;
    let view = &state.view;
    let of_tokens = view.source.of_tokens();
    let key = Key {
        run: run.id,
        rewinds: run.rewinds,
        source: view.source,
        encoder: view.encoder,
        choice: view.layer_head(),
        tokens: if of_tokens { wanted.to_vec() } else { Vec::new() },
        reduce: view.tokens,
        normalisation: view.normalisation,
        suppress_sink: view.suppress_sink,
        range_mode: state.colour.range_mode,
        fixed_range: state.colour.fixed_range,
        made: maps.made(),
    };
    if before.as_ref().is_some_and(|before| before.key == key) {
        return before;
    }
    let (map, range, image_share, max) = match values(run, view, maps, wanted) {
        Err(why) => (Err(why), [0.0, 1.0], 0.0, 0.0),
        Ok(made) => {
            let (max, image_share) = (made.max(), made.image_share);
            (Ok(made.heat(&view.source.layout(trace, view.encoder))), range(state, maps, max), image_share, max)
        }
    };
    let (caption, numbers, brief) = match &map {
        Ok(_) => {
            let numbers = caption::numbers(state, max, image_share);
            let caption = format!("{}, {numbers}", caption::words(state, trace, wanted));
            let tokens = view.source.of_tokens().then(|| caption::tokens_label(state, trace, wanted));
            let brief = tokens.map_or_else(|| numbers.clone(), |tokens| format!("{tokens}: {numbers}"));
            (caption, numbers, brief)
        }
        Err(_) => Default::default(),
    };
    Some(ShownMap { key, map, range, image_share, caption, numbers, brief, unit: unit(view) })
}

fn range(state: &AppState, maps: &TokenMaps, max: f32) -> [f32; 2] {
    let shared = |map: &super::TokenMap| match state.view.normalisation {
        Normalisation::Raw => map.max,
        Normalisation::ImageShare => map.max / map.image_share.max(f32::MIN_POSITIVE),
    };
    match (state.colour.range_mode, state.view.source) {
        (RangeMode::Fixed, _) => state.colour.fixed_range,
        (RangeMode::SharedOverTokens, source) if source.of_tokens() => {
            [0.0, maps.answer().map(|(_, map)| shared(map)).fold(max, f32::max)]
        }
        _ => [0.0, max],
    }
}

fn token_values(trace: &Trace, maps: &TokenMaps, wanted: &[TokenPos], reduce: Reduce) -> Result<Values, String> {
    let mut sums: Vec<f64> = Vec::new();
    let (mut count, mut why) = (0_usize, None);
    for pos in wanted {
        match maps.get(*pos) {
            None => {}
            Some(Err(err)) => why = Some(no_row(trace, *pos, err)),
            Some(Ok(map)) => {
                count += 1;
                let values = map.values.iter().map(|value| f64::from(*value));
                if sums.is_empty() {
                    sums = values.collect();
                    continue;
                }
                for (acc, value) in sums.iter_mut().zip(values) {
                    *acc = if reduce == Reduce::Max { acc.max(value) } else { *acc + value };
                }
            }
        }
    }
    if count == 0 {
        return Err(why.unwrap_or_else(|| "No token has been generated yet".to_owned()));
    }
    if reduce != Reduce::Max {
        for sum in &mut sums {
            *sum /= count as f64;
        }
    }
    let image_share = narrow(sums.iter().sum());
    Ok(Values { values: sums.into_iter().map(narrow).collect(), image_share })
}

/// The way to a row, in the words of the settings.
fn no_row(trace: &Trace, pos: TokenPos, err: &str) -> String {
    match pos {
        TokenPos::Prompt(idx) => {
            let choice = if idx < trace.image_token_span.end() { "the whole prompt too" } else { "the question too" };
            format!("This word's attention was not recorded: choose Settings, Record, “{choice}” and ask again")
        }
        TokenPos::Output(_) => format!("{err}; raise Settings, Budget and ask again"),
    }
}

/// A map that is the same for all tokens.
fn one_map(run: &Run, view: &ViewState) -> Result<Values, String> {
    let ViewState { source, encoder, suppress_sink, .. } = *view;
    let trace = run.trace.as_ref().ok_or("There is no answer yet")?;
    let shape = source.shape(trace, encoder).map_err(|_| "What the vision encoder looked at was not recorded")?;
    let request = view.layer_head().request(source, shape).ok_or("The vision encoder gives no attention")?;
    if !source.is_in(trace, encoder) {
        return Err(format!("{} was not recorded here", source.name()));
    }
    let map = MapRequest { encoder, suppress_sink, ..request }.compute(trace).map_err(|err| err.to_string())?;
    Ok(Values { values: map.values, image_share: narrow(map.total) })
}

/// A key for a map by its values: the same values, the same key.
pub(in crate::ui) fn content_key(values: &[f32]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    for value in values {
        value.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}
