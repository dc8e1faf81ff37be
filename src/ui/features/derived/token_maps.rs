//! A map for every token, of the decoder or of another source that has them, in the chosen layer and head, made as time
//! allows.

use crate::analysis::{MapRequest, Selection};
use crate::engine::RunId;
use crate::trace::Trace;
use crate::ui::core::settings::{LayerHead, ViewState};
use crate::ui::features::{Run, Source, TokenPos};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Where one token looked; raw values, so that every normalisation can be made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenMap {
    /// **Shape** `[rows * cols]`.
    pub values: Arc<[f32]>,
    /// Their sum.
    pub image_share: f32,
    /// The largest.
    pub max: f32,
}

/// Everything these maps depend on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Key {
    run: RunId,
    rewinds: u64,
    source: Source,
    encoder: usize,
    choice: LayerHead,
    suppress_sink: bool,
}

/// A map for every token, of the decoder or of another source that has them, in the chosen layer and head, made as time
/// allows.
#[derive(Debug, Default)]
pub struct TokenMaps {
    key: Option<Key>,
    maps: HashMap<TokenPos, Result<TokenMap, String>>,
    /// Answer tokens below this one have been made.
    next_idx: usize,
}

/// Layer and head as they are put together; `None` when the model has none.
pub(in crate::ui) fn selection_of(choice: LayerHead, layers: usize, heads: usize) -> Option<Selection> {
    let request = choice.request(Source::DECODER, [layers, heads])?;
    Selection::new(request.layers, request.heads, [layers, heads]).ok()
}

fn make(trace: &Trace, pos: TokenPos, key: Key) -> Result<TokenMap, String> {
    let shape = key.source.shape(trace, key.encoder).map_err(|err| err.to_string())?;
    let request = key.choice.request(key.source, shape).ok_or_else(|| "The model has no attention".to_owned())?;
    let request = MapRequest { encoder: key.encoder, tokens: vec![pos], suppress_sink: key.suppress_sink, ..request };
    let map = request.compute(trace).map_err(|err| err.to_string())?;
    Ok(TokenMap { image_share: super::narrow(map.total), max: map.range.max, values: map.values.into() })
}

impl TokenMaps {
    /// Makes maps of `wanted` tokens first, then of all others until the deadline. Returns whether some are missing.
    pub(super) fn advance(&mut self, run: &Run, view: &ViewState, wanted: &[TokenPos], deadline: Instant) -> bool {
        let (Some(trace), Some(key)) = (&run.trace, self.advance_wanted(run, view, wanted, deadline)) else {
            return false;
        };
        while self.next_idx < trace.decoder_attention.len() {
            if Instant::now() >= deadline {
                return true;
            }
            let pos = TokenPos::Output(self.next_idx);
            self.maps.entry(pos).or_insert_with(|| make(trace, pos, key));
            self.next_idx += 1;
        }
        wanted.iter().any(|pos| !self.maps.contains_key(pos))
    }

    /// Makes maps of `wanted` tokens until the deadline, and one of them in any case. Returns what they depend on;
    /// `None` without a trace.
    pub(super) fn advance_wanted(
        &mut self,
        run: &Run,
        view: &ViewState,
        wanted: &[TokenPos],
        deadline: Instant,
    ) -> Option<Key> {
        let trace = run.trace.as_ref()?;
        // While another source is shown, the words of the answer are still those of the decoder.
        let source = if view.source.of_tokens() { view.source } else { Source::DECODER };
        let encoder = view.encoder;
        let shown = ViewState { source, ..*view }.layer_head();
        let [layers, heads] = source.shape(trace, encoder).unwrap_or_default();
        let choice = LayerHead { layer: shown.layer.clamped(layers), head: shown.head.clamped(heads) };
        let key = Key { run: run.id, rewinds: run.rewinds, source, encoder, choice, suppress_sink: view.suppress_sink };
        if self.key != Some(key) {
            *self = Self { key: Some(key), ..Self::default() };
        }
        let missing: Vec<TokenPos> = wanted.iter().copied().filter(|pos| !self.maps.contains_key(pos)).collect();
        for (made, pos) in missing.into_iter().enumerate() {
            // The first one always: something must be shown however slow the machine is.
            if made > 0 && Instant::now() >= deadline {
                break;
            }
            self.maps.insert(pos, make(trace, pos, key));
        }
        Some(key)
    }

    /// The map of a token, if it is made; an error says why there is none.
    pub fn get(&self, pos: TokenPos) -> Option<Result<&TokenMap, &str>> {
        self.maps.get(&pos).map(|map| map.as_ref().map_err(String::as_str))
    }

    /// Maps of answer tokens made so far.
    pub fn answer(&self) -> impl Iterator<Item = (usize, &TokenMap)> {
        (0..self.next_idx).filter_map(|idx| Some((idx, self.get(TokenPos::Output(idx))?.ok()?)))
    }

    /// Counts what is made, so that what is derived from these maps can tell whether it is stale.
    pub(super) fn made(&self) -> usize {
        self.maps.len()
    }
}
