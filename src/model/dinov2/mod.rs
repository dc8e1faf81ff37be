//! `DINOv2`: a self-supervised vision transformer with `[CLS]`, optional registers and layer scale.

mod layer;
mod positions;

use self::layer::Layer;
use self::positions::resize;
use super::family::{FamilyEntry, FamilyOpen};
use super::linear::{LayerNorm, Linear};
use super::vision::flatten_patches;
use super::vlm::{Encoder, EncoderInfo};
use super::weights::{Scope, TensorSource};
use super::{ModelError, Probe, Site, Tower};
use crate::checkpoint::{Dinov2Config, FamilyReader, VisionKind};
use candle_core::{DType, Device, Result, Tensor};

/// The registered family.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    id: "dinov2",
    label: "DINOv2",
    help: "Self-supervised vision transformer, with or without registers: where [CLS] looks without ever having read a \
        word",
    paper: "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024, arXiv:2304.07193; \
        Darcet et al., Vision Transformers Need Registers, ICLR 2024, arXiv:2309.16588",
    model_types: FamilyReader::DINOV2.model_types,
    open: FamilyOpen::Sees {
        load: |checkpoint, source, dtype, device| {
            let VisionKind::Dinov2(config) = &checkpoint.kind else { return Err(super::family::another_encoder()) };
            Ok(Box::new(Dinov2::load(source, config, dtype, device)?))
        },
        with_texts: &[],
    },
};

impl Encoder for Dinov2 {
    fn info(&self) -> EncoderInfo {
        let num_prefix_tokens = 1 + self.config.num_register_tokens;
        EncoderInfo { num_prefix_tokens, ..EncoderInfo::square("DINOv2", &self.config.vision) }
    }

    fn look(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> std::result::Result<(), ModelError> {
        self.forward(pixel_values, probe).map(drop)
    }

    /// `[CLS]` after the last norm.
    fn embedding(
        &self,
        pixel_values: &Tensor,
        probe: &mut dyn Probe,
    ) -> std::result::Result<Option<Tensor>, ModelError> {
        let states = self.forward(pixel_values, probe)?;
        let cls = states.get(0).and_then(|cls| cls.to_dtype(DType::F32));
        cls.map(Some).map_err(ModelError::part("Embedding of the photo"))
    }
}

/// `DINOv2`: a self-supervised vision transformer with `[CLS]`, optional registers and layer scale. Token 0 is `[CLS]`,
/// then come the registers, then the patches.
#[derive(Debug, Clone)]
pub struct Dinov2 {
    config: Dinov2Config,
    cls_token: Tensor,
    register_tokens: Option<Tensor>,
    patch_embedding: Linear,
    /// Of `[CLS]` and the patches at the input's size, **shape** `[1 + patches, hidden_size]`.
    positions: Tensor,
    layers: Vec<Layer>,
    layernorm: LayerNorm,
}

impl Dinov2 {
    /// Loads the encoder; its position table is brought to the input's size once, as transformers does at every pass.
    pub fn load(
        source: &dyn TensorSource,
        config: &Dinov2Config,
        dtype: DType,
        device: &Device,
    ) -> std::result::Result<Self, ModelError> {
        let vision = &config.vision;
        let (width, patch_size) = (vision.hidden_size, vision.patch_size);
        ModelError::check_sizes(&[
            ("hidden_size", width),
            ("patch_size", patch_size),
            ("positions", config.positions_per_side),
            ("patches", vision.image_size / patch_size.max(1)),
        ])?;
        let root = Scope::root(source, dtype, device);
        let embeddings = root.at("embeddings");
        // Only training reads it.
        embeddings.optional("mask_token", &[1, width])?;
        let projection = embeddings.at("patch_embeddings").at("projection");
        let patches = projection.tensor("weight", &[width, vision.num_channels, patch_size, patch_size])?;
        let bias = projection.tensor("bias", &[width])?;
        let table = embeddings.tensor("position_embeddings", &[1, 1 + config.positions_per_side.pow(2), width])?;
        let register_tokens = if config.num_register_tokens > 0 {
            Some(embeddings.tensor("register_tokens", &[1, config.num_register_tokens, width])?)
        } else {
            None
        };
        let cls_token = embeddings.tensor("cls_token", &[1, 1, width])?;
        let part = ModelError::part("Position embedding");
        let input_side = vision.image_size / patch_size;
        let layers = root.at("encoder").at("layer");
        let layers = (0..vision.num_hidden_layers).map(|layer_idx| Layer::load(&layers.at(layer_idx), config));
        Ok(Self {
            cls_token: cls_token.squeeze(0).map_err(ModelError::part("Position embedding"))?,
            register_tokens: register_tokens.map(|tokens| tokens.squeeze(0)).transpose().map_err(&part)?,
            patch_embedding: Linear::new(patches.flatten_from(1).map_err(&part)?, Some(bias)),
            positions: table
                .squeeze(0)
                .and_then(|table| resize(&table, config.positions_per_side, input_side, config.antialiased_positions))
                .map_err(&part)?,
            layers: layers.collect::<std::result::Result<_, _>>()?,
            layernorm: root.layer_norm("layernorm", width, vision.layer_norm_eps)?,
            config: config.clone(),
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &Dinov2Config {
        &self.config
    }

    /// Runs all layers and the last norm. The probe sees them as those of the vision tower; keys and rows begin with
    /// `[CLS]` and the registers.
    ///
    /// **Shape**: `[num_channels, image_size, image_size]` to `[1 + registers + patches, hidden_size]`.
    pub fn forward(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> std::result::Result<Tensor, ModelError> {
        let vision = &self.config.vision;
        let expected = [vision.num_channels, vision.image_size, vision.image_size];
        if pixel_values.dims() != expected {
            let found = pixel_values.dims().to_vec();
            return Err(ModelError::InputShape { what: "pixel values", expected: expected.to_vec(), found });
        }
        let mut hidden = self.embed(pixel_values).map_err(ModelError::part("Patch embedding"))?;
        let token_len = hidden.dim(0).map_err(ModelError::part("Patch embedding"))?;
        for (layer_idx, layer) in self.layers.iter().enumerate() {
            if probe.cancelled() {
                return Err(ModelError::Cancelled);
            }
            let (query_len, key_len) = (token_len, token_len);
            let (tower, encoder_idx, branch_idx) = (Tower::Vision, 0, 0);
            let site = Site { tower, encoder_idx, layer_idx, branch_idx, query_start: 0, query_len, key_len };
            hidden = layer.forward(&hidden, &site, probe).map_err(ModelError::layer("Vision", layer_idx))?;
        }
        self.layernorm.forward(&hidden).map_err(ModelError::part("Last norm"))
    }

    fn embed(&self, pixel_values: &Tensor) -> Result<Tensor> {
        let pixel_values = pixel_values.to_device(self.cls_token.device())?.to_dtype(self.cls_token.dtype())?;
        let patches = self.patch_embedding.forward(&flatten_patches(&pixel_values, self.config.vision.patch_size)?)?;
        let tokens = (Tensor::cat(&[&self.cls_token, &patches], 0)? + &self.positions)?;
        let Some(registers) = &self.register_tokens else { return Ok(tokens) };
        // Registers have no position: they go in behind [CLS] afterwards.
        let patches = tokens.narrow(0, 1, tokens.dim(0)?.saturating_sub(1))?;
        Tensor::cat(&[&tokens.narrow(0, 0, 1)?, registers, &patches], 0)
    }
}
