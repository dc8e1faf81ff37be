//! The commands that have a name, with their menus and keys.

use crate::engine::ModelSource;
use crate::ui::core::command::{
    CanvasCommand, Command, CopyCommand, FigureCommand, ListCommand, PairsCommand, SessionCommand, StudyCommand,
    WordKind, WordStep,
};
use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};

/// Where a command stands in the menus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Menu {
    /// Files.
    File,
    /// Back and forth, and the clipboard.
    Edit,
    /// What is shown, and how the window looks.
    View,
    /// Asking.
    Ask,
    /// Moving about.
    Go,
    /// Help.
    Help,
}

/// A command that has a name: it stands in a menu and may have keys.
#[derive(Debug, Clone, Copy)]
pub struct NamedCommand {
    /// In settings files: it stays when the label changes.
    pub name: &'static str,
    /// What it does.
    pub command: &'static Command,
    /// In the menu.
    pub label: &'static str,
    /// One sentence.
    pub tooltip: &'static str,
    /// Keys; the first one is shown.
    pub shortcuts: &'static [KeyboardShortcut],
    /// Its menu.
    pub menu: Menu,
}

const fn key(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

macro_rules! named {
    ($name:literal, $command:expr, $menu:ident, $label:literal, $tooltip:literal, [$($shortcut:expr),*]) => {
        NamedCommand {
            name: $name,
            command: &$command,
            label: $label,
            tooltip: $tooltip,
            shortcuts: &[$($shortcut),*],
            menu: Menu::$menu,
        }
    };
}

/// Every command with a name, in the order of the menus.
pub const NAMED_COMMANDS: &[NamedCommand] = &[
    named!("open-photos", Command::OpenImages, File, "Open photos…", "Pick one or more photos", [ctrl(Key::O)]),
    named!(
        "open-a-folder-of-photos",
        Command::OpenImageFolder,
        File,
        "Open a folder of photos…",
        "Every photo in a folder",
        [ctrl_shift(Key::O)]
    ),
    named!(
        "open-annotations",
        Command::OpenAnnotations,
        File,
        "Open annotations…",
        "COCO instances or captions (JSON), or POPE questions (JSON lines)",
        [ctrl(Key::I)]
    ),
    named!(
        "filter-and-sort-images",
        Command::ToggleFilter,
        Go,
        "Filter and sort images…",
        "Which images are listed, by objects, captions, tags, questions asked",
        [key(Key::F)]
    ),
    named!("close-the-data-set", Command::CloseDataset, File, "Close the data set", "Back to the bundled images", []),
    named!(
        "open-a-model",
        Command::OpenModelBox,
        File,
        "Open a model…",
        "A folder, a GGUF file, a model of the hub, or the demo model",
        [ctrl(Key::M)]
    ),
    named!(
        "open-the-demo-model",
        Command::OpenDemoModel,
        File,
        "Open the demo model",
        "The tiny model that comes with the program",
        []
    ),
    named!(
        "open-the-demo-clip",
        Command::OpenModel(ModelSource::DemoClip),
        File,
        "Open the demo CLIP",
        "The tiny CLIP that comes with the program: compares texts with a photo",
        []
    ),
    named!(
        "save-session",
        Command::Session(SessionCommand::Save),
        File,
        "Save session",
        "Answers with their attention, data set, selection and panels, in one file",
        [ctrl(Key::S)]
    ),
    named!(
        "save-session-as",
        Command::Session(SessionCommand::SaveAs),
        File,
        "Save session as…",
        "The same in another file",
        [ctrl_shift(Key::S)]
    ),
    named!(
        "open-session",
        Command::Session(SessionCommand::Open),
        File,
        "Open session…",
        "Everything as it was when the session was saved",
        [ctrl(Key::L)]
    ),
    named!(
        "add-what-is-shown-to-the-figure",
        Command::Figure(FigureCommand::AddShown),
        File,
        "Add what is shown to the figure",
        "The map on the photo becomes a panel of the figure, which comes to the front",
        [ctrl_shift(Key::F)]
    ),
    named!(
        "open-a-figure-or-recipe",
        Command::Figure(FigureCommand::PickSource),
        File,
        "Open a figure or recipe…",
        "Takes the recipe of a figure (PNG, SVG, PDF) or a recipe (JSON) into the figure's panel",
        []
    ),
    named!(
        "open-a-run-of-a-study",
        Command::Study(StudyCommand::PickRun),
        File,
        "Open a run of a study…",
        "The tables of a study's answers, and the rows that they are made of; also while it still runs",
        []
    ),
    named!(
        "open-pairs-of-photos",
        Command::Pairs(PairsCommand::Pick),
        File,
        "Open pairs of photos…",
        "Photos that one encoder takes for nearly the same and another does not, with where both look",
        []
    ),
    named!("quit", Command::Quit, File, "Quit", "Close the window", [ctrl(Key::Q)]),
    named!(
        "undo",
        Command::Undo,
        Edit,
        "Undo",
        "Restores what was shown and selected before the last change; answers stay",
        [ctrl(Key::Z)]
    ),
    named!(
        "redo",
        Command::Redo,
        Edit,
        "Redo",
        "Makes the last undone change again",
        [ctrl_shift(Key::Z), ctrl(Key::Y)]
    ),
    named!(
        "copy-the-answer",
        Command::CopyAnswer,
        Edit,
        "Copy the answer",
        "Puts the answer's text on the clipboard",
        [ctrl_shift(Key::C)]
    ),
    named!(
        "copy-the-picture",
        Command::Copy(CopyCommand::Picture),
        Edit,
        "Copy the picture",
        "The photo with its overlay as shown, in the photo's own pixels; the figure, while its panel is visible",
        [ctrl_shift(Key::P)]
    ),
    named!(
        "copy-the-table-in-front",
        Command::Copy(CopyCommand::TableInFront),
        Edit,
        "Copy the visible table",
        "The table under the pointer, otherwise the one that is visible, as tab-separated text for a spreadsheet",
        [ctrl_shift(Key::T)]
    ),
    named!(
        "find-a-command",
        Command::TogglePalette,
        Edit,
        "Find a command…",
        "Everything that can be done, by typing a part of its name",
        [ctrl(Key::K)]
    ),
    named!(
        "overlay-on-or-off",
        Command::ToggleOverlay,
        View,
        "Overlay on or off",
        "Shows or hides the heat map on the photo",
        [key(Key::G)]
    ),
    named!(
        "patch-borders-on-or-off",
        Command::TogglePatchGrid,
        View,
        "Patch borders on or off",
        "Shows or hides the borders of the model's patches",
        [ctrl(Key::G)]
    ),
    named!(
        "objects-on-or-off",
        Command::ToggleMasks,
        View,
        "Objects on or off",
        "Shows or hides the annotated objects (masks) on the photo",
        [key(Key::O)]
    ),
    named!(
        "names-of-objects",
        Command::ToggleNames,
        View,
        "Names of the objects",
        "Writes every annotated object's name beside it; else that of the one under the pointer",
        [key(Key::N)]
    ),
    named!(
        "hits-and-misses-on-or-off",
        Command::ToggleOverlap,
        View,
        "Hits and misses on or off",
        "Cuts the map at its threshold and paints where it agrees with the chosen objects",
        [key(Key::H)]
    ),
    named!(
        "swap-direction",
        Command::SwapDirection,
        View,
        "Swap direction",
        "From tokens to patches, or from patches to tokens",
        [key(Key::Tab)]
    ),
    named!(
        "clear-the-selection",
        Command::Clear,
        View,
        "Clear the selection",
        "Deselects all tokens and patches; when there are none, dismisses the messages",
        [key(Key::Escape)]
    ),
    named!(
        "fit-the-photo",
        Command::Canvas(CanvasCommand::Fit),
        View,
        "Fit the photo",
        "The whole photo in its panel",
        [ctrl(Key::F)]
    ),
    named!(
        "actual-size",
        Command::Canvas(CanvasCommand::ActualSize),
        View,
        "Actual size",
        "One pixel of the photo on one of the screen",
        [ctrl(Key::Num1)]
    ),
    named!(
        "zoom-in",
        Command::Canvas(CanvasCommand::ZoomIn),
        View,
        "Zoom in",
        "Nearer to the photo",
        [ctrl(Key::Plus), ctrl(Key::Equals)]
    ),
    named!(
        "zoom-out",
        Command::Canvas(CanvasCommand::ZoomOut),
        View,
        "Zoom out",
        "Further away from the photo",
        [ctrl(Key::Minus)]
    ),
    named!(
        "grid-of-images-on-or-off",
        Command::List(ListCommand::ToggleGrid),
        View,
        "Grid of images on or off",
        "The images on offer as a grid of thumbnails, or as a list",
        []
    ),
    named!(
        "larger-interface",
        Command::LargerInterface,
        View,
        "Larger interface",
        "Text and controls larger",
        [ctrl_shift(Key::Plus), ctrl_shift(Key::Equals)]
    ),
    named!(
        "smaller-interface",
        Command::SmallerInterface,
        View,
        "Smaller interface",
        "Text and controls smaller",
        [ctrl_shift(Key::Minus)]
    ),
    named!(
        "reset-the-layout",
        Command::ResetLayout,
        View,
        "Reset the layout",
        "Puts every panel back in its default place",
        []
    ),
    named!(
        "write-a-question",
        Command::FocusPrompt,
        Ask,
        "Go to the question",
        "Puts the cursor into the prompt box",
        [key(Key::Q)]
    ),
    named!("ask", Command::Ask, Ask, "Ask", "Asks the question in the prompt box", [ctrl(Key::Enter)]),
    named!("stop", Command::Stop, Ask, "Stop", "Stops answering; the answer so far stays", [ctrl(Key::Period)]),
    named!(
        "attention-prompting-on-or-off",
        Command::TogglePrompting,
        Ask,
        "Attention prompting on or off",
        "For the shown question and those to come: about the photo darkened where a model does not look, or the \
            original",
        [key(Key::P)]
    ),
    named!(
        "contrastive-decoding-on-or-off",
        Command::ToggleStrategy,
        Ask,
        "Mitigation methods on or off",
        "For the shown question and those to come: the methods that are chosen (a contrast where none is), or plain \
            decoding",
        [key(Key::V)]
    ),
    named!(
        "ask-again",
        Command::Regenerate,
        Ask,
        "Ask again",
        "The shown question once more, with the present settings",
        [ctrl(Key::R)]
    ),
    named!(
        "photo-only",
        Command::TogglePhotoOnly,
        View,
        "Photo only",
        "The photo alone in the window, and everything again",
        [key(Key::F11)]
    ),
    named!(
        "ask-about-all-listed-photos",
        Command::List(ListCommand::AskAll),
        Ask,
        "Ask about all listed photos",
        "Asks the question in the prompt box about each photo of the list in the background; those that have this \
            answer are skipped",
        []
    ),
    named!(
        "show-the-chat-template",
        Command::ToggleTemplate,
        Ask,
        "Show the chat template",
        "The exact text that goes around the question",
        [key(Key::T)]
    ),
    named!("previous-image", Command::PreviousImage, Go, "Previous image", "The image before this one", [key(Key::A)]),
    named!("next-image", Command::NextImage, Go, "Next image", "The image after this one", [key(Key::D)]),
    named!(
        "next-word",
        Command::StepWord(WordStep { kind: WordKind::Any, back: false }),
        Go,
        "Next word",
        "Selects the next word of the answer: the photo shows where the model looked when it chose it",
        [key(Key::W)]
    ),
    named!(
        "previous-word",
        Command::StepWord(WordStep { kind: WordKind::Any, back: true }),
        Go,
        "Previous word",
        "Selects the word before the selected one",
        [shift(Key::W)]
    ),
    named!(
        "next-object-word",
        Command::StepWord(WordStep { kind: WordKind::Object, back: false }),
        Go,
        "Next object word",
        "Selects the next word of the answer that names an object",
        [key(Key::E)]
    ),
    named!(
        "previous-object-word",
        Command::StepWord(WordStep { kind: WordKind::Object, back: true }),
        Go,
        "Previous object word",
        "Selects the object word before the selected word",
        [shift(Key::E)]
    ),
    named!(
        "next-hallucinated-word",
        Command::StepWord(WordStep { kind: WordKind::Hallucinated, back: false }),
        Go,
        "Next hallucinated word",
        "Selects the next object word that is not in the photo according to its annotations",
        [key(Key::X)]
    ),
    named!(
        "previous-hallucinated-word",
        Command::StepWord(WordStep { kind: WordKind::Hallucinated, back: true }),
        Go,
        "Previous hallucinated word",
        "Selects the hallucinated word before the selected word",
        [shift(Key::X)]
    ),
    named!(
        "previous-layer",
        Command::PreviousLayer,
        Go,
        "Previous layer",
        "The layer before this one",
        [key(Key::ArrowLeft)]
    ),
    named!("next-layer", Command::NextLayer, Go, "Next layer", "The layer after this one", [key(Key::ArrowRight)]),
    named!(
        "previous-head",
        Command::PreviousHead,
        Go,
        "Previous head",
        "The head before this one",
        [key(Key::ArrowDown)]
    ),
    named!("next-head", Command::NextHead, Go, "Next head", "The head after this one", [key(Key::ArrowUp)]),
    named!(
        "keyboard-and-mouse",
        Command::ToggleHelp,
        Help,
        "Keyboard and mouse",
        "Every key, and what the mouse does",
        [key(Key::Questionmark), key(Key::F1)]
    ),
    named!("about", Command::ToggleAbout, Help, "About gazelens", "Version, licence, and what the model runs on", []),
];

#[cfg(test)]
mod tests;
