//! The images on offer.

use super::{PanelContext, TextBox};
use crate::ui::command::Command;
use crate::ui::photos::Loaded;
use crate::ui::theme;
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
    });
    path_box(ui, cx);
    ui.add_space(2.0);
    let count = cx.state.library.images().len();
    let current = cx.state.library.current_idx();
    let place = current.map_or_else(|| format!("{count} images"), |idx| format!("{} of {count}", idx + 1));
    ui.label(RichText::new(format!("{place} · A and D move")).weak().small());
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
        for idx in rows {
            row(ui, cx, idx);
        }
    });
}

fn path_box(ui: &mut Ui, cx: &mut PanelContext<'_>) {
    let edit = egui::TextEdit::singleline(&mut cx.memory.image_path)
        .id_salt("image path")
        .hint_text("Path of a photo or folder")
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
        let path = std::mem::take(&mut cx.memory.image_path);
        cx.emit(Command::AddPaths(vec![path.trim().trim_matches('"').into()]));
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
    let asked = cx.state.runs.of_image(&image.source).filter(|run| run.has_answer()).count();
    let name_y = if asked > 0 { rect.center().y - 8.0 } else { rect.center().y };
    line(ui, &image.name, &TextStyle::Body, colour, pos2(text_rect.left(), name_y), text_rect.width());
    if asked > 0 {
        let text = if asked == 1 { "1 answer".to_owned() } else { format!("{asked} answers") };
        let at = pos2(text_rect.left(), rect.center().y + 9.0);
        line(ui, &text, &TextStyle::Small, theme::accent(ui.visuals()), at, text_rect.width());
    }
    if response.on_hover_text(&image.detail).clicked() {
        cx.commands.push(Command::SelectImage(idx));
    }
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
