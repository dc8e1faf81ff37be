//! Zoom and position of a canvas.

use crate::geometry::RectPx;
use eframe::egui::{Pos2, Rect, Vec2};
use serde::{Deserialize, Serialize};

/// Largest zoom, in screen pixels per photo pixel.
const MAX_FACTOR: f64 = 64.0;
/// Smallest zoom, as a part of the zoom that fits.
const MIN_OF_FIT: f64 = 0.25;
/// Part of the canvas that a fitted photo fills; the rest is air.
const FIT_FILL: f64 = 0.99;

/// How large the photo is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zoom {
    /// As large as the canvas allows.
    #[default]
    Fit,
    /// **Units**: physical screen pixels per pixel of the photo; 1 is pixel for pixel on every screen.
    Factor(f64),
}

/// Where a canvas looks: the state that outlives a frame.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CanvasView {
    /// How large.
    pub zoom: Zoom,
    /// Point of the photo in the canvas's middle, in pixels of the photo; without meaning while fitted.
    pub centre: [f64; 2],
    /// What the last frame made of it.
    #[serde(skip)]
    shown: Option<Shown>,
}

/// A view resolved for a canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shown {
    /// Screen pixels per photo pixel.
    pub(crate) factor: f64,
    /// Point of the photo in the middle.
    pub(crate) centre: [f64; 2],
}

impl CanvasView {
    /// Shows everything, and keeps doing so when the window is resized.
    pub fn fit(&mut self) {
        self.zoom = Zoom::Fit;
    }

    /// One screen pixel per photo pixel, around what is in the middle now.
    pub fn one_to_one(&mut self) {
        self.set_factor(1.0);
    }

    /// Multiplies the zoom, around what is in the middle now.
    pub fn zoom_by(&mut self, ratio: f64) {
        self.set_factor(self.factor() * ratio);
    }

    /// Screen pixels per photo pixel, as last drawn; 1 before the first frame.
    pub fn factor(&self) -> f64 {
        match (self.shown, self.zoom) {
            (Some(shown), Zoom::Fit) => shown.factor,
            (_, Zoom::Factor(factor)) => factor,
            (None, Zoom::Fit) => 1.0,
        }
    }

    fn set_factor(&mut self, factor: f64) {
        if let (Zoom::Fit, Some(shown)) = (self.zoom, self.shown) {
            self.centre = shown.centre;
        }
        if factor.is_finite() && factor > 0.0 {
            self.zoom = Zoom::Factor(factor.min(MAX_FACTOR));
        }
    }

    /// Multiplies the zoom so that the point of the photo under `anchor_px` (from the canvas's middle, in screen
    /// pixels) stays there.
    pub(crate) fn zoom_around(&mut self, anchor_px: [f64; 2], ratio: f64, limits: Limits) {
        let before = self.resolve(limits);
        let factor = (before.factor * ratio).clamp(limits.smallest(), MAX_FACTOR);
        self.zoom = Zoom::Factor(factor);
        let shift = 1.0 / before.factor - 1.0 / factor;
        self.centre = [0, 1].map(|axis| before.centre[axis] + anchor_px[axis] * shift);
    }

    /// Moves the photo by screen pixels.
    pub(crate) fn pan(&mut self, by_px: [f64; 2], limits: Limits) {
        let shown = self.resolve(limits);
        self.zoom = Zoom::Factor(shown.factor);
        self.centre = [0, 1].map(|axis| shown.centre[axis] - by_px[axis] / shown.factor);
    }

    /// What is drawn, with the middle kept on the photo.
    pub(crate) fn resolve(&mut self, limits: Limits) -> Shown {
        let RectPx { x0, y0, x1, y1 } = limits.content;
        let shown = match self.zoom {
            Zoom::Fit => Shown { factor: limits.fitting(), centre: [f64::midpoint(x0, x1), f64::midpoint(y0, y1)] },
            Zoom::Factor(factor) => Shown {
                factor: if factor.is_finite() { factor.clamp(limits.smallest(), MAX_FACTOR) } else { 1.0 },
                centre: [clamp(self.centre[0], x0, x1), clamp(self.centre[1], y0, y1)],
            },
        };
        self.shown = Some(shown);
        if self.zoom != Zoom::Fit {
            self.centre = shown.centre;
        }
        shown
    }
}

fn clamp(value: f64, lo: f64, hi: f64) -> f64 {
    if value.is_finite() && lo <= hi { value.clamp(lo, hi) } else { f64::midpoint(lo, hi) }
}

/// What zooming and panning are limited by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Photo and padding, in pixels of the photo.
    pub(crate) content: RectPx,
    /// Size of the canvas in screen pixels.
    pub(crate) canvas_px: [f64; 2],
}

impl Limits {
    fn fitting(self) -> f64 {
        let r = self.content;
        let (w, h) = ((r.x1 - r.x0).max(1.0), (r.y1 - r.y0).max(1.0));
        ((self.canvas_px[0] / w).min(self.canvas_px[1] / h) * FIT_FILL).clamp(1e-4, MAX_FACTOR)
    }

    fn smallest(self) -> f64 {
        (self.fitting() * MIN_OF_FIT).min(1.0)
    }
}

/// The way from points of the window to pixels of the photo, for one frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Projection {
    rect: Rect,
    pixels_per_point: f64,
    factor: f64,
    /// Pixel of the photo at the canvas's top left corner; on whole screen pixels, so that 1:1 is sharp.
    corner: [f64; 2],
}

impl Projection {
    pub(crate) fn new(rect: Rect, pixels_per_point: f32, shown: Shown) -> Self {
        let pixels_per_point = f64::from(pixels_per_point);
        let size_px = [rect.width(), rect.height()].map(|s| f64::from(s) * pixels_per_point);
        let corner = [0, 1].map(|axis| {
            let corner = shown.centre[axis] * shown.factor - size_px[axis] / 2.0;
            corner.round() / shown.factor
        });
        Self { rect, pixels_per_point, factor: shown.factor, corner }
    }

    /// Pixels of the photo under a point of the window.
    pub(crate) fn photo_from_ui(&self, at: Pos2) -> (f64, f64) {
        let by = at - self.rect.min;
        let along = |by: f32, corner: f64| corner + f64::from(by) * self.pixels_per_point / self.factor;
        (along(by.x, self.corner[0]), along(by.y, self.corner[1]))
    }

    /// Where a pixel of the photo is drawn.
    pub(crate) fn ui_from_photo(&self, x_px: f64, y_px: f64) -> Pos2 {
        #[expect(clippy::cast_possible_truncation, reason = "points of a window")]
        let along = |v: f64, corner: f64| ((v - corner) * self.factor / self.pixels_per_point) as f32;
        self.rect.min + Vec2::new(along(x_px, self.corner[0]), along(y_px, self.corner[1]))
    }

    /// The part of the photo's plane under a rectangle of the window.
    pub(crate) fn photo_rect(&self, rect: Rect) -> RectPx {
        let ((x0, y0), (x1, y1)) = (self.photo_from_ui(rect.min), self.photo_from_ui(rect.max));
        RectPx { x0, y0, x1, y1 }
    }

    /// Where a rectangle of the photo is drawn.
    pub(crate) fn ui_rect(&self, r: RectPx) -> Rect {
        Rect::from_min_max(self.ui_from_photo(r.x0, r.y0), self.ui_from_photo(r.x1, r.y1))
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact: copied, or halves of whole ones")]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { content: RectPx { x0: 0.0, y0: 0.0, x1: 400.0, y1: 200.0 }, canvas_px: [800.0, 600.0] };

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let mut view = CanvasView::default();
        let anchor = [120.0, -60.0];
        let under = |shown: Shown| [0, 1].map(|i| shown.centre[i] + anchor[i] / shown.factor);
        let before = under(view.resolve(LIMITS));
        view.zoom_around(anchor, 1.7, LIMITS);
        let after = under(view.resolve(LIMITS));
        assert!((0..2).all(|i| (before[i] - after[i]).abs() < 1e-9), "{before:?} moved to {after:?}");
    }

    #[test]
    fn fit_shows_everything_centred() {
        let mut view = CanvasView { zoom: Zoom::Factor(9.0), ..Default::default() };
        view.fit();
        let shown = view.resolve(LIMITS);
        assert_eq!(shown.centre, [200.0, 100.0], "the photo's middle");
        assert!((shown.factor - 2.0 * FIT_FILL).abs() < 1e-9, "the wider side decides: {}", shown.factor);
    }

    #[test]
    fn one_to_one_and_steps_start_from_what_is_shown() {
        let mut view = CanvasView::default();
        view.resolve(LIMITS);
        view.zoom_by(2.0);
        assert!((view.factor() - 4.0 * FIT_FILL).abs() < 1e-9, "twice the fit, found {}", view.factor());
        view.one_to_one();
        assert_eq!(view.zoom, Zoom::Factor(1.0), "pixel for pixel");
        assert_eq!(view.centre, [200.0, 100.0], "around the same middle");
    }

    #[test]
    fn the_photo_cannot_be_lost() {
        let mut view = CanvasView::default();
        view.pan([1e9, -1e9], LIMITS);
        assert_eq!(view.resolve(LIMITS).centre, [0.0, 200.0], "its edge stays in the middle");
        view.zoom_around([0.0, 0.0], 1e-9, LIMITS);
        assert!(view.resolve(LIMITS).factor > 0.1, "it does not vanish");
        let mut broken = CanvasView { zoom: Zoom::Factor(f64::NAN), centre: [f64::NAN; 2], shown: None };
        assert!(broken.resolve(LIMITS).centre[0].is_finite(), "a broken session file is drawn");
    }

    #[test]
    fn points_and_pixels_invert_each_other() {
        let rect = Rect::from_min_size(Pos2::new(11.0, 7.0), Vec2::new(300.0, 200.0));
        let projection = Projection::new(rect, 2.0, Shown { factor: 1.5, centre: [100.0, 50.0] });
        let (x, y) = projection.photo_from_ui(Pos2::new(42.0, 99.0));
        let back = projection.ui_from_photo(x, y);
        assert!((back - Pos2::new(42.0, 99.0)).length() < 1e-3, "{back:?}");
    }
}
