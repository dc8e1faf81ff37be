//! `SigLIP`'s image tower: a vision transformer without `[CLS]`.

use super::encoder::{EncoderLayer, EncoderShape};
use super::family::{FamilyEntry, FamilyOpen};
use super::linear::{LayerNorm, Linear};
use super::vision::flatten_patches;
use super::vlm::{Encoder, EncoderInfo};
use super::weights::Scope;
use super::{ModelError, Probe, Site, Tower};
use crate::checkpoint::{FamilyReader, VisionConfig, VisionKind};
use candle_core::{Result, Tensor};

/// The registered family.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    id: "siglip",
    label: "SigLIP",
    help: "Image tower without [CLS], trained on single pairs of image and text: the attention that its patches \
        receive, and their norms",
    paper: "Zhai et al., Sigmoid Loss for Language Image Pre-Training, ICCV 2023, arXiv:2303.15343",
    model_types: FamilyReader::SIGLIP.model_types,
    open: FamilyOpen::Sees {
        load: |checkpoint, source, dtype, device| {
            let VisionKind::Siglip(config) = &checkpoint.kind else { return Err(super::family::another_encoder()) };
            let root = Scope::root(source, dtype, device);
            // The newest layout has no name in front of the tower's.
            let is_bare = checkpoint.weights.contains("embeddings.patch_embedding.weight");
            let scope = if is_bare { root } else { root.at("vision_tower") };
            Ok(Box::new(Siglip::load(&scope, config)?))
        },
        with_texts: &[],
    },
};

/// `SigLIP`'s image tower: a vision transformer without `[CLS]`. Every token is a patch; the head that pools them for
/// the texts is left out.
///
/// **Source**: Zhai et al. 2023; transformers, `modeling_siglip.py`, `SiglipVisionTransformer`.
#[derive(Debug, Clone)]
pub struct Siglip {
    config: VisionConfig,
    patch_embedding: Linear,
    /// **Shape** `[patches, hidden_size]`.
    position_embedding: Tensor,
    layers: Vec<EncoderLayer>,
    post_layernorm: LayerNorm,
}

impl Siglip {
    pub(crate) fn load(scope: &Scope<'_>, config: &VisionConfig) -> std::result::Result<Self, ModelError> {
        let VisionConfig { hidden_size, num_channels, patch_size, layer_norm_eps, .. } = *config;
        let side = config.image_size / patch_size.max(1);
        ModelError::check_sizes(&[
            ("vision hidden_size", hidden_size),
            ("num_channels", num_channels),
            ("patch_size", patch_size),
            ("patches", side),
        ])?;
        let embeddings = scope.at("embeddings");
        let projection = embeddings.at("patch_embedding");
        let patches = projection.tensor("weight", &[hidden_size, num_channels, patch_size, patch_size])?;
        let patches = patches.flatten_from(1).map_err(ModelError::part("Patch embedding"))?;
        let layers = EncoderLayer::load_all(scope, config.num_hidden_layers, EncoderShape::of_vision(config));
        Ok(Self {
            patch_embedding: Linear::new(patches, Some(projection.tensor("bias", &[hidden_size])?)),
            position_embedding: embeddings.at("position_embedding").tensor("weight", &[side * side, hidden_size])?,
            layers: layers?,
            post_layernorm: scope.layer_norm("post_layernorm", hidden_size, layer_norm_eps)?,
            config: config.clone(),
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &VisionConfig {
        &self.config
    }

    /// Runs all layers and the last norm. The probe sees them as those of the vision tower, under a branch's number.
    ///
    /// **Shape**: `[num_channels, image_size, image_size]` to `[patches, hidden_size]`.
    ///
    /// **Errors**: another shape; what a layer or the probe says.
    pub fn forward(
        &self,
        pixel_values: &Tensor,
        branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Tensor, ModelError> {
        let VisionConfig { num_channels, image_size, .. } = self.config;
        let expected = [num_channels, image_size, image_size];
        if pixel_values.dims() != expected {
            let found = pixel_values.dims().to_vec();
            return Err(ModelError::InputShape { what: "pixel values", expected: expected.to_vec(), found });
        }
        let mut hidden = self.embed(pixel_values).map_err(ModelError::part("Patch embedding"))?;
        let num_patches = hidden.dim(0).map_err(ModelError::part("Patch embedding"))?;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            if probe.cancelled() {
                return Err(ModelError::Cancelled);
            }
            let site = Site {
                tower: Tower::Vision,
                encoder_idx: 0,
                layer_idx,
                branch_idx,
                query_start: 0,
                query_len: num_patches,
                key_len: num_patches,
            };
            hidden = layer.forward(&hidden, None, &site, probe).map_err(ModelError::layer("Vision", layer_idx))?;
        }
        self.post_layernorm.forward(&hidden).map_err(ModelError::part("Last norm"))
    }

    fn embed(&self, pixel_values: &Tensor) -> Result<Tensor> {
        let table = &self.position_embedding;
        let pixel_values = pixel_values.to_device(table.device())?.to_dtype(table.dtype())?;
        self.patch_embedding.forward(&flatten_patches(&pixel_values, self.config.patch_size)?)? + table
    }
}

impl Encoder for Siglip {
    fn info(&self) -> EncoderInfo {
        EncoderInfo {
            num_prefix_tokens: 0,
            has_cls: false,
            ..EncoderInfo::square("SigLIP's image tower", &self.config)
        }
    }

    fn look(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> std::result::Result<(), ModelError> {
        self.forward(pixel_values, 0, probe).map(drop)
    }
}
