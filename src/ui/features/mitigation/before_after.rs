//! Where the chosen word looked without and with the methods of the shown answer: maps of both answers in the same
//! layer and head, made on a thread of their own. Only the latest word counts.

use crate::analysis::MapRequest;
use crate::engine::{Question, RunId, Spec};
use crate::render::HeatMap;
use crate::trace::Trace;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::core::settings::{Axis, LayerHead, ViewState};
use crate::ui::features::derived::{candidates_subject, content_key, place_and_unit};
use crate::ui::features::{AppState, Phase, Run, Source, TokenPos};
use std::sync::Arc;

/// Tokens of a word that are looked at one by one.
const MOST_PIECES: usize = 6;

/// Both answers and the word.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    /// Without and with methods; what was taken back of each.
    runs: [(RunId, u64); 2],
    /// The word's pieces; the one that is spoken of last.
    tokens: Vec<usize>,
    view: ViewState,
    head: Option<[usize; 2]>,
}

#[derive(Clone)]
struct Wish {
    key: Key,
    /// Of each answer only what the maps are made of.
    traces: [Arc<Trace>; 2],
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

/// A map without and one with methods, which can be compared.
#[derive(Debug, Clone)]
pub(in crate::ui) struct MapPair {
    /// What it is called where one of several is chosen.
    pub(in crate::ui) name: String,
    /// Layer, head and what values are parts of, in words.
    pub(in crate::ui) place: String,
    /// Without and with.
    pub(in crate::ui) maps: [HeatMap; 2],
    /// Values at both ends of the colours: the same for both.
    pub(in crate::ui) range: [f32; 2],
}

/// What came of a word.
#[derive(Debug, Clone)]
pub(in crate::ui) struct BeforeAfter {
    key: Key,
    /// Attention of the word on the image, mean over all layers and heads: without and with.
    pub(in crate::ui) shares: [Option<f64>; 2],
    /// In the shown layer and head, and where a method says that it acts; or why there are none.
    pub(in crate::ui) pairs: Result<Vec<MapPair>, String>,
}

/// Makes the latest [`BeforeAfter`] on a thread of its own.
pub(in crate::ui) struct BeforeAfters {
    made: Latest<Wish, BeforeAfter>,
    latest: Option<BeforeAfter>,
}

impl BeforeAfters {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        Self { made: Latest::new("gazelens-before-after", wake, make), latest: None }
    }

    /// Asks for what belongs to the chosen word, and takes what has come.
    pub(in crate::ui) fn follow(&mut self, state: &AppState) {
        let key = key(state);
        if self.made.asked().map(|asked| &asked.key) != key.as_ref() {
            self.made.ask(key.and_then(|key| wish(state, key)));
        }
        self.latest = self.made.poll().or(self.latest.take());
    }

    /// What came of the chosen word; `None` while it is made.
    pub(in crate::ui) fn of(&self, state: &AppState) -> Option<&BeforeAfter> {
        self.latest.as_ref().filter(|latest| key(state).as_ref() == Some(&latest.key))
    }
}

impl AppState {
    /// The finished answer to the same question without methods, where it was asked.
    pub(in crate::ui) fn without_methods(&self, run: &Run) -> Option<&Run> {
        let (interventions, methods) = (Vec::new(), Vec::new());
        let question = Question { strategy: Spec::default(), interventions, methods, ..run.question.clone() };
        let is_plain = |other: &&Run| other.phase == Phase::Finished && other.question.is_same(&question);
        let plain = self.runs.of_image(&run.question.image).filter(is_plain).last().map(|plain| plain.id);
        plain.and_then(|id| self.runs.get(id))
    }
}

/// The chosen word's pieces, or the one token that is spoken of, which is the last of them.
pub(in crate::ui) fn pieces(state: &AppState, trace: &Trace) -> Vec<usize> {
    let Some((idx, _)) = candidates_subject(state, trace) else { return Vec::new() };
    let held = state.selection.tokens.iter().filter_map(|pos| match pos {
        TokenPos::Output(idx) => Some(*idx).filter(|idx| *idx < trace.output.len()),
        TokenPos::Prompt(_) => None,
    });
    let pieces: Vec<_> = held.take(MOST_PIECES).collect();
    if pieces.contains(&idx) { pieces } else { vec![idx] }
}

/// Whether all tokens before one are the same in both answers.
pub(in crate::ui) fn is_same_before(traces: [&Trace; 2], idx: usize) -> bool {
    let [plain, with] = traces.map(|trace| trace.output.get(..idx));
    let ids = plain.zip(with).map(|(plain, with)| plain.iter().map(|token| token.id).eq(with.iter().map(|t| t.id)));
    ids.unwrap_or(false)
}

/// What is to be made for the chosen word, if both answers have attention there and the same tokens before it.
fn key(state: &AppState) -> Option<Key> {
    let run = state.current_run().filter(|run| run.question.has_methods())?;
    let trace = run.trace.as_ref()?;
    let mut tokens = pieces(state, trace);
    tokens.last()?;
    let plain = state.without_methods(run)?;
    let traces = [plain.trace.as_ref()?, trace];
    let has_rows = |idx: usize| traces.iter().all(|trace| idx < trace.decoder_attention.len().min(trace.output.len()));
    tokens.retain(|idx| has_rows(*idx) && is_same_before(traces, *idx));
    let spoken_of = tokens.last().and_then(|idx| trace.output.get(*idx))?;
    let head = spoken_of.actions.iter().find_map(crate::trace::TokenAction::spread_head);
    let view = ViewState { source: Source::DECODER, encoder: 0, vision: LayerHead::default(), ..state.view };
    Some(Key { runs: [plain, run].map(|run| (run.id, run.rewinds)), tokens, view, head })
}

fn wish(state: &AppState, key: Key) -> Option<Wish> {
    let [plain, with] = key.runs.map(|(id, _)| state.runs.get(id).and_then(|run| excerpt(run.trace.as_ref()?, &key)));
    Some(Wish { traces: [plain?, with?], key })
}

/// The word's rows alone: the rest of an answer is not copied for the other thread.
fn excerpt(trace: &Trace, key: &Key) -> Option<Arc<Trace>> {
    let output = key.tokens.iter().map(|idx| trace.output.get(*idx).cloned()).collect::<Option<_>>()?;
    let rows = key.tokens.iter().map(|idx| trace.decoder_attention.get(*idx).cloned()).collect::<Option<_>>()?;
    Some(Arc::new(Trace {
        run: Arc::clone(&trace.run),
        prompt: Arc::clone(&trace.prompt),
        image_token_span: trace.image_token_span,
        layout: Arc::clone(&trace.layout),
        num_hidden_layers: trace.num_hidden_layers,
        num_attention_heads: trace.num_attention_heads,
        output,
        decoder_attention: rows,
        prompt_attention: Vec::new(),
        vision: None,
        further_vision: Vec::new(),
        similarity: Vec::new(),
        warnings: Vec::new(),
    }))
}

fn make(wish: &Wish) -> BeforeAfter {
    let Wish { key, traces } = wish;
    let last = TokenPos::Output(key.tokens.len().saturating_sub(1));
    let share = |trace: &Arc<Trace>| {
        let request = MapRequest { tokens: vec![last], ..MapRequest::default() };
        request.compute(trace).ok().map(|map| map.total)
    };
    let one = |idx: usize| Axis { idx, reduce: None };
    let mut places = vec![("As shown".to_owned(), key.view.decoder)];
    if let Some([layer, head]) = key.head {
        let all = Axis::default();
        places.push((format!("Layer {layer}, head {head}"), LayerHead { layer: one(layer), head: one(head) }));
        places.push((format!("Layer {layer}, mean over heads"), LayerHead { layer: one(layer), head: all }));
    }
    let pairs = places.into_iter().map(|(name, choice)| pair(key, traces, name, choice)).collect();
    BeforeAfter { key: key.clone(), shares: [share(&traces[0]), share(&traces[1])], pairs }
}

fn pair(key: &Key, traces: &[Arc<Trace>; 2], name: String, choice: LayerHead) -> Result<MapPair, String> {
    let view = ViewState { decoder: choice, ..key.view };
    let map = |trace: &Arc<Trace>| {
        let shape = [trace.num_hidden_layers, trace.num_attention_heads];
        let request = choice.request(Source::DECODER, shape).ok_or("The model has no attention")?;
        let request = MapRequest {
            tokens: (0..key.tokens.len()).map(TokenPos::Output).collect(),
            together: view.tokens,
            normalisation: view.normalisation,
            suppress_sink: view.suppress_sink,
            ..request
        };
        let map = request.compute(trace).map_err(|err| err.to_string())?;
        let layout = Source::DECODER.layout(trace, 0);
        Ok::<_, String>((HeatMap { layout, key: content_key(&map.values), values: map.values.into() }, map.range.max))
    };
    let [(plain, plain_max), (with, with_max)] = [map(&traces[0])?, map(&traces[1])?];
    let [_, place, unit] = place_and_unit(&view);
    Ok(MapPair { name, place: format!("{place}, {unit}"), maps: [plain, with], range: [0.0, plain_max.max(with_max)] })
}

#[cfg(test)]
mod tests;
