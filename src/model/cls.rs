//! Where `[CLS]` looks, in any encoder.

use super::probe::{Probe, Site, Tower};
use super::weights::{Scope, TensorSource};
use super::{Dinov2, ModelError, VisionTower};
use crate::checkpoint::{VisionCheckpoint, VisionKind};
use candle_core::{DType, Device, Result, Tensor};

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

/// An encoder with `[CLS]` at position 0.
#[derive(Debug, Clone)]
pub enum ClsEncoder {
    /// CLIP's image tower.
    Clip(VisionTower),
    /// DINOv2.
    Dinov2(Dinov2),
}

impl ClsEncoder {
    /// Loads the encoder of an open checkpoint and reports tensors without a place in it.
    pub fn load(
        checkpoint: &VisionCheckpoint,
        source: &dyn TensorSource,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let encoder = match &checkpoint.kind {
            VisionKind::Clip(config) => {
                let scope = Scope::root(source, dtype, device).at("vision_tower");
                for name in ["post_layernorm.weight", "post_layernorm.bias"] {
                    scope.optional(name, &[config.hidden_size])?;
                }
                Self::Clip(VisionTower::load(&scope, config)?)
            }
            VisionKind::Dinov2(config) => Self::Dinov2(Dinov2::load(source, config, dtype, device)?),
        };
        checkpoint.weights.finish().map_err(|cause| ModelError::Weights { cause: cause.into() })?;
        Ok(encoder)
    }

    /// Tokens in front of the patches: `[CLS]`, and DINOv2's registers.
    pub fn num_prefix_tokens(&self) -> usize {
        match self {
            Self::Clip(_) => 1,
            Self::Dinov2(model) => 1 + model.config().num_register_tokens,
        }
    }

    /// Runs every layer under the eyes of a probe.
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`.
    pub fn look(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> std::result::Result<(), ModelError> {
        match self {
            Self::Clip(tower) => tower.hidden_states(pixel_values, &[], 0, probe).map(drop),
            Self::Dinov2(model) => model.forward(pixel_values, probe).map(drop),
        }
    }

    /// `[CLS]`'s row of every layer and head over the patches. A further probe, such as a raised [`super::CancelFlag`], may end it.
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`.
    pub fn cls_attention(
        &self,
        pixel_values: &Tensor,
        cancel: &super::CancelFlag,
    ) -> std::result::Result<ClsAttention, ModelError> {
        let num_prefix_tokens = self.num_prefix_tokens();
        let mut rows = ClsRows { num_prefix_tokens, cancel: cancel.clone(), rows: Vec::new() };
        self.look(pixel_values, &mut rows)?;
        rows.read().map_err(ModelError::part("Reading [CLS] attention"))
    }
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
