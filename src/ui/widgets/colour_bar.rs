//! The colour map with its range.

use crate::render::{Colouring, HeatStyle, colormap};
use eframe::egui::epaint::Mesh;
use eframe::egui::{self, Align2, Color32, FontId, Pos2, Rect, Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, Vec2};

/// Height of the colours.
const BAR_PT: f32 = 14.0;
/// Width of an upright bar with its texts.
pub const UPRIGHT_PT: f32 = 66.0;
/// Steps of colour along the bar.
const STEPS: u16 = 128;

/// A colour map with the raw values at its ends, and a mark for the value under the pointer.
#[must_use = "call show"]
pub struct ColourBar<'a> {
    style: &'a HeatStyle,
    unit: String,
    normalisation: String,
    marker: Option<f32>,
}

impl<'a> ColourBar<'a> {
    /// `unit` says what the values are (`attention`), `normalisation` whose range it is (`this map`, `all tokens`,
    /// `fixed`).
    pub fn new(style: &'a HeatStyle, unit: impl Into<String>, normalisation: impl Into<String>) -> Self {
        Self { style, unit: unit.into(), normalisation: normalisation.into(), marker: None }
    }

    /// Marks a raw value.
    pub fn marker(mut self, value: Option<f32>) -> Self {
        self.marker = value;
        self
    }

    /// Draws from low at the bottom to high at the top, over the available height; [`UPRIGHT_PT`] wide. The response's
    /// label holds the range in words.
    pub fn show_upright(self, ui: &mut Ui) -> egui::Response {
        let [lo, hi] = self.ends();
        let text_pt = ui.text_style_height(&TextStyle::Small);
        let size = Vec2::new(UPRIGHT_PT, ui.available_height().max(4.0 * text_pt));
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let bar = Rect::from_min_max(
            rect.min + Vec2::new(6.0, text_pt / 2.0),
            Pos2::new(rect.left() + 6.0 + BAR_PT, rect.bottom() - text_pt / 2.0),
        );
        if ui.is_rect_visible(rect) {
            self.colours(ui, bar, Along::Up, [lo, hi]);
            self.upright_texts(ui, rect, bar, [lo, hi]);
            if let Some(part) = self.marked([lo, hi]) {
                let y = egui::lerp(bar.bottom()..=bar.top(), part);
                ui.painter().hline(bar.x_range(), y, Stroke::new(3.0, super::theme::MARK_DARK));
                ui.painter().hline(bar.x_range(), y, Stroke::new(1.0, super::theme::MARK_LIGHT));
                let tip = Pos2::new(bar.left(), y);
                let wedge = vec![tip, tip + Vec2::new(-5.0, -4.0), tip + Vec2::new(-5.0, 4.0)];
                ui.painter().add(Shape::convex_polygon(wedge, ui.visuals().strong_text_color(), Stroke::NONE));
            }
        }
        self.named(response)
    }

    fn upright_texts(&self, ui: &Ui, rect: Rect, bar: Rect, [lo, hi]: [f32; 2]) {
        let font = TextStyle::Small.resolve(ui.style());
        let (strong, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
        let left = bar.right() + 4.0;
        for (value, y, colour) in
            [(hi, bar.top(), strong), (f32::midpoint(lo, hi), bar.center().y, weak), (lo, bar.bottom(), strong)]
        {
            let at = Pos2::new(left, y);
            ui.painter().text(at, Align2::LEFT_CENTER, format_value(value), font.clone(), colour);
        }
        // What the numbers are, read upwards between the middle and the lower end.
        let words = format!("{}, {}", self.unit, self.normalisation);
        for words in [words.as_str(), self.unit.as_str()] {
            let galley = ui.painter().layout_no_wrap(words.to_owned(), font.clone(), weak);
            let room = bar.height() / 2.0 - 2.0 * galley.size().y;
            if galley.size().x > room {
                continue;
            }
            let at = Pos2::new(rect.right() - galley.size().y, bar.bottom() - galley.size().y);
            let turned = egui::epaint::TextShape::new(at, galley, weak).with_angle(-std::f32::consts::FRAC_PI_2);
            ui.painter().add(turned);
            break;
        }
    }

    fn ends(&self) -> [f32; 2] {
        colormap(self.style.colormap).effective_range(self.style.range)
    }

    /// The band with its outline.
    fn colours(&self, ui: &Ui, bar: Rect, along: Along, [lo, hi]: [f32; 2]) {
        let map = colormap(self.style.colormap);
        let colouring = Colouring::new(self.style, map);
        ui.painter().add(gradient(bar, along, |t| {
            let (position, _) = colouring.position(lo + t * (hi - lo));
            let [r, g, b] = map.at(position).map(|c| c * 255.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "colours in 0..=255")]
            Color32::from_rgb(r.round() as u8, g.round() as u8, b.round() as u8)
        }));
        let outline = ui.visuals().widgets.noninteractive.bg_stroke;
        ui.painter().rect_stroke(bar, 0.0, outline, StrokeKind::Outside);
    }

    /// The response with everything that the bar says, in words.
    fn named(&self, response: egui::Response) -> egui::Response {
        let [lo, hi] = self.ends();
        let label = format!(
            "Colour bar, {}: {} from {} to {} ({})",
            colormap(self.style.colormap).label,
            self.unit,
            format_value(lo),
            format_value(hi),
            self.normalisation
        );
        response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Image, true, &label));
        response.on_hover_text(label.as_str())
    }

    /// Draws over the available width. The response's label holds the range in words.
    pub fn show(self, ui: &mut Ui) -> egui::Response {
        let [lo, hi] = self.ends();
        let font = TextStyle::Small.resolve(ui.style());
        let text_pt = ui.text_style_height(&TextStyle::Small);
        let size = Vec2::new(ui.available_width().max(60.0), 2.0 * text_pt + BAR_PT + 8.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let bar = Rect::from_min_size(rect.min + Vec2::new(1.0, text_pt + 3.0), Vec2::new(size.x - 2.0, BAR_PT));
        if ui.is_rect_visible(rect) {
            self.colours(ui, bar, Along::Right, [lo, hi]);
            self.texts(ui, rect, bar, &font, [lo, hi]);
            self.mark(ui, bar, [lo, hi]);
        }
        self.named(response)
    }

    fn texts(&self, ui: &Ui, rect: Rect, bar: Rect, font: &FontId, [lo, hi]: [f32; 2]) {
        let (strong, weak) = (ui.visuals().text_color(), ui.visuals().weak_text_color());
        let put = |at: Pos2, anchor: Align2, text: &str, colour: Color32| {
            ui.painter().text(at, anchor, text, font.clone(), colour)
        };
        let unit = put(rect.left_top(), Align2::LEFT_TOP, &self.unit, strong);
        let whose = ui.painter().layout_no_wrap(self.normalisation.clone(), font.clone(), weak);
        if unit.width() + whose.size().x + 8.0 < rect.width() {
            ui.painter().galley(Pos2::new(rect.right() - whose.size().x, rect.top()), whose, weak);
        }
        let below = bar.bottom() + 3.0;
        let left = put(Pos2::new(bar.left(), below), Align2::LEFT_TOP, &format_value(lo), strong);
        let right = put(Pos2::new(bar.right(), below), Align2::RIGHT_TOP, &format_value(hi), strong);
        let middle = format_value(f32::midpoint(lo, hi));
        let galley = ui.painter().layout_no_wrap(middle, font.clone(), weak);
        let at = Rect::from_min_size(Pos2::new(bar.center().x - galley.size().x / 2.0, below), galley.size());
        if at.left() > left.right() + 6.0 && at.right() < right.left() - 6.0 {
            ui.painter().galley(at.min, galley, weak);
        }
    }

    /// Where the marked value lies, 0 at the low end and 1 at the high one.
    fn marked(&self, [lo, hi]: [f32; 2]) -> Option<f32> {
        let value = self.marker.filter(|value| value.is_finite() && hi > lo)?;
        Some(((value - lo) / (hi - lo)).clamp(0.0, 1.0))
    }

    fn mark(&self, ui: &Ui, bar: Rect, ends: [f32; 2]) {
        let Some(part) = self.marked(ends) else { return };
        let x = egui::lerp(bar.x_range(), part);
        let colour = ui.visuals().strong_text_color();
        ui.painter().vline(x, bar.y_range(), Stroke::new(3.0, super::theme::MARK_DARK));
        ui.painter().vline(x, bar.y_range(), Stroke::new(1.0, super::theme::MARK_LIGHT));
        let tip = Pos2::new(x, bar.top());
        let wedge = vec![tip, tip + Vec2::new(-4.0, -5.0), tip + Vec2::new(4.0, -5.0)];
        ui.painter().add(Shape::convex_polygon(wedge, colour, Stroke::NONE));
    }
}

/// Where a band of colours leads.
#[derive(Clone, Copy)]
enum Along {
    Right,
    Up,
}

/// A band of colours, from 0 to 1.
fn gradient(rect: Rect, along: Along, colour: impl Fn(f32) -> Color32) -> Shape {
    let mut mesh = Mesh::default();
    for step in 0..=STEPS {
        let t = f32::from(step) / f32::from(STEPS);
        let ends = match along {
            Along::Right => [rect.top(), rect.bottom()].map(|y| Pos2::new(egui::lerp(rect.x_range(), t), y)),
            Along::Up => [rect.left(), rect.right()].map(|x| Pos2::new(x, egui::lerp(rect.bottom()..=rect.top(), t))),
        };
        for at in ends {
            mesh.colored_vertex(at, colour(t));
        }
        if step > 0 {
            let last = 2 * u32::from(step);
            mesh.add_triangle(last - 2, last - 1, last);
            mesh.add_triangle(last - 1, last, last + 1);
        }
    }
    Shape::mesh(mesh)
}

/// A raw value with three significant digits: `0.0123`, `1.2e-5`, `0`.
pub fn format_value(value: f32) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        return if value.is_finite() { "0".to_owned() } else { "no value".to_owned() };
    }
    if !(1e-4..1e5).contains(&size) {
        return trimmed(&format!("{value:.1e}"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "-4..=5, clamped to 0..=6")]
    let decimals = (2.0 - size.log10().floor()).clamp(0.0, 6.0) as usize;
    trimmed(&format!("{value:.decimals$}"))
}

/// Without zeros that say nothing.
fn trimmed(number: &str) -> String {
    let (mantissa, exponent) = number.split_once('e').map_or((number, None), |(m, e)| (m, Some(e)));
    let whole = !mantissa.contains('.');
    let mantissa = if whole { mantissa } else { mantissa.trim_end_matches('0').trim_end_matches('.') };
    exponent.map_or_else(|| mantissa.to_owned(), |e| format!("{mantissa}e{e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_with_three_digits() {
        let cases = [
            (0.0, "0"),
            (0.012_345, "0.0123"),
            (0.5, "0.5"),
            (1.0, "1"),
            (12.3456, "12.3"),
            (1234.5, "1234"),
            (-0.25, "-0.25"),
            (0.000_012_3, "1.2e-5"),
            (2.0e7, "2e7"),
            (f32::NAN, "no value"),
        ];
        for (value, expected) in cases {
            assert_eq!(format_value(value), expected, "{value}");
        }
    }
}
