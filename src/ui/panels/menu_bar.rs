//! Menus, made from the list of commands.

use super::PanelContext;
use crate::ui::command::{Command, Menu, NAMED_COMMANDS};
use crate::ui::state::ThemeChoice;
use eframe::egui;
use egui::{Button, Ui};

const MENUS: [(Menu, &str); 5] =
    [(Menu::File, "File"), (Menu::View, "View"), (Menu::Ask, "Question"), (Menu::Go, "Go"), (Menu::Help, "Help")];

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    egui::MenuBar::new().ui(ui, |ui| {
        for (menu, title) in MENUS {
            ui.menu_button(title, |ui| {
                // At large interface sizes a menu is higher than the window.
                let most = (ui.ctx().content_rect().height() - 60.0).max(80.0);
                egui::ScrollArea::vertical()
                    .max_height(most)
                    .min_scrolled_height(most)
                    .show(ui, |ui| menu_items(ui, menu, cx));
            });
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("?").on_hover_text("Every key, and what the mouse does (?)").clicked() {
                cx.emit(Command::ToggleHelp);
            }
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
        let mut button = Button::new(named.label);
        if let Some(keys) = named.shortcuts.first() {
            button = button.shortcut_text(crate::ui::widgets::format_keys(ui.ctx(), *keys));
        }
        if ui.add(button).on_hover_text(named.tooltip).clicked() {
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

fn look(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.separator();
    ui.label(egui::RichText::new("Appearance").weak());
    let themes = [(ThemeChoice::System, "As the desktop"), (ThemeChoice::Light, "Light"), (ThemeChoice::Dark, "Dark")];
    for (theme, label) in themes {
        if ui.radio(cx.state.prefs.theme == theme, label).clicked() {
            cx.emit(Command::SetTheme(theme));
        }
    }
    ui.horizontal(|ui| {
        ui.label("Interface size");
        for scale in [0.8, 1.0, 1.25, 1.5, 2.0_f32] {
            let chosen = (cx.state.prefs.scale - scale).abs() < 0.01;
            if ui.selectable_label(chosen, format!("{:.0} %", scale * 100.0)).clicked() {
                cx.emit(Command::SetScale(scale));
            }
        }
    });
}
