//! One figure of merit for every layer and head.

use super::{Counted, Evaluation, LocalisationError, Metric, PatchCoverage, Ranked, Sampling};
use crate::analysis::LayerHeadMaps;
use crate::ids::{HeadIdx, LayerIdx};
use std::sync::atomic::{AtomicBool, Ordering};

/// A metric of all heads against one mask, for a grid of colours.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricGrid {
    /// Which: [`Metric::id`].
    pub metric_id: &'static str,
    /// Which pixels count.
    pub counted: Counted,
    /// Always [`Sampling::Nearest`]: exact on patches, and a thousand heads in a blink.
    pub sampling: Sampling,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads a layer.
    pub num_attention_heads: usize,
    /// **Shape** `[num_hidden_layers, num_attention_heads]`; `None` where the figure is not defined.
    pub values: Vec<Option<f64>>,
}

impl MetricGrid {
    /// The figure of every head at its own map's mean.
    ///
    /// The flag is asked before every layer.
    pub fn new(
        maps: &LayerHeadMaps,
        coverage: &PatchCoverage,
        counted: Counted,
        metric: &Metric,
        cancel: &AtomicBool,
    ) -> Result<Self, LocalisationError> {
        let shape = [maps.num_hidden_layers, maps.num_attention_heads];
        Self::of_values(&maps.values, shape, coverage, counted, metric, cancel)
    }

    /// The same from the maps' values alone. **Shape**: `maps` `[layers, heads, cells]` of the coverage's layout.
    pub fn of_values(
        maps: &[f32],
        [layers, heads]: [usize; 2],
        coverage: &PatchCoverage,
        counted: Counted,
        metric: &Metric,
        cancel: &AtomicBool,
    ) -> Result<Self, LocalisationError> {
        let patches = coverage.num_cells();
        let mut values = Vec::with_capacity(layers * heads);
        for layer_idx in 0..layers {
            if cancel.load(Ordering::Relaxed) {
                return Err(LocalisationError::Cancelled);
            }
            for cell in layer_idx * heads..(layer_idx + 1) * heads {
                let map = maps.get(cell * patches..(cell + 1) * patches).unwrap_or_default();
                let ranked = Ranked::of_patches(map, coverage, counted)?;
                values.push(metric.value(&Evaluation::at_mean(&ranked)).ok());
            }
        }
        Ok(Self {
            metric_id: metric.id,
            counted,
            sampling: Sampling::Nearest,
            num_hidden_layers: layers,
            num_attention_heads: heads,
            values,
        })
    }

    /// The figure of one head.
    pub fn at(&self, layer_idx: LayerIdx, head_idx: HeadIdx) -> Option<f64> {
        let inside = layer_idx.get() < self.num_hidden_layers && head_idx.get() < self.num_attention_heads;
        let cell = layer_idx.get() * self.num_attention_heads + head_idx.get();
        if inside { self.values.get(cell).copied().flatten() } else { None }
    }

    /// Smallest and largest figure; `None` when none is defined.
    pub fn range(&self) -> Option<[f64; 2]> {
        self.values.iter().flatten().fold(None, |range, &value| match range {
            None => Some([value, value]),
            Some([lo, hi]) => Some([value.min(lo), value.max(hi)]),
        })
    }
}
