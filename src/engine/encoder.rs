//! An open encoder: CLIP with both towers, or a vision encoder by itself.

use super::device::Place;
use super::error::EngineError;
use super::loading::{Source, model_id, note};
use super::messages::{DtypePreference, LoadRequest, MemoryEstimate, ModelInfo, ModelTask};
use crate::checkpoint::{ClipCheckpoint, VisionCheckpoint, VisionConfig, WeightFiles, Weights};
use crate::data::{Photo, PreprocessError};
use crate::geometry::{Framing, PatchGrid, PreprocessSpec};
use crate::model::{self, Clip, EncoderInfo, ModelError, Prepared, family_of, load_encoder};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A model that sees and does not answer.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) towers: Towers,
    /// Of the image tower.
    pub(super) config: VisionConfig,
    pub(super) preprocess: PreprocessSpec,
    pub(super) place: Place,
    pub(super) info: Arc<ModelInfo>,
    /// Its weights on disk.
    pub(super) files: WeightFiles,
}

/// What the encoder has.
#[derive(Debug)]
pub(super) enum Towers {
    /// An image tower and a text tower.
    Both {
        clip: Box<Clip>,
        /// For its tokenizer.
        checkpoint: Box<ClipCheckpoint>,
    },
    /// An image tower.
    Image(Box<dyn model::Encoder>),
}

impl Encoder {
    /// Loads a CLIP with both towers.
    pub(super) fn open_clip(
        checkpoint: ClipCheckpoint,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        let place = Place::choose(request.device, request.dtype, checkpoint.weights.dtype())?;
        let source = Source::new(&checkpoint.weights, keeps_types(request), progress, cancel);
        let clip = Clip::load(&source, &checkpoint.config, place.dtype, &place.device);
        let clip = clip.map_err(|err| blame(err, cancel))?;
        checkpoint.weights.finish()?;
        let vision = checkpoint.config.vision.clone();
        let described = Described {
            family: "clip",
            task: ModelTask::Compare,
            summary: format!(
                "CLIP, {}, texts of up to {} tokens",
                sizes(&vision),
                checkpoint.config.text_max_position_embeddings
            ),
            note: note(&checkpoint.notes.note, &checkpoint.warnings),
            warnings: checkpoint.warnings.clone(),
            suggested_prompts: checkpoint.notes.suggested_prompts.clone(),
        };
        let info = described.info(request, &place, &checkpoint.weights, &vision, &checkpoint.preprocess);
        let (preprocess, files) = (checkpoint.preprocess.clone(), checkpoint.weights.opened());
        Ok(Self {
            towers: Towers::Both { clip: Box::new(clip), checkpoint: Box::new(checkpoint) },
            config: vision,
            preprocess,
            place,
            info,
            files,
        })
    }

    /// Loads a vision encoder that stands by itself.
    pub(super) fn open_vision(
        checkpoint: &VisionCheckpoint,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        let place = Place::choose(request.device, request.dtype, checkpoint.weights.dtype())?;
        let source = Source::new(&checkpoint.weights, keeps_types(request), progress, cancel);
        let family = family_of(&checkpoint.model_type)?;
        let encoder = load_encoder(checkpoint, &source, place.dtype, &place.device);
        let encoder = encoder.map_err(|err| blame(err, cancel))?;
        let vision = checkpoint.kind.config().clone();
        let described = Described {
            family: family.id,
            task: ModelTask::See,
            summary: format!("{}, {}", encoder.info().name, sizes(&vision)),
            note: note("", &checkpoint.warnings),
            warnings: checkpoint.warnings.clone(),
            suggested_prompts: Vec::new(),
        };
        let info = described.info(request, &place, &checkpoint.weights, &vision, &checkpoint.preprocess);
        let (preprocess, files) = (checkpoint.preprocess.clone(), checkpoint.weights.opened());
        Ok(Self { towers: Towers::Image(encoder), config: vision, preprocess, place, info, files })
    }

    /// Its image tower.
    pub(super) fn tower(&self) -> EncoderInfo {
        match &self.towers {
            Towers::Both { clip, .. } => model::Encoder::info(clip.vision()),
            Towers::Image(encoder) => encoder.info(),
        }
    }

    /// A photo as it takes it; `framing` replaces the checkpoint's own.
    pub(super) fn prepare(&self, photo: &Photo, framing: Option<Framing>) -> Result<Prepared, PreprocessError> {
        let own = self.preprocess.clone();
        let spec = if let Some(framing) = framing { own.with_framing(framing) } else { own };
        Prepared::one_grid(photo, &spec, self.config.patch_size, 0)
    }
}

/// Whether weights are left as they are stored.
fn keeps_types(request: &LoadRequest) -> bool {
    request.dtype == DtypePreference::Auto
}

fn blame(err: ModelError, cancel: &AtomicBool) -> EngineError {
    if cancel.load(Ordering::Relaxed) { EngineError::Cancelled } else { err.into() }
}

fn image_grid(config: &VisionConfig) -> PatchGrid {
    let side = config.image_size / config.patch_size.max(1);
    PatchGrid { rows: side, cols: side }
}

fn sizes(config: &VisionConfig) -> String {
    format!("ViT {} x {}, {} px", config.num_hidden_layers, config.num_attention_heads, config.image_size)
}

/// What differs between encoders in the eyes of people.
struct Described {
    family: &'static str,
    task: ModelTask,
    summary: String,
    note: String,
    warnings: Vec<String>,
    suggested_prompts: Vec<String>,
}

impl Described {
    fn info(
        self,
        request: &LoadRequest,
        place: &Place,
        weights: &Weights,
        vision: &VisionConfig,
        preprocess: &PreprocessSpec,
    ) -> Arc<ModelInfo> {
        Arc::new(ModelInfo {
            id: model_id(&request.source),
            family: self.family.to_owned(),
            task: self.task,
            summary: self.summary,
            note: self.note,
            warnings: self.warnings,
            weight_hash: weights.weight_hash().to_owned(),
            device: format!("{}, {}", place.device_label(), place.dtype_label()),
            weight_bytes: weights.total_bytes(),
            memory: MemoryEstimate {
                weight_bytes: weights.total_bytes(),
                dtype: place.dtype_label().to_owned(),
                reason: "an encoder is small".to_owned(),
                ..MemoryEstimate::default()
            },
            num_hidden_layers: 0,
            num_attention_heads: 0,
            vision_num_hidden_layers: vision.num_hidden_layers,
            vision_num_attention_heads: vision.num_attention_heads,
            image_grid: image_grid(vision),
            framing: preprocess.framing,
            template_before: String::new(),
            template_after: String::new(),
            suggested_prompts: self.suggested_prompts,
        })
    }
}
