//! An open model: checkpoint, weights on a device, and what people should know about it.

use super::device::Place;
use super::encoder::Encoder;
use super::error::EngineError;
use super::estimate::{free_memory, plan_memory};
use super::hub::on_disk;
use super::loading::{SHARE_BEFORE_WEIGHTS, Source, model_id, note};
use super::messages::{
    DevicePreference, DtypePreference, KeptMemory, LoadRequest, MemoryEstimate, ModelInfo, ModelSource, ModelTask,
};
use super::reuse::{DEFAULT_BUDGET_BYTES, Reuse};
use crate::checkpoint::{
    self, ChatTemplate, Checkpoint, CheckpointError, ClipCheckpoint, Moment, VisionCheckpoint, WeightFiles,
};
use crate::data::{Photo, PreprocessError};
use crate::geometry::{Framing, PatchGrid, PreprocessSpec};
use crate::model::{EncoderInfo, Framed, Prepared, VisionLanguageModel, answering, family_of};
use candle_core::DType;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// An open model: checkpoint, weights on a device, and what people should know about it.
#[derive(Debug)]
pub struct OpenModel {
    kind: ModelKind,
    load_secs: f64,
}

/// What kind of model is open.
#[derive(Debug)]
pub(super) enum ModelKind {
    /// One with a decoder.
    Answers(Box<Answerer>),
    /// One without.
    Sees(Box<Encoder>),
}

/// A model that answers questions.
#[derive(Debug)]
pub(super) struct Answerer {
    pub(super) checkpoint: Checkpoint,
    pub(super) vlm: Box<dyn VisionLanguageModel>,
    pub(super) place: Place,
    pub(super) info: Arc<ModelInfo>,
    /// Its weights on disk.
    pub(super) files: WeightFiles,
    /// What questions leave for later ones.
    pub(super) reuse: Reuse,
    /// See [`OpenModel::ask_on`].
    date: Mutex<Option<Moment>>,
}

impl OpenModel {
    /// Opens a model. `progress` gets the share that is done (0 to 1) and what is being read; a raised `cancel` ends it
    /// at the next tensor.
    pub fn open(
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        Self::open_after(request, &mut || {}, progress, cancel)
    }

    /// The same; `make_room` is called when the files have been read and found to be a model with a decoder, before
    /// free memory is looked at and weights are read.
    pub(super) fn open_after(
        request: &LoadRequest,
        make_room: &mut dyn FnMut(),
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        let started = Instant::now();
        let (source, share) = on_disk(&request.source, progress, cancel)?;
        let request = LoadRequest { source, ..request.clone() };
        let mut rest = |done: f32, what: &str| progress(share + (1.0 - share) * done, what);
        let kind = ModelKind::open(&request, make_room, &mut rest, cancel)?;
        // What was read is what lies there, or it is no model.
        kind.files().expect_unchanged()?;
        progress(1.0, "Ready");
        Ok(Self { kind, load_secs: started.elapsed().as_secs_f64() })
    }

    /// A model of your own code, with the tokenizer, chat template and processor of a checkpoint: questions to it are
    /// answered as those to any other. It computes in f32 on the CPU.
    ///
    /// **Errors**: a chat template that cannot be split around a question.
    pub fn own(label: &str, checkpoint: Checkpoint, vlm: Box<dyn VisionLanguageModel>) -> Result<Self, EngineError> {
        let started = Instant::now();
        let place = Place::choose(DevicePreference::Cpu, DtypePreference::F32, DType::F32)?;
        let (id, memory) = (checkpoint.model_id.clone(), MemoryEstimate::default());
        let info = info(id, [label, label], &checkpoint, &*vlm, &place, memory)?;
        let answerer = Answerer::new(checkpoint, vlm, place, info, DEFAULT_BUDGET_BYTES);
        Ok(Self { kind: ModelKind::Answers(Box::new(answerer)), load_secs: started.elapsed().as_secs_f64() })
    }

    pub(super) fn kind(&self) -> &ModelKind {
        &self.kind
    }

    /// The model that answers.
    ///
    /// **Errors**: an encoder.
    pub(super) fn answerer(&self) -> Result<&Answerer, EngineError> {
        match &self.kind {
            ModelKind::Answers(model) => Ok(model),
            ModelKind::Sees(encoder) => Err(EngineError::NoDecoder { path: encoder.info.id.clone().into() }),
        }
    }

    /// What it is.
    pub fn info(&self) -> &Arc<ModelInfo> {
        match &self.kind {
            ModelKind::Answers(model) => &model.info,
            ModelKind::Sees(encoder) => &encoder.info,
        }
    }

    /// What it keeps of earlier questions; nothing without a decoder.
    pub fn kept(&self) -> KeptMemory {
        match &self.kind {
            ModelKind::Answers(model) => model.reuse.memory(),
            ModelKind::Sees(_) => KeptMemory::default(),
        }
    }

    /// Sets how many bytes of earlier questions it may keep; with 0 every question is read from its beginning.
    pub fn keep_at_most(&self, budget_bytes: u64) {
        if let ModelKind::Answers(model) = &self.kind {
            model.reuse.limit(budget_bytes);
        }
    }

    /// Gives up what it keeps of earlier prompts, so that the next answer does not depend on them by rounding; what
    /// encoders saw stays.
    pub fn forget_prompts(&self) {
        if let ModelKind::Answers(model) = &self.kind {
            model.reuse.forget_prompts();
        }
    }

    /// Gives up all that it keeps of earlier questions: another photo needs none of it.
    pub fn forget(&self) {
        if let ModelKind::Answers(model) = &self.kind {
            model.reuse.forget();
        }
    }

    /// Sets the time that questions are asked at, for chat templates that write it into the prompt; `None` is the day
    /// on which each is asked.
    pub fn ask_on(&self, date: Option<Moment>) {
        if let ModelKind::Answers(model) = &self.kind {
            *model.date.lock().unwrap_or_else(PoisonError::into_inner) = date;
        }
    }

    /// How long opening it took.
    pub fn load_secs(&self) -> f64 {
        self.load_secs
    }

    /// Whether attention rows are worth more than half precision.
    pub fn computes_in_f32(&self) -> bool {
        match &self.kind {
            ModelKind::Answers(model) => model.computes_in_f32(),
            ModelKind::Sees(encoder) => encoder.place.dtype == DType::F32,
        }
    }
}

impl ModelKind {
    /// Its weights on disk.
    pub(super) fn files(&self) -> &WeightFiles {
        match self {
            Self::Answers(model) => &model.files,
            Self::Sees(encoder) => &encoder.files,
        }
    }

    fn open(
        request: &LoadRequest,
        make_room: &mut dyn FnMut(),
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Self, EngineError> {
        let checkpoint = match &request.source {
            ModelSource::DemoClip => {
                let encoder = Encoder::open_clip(ClipCheckpoint::demo()?, request, progress, cancel)?;
                return Ok(Self::Sees(Box::new(encoder)));
            }
            ModelSource::Folder(folder) | ModelSource::Hub { folder: Some(folder), .. } if only_sees(folder)? => {
                let encoder = Encoder::open_vision(&VisionCheckpoint::open(folder)?, request, progress, cancel)?;
                return Ok(Self::Sees(Box::new(encoder)));
            }
            ModelSource::Demo => Checkpoint::demo()?,
            ModelSource::Folder(folder) | ModelSource::Hub { folder: Some(folder), .. } => {
                Checkpoint::open(folder, &mut reading(progress))?
            }
            ModelSource::Gguf { decoder, mmproj } => {
                Checkpoint::open_gguf(decoder, mmproj.as_deref(), &mut reading(progress))?
            }
            ModelSource::Hub { id, folder: None } => {
                Checkpoint::open(Path::new(&id.to_string()), &mut reading(progress))?
            }
        };
        if checkpoint.clip().is_some() {
            let checkpoint = ClipCheckpoint::from_checkpoint(checkpoint)?;
            return Ok(Self::Sees(Box::new(Encoder::open_clip(checkpoint, request, progress, cancel)?)));
        }
        let found = answering(&checkpoint).ok_or_else(|| EngineError::NoDecoder {
            path: checkpoint.folder.clone().unwrap_or_else(|| Path::new(&checkpoint.model_id).to_owned()),
        })?;
        let (family, load) = (found.family, found.load);
        make_room();
        let (place, memory) = plan_memory(&checkpoint, &found.sizes, request, free_memory())?;
        progress(SHARE_BEFORE_WEIGHTS, &format!("Reading weights: {}", memory.sentence()));
        let keep_types = request.dtype == DtypePreference::Auto;
        let source = Source::new(&checkpoint.weights, keep_types, progress, cancel).telling(&memory);
        let vlm = load(&checkpoint, &source, place.dtype, &place.device)
            .map_err(|err| if cancel.load(Ordering::Relaxed) { EngineError::Cancelled } else { err.into() });
        // Zeros that stand for what is gone may be what went wrong.
        checkpoint.weights.opened().expect_whole()?;
        let vlm = vlm?;
        checkpoint.weights.finish()?;
        let (id, kept_bytes) = (model_id(&request.source), memory.kept_bytes);
        let mut info = info(id, [family.id, family.label], &checkpoint, &*vlm, &place, memory)?;
        info.device.push_str(blocks_label(request, &checkpoint));
        Ok(Self::Answers(Box::new(Answerer::new(checkpoint, vlm, place, info, kept_bytes))))
    }
}

/// Whether a folder holds an encoder without a decoder or a text tower.
///
/// **Errors**: a configuration that cannot be read or is of no known family.
pub fn only_sees(folder: &Path) -> Result<bool, CheckpointError> {
    let Some(found) = checkpoint::model_type(folder)? else { return Ok(false) };
    Ok(family_of(&found)?.only_sees(&found))
}

impl Answerer {
    fn new(
        checkpoint: Checkpoint,
        vlm: Box<dyn VisionLanguageModel>,
        place: Place,
        info: ModelInfo,
        kept_bytes: u64,
    ) -> Self {
        let (files, reuse, date) = (checkpoint.weights.opened(), Reuse::new(kept_bytes), Mutex::default());
        Self { checkpoint, vlm, place, info: Arc::new(info), files, reuse, date }
    }

    /// Whether attention rows are worth more than half precision.
    pub(super) fn computes_in_f32(&self) -> bool {
        self.place.dtype == DType::F32
    }

    /// When a question is asked.
    pub(super) fn date(&self) -> Moment {
        self.date.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Moment::today)
    }

    /// What a question makes of the checkpoint's way to treat photos.
    fn preprocessing(&self, framing: Option<Framing>) -> PreprocessSpec {
        let own = self.checkpoint.preprocess.clone();
        if let Some(framing) = framing { own.with_framing(framing) } else { own }
    }

    /// What happens to a photo; `framing` replaces the checkpoint's own.
    pub(super) fn frame(&self, photo: &Photo, framing: Option<Framing>) -> Framed {
        self.vlm.frame(photo.size(), &self.preprocessing(framing))
    }

    /// A photo as the model takes it; `framing` replaces the checkpoint's own.
    pub(super) fn prepare(&self, photo: &Photo, framing: Option<Framing>) -> Result<Prepared, PreprocessError> {
        self.vlm.prepare(photo, &self.preprocessing(framing))
    }

    /// The text that a question becomes.
    pub(super) fn template(&self) -> Result<&ChatTemplate, EngineError> {
        self.checkpoint.template.as_ref().ok_or_else(|| EngineError::NoDecoder { path: self.info.id.clone().into() })
    }
}

/// Progress of the part before the weights.
fn reading(progress: &mut dyn FnMut(f32, &str)) -> impl FnMut(f32, &str) {
    |share, what| progress(share * SHARE_BEFORE_WEIGHTS, &format!("Reading {what}"))
}

fn info(
    id: String,
    [family, label]: [&str; 2],
    checkpoint: &Checkpoint,
    vlm: &dyn VisionLanguageModel,
    place: &Place,
    memory: MemoryEstimate,
) -> Result<ModelInfo, EngineError> {
    let text = vlm.decoder().config();
    let vision = |encoder: &EncoderInfo| {
        let EncoderInfo { num_hidden_layers, num_attention_heads, image_size, .. } = encoder;
        format!(", ViT {num_hidden_layers} x {num_attention_heads}, {image_size} px")
    };
    let (encoders, first) = (vlm.encoders(), vlm.encoders().first());
    let (template_before, template_after) =
        checkpoint.template.as_ref().map(ChatTemplate::split).transpose()?.unwrap_or_default();
    Ok(ModelInfo {
        id,
        family: family.to_owned(),
        task: ModelTask::Answer,
        summary: format!(
            "{}, {} layers x {} heads{}",
            label,
            text.num_hidden_layers,
            text.num_attention_heads,
            encoders.iter().map(vision).collect::<String>()
        ),
        note: note(&checkpoint.notes.note, &checkpoint.warnings),
        warnings: checkpoint.warnings.clone(),
        weight_hash: checkpoint.weights.weight_hash().to_owned(),
        device: format!("{}, {}", place.device_label(), place.dtype_label()),
        weight_bytes: checkpoint.weights.total_bytes(),
        memory,
        num_hidden_layers: text.num_hidden_layers,
        num_attention_heads: text.num_attention_heads,
        vision_num_hidden_layers: first.map_or(0, |encoder| encoder.num_hidden_layers),
        vision_num_attention_heads: first.map_or(0, |encoder| encoder.num_attention_heads),
        image_grid: first.map_or(PatchGrid { rows: 0, cols: 0 }, |encoder| encoder.grid),
        framing: checkpoint.preprocess.framing,
        template_before,
        template_after,
        suggested_prompts: checkpoint.notes.suggested_prompts.clone(),
    })
}

/// What the device line says about weights that stay quantised.
fn blocks_label(request: &LoadRequest, checkpoint: &Checkpoint) -> &'static str {
    let kept = request.dtype == DtypePreference::Auto && checkpoint.weights.is_quantised();
    if kept { ", quantised weights" } else { "" }
}
