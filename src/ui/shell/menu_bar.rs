//! Menus, made from the list of commands.

use crate::ui::core::command::{Command, Keymap, ListCommand, Menu, NAMED_COMMANDS, NamedCommand};
use crate::ui::core::pane::PANES;
use crate::ui::core::settings::{ImagesView, SCALES, ThemeChoice};
use crate::ui::features::commands::finder::menu_title;
use crate::ui::features::context::PanelContext;
use crate::ui::features::messages;
use crate::ui::widgets::command_button;
use eframe::egui;
use egui::{Button, Ui};

/// Commands, by name, before which a line is drawn.
const BEGIN_GROUPS: [&str; 16] = [
    "open-a-model",
    "save-session",
    "add-what-is-shown-to-the-figure",
    "copy-the-answer",
    "find-a-command",
    "swap-direction",
    "fit-the-photo",
    "larger-interface",
    "reset-the-layout",
    "attention-prompting-on-or-off",
    "ask-again",
    "show-the-chat-template",
    "previous-image",
    "next-word",
    "previous-layer",
    "about",
];

/// Letters of a model's name in the bar; the tooltip has all of them.
const MOST_OF_NAME: usize = 30;

const MENUS: [Menu; 6] = [Menu::File, Menu::Edit, Menu::View, Menu::Ask, Menu::Go, Menu::Help];

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
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
            // What the menus leave free, whether or not there is a message.
            let place = ui.available_rect_before_wrap().shrink2(egui::vec2(ui.spacing().item_spacing.x, 0.0));
            messages::panel::show(ui, place, cx);
        });
    });
}

fn model_button(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let name = cx.state.model.info.as_ref().map_or("No model", |info| info.id.as_str());
    let short = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let short = match short.char_indices().nth(MOST_OF_NAME) {
        Some((end, _)) => format!("{}…", short.get(..end).unwrap_or(short)),
        None => short.to_owned(),
    };
    let place = cx.state.model.source.as_ref().map_or_else(|| name.to_owned(), crate::ui::features::source_label);
    let response = ui.button(format!("Model: {short}")).on_hover_text(format!("{place}\nClick to open another model"));
    if response.clicked() {
        cx.emit(Command::OpenModelBox);
    }
}

fn menu_items(ui: &mut Ui, menu: Menu, cx: &mut PanelContext<'_>) {
    ui.set_min_width(220.0);
    for named in NAMED_COMMANDS.iter().filter(|named| named.menu == menu && *named.command != Command::Quit) {
        if BEGIN_GROUPS.contains(&named.name) {
            ui.separator();
        }
        let mut button = Button::new(label(named, cx)).selected(is_on(named.command, cx));
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
            crate::ui::features::dataset::recent::menu(ui, cx, "Open recent");
            ui.separator();
            command_button(ui, "Quit", &Command::Quit, cx.commands);
        }
        Menu::View => {
            panels(ui, cx);
            look(ui, cx);
        }
        _ => {}
    }
}

/// Whether what a command switches is on.
fn is_on(command: &Command, cx: &PanelContext<'_>) -> bool {
    match command {
        Command::ToggleOverlay => cx.state.colour.overlay_visible,
        Command::TogglePatchGrid => cx.state.colour.patch_grid_visible,
        Command::ToggleMasks => cx.state.truth.view.masks_visible,
        Command::ToggleNames => cx.state.truth.view.names_visible,
        Command::ToggleOverlap => cx.state.truth.view.overlap,
        Command::ToggleTemplate => cx.state.open.template,
        Command::TogglePhotoOnly => cx.state.open.photo_only,
        Command::ToggleFilter => cx.state.open.filter,
        Command::List(ListCommand::ToggleGrid) => cx.state.prefs.images_view == ImagesView::Grid,
        _ => false,
    }
}

/// Every panel by name: one that is behind others, or was lost among them, is found here.
fn panels(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.separator();
    ui.menu_button("Panels", |ui| {
        for pane in PANES.iter().map(|entry| entry.pane) {
            if ui.button(pane.title()).on_hover_text(pane.help()).clicked() {
                cx.emit(Command::ShowPane(pane));
                ui.close();
            }
        }
    });
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
    ui.label(egui::RichText::new("Interface size").weak());
    for row in SCALES.chunks(SCALES.len() / 2) {
        ui.horizontal(|ui| {
            for scale in row.iter().copied() {
                let chosen = (cx.state.prefs.scale - scale).abs() < 0.01;
                if ui.selectable_label(chosen, format!("{:.0} %", scale * 100.0)).clicked() {
                    cx.emit(Command::SetScale(scale));
                }
            }
        });
    }
}
