//! What survives a restart.

use crate::data::dataset::ImageNotes;
use crate::ui::core::command::Keymap;
use crate::ui::core::settings::{
    AskSettings, ChipQuantity, ColourSettings, ImagesView, PopeSettings, PromptingSettings, ThemeChoice, TruthView,
    ViewState,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Settings of the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Size of everything, 1 is normal.
    pub scale: f32,
    /// How the images on offer are shown.
    pub images_view: ImagesView,
    /// Models opened lately, newest first: paths and hub ids, as [`crate::engine::ModelSource::named`] reads them.
    pub recent_models: Vec<String>,
    /// Keys that are not those of the first day.
    pub keys: Keymap,
    /// Sessions opened or saved lately, newest first.
    pub recent_sessions: Vec<String>,
    /// Annotation files and folders of photos opened lately, newest first.
    pub recent_data: Vec<String>,
    /// What was noted about the bundled images, by name: they have no folder that could keep it.
    pub bundled_notes: BTreeMap<String, ImageNotes>,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            scale: 1.0,
            images_view: ImagesView::default(),
            recent_models: Vec::new(),
            recent_sessions: Vec::new(),
            recent_data: Vec::new(),
            keys: Keymap::default(),
            bundled_notes: BTreeMap::new(),
        }
    }
}

impl Preferences {
    /// Nothing was opened lately.
    pub(in crate::ui) fn clear_recent(&mut self) {
        self.recent_models.clear();
        self.recent_sessions.clear();
        self.recent_data.clear();
    }
}

/// More are not remembered of a kind.
const MOST_RECENT: usize = 8;

/// Puts a name at the head of a list, where it stands once.
pub(in crate::ui) fn remember(recent: &mut Vec<String>, name: String) {
    recent.retain(|other| *other != name);
    recent.insert(0, name);
    recent.truncate(MOST_RECENT);
}

/// The same for a file, by its whole path: the next start may be in another folder.
pub(in crate::ui) fn remember_path(recent: &mut Vec<String>, path: &Path) {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    remember(recent, whole.to_string_lossy().into_owned());
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
    /// A chip for every token in place of every word.
    pub pieces: bool,
    /// How questions are asked.
    pub ask: AskSettings,
    /// How ground truth is shown.
    pub truth: TruthView,
    /// How yes/no questions are made.
    pub pope: PopeSettings,
    /// How photos are darkened.
    pub prompting: PromptingSettings,
}
