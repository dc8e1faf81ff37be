//! How photos are darkened by where a model looks.

use crate::prompting::{PromptOptions, Source};
use serde::{Deserialize, Serialize};

/// How the photo is darkened; kept between days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromptingSettings {
    /// Which kind of model says where to look.
    pub source: Source,
    /// The CLIP: `demo-clip`, a folder, a hub id, as [`crate::engine::ModelSource::named`] reads them; empty is the
    /// open model, if it is one, else the bundled one.
    pub clip: String,
    /// From the maps to the darkened photo.
    pub options: PromptOptions,
    /// Ask again as soon as a control is let go.
    pub live: bool,
    /// The next question is asked about the darkened photo.
    pub on: bool,
}

impl Default for PromptingSettings {
    fn default() -> Self {
        let (clip, options) = (String::new(), PromptOptions::default());
        Self { source: Source::default(), clip, options, live: true, on: false }
    }
}
