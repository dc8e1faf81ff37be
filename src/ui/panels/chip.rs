//! A token as a chip: its text on the colour of its value.

use crate::analysis::chair::Status;
use crate::render::colormap;
use crate::ui::theme;
use eframe::egui;
use egui::accesskit::Role;
use egui::{Color32, FontId, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

/// What a chip shows.
pub(super) struct Chip<'a> {
    /// The token's text.
    pub(super) text: &'a str,
    /// Its name for screen readers and tests.
    pub(super) label: String,
    /// Its place on the colour map, 0..=1; `None` has no colour.
    pub(super) position: Option<f32>,
    /// Index of the colour map.
    pub(super) colormap: usize,
    /// Held by a click.
    pub(super) held: bool,
    /// Not part of the text.
    pub(super) special: bool,
    /// An object word: what is said of it.
    pub(super) status: Option<Status>,
}

/// The text of a token as a chip shows it: what cannot be seen gets a sign.
pub(super) fn visible_text(text: &str) -> String {
    match text {
        "" => "·".to_owned(),
        _ => text.replace('\n', "\\n").replace('\t', "\\t").trim_start_matches(' ').to_owned(),
    }
}

/// Whether a line ends after this token.
pub(super) fn ends_line(text: &str) -> bool {
    text.ends_with('\n')
}

impl Chip<'_> {
    /// Paints it at the cursor.
    pub(super) fn show(self, ui: &mut Ui) -> Response {
        let font = FontId::proportional(14.0);
        let shown = visible_text(self.text);
        let shown = if shown.is_empty() { " ".to_owned() } else { shown };
        let fill = self.position.map(|position| rgb(colormap(self.colormap).at(position)));
        let text_colour = match fill {
            Some(fill) => theme::text_on(fill),
            None if self.special => ui.visuals().weak_text_color(),
            None => ui.visuals().text_color(),
        };
        // Laid out without its colour, so that another value does not lay it out again.
        let galley = ui.painter().layout_no_wrap(shown, font, Color32::PLACEHOLDER);
        // A word begins with a space in its token: chips of one word touch, words stand apart.
        let lead = if self.text.starts_with(' ') { 4.0 } else { 0.0 };
        let size = galley.size() + vec2(6.0 + lead, 4.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.held, &self.label));
        if ui.is_rect_visible(rect) {
            let body = egui::Rect::from_min_max(rect.min + vec2(lead, 0.0), rect.max);
            let painter = ui.painter();
            painter.rect_filled(body, 3.0, fill.unwrap_or(Color32::TRANSPARENT));
            let accent = theme::accent(ui.visuals());
            if self.held {
                painter.rect_stroke(body, 3.0, Stroke::new(2.0, accent), StrokeKind::Outside);
            } else if response.hovered() || response.has_focus() {
                painter.rect_stroke(body, 3.0, Stroke::new(1.0, accent), StrokeKind::Outside);
            } else if self.special {
                painter.rect_stroke(
                    body,
                    3.0,
                    Stroke::new(1.0, ui.visuals().widgets.inactive.bg_stroke.color),
                    StrokeKind::Inside,
                );
            }
            painter.galley(body.min + vec2(3.0, 2.0), galley, text_colour);
            if let Some(status) = self.status {
                underline(painter, body, status, ui.visuals());
            }
        }
        response
    }
}

/// A line below an object word: solid where the object is there, a wave where it is not, dots where nobody knows.
pub(super) fn underline(painter: &egui::Painter, body: egui::Rect, status: Status, visuals: &egui::Visuals) {
    let (left, right, y) = (body.left() + 1.0, body.right() - 1.0, body.bottom() + 1.5);
    let stroke = Stroke::new(2.0, theme::status(visuals, status));
    match status {
        Status::Grounded => {
            painter.hline(left..=right, y, stroke);
        }
        Status::Hallucinated => {
            let steps = ((right - left) / 3.0).max(2.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a word is a few hundred points wide"
            )]
            let count = steps as u16;
            let at = |step: u16| {
                egui::pos2(
                    left + (right - left) * f32::from(step) / f32::from(count),
                    y + if step.is_multiple_of(2) { -1.5 } else { 1.5 },
                )
            };
            painter.add(egui::Shape::line((0..=count).map(at).collect(), stroke));
        }
        Status::Unknown => {
            let line = [egui::pos2(left, y), egui::pos2(right, y)];
            painter.extend(egui::Shape::dotted_line(&line, stroke.color, 4.0, 1.2));
        }
    }
}

/// A colour of a colour map, for egui.
pub(super) fn rgb(colour: [f32; 3]) -> Color32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte")]
    let [r, g, b] = colour.map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8);
    Color32::from_rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_gets_a_sign() {
        assert_eq!(visible_text("\n"), "\\n", "a new line");
        assert_eq!(visible_text(""), "·", "part of a character");
        assert_eq!(visible_text(" dog"), "dog", "the space becomes the gap between chips");
        assert!(ends_line(".\n") && !ends_line("."), "a line ends after it");
    }
}
