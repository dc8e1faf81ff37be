//! Encoders that only see: the image towers of CLIP and `SigLIP`, by themselves or with a text tower beside them, and
//! `DINOv2`.

use super::CheckpointError;
use super::assembled::config_file;
use super::config::{Fields, ModelType};
use super::families::{self, Tower, VisionKind};
use super::files::Files;
use super::folder::no_checkpoint;
use super::open::{expect_folder, model_id};
use super::processor::preprocess;
use super::weights::Weights;
use crate::geometry::PreprocessSpec;
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.json";

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
        let model_type = ModelType::of(fields)?;
        let Tower { kind, processor, leave_out } = families::tower(&files, fields)?;
        let class = fields.text("image_processor_type")?.unwrap_or(processor);
        let mut warnings = Vec::new();
        let preprocess = preprocess(&files, class, kind.config().image_size, false, &mut warnings)?;
        let weights = Weights::open(folder)?;
        warnings.extend(weights.expect_floats(fields)?);
        for other in ["text_model.", "text_projection.", "visual_projection.", "logit_scale"].iter().chain(leave_out) {
            weights.leave_out(other);
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
