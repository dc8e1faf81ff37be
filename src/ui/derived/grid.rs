//! Every layer and head as a small map, for the shown tokens; and from the same sums the image attention of every layer.

use super::token_maps::token_ref;
use crate::analysis::{self, LayerHeadMaps, MapOptions, Normalisation, TokenSet};
use crate::engine::RunId;
use crate::geometry::PatchGrid;
use crate::trace::Trace;
use crate::ui::state::{Run, Source, TokenPos, ViewState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    run: RunId,
    source: Source,
    suppress_sink: bool,
}

/// Maps of all layers and heads, the mean over the shown tokens.
#[derive(Debug, Clone)]
pub struct GridValues {
    /// Layers.
    pub layers: usize,
    /// Heads a layer.
    pub heads: usize,
    /// Patches of a map.
    pub grid: PatchGrid,
    /// **Shape** `[layers, heads, rows * cols]`, raw.
    pub values: Arc<[f32]>,
    /// Sum over patches, **shape** `[layers, heads]`.
    pub image_shares: Vec<f32>,
    /// Names the content.
    pub key: u64,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct GridMaps {
    key: Option<Key>,
    /// Tokens in the sum, in order.
    summed: Vec<TokenPos>,
    /// How many of them have a row.
    count: usize,
    sum: Vec<f32>,
    values: Option<GridValues>,
}

impl GridMaps {
    /// The maps, if there are any.
    pub fn values(&self) -> Option<&GridValues> {
        self.values.as_ref()
    }

    /// Adds tokens until the deadline. Returns whether some are missing.
    pub(super) fn advance(&mut self, run: &Run, view: &ViewState, wanted: &[TokenPos], deadline: Instant) -> bool {
        let Some(trace) = &run.trace else { return false };
        let key = Key { run: run.id, source: view.source, suppress_sink: view.suppress_sink };
        let wanted = if view.source == Source::Vision { &[] } else { wanted };
        // A longer answer goes on from the sum of the shorter one; anything else starts again.
        if self.key != Some(key) || !wanted.starts_with(&self.summed) {
            *self = Self { key: Some(key), ..Self::default() };
        }
        if view.source == Source::Vision {
            if self.values.is_none()
                && let Ok(maps) = analysis::vision_layer_head_maps(trace, Normalisation::Raw)
            {
                self.values = Some(Self::finish(&maps, maps.values.clone()));
            }
            return false;
        }
        let before = self.summed.len();
        let mut last = None;
        for pos in wanted.iter().skip(before) {
            if self.summed.len() > before && Instant::now() >= deadline {
                break;
            }
            self.summed.push(*pos);
            if let Some(maps) = maps_of(trace, *pos, view.suppress_sink) {
                self.add(&maps.values);
                last = Some(maps);
            }
        }
        if let Some(maps) = last {
            let count = self.count as f32;
            let mean = self.sum.iter().map(|sum| sum / count).collect();
            self.values = Some(Self::finish(&maps, mean));
        }
        self.summed.len() < wanted.len()
    }

    fn add(&mut self, values: &[f32]) {
        self.count += 1;
        if self.sum.len() == values.len() {
            for (sum, value) in self.sum.iter_mut().zip(values) {
                *sum += value;
            }
        } else {
            self.sum = values.to_vec();
        }
    }

    fn finish(shape: &LayerHeadMaps, values: Vec<f32>) -> GridValues {
        let image_shares = values.chunks(shape.grid.len().max(1)).map(|map| map.iter().sum()).collect();
        GridValues {
            layers: shape.num_hidden_layers,
            heads: shape.num_attention_heads,
            grid: shape.grid,
            values: values.into(),
            image_shares,
            key: next_key(),
        }
    }
}

/// A name that no other content has had. Textures outlive the numbers they were made of: counting from one again, for the next question,
/// would give the names of maps still on the graphics card to others.
fn next_key() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

fn maps_of(trace: &Trace, pos: TokenPos, suppress_sink: bool) -> Option<LayerHeadMaps> {
    let tokens = TokenSet::new([token_ref(pos)], analysis::Reduce::Mean);
    let options = MapOptions { normalisation: Normalisation::Raw, suppress_sink };
    analysis::layer_head_maps(trace, &tokens, options).ok()
}
