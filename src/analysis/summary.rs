//! What a window shows of every token, computed once when the token's row arrives, so that no frame walks a whole trace.

use super::map::patch_values;
use super::reduce::Accumulator;
use super::reverse::patch_cells;
use super::share::{finite, narrow, span_part};
use super::{AnalysisError, AttentionSplit, ImageKeys, PatchAttention, Pick, Reduce, Selection, TokenRef, split};
use crate::geometry::PatchPos;
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::Trace;

/// Of one token, with the mean over all heads throughout.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSummary {
    /// Attention on all image tokens as part of all keys, **shape** `[num_hidden_layers]`.
    pub image_share_per_layer: Box<[f32]>,
    /// Its mean over layers.
    pub image_share: f32,
    /// Mean over layers of the attention by kind of key.
    pub split: AttentionSplit,
    /// Raw maps, **shape** `[num_hidden_layers, rows * cols]`: 74 kB a token for 32 layers of 576 patches.
    pub layer_maps: Box<[f32]>,
}

impl TokenSummary {
    /// Reads one token's row.
    pub fn new(trace: &Trace, token: TokenRef) -> Result<Self, AnalysisError> {
        let keys = ImageKeys::of(trace)?;
        let row = token.row(trace)?;
        let heads: Vec<HeadIdx> = HeadIdx::all(trace.num_attention_heads).collect();
        let mut image_share_per_layer = Vec::with_capacity(trace.num_hidden_layers);
        let mut layer_maps = Vec::with_capacity(trace.num_hidden_layers * keys.num_cells());
        for layer_idx in LayerIdx::all(trace.num_hidden_layers) {
            let mut map = Accumulator::new(Reduce::Mean, keys.num_cells());
            let mut share = 0.0;
            for &head_idx in &heads {
                map.add(patch_values(row, layer_idx, head_idx, &keys, false));
                share += span_part(&row.head(layer_idx, head_idx), keys.image);
            }
            image_share_per_layer.push(share / heads.len().max(1) as f64);
            for value in map.finish() {
                layer_maps.push(narrow(finite(value)?));
            }
        }
        let image_share = image_share_per_layer.iter().sum::<f64>() / image_share_per_layer.len().max(1) as f64;
        Ok(Self {
            image_share: narrow(finite(image_share)?),
            image_share_per_layer: image_share_per_layer.into_iter().map(narrow).collect(),
            split: split(trace, token, Selection::default())?,
            layer_maps: layer_maps.into(),
        })
    }

    /// Raw map of one layer, mean over heads; empty for a layer that is not there.
    pub fn layer_map(&self, layer_idx: LayerIdx) -> &[f32] {
        let num_patches = self.layer_maps.len() / self.image_share_per_layer.len().max(1);
        let start = layer_idx.get() * num_patches;
        self.layer_maps.get(start..start + num_patches).unwrap_or(&[])
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        (self.image_share_per_layer.len() + self.layer_maps.len()) * 4 + size_of::<Self>()
    }
}

/// Summaries of a growing trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summaries {
    output: Vec<TokenSummary>,
    prompt: Vec<(usize, TokenSummary)>,
}

impl Summaries {
    /// Reads the rows that have come since the last call. One bad row stops it there; what came before stays.
    pub fn update(&mut self, trace: &Trace) -> Result<(), AnalysisError> {
        while self.prompt.len() < trace.prompt_attention.len() {
            let Some((at, _)) = trace.prompt_attention.get(self.prompt.len()) else { break };
            self.prompt.push((*at, TokenSummary::new(trace, TokenRef::Prompt(*at))?));
        }
        while self.output.len() < trace.decoder_attention.len() {
            self.output.push(TokenSummary::new(trace, TokenRef::Output(self.output.len()))?);
        }
        Ok(())
    }

    /// One a generated token with a row, in order.
    pub fn output(&self) -> &[TokenSummary] {
        &self.output
    }

    /// Prompt positions with a row.
    pub fn prompt(&self) -> &[(usize, TokenSummary)] {
        &self.prompt
    }

    /// The summary of a token, if its row has come.
    pub fn get(&self, token: TokenRef) -> Option<&TokenSummary> {
        match token {
            TokenRef::Output(idx) => self.output.get(idx),
            TokenRef::Prompt(position) => {
                self.prompt.iter().find(|(at, _)| *at == position).map(|(_, summary)| summary)
            }
        }
    }

    /// [`super::tokens_for_patches`] with the mean over all heads, from the kept maps: fast enough for a frame.
    pub fn tokens_for_patches(
        &self,
        trace: &Trace,
        patches: &[PatchPos],
        layers: Pick<LayerIdx>,
    ) -> Result<super::TokensForPatches, AnalysisError> {
        let cells = patch_cells(trace, patches)?;
        let indices = layers.indices(trace.num_hidden_layers)?;
        let of = |summary: &TokenSummary| {
            let mut over_layers = Accumulator::new(layers.reduce(), trace.layout.len());
            for &layer_idx in &indices {
                over_layers.add(summary.layer_map(layer_idx).iter().map(|&v| f64::from(v)));
            }
            let map = over_layers.finish();
            let total: f64 = map.iter().sum();
            let sum: f64 = cells.iter().filter_map(|&cell| map.get(cell)).sum();
            PatchAttention { sum: narrow(sum), share: narrow(if total > 0.0 { sum / total } else { 0.0 }) }
        };
        let mut output: Vec<_> = self.output.iter().map(|summary| Some(of(summary))).collect();
        output.resize(output.len().max(trace.output.len()), None);
        Ok(super::TokensForPatches {
            output,
            prompt: self.prompt.iter().map(|(at, summary)| (*at, of(summary))).collect(),
        })
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.output.iter().chain(self.prompt.iter().map(|(_, summary)| summary)).map(TokenSummary::bytes).sum()
    }
}
