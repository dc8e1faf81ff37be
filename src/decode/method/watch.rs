//! The probe that sees what methods asked for.

use super::step::{Asks, HeadRows, Seen};
use crate::decode::DecodeError;
use crate::model::{Decoder, ModelError, Probe, Site, Tower};
use candle_core::{Result, Tensor};

/// Copies the last row of the ordinary branch out of each pass.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    asks: Asks,
    /// What is needed of the hidden states, for themselves or for their logits.
    entries: Vec<usize>,
    num_hidden_layers: usize,
    hidden: Vec<(usize, Tensor)>,
    attention: Vec<(usize, HeadRows)>,
}

impl Watch {
    pub(super) fn new(asks: Asks) -> Self {
        let mut entries = asks.hidden.clone();
        entries.extend(asks.readouts.iter().map(|readout| readout.entry));
        entries.sort_unstable();
        entries.dedup();
        Self { asks, entries, ..Self::default() }
    }

    /// Before a pass. `pending` are the embeddings of the ordinary branch's new positions, **shape** `[query_len,
    /// hidden_size]`.
    pub(super) fn begin(&mut self, decoder: &Decoder, pending: &Tensor) -> std::result::Result<(), DecodeError> {
        self.num_hidden_layers = decoder.config().num_hidden_layers;
        let beyond = |found: usize, expected: usize| DecodeError::NoSuchLayer { expected, found };
        if let Some(entry) = self.entries.iter().find(|entry| **entry > self.num_hidden_layers) {
            return Err(beyond(*entry, self.num_hidden_layers));
        }
        if let Some(layer_idx) = self.asks.attention.iter().find(|layer_idx| **layer_idx >= self.num_hidden_layers) {
            return Err(beyond(*layer_idx, self.num_hidden_layers.saturating_sub(1)));
        }
        self.hidden.clear();
        self.attention.clear();
        if self.entries.first() == Some(&0) {
            self.hidden.push((0, last_row(pending).map_err(ModelError::part("Token embedding"))?));
        }
        Ok(())
    }

    /// What the pass showed. `raw` are the logits of the last entry.
    pub(super) fn take(&mut self, decoder: &Decoder, raw: &[f32]) -> std::result::Result<Seen, DecodeError> {
        let last = self.num_hidden_layers;
        let attention = std::mem::take(&mut self.attention);
        let mut seen = Seen { attention, ..Seen::default() };
        for entry in &self.asks.hidden {
            let Some((_, row)) = self.hidden.iter().find(|(of, _)| of == entry) else { continue };
            let row = if *entry == last { decoder.final_norm(row)? } else { row.clone() };
            seen.hidden.push((*entry, values(&row)?));
        }
        // One product over the rows of all layers: the head is as large as several of them.
        let mut rows = Vec::new();
        let mut of = Vec::new();
        for readout in &self.asks.readouts {
            if readout.entry == last {
                seen.readouts.push((*readout, raw.to_vec()));
            } else if let Some((_, row)) = self.hidden.iter().find(|(of, _)| *of == readout.entry) {
                rows.push(if readout.normed { decoder.final_norm(row)? } else { row.clone() });
                of.push(*readout);
            }
        }
        if !rows.is_empty() {
            let rows = Tensor::cat(&rows, 0).map_err(ModelError::part("Output head"))?;
            let logits = decoder.read_out(&rows)?;
            for (row_idx, readout) in of.into_iter().enumerate() {
                let row = logits.get(row_idx).and_then(|row| row.to_vec1());
                seen.readouts.push((readout, row.map_err(ModelError::part("Reading logits"))?));
            }
        }
        Ok(seen)
    }
}

impl Probe for Watch {
    fn wants_hidden(&self, site: &Site) -> bool {
        is_ordinary(site) && self.entries.contains(&(site.layer_idx + 1))
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        let entry = site.layer_idx + 1;
        self.hidden.retain(|(of, _)| *of != entry);
        self.hidden.push((entry, last_row(hidden)?));
        Ok(None)
    }

    fn wants_probs(&self, site: &Site) -> bool {
        is_ordinary(site) && self.asks.attention.contains(&site.layer_idx)
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let (_, query_len, key_len) = probs.dims3()?;
        let values = probs.narrow(1, query_len.saturating_sub(1), 1)?.flatten_all()?.to_vec1()?;
        self.attention.retain(|(of, _)| *of != site.layer_idx);
        self.attention.push((site.layer_idx, HeadRows { key_len, values }));
        Ok(None)
    }
}

fn is_ordinary(site: &Site) -> bool {
    site.tower == Tower::Decoder && site.branch_idx == 0
}

/// In memory of its own. **Shape**: `[rows, hidden_size]` to `[1, hidden_size]`.
fn last_row(rows: &Tensor) -> Result<Tensor> {
    rows.narrow(0, rows.dim(0)?.saturating_sub(1), 1)?.force_contiguous()?.copy()
}

fn values(row: &Tensor) -> std::result::Result<Vec<f32>, DecodeError> {
    let values = row.to_dtype(candle_core::DType::F32).and_then(|row| row.flatten_all()?.to_vec1());
    Ok(values.map_err(ModelError::part("Reading hidden states"))?)
}
