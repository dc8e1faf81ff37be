//! What every panel gets, and what panels remember between frames.

use super::derived::Derived;
use super::figure::preview::Figures;
use super::mitigation::before_after::BeforeAfters;
use super::mitigation::prompted::PromptedPictures;
use super::truth::{MarkedWord, SlowNumbers};
use super::{AppState, TokenPos};
use crate::ui::background::photos::Photos;
use crate::ui::core::command::{CanvasCommand, Command, Elsewhere};
use crate::ui::core::pane::Pane;
use crate::ui::core::sections::Sections;
use crate::ui::widgets::canvas::CanvasView;
use eframe::egui;
use egui::Frame;
use std::any::{Any, TypeId};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// A place to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum TextBox {
    /// The question.
    Prompt,
    /// The path of a photo or folder.
    ImagePath,
    /// The path of a figure.
    FigurePath,
}

/// What panels remember between frames that is nobody else's business: scrolling, text being typed.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "things to remember that are independent of each other")]
pub(in crate::ui) struct ViewMemory {
    /// What panels keep for themselves, each in a type of its own.
    own: HashMap<TypeId, Box<dyn Any>>,
    /// Zoom and place of the photo.
    pub(in crate::ui) canvas: CanvasView,
    /// The same of all columns' photos, side by side.
    pub(in crate::ui) compared: CanvasView,
    /// The chosen one of the earlier questions, as it was scrolled to.
    pub(in crate::ui) asked: Option<crate::engine::RunId>,
    /// The first choice that the tried strength flips, as it was scrolled to.
    pub(in crate::ui) first_flip: Option<(crate::engine::RunId, usize)>,
    /// Commands for the photo's view that were given since the last frame.
    pub(in crate::ui) canvas_commands: Vec<CanvasCommand>,
    /// Where to put the cursor.
    pub(in crate::ui) focus: Option<TextBox>,
    /// Bring the current image into sight.
    pub(in crate::ui) scroll_to_current: bool,
    /// The path box of the model dialog has been given the focus since the dialog opened.
    pub(in crate::ui) model_path_focused: bool,
    /// The path box of the session's dialog has been given the focus since the dialog opened.
    pub(in crate::ui) session_path_focused: bool,
    /// No dialog appeared when one was asked for.
    pub(in crate::ui) no_file_dialog: bool,
    /// Sections of the inspector.
    pub(in crate::ui) sections: Sections,
    /// The tab with the methods is in front of the inspector.
    pub(in crate::ui) mitigation_in_front: bool,
    /// Sections that stand in panels of their own.
    pub(in crate::ui) of_their_own: BTreeSet<Pane>,
    /// Where the photo was drawn, as far as it is in sight.
    pub(in crate::ui) photo_shown: Option<egui::Rect>,
    /// The panel that the pointer was over last.
    pub(in crate::ui) pointed_pane: Option<Pane>,
    /// The pointer is on a message that goes by itself: it stays.
    pub(in crate::ui) toast_pointed: bool,
    /// The form of the bar over the photo that is open, by its name.
    pub(in crate::ui) open_form: Option<&'static str>,
    /// All candidates are listed, not the first alone.
    pub(in crate::ui) all_candidates: bool,
    /// The image attention goes over words instead of layers.
    pub(in crate::ui) shares_over_words: bool,
    /// An image's number or name being typed.
    pub(in crate::ui) wanted_image: String,
    /// A tag being typed.
    pub(in crate::ui) new_tag: String,
    /// A path being typed, for photos.
    pub(in crate::ui) image_path: String,
    /// A path being typed, for a model.
    pub(in crate::ui) model_path: String,
    /// What was typed as a place for a session to be saved to, and why it could not be.
    pub(in crate::ui) not_saved: Option<(String, String)>,
    /// Paths being typed, for a session to save or to open, and for a folder with missing files: by the box's label.
    pub(in crate::ui) session_paths: HashMap<&'static str, String>,
}

/// What every panel gets.
pub(in crate::ui) struct PanelContext<'a> {
    /// To read.
    pub(in crate::ui) state: &'a AppState,
    /// To read.
    pub(in crate::ui) derived: &'a Derived,
    /// To read.
    pub(in crate::ui) slow_numbers: &'a SlowNumbers,
    /// To read.
    pub(in crate::ui) prompted: &'a PromptedPictures,
    /// To read.
    pub(in crate::ui) before_after: &'a BeforeAfters,
    /// The figure's preview.
    pub(in crate::ui) figures: &'a mut Figures,
    /// Pictures.
    pub(in crate::ui) photos: &'a mut Photos,
    /// Between frames.
    pub(in crate::ui) memory: &'a mut ViewMemory,
    /// What the user did.
    pub(in crate::ui) commands: &'a mut Vec<Command>,
    /// Memory of this process, bytes.
    pub(in crate::ui) resident_bytes: Option<u64>,
    /// The token under the pointer in this frame.
    pub(in crate::ui) hovered_token: Option<TokenPos>,
    /// The same, where it is one of another run that the shown one lacks.
    pub(in crate::ui) hovered_elsewhere: Option<Elsewhere>,
}

impl ViewMemory {
    /// What one panel keeps for itself between frames.
    #[expect(clippy::expect_used, reason = "a type is the key of its own value")]
    pub(in crate::ui) fn of<T: Default + 'static>(&mut self) -> &mut T {
        let slot = self.own.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        slot.downcast_mut().expect("a type is the key of its own value")
    }

    /// The path in the box for photos.
    pub(in crate::ui) fn typed_image_path(&self) -> PathBuf {
        self.image_path.trim().trim_matches('"').into()
    }

    /// Whether problems are about the path in the box for photos.
    pub(in crate::ui) fn is_typed(&self, problems: &[String]) -> bool {
        let typed = self.typed_image_path().display().to_string();
        !typed.is_empty() && problems.iter().any(|problem| problem.contains(&typed))
    }

    /// Whether the cursor is wanted in this box; asked once.
    pub(in crate::ui) fn takes_focus(&mut self, text_box: TextBox) -> bool {
        self.focus.take_if(|wanted| *wanted == text_box).is_some()
    }
}

impl PanelContext<'_> {
    pub(in crate::ui) fn emit(&mut self, command: Command) {
        self.commands.push(command);
    }
}

/// A box over the window.
pub(in crate::ui) fn modal(ctx: &egui::Context, id: &'static str) -> egui::Modal {
    let frame = Frame::window(&ctx.global_style()).inner_margin(16);
    egui::Modal::new(egui::Id::unique(id)).frame(frame)
}

/// Holds a word and shows where it came from; the map is held against its objects, where the photo has them.
pub(in crate::ui) fn hold_word(cx: &mut PanelContext<'_>, word: &MarkedWord) {
    let lets_go = cx.state.selection.holds_word(&word.tokens);
    cx.emit(Command::HoldWord(*word.tokens.start(), *word.tokens.end()));
    // Who reads what methods did at each word stays there.
    if !lets_go && !cx.memory.mitigation_in_front {
        cx.emit(Command::ShowPane(Pane::Origin));
    }
    let category = word.marked.mention.category;
    if cx.state.truth.image.as_ref().is_some_and(|image| image.category_named(category).is_some()) {
        cx.emit(Command::ChooseCategory(category.to_owned()));
    }
}
