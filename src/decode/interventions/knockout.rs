//! Patches that later positions cannot see.

use super::{ActionReport, ActiveIntervention, Intervention, InterventionContext, Reach};
use crate::decode::{DecodeError, ParameterInfo, Parameters, Registered};
use crate::geometry::PatchPos;
use crate::model::{Probe, Site, Tower};
use candle_core::{Result, Tensor};
use std::collections::BTreeSet;

const ID: &str = "knockout";

/// Removes chosen image patches from the attention of every later position.
pub(super) struct Knockout;

impl Registered for Knockout {
    fn id(&self) -> &'static str {
        ID
    }

    fn label(&self) -> &'static str {
        "Knock out patches"
    }

    fn help(&self) -> &'static str {
        "Chosen image patches get no attention from any later position, in every decoder layer"
    }

    fn paper(&self) -> &'static str {
        "Geva et al., Dissecting Recall of Factual Associations in Auto-Regressive Language Models, EMNLP 2023, arXiv:2304.14767"
    }

    fn parameters(&self) -> &'static [ParameterInfo] {
        const PATCHES: ParameterInfo =
            ParameterInfo::text("patches", "", "Patches as ROW.COL, 0-based from the top left, joined by +: 3.4+3.5");
        &[PATCHES]
    }
}

impl Intervention for Knockout {
    fn build(
        &self,
        parameters: &mut Parameters,
        context: &InterventionContext,
    ) -> std::result::Result<Box<dyn ActiveIntervention>, DecodeError> {
        let span = context.image_span(ID)?;
        let grid = context.image_grid;
        let expected = || format!("ROW.COL with rows below {} and columns below {}", grid.rows, grid.cols);
        let bad = || parameters.bad("patches", expected());
        let patches = parameters.text("patches").split('+').map(|text| {
            let (row, col) = text.trim().split_once('.')?;
            let pos = PatchPos { region: 0, row: row.parse().ok()?, col: col.parse().ok()? };
            (pos.row < grid.rows && pos.col < grid.cols).then(|| grid.idx(pos))
        });
        let patches = patches.collect::<Option<BTreeSet<usize>>>().ok_or_else(bad)?;
        // With `[CLS]` among the image tokens, patches come after it.
        let first_patch = span.end().checked_sub(grid.len()).filter(|first| *first >= span.start).ok_or_else(bad)?;
        let keys = patches.into_iter().map(|patch| first_patch + patch).collect();
        Ok(Box::new(ActiveKnockout { keys, mask: None, num_calls: 0, num_values: 0 }))
    }
}

struct ActiveKnockout {
    keys: Vec<usize>,
    /// Mask of the present pass, **shape** `[1, query_len, key_len]`, and how many of its entries are minus infinity; all layers share it.
    mask: Option<(Site, Tensor, usize)>,
    num_calls: usize,
    num_values: usize,
}

impl ActiveKnockout {
    /// A query loses the chosen keys before it. Its own key stays: a row without any key has no softmax.
    fn mask(&mut self, site: &Site, scores: &Tensor) -> Result<(Tensor, usize)> {
        let place = Site { layer_idx: 0, ..*site };
        if let Some((_, mask, hidden)) = self.mask.as_ref().filter(|(made_for, ..)| *made_for == place) {
            return Ok((mask.clone(), *hidden));
        }
        let mut values = vec![0f32; site.query_len * site.key_len];
        let mut hidden = 0;
        for (row_idx, row) in values.chunks_exact_mut(site.key_len.max(1)).enumerate() {
            for key in self.keys.iter().filter(|key| **key < site.query_start + row_idx) {
                if let Some(value) = row.get_mut(*key) {
                    *value = f32::NEG_INFINITY;
                    hidden += 1;
                }
            }
        }
        let mask = Tensor::from_vec(values, (1, site.query_len, site.key_len), scores.device())?;
        self.mask = Some((place, mask.clone(), hidden));
        Ok((mask, hidden))
    }
}

impl Probe for ActiveKnockout {
    fn wants_scores(&self, site: &Site) -> bool {
        site.tower == Tower::Decoder && site.branch_idx == 0
    }

    fn scores(&mut self, site: &Site, scores: &Tensor) -> Result<Option<Tensor>> {
        let (mask, hidden) = self.mask(site, scores)?;
        if hidden == 0 {
            return Ok(None);
        }
        let (num_heads, _, _) = scores.dims3()?;
        self.num_calls += 1;
        self.num_values += hidden * num_heads;
        scores.broadcast_add(&mask).map(Some)
    }
}

impl ActiveIntervention for ActiveKnockout {
    fn report(&self) -> ActionReport {
        ActionReport { id: ID, num_calls: self.num_calls, num_values: self.num_values }
    }

    /// Positions behind the first chosen patch lose a key; that patch itself keeps all of its own.
    fn reach(&self, branch_idx: usize, _prompt_len: usize) -> Reach {
        match self.keys.iter().min() {
            Some(first) if branch_idx == 0 => {
                Reach { vision: false, first_position: first.saturating_add(1), by_position: true }
            }
            _ => Reach::NOTHING,
        }
    }
}
