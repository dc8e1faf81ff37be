//! A token as a chip: its text on the colour of its value. The tokens of a word touch in one body.

use crate::analysis::align::Change;
use crate::analysis::chair::Status;
use crate::render::colormap;
use crate::ui::widgets::theme;
use eframe::egui;
use egui::accesskit::Role;
use egui::{
    Color32, CornerRadius, FontId, Galley, Rect, Response, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use std::sync::Arc;

/// What a chip shows.
pub(in crate::ui) struct Chip<'a> {
    /// The token's text.
    pub(in crate::ui) text: &'a str,
    /// Its name for screen readers and tests.
    pub(in crate::ui) label: String,
    /// Its place on the colour map, 0..=1; `None` has no colour.
    pub(in crate::ui) position: Option<f32>,
    /// Index of the colour map.
    pub(in crate::ui) colormap: usize,
    /// Held by a click.
    pub(in crate::ui) held: bool,
    /// Not part of the text.
    pub(in crate::ui) special: bool,
    /// An object word: what is said of it.
    pub(in crate::ui) status: Option<Status>,
    /// What else is said of it.
    pub(in crate::ui) marks: ChipMarks,
}

/// Signs on a chip, each with a form of its own besides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::ui) struct ChipMarks {
    /// Held against another answer: a sign before the text and a line below it.
    pub(in crate::ui) change: Option<Change>,
    /// A contrastive strategy chose it in place of another: a corner.
    pub(in crate::ui) contrasted: bool,
    /// Another strength would not choose it: a frame, dashed for all but the first such token.
    pub(in crate::ui) flip: Option<FlipMark>,
}

/// A choice that another strength would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ui) enum FlipMark {
    /// The first one: the only one that is certain.
    First,
    /// One behind it.
    Later,
}

/// The sign before a token that differs.
pub(in crate::ui) fn change_glyph(change: Change) -> Option<&'static str> {
    match change {
        Change::Kept => None,
        Change::Changed => Some("~"),
        Change::Inserted => Some("+"),
        Change::Removed => Some("-"),
    }
}

/// What became of a token, in a word.
pub(in crate::ui) fn change_word(change: Change) -> &'static str {
    match change {
        Change::Kept => "kept",
        Change::Changed => "changed",
        Change::Inserted => "inserted",
        Change::Removed => "removed",
    }
}

/// The text of a token as a chip shows it: what cannot be seen gets a sign.
pub(in crate::ui) fn visible_text(text: &str) -> String {
    match text {
        "" => "·".to_owned(),
        _ => text.replace('\n', "\\n").replace('\t', "\\t").trim_start_matches(' ').to_owned(),
    }
}

/// Whether a line ends after this token.
pub(in crate::ui) fn ends_line(text: &str) -> bool {
    text.ends_with('\n')
}

/// Between a chip's text and its ends, points.
const PADDING_PT: f32 = 3.0;
/// Before a word, points.
const GAP_PT: f32 = 4.0;
/// A piece without letters of its own is as wide, points.
const LEAST_PIECE_PT: f32 = 5.0;

impl Chip<'_> {
    /// Paints it at the cursor.
    pub(in crate::ui) fn show(self, ui: &mut Ui) -> Response {
        let shown = visible_text(self.text);
        let shown = if shown.is_empty() { " ".to_owned() } else { shown };
        let galley = laid_out(ui, shown);
        let text_colour = self.text_colour(ui.visuals());
        let sign = self.marks.change.and_then(change_glyph).map(|glyph| {
            // On a fill, the sign has the colour of the word.
            let change = theme::change(ui.visuals(), self.marks.change.unwrap_or(Change::Kept));
            let colour = if self.fill().is_some() { text_colour } else { change };
            ui.painter().layout_no_wrap(glyph.to_owned(), FontId::monospace(theme::SIZES.chip_sign), colour)
        });
        let sign_pt = sign.as_ref().map_or(0.0, |sign| sign.size().x + 1.0);
        let lead = self.lead();
        let size = galley.size() + vec2(2.0 * PADDING_PT + lead + sign_pt, 4.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, self.held, &self.label));
        if ui.is_rect_visible(rect) {
            let body = egui::Rect::from_min_max(rect.min + vec2(lead, 0.0), rect.max);
            let painter = ui.painter();
            painter.rect_filled(body, 3.0, self.fill().unwrap_or(Color32::TRANSPARENT));
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
            if let Some(sign) = sign {
                let at = pos2(body.left() + 2.0, body.center().y - sign.size().y / 2.0);
                painter.galley(at, sign, text_colour);
            }
            painter.galley(body.min + vec2(PADDING_PT + sign_pt, 2.0), galley, text_colour);
            paint_marks(painter, body, self.marks, ui.visuals());
            if let Some(status) = self.status {
                underline(painter, body, status, ui.visuals());
            }
        }
        response
    }

    /// A word begins with a space in its token: punctuation touches the word before it, words stand apart.
    fn lead(&self) -> f32 {
        if self.text.starts_with(' ') { GAP_PT } else { 0.0 }
    }

    fn fill(&self) -> Option<Color32> {
        self.position.map(|position| rgb(colormap(self.colormap).at(position)))
    }

    fn text_colour(&self, visuals: &egui::Visuals) -> Color32 {
        match self.fill() {
            Some(fill) => theme::text_on(fill),
            None if self.special => visuals.weak_text_color(),
            None => visuals.text_color(),
        }
    }
}

/// Without its colour, so that another value does not lay it out again.
fn laid_out(ui: &Ui, text: String) -> Arc<Galley> {
    ui.painter().layout_no_wrap(text, FontId::proportional(theme::SIZES.chip), Color32::PLACEHOLDER)
}

/// Paints the tokens of one word as one body that no line breaks; each piece has its own colour and its own response. A
/// word that is wider than the panel comes as chips.
pub(in crate::ui) fn show_word(ui: &mut Ui, pieces: Vec<Chip<'_>>) -> Vec<Response> {
    let whole = |piece: &Chip<'_>| if piece.text.is_empty() { String::new() } else { visible_text(piece.text) };
    let galleys: Vec<Arc<Galley>> = pieces.iter().map(|piece| laid_out(ui, whole(piece))).collect();
    let lead = pieces.first().map_or(0.0, Chip::lead);
    let widths: Vec<f32> = galleys.iter().map(|galley| galley.size().x.max(LEAST_PIECE_PT)).collect();
    let height = galleys.iter().map(|galley| galley.size().y).fold(0.0, f32::max);
    let size = vec2(lead + 2.0 * PADDING_PT + widths.iter().sum::<f32>(), height + 4.0);
    if pieces.len() < 2 || size.x > ui.max_rect().width() {
        return pieces.into_iter().map(|piece| piece.show(ui)).collect();
    }
    let (rect, word) = ui.allocate_exact_size(size, Sense::hover());
    let body = Rect::from_min_max(rect.min + vec2(lead, 0.0), rect.max);
    let rects = piece_rects(body, &widths);
    let respond = |(at, (piece, rect)): (usize, (&Chip<'_>, &Rect))| {
        let response = ui.interact(*rect, word.id.with(at), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, piece.held, &piece.label));
        response
    };
    let responses: Vec<Response> = pieces.iter().zip(&rects).enumerate().map(respond).collect();
    if ui.is_rect_visible(rect) {
        paint_word(ui, body, &pieces, &rects, galleys, &responses);
    }
    responses
}

/// Where the pieces lie in their word: side by side, the first and the last with the body's padding.
fn piece_rects(body: Rect, widths: &[f32]) -> Vec<Rect> {
    let mut right = body.left() + PADDING_PT;
    let piece = |(at, width): (usize, &f32)| {
        let left = if at == 0 { body.left() } else { right };
        right += width;
        let end = if at + 1 == widths.len() { body.right() } else { right };
        Rect::from_x_y_ranges(left..=end, body.y_range())
    };
    widths.iter().enumerate().map(piece).collect()
}

fn paint_word(
    ui: &Ui,
    body: Rect,
    pieces: &[Chip<'_>],
    rects: &[Rect],
    galleys: Vec<Arc<Galley>>,
    responses: &[Response],
) {
    let (painter, visuals, accent) = (ui.painter(), ui.visuals(), theme::accent(ui.visuals()));
    let last = pieces.len().saturating_sub(1);
    for (at, ((piece, rect), galley)) in pieces.iter().zip(rects).zip(galleys).enumerate() {
        let [west, east] = [at == 0, at == last].map(|is_end| if is_end { 3 } else { 0 });
        let corners = CornerRadius { nw: west, sw: west, ne: east, se: east };
        painter.rect_filled(*rect, corners, piece.fill().unwrap_or(Color32::TRANSPARENT));
        let padding = if at == 0 { PADDING_PT } else { 0.0 };
        painter.galley(rect.min + vec2(padding, 2.0), galley, piece.text_colour(visuals));
    }
    let is_pointed = |response: &Response| response.hovered() || response.has_focus();
    let is_held = pieces.iter().all(|piece| piece.held);
    if is_held {
        painter.rect_stroke(body, 3.0, Stroke::new(2.0, accent), StrokeKind::Outside);
    } else if responses.iter().any(is_pointed) {
        painter.rect_stroke(body, 3.0, Stroke::new(1.0, accent), StrokeKind::Outside);
    }
    for ((piece, rect), response) in pieces.iter().zip(rects).zip(responses) {
        if piece.held && !is_held {
            painter.rect_stroke(*rect, 3.0, Stroke::new(2.0, accent), StrokeKind::Outside);
        }
        if is_pointed(response) {
            painter.hline(rect.shrink(1.0).x_range(), rect.top() + 1.0, Stroke::new(2.0, accent));
        }
        paint_marks(painter, *rect, piece.marks, visuals);
    }
    if let Some(status) = pieces.iter().find_map(|piece| piece.status) {
        underline(painter, body, status, visuals);
    }
}

fn paint_marks(painter: &egui::Painter, body: Rect, marks: ChipMarks, visuals: &egui::Visuals) {
    if let Some(change) = marks.change.filter(|change| *change != Change::Kept) {
        let y = body.bottom() + 0.5;
        painter.hline(body.left() + 1.0..=body.right() - 1.0, y, Stroke::new(2.0, theme::change(visuals, change)));
    }
    if let Some(flip) = marks.flip {
        paint_flip(painter, body, flip, visuals);
    }
    if marks.contrasted {
        paint_corner(painter, body, visuals);
    }
}

/// The corner of a chip that a contrastive strategy changed: dark with a light rim, seen on every fill.
pub(in crate::ui) fn paint_corner(painter: &egui::Painter, body: Rect, visuals: &egui::Visuals) {
    let corner = body.right_top();
    let points = vec![corner - vec2(8.0, 0.0), corner, corner + vec2(0.0, 8.0)];
    painter.add(egui::Shape::convex_polygon(points, theme::accent(visuals), Stroke::new(1.0, visuals.panel_fill)));
}

/// The frame of a choice that another strength would change.
pub(in crate::ui) fn paint_flip(painter: &egui::Painter, body: Rect, flip: FlipMark, visuals: &egui::Visuals) {
    let colour = visuals.warn_fg_color;
    match flip {
        FlipMark::First => {
            painter.rect_filled(body, 3.0, colour.gamma_multiply(0.25));
            painter.rect_stroke(body, 3.0, Stroke::new(2.5, colour), StrokeKind::Outside);
        }
        FlipMark::Later => {
            let corners = [body.left_top(), body.right_top(), body.right_bottom(), body.left_bottom(), body.left_top()];
            painter.extend(egui::Shape::dashed_line(&corners, Stroke::new(1.5, colour), 3.0, 3.0));
        }
    }
}

/// A line below an object word: solid where the object is there, a wave where it is not, dots where nobody knows.
pub(in crate::ui) fn underline(painter: &egui::Painter, body: egui::Rect, status: Status, visuals: &egui::Visuals) {
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
pub(in crate::ui) fn rgb(colour: [f32; 3]) -> Color32 {
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

    #[test]
    fn pieces_fill_their_word_without_gaps() {
        let body = Rect::from_min_max(pos2(10.0, 0.0), pos2(46.0, 20.0));
        let rects = piece_rects(body, &[8.0, 12.0, 10.0]);
        assert_eq!(rects.iter().map(Rect::left).collect::<Vec<_>>(), [10.0, 21.0, 33.0], "side by side");
        assert_eq!(rects.iter().map(Rect::right).collect::<Vec<_>>(), [21.0, 33.0, 46.0], "to the end");
    }
}
