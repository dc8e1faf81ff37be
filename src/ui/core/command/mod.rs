//! Everything a user can do, in one list: menus, shortcuts and buttons all emit these.
//!
//! What a command says is data and lies below the state: nothing here knows what comes of it.

mod compare;
mod copying;
mod figure;
mod keys;
mod listing;
mod named;
mod pairs;
mod parameter;
mod pope;
mod prompting;
mod session;
mod study;

pub use compare::{CompareCommand, Elsewhere, TriedStrength};
pub use copying::CopyCommand;
pub use figure::{FigureCommand, PanelGroup, PanelKind, WordsBy};
pub use keys::{Keymap, KeysCommand, pressed, takes_shift};
pub use listing::ListCommand;
pub use named::{Menu, NAMED_COMMANDS, NamedCommand};
pub use pairs::{PairOrder, PairsCommand, PairsView};
pub use parameter::ParameterPlace;
pub use pope::{PopeCommand, PopeItem};
pub use prompting::{PromptView, PromptingCommand};
pub use session::{SessionBox, SessionCommand};
pub use study::{
    CellPlace, ReportForm, RowColumn, RowFilter, RowOutcome, RowSort, StudyCommand, StudyDraft, StudyView, TableSort,
    UNSAVED_STUDY,
};

use crate::analysis::TokenRef as TokenPos;
use crate::data::dataset::{Query, Tag};
use crate::engine::{ModelSource, RunId};
use crate::ui::core::pane::Pane;
use crate::ui::core::settings::{
    AskSettings, ChipQuantity, ColourSettings, MethodChoice, ThemeChoice, TruthView, ViewState,
};
use std::path::PathBuf;

/// What the photo's view can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanvasCommand {
    /// The whole photo.
    Fit,
    /// One pixel of the photo on one of the screen.
    ActualSize,
    /// Nearer.
    ZoomIn,
    /// Further away.
    ZoomOut,
}

/// How a click on a token or a patch combines with what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extend {
    /// Holds only this one; lets go if it was the only one.
    #[default]
    Replace,
    /// Adds or removes this one (ctrl).
    Toggle,
    /// Everything from the last click to this one (shift).
    Range,
}

/// A change of what is noted about the image looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotesEdit {
    /// Says it, or takes it back.
    Toggle(Tag),
    /// Text of one's own.
    Text(String),
}

/// Which words of the answer are walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// All.
    Any,
    /// Words for objects, as CHAIR finds them.
    Object,
    /// Those of them that are not in the photo.
    Hallucinated,
}

/// From the held word to another one; from none to the first or the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordStep {
    /// Among these.
    pub kind: WordKind,
    /// Towards the answer's beginning.
    pub back: bool,
}

/// Everything a user can do, in one list: menus, shortcuts and buttons all emit these.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Pick photos in a dialog.
    OpenImages,
    /// Pick a folder of photos in a dialog.
    OpenImageFolder,
    /// Pick annotation files in a dialog.
    OpenAnnotations,
    /// The box that says what is listed.
    ToggleFilter,
    /// Let go of the data set: the bundled images again.
    CloseDataset,
    /// Stop opening files.
    StopOpening,
    /// Show the box for opening a model.
    OpenModelBox,
    /// Pick a model folder in a dialog.
    PickModelFolder,
    /// Pick a folder of a CLIP that says where to look, in a dialog.
    PickClipFolder,
    /// Open the bundled model.
    OpenDemoModel,
    /// Close the window.
    Quit,
    /// The image after this one.
    NextImage,
    /// The image before this one.
    PreviousImage,
    /// One layer up.
    NextLayer,
    /// One layer down.
    PreviousLayer,
    /// One head up.
    NextHead,
    /// One head down.
    PreviousHead,
    /// Tokens to patches, or patches to tokens.
    SwapDirection,
    /// Let go of tokens and patches; close what is open.
    Clear,
    /// Overlay on or off.
    ToggleOverlay,
    /// Patch borders on or off.
    TogglePatchGrid,
    /// Of the photo.
    Canvas(CanvasCommand),
    /// Put the cursor into the prompt box.
    FocusPrompt,
    /// Ask the question in the prompt box.
    Ask,
    /// Stop answering, or stop opening a model.
    Stop,
    /// Stop one answer.
    StopAnswer(RunId),
    /// Ask the shown question again, with the present settings.
    Regenerate,
    /// The shown question and those to come about the darkened photo, or about the original one.
    TogglePrompting,
    /// The shown question and those to come decoded by contrast, or plainly.
    ToggleStrategy,
    /// Which methods act, in which order, with which parameters.
    SetMethods(Box<MethodChoice>),
    /// Puts a method to those that act, or takes it away.
    ToggleMethod(&'static str),
    /// The shown question with the methods as they are set.
    AskWithMethods,
    /// Pick a file for a parameter of a method, in a dialog.
    PickParameterFile(ParameterPlace),
    /// A parameter of a method.
    GiveParameter(ParameterPlace, String),
    /// A control of a method was released: ask again, if that is wanted.
    MethodsSettled,
    /// Copy the answer.
    CopyAnswer,
    /// Copy a picture, a table or a path.
    Copy(CopyCommand),
    /// The list of keys.
    ToggleHelp,
    /// What program this is.
    ToggleAbout,
    /// Which keys give which command.
    Keys(KeysCommand),
    /// The box that finds commands.
    TogglePalette,
    /// What is shown and held as it was before the last change of it.
    Undo,
    /// The change that was undone.
    Redo,
    /// Show the tab of a panel.
    ShowPane(Pane),
    /// A section of the inspector as a panel of its own.
    TearOff(Pane),
    /// The photo alone in the window, or everything again.
    TogglePhotoOnly,
    /// The template around the question.
    ToggleTemplate,
    /// Puts every panel back in its default place.
    ResetLayout,
    /// Everything larger.
    LargerInterface,
    /// Everything smaller.
    SmallerInterface,
    /// Light, dark, or that of the desktop.
    SetTheme(ThemeChoice),
    /// Size of everything.
    SetScale(f32),
    /// Start another worker.
    RestartWorker,
    /// Look at the image at this position among all.
    SelectImage(usize),
    /// Look at the image with this number or name.
    JumpToImage(String),
    /// What is listed, and in which order.
    SetQuery(Box<Query>),
    /// Note something about the image looked at.
    EditNotes(NotesEdit),
    /// How ground truth is shown.
    SetTruth(TruthView),
    /// Hold maps against the objects of this category.
    ChooseCategory(String),
    /// Paint an object or not, by annotation.
    ToggleObject(u64),
    /// Paint a category's objects or not.
    ToggleCategory(u32),
    /// Paint only this category's objects; everything when it is so already.
    OnlyCategory(u32),
    /// The pointer came to an object in the list, or left.
    HoverObject(Option<u64>),
    /// Objects on the photo or not.
    ToggleMasks,
    /// Names of all objects on the photo, or of the one under the pointer alone.
    ToggleNames,
    /// Hits and misses in place of the heat map, or back.
    ToggleOverlap,
    /// Photos, folders of photos or annotation files, dropped, typed or picked.
    AddPaths(Vec<PathBuf>),
    /// Open a model.
    OpenModel(ModelSource),
    /// Close the box for opening a model.
    CloseModelBox,
    /// The words of the question.
    SetPrompt(String),
    /// Put these words in and ask.
    AskThis(String),
    /// Yes/no questions about objects.
    Pope(PopeCommand),
    /// The list of images, and all that it lists.
    List(ListCommand),
    /// Studies: runs with their tables, and asking them.
    Study(StudyCommand),
    /// Pairs of photos that two encoders see differently.
    Pairs(PairsCommand),
    /// Runs side by side.
    Compare(CompareCommand),
    /// Attention prompting on the photo.
    Prompting(PromptingCommand),
    /// The figure that is being put together.
    Figure(FigureCommand),
    /// How questions are asked.
    SetAsk(Box<AskSettings>),
    /// What is shown.
    SetView(ViewState),
    /// In which colours.
    SetColour(ColourSettings),
    /// What colours the chips.
    SetChips(ChipQuantity),
    /// A chip for every token of the answer, or for every word.
    SetPieces(bool),
    /// A cell of the grid: this layer and this head.
    JumpTo {
        /// Layer.
        layer_idx: usize,
        /// Head.
        head_idx: usize,
    },
    /// The pointer came to a token, or left.
    HoverToken(Option<TokenPos>),
    /// A click on a token.
    ClickToken(TokenPos, Extend),
    /// Hold these generated tokens, the first and the last of a word; let go if they are held already.
    HoldWord(usize, usize),
    /// A click with Shift or Ctrl on a word, from its first to its last generated token: the whole word joins what is
    /// held, or leaves it.
    ExtendByWord(usize, usize, Extend),
    /// Hold another word of the answer.
    StepWord(WordStep),
    /// A click on a patch.
    ClickPatch(usize, Extend),
    /// Show an earlier question.
    ShowRun(RunId),
    /// Go on from this token of the shown answer: with another one in its place, or as the settings now say.
    Fork(usize, Option<u32>),
    /// Generate more tokens behind the shown answer, which came to its limit.
    Continue,
    /// Double the limit and ask the shown question again.
    RaiseLimit,
    /// Name an answer.
    NameRun(RunId, String),
    /// Forget an earlier question.
    ForgetRun(RunId),
    /// Of sessions.
    Session(SessionCommand),
    /// Forget what was opened lately.
    ClearRecent,
    /// Show an answer with its photo, which may be another one than that looked at.
    ShowAnswer(RunId),
    /// Take a message away.
    Dismiss(u64),
    /// Take all messages away.
    DismissAll,
    /// Take a message away that would go by itself.
    DismissToast(u64),
}

impl Command {
    /// Its entry among [`NAMED_COMMANDS`], if it has one.
    pub fn named(&self) -> Option<&'static NamedCommand> {
        NAMED_COMMANDS.iter().find(|named| named.command == self)
    }
}
