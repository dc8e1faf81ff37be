//! Patches that later positions cannot see.

use crate::decode::method::{Acted, ActionReport, ActiveMethod, Method, QuestionContext, Reach};
use crate::decode::{Acts, DecodeError, MethodInfo, ParameterInfo, Parameters, Registered, Word};
use crate::geometry::PatchPos;
use crate::model::{Probe, Site, Tower};
use candle_core::{Result, Tensor};
use std::collections::BTreeSet;

const ID: &str = "knockout";

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "Knock out patches",
    help: "Chosen image patches get no attention from any later position, in every decoder layer",
    paper: "Geva et al., Dissecting Recall of Factual Associations in Auto-Regressive Language Models, EMNLP 2023, \
        arXiv:2304.14767",
    word: Word::Intervention,
    acts: Acts::Attention,
    cost: "no further pass",
    parameters: &[ParameterInfo::text(
        "patches",
        "",
        "Patches as ROW.COL, 0-based from the top left, joined by +: 3.4+3.5",
    )],
    ..MethodInfo::NONE
};

/// Removes chosen image patches from the attention of every later position.
pub(super) struct Knockout;

impl Registered for Knockout {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Knockout {
    fn build(&self, _parameters: &mut Parameters) -> std::result::Result<Box<dyn ActiveMethod>, DecodeError> {
        Ok(Box::new(ActiveKnockout::default()))
    }
}

#[derive(Clone, Default)]
struct ActiveKnockout {
    keys: Vec<usize>,
    /// Mask of the present pass, **shape** `[1, query_len, key_len]`, and how many of its entries are minus infinity;
    /// all layers share it.
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

impl ActiveMethod for ActiveKnockout {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(
        &mut self,
        parameters: &mut Parameters,
        question: &QuestionContext<'_>,
    ) -> std::result::Result<(), DecodeError> {
        let span = question.image_span(ID)?;
        let layout = question.layout;
        let expected = || match layout.sole() {
            Some(one) => format!("ROW.COL with rows below {} and columns below {}", one.grid.rows, one.grid.cols),
            None => format!("REGION.ROW.COL of {}", layout.words()),
        };
        let bad = || parameters.bad("patches", expected());
        // Which image token each is: with `[CLS]` among them, patches come after it.
        let tokens: Vec<usize> = layout.tokens().collect();
        let patches = parameters.text("patches").split('+').map(|text| {
            let numbers = text.trim().split('.').map(|number| number.parse().ok()).collect::<Option<Vec<usize>>>()?;
            let pos = match numbers[..] {
                [row, col] => PatchPos { region: 0, row, col },
                [region, row, col] if layout.sole().is_none() => PatchPos { region, row, col },
                _ => return None,
            };
            let token = *tokens.get(layout.idx(pos)?)?;
            (token < span.len).then_some(span.start + token)
        });
        self.keys = patches.collect::<Option<BTreeSet<usize>>>().ok_or_else(bad)?.into_iter().collect();
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(self)
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

    fn keeps_state(&self) -> bool {
        false
    }

    fn report(&self) -> Option<ActionReport> {
        let Self { num_calls, num_values, .. } = *self;
        Some(ActionReport { id: ID, acted: Acted::OnScores, num_calls, num_values })
    }
}
