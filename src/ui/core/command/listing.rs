//! What people do with the list of images, and with all that it lists.

use crate::data::dataset::Tag;
use crate::engine::ImageSource;
use crate::ui::core::settings::ImagesView;
use std::path::PathBuf;

/// What people do with the list of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListCommand {
    /// As a list or as a grid.
    Show(ImagesView),
    /// The one, or the other.
    ToggleGrid,
    /// Tag an image, or take the tag back.
    Tag(ImageSource, Tag),
    /// Take an image off the list; its file stays.
    Remove(ImageSource),
    /// Show the folder of a file in the desktop's file manager.
    ShowFolder(PathBuf),
    /// Ask the question in the box about every listed image.
    AskAll,
    /// Ask the questions that failed the last time once more.
    AskAgain,
    /// Stop asking about every listed image.
    StopAsking,
}
