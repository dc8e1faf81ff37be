//! The images on offer.

mod asking;
mod grid;
mod menu;
mod picture;

use crate::ui::core::command::{Command, ListCommand};
use crate::ui::core::settings::ImagesView;
use crate::ui::core::wording::count as counted;
use crate::ui::features::context::{PanelContext, TextBox};
use crate::ui::widgets::theme;
use eframe::egui;
use egui::{Align2, Rect, RichText, TextStyle, Ui, Vec2, pos2, vec2};
use picture::{AskedOfAll, ground, line, objects, short_name, tags, thumbnail};

/// Height of a row, points; the thumbnail fits into it.
const ROW_PT: f32 = 58.0;

const THUMBNAIL_PT: Vec2 = vec2(64.0, 50.0);
/// In a row narrower than this the thumbnail leaves room for the name.
const NARROW_PT: f32 = 170.0;
const NARROW_THUMBNAIL_PT: Vec2 = vec2(46.0, 46.0);

pub(in crate::ui) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
        // Two buttons beside each other in the default column of a laptop.
        ui.spacing_mut().item_spacing.x = 3.0;
        ui.spacing_mut().button_padding.x = 4.0;
        let commands = &mut *cx.commands;
        crate::ui::widgets::command_button(ui, "Photos…", &Command::OpenImages, commands);
        crate::ui::widgets::command_button(ui, "Folder…", &Command::OpenImageFolder, commands);
        crate::ui::widgets::command_button(ui, "Annotations…", &Command::OpenAnnotations, commands);
        super::recent::menu(ui, cx, "Recent…");
    });
    path_box(ui, cx);
    opening(ui, cx);
    find_row(ui, cx);
    let count = cx.state.library.num_listed();
    let current = cx.state.library.current_place();
    let images = || counted(count, "image");
    let place = current.map_or_else(images, |place| format!("{} of {count}", place + 1));
    let all = cx.state.library.images().len();
    let filtered = if count < all { format!(", {all} in all") } else { String::new() };
    photos_wanted(ui, cx);
    if cx.state.browse.opening.is_some() && cx.state.browse.bundled {
        ui.label(RichText::new("The bundled images stay until that is done").weak().small());
    } else if cx.state.browse.waiting.is_some() {
        ui.label(RichText::new("The bundled images stay until then").weak().small());
    }
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            view_switch(ui, cx);
            let words = format!("{place}{filtered}");
            let help = format!("{words}\nA and D move to the image before and after");
            let label = egui::Label::new(RichText::new(words).weak().small());
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.add(label.truncate().show_tooltip_when_elided(false)).on_hover_text(help);
            });
        });
    });
    asking::show(ui, cx);
    missing(ui, cx);
    if count == 0 && all > 0 {
        ui.label("Nothing matches the filter");
        if ui.button("Show all images").clicked() {
            cx.emit(Command::SetQuery(Box::default()));
        }
    }
    let scroll_to = current.filter(|_| std::mem::take(&mut cx.memory.scroll_to_current));
    match cx.state.prefs.images_view {
        ImagesView::List => list(ui, cx, scroll_to),
        ImagesView::Grid => grid::show(ui, cx, scroll_to),
    }
}

fn list(ui: &mut Ui, cx: &mut PanelContext<'_>, scroll_to: Option<usize>) {
    let asked = AskedOfAll::of(cx.state);
    let row_height = ROW_PT + ui.spacing().item_spacing.y;
    let scroll = egui::ScrollArea::vertical().id_salt("images").auto_shrink(false);
    scroll.show_rows(ui, ROW_PT, cx.state.library.num_listed(), |ui, rows| {
        if let Some(idx) = scroll_to {
            // Only as far as needed: a row that was clicked stays under the pointer.
            let top = ui.max_rect().top() + (idx as f32 - rows.start as f32) * row_height;
            let rect = Rect::from_min_size(pos2(ui.max_rect().left(), top), vec2(1.0, ROW_PT));
            ui.scroll_to_rect(rect, None);
        }
        for place in rows {
            if let Some(idx) = cx.state.library.listed_idx(place) {
                row(ui, cx, &asked, idx);
            }
        }
    });
}

/// From the right: the grid, the list.
fn view_switch(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.spacing_mut().item_spacing.x = 2.0;
    for (view, label, name, help) in [
        (ImagesView::Grid, "Grid", "Images as a grid", "As many thumbnails beside each other as fit"),
        (ImagesView::List, "List", "Images as a list", "One below the other, with what is known of each"),
    ] {
        let shown = cx.state.prefs.images_view == view;
        let response = ui.selectable_label(shown, RichText::new(label).small()).on_hover_text(help);
        crate::ui::widgets::named(ui, &response, name);
        if response.clicked() {
            cx.emit(Command::List(ListCommand::Show(view)));
        }
    }
}

/// What is being opened, and a way out.
fn opening(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(progress) = &cx.state.browse.opening else { return };
    ui.add(egui::Label::new(RichText::new(&progress.what).small()).truncate());
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 60.0).max(40.0);
        ui.add(egui::ProgressBar::new(progress.share).desired_width(width).show_percentage());
        if progress.can_stop && ui.small_button("Cancel").on_hover_text("Stops reading; nothing changes").clicked() {
            cx.commands.push(Command::StopOpening);
        }
    });
}

/// Annotations that wait for their photos, and the way to those.
pub(in crate::ui) fn photos_wanted(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let Some(wanted) = cx.state.browse.photos_wanted.clone() else { return };
    ui.add(egui::Label::new(RichText::new(wanted).color(ui.visuals().warn_fg_color)).wrap());
    crate::ui::widgets::command_button(ui, "Folder…", &Command::OpenImageFolder, cx.commands);
    ui.add_space(4.0);
}

/// A box to jump, and the way to the filter.
fn find_row(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal(|ui| {
        let filtered = cx.state.browse.is_filtered();
        let label = if filtered { "Filter •" } else { "Filter…" };
        let width = (ui.available_width() - 66.0).max(40.0);
        let edit = egui::TextEdit::singleline(&mut cx.memory.wanted_image).id_salt("jump").hint_text("Go to…");
        let response = ui
            .add(edit.desired_width(width))
            .on_hover_text("An image's number, or a part of its name: Enter goes there");
        crate::ui::widgets::named(ui, &response, "Go to image");
        if response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter)) {
            let wanted = std::mem::take(&mut cx.memory.wanted_image);
            if !wanted.trim().is_empty() {
                cx.commands.push(Command::JumpToImage(wanted));
            }
        }
        let tip = crate::ui::widgets::tooltip(ui.ctx(), &Command::ToggleFilter);
        if ui.selectable_label(filtered || cx.state.open.filter, label).on_hover_text(tip).clicked() {
            cx.commands.push(Command::ToggleFilter);
        }
    });
}

/// What was not found when photos and annotations were put together.
fn missing(ui: &mut Ui, cx: &PanelContext<'_>) {
    let Some(dataset) = &cx.state.browse.dataset else { return };
    let unmatched = dataset.unmatched();
    let twice = "These are left out, as a file of the same name was opened before them:";
    for (missing, [one, several], help) in [
        (&unmatched.images_without_photo, ["annotated image without a photo", "annotated images without a photo"], ""),
        (&unmatched.photos_without_image, ["photo without annotations", "photos without annotations"], ""),
        (
            &unmatched.repeated_photos,
            ["photo is there twice (the first counts)", "photos are there twice (the first counts)"],
            twice,
        ),
        (&unmatched.captions_without_image, ["caption without an image", "captions without an image"], ""),
        (
            &unmatched.questions_without_image,
            ["photo of a question is not open", "photos of questions are not open"],
            "",
        ),
    ] {
        // The bundled images have no counterpart in a user's photos and the other way round: nothing to say.
        if missing.total == 0 || cx.state.browse.bundled {
            continue;
        }
        let what = if missing.total == 1 { one } else { several };
        let text = RichText::new(format!("{} {what}", missing.total)).small().color(ui.visuals().warn_fg_color);
        ui.add(egui::Label::new(text).truncate()).on_hover_ui(|ui| {
            if !help.is_empty() {
                ui.label(help);
            }
            for name in missing.listed.iter().take(20) {
                ui.label(name);
            }
            if missing.total > 20 {
                ui.weak(format!("and {} more", missing.total - 20));
            }
        });
    }
}

fn path_box(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let edit = egui::TextEdit::singleline(&mut cx.memory.image_path)
        .id_salt("image path")
        .hint_text("Path to open")
        .desired_width(f32::INFINITY);
    let response = ui
        .add(edit)
        .on_hover_text("Type or paste a path and press Enter; files and folders can also be dropped on the window");
    crate::ui::widgets::named(ui, &response, "Path of a photo or folder");
    if cx.memory.takes_focus(TextBox::ImagePath) {
        response.request_focus();
    }
    if response.lost_focus()
        && ui.input(|input| input.key_pressed(egui::Key::Enter))
        && !cx.memory.image_path.trim().is_empty()
    {
        // It is cleared when it was opened: what was mistyped stays to be mended.
        let path = cx.memory.typed_image_path();
        cx.emit(Command::AddPaths(vec![path]));
    }
}

fn row(ui: &mut Ui, cx: &mut PanelContext<'_>, asked: &AskedOfAll<'_>, idx: usize) {
    let state = cx.state;
    let Some(image) = state.library.images().get(idx) else { return };
    let selected = state.library.current_idx() == Some(idx);
    let (rect, response) = ground(ui, image, selected, vec2(ui.available_width(), ROW_PT));
    let visuals = ui.visuals();
    let room = if rect.width() < NARROW_PT { NARROW_THUMBNAIL_PT } else { THUMBNAIL_PT };
    let frame = Rect::from_min_size(rect.min + vec2(4.0, (ROW_PT - room.y) / 2.0), room);
    thumbnail(ui, cx.photos, image, frame, Align2::LEFT_CENTER);
    let text_rect = Rect::from_min_max(pos2(frame.right() + 4.0, rect.top()), rect.max - vec2(4.0, 0.0));
    let colour = if selected { visuals.strong_text_color() } else { visuals.text_color() };
    let known = asked.answers(image).or_else(|| objects(state, image));
    let facts = tags(state, image).into_iter().chain(asked.news(image)).chain(known).collect::<Vec<_>>().join(" ");
    let name_y = if facts.is_empty() { rect.center().y } else { rect.center().y - 8.0 };
    line(ui, short_name(&image.name), &TextStyle::Body, colour, pos2(text_rect.left(), name_y), text_rect.width());
    if !facts.is_empty() {
        let at = pos2(text_rect.left(), rect.center().y + 9.0);
        line(ui, &facts, &TextStyle::Small, theme::accent(ui.visuals()), at, text_rect.width());
    }
    let response = response.on_hover_text(&image.detail);
    if response.clicked() {
        cx.commands.push(Command::SelectImage(idx));
    }
    response.context_menu(|ui| menu::show(ui, cx, idx));
}
