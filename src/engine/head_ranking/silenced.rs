//! Probes of a row that is run again and again: what its layers read, and heads that are silent.

use crate::model::{Probe, Site, Tower};
use candle_core::{Result, Tensor};
use std::sync::atomic::{AtomicBool, Ordering};

/// Keeps the input of every decoder layer.
pub(super) struct Inputs<'a> {
    pub(super) cancel: &'a AtomicBool,
    /// Layer by layer, **shape** `[1, hidden_size]`.
    pub(super) of_layers: Vec<Tensor>,
}

impl Probe for Inputs<'_> {
    fn wants_input(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder
    }

    fn input(&mut self, _site: &Site, input: &Tensor) -> Result<()> {
        self.of_layers.push(input.force_contiguous()?);
        Ok(())
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

/// Silences one head of a layer in every branch: the first one in branch 0, and so on.
pub(super) struct Silenced<'a> {
    pub(super) cancel: &'a AtomicBool,
    pub(super) layer_idx: usize,
    pub(super) first_head: usize,
    pub(super) head_dim: usize,
}

impl Probe for Silenced<'_> {
    fn wants_heads(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.layer_idx == self.layer_idx
    }

    fn heads(&mut self, site: &Site, heads: &Tensor) -> Result<Option<Tensor>> {
        let mut values: Vec<f32> = heads.flatten_all()?.to_vec1()?;
        let start = (self.first_head + site.branch_idx) * self.head_dim;
        for row in values.chunks_mut(heads.dim(1)?.max(1)) {
            row.get_mut(start..start + self.head_dim).unwrap_or_default().fill(0.0);
        }
        Tensor::from_vec(values, heads.shape(), heads.device()).map(Some)
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}
