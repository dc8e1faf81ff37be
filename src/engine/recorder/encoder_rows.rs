//! What one vision encoder shows while it runs.

use super::vision_rows::VisionRows;
use crate::model::{EncoderInfo, Site};
use crate::trace::VisionAttention;
use candle_core::{DType, Result, Tensor};

/// Rows of an encoder under way.
pub(super) struct EncoderRows {
    info: EncoderInfo,
    /// Per layer `[heads, prefix + patches]`: of `[CLS]`, or the mean over queries where there is none.
    rows: Vec<Tensor>,
    /// Per layer `[patches]`.
    norms: Vec<Tensor>,
}

impl EncoderRows {
    pub(super) fn new(info: &EncoderInfo) -> Self {
        Self { info: info.clone(), rows: Vec::new(), norms: Vec::new() }
    }

    /// Keeps what of a layer's probabilities is kept. **Shape** `[heads, queries, keys]`.
    pub(super) fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<()> {
        let (heads, _, key_len) = probs.dims3()?;
        if site.layer_idx == 0 {
            self.rows.clear();
            self.norms.clear();
        }
        let row = if self.info.has_cls {
            probs.narrow(1, 0, 1)?.force_contiguous()?.reshape((heads, key_len))?
        } else {
            probs.mean(1)?
        };
        self.rows.push(row.to_dtype(DType::F32)?);
        Ok(())
    }

    /// Keeps the norms of a layer's output. **Shape** `[tokens, hidden_size]`.
    pub(super) fn hidden(&mut self, hidden: &Tensor) -> Result<()> {
        let (positions, _) = hidden.dims2()?;
        let prefix = self.info.num_prefix_tokens;
        let patches = hidden.narrow(0, prefix, positions.saturating_sub(prefix))?.to_dtype(DType::F32)?;
        self.norms.push(patches.sqr()?.sum(1)?.sqrt()?);
        Ok(())
    }

    /// All of it, once; `None` before the encoder ran.
    pub(super) fn take(&mut self) -> Result<Option<VisionAttention>> {
        let (rows, norms) = (std::mem::take(&mut self.rows), std::mem::take(&mut self.norms));
        let Some(first) = rows.first() else { return Ok(None) };
        let (num_attention_heads, key_len) = first.dims2()?;
        let read = |rows: &[Tensor]| -> Result<Vec<f32>> {
            if rows.is_empty() { Ok(Vec::new()) } else { Tensor::cat(rows, 0)?.flatten_all()?.to_vec1() }
        };
        let num_hidden_layers = rows.len();
        let EncoderInfo { num_prefix_tokens, has_cls, feature_layer_idx, .. } = self.info;
        let VisionRows { num_patches, cls_attention, cls_unsplit } =
            VisionRows::new(&read(&rows)?, num_attention_heads, key_len, num_prefix_tokens);
        let (cls_attention, received_attention, cls_unsplit) =
            if has_cls { (cls_attention, Vec::new(), cls_unsplit) } else { (Vec::new(), cls_attention, Vec::new()) };
        Ok(Some(VisionAttention {
            num_hidden_layers,
            num_attention_heads,
            num_patches,
            cls_attention,
            received_attention,
            cls_unsplit,
            // An encoder that hides its states still has attention.
            patch_norms: if norms.len() == num_hidden_layers { read(&norms)? } else { Vec::new() },
            feature_layer_idx,
        }))
    }
}
