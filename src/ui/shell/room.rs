//! What is painted: each panel reads the state and emits commands.

mod inspector;

use super::{about, menu_bar, status_bar};
use crate::figure::TableForm;
use crate::ui::core::command::{Command, CopyCommand};
use crate::ui::core::pane::{PANES, Pane};
use crate::ui::features::context::PanelContext;
use crate::ui::features::{
    answer, attention, commands, compare, dataset, figure, messages, mitigation, models, pairs, photo, pope, session,
    study, truth,
};
use crate::ui::shell::layout::{PanelBehavior, TabChoice};
use eframe::egui;
use egui::{CentralPanel, Frame, Panel, Ui};

/// Puts what paints on the graphics card in place; without one, widgets draw on the CPU.
pub(in crate::ui) fn install_gpu(cc: &eframe::CreationContext<'_>) {
    if let Some(state) = &cc.wgpu_render_state {
        crate::render::gpu::install(&cc.egui_ctx, state, 1);
    }
}

/// The whole window.
pub(in crate::ui) fn frame(ui: &mut Ui, cx: &mut PanelContext<'_>, tree: &mut egui_tiles::Tree<Pane>) {
    Panel::top("menu").show(ui, |ui| menu_bar::show(ui, cx));
    Panel::bottom("status").show(ui, |ui| status_bar::show(ui, cx));
    cx.memory.photo_shown = None;
    let sections = PANES.iter().map(|entry| entry.pane).filter(|pane| pane.section().is_some());
    cx.memory.of_their_own = sections.filter(|pane| crate::ui::shell::layout::is_of_its_own(tree, *pane)).collect();
    cx.memory.mitigation_in_front = crate::ui::shell::layout::is_in_front(tree, Pane::Mitigation);
    let background = crate::ui::widgets::theme::gap(ui.visuals());
    CentralPanel::default().frame(Frame::new().fill(background)).show(ui, |ui| {
        if cx.state.open.photo_only {
            let frame =
                Frame::new().fill(ui.visuals().panel_fill).inner_margin(crate::ui::widgets::theme::PANEL_MARGIN_PT);
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
    messages::toasts::show(ui.ctx(), cx);
    dataset::filter::show(ui.ctx(), cx);
    commands::help::show(ui.ctx(), cx);
    about::show(ui.ctx(), cx);
    commands::panel::show(ui.ctx(), cx);
    models::panel::show(ui.ctx(), cx);
    session::panel::show(ui.ctx(), cx);
    drop_hint(ui);
}

/// A panel that has its place to itself: what may be longer scrolls.
fn show(ui: &mut Ui, pane: Pane, cx: &mut PanelContext<'_>) {
    match pane {
        Pane::Mitigation
        | Pane::Prompting
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
        | Pane::Study
        | Pane::Pairs
        | Pane::Question
        | Pane::Inspector
        | Pane::Heads
        | Pane::Layers => content(ui, pane, cx),
    }
}

/// What a panel shows, as a section of the inspector too.
pub(super) fn content(ui: &mut Ui, pane: Pane, cx: &mut PanelContext<'_>) {
    let from = ui.cursor().min;
    match pane {
        Pane::Images => dataset::panel::show(ui, cx),
        Pane::Photo => photo::panel::show(ui, cx),
        Pane::Compare => compare::panel::show(ui, cx),
        Pane::Figure => figure::panel::show(ui, cx),
        Pane::Study => study::panel::show(ui, cx),
        Pane::Pairs => pairs::panel::show(ui, cx),
        Pane::Question => answer::question::show(ui, cx),
        Pane::Inspector => inspector::show(ui, cx),
        Pane::Colours => attention::colours::show(ui, cx),
        Pane::Heads => attention::heads::show(ui, cx),
        Pane::Layers => attention::layers::show(ui, cx),
        Pane::Candidates => answer::candidates::show(ui, cx),
        Pane::Objects => truth::objects::show(ui, cx),
        Pane::Notes => dataset::notes::show(ui, cx),
        Pane::Metrics => truth::metrics::show(ui, cx),
        Pane::Origin => truth::origin::show(ui, cx),
        Pane::Outliers => attention::outliers::show(ui, cx),
        Pane::Pope => pope::panel::show(ui, cx),
        Pane::Mitigation => mitigation::methods::show(ui, cx),
        Pane::Prompting => mitigation::panel::show(ui, cx),
    }
    // A section lies within the inspector: what is shown last, and smallest, is what is pointed at.
    let whole = if ui.max_rect().is_finite() { ui.max_rect() } else { ui.min_rect() };
    let shown = egui::Rect::from_min_max(from, whole.max.max(ui.cursor().min));
    if pane != Pane::Inspector && ui.rect_contains_pointer(shown) {
        cx.memory.pointed_pane = Some(pane);
    }
}

/// While files hover over the window, says what dropping them does.
fn drop_hint(ui: &Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let rect = ui.ctx().content_rect();
    let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("drop hint")));
    painter.rect_filled(rect, 0.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    let text =
        "Drop photos, a folder of photos, annotations (JSON), a session, a study's run, pairs, or a model folder";
    let font = egui::TextStyle::Heading.resolve(ui.style());
    painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, font, ui.visuals().strong_text_color());
}
