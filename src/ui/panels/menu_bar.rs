//! Menus, made from the list of commands.

use super::PanelContext;
use crate::ui::command::{Command, Keymap, Menu, NAMED_COMMANDS, NamedCommand};
use crate::ui::palette::menu_title;
use crate::ui::settings::{SCALES, ThemeChoice};
use crate::ui::widgets::command_button;
use eframe::egui;
use egui::{Button, Ui};

const MENUS: [Menu; 6] = [Menu::File, Menu::Edit, Menu::View, Menu::Ask, Menu::Go, Menu::Help];

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        for menu in MENUS {
            ui.menu_button(menu_title(menu), |ui| {
                // At large interface sizes a menu is higher than the window.
                let most = (ui.ctx().content_rect().height() - 60.0).max(80.0);
                egui::ScrollArea::vertical()
                    .max_height(most)
                    .min_scrolled_height(most)
                    .show(ui, |ui| menu_items(ui, menu, cx));
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            command_button(ui, "?", &Command::ToggleHelp, cx.commands);
            model_button(ui, cx);
        });
    });
}

fn model_button(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let name = cx.state.model.info.as_ref().map_or("No model", |info| info.id.as_str());
    let short = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let place = cx.state.model.source.as_ref().map_or_else(|| name.to_owned(), crate::ui::state::source_label);
    let response = ui.button(format!("Model: {short}")).on_hover_text(format!("{place}\nClick to open another model"));
    if response.clicked() {
        cx.emit(Command::OpenModelBox);
    }
}

fn menu_items(ui: &mut Ui, menu: Menu, cx: &mut PanelContext<'_>) {
    ui.set_min_width(220.0);
    for named in NAMED_COMMANDS.iter().filter(|named| named.menu == menu) {
        let mut button = Button::new(label(named, cx));
        if let Some(keys) = Keymap::installed(ui.ctx()).of(named).first() {
            button = button.shortcut_text(crate::ui::widgets::format_keys(ui.ctx(), *keys));
        }
        let why_not = cx.state.why_not(named.command);
        let response = ui.add_enabled(why_not.is_none(), button).on_hover_text(named.tooltip);
        if response.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
            cx.emit(named.command.clone());
            ui.close();
        }
    }
    match menu {
        Menu::File => {
            ui.separator();
            super::recent::menu(ui, cx, "Open recent");
        }
        Menu::View => look(ui, cx),
        _ => {}
    }
}

/// Undoing says what it takes back.
fn label(named: &NamedCommand, cx: &PanelContext<'_>) -> String {
    let what = match named.command {
        Command::Undo => cx.state.history.undoes(),
        Command::Redo => cx.state.history.redoes(),
        _ => None,
    };
    what.map_or_else(|| named.label.to_owned(), |what| format!("{}: {what}", named.label))
}

fn look(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.separator();
    ui.label(egui::RichText::new("Appearance").weak());
    for (theme, label) in ThemeChoice::ALL {
        if ui.radio(cx.state.prefs.theme == theme, label).clicked() {
            cx.emit(Command::SetTheme(theme));
        }
    }
    ui.horizontal(|ui| {
        ui.label("Interface size");
        for scale in SCALES {
            let chosen = (cx.state.prefs.scale - scale).abs() < 0.01;
            if ui.selectable_label(chosen, format!("{:.0} %", scale * 100.0)).clicked() {
                cx.emit(Command::SetScale(scale));
            }
        }
    });
}
