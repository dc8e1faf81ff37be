//! Checkpoints as their users have them: folders in every layout that was ever published, read into one form.
//!
//! | file of the folder | becomes |
//! | --- | --- |
//! | `config.json`, `generation_config.json` | [`LlavaConfig`] or [`ClipConfig`] under Hugging Face's names, numbers checked |
//! | `*.safetensors`, one or many | [`Weights`] under one naming, mapped |
//! | `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json` | [`TextTokenizer`] |
//! | `chat_template.*`, or inside the tokenizer's configuration | [`ChatTemplate`] |
//! | `preprocessor_config.json` or `processor_config.json` | [`crate::geometry::PreprocessSpec`] |
//!
//! A pair of GGUF files (decoder and `mmproj`) becomes the same through [`Checkpoint::open_gguf`]; encoders that only see are
//! [`VisionCheckpoint`]s. Whatever is wrong is one sentence that names the file, before any tensor is loaded where that is possible.

mod clip;
mod config;
mod demo;
mod error;
mod files;
mod gguf;
mod open;
mod processor;
mod template;
#[cfg(test)]
mod tests;
mod tokenizer;
mod vision;
mod weights;

pub use clip::ClipCheckpoint;
pub use config::{
    Activation, ClipConfig, Dinov2Config, Family, FeatureSelect, LlavaConfig, SlidingWindow, TextConfig, VisionConfig,
    families,
};
pub use error::CheckpointError;
pub use open::{Checkpoint, CheckpointKind, CheckpointNotes};
pub use template::{ChatTemplate, IMAGE_PLACEHOLDER};
pub use tokenizer::{ClipTextIds, PromptIds, PromptStyle, StreamDecoder, TextTokenizer};
pub use vision::{VisionCheckpoint, VisionKind};
pub use weights::{MappedTensor, WeightFiles, Weights};
