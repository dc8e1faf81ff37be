//! A checkpoint: every file read, checked and brought to one form, wherever the weights come from.

use super::config::Fields;
use super::families::{self, CheckpointKind, Whole};
use super::files::Files;
use super::processor::preprocess;
use super::template::{ChatTemplate, chat_template};
use super::tokenizer::{self, TextTokenizer, TokenizerFiles, TokenizerSpec};
use super::weights::Weights;
use super::{CheckpointError, ClipConfig, LlavaConfig, VisionConfig};
use crate::geometry::PreprocessSpec;
use serde_json::{Map, Value};
use std::path::PathBuf;

pub(super) const CONFIG: &str = "config.json";

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
        let whole = families::whole(files, fields)?;
        progress(0.1, CONFIG);
        let Whole { mut kind, style, embedding: (embedding, num_rows), image_token_id, bos_token_id, .. } = whole;
        warnings.extend(weights.expect_floats(fields)?);
        warnings.extend(whole.settle.and_then(|settle| settle(&mut kind, &mut weights, &path)));
        let described = match whole.described_in {
            Some(object) => fields.object(object)?,
            None => fields,
        };
        expect_rows(&weights, embedding, num_rows, described)?;
        let class = fields.text("image_processor_type")?.unwrap_or(whole.processor);
        let preprocess = preprocess(files, class, whole.image_size, whole.padded, &mut warnings)?;
        progress(0.2, "tokenizer.json");
        let beside = TokenizerFiles::read(files)?;
        let spec = TokenizerSpec { style, image_token_id, bos_token_id, num_rows };
        let tokenizer = tokenizer::load(files, &beside, spec, &mut warnings)?;
        progress(0.8, "chat template");
        let template = whole.has_template.then(|| chat_template(files, beside.template_tokens())).transpose()?;
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
