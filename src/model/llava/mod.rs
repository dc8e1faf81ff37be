//! LLaVA: vision tower, projector, decoder.

mod projector;

pub use projector::Projector;

use super::family::{FamilyEntry, FamilyOpen};
use super::photo::{Framed, Prepared};
use super::vision::select_features;
use super::vlm::{Embedded, EncoderInfo, ImageFeatures, ImagePlace, ModelSizes, VisionLanguageModel, embed_around};
use super::weights::{Scope, TensorSource};
use super::{Decoder, ModelError, Probe, VisionTower};
use crate::checkpoint::{FamilyReader, LlavaConfig};
use crate::data::{Photo, PreprocessError};
use crate::geometry::{ImageLayout, ImageSize, PreprocessSpec};
use crate::ids::TokenSpan;
use candle_core::{DType, Device, Tensor};

/// The registered family.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    id: "llava",
    label: "LLaVA",
    help: "CLIP vision transformer, two-layer projector, LLaMA-type decoder: answers questions about an image",
    paper: "Liu et al., Improved Baselines with Visual Instruction Tuning, CVPR 2024, arXiv:2310.03744",
    model_types: FamilyReader::LLAVA.model_types,
    open: FamilyOpen::Answers {
        sizes: |checkpoint| {
            let config = checkpoint.llava()?;
            let (text, vision) = (&config.text, &config.vision);
            Some(ModelSizes { text, vision, image_tokens: config.image_seq_length() })
        },
        load: |checkpoint, source, dtype, device| {
            let config = checkpoint.llava().ok_or_else(|| ModelError::Config {
                expected: "that of a LLaVA".to_owned(),
                found: "another".to_owned(),
            })?;
            Ok(Box::new(Llava::load(source, config, dtype, device)?))
        },
    },
};

/// A LLaVA-1.5 type model.
#[derive(Debug, Clone)]
pub struct Llava {
    config: LlavaConfig,
    encoders: [EncoderInfo; 1],
    vision: VisionTower,
    projector: Projector,
    decoder: Decoder,
}

impl Llava {
    /// Loads all parts. The vision tower's last norm, which LLaVA never uses, is taken if the checkpoint has it.
    pub fn load(
        source: &dyn TensorSource,
        config: &LlavaConfig,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, ModelError> {
        let num_layers = config.vision.num_hidden_layers;
        if config.vision_feature_layers.is_empty() || config.vision_feature_layers.iter().any(|&k| k > num_layers) {
            let expected = format!("vision feature layers between 0 and {num_layers}");
            return Err(ModelError::Config { expected, found: format!("{:?}", config.vision_feature_layers) });
        }
        let root = Scope::root(source, dtype, device);
        let vision_scope = root.at("vision_tower");
        let vision_width = config.vision.hidden_size;
        for name in ["post_layernorm.weight", "post_layernorm.bias"] {
            vision_scope.optional(name, &[vision_width])?;
        }
        let encoder = EncoderInfo {
            // Entry k of the hidden states is the output of layer k - 1, entry 0 the embeddings.
            feature_layer_idx: config.vision_feature_layers.last().map_or(0, |entry| entry.saturating_sub(1)),
            ..EncoderInfo::square("CLIP", &config.vision)
        };
        Ok(Self {
            encoders: [encoder],
            vision: VisionTower::load(&vision_scope, &config.vision)?,
            projector: Projector::load(&root.at("multi_modal_projector"), config)?,
            decoder: Decoder::load(source, &config.text, dtype, device)?,
            config: config.clone(),
        })
    }

    /// The configuration it was loaded with.
    pub fn config(&self) -> &LlavaConfig {
        &self.config
    }

    /// The vision tower.
    pub fn vision(&self) -> &VisionTower {
        &self.vision
    }

    /// The projector.
    pub fn projector(&self) -> &Projector {
        &self.projector
    }

    /// The decoder.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Runs the vision tower and the projector; the probe sees the vision layers as branch 0.
    ///
    /// **Shape**: `pixel_values` `[num_channels, image_size, image_size]`.
    pub fn encode_image(&self, pixel_values: &Tensor, probe: &mut dyn Probe) -> Result<ImageFeatures, ModelError> {
        self.encode_branch_image(pixel_values, 0, probe)
    }

    /// The same for the image of another branch (a noised one, say), which the probe sees under that branch's number.
    fn encode_branch_image(
        &self,
        pixel_values: &Tensor,
        branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> Result<ImageFeatures, ModelError> {
        let entries = &self.config.vision_feature_layers;
        let states = self.vision.hidden_states(pixel_values, entries, branch_idx, probe)?;
        let vision = select_features(&states, self.config.vision_feature_select)
            .map_err(ModelError::part("Choosing vision features"))?;
        let projected = self.projector.forward(&vision)?;
        Ok(ImageFeatures { vision: vec![vision], projected })
    }

    /// Embeddings of an expanded prompt: text ids through the embedding, image positions from the features.
    ///
    /// **Shape**: `[ids, hidden_size]`. Ids at image positions are not looked up, so a placeholder outside the
    /// vocabulary is fine.
    pub fn embed_prompt(&self, ids: &[u32], image: Option<(TokenSpan, &ImageFeatures)>) -> Result<Tensor, ModelError> {
        embed_around(&self.decoder, ids, image.map(|(span, features)| ImagePlace::new(span, features)))
    }
}

impl VisionLanguageModel for Llava {
    fn encoders(&self) -> &[EncoderInfo] {
        &self.encoders
    }

    fn eos_token_ids(&self) -> &[u32] {
        &self.config.eos_token_ids
    }

    fn frame(&self, photo: ImageSize, spec: &PreprocessSpec) -> Framed {
        Framed::one_grid(photo, spec, self.config.vision.patch_size, self.config.image_seq_length())
    }

    fn prepare(&self, photo: &Photo, spec: &PreprocessSpec) -> Result<Prepared, PreprocessError> {
        Prepared::one_grid(photo, spec, self.config.vision.patch_size, self.config.image_seq_length())
    }

    fn see(
        &self,
        pixel_values: &Tensor,
        _layout: &ImageLayout,
        branch_idx: usize,
        probe: &mut dyn Probe,
    ) -> Result<ImageFeatures, ModelError> {
        self.encode_branch_image(pixel_values, branch_idx, probe)
    }

    fn embed(&self, ids: &[u32], image: Option<ImagePlace<'_>>) -> Result<Embedded, ModelError> {
        Ok(Embedded::counted(embed_around(&self.decoder, ids, image)?))
    }

    fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}
