//! The images on offer.

use super::{PanelContext, TextBox};
use crate::ui::command::Command;
use crate::ui::photos::Loaded;
use crate::ui::state::LibraryImage;
use crate::ui::theme;
use crate::ui::wording::count as counted;
use eframe::egui;
use egui::accesskit::Role;
use egui::{Align2, Rect, RichText, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2};

/// Height of a row, points; the thumbnail fits into it.
const ROW_PT: f32 = 58.0;

const THUMBNAIL_PT: Vec2 = vec2(64.0, 50.0);

pub(super) fn show(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    ui.horizontal_wrapped(|ui| {
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
    ui.label(RichText::new(format!("{place}{filtered} · A and D move")).weak().small());
    missing(ui, cx);
    if count == 0 && all > 0 {
        ui.label("Nothing matches the filter");
        if ui.button("Show all images").clicked() {
            cx.emit(Command::SetQuery(Box::default()));
        }
    }
    let row_height = ROW_PT + ui.spacing().item_spacing.y;
    let scroll = egui::ScrollArea::vertical().id_salt("images").auto_shrink(false);
    let wanted = current.filter(|_| std::mem::take(&mut cx.memory.scroll_to_current));
    scroll.show_rows(ui, ROW_PT, count, |ui, rows| {
        if let Some(idx) = wanted {
            // Only as far as needed: a row that was clicked stays under the pointer.
            let top = ui.max_rect().top() + (idx as f32 - rows.start as f32) * row_height;
            let rect = Rect::from_min_size(pos2(ui.max_rect().left(), top), vec2(1.0, ROW_PT));
            ui.scroll_to_rect(rect, None);
        }
        for place in rows {
            if let Some(idx) = cx.state.library.listed_idx(place) {
                row(ui, cx, idx);
            }
        }
    });
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
pub(super) fn photos_wanted(ui: &mut Ui, cx: &mut PanelContext<'_>) {
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
        let edit = egui::TextEdit::singleline(&mut cx.memory.wanted_image).id_salt("jump").hint_text("Number or name");
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
        .hint_text("Path of photos or annotations")
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

fn row(ui: &mut Ui, cx: &mut PanelContext<'_>, idx: usize) {
    let Some(image) = cx.state.library.images().get(idx) else { return };
    let selected = cx.state.library.current_idx() == Some(idx);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW_PT), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, format!("Image {}", image.name)));
    let visuals = ui.visuals();
    let fill = if selected {
        visuals.selection.bg_fill
    } else if response.hovered() {
        visuals.widgets.hovered.weak_bg_fill
    } else {
        egui::Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, 4.0, fill);
    let frame = Rect::from_min_size(rect.min + vec2(4.0, (ROW_PT - THUMBNAIL_PT.y) / 2.0), THUMBNAIL_PT);
    thumbnail(ui, cx, idx, frame);
    let text_rect = Rect::from_min_max(pos2(frame.right() + 4.0, rect.top()), rect.max - vec2(4.0, 0.0));
    let colour = if selected { visuals.strong_text_color() } else { visuals.text_color() };
    let facts = facts(cx, image);
    let name_y = if facts.is_empty() { rect.center().y } else { rect.center().y - 8.0 };
    line(ui, &image.name, &TextStyle::Body, colour, pos2(text_rect.left(), name_y), text_rect.width());
    if !facts.is_empty() {
        let at = pos2(text_rect.left(), rect.center().y + 9.0);
        line(ui, &facts, &TextStyle::Small, theme::accent(ui.visuals()), at, text_rect.width());
    }
    if response.on_hover_text(&image.detail).clicked() {
        cx.commands.push(Command::SelectImage(idx));
    }
}

/// What there is to say about an image in a few words: tags, answers, objects.
fn facts(cx: &PanelContext<'_>, image: &LibraryImage) -> String {
    let mut facts = Vec::new();
    let row = image.row.map(|row| row as usize);
    if let Some((dataset, row)) = cx.state.browse.dataset.as_ref().zip(row) {
        let notes = dataset.rows().get(row).map(|row| cx.state.browse.notes.of(&row.key));
        if let Some(notes) = notes {
            let marks = [(notes.star, "★"), (notes.hallucinates, "✖"), (notes.annotation_wrong, "⚠")];
            facts.extend(marks.into_iter().filter(|(noted, _)| *noted).map(|(_, mark)| mark.to_owned()));
        }
        if cx.state.runs.active().any(|run| run.question.image == image.source) {
            facts.push("answering…".to_owned());
        }
        let asked = cx.state.num_answers(&image.source);
        let objects = dataset.annotations_of(row).len();
        match (asked, objects) {
            (0, 0) => {}
            (0, objects) => facts.push(counted(objects, "object")),
            (asked, _) => facts.push(counted(asked, "answer")),
        }
    }
    facts.join(" ")
}

/// One line of text, centred on `at.y`, cut with dots where the row ends.
fn line(ui: &Ui, text: &str, style: &TextStyle, colour: egui::Color32, at: egui::Pos2, width_pt: f32) {
    let font = style.resolve(ui.style());
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width_pt.max(10.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(at.x, at.y - galley.size().y / 2.0), galley, colour);
}

fn thumbnail(ui: &Ui, cx: &mut PanelContext<'_>, idx: usize, frame: Rect) {
    let Some(image) = cx.state.library.images().get(idx) else { return };
    match cx.photos.thumbnail(&image.source) {
        Loaded::Ready(texture) => {
            let size = texture.size_vec2();
            let scale = (frame.width() / size.x).min(frame.height() / size.y);
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let rect = Align2::LEFT_CENTER.align_size_within_rect(size * scale, frame);
            ui.painter().image(texture.id(), rect, uv, egui::Color32::WHITE);
        }
        Loaded::Pending => {
            ui.painter().rect_filled(frame, 3.0, ui.visuals().faint_bg_color);
        }
        Loaded::Failed(_) => {
            ui.painter().rect_filled(frame, 3.0, ui.visuals().faint_bg_color);
            let font = TextStyle::Small.resolve(ui.style());
            ui.painter().text(frame.center(), Align2::CENTER_CENTER, "unreadable", font, ui.visuals().error_fg_color);
        }
    }
}
