//! What is painted: each panel reads the state and emits commands.

mod about;
mod answer;
mod candidates;
mod chip;
mod colours;
mod compare;
mod contrast;
mod copy_menu;
mod decoding;
mod detail;
mod figure;
mod filter;
mod forks;
mod heads;
mod help;
mod images;
mod inspector;
mod layers;
mod legend;
mod limit;
mod map_bar;
mod menu_bar;
mod metrics;
mod model_box;
mod notes;
mod notices;
mod objects;
mod origin;
mod outliers;
mod palette;
mod photo;
mod pointing;
mod pope;
mod prompt;
mod prompting;
mod question;
mod recent;
mod sampling;
mod session;
mod similarity;
mod stage;
mod status_bar;
mod template;
mod toasts;
mod verdict;

pub(super) use photo::picture;

use super::canvas::CanvasView;
use super::command::{CanvasCommand, Command, CopyCommand, Elsewhere};
use super::derived::Derived;
use super::figures::Figures;
use super::layout::{PanelBehavior, Sections, TabChoice};
use super::pane::{PANES, Pane};
use super::photos::Photos;
use super::prompted::PromptedPictures;
use super::state::{AppState, TokenPos};
use super::truth::{Beside, MarkedWord};
use crate::figure::TableForm;
use eframe::egui;
use egui::{CentralPanel, Frame, Panel, Ui};
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// A place to type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextBox {
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
pub(super) struct ViewMemory {
    /// Zoom and place of the photo.
    pub(super) canvas: CanvasView,
    /// The grid as it was drawn last.
    grid: heads::GridMemory,
    /// Runs side by side.
    compare: compare::CompareMemory,
    /// The figure as it was drawn last.
    figure: figure::FigureMemory,
    /// The answer as it was scrolled.
    answer: answer::AnswerMemory,
    /// Whether the prompt is unfolded.
    prompt: prompt::PromptMemory,
    /// The chosen one of the earlier questions, as it was scrolled to.
    asked: Option<crate::engine::RunId>,
    /// The first choice that the tried strength flips, as it was scrolled to.
    first_flip: Option<(crate::engine::RunId, usize)>,
    /// The list of keys.
    help: help::HelpMemory,
    /// The box that finds commands.
    palette: palette::PaletteMemory,
    /// Commands for the photo's view that were given since the last frame.
    pub(super) canvas_commands: Vec<CanvasCommand>,
    /// Where to put the cursor.
    pub(super) focus: Option<TextBox>,
    /// Bring the current image into sight.
    pub(super) scroll_to_current: bool,
    /// The path box of the model dialog has been given the focus since the dialog opened.
    model_path_focused: bool,
    /// The path box of the session's dialog has been given the focus since the dialog opened.
    session_path_focused: bool,
    /// No dialog appeared when one was asked for.
    pub(super) no_file_dialog: bool,
    /// Sections of the inspector.
    pub(super) sections: Sections,
    /// Sections that stand in panels of their own.
    of_their_own: BTreeSet<Pane>,
    /// Where the photo was drawn, as far as it is in sight.
    pub(super) photo_shown: Option<egui::Rect>,
    /// The panel that the pointer was over last.
    pub(super) pointed_pane: Option<Pane>,
    /// The pointer is on a message that goes by itself: it stays.
    pub(super) toast_pointed: bool,
    /// All messages are listed, not the newest alone.
    all_notices: bool,
    /// The form of the bar over the photo that is open, by its name.
    open_form: Option<&'static str>,
    /// All candidates are listed, not the first alone.
    all_candidates: bool,
    /// The image attention goes over words instead of layers.
    pub(super) shares_over_words: bool,
    /// An image's number or name being typed.
    pub(super) wanted_image: String,
    /// A tag being typed.
    pub(super) new_tag: String,
    /// A path being typed, for photos.
    pub(super) image_path: String,
    /// A path being typed, for a model.
    pub(super) model_path: String,
    /// Paths being typed, for a session to save or to open, and for a folder with missing files: by the box's label.
    pub(super) session_paths: HashMap<&'static str, String>,
    /// What was opened lately.
    recent: recent::RecentMemory,
}

/// What every panel gets.
pub(super) struct PanelContext<'a> {
    /// To read.
    pub(super) state: &'a AppState,
    /// To read.
    pub(super) derived: &'a Derived,
    /// To read.
    pub(super) beside: &'a Beside,
    /// To read.
    pub(super) prompted: &'a PromptedPictures,
    /// The figure's preview.
    pub(super) figures: &'a mut Figures,
    /// Pictures.
    pub(super) photos: &'a mut Photos,
    /// Between frames.
    pub(super) memory: &'a mut ViewMemory,
    /// What the user did.
    pub(super) commands: &'a mut Vec<Command>,
    /// Memory of this process, bytes.
    pub(super) resident_bytes: Option<u64>,
    /// The token under the pointer in this frame.
    pub(super) hovered_token: Option<TokenPos>,
    /// The same, where it is one of another run that the shown one lacks.
    pub(super) hovered_elsewhere: Option<Elsewhere>,
}

impl ViewMemory {
    /// The path in the box for photos.
    pub(super) fn typed_image_path(&self) -> PathBuf {
        self.image_path.trim().trim_matches('"').into()
    }

    /// Whether problems are about the path in the box for photos.
    pub(super) fn is_typed(&self, problems: &[String]) -> bool {
        let typed = self.typed_image_path().display().to_string();
        !typed.is_empty() && problems.iter().any(|problem| problem.contains(&typed))
    }

    /// Whether the cursor is wanted in this box; asked once.
    fn takes_focus(&mut self, text_box: TextBox) -> bool {
        self.focus.take_if(|wanted| *wanted == text_box).is_some()
    }
}

impl PanelContext<'_> {
    fn emit(&mut self, command: Command) {
        self.commands.push(command);
    }
}

/// Puts what paints on the graphics card in place; without one, widgets draw on the CPU.
pub(super) fn install_gpu(cc: &eframe::CreationContext<'_>) {
    if let Some(state) = &cc.wgpu_render_state {
        crate::render::gpu::install(&cc.egui_ctx, state, 1);
    }
}

/// The whole window.
pub(super) fn frame(ui: &mut Ui, cx: &mut PanelContext<'_>, tree: &mut egui_tiles::Tree<Pane>) {
    Panel::top("menu").show(ui, |ui| menu_bar::show(ui, cx));
    Panel::bottom("status").show(ui, |ui| status_bar::show(ui, cx));
    cx.memory.photo_shown = None;
    let sections = PANES.iter().map(|entry| entry.pane).filter(|pane| pane.section().is_some());
    cx.memory.of_their_own = sections.filter(|pane| crate::ui::layout::is_of_its_own(tree, *pane)).collect();
    notices::show(ui, cx);
    let background = crate::ui::theme::gap(ui.visuals());
    CentralPanel::default().frame(Frame::new().fill(background)).show(ui, |ui| {
        if cx.state.open.photo_only {
            let frame = Frame::new().fill(ui.visuals().panel_fill).inner_margin(crate::ui::theme::PANEL_MARGIN_PT);
            frame.show(ui, |ui| show(ui, Pane::Photo, cx));
            return;
        }
        let mut behavior = PanelBehavior { show: |ui: &mut Ui, pane: Pane| show(ui, pane, cx), chosen: None };
        tree.ui(&mut behavior, ui);
        match behavior.chosen {
            Some(TabChoice::CopyTable(kind)) => cx.emit(Command::Copy(CopyCommand::Table(kind, TableForm::Tsv))),
            Some(TabChoice::ResetLayout) => cx.emit(Command::ResetLayout),
            None => {}
        }
    });
    toasts::show(ui.ctx(), cx);
    filter::show(ui.ctx(), cx);
    help::show(ui.ctx(), cx);
    about::show(ui.ctx(), cx);
    palette::show(ui.ctx(), cx);
    model_box::show(ui.ctx(), cx);
    session::show(ui.ctx(), cx);
    drop_hint(ui);
}

/// A panel that has its place to itself: what may be longer scrolls.
fn show(ui: &mut Ui, pane: Pane, cx: &mut PanelContext<'_>) {
    match pane {
        Pane::Prompting
        | Pane::Colours
        | Pane::Candidates
        | Pane::Objects
        | Pane::Notes
        | Pane::Metrics
        | Pane::Origin
        | Pane::Outliers
        | Pane::Pope => {
            egui::ScrollArea::vertical().id_salt(pane).auto_shrink(false).show(ui, |ui| content(ui, pane, cx));
        }
        Pane::Images
        | Pane::Photo
        | Pane::Compare
        | Pane::Figure
        | Pane::Question
        | Pane::Inspector
        | Pane::Heads
        | Pane::Layers => content(ui, pane, cx),
    }
}

/// What a panel shows, as a section of the inspector too.
fn content(ui: &mut Ui, pane: Pane, cx: &mut PanelContext<'_>) {
    let from = ui.cursor().min;
    match pane {
        Pane::Images => images::show(ui, cx),
        Pane::Photo => photo::show(ui, cx),
        Pane::Compare => compare::show(ui, cx),
        Pane::Figure => figure::show(ui, cx),
        Pane::Question => question::show(ui, cx),
        Pane::Inspector => inspector::show(ui, cx),
        Pane::Colours => colours::show(ui, cx),
        Pane::Heads => heads::show(ui, cx),
        Pane::Layers => layers::show(ui, cx),
        Pane::Candidates => candidates::show(ui, cx),
        Pane::Objects => objects::show(ui, cx),
        Pane::Notes => notes::show(ui, cx),
        Pane::Metrics => metrics::show(ui, cx),
        Pane::Origin => origin::show(ui, cx),
        Pane::Outliers => outliers::show(ui, cx),
        Pane::Pope => pope::show(ui, cx),
        Pane::Prompting => prompting::show(ui, cx),
    }
    // A section lies within the inspector: what is shown last, and smallest, is what is pointed at.
    let whole = if ui.max_rect().is_finite() { ui.max_rect() } else { ui.min_rect() };
    let shown = egui::Rect::from_min_max(from, whole.max.max(ui.cursor().min));
    if pane != Pane::Inspector && ui.rect_contains_pointer(shown) {
        cx.memory.pointed_pane = Some(pane);
    }
}

/// A box over the window.
fn modal(ctx: &egui::Context, id: &'static str) -> egui::Modal {
    let frame = Frame::window(&ctx.global_style()).inner_margin(16);
    egui::Modal::new(egui::Id::unique(id)).frame(frame)
}

/// While files hover over the window, says what dropping them does.
fn drop_hint(ui: &Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let rect = ui.ctx().content_rect();
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint")));
    painter.rect_filled(rect, 0.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    let text = "Drop photos, a folder of photos, annotations (JSON), a session, or a model folder";
    let font = egui::TextStyle::Heading.resolve(ui.style());
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, font, ui.visuals().strong_text_color());
}

/// Holds a word and shows where it came from; the map is held against its objects, where the photo has them.
fn hold_word(cx: &mut PanelContext<'_>, word: &MarkedWord) {
    let lets_go = cx.state.selection.holds_word(&word.tokens);
    cx.emit(Command::HoldWord(*word.tokens.start(), *word.tokens.end()));
    if !lets_go {
        cx.emit(Command::ShowPane(Pane::Origin));
    }
    let category = word.marked.mention.category;
    if cx.state.truth.image.as_ref().is_some_and(|image| image.category_named(category).is_some()) {
        cx.emit(Command::ChooseCategory(category.to_owned()));
    }
}
