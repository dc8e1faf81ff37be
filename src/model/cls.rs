//! Where `[CLS]` looks, in any encoder.

use super::probe::{Probe, Site, Tower};
use super::{Encoder, ModelError};
use candle_core::{Result, Tensor};

/// What `[CLS]` looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct ClsAttention {
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads a layer.
    pub num_attention_heads: usize,
    /// Patches, row-major; `[CLS]` itself and registers are left out, so a row sums to less than one.
    pub num_patches: usize,
    /// **Shape** `[layers, heads, patches]`.
    pub values: Vec<f32>,
}

/// `[CLS]`'s row of every layer and head over the patches. A further probe, such as a raised [`super::CancelFlag`], may
/// end it.
///
/// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`.
///
/// **Errors**: an encoder without `[CLS]`.
pub fn cls_attention(
    encoder: &dyn Encoder,
    pixel_values: &Tensor,
    cancel: &super::CancelFlag,
) -> std::result::Result<ClsAttention, ModelError> {
    let info = encoder.info();
    if !info.has_cls {
        let expected = "an encoder with a [CLS] token".to_owned();
        return Err(ModelError::Config { expected, found: info.name.to_owned() });
    }
    let num_prefix_tokens = info.num_prefix_tokens;
    let mut rows = ClsRows { num_prefix_tokens, cancel: cancel.clone(), rows: Vec::new() };
    encoder.look(pixel_values, &mut rows)?;
    rows.read().map_err(ModelError::part("Reading [CLS] attention"))
}

/// Keeps row 0 of every vision layer without the tokens in front of the patches.
struct ClsRows {
    num_prefix_tokens: usize,
    cancel: super::CancelFlag,
    /// Per layer `[heads, patches]`.
    rows: Vec<Tensor>,
}

impl ClsRows {
    fn read(&self) -> Result<ClsAttention> {
        let (num_hidden_layers, num_attention_heads, num_patches) = Tensor::stack(&self.rows, 0)?.dims3()?;
        let values = Tensor::cat(&self.rows, 0)?.flatten_all()?.to_vec1()?;
        Ok(ClsAttention { num_hidden_layers, num_attention_heads, num_patches, values })
    }
}

impl Probe for ClsRows {
    fn wants_probs(&self, site: &Site) -> bool {
        site.tower == Tower::Vision
    }

    fn probs(&mut self, site: &Site, probs: &Tensor) -> Result<Option<Tensor>> {
        let patches = site.key_len.saturating_sub(self.num_prefix_tokens);
        let row = probs.narrow(1, 0, 1)?.narrow(2, self.num_prefix_tokens, patches)?;
        self.rows.push(row.squeeze(1)?.force_contiguous()?);
        Ok(None)
    }

    fn cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}
