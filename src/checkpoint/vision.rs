//! Encoders that only see: the image towers of CLIP and `SigLIP`, by themselves or with a text tower beside them, and
//! `DINOv2`.

use super::assembled::config_file;
use super::config::{self, FamilyKind, Fields, ModelType};
use super::files::Files;
use super::folder::no_checkpoint;
use super::open::{expect_folder, model_id};
use super::processor::{input_size, preprocess};
use super::weights::Weights;
use super::{CheckpointError, Dinov2Config, VisionConfig};
use crate::geometry::PreprocessSpec;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";

/// Which encoder it is.
#[derive(Debug, Clone, PartialEq)]
pub enum VisionKind {
    /// CLIP's image tower.
    Clip(VisionConfig),
    /// `DINOv2`, with or without registers.
    Dinov2(Dinov2Config),
    /// `SigLIP`'s image tower, which has no `[CLS]`.
    Siglip(VisionConfig),
}

/// What the configuration in a folder says it is; `None` where there is none, as with GGUF files.
///
/// **Errors**: one that cannot be read.
pub fn model_type(folder: &Path) -> Result<Option<ModelType>, CheckpointError> {
    let files = Files::Folder(folder.to_owned());
    if !folder.join(CONFIG).is_file() {
        return Ok(None);
    }
    let map = config_file(&files)?;
    ModelType::of(Fields::new(&map, &files.path(CONFIG))).map(Some)
}

impl VisionKind {
    /// The sizes that all encoders have.
    pub fn config(&self) -> &VisionConfig {
        match self {
            Self::Clip(config) | Self::Siglip(config) => config,
            Self::Dinov2(config) => &config.vision,
        }
    }

    /// Tokens in front of the patches: `[CLS]`, and `DINOv2`'s registers.
    pub fn num_prefix_tokens(&self) -> usize {
        match self {
            Self::Clip(_) => 1,
            Self::Dinov2(config) => 1 + config.num_register_tokens,
            Self::Siglip(_) => 0,
        }
    }
}

/// An open encoder, for maps.
#[derive(Debug)]
pub struct VisionCheckpoint {
    /// What traces call it.
    pub model_id: String,
    /// Its folder.
    pub folder: PathBuf,
    /// What its configuration calls itself.
    pub model_type: ModelType,
    /// Which encoder it is, and its sizes.
    pub kind: VisionKind,
    /// Its tensors; those of a text tower or a projection beside it count as used.
    pub weights: Weights,
    /// What it does to a photo.
    pub preprocess: PreprocessSpec,
    /// What was not as expected and did not matter enough to refuse the checkpoint.
    pub warnings: Vec<String>,
}

impl VisionCheckpoint {
    /// Opens the folder of a CLIP or a `SigLIP` (both towers or the image tower alone) or of a `DINOv2`.
    ///
    /// **Errors**: a folder of another family, named with those that can be opened.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        expect_folder(folder)?;
        if !folder.join(CONFIG).exists() {
            return Err(no_checkpoint(folder));
        }
        let files = Files::Folder(folder.to_owned());
        let map = config_file(&files)?;
        let path = files.path(CONFIG);
        let fields = Fields::new(&map, &path);
        let (family, model_type) = (config::family(fields)?, ModelType::of(fields)?);
        let class = match family {
            FamilyKind::Dinov2 { .. } => "BitImageProcessor",
            FamilyKind::Siglip => "SiglipImageProcessor",
            _ => "CLIPImageProcessor",
        };
        let class = fields.text("image_processor_type")?.unwrap_or(class);
        let kind = match family {
            FamilyKind::Clip => VisionKind::Clip(config::clip(fields)?.vision),
            FamilyKind::ClipVision => VisionKind::Clip(config::clip_vision(fields)?),
            FamilyKind::Dinov2 { registers } => {
                VisionKind::Dinov2(config::dinov2(fields, registers, input_size(&files, class)?)?)
            }
            FamilyKind::Siglip => VisionKind::Siglip(config::siglip(fields)?),
            FamilyKind::Llava | FamilyKind::LlavaOriginal => {
                let expected = "an encoder that only sees: clip, clip_vision_model, dinov2, dinov2_with_registers, \
                    siglip, siglip_vision_model";
                return Err(fields.refuse("model_type", expected, "llava"));
            }
        };
        let mut warnings = Vec::new();
        let preprocess = preprocess(&files, class, kind.config().image_size, false, &mut warnings)?;
        let weights = Weights::open(folder)?;
        warnings.extend(weights.expect_floats(fields)?);
        for other in ["text_model.", "text_projection.", "visual_projection.", "logit_scale"] {
            weights.leave_out(other);
        }
        if family == FamilyKind::Siglip {
            // What compares with texts: the head that pools patches among it.
            for other in ["head.", "vision_tower.head.", "logit_bias"] {
                weights.leave_out(other);
            }
        }
        let (model_id, folder) = (model_id(folder), folder.to_owned());
        Ok(Self { model_id, folder, model_type, kind, weights, preprocess, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    fn golden(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).join("checkpoint")
    }

    #[test]
    fn an_encoder_is_opened_at_the_size_its_processor_makes() {
        let opened = VisionCheckpoint::open(&golden("vision/dinov2_registers")).unwrap();
        let VisionKind::Dinov2(config) = &opened.kind else { panic!("a DINOv2") };
        assert_eq!((config.vision.image_size, config.positions_per_side), (35, 8), "the table is made for 56 pixels");
        assert_eq!(opened.kind.num_prefix_tokens(), 4, "[CLS] and three registers");
        assert_eq!(config.vision.intermediate_size, 88, "two thirds of 128, a multiple of 8");
        assert!(opened.warnings.is_empty(), "BiT's processor does what CLIP's does: {:?}", opened.warnings);
    }

    #[test]
    fn an_encoder_is_no_answering_model_and_an_answering_model_is_no_encoder() {
        let refusal = VisionCheckpoint::open(&golden("qwen2_biases")).unwrap_err().to_string();
        assert!(refusal.starts_with("Expected an encoder that only sees: clip,"), "{refusal}");
        for (name, found) in [("vision/dinov2", "dinov2"), ("vision/clip_vision", "clip_vision_model")] {
            let refusal = Checkpoint::open(&golden(name), &mut |_, _| {}).unwrap_err().to_string();
            let expected = "Expected a model with a decoder or a text tower for model_type, found ";
            assert!(refusal.starts_with(&format!("{expected}{found}")), "{refusal}");
        }
    }
}
