//! Checkpoints as their users have them: folders in every layout that was ever published, read into one form.
//!
//! | file of the folder | becomes |
//! | --- | --- |
//! | `config.json`, `generation_config.json` | [`LlavaConfig`] or [`ClipConfig`] under Hugging Face's names, numbers checked |
//! | `*.safetensors`, one or many | [`Weights`] under one naming, mapped |
//! | `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` | [`TextTokenizer`] |
//! | `chat_template.*`, or inside the processor's or the tokenizer's configuration | [`ChatTemplate`] |
//! | `processor_config.json` or `preprocessor_config.json` | [`crate::geometry::PreprocessSpec`] |
//!
//! A pair of GGUF files (decoder and `mmproj`) becomes the same through [`Checkpoint::open_gguf`]; encoders that only
//! see are [`VisionCheckpoint`]s. Whatever is wrong is one sentence that names the file, before any tensor is loaded
//! where that is possible.

mod adapter;
mod assembled;
mod belongs;
mod clip;
mod config;
mod demo;
mod error;
mod families;
mod files;
mod folder;
mod gguf;
mod moment;
mod open;
mod processor;
mod template;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vision;
mod weights;

pub use assembled::{Checkpoint, CheckpointNotes};
pub use belongs::files_of;
pub use clip::ClipCheckpoint;
pub use config::{
    Activation, ClipConfig, Dinov2Config, FeatureSelect, LlavaConfig, ModelType, RopeScaling, SlidingWindow,
    TextConfig, VisionConfig,
};
pub use demo::{DEMO_DIRECTIONS, is_demo};
pub use error::CheckpointError;
pub use families::{CheckpointKind, FamilyReader, VisionKind};
#[cfg(test)]
pub(crate) use files::MAX_TEXT_FILE_BYTES;
pub use moment::Moment;
pub use template::{ChatTemplate, IMAGE_PLACEHOLDER};
pub use tokenizer::{ClipTextIds, PromptIds, PromptStyle, StreamDecoder, TextTokenizer};
pub use vision::{VisionCheckpoint, model_type};
pub use weights::{MappedTensor, StoredAs, WeightFiles, Weights};
