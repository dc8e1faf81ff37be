//! Answers that come from one another: a small tree to walk, and a name for the one that is shown.

use crate::ui::core::command::Command;
use crate::ui::features::context::PanelContext;
use crate::ui::features::{Branch, Run};
use crate::ui::widgets::named;
use eframe::egui;
use egui::{RichText, TextEdit, Ui};

/// Indentation of a level.
const LEVEL_PT: f32 = 14.0;
/// Height of the tree; a larger one scrolls.
const MOST_TREE_PT: f32 = 320.0;
/// Levels that are indented: a deep tree stays in its panel.
const MOST_LEVELS: usize = 8;

/// The tree, where the shown answer is part of one.
pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(run) = cx.state.current_run() else { return };
    let tree = cx.state.fork_tree(run.id);
    if tree.len() < 2 {
        return;
    }
    let here = tree.iter().find(|branch| branch.run == run.id).map_or("", |branch| branch.label.as_str());
    let mut wanted = None;
    ui.horizontal(|ui| {
        let button = ui.button(format!("Forks ({})", tree.len()));
        let help = "Answers that share a beginning; each says where it differs from the one above it";
        let button = button.on_hover_text(help);
        let popup = egui::Popup::from_toggle_button_response(&button)
            .close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside)
            .accessible_name("Forks");
        popup.show(|ui| wanted = branches(ui, &tree, run));
        ui.add(egui::Label::new(RichText::new(here).weak()).truncate());
    });
    if let Some(command) = wanted {
        cx.emit(command);
    }
}

/// The tree, and a name for the shown answer.
fn branches(ui: &mut Ui, tree: &[Branch], run: &Run) -> Option<Command> {
    let mut wanted = None;
    egui::ScrollArea::vertical().max_height(MOST_TREE_PT).show(ui, |ui| {
        for branch in tree {
            ui.horizontal(|ui| {
                ui.add_space(LEVEL_PT * branch.depth.min(MOST_LEVELS) as f32);
                let response = ui.selectable_label(branch.run == run.id, &branch.label);
                named(ui, &response, &format!("Fork {}", branch.label));
                if response.clicked() {
                    wanted = Some(Command::ShowRun(branch.run));
                }
            });
        }
    });
    let mut name = run.name.clone();
    let response = ui.add(TextEdit::singleline(&mut name).hint_text("Name the shown answer").desired_width(240.0));
    named(ui, &response, "Name of the shown answer");
    if name != run.name {
        wanted = Some(Command::NameRun(run.id, name));
    }
    wanted
}

/// Going on from a token as the settings now say, where that would be something else.
pub(in crate::ui) fn switch_button(ui: &mut Ui, cx: &mut PanelContext<'_>, token_idx: usize) {
    let Some(run) = cx.state.current_run().filter(|run| !run.phase.is_active()) else { return };
    if !cx.state.would_switch(run) {
        return;
    }
    let strategy = cx.state.ask.methods_names();
    let how = if cx.state.ask.sample { ", random sampling" } else { "" };
    let help = "Keeps the tokens before this one and chooses the rest as Mitigation and Settings now say";
    let response = ui.button(format!("Continue from here with {strategy}{how}")).on_hover_text(help);
    if response.clicked() {
        cx.emit(Command::Fork(token_idx, None));
    }
}
