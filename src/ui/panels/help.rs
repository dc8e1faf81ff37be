//! Every key, and what the mouse does.

use super::PanelContext;
use crate::ui::command::{Command, Menu, NAMED_COMMANDS};
use eframe::egui;
use egui::{Context, RichText};

const MOUSE: [(&str, &str); 8] = [
    ("Point at a word", "shows where the model looked when it chose it"),
    ("Click a word", "holds it; click again to let go"),
    ("Shift + click", "everything between two words"),
    ("Ctrl + click", "adds or removes a word or a patch"),
    ("Click the photo", "selects a patch: words are coloured by how much they looked there"),
    ("Wheel on the photo", "zooms around the pointer"),
    ("Drag the photo", "moves it; double click fits it"),
    ("Click a small map", "goes to its layer and head"),
];

pub(super) fn show(ctx: &Context, cx: &mut PanelContext<'_>) {
    if !cx.state.open.help {
        return;
    }
    let modal = super::modal(ctx, "help").show(ctx, |ui| {
        ui.set_width(680.0);
        ui.heading("Keyboard and mouse");
        ui.add_space(6.0);
        let height = (ctx.content_rect().height() - 150.0).clamp(100.0, 620.0);
        egui::ScrollArea::vertical().max_height(height).min_scrolled_height(height).show(ui, |ui| {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                for (menu, title) in [(Menu::Go, "Moving about"), (Menu::View, "Looking")] {
                    keys(left, menu, title);
                }
                for (menu, title) in [(Menu::Ask, "Asking"), (Menu::File, "Files"), (Menu::Help, "Help")] {
                    keys(right, menu, title);
                }
                right.add_space(6.0);
                right.label(RichText::new("Mouse").strong());
                for (what, does) in MOUSE {
                    right.horizontal_wrapped(|ui| {
                        ui.label(RichText::new(what).color(crate::ui::theme::accent(ui.visuals())));
                        ui.label(does);
                    });
                }
            });
        });
        ui.add_space(6.0);
        ui.button("Close").clicked()
    });
    if modal.inner || modal.should_close() {
        cx.emit(Command::ToggleHelp);
    }
}

fn keys(ui: &mut egui::Ui, menu: Menu, title: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(title).strong());
    egui::Grid::new(title).num_columns(2).spacing([12.0, 4.0]).show(ui, |ui| {
        for named in NAMED_COMMANDS.iter().filter(|named| named.menu == menu) {
            let Some(first) = named.shortcuts.first() else { continue };
            ui.label(
                RichText::new(crate::ui::widgets::format_keys(ui.ctx(), *first))
                    .monospace()
                    .color(crate::ui::theme::accent(ui.visuals())),
            );
            ui.label(named.label.trim_end_matches('…')).on_hover_text(named.tooltip);
            ui.end_row();
        }
    });
}
