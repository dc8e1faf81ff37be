//! A checkpoint: every file read, checked and brought to one form, wherever the weights come from.

use super::config::{self, FamilyKind, Fields};
use super::files::{FileObject, Files};
use super::processor::preprocess;
use super::template::{ChatTemplate, chat_template};
use super::tokenizer::{self, PromptStyle, TextTokenizer, TokenizerFiles, TokenizerSpec};
use super::weights::Weights;
use super::{CheckpointError, ClipConfig, LlavaConfig, VisionConfig};
use crate::geometry::PreprocessSpec;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

pub(super) const CONFIG: &str = "config.json";
const LLAVA_EMBEDDING: &str = "language_model.embed_tokens.weight";
const LLAVA_HEAD: &str = "lm_head.weight";
const CLIP_EMBEDDING: &str = "text_model.embeddings.token_embedding.weight";

/// Which model a checkpoint is.
#[derive(Debug, Clone, PartialEq)]
pub enum CheckpointKind {
    /// A vision-language model.
    Llava(LlavaConfig),
    /// A pair of image and text encoder.
    Clip(ClipConfig),
}

/// What users should know about a checkpoint and may ask it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckpointNotes {
    /// A sentence about the model; empty when there is nothing to say.
    pub note: String,
    /// Questions that the model was trained on.
    pub suggested_prompts: Vec<String>,
}

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    /// What traces call it: `demo`, or the folder's name.
    pub model_id: String,
    /// Its folder; `None` for the bundled one.
    pub folder: Option<PathBuf>,
    /// Which model it is, and its sizes.
    pub kind: CheckpointKind,
    /// Its tensors by canonical name.
    pub weights: Weights,
    /// Its tokenizer.
    pub tokenizer: TextTokenizer,
    /// Its chat template; `None` for CLIP, which reads a text as it is.
    pub template: Option<ChatTemplate>,
    /// What it does to a photo.
    pub preprocess: PreprocessSpec,
    /// See [`CheckpointNotes`].
    pub notes: CheckpointNotes,
    /// What was not as expected and did not matter enough to refuse the checkpoint.
    pub warnings: Vec<String>,
}

impl Checkpoint {
    /// What [`Checkpoint::open`] does once the weights are there.
    pub(super) fn assemble(
        files: &Files,
        config: &Map<String, Value>,
        mut weights: Weights,
        model_id: String,
        progress: &mut dyn FnMut(f32, &str),
    ) -> Result<Self, CheckpointError> {
        let path = files.path(CONFIG);
        let fields = Fields::new(config, &path);
        let mut warnings = Vec::new();
        let family = config::family(fields)?;
        progress(0.1, CONFIG);
        let mut kind = kind(files, fields, family)?;
        warnings.extend(weights.expect_floats(fields)?);
        if let CheckpointKind::Llava(config) = &mut kind {
            warnings.extend(settle_head(config, &mut weights, &path));
        }
        let (style, embedding, num_rows) = match (&kind, family) {
            (CheckpointKind::Clip(clip), _) => (PromptStyle::TextOnly, CLIP_EMBEDDING, clip.text_vocab_size),
            (CheckpointKind::Llava(llava), FamilyKind::LlavaOriginal) => {
                (PromptStyle::Chunks, LLAVA_EMBEDDING, llava.text.vocab_size)
            }
            (CheckpointKind::Llava(llava), _) => (PromptStyle::Expanded, LLAVA_EMBEDDING, llava.text.vocab_size),
        };
        let described = if family == FamilyKind::LlavaOriginal { fields } else { fields.object("text_config")? };
        expect_rows(&weights, embedding, num_rows, described)?;
        let (vision, image_token_id, bos_token_id) = match &kind {
            CheckpointKind::Clip(clip) => (&clip.vision, None, None),
            CheckpointKind::Llava(llava) => (&llava.vision, Some(llava.image_token_id), llava.bos_token_id),
        };
        let padded = family == FamilyKind::LlavaOriginal && config::image_is_padded(fields)?;
        let class = match kind {
            CheckpointKind::Llava(_) if family != FamilyKind::LlavaOriginal => "LlavaImageProcessor",
            _ => "CLIPImageProcessor",
        };
        let class = fields.text("image_processor_type")?.unwrap_or(class);
        let preprocess = preprocess(files, class, vision.image_size, padded, &mut warnings)?;
        progress(0.2, "tokenizer.json");
        let beside = TokenizerFiles::read(files)?;
        let spec = TokenizerSpec { style, image_token_id, bos_token_id, num_rows };
        let tokenizer = tokenizer::load(files, &beside, spec, &mut warnings)?;
        progress(0.8, "chat template");
        let template = match kind {
            CheckpointKind::Clip(_) => None,
            CheckpointKind::Llava(_) => Some(chat_template(files, beside.template_tokens())?),
        };
        let notes = CheckpointNotes::default();
        Ok(Self { model_id, folder: None, kind, weights, tokenizer, template, preprocess, notes, warnings })
    }

    /// LLaVA's configuration, if it is one.
    pub fn llava(&self) -> Option<&LlavaConfig> {
        match &self.kind {
            CheckpointKind::Llava(config) => Some(config),
            CheckpointKind::Clip(_) => None,
        }
    }

    /// CLIP's configuration, if it is one.
    pub fn clip(&self) -> Option<&ClipConfig> {
        match &self.kind {
            CheckpointKind::Llava(_) => None,
            CheckpointKind::Clip(config) => Some(config),
        }
    }

    /// The vision tower, which both kinds have.
    pub fn vision(&self) -> &VisionConfig {
        match &self.kind {
            CheckpointKind::Llava(config) => &config.vision,
            CheckpointKind::Clip(config) => &config.vision,
        }
    }
}

/// `config.json` of a checkpoint.
pub(super) fn config_file(files: &Files) -> Result<Map<String, Value>, CheckpointError> {
    files.object(CONFIG)?.ok_or_else(|| CheckpointError::MissingFile {
        expected: "the configuration of a Hugging Face checkpoint".to_owned(),
        path: files.path(CONFIG),
    })
}

pub(super) fn kind(files: &Files, fields: Fields<'_>, family: FamilyKind) -> Result<CheckpointKind, CheckpointError> {
    const GENERATION: &str = "generation_config.json";
    let generation_path = files.path(GENERATION);
    let generation_map = files.object(GENERATION)?.unwrap_or_default();
    let generation = Fields::new(&generation_map, &generation_path);
    match family {
        FamilyKind::Clip => config::clip(fields).map(CheckpointKind::Clip),
        FamilyKind::ClipVision | FamilyKind::Dinov2 { .. } | FamilyKind::Siglip => {
            let found = format!("{}, which only sees", fields.text("model_type")?.unwrap_or_default());
            Err(fields.refuse("model_type", "a model with a decoder or a text tower", &found))
        }
        FamilyKind::Llava => config::llava(fields, generation).map(CheckpointKind::Llava),
        FamilyKind::LlavaOriginal => {
            let tower = tower_file(files, fields)?;
            let tower = tower.as_ref().map(|(map, path)| Fields::new(map, path));
            config::original(fields, generation, tower).map(CheckpointKind::Llava)
        }
    }
}

/// The vision tower's own `config.json`, when `mm_vision_tower` is a folder: as given, or beside the checkpoint's
/// files.
fn tower_file(files: &Files, fields: Fields<'_>) -> Result<Option<FileObject>, CheckpointError> {
    let (Files::Folder(folder), Some(name)) = (files, fields.text("mm_vision_tower")?) else { return Ok(None) };
    // `join` of an absolute path is that path.
    let tower = Files::Folder(folder.join(name));
    Ok(tower.object(CONFIG)?.map(|map| (map, tower.path(CONFIG))))
}

/// The configuration's vocabulary is the embedding's: otherwise every later shape would be wrong without saying why.
fn expect_rows(weights: &Weights, embedding: &str, num_rows: usize, fields: Fields<'_>) -> Result<(), CheckpointError> {
    match weights.shape(embedding) {
        None => Err(CheckpointError::MissingTensor { name: embedding.to_owned(), files: weights.files() }),
        Some([rows, _]) if *rows == num_rows => Ok(()),
        Some(shape) => {
            let expected = format!("the rows of {embedding}, whose shape is {shape:?}");
            Err(fields.refuse("vocab_size", expected, &num_rows))
        }
    }
}

/// Where the configuration ties the output head to the embedding, the weights have the last word: a stored head with
/// other values counts, and where only the head is stored it is the embedding too.
///
/// **Source**: transformers 5, `PreTrainedModel.tie_weights`.
fn settle_head(config: &mut LlavaConfig, weights: &mut Weights, path: &Path) -> Option<String> {
    if !config.text.tie_word_embeddings || !weights.contains(LLAVA_HEAD) {
        return None;
    }
    if !weights.contains(LLAVA_EMBEDDING) {
        weights.rename(LLAVA_HEAD, LLAVA_EMBEDDING);
        return None;
    }
    if weights.are_equal(LLAVA_HEAD, LLAVA_EMBEDDING) {
        weights.leave_out(LLAVA_HEAD);
        return None;
    }
    config.text.tie_word_embeddings = false;
    Some(format!(
        "tie_word_embeddings is true, but the weights hold an output head that differs from the embedding: \
         the stored head is used, as transformers does: {}",
        path.display()
    ))
}
