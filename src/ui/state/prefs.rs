//! What survives a restart.

use super::{AskSettings, ChipQuantity, ColourSettings, PopeSettings, PromptingSettings, TruthView, ViewState};
use crate::ui::command::Keymap;
use serde::{Deserialize, Serialize};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the desktop.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Settings of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Size of everything, 1 is normal.
    pub scale: f32,
    /// Models opened lately, newest first: paths and hub ids, as [`crate::engine::ModelSource::named`] reads them.
    pub recent_models: Vec<String>,
    /// Keys that are not those of the first day.
    pub keys: Keymap,
}

impl Default for Preferences {
    fn default() -> Self {
        Self { theme: ThemeChoice::default(), scale: 1.0, recent_models: Vec::new(), keys: Keymap::default() }
    }
}

/// Everything that is written to the settings file, but for the layout of the panels.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// Of the program.
    pub prefs: Preferences,
    /// What is shown.
    pub view: ViewState,
    /// In which colours.
    pub colour: ColourSettings,
    /// What colours the chips.
    pub chips: ChipQuantity,
    /// How questions are asked.
    pub ask: AskSettings,
    /// How ground truth is shown.
    pub truth: TruthView,
    /// How yes/no questions are made.
    pub pope: PopeSettings,
    /// How photos are darkened.
    pub prompting: PromptingSettings,
}
