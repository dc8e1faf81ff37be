//! What people do with the figure that is being put together.

mod kinds;

pub use kinds::{PanelGroup, PanelKind};

use crate::analysis::TokenRef as TokenPos;
use crate::engine::RunId;
use crate::figure::recipe::{Colour, Layout, Mark, Tokens};
use std::path::PathBuf;

/// What people do with the figure.
#[derive(Debug, Clone, PartialEq)]
pub enum FigureCommand {
    /// One more panel: the map that the photo shows.
    AddShown,
    /// One more panel of this kind.
    Add(PanelKind),
    /// The first answer's map minus the second's, each for its own tokens.
    AddDifference(Box<[(RunId, Vec<TokenPos>); 2]>),
    /// Question and answer with these words marked: those that name objects.
    AddObjectWords(Vec<Mark>),
    /// A panel less.
    Remove(usize),
    /// A panel before the one that it follows.
    Up(usize),
    /// A panel after the one that follows it.
    Down(usize),
    /// Its title; `None` has one made.
    Title(usize, Option<String>),
    /// Columns that it takes.
    Span(usize, usize),
    /// By what its words are known.
    Words(usize, WordsBy),
    /// Where panels lie.
    SetLayout(Box<Layout>),
    /// How values become colours.
    SetColour(Box<Colour>),
    /// No panel at all.
    Clear,
    /// The numbers beside the figure, or not.
    DataToo(bool),
    /// Writes it; the flag says that a file of that name may be replaced.
    Save(PathBuf, bool),
    /// The file that is there stays.
    KeepFile,
    /// A dialog for where to write it.
    PickFile,
    /// A dialog for a figure or a recipe.
    PickSource,
    /// Takes the recipe of this figure, or this recipe.
    Open(PathBuf),
    /// The recipe as JSON to the clipboard.
    CopyRecipe,
    /// A dialog for a typeface.
    PickTypeface,
    /// Sets its text in the font of this file; `None` is the bundled one.
    Typeface(Option<PathBuf>),
    /// Ends writing the figure.
    Stop,
    /// What came of the last thing was read.
    DismissOutcome,
}

/// By what the words of a panel are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordsBy {
    /// Places in this answer.
    Number,
    /// The first (1), second (2), .. object word.
    ObjectWord(usize),
    /// The first object word that names nothing in the photo.
    FirstHallucinated,
    /// The word itself, where the answer has it for the first time (1), second time (2), ..
    ThisWord(usize),
    /// All of them.
    WholeAnswer,
}

impl WordsBy {
    /// By what a selection is known.
    pub fn of(tokens: &Tokens) -> Option<Self> {
        Some(match tokens {
            Tokens { first_hallucinated: Some(_), .. } => Self::FirstHallucinated,
            Tokens { object_word: Some(nr), .. } => Self::ObjectWord(*nr),
            Tokens { word: Some(_), occurrence, .. } => Self::ThisWord(occurrence.unwrap_or(1)),
            Tokens { looking: Some(_), .. } | Tokens { objects: Some(_), .. } => return None,
            Tokens { output, prompt, .. } if output.is_empty() && prompt.is_empty() => Self::WholeAnswer,
            _ => Self::Number,
        })
    }
}
