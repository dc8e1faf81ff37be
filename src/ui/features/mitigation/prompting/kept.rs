//! Where models looked, as sessions keep it.

use crate::ui::features::mitigation::prompting::{Made, PromptingState};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

impl PromptingState {
    /// All of it, oldest first.
    pub(in crate::ui) fn every_made(&self) -> &[Arc<Made>] {
        &self.made
    }

    /// What a session kept.
    pub(in crate::ui) fn restore(&mut self, made: Vec<Made>) {
        for made in made {
            self.keep(made);
        }
    }

    /// Photos are somewhere else now.
    pub(in crate::ui) fn relocate(&mut self, now_at: &HashMap<PathBuf, PathBuf>) {
        for made in &mut self.made {
            Arc::make_mut(made).request.image.relocate(now_at);
        }
    }
}
