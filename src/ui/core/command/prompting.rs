//! What people do with attention prompting on the photo.

use crate::ui::core::settings::PromptingSettings;
use std::path::PathBuf;

/// What people do with it.
#[derive(Debug, Clone, PartialEq)]
pub enum PromptingCommand {
    /// Other settings, while a control moves.
    Set(PromptingSettings),
    /// The folder of the CLIP that looks.
    Clip(PathBuf),
    /// The control was let go: ask again, if that is wanted.
    Settle,
    /// Find out where the model looks.
    Find,
    /// Stop finding out.
    Stop,
    /// The words to look for; those of the question when they are the same.
    Query(String),
    /// What CLIP is asked to see or not; that of the words when it is the same.
    Object(String),
    /// What the photo's panel shows.
    View(PromptView),
    /// Ask the shown question and those to come about the darkened photo; or show the answer about the original one,
    /// and ask about that.
    Switch(bool),
    /// Ask the question about the original photo that could not be asked about the darkened one, and so those to come.
    AskOriginal,
}

/// What the photo's panel shows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PromptView {
    /// The photo as it is.
    Original,
    /// Where the model looked for the words.
    Attribution,
    /// How much of each pixel stays.
    Mask,
    /// The photo that the model is asked about.
    Prompted,
    /// The attention of the shown answer, as without prompting.
    #[default]
    Attention,
}
