//! The probe that fills a trace.
//!
//! It copies the one query row per layer that is kept, so that the prefill's matrices (0.8 GB for a 7B model) are freed
//! layer by layer. On the CPU the copy goes to its place in the trace at once, rounded if it is to be; the rows of a
//! GPU stay there until the step's last layer and are read back once.

mod encoder_rows;
mod rows;
mod vision_rows;

use super::messages::{PromptRows, RecordOptions};
use crate::ids::TokenSpan;
use crate::model::{EncoderInfo, Probe, Site, Tower};
use crate::trace::{AttentionRow, RowPrecision, VisionAttention};
use candle_core::{DType, Result, Tensor};
use encoder_rows::EncoderRows;
use rows::{StepRows, read_row};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sizes that the recorder has to know beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Decoder layers.
    pub(super) num_hidden_layers: usize,
    /// Query heads a decoder layer.
    pub(super) num_attention_heads: usize,
    /// Positions of the expanded prompt.
    pub(super) prompt_len: usize,
    /// Where the image tokens lie.
    pub(super) image_token_span: TokenSpan,
}

impl Sizes {
    /// Bytes of the row of one position that sees `key_len` keys.
    fn row_bytes(&self, key_len: usize, precision: RowPrecision) -> usize {
        let values = self.num_hidden_layers.saturating_mul(self.num_attention_heads).saturating_mul(key_len);
        values.saturating_mul(precision.value_bytes())
    }
}

/// The probe that fills a trace. Only the ordinary branch (index 0) is recorded, after every intervention.
pub(super) struct Recorder<'a> {
    cancel: &'a AtomicBool,
    sizes: Sizes,
    precision: RowPrecision,
    budget_bytes: usize,
    used_bytes: usize,
    /// Prompt positions whose rows are kept.
    prompt_range: Range<usize>,
    prompt_left_out: usize,
    /// The row that is seen now, see [`Probe::turn_to`].
    row_id: u64,
    /// Rows of which not all layers are there, with the bytes that each will take.
    step_rows: BTreeMap<u64, (StepRows, usize)>,
    /// Per layer `[heads, rows, keys]` of the present step.
    step_prompt: Vec<Tensor>,
    /// Rows that predict, until they are taken or forgotten.
    rows: BTreeMap<u64, Arc<AttentionRow>>,
    prompt_rows: Vec<(usize, Arc<AttentionRow>)>,
    /// One a vision encoder.
    encoders: Vec<EncoderRows>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(sizes: Sizes, encoders: &[EncoderInfo], options: &RecordOptions, cancel: &'a AtomicBool) -> Self {
        let wanted = match options.prompt_rows {
            PromptRows::None => sizes.prompt_len..sizes.prompt_len,
            PromptRows::AfterImage => sizes.image_token_span.end().min(sizes.prompt_len)..sizes.prompt_len,
            PromptRows::All => 0..sizes.prompt_len,
        };
        // Half of the budget stays for the answer; the positions nearest to it come first.
        let mut left = options.budget_bytes / 2;
        let mut kept = wanted.end..wanted.end;
        for position in wanted.clone().rev() {
            let bytes = sizes.row_bytes(position + 1, options.precision);
            if bytes > left {
                break;
            }
            left -= bytes;
            kept.start = position;
        }
        Self {
            cancel,
            sizes,
            precision: options.precision,
            budget_bytes: options.budget_bytes,
            used_bytes: 0,
            prompt_left_out: wanted.len() - kept.len(),
            prompt_range: kept,
            row_id: 0,
            step_rows: BTreeMap::new(),
            step_prompt: Vec::new(),
            rows: BTreeMap::new(),
            prompt_rows: Vec::new(),
            encoders: encoders.iter().map(EncoderRows::new).collect(),
        }
    }

    /// The row that predicted a token; `None` when it is past the budget.
    pub(super) fn row(&self, row_id: u64) -> Option<Arc<AttentionRow>> {
        self.rows.get(&row_id).cloned()
    }

    /// The same, once: it and those before it are not kept here any more.
    pub(super) fn take_row(&mut self, row_id: u64) -> Option<Arc<AttentionRow>> {
        let row = self.rows.remove(&row_id);
        self.rows.retain(|other, _| *other > row_id);
        row
    }

    /// Forgets all rows but these: nothing will be told of the others, and their memory is free for more.
    pub(super) fn keep_rows(&mut self, row_ids: &BTreeSet<u64>) {
        let Self { rows, step_rows, used_bytes, .. } = self;
        rows.retain(|row_id, row| {
            let is_kept = row_ids.contains(row_id);
            *used_bytes = used_bytes.saturating_sub(if is_kept { 0 } else { row.bytes() });
            is_kept
        });
        for (_, bytes) in std::mem::take(step_rows).into_values() {
            *used_bytes = used_bytes.saturating_sub(bytes);
        }
    }

    /// Rows of prompt positions, in order of position, and how many were left out for the budget.
    pub(super) fn take_prompt_rows(&mut self) -> (Vec<(usize, Arc<AttentionRow>)>, usize) {
        (std::mem::take(&mut self.prompt_rows), self.prompt_left_out)
    }

    /// The first prompt position whose rows are kept: it and all behind it must run. The prompt's length where none is.
    pub(super) fn first_prompt_row(&self) -> usize {
        self.prompt_range.start
    }

    /// What each vision encoder showed; nothing of those that did not run.
    pub(super) fn take_vision(&mut self) -> Result<Vec<VisionAttention>> {
        let taken = self.encoders.iter_mut().map(EncoderRows::take);
        Ok(taken.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Whether the last query row of this step predicts a token whose row fits the budget. That is found in the first
    /// layer, where the memory of all is set aside.
    fn keeps_row(&self, site: &Site) -> bool {
        let bytes = self.sizes.row_bytes(site.key_len, self.precision);
        site.query_start + site.query_len >= self.sizes.prompt_len
            && match site.layer_idx {
                0 => self.used_bytes.saturating_add(bytes) <= self.budget_bytes,
                _ => !self.step_rows.is_empty(),
            }
    }

    /// The row of this step as far as it is there, if it is kept.
    fn step_row(&mut self, site: &Site) -> Option<&mut StepRows> {
        if site.layer_idx == 0 {
            // A pass that was cancelled and is tried again.
            let earlier = self.step_rows.remove(&self.row_id);
            self.used_bytes = self.used_bytes.saturating_sub(earlier.map_or(0, |(_, bytes)| bytes));
            if self.keeps_row(site) {
                let bytes = self.sizes.row_bytes(site.key_len, self.precision);
                self.used_bytes = self.used_bytes.saturating_add(bytes);
                self.step_rows.insert(self.row_id, (StepRows::default(), bytes));
            }
        }
        self.step_rows.get_mut(&self.row_id).map(|(rows, _)| rows)
    }

    /// Prompt positions of this step that are kept.
    fn kept_positions(&self, site: &Site) -> Range<usize> {
        let start = self.prompt_range.start.max(site.query_start);
        start..self.prompt_range.end.min(site.query_start + site.query_len).max(start)
    }

    fn decoder_probs(&mut self, site: &Site, probs: &Tensor) -> Result<()> {
        let (heads, query_len, key_len) = probs.dims3()?;
        if site.layer_idx == 0 {
            self.step_prompt.clear();
        }
        let (num_hidden_layers, precision) = (self.sizes.num_hidden_layers, self.precision);
        if let Some(rows) = self.step_row(site) {
            let row = probs.narrow(1, query_len - 1, 1)?.contiguous()?.reshape((heads, key_len))?;
            rows.push(&row, num_hidden_layers, precision)?;
        }
        let positions = self.kept_positions(site);
        if !positions.is_empty() {
            let rows = probs.narrow(1, positions.start - site.query_start, positions.len())?;
            self.step_prompt.push(match self.precision {
                RowPrecision::F16 => rows.to_dtype(DType::F16)?,
                RowPrecision::F32 => rows.force_contiguous()?,
            });
        }
        if site.layer_idx + 1 == self.sizes.num_hidden_layers {
            self.finish_step(positions.start)?;
        }
        Ok(())
    }

    fn finish_step(&mut self, first_position: usize) -> Result<()> {
        if let Some((rows, bytes)) = self.step_rows.remove(&self.row_id) {
            if rows.layers == self.sizes.num_hidden_layers {
                self.rows.insert(self.row_id, Arc::new(rows.finish(self.precision)?));
            } else {
                self.used_bytes = self.used_bytes.saturating_sub(bytes);
            }
        }
        let layers = std::mem::take(&mut self.step_prompt);
        if layers.len() == self.sizes.num_hidden_layers {
            let all = Tensor::stack(&layers, 0)?;
            for idx in 0..all.dim(2)? {
                let position = first_position + idx;
                let row = read_row(&all.narrow(2, idx, 1)?.squeeze(2)?.narrow(2, 0, position + 1)?, self.precision)?;
                self.used_bytes += row.bytes();
                self.prompt_rows.push((position, Arc::new(row)));
            }
        }
        Ok(())
    }
}

impl Probe for Recorder<'_> {
    fn turn_to(&mut self, row_id: u64) {
        self.row_id = row_id;
    }

    fn wants_probs(&self, site: &Site) -> bool {
        match site.tower {
            Tower::Vision => site.branch_idx == 0,
            Tower::Decoder => site.branch_idx == 0 && (self.keeps_row(site) || !self.kept_positions(site).is_empty()),
        }
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        match site.tower {
            Tower::Decoder => self.decoder_probs(site, probs)?,
            Tower::Vision => {
                if let Some(encoder) = self.encoders.get_mut(site.encoder_idx) {
                    encoder.probs(site, probs)?;
                }
            }
        }
        Ok(None)
    }

    fn wants_hidden(&self, site: &Site) -> bool {
        site.tower == Tower::Vision && site.branch_idx == 0
    }

    fn hidden(&mut self, site: &Site, hidden: &Tensor) -> Result<Option<Tensor>> {
        if let Some(encoder) = self.encoders.get_mut(site.encoder_idx) {
            encoder.hidden(hidden)?;
        }
        Ok(None)
    }

    fn cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PatchGrid;
    use crate::ids::{HeadIdx, LayerIdx};
    use candle_core::Device;

    const SIZES: Sizes = Sizes {
        num_hidden_layers: 2,
        num_attention_heads: 2,
        prompt_len: 4,
        image_token_span: TokenSpan { start: 1, len: 2 },
    };
    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn options(precision: RowPrecision, budget_bytes: usize, prompt_rows: PromptRows) -> RecordOptions {
        RecordOptions { precision, budget_bytes, prompt_rows, ..RecordOptions::default() }
    }

    fn site(layer_idx: usize, query_start: usize, query_len: usize, branch_idx: usize) -> Site {
        let (tower, encoder_idx, key_len) = (Tower::Decoder, 0, query_start + query_len);
        Site { tower, encoder_idx, layer_idx, branch_idx, query_start, query_len, key_len }
    }

    /// Value of layer l, head h, query position q, key k: unlike any other.
    fn probs(site: &Site) -> Tensor {
        let values: Vec<f32> = (0..2)
            .flat_map(|h| (site.query_start..site.query_start + site.query_len).map(move |q| (h, q)))
            .flat_map(|(h, q)| (0..site.key_len).map(move |k| (h, q, k)))
            .map(|(h, q, k)| value(site.layer_idx, h, q, k))
            .collect();
        Tensor::from_vec(values, (2, site.query_len, site.key_len), &Device::Cpu).expect("the shape fits")
    }

    fn value(layer: usize, head: usize, query: usize, key: usize) -> f32 {
        if key > query { 0.0 } else { (1 + key + 8 * (query + 8 * (head + 2 * layer))) as f32 / 512.0 }
    }

    fn step(recorder: &mut Recorder<'_>, query_start: usize, query_len: usize) {
        for layer_idx in 0..2 {
            for branch_idx in 0..2 {
                let site = site(layer_idx, query_start, query_len, branch_idx);
                if recorder.wants_probs(&site) {
                    assert_eq!(branch_idx, 0, "other branches are not recorded");
                    let edited = recorder.probs(&site, &probs(&site)).expect("tensors of the right shape");
                    assert!(edited.is_none(), "recording edits nothing");
                }
            }
        }
    }

    fn assert_row(row: &AttentionRow, query: usize) {
        assert_eq!(row.key_len(), query + 1, "one key for every position up to the query's");
        for (l, h) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let head = row.head(LayerIdx::new(l, 2).expect("two"), HeadIdx::new(h, 2).expect("two"));
            let expected: Vec<f32> = (0..=query).map(|k| value(l, h, query, k)).collect();
            assert_eq!(head.as_ref(), expected, "layer {l}, head {h}");
        }
    }

    #[test]
    fn each_step_gives_the_row_of_its_last_query() {
        for precision in [RowPrecision::F16, RowPrecision::F32] {
            let options = options(precision, 1 << 20, PromptRows::None);
            let mut recorder = Recorder::new(SIZES, &[], &options, &GO_ON);
            step(&mut recorder, 0, 4);
            assert_row(&recorder.take_row(0).expect("within the budget"), 3);
            step(&mut recorder, 4, 1);
            assert_row(&recorder.take_row(0).expect("within the budget"), 4);
            assert!(recorder.take_row(0).is_none(), "a row is handed out once");
        }
    }

    #[test]
    fn a_prompt_in_pieces_gives_the_same_rows() {
        let options = options(RowPrecision::F32, 1 << 20, PromptRows::All);
        let mut whole = Recorder::new(SIZES, &[], &options, &GO_ON);
        step(&mut whole, 0, 4);
        let mut pieces = Recorder::new(SIZES, &[], &options, &GO_ON);
        step(&mut pieces, 0, 3);
        assert!(pieces.take_row(0).is_none(), "nothing is predicted before the prompt's end");
        step(&mut pieces, 3, 1);
        assert_row(&pieces.take_row(0).expect("the last piece predicts"), 3);
        let ((a, _), (b, _)) = (whole.take_prompt_rows(), pieces.take_prompt_rows());
        assert_eq!(a.len(), 4, "every position");
        for ((at, row), (bt, other)) in a.iter().zip(&b) {
            assert_eq!((at, row.to_f32()), (bt, other.to_f32()), "row of position {at}");
            assert_row(row, *at);
        }
    }

    #[test]
    fn prompt_rows_are_those_asked_for() {
        for (which, expected) in
            [(PromptRows::None, vec![]), (PromptRows::AfterImage, vec![3]), (PromptRows::All, vec![0, 1, 2, 3])]
        {
            let mut recorder = Recorder::new(SIZES, &[], &options(RowPrecision::F16, 1 << 20, which), &GO_ON);
            step(&mut recorder, 0, 4);
            let (rows, left_out) = recorder.take_prompt_rows();
            assert_eq!(rows.iter().map(|(at, _)| *at).collect::<Vec<_>>(), expected, "{which:?}");
            assert_eq!(left_out, 0, "all fit");
        }
    }

    #[test]
    fn past_the_budget_rows_are_left_out_and_counted() {
        // Rows of 4 and 5 keys take 64 and 80 bytes in f32.
        let mut recorder = Recorder::new(SIZES, &[], &options(RowPrecision::F32, 143, PromptRows::None), &GO_ON);
        step(&mut recorder, 0, 4);
        assert!(recorder.take_row(0).is_some(), "64 bytes fit");
        step(&mut recorder, 4, 1);
        assert!(recorder.take_row(0).is_none(), "80 more do not");

        let mut recorder = Recorder::new(SIZES, &[], &options(RowPrecision::F32, 240, PromptRows::All), &GO_ON);
        step(&mut recorder, 0, 4);
        let (rows, left_out) = recorder.take_prompt_rows();
        let positions: Vec<_> = rows.iter().map(|(at, _)| *at).collect();
        assert_eq!((positions, left_out), (vec![2, 3], 2), "the last positions come first within half of the budget");
    }

    fn encoder(has_cls: bool) -> EncoderInfo {
        EncoderInfo {
            name: "a",
            num_hidden_layers: 1,
            num_attention_heads: 2,
            hidden_size: 2,
            image_size: 2,
            grid: PatchGrid { rows: 1, cols: 2 },
            num_prefix_tokens: usize::from(has_cls),
            has_cls,
            feature_layer_idx: 0,
        }
    }

    #[test]
    fn each_encoder_has_rows_of_its_own_without_the_cls_column() {
        let encoders = [encoder(true), encoder(false)];
        let mut recorder = Recorder::new(SIZES, &encoders, &RecordOptions::default(), &GO_ON);
        let vision = Site { tower: Tower::Vision, query_len: 3, key_len: 3, ..site(0, 0, 3, 0) };
        let rows: Vec<f32> = (0..18_u8).map(f32::from).collect();
        let rows = Tensor::from_vec(rows, (2, 3, 3), &Device::Cpu).expect("the shape fits");
        recorder.probs(&vision, &rows).expect("recorded");
        let states = [9.0_f32, 9.0, 3.0, 4.0, 0.0, 2.0];
        let states = Tensor::from_slice(&states, (3, 2), &Device::Cpu).expect("the shape fits");
        recorder.hidden(&vision, &states).expect("recorded");

        let second = Site { encoder_idx: 1, query_len: 2, key_len: 2, ..vision };
        let rows = [0.25_f32, 0.75, 0.5, 0.5, 1.0, 0.0, 0.5, 0.5];
        let rows = Tensor::from_slice(&rows, (2, 2, 2), &Device::Cpu).expect("the shape fits");
        recorder.probs(&second, &rows).expect("recorded");
        recorder.hidden(&second, &states.narrow(0, 1, 2).expect("two patches")).expect("recorded");

        let seen = recorder.take_vision().expect("readable");
        assert_eq!(seen[0].cls_attention, [1.0, 2.0, 10.0, 11.0], "query 0 of each head, without key 0");
        assert_eq!(seen[0].patch_norms, [5.0, 2.0], "L2 norms of the patches");
        assert!(seen[1].cls_attention.is_empty() && seen[1].cls_unsplit.is_empty(), "the second has no [CLS]");
        assert_eq!(seen[1].received_attention, [0.375, 0.625, 0.75, 0.25], "the mean over queries, head by head");
        assert_eq!(seen[1].patch_norms, [5.0, 2.0], "every row is a patch");
        assert!(recorder.take_vision().expect("readable").is_empty(), "handed out once");
    }
}
