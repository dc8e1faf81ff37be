//! Runs side by side: their answers aligned, a map of each for the tokens that stand in the same place, and the
//! difference of two.

mod difference;

pub use difference::Difference;

use crate::analysis::align::Alignment;
use crate::analysis::chair::Extractor;
use crate::engine::RunId;
use crate::render::HeatMap;
use crate::trace::{PromptToken, Trace};
use crate::ui::core::command::Elsewhere;
use crate::ui::core::settings::{Axis, LayerHead, RangeMode, ViewState};
use crate::ui::core::wording::count as counted;
use crate::ui::features::derived::shown::Values;
use crate::ui::features::derived::token_maps::TokenMaps;
use crate::ui::features::derived::{caption, shown, token_label};
use crate::ui::features::truth::Marks;
use crate::ui::features::{AppState, ComparedRuns, Reduce, Run, TokenPos};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Everything that the columns depend on.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    /// Run, version of its trace, maps of its tokens that are made.
    columns: Vec<(RunId, u64, usize)>,
    runs: ComparedRuns,
    /// Runs about the photo: their numbers change when one is forgotten.
    count: usize,
    view: ViewState,
    wanted: Wanted,
    fixed_range: Option<[f32; 2]>,
}

/// The tokens looked at.
#[derive(Debug, Clone, PartialEq)]
enum Wanted {
    /// Every word of each answer.
    All,
    /// These of one run, and those that stand in their places in the others.
    Of(RunId, Vec<TokenPos>),
}

/// One run beside others.
#[derive(Debug, Clone)]
pub struct ComparedColumn {
    /// The run.
    pub run: RunId,
    /// Its number among those about the photo, from 1.
    pub nr: usize,
    /// Its answer against the reference's; `None` for the reference itself.
    pub alignment: Option<Arc<Alignment>>,
    /// Its tokens that are looked at; empty stands for all words.
    pub tokens: Vec<TokenPos>,
    /// Those in words.
    pub title: String,
    /// Where it looked, or why there is no map.
    pub map: Result<HeatMap, String>,
    /// Sum of the raw values over all patches.
    pub image_share: f32,
}

/// Runs side by side: their answers aligned, a map of each for the tokens that stand in the same place, and the
/// difference of two.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The reference first.
    pub columns: Vec<ComparedColumn>,
    /// Of the second column or the one that was chosen; `None` for a run alone.
    pub difference: Option<Difference>,
    /// Values at the ends of the colour scale of all columns.
    pub range: [f32; 2],
    /// What the values are.
    pub unit: &'static str,
    /// Source, layer, head and normalisation of all columns.
    pub place: String,
}

impl Comparison {
    /// The column of a run.
    pub fn column(&self, run: RunId) -> Option<&ComparedColumn> {
        self.columns.iter().find(|column| column.run == run)
    }

    /// The token of one column that stands in the place of another column's; `None` if there is none.
    pub fn counterpart(&self, from: RunId, token_idx: usize, to: RunId) -> Option<usize> {
        if from == to {
            return Some(token_idx);
        }
        let of_reference = match &self.column(from)?.alignment {
            None => Some(token_idx),
            Some(alignment) => alignment.reference_of(token_idx),
        }?;
        match &self.column(to)?.alignment {
            None => Some(of_reference),
            Some(alignment) => alignment.other_of(of_reference),
        }
    }
}

/// Of the reference's trace and the other's.
type Versions = (u64, u64);

/// What is kept between frames.
#[derive(Debug, Default)]
pub struct Comparisons {
    /// By reference and other run; the versions of both that were aligned.
    alignments: HashMap<(RunId, RunId), (Versions, Arc<Alignment>)>,
    /// Of the runs that are not shown.
    maps: HashMap<RunId, TokenMaps>,
    /// Object words of every answer, judged.
    marks: HashMap<RunId, Marks>,
    key: Option<Key>,
    made: Option<Comparison>,
}

/// A column before its map.
struct Draft<'a> {
    run: &'a Run,
    trace: &'a Trace,
    alignment: Option<Arc<Alignment>>,
    tokens: Vec<TokenPos>,
}

impl Comparisons {
    /// What stands side by side, if anything was answered.
    pub fn made(&self) -> Option<&Comparison> {
        self.made.as_ref()
    }

    /// Object words of a column's answer.
    pub fn marks(&self, run: RunId) -> Option<&Marks> {
        self.marks.get(&run)
    }

    /// Brings it up to date; `shown_maps` are those of the shown run. Returns whether maps are missing.
    pub(super) fn advance(
        &mut self,
        state: &AppState,
        shown_maps: &TokenMaps,
        extractor: &Extractor,
        deadline: Instant,
    ) -> bool {
        if !state.compare.visible {
            return false;
        }
        let Some(compared) = state.compared() else {
            *self = Self::default();
            return false;
        };
        let mut drafts = self.drafts(state, &compared);
        let wanted = wanted(state, &drafts);
        choose_tokens(&mut drafts, &wanted);
        self.marks.retain(|run, _| drafts.iter().any(|draft| draft.run.id == *run));
        for draft in &drafts {
            self.marks.entry(draft.run.id).or_default().update(draft.run, state.truth.image.as_ref(), extractor);
        }
        let shown = state.current_run().map(|run| run.id);
        for draft in drafts.iter().filter(|draft| Some(draft.run.id) != shown) {
            let maps = self.maps.entry(draft.run.id).or_default();
            maps.advance_wanted(draft.run, &state.view, &draft.tokens, deadline);
        }
        let maps_of = |id: RunId| if Some(id) == shown { Some(shown_maps) } else { self.maps.get(&id) };
        let ready = |draft: &Draft<'_>| {
            let maps = maps_of(draft.run.id);
            draft.tokens.iter().filter(|pos| maps.is_some_and(|maps| maps.get(**pos).is_some())).count()
        };
        let missing = state.view.source.of_tokens() && drafts.iter().any(|draft| ready(draft) < draft.tokens.len());
        let key = Key {
            columns: drafts.iter().map(|draft| (draft.run.id, draft.run.version, ready(draft))).collect(),
            runs: compared.clone(),
            count: state.current_image().map_or(0, |image| state.runs.of_image(image).count()),
            view: state.view,
            wanted,
            fixed_range: (state.colour.range_mode == RangeMode::Fixed).then_some(state.colour.fixed_range),
        };
        if self.key.as_ref() != Some(&key) {
            self.made = Some(make(state, &drafts, &key, maps_of));
            self.key = Some(key);
        }
        missing
    }

    /// The columns with their answers aligned.
    fn drafts<'a>(&mut self, state: &'a AppState, compared: &ComparedRuns) -> Vec<Draft<'a>> {
        let ids = || std::iter::once(compared.reference).chain(compared.others.iter().copied());
        self.alignments.retain(|(a, b), _| ids().any(|id| id == *a) && ids().any(|id| id == *b));
        self.maps.retain(|run, _| ids().any(|id| id == *run));
        let runs = ids().filter_map(|id| state.runs.get(id));
        let mut drafts: Vec<Draft<'a>> = Vec::new();
        for run in runs {
            let Some(trace) = &run.trace else { continue };
            let alignment = drafts.first().map(|reference| self.align(reference, run, trace));
            drafts.push(Draft { run, trace, alignment, tokens: Vec::new() });
        }
        drafts
    }

    /// Aligns two answers, unless it was done.
    fn align(&mut self, reference: &Draft<'_>, run: &Run, trace: &Trace) -> Arc<Alignment> {
        let versions = (reference.run.version, run.version);
        let pair = (reference.run.id, run.id);
        if let Some((_, made)) = self.alignments.get(&pair).filter(|(made, _)| *made == versions) {
            return Arc::clone(made);
        }
        let made = Arc::new(Alignment::of_answers(reference.trace, trace));
        self.alignments.insert(pair, (versions, Arc::clone(&made)));
        made
    }
}

/// The tokens looked at: under the pointer, else held, else every word.
fn wanted(state: &AppState, drafts: &[Draft<'_>]) -> Wanted {
    let selection = &state.selection;
    let elsewhere = |token: Option<Elsewhere>| {
        let token = token.filter(|token| drafts.iter().any(|draft| draft.run.id == token.run))?;
        Some(Wanted::Of(token.run, vec![TokenPos::Output(token.token_idx)]))
    };
    let shown = state.current_run().map(|run| run.id);
    let of_shown = |tokens: Vec<TokenPos>| shown.filter(|_| !tokens.is_empty()).map(|run| Wanted::Of(run, tokens));
    elsewhere(selection.hovered_elsewhere)
        .or_else(|| of_shown(selection.hovered_token.into_iter().collect()))
        .or_else(|| elsewhere(selection.elsewhere))
        .or_else(|| of_shown(selection.tokens.iter().copied().collect()))
        .unwrap_or(Wanted::All)
}

/// Finds each column's tokens.
fn choose_tokens(drafts: &mut [Draft<'_>], wanted: &Wanted) {
    let (from, tokens) = match wanted {
        Wanted::All => {
            for draft in drafts {
                draft.tokens = super::words_with_rows(draft.trace);
            }
            return;
        }
        Wanted::Of(run, tokens) => (*run, tokens),
    };
    let Some(source) = drafts.iter().find(|draft| draft.run.id == from) else { return };
    let (alignment, prompt) = (source.alignment.clone(), Arc::clone(&source.trace.prompt));
    // Through the reference: in it all answers meet.
    let of_reference = |idx: usize| alignment.as_ref().map_or(Some(idx), |alignment| alignment.reference_of(idx));
    for draft in drafts {
        let same_run = draft.run.id == from;
        let counterpart = |pos: &TokenPos| match *pos {
            _ if same_run => Some(*pos),
            TokenPos::Prompt(_) => same_prompt(&prompt, &draft.trace.prompt).then_some(*pos),
            TokenPos::Output(idx) => {
                let idx = of_reference(idx)?;
                let idx = draft.alignment.as_ref().map_or(Some(idx), |alignment| alignment.other_of(idx))?;
                Some(TokenPos::Output(idx))
            }
        };
        draft.tokens = tokens.iter().filter_map(counterpart).collect();
    }
}

/// Whether positions mean the same in both.
fn same_prompt(a: &Arc<[PromptToken]>, b: &Arc<[PromptToken]>) -> bool {
    Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.id == b.id))
}

fn make<'m>(
    state: &AppState,
    drafts: &[Draft<'_>],
    key: &Key,
    maps_of: impl Fn(RunId) -> Option<&'m TokenMaps>,
) -> Comparison {
    let nothing = TokenMaps::default();
    let mut max = 0.0_f32;
    let mut columns = Vec::new();
    for draft in drafts {
        let maps = maps_of(draft.run.id).unwrap_or(&nothing);
        let made = column_values(draft, &key.view, maps);
        max = made.as_ref().map_or(max, |made| made.max().max(max));
        let image_share = made.as_ref().map_or(0.0, |made| made.image_share);
        columns.push(ComparedColumn {
            run: draft.run.id,
            nr: number(state, draft.run),
            alignment: draft.alignment.clone(),
            title: title(draft, key),
            tokens: draft.tokens.clone(),
            map: made.map(|made| made.heat(&key.view.source.layout(draft.trace, key.view.encoder))),
            image_share,
        });
    }
    let [source, place, unit] = caption::place_and_unit(&key.view);
    let place = format!("{source}, {place}, {unit}");
    let difference = key.runs.subtracted.and_then(|id| {
        let (first, other) = (columns.first()?, columns.iter().find(|column| column.run == id)?);
        let draft = |run: RunId| drafts.iter().find(|draft| draft.run.id == run);
        Some(difference::subtract((first, draft(first.run)?), (other, draft(id)?), &place, key.view.source))
    });
    let range = key.fixed_range.unwrap_or([0.0, max]);
    Comparison { columns, difference, range, unit: shown::unit(&key.view), place }
}

/// A run's number among those about its photo, from 1.
fn number(state: &AppState, run: &Run) -> usize {
    state.runs.of_image(&run.question.image).take_while(|other| other.id <= run.id).count()
}

fn column_values(draft: &Draft<'_>, view: &ViewState, maps: &TokenMaps) -> Result<Values, String> {
    if let Some(why) = out_of_reach(draft.trace, view) {
        return Err(why);
    }
    if view.source.of_tokens() {
        if draft.tokens.is_empty() {
            let nothing_yet = draft.trace.output.is_empty();
            let why = if nothing_yet {
                "There is no answer yet"
            } else {
                "No aligned token: this answer has nothing in its place"
            };
            return Err(why.to_owned());
        }
        let ready = draft.tokens.iter().filter(|pos| maps.get(**pos).is_some()).count();
        if ready < draft.tokens.len() {
            return Err(format!("Not ready yet: {ready} of {} tokens", draft.tokens.len()));
        }
    }
    shown::values(draft.run, view, maps, &draft.tokens)
}

/// A layer or head that another model does not have is not silently another one.
fn out_of_reach(trace: &Trace, view: &ViewState) -> Option<String> {
    let (source, shown) = (view.source, view.layer_head());
    if !source.is_encoder() && !trace.has_decoder() {
        return Some("Its model has no decoder".to_owned());
    }
    let Ok([layers, heads]) = source.shape(trace, view.encoder) else { return None }; // said by the map itself
    let head = if source.has_heads() { shown.head } else { Axis::default() };
    let (choice, shape) = (LayerHead { head, ..shown }, (layers, heads));
    let beyond = |axis: Axis, count: usize| axis.reduce.is_none() && axis.idx >= count;
    let said = |noun: &str, axis: Axis, count: usize| {
        Some(format!("Its model has {}: there is no {noun} {}", counted(count, noun), axis.idx))
    };
    match shape {
        (layers, _) if beyond(choice.layer, layers) => said("layer", choice.layer, layers),
        (_, heads) if beyond(choice.head, heads) => said("head", choice.head, heads),
        _ => None,
    }
}

/// The column's tokens in words.
fn title(draft: &Draft<'_>, key: &Key) -> String {
    if key.view.source.is_encoder() {
        return "the whole answer".to_owned();
    }
    let how = if key.view.tokens == Reduce::Max { "max" } else { "mean" };
    match (&key.wanted, draft.tokens.as_slice()) {
        (_, []) => "no aligned token".to_owned(),
        (_, [one]) => token_label(draft.trace, *one),
        (Wanted::All, tokens) => format!("{how} over all {} tokens", tokens.len()),
        (Wanted::Of(_, wanted), tokens) if tokens.len() < wanted.len() => {
            format!("{how} over {} aligned tokens of {}", tokens.len(), wanted.len())
        }
        (_, tokens) => format!("{how} over {} tokens", tokens.len()),
    }
}

#[cfg(test)]
mod tests;
