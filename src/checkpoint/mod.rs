//! Checkpoints as their users have them: folders in every layout that was ever published, read into one form.

mod config;

pub use config::{Activation, ClipConfig, FeatureSelect, LlavaConfig, TextConfig, VisionConfig};
