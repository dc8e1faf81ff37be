//! CLIP: an image tower and a text tower that share a space.

mod contributions;
mod text;

pub use contributions::Contributions;
pub use text::TextTower;

use super::family::{FamilyEntry, FamilyOpen};
use super::linear::{LayerNorm, Linear};
use super::vlm::{Encoder, EncoderInfo};
use super::weights::{Scope, TensorSource};
use super::{ModelError, Probe, VisionTower};
use crate::checkpoint::{ClipConfig, FamilyReader, VisionKind};
use candle_core::{DType, Device, Result, Tensor};

/// The registered family.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    id: "clip",
    label: "CLIP",
    help: "Image tower and text tower: where [CLS] looks, and how well a text fits an image",
    paper: "Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, \
        arXiv:2103.00020",
    model_types: FamilyReader::CLIP.model_types,
    open: FamilyOpen::Sees {
        load: |checkpoint, source, dtype, device| {
            let VisionKind::Clip(config) = &checkpoint.kind else { return Err(super::family::another_encoder()) };
            let scope = Scope::root(source, dtype, device).at("vision_tower");
            for name in ["post_layernorm.weight", "post_layernorm.bias"] {
                scope.optional(name, &[config.hidden_size])?;
            }
            Ok(Box::new(VisionTower::load(&scope, config)?))
        },
        with_texts: &["clip"],
    },
};

/// The image tower by itself.
impl Encoder for VisionTower {
    fn info(&self) -> EncoderInfo {
        EncoderInfo::square("CLIP's image tower", self.config())
    }

    fn look(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> std::result::Result<(), ModelError> {
        self.hidden_states(pixel_values, &[], 0, probe).map(drop)
    }
}

/// Both towers and their projections.
#[derive(Debug, Clone)]
pub struct Clip {
    config: ClipConfig,
    vision: VisionTower,
    post_layernorm: LayerNorm,
    visual_projection: Linear,
    text: TextTower,
    text_projection: Linear,
    logit_scale: f32,
}

impl Clip {
    /// Loads both towers.
    pub fn load(
        source: &dyn TensorSource,
        config: &ClipConfig,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let root = Scope::root(source, dtype, device);
        let vision_scope = root.at("vision_tower");
        let vision_width = config.vision.hidden_size;
        let eps = config.vision.layer_norm_eps;
        Ok(Self {
            vision: VisionTower::load(&vision_scope, &config.vision)?,
            post_layernorm: vision_scope.layer_norm("post_layernorm", vision_width, eps)?,
            visual_projection: root.linear("visual_projection", vision_width, config.projection_dim, false)?,
            text: TextTower::load(&root.at("text_model"), config)?,
            text_projection: root.linear("text_projection", config.text_hidden_size, config.projection_dim, false)?,
            logit_scale: root.scalar("logit_scale")?,
            config: config.clone(),
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &ClipConfig {
        &self.config
    }

    /// The image tower.
    pub fn vision(&self) -> &VisionTower {
        &self.vision
    }

    /// The text tower.
    pub fn text(&self) -> &TextTower {
        &self.text
    }

    /// The image in the shared space, f32, not normalised. The probe sees all vision layers.
    ///
    /// **Shape**: `[num_channels, image_size, image_size]` to `[projection_dim]`.
    pub fn image_embedding(
        &self,
        pixel_values: &Tensor,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Tensor, ModelError> {
        let last = self.config.vision.num_hidden_layers;
        let states = self.vision.hidden_states(pixel_values, &[last], 0, probe)?;
        let project = |state: &Tensor| {
            let cls = self.post_layernorm.forward(&state.narrow(0, 0, 1)?)?;
            self.visual_projection.forward(&cls)?.squeeze(0)?.to_dtype(DType::F32)
        };
        let state = states.first().ok_or(ModelError::EmptyPrompt)?;
        project(state).map_err(ModelError::part("Image projection"))
    }

    /// The text in the shared space, f32, not normalised.
    ///
    /// **Shape**: ids with their start and end tokens to `[projection_dim]`.
    pub fn text_embedding(&self, ids: &[u32]) -> std::result::Result<Tensor, ModelError> {
        let pooled = self.text.pooled(ids)?;
        let project = || self.text_projection.forward(&pooled)?.squeeze(0)?.to_dtype(DType::F32);
        project().map_err(ModelError::part("Text projection"))
    }

    /// `exp(logit_scale)`, which multiplies the cosine.
    pub fn logit_scale(&self) -> f32 {
        self.logit_scale.exp()
    }

    /// Cosine of an image's and a text's embedding.
    pub fn cosine(&self, image: &Tensor, text: &Tensor) -> std::result::Result<f32, ModelError> {
        let found = cosine(image, text).map_err(ModelError::part("Image-text similarity"))?;
        if found.is_finite() { Ok(found) } else { Err(ModelError::NotFinite { what: "image-text similarity", found }) }
    }

    /// CLIP's logit of an image and a text: `exp(logit_scale)` times the cosine of their embeddings.
    pub fn similarity(&self, image: &Tensor, text: &Tensor) -> std::result::Result<f32, ModelError> {
        let found = self.logit_scale() * self.cosine(image, text)?;
        if found.is_finite() { Ok(found) } else { Err(ModelError::NotFinite { what: "image-text similarity", found }) }
    }
}

fn cosine(image: &Tensor, text: &Tensor) -> Result<f32> {
    let dot = |a: &Tensor, b: &Tensor| (a * b)?.sum_all()?.to_scalar::<f32>();
    Ok(dot(image, text)? / (dot(image, image)?.sqrt() * dot(text, text)?.sqrt()))
}
