//! How yes/no questions about objects are made and asked.

use crate::analysis::pope::{PopeOptions, Suffix, suffixes};
use serde::{Deserialize, Serialize};

/// Where questions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PopeSource {
    /// The question file.
    File,
    /// The objects of the image, and absent ones.
    Made,
    /// The object words of an answer.
    Words,
}

/// How questions are made and asked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PopeSettings {
    /// Where they come from; `None`: from the file if there is one.
    pub source: Option<PopeSource>,
    /// How they are made.
    pub options: PopeOptions,
    /// What is said after them, by its place among [`suffixes`].
    pub suffix: usize,
}

impl Default for PopeSettings {
    fn default() -> Self {
        // As in POPE's files.
        Self { source: None, options: PopeOptions { most_positives: Some(3), ..PopeOptions::default() }, suffix: 0 }
    }
}

impl PopeSettings {
    /// What is said after a question; `None` where nothing is.
    pub fn suffix(&self) -> Option<&'static Suffix> {
        suffixes().get(self.suffix).or_else(|| suffixes().first())
    }
}
