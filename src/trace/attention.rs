//! Attention as it is kept: rows, not matrices.

use crate::ids::{HeadIdx, LayerIdx};
use half::f16;
use half::slice::HalfFloatSliceExt as _;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How attention is kept. `F16` errs by at most 2.5e-4 near 1 and half as much at every halving; `F32` is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RowPrecision {
    /// Two bytes a value.
    #[default]
    F16,
    /// Four bytes a value.
    F32,
}

impl RowPrecision {
    /// Bytes of one value.
    pub fn value_bytes(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }
}

#[derive(Debug, Clone)]
enum Values {
    F16(Box<[f16]>),
    F32(Box<[f32]>),
}

/// The softmax rows of one query position: every decoder layer, every head.
///
/// **Shape**: `[num_hidden_layers, num_attention_heads, key_len]`, row-major.
#[derive(Debug, Clone)]
pub struct AttentionRow {
    num_hidden_layers: usize,
    num_attention_heads: usize,
    key_len: usize,
    values: Values,
}

impl AttentionRow {
    /// Takes probabilities of shape `[layers, heads, keys]`; `None` if their number does not match.
    pub fn new(
        num_hidden_layers: usize,
        num_attention_heads: usize,
        key_len: usize,
        values: Vec<f32>,
        precision: RowPrecision,
    ) -> Option<Self> {
        if Some(values.len()) != counted([num_hidden_layers, num_attention_heads, key_len]) {
            return None;
        }
        let values = match precision {
            RowPrecision::F32 => Values::F32(values.into_boxed_slice()),
            RowPrecision::F16 => {
                let mut half = vec![f16::ZERO; values.len()];
                half.convert_from_f32_slice(&values);
                Values::F16(half.into_boxed_slice())
            }
        };
        Some(Self { num_hidden_layers, num_attention_heads, key_len, values })
    }

    /// Takes probabilities that were already rounded (on a GPU), of shape `[layers, heads, keys]`; `None` if their
    /// number does not match.
    pub fn from_half(
        num_hidden_layers: usize,
        num_attention_heads: usize,
        key_len: usize,
        values: Vec<f16>,
    ) -> Option<Self> {
        (Some(values.len()) == counted([num_hidden_layers, num_attention_heads, key_len])).then(|| Self {
            num_hidden_layers,
            num_attention_heads,
            key_len,
            values: Values::F16(values.into_boxed_slice()),
        })
    }

    /// Decoder layers.
    pub fn num_hidden_layers(&self) -> usize {
        self.num_hidden_layers
    }

    /// Heads a layer.
    pub fn num_attention_heads(&self) -> usize {
        self.num_attention_heads
    }

    /// Positions that could be attended to.
    pub fn key_len(&self) -> usize {
        self.key_len
    }

    /// How the values are kept.
    pub fn precision(&self) -> RowPrecision {
        match self.values {
            Values::F16(_) => RowPrecision::F16,
            Values::F32(_) => RowPrecision::F32,
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::F16(v) => v.len() * 2,
            Values::F32(v) => v.len() * 4,
        }
    }

    /// Probabilities over all keys of one head; empty for a layer or head of another model.
    pub fn head(&self, layer_idx: LayerIdx, head_idx: HeadIdx) -> Cow<'_, [f32]> {
        if layer_idx.get() >= self.num_hidden_layers || head_idx.get() >= self.num_attention_heads {
            return Cow::Borrowed(&[]);
        }
        let start = (layer_idx.get() * self.num_attention_heads + head_idx.get()) * self.key_len;
        let range = start..start + self.key_len;
        match &self.values {
            Values::F32(v) => Cow::Borrowed(v.get(range).unwrap_or(&[])),
            Values::F16(v) => Cow::Owned(v.get(range).unwrap_or(&[]).to_f32_vec()),
        }
    }

    /// Whether every value is finite and not negative.
    pub(super) fn is_attention(&self) -> bool {
        match &self.values {
            Values::F32(v) => v.iter().all(|value| value.is_finite() && *value >= 0.0),
            Values::F16(v) => v.iter().all(|value| value.is_finite() && *value >= f16::ZERO),
        }
    }

    /// Every value in order, for files.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match &self.values {
            Values::F32(v) => Cow::Borrowed(v),
            Values::F16(v) => Cow::Owned(v.to_f32_vec()),
        }
    }
}

/// How many values a shape has; `None` where they cannot be counted.
fn counted(shape: [usize; 3]) -> Option<usize> {
    shape.into_iter().try_fold(1_usize, usize::checked_mul)
}

/// What a vision encoder's `[CLS]` token looked at, or where there is none what its patches were looked at, and how
/// large the patch states are.
#[derive(Debug, Clone)]
pub struct VisionAttention {
    /// Layers of the vision encoder that were run.
    pub num_hidden_layers: usize,
    /// Heads a layer.
    pub num_attention_heads: usize,
    /// Patches (the `[CLS]` column is dropped, the rest is not renormalised).
    pub num_patches: usize,
    /// **Shape** `[num_hidden_layers, num_attention_heads, num_patches]`; empty for an encoder without `[CLS]`.
    pub cls_attention: Vec<f32>,
    /// What each patch is given by all queries, their mean, **shape** as [`Self::cls_attention`]; recorded in its place
    /// for an encoder without `[CLS]`, empty for one with it.
    pub received_attention: Vec<f32>,
    /// L2 norms of the patch states after each layer, **shape** `[num_hidden_layers, num_patches]`: outliers are the
    /// large ones.
    pub patch_norms: Vec<f32>,
    /// The `[CLS]` row of one head as wide as the model, `[CLS]` column dropped, **shape** `[num_hidden_layers,
    /// num_patches]`: the attention that DAMRO's code selects outliers by. Empty in traces of earlier versions.
    ///
    /// **Source**: softmax of `q k / sqrt(hidden_size)` before the split into heads. With `s_h = q_h k_h /
    /// sqrt(head_dim)` of `H` heads its logits are `sum_h s_h / sqrt(H)`, `sqrt(H)` times the mean over heads.
    pub cls_unsplit: Vec<f32>,
    /// 0-based layer whose output the projector takes.
    pub feature_layer_idx: usize,
}

impl VisionAttention {
    /// Whether the encoder has a `[CLS]`.
    pub fn has_cls(&self) -> bool {
        !self.cls_attention.is_empty()
    }

    /// The rows of `[CLS]`, or for an encoder without it the attention received.
    pub fn rows(&self) -> &[f32] {
        if self.has_cls() { &self.cls_attention } else { &self.received_attention }
    }

    /// The first layer, 0-based, in which a value is no number; `None` where all are.
    pub fn first_layer_without_numbers(&self) -> Option<usize> {
        let in_rows = |values: &[f32], of_layer: usize| {
            let bad = values.iter().position(|value| !value.is_finite())?;
            Some(bad / of_layer.max(1))
        };
        let cls = in_rows(self.rows(), self.num_attention_heads * self.num_patches);
        let unsplit = in_rows(&self.cls_unsplit, self.num_patches);
        let norms = in_rows(&self.patch_norms, self.num_patches);
        cls.into_iter().chain(unsplit).chain(norms).min()
    }

    /// Of [`Self::rows`] that of one head over patches; empty for a layer or head that is not there.
    pub fn head(&self, layer_idx: LayerIdx, head_idx: HeadIdx) -> &[f32] {
        let start = (layer_idx.get() * self.num_attention_heads + head_idx.get()) * self.num_patches;
        if head_idx.get() >= self.num_attention_heads {
            &[]
        } else {
            self.rows().get(start..start + self.num_patches).unwrap_or(&[])
        }
    }

    /// Norms of the patch states after one layer.
    pub fn norms(&self, layer_idx: LayerIdx) -> &[f32] {
        let start = layer_idx.get() * self.num_patches;
        self.patch_norms.get(start..start + self.num_patches).unwrap_or(&[])
    }

    /// The unsplit head's row of one layer; empty where it was not recorded.
    pub fn unsplit(&self, layer_idx: LayerIdx) -> &[f32] {
        let start = layer_idx.get() * self.num_patches;
        self.cls_unsplit.get(start..start + self.num_patches).unwrap_or(&[])
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let rows = self.cls_attention.len() + self.received_attention.len();
        (rows + self.patch_norms.len() + self.cls_unsplit.len()) * 4
    }
}
