//! What the list and the grid of images have in common: thumbnails, lines of text, what is known in a few words.

use crate::engine::ImageSource;
use crate::ui::background::photos::{Loaded, Photos};
use crate::ui::core::wording::count;
use crate::ui::features::{AppState, LibraryImage, Phase};
use eframe::egui;
use egui::accesskit::Role;
use egui::{Align2, Color32, Pos2, Rect, Response, Sense, TextStyle, Ui, Vec2, WidgetInfo, pos2};
use std::collections::HashMap;

/// What was asked about one image.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    num_answers: usize,
    is_active: bool,
    has_failed: bool,
}

/// What was asked about every image: counted once a frame, not once an image.
#[derive(Debug, Default)]
pub(super) struct AskedOfAll<'a>(HashMap<&'a ImageSource, Asked>);

impl<'a> AskedOfAll<'a> {
    pub(super) fn of(state: &'a AppState) -> Self {
        let mut all = HashMap::<_, Asked>::new();
        for run in state.runs.iter() {
            let asked = all.entry(&run.question.image).or_default();
            asked.is_active |= run.phase.is_active();
            // POPE's are counted by POPE.
            if !state.pope.is_run(run.id) {
                asked.num_answers += usize::from(run.has_answer());
                asked.has_failed = matches!(run.phase, Phase::Failed(_));
            }
        }
        Self(all)
    }

    /// What is being done about an image, or went wrong.
    pub(super) fn news(&self, image: &LibraryImage) -> Option<String> {
        match self.0.get(&image.source)? {
            Asked { is_active: true, .. } => Some("answering".to_owned()),
            Asked { has_failed: true, .. } => Some("failed".to_owned()),
            _ => None,
        }
    }

    /// How many answers there are about an image.
    pub(super) fn num_answers(&self, image: &LibraryImage) -> usize {
        self.0.get(&image.source).map_or(0, |asked| asked.num_answers)
    }

    /// "2 answers", where there are some.
    pub(super) fn answers(&self, image: &LibraryImage) -> Option<String> {
        Some(self.num_answers(image)).filter(|answers| *answers > 0).map(|answers| count(answers, "answer"))
    }
}

/// Marks of an image's tags.
pub(super) fn tags(state: &AppState, image: &LibraryImage) -> Option<String> {
    let row = state.browse.dataset.as_ref()?.rows().get(image.row? as usize)?;
    let notes = state.browse.notes.of(&row.key);
    let tags = [(notes.star, "★"), (notes.hallucinates, "✖"), (notes.annotation_wrong, "⚠")];
    let marks: Vec<&str> = tags.into_iter().filter(|(noted, _)| *noted).map(|(_, mark)| mark).collect();
    (!marks.is_empty()).then(|| marks.join(" "))
}

/// A name without the zeros that numbers begin with: what tells COCO's photos apart stands at the end, where a narrow
/// panel cuts it off.
pub(super) fn short_name(name: &str) -> &str {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = digits >= 6 && matches!(name.as_bytes().get(digits), None | Some(b'.'));
    let zeros = name.bytes().take_while(|byte| *byte == b'0').count().min(digits.saturating_sub(1));
    name.get(zeros..).filter(|_| is_number).unwrap_or(name)
}

/// "5 objects", where some are annotated.
pub(super) fn objects(state: &AppState, image: &LibraryImage) -> Option<String> {
    let objects = state.browse.dataset.as_ref()?.annotations_of(image.row? as usize).len();
    (objects > 0).then(|| count(objects, "object"))
}

/// One line of text, centred on `at.y`, cut with dots where the room ends.
pub(super) fn line(ui: &Ui, text: &str, style: &TextStyle, colour: Color32, at: Pos2, width_pt: f32) {
    let font = style.resolve(ui.style());
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width_pt.max(10.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(at.x, at.y - galley.size().y / 2.0), galley, colour);
}

/// A thumbnail as large as it gets in its frame.
pub(super) fn thumbnail(ui: &Ui, photos: &mut Photos, image: &LibraryImage, frame: Rect, align: Align2) {
    match photos.thumbnail(&image.source) {
        Loaded::Ready(texture) => {
            let size = texture.size_vec2();
            let scale = (frame.width() / size.x).min(frame.height() / size.y);
            let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            let rect = align.align_size_within_rect(size * scale, frame);
            ui.painter().image(texture.id(), rect, uv, Color32::WHITE);
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

/// The place of an image in the list or the grid: its name for those who hear it, and its ground.
pub(super) fn ground(ui: &mut Ui, image: &LibraryImage, selected: bool, size_pt: Vec2) -> (Rect, Response) {
    let (rect, response) = ui.allocate_exact_size(size_pt, Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::ListItem, true, selected, format!("Image {}", image.name)));
    let visuals = ui.visuals();
    let fill = if selected {
        visuals.selection.bg_fill
    } else if response.hovered() {
        visuals.widgets.hovered.weak_bg_fill
    } else {
        Color32::TRANSPARENT
    };
    ui.painter().rect_filled(rect, 4.0, fill);
    (rect, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_named_without_their_zeros() {
        for (name, short) in [
            ("000000000139.jpg", "139.jpg"),
            ("000000", "0"),
            ("0007.png", "0007.png"),
            ("000000a.png", "000000a.png"),
            ("val2014 42", "val2014 42"),
            ("", ""),
        ] {
            assert_eq!(short_name(name), short, "{name}");
        }
    }
}
