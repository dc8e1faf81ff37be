//! Why a figure cannot be made.

use crate::analysis::AnalysisError;
use crate::analysis::localisation::LocalisationError;
use crate::data::PhotoError;
use crate::data::coco::{CocoError, MaskError};
use crate::files::OutputError;
use crate::geometry::ImageSize;
use crate::prompting::PromptingError;
use crate::render;
use crate::trace::file::TraceFileError;
use std::path::PathBuf;

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// Not a recipe, or a damaged one.
    #[error("Expected {expected}, found {found}: {}", path.display())]
    Recipe {
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// Written by a later program.
    #[error("Expected a recipe of version {known} or older, found version {found}, which a later gazelens wrote: \
        {}", path.display())]
    Newer {
        /// What this program reads.
        known: u32,
        /// What the file says.
        found: u64,
        /// The file.
        path: PathBuf,
    },
    /// A number or a name in the recipe that makes no figure.
    #[error("Expected {expected} in the recipe, found {found}")]
    Setting {
        /// What would do.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A panel names an input that the recipe does not list.
    #[error("Expected the {kind} `{name}` among the recipe's inputs, found no such input")]
    NoInput {
        /// `trace`, `image`, `annotations`, `map`.
        kind: &'static str,
        /// As the panel has it.
        name: String,
    },
    /// An input is another one than the recipe was made with.
    #[error("Expected {what} {expected} as in the recipe, found {found}: {path}")]
    Mismatch {
        /// `weights`, `photo`, `prompt`.
        what: String,
        /// By the recipe.
        expected: String,
        /// By the input.
        found: String,
        /// The input.
        path: String,
    },
    /// Objects of another photo than the one that they are drawn on.
    #[error("Expected image {image_id} of the annotations to be {expected}, found {found}: {path}")]
    OtherPhoto {
        /// By the recipe.
        image_id: u64,
        /// The photo.
        expected: String,
        /// By the annotations.
        found: String,
        /// The annotations.
        path: String,
    },
    /// A photo of another size than the trace is about.
    #[error(
        "Expected a photo of {} x {} pixels as in the trace, found {} x {}: {path}",
        expected.width_px, expected.height_px, found.width_px, found.height_px
    )]
    PhotoSize {
        /// By the trace.
        expected: ImageSize,
        /// By the photo.
        found: ImageSize,
        /// The photo.
        path: String,
    },
    /// A trace that stands in no file and was not handed over.
    #[error(
        "Expected a trace file for the input `{name}`, found none in the recipe: give --trace, or leave it to the \
            model that wrote it"
    )]
    NoTrace {
        /// Its name.
        name: String,
    },
    /// A panel that cannot be drawn.
    #[error("Expected panel {number} ({kind}) to be drawn, found: {reason}")]
    Panel {
        /// Counted from 1.
        number: usize,
        /// What it should show.
        kind: &'static str,
        /// Why not.
        reason: String,
    },
    /// A file that cannot be read or written.
    #[error("Expected a file that can be {action}, found \"{reason}\": {}", path.display())]
    File {
        /// `read`, `written`.
        action: &'static str,
        /// The system's words.
        reason: String,
        /// Which.
        path: PathBuf,
    },
    /// A figure of another recipe has the name, but for its ending.
    #[error(
        "Cannot write the recipe next to the figure, as {other} has another recipe \
         (choose another name, or remove that figure): {}",
        path.display()
    )]
    OtherRecipe {
        /// Name of that figure.
        other: String,
        /// The recipe that both would have.
        path: PathBuf,
    },
    /// An output has no place, or would replace what is not to be replaced.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Somebody stopped it.
    #[error("The figure was stopped")]
    Stopped,
    /// Too large to be drawn.
    #[error(
        "Expected a picture of at most {most_px} pixels a side, found {found_px}: choose fewer dots per inch or a \
            smaller width"
    )]
    TooLarge {
        /// Limit.
        most_px: u32,
        /// What it would be.
        found_px: u64,
    },
    /// See the source.
    #[error(transparent)]
    Trace(#[from] TraceFileError),
    /// See the source.
    #[error(transparent)]
    Photo(#[from] PhotoError),
    /// See the source.
    #[error(transparent)]
    Annotations(#[from] CocoError),
}

/// Why one panel cannot be drawn; becomes [`FigureError::Panel`].
#[derive(Debug, thiserror::Error)]
pub(super) enum PanelError {
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    #[error(transparent)]
    Localisation(#[from] LocalisationError),
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Prompting(#[from] PromptingError),
    #[error(transparent)]
    Photo(#[from] render::PhotoError),
    #[error("{0}")]
    Other(String),
    /// The answer has not what the panel is about: its place stays, with this in it.
    #[error("{0}")]
    NotInAnswer(String),
    #[error(transparent)]
    Figure(Box<FigureError>),
}

impl From<FigureError> for PanelError {
    fn from(err: FigureError) -> Self {
        Self::Figure(Box::new(err))
    }
}
