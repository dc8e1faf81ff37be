//! Every layer and head as a small map, for the shown tokens; and from the same sums the image attention of every
//! layer.

use crate::analysis;
use crate::engine::RunId;
use crate::geometry::ImageLayout;
use crate::ids::LayerIdx;
use crate::trace::Trace;
use crate::ui::core::settings::ViewState;
use crate::ui::features::derived::narrow;
use crate::ui::features::{Run, Source, TokenPos};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Values that are added in a frame however little time there is, some milliseconds' worth: all heads of a token of a
/// model of seven billion weights. With less a slow machine, whose processors answer, would have no map before the
/// answer ends.
const LEAST_VALUES: usize = 1 << 20;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Key {
    run: RunId,
    rewinds: u64,
    source: Source,
    encoder: usize,
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
    pub layout: Arc<ImageLayout>,
    /// **Shape** `[layers, heads, cells]`, raw.
    pub values: Arc<[f32]>,
    /// Sum over patches, **shape** `[layers, heads]`.
    pub image_shares: Vec<f32>,
    /// Names the content.
    pub key: u64,
}

/// Every layer and head as a small map, for the shown tokens; and from the same sums the image attention of every
/// layer.
#[derive(Debug, Default)]
pub struct GridMaps {
    key: Option<Key>,
    /// Tokens in the sum, in order.
    summed: Vec<TokenPos>,
    /// How many of them have a row.
    count: usize,
    /// How many tokens are shown.
    num_wanted: usize,
    sum: Vec<f64>,
    partial: Option<Partial>,
    /// Those made last; they stay in sight for the frames that it takes to make others.
    values: Option<GridValues>,
}

/// Maps of one token, made a few layers at a time: all of a large model's heads take longer than a frame has.
#[derive(Debug)]
struct Partial {
    /// `None` for a source that is the same for all.
    pos: Option<TokenPos>,
    /// **Shape** `[layers made, heads, rows * cols]`.
    values: Vec<f64>,
    next_layer: usize,
}

/// What a frame may still do.
struct Slice {
    deadline: Instant,
    /// Values that were made.
    made: usize,
}

impl Slice {
    fn is_over(&self) -> bool {
        self.made >= LEAST_VALUES && Instant::now() >= self.deadline
    }
}

impl GridMaps {
    /// The maps, if there are any.
    pub fn values(&self) -> Option<&GridValues> {
        self.values.as_ref()
    }

    /// How many of the shown tokens are in the mean, and how many there are, while some are missing.
    pub fn progress(&self) -> Option<(usize, usize)> {
        (self.summed.len() < self.num_wanted).then_some((self.summed.len(), self.num_wanted))
    }

    /// Adds tokens until the deadline. Returns whether some are missing.
    pub(super) fn advance(&mut self, run: &Run, view: &ViewState, wanted: &[TokenPos], deadline: Instant) -> bool {
        let Some(trace) = &run.trace else { return false };
        let ViewState { source, encoder, suppress_sink, .. } = *view;
        let key = Key { run: run.id, rewinds: run.rewinds, source, encoder, suppress_sink };
        if self.key != Some(key) {
            *self = Self { key: Some(key), ..Self::default() };
        }
        // Without the source there is nothing to make; a source without heads is one column.
        let Ok([layers, heads]) = source.shape(trace, encoder) else { return false };
        if source.of_tokens() {
            return self.advance_tokens(trace, [layers, heads], wanted, deadline);
        }
        if self.values.is_some() {
            return false;
        }
        match self.make(trace, None, &mut Slice { deadline, made: 0 }) {
            Made::Later => return true,
            Made::Nothing => {}
            Made::Maps(values) => self.finish((layers, heads, &source.layout(trace, encoder)), values),
        }
        false
    }

    fn advance_tokens(
        &mut self,
        trace: &Trace,
        [layers, heads]: [usize; 2],
        wanted: &[TokenPos],
        deadline: Instant,
    ) -> bool {
        // A longer answer goes on from the sum of the shorter one; anything else starts again.
        if !wanted.starts_with(&self.summed) {
            self.summed.clear();
            self.sum.clear();
            self.count = 0;
        }
        self.num_wanted = wanted.len();
        let before = self.count;
        let mut slice = Slice { deadline, made: 0 };
        for pos in wanted.iter().skip(self.summed.len()) {
            match self.make(trace, Some(*pos), &mut slice) {
                Made::Later => break,
                Made::Nothing => self.summed.push(*pos),
                Made::Maps(values) => {
                    self.summed.push(*pos);
                    self.add(values);
                }
            }
            if slice.is_over() {
                break;
            }
        }
        if self.count > before {
            let count = self.count as f64;
            let mean = self.sum.iter().map(|sum| sum / count).collect();
            let layout = self.key.map(|key| key.source.layout(trace, key.encoder));
            let layout = layout.unwrap_or_else(|| Arc::clone(&trace.layout));
            self.finish((layers, heads, &layout), mean);
        } else if wanted.len() == self.summed.len() && self.count == 0 {
            self.values = None; // none of them has a row
        }
        self.summed.len() < wanted.len()
    }

    /// Goes on with the maps of a token, or with those that are the same for all.
    fn make(&mut self, trace: &Trace, pos: Option<TokenPos>, slice: &mut Slice) -> Made {
        let mut partial = match self.partial.take() {
            Some(partial) if partial.pos == pos => partial,
            _ => Partial { pos, values: Vec::new(), next_layer: 0 },
        };
        let Some(Key { source, encoder, suppress_sink, .. }) = self.key else { return Made::Nothing };
        let Ok([layers, _]) = source.shape(trace, encoder) else { return Made::Nothing };
        while let Ok(layer_idx) = LayerIdx::new(partial.next_layer, layers) {
            if slice.is_over() {
                self.partial = Some(partial);
                return Made::Later;
            }
            let Ok(values) = analysis::layer_maps((source, encoder), trace, pos, layer_idx, suppress_sink) else {
                return Made::Nothing;
            };
            slice.made += values.len();
            partial.values.extend(values);
            partial.next_layer += 1;
        }
        Made::Maps(partial.values)
    }

    fn add(&mut self, values: Vec<f64>) {
        self.count += 1;
        if self.sum.len() == values.len() {
            for (sum, value) in self.sum.iter_mut().zip(values) {
                *sum += value;
            }
        } else {
            self.sum = values;
        }
    }

    fn finish(&mut self, (layers, heads, layout): (usize, usize, &Arc<ImageLayout>), values: Vec<f64>) {
        let image_shares = values.chunks(layout.len().max(1)).map(|map| narrow(map.iter().sum())).collect();
        let values = values.into_iter().map(narrow).collect();
        self.values =
            Some(GridValues { layers, heads, layout: Arc::clone(layout), values, image_shares, key: next_key() });
    }
}

/// A name that no other content has had. Textures outlive the numbers they were made of: counting from one again, for
/// the next question, would give the names of maps still on the graphics card to others.
fn next_key() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

/// What came of making a token's maps.
enum Made {
    /// More layers wait for the next frame.
    Later,
    /// The token has no row.
    Nothing,
    /// **Shape** `[layers, heads, rows * cols]`.
    Maps(Vec<f64>),
}
