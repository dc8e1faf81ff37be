//! The photo with its overlay: zoom, pan, hover, click. Knows nothing of the application.

pub(crate) mod fallback;
mod picture;
mod view;

pub(in crate::ui) use picture::CanvasPicture;
pub use view::{CanvasView, Zoom};

use crate::geometry::{ImageLayout, ImageSize, PatchPos, RectPx};
use crate::render::{
    HeatMap, HeatStyle, Marks, MaskImage, MaskStyle, OverlapMap, OverlapStyle, PhotoTexture, PromptMask, PromptStyle,
    Scene, Window, gpu, missing_values,
};
use crate::ui::widgets::theme;
use eframe::egui::emath::GuiRounding as _;
use eframe::egui::{self, Key, Modifiers, PointerButton, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};
use std::collections::BTreeSet;
use std::sync::Arc;
use view::{Limits, Projection};

/// Zoom per wheel point: 50 points, a usual notch, are about a quarter.
const ZOOM_PER_POINT: f64 = 0.0045;
/// Zoom of one press of `+`.
const ZOOM_PER_KEY: f64 = 1.25;

/// A photo with an optional overlay.
///
/// Wheel, pinch and Ctrl+wheel zoom around the pointer, dragging pans, a click without a drag selects a patch, a double
/// click or Ctrl+F fits; with the keyboard focus `+`, `-`, `0` (fit) and `1` (pixel for pixel) work as well. Arrow keys
/// are left to layers and heads.
///
/// Draws through the graphics card where [`gpu::install`] was called and on the CPU elsewhere.
#[must_use = "call show"]
pub struct PhotoCanvas<'a> {
    photo: &'a PhotoTexture,
    layout: &'a Arc<ImageLayout>,
    heat: Option<(HeatMap, HeatStyle)>,
    prompt: Option<(PromptMask, PromptStyle)>,
    masks: Vec<(MaskImage, MaskStyle)>,
    overlap: Option<(OverlapMap, MaskImage, OverlapStyle)>,
    circled: Vec<PatchPos>,
    squared: Vec<PatchPos>,
    marks: Marks,
    label: String,
    size: Option<Vec2>,
    is_still: bool,
}

/// What happened on a canvas in this frame.
#[derive(Debug)]
pub struct CanvasResponse {
    /// Patch under the pointer.
    pub hovered: Option<PatchPos>,
    /// Point of the photo's plane under the pointer, in pixels of the photo; also beyond the photo.
    pub hovered_px: Option<(f64, f64)>,
    /// Patch that was clicked, and the keys that were held.
    pub clicked: Option<(PatchPos, Modifiers)>,
    /// The whole canvas.
    pub rect: Rect,
    /// Where the photo lies in the window (it may reach beyond the canvas).
    pub photo_rect: Rect,
    /// Screen pixels per photo pixel.
    pub factor: f64,
    /// Something the user should know: the photo is too large for the graphics card, or patches have no value.
    pub note: Option<String>,
    /// The widget's own response, for tooltips and menus.
    pub response: egui::Response,
}

impl<'a> PhotoCanvas<'a> {
    /// The bare photo.
    pub fn new(photo: &'a PhotoTexture, layout: &'a Arc<ImageLayout>) -> Self {
        let (masks, circled, squared) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            photo,
            layout,
            heat: None,
            prompt: None,
            masks,
            overlap: None,
            circled,
            squared,
            marks: Marks::default(),
            label: "Photo".to_owned(),
            size: None,
            is_still: false,
        }
    }

    /// Values to colour on top.
    pub fn heat(mut self, heat: Option<(HeatMap, HeatStyle)>) -> Self {
        self.heat = heat;
        self
    }

    /// A mask of the photo's size that darkens it, or is drawn in its place; heat and lines lie under it.
    pub fn prompt(mut self, prompt: Option<(PromptMask, PromptStyle)>) -> Self {
        self.prompt = prompt;
        self
    }

    /// Objects to paint, the first one lowest; of the photo's size.
    pub fn masks(mut self, masks: Vec<(MaskImage, MaskStyle)>) -> Self {
        self.masks = masks;
        self
    }

    /// A map against a mask, hits and misses.
    pub fn overlap(mut self, overlap: Option<(OverlapMap, MaskImage, OverlapStyle)>) -> Self {
        self.overlap = overlap;
        self
    }

    /// Patches to mark with a circle, and patches to mark with a square inside their borders.
    pub fn marked(mut self, circled: Vec<PatchPos>, squared: Vec<PatchPos>) -> Self {
        self.circled = circled;
        self.squared = squared;
        self
    }

    /// Patches to outline.
    pub fn selected(mut self, selected: &BTreeSet<PatchPos>) -> Self {
        self.marks.selected.clone_from(selected);
        self
    }

    /// Lines between patches.
    pub fn grid_lines(mut self, grid_lines: bool) -> Self {
        self.marks.grid_lines = grid_lines;
        self
    }

    /// Limits of what the model saw: the rest of the photo darkened, padding tinted.
    pub fn show_border(mut self, border: bool) -> Self {
        self.marks.border = border;
        self
    }

    /// Name for screen readers and tests.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Size in points; all that is available if not given.
    pub fn size(mut self, size: Vec2) -> Self {
        self.size = Some(size);
        self
    }

    /// Neither zoomed nor moved nor clicked: the wheel scrolls what it stands in.
    pub fn still(mut self) -> Self {
        self.is_still = true;
        self
    }

    /// Draws, and applies what the user did to `state`.
    pub fn show(self, ui: &mut Ui, state: &mut CanvasView) -> CanvasResponse {
        let size = self.size.unwrap_or_else(|| ui.available_size()).max(Vec2::splat(16.0));
        let sense = if self.is_still { Sense::hover() } else { Sense::click_and_drag() };
        let (rect, response) = ui.allocate_exact_size(size, sense);
        let pixels_per_point = ui.pixels_per_point();
        let rect = rect.round_to_pixels(pixels_per_point);
        let limits = Limits {
            content: crate::render::content_rect_px(self.layout),
            canvas_px: [rect.width(), rect.height()].map(|s| f64::from(s * pixels_per_point)),
        };
        if !self.is_still {
            navigate(ui, &response, state, limits, rect);
        }
        let shown = state.resolve(limits);
        let projection = Projection::new(rect, pixels_per_point, shown);
        let combine = self.heat.as_ref().map(|(_, style)| style.combine).unwrap_or_default();
        let patch_at = |at: Pos2| {
            let (x, y) = projection.photo_from_ui(at);
            self.layout.cell_at(x, y, combine)
        };
        let pointer = response.hover_pos().filter(|at| rect.contains(*at));
        let hovered = pointer.and_then(patch_at);
        // A click beside an open menu closes it and is no click on the photo.
        let is_click = response.clicked() && !response.double_clicked() && !egui::Popup::is_any_open(ui.ctx());
        let clicked = response.interact_pointer_pos().filter(|_| is_click);
        let clicked = clicked.and_then(patch_at).map(|pos| (pos, ui.input(|i| i.modifiers)));
        let note = self.note(ui.ctx());
        let layout = self.layout;
        let photo_rect = projection.ui_rect(RectPx::of(layout.image()));
        let label = self.label.clone();
        if ui.is_rect_visible(rect) {
            self.paint(ui, &response, rect, &projection);
            if let Some(patch) = hovered.and_then(|pos| layout.rect_of(pos)) {
                outline_hovered(ui, rect, projection.ui_rect(patch));
            }
            focus_ring(ui, &response, rect);
        }
        response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Image, ui.is_enabled(), &label));
        CanvasResponse {
            hovered,
            hovered_px: pointer.map(|at| projection.photo_from_ui(at)),
            clicked,
            rect,
            photo_rect,
            factor: shown.factor,
            note,
            response,
        }
    }

    fn note(&self, ctx: &egui::Context) -> Option<String> {
        let scaled = gpu::info(ctx).and_then(|info| info.scaled_note(self.photo));
        let missing = self.heat.as_ref().map_or(0, |(map, _)| missing_values(self.layout.len(), &map.values));
        let missing = match missing {
            0 => None,
            1 => Some("1 patch has no value and is left clear".to_owned()),
            _ => Some(format!("{missing} patches have no value and are left clear")),
        };
        let notes: Vec<String> = scaled.into_iter().chain(missing).collect();
        (!notes.is_empty()).then(|| notes.join(". "))
    }

    fn paint(self, ui: &Ui, response: &egui::Response, rect: Rect, projection: &Projection) {
        let pixels_per_point = ui.pixels_per_point();
        ui.painter().rect_filled(rect, 0.0, ui.visuals().extreme_bg_color);
        // Only what can be seen: egui clamps a callback's viewport to the window.
        let visible = rect.intersect(ui.clip_rect()).round_to_pixels(pixels_per_point);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sides of a visible rectangle")]
        let side = |points: f32| (points * pixels_per_point).round().max(0.0) as u32;
        let out_size = [side(visible.width()), side(visible.height())];
        if out_size.contains(&0) {
            return;
        }
        let window =
            Window { rect_px: projection.photo_rect(visible), out_size, line_px: pixels_per_point.round().max(1.0) };
        let scene =
            Scene { photo: self.photo.clone(), layout: Arc::clone(self.layout), heat: self.heat, marks: self.marks };
        let prompt = self.prompt.filter(|(mask, _)| {
            let ImageSize { width_px, height_px } = self.photo.size();
            mask.size_px() == [width_px, height_px]
        });
        let layers = fallback::Layers { prompt, masks: self.masks, overlap: self.overlap };
        // What a texture cannot hold pixel by pixel is painted on the CPU instead of not at all.
        let bare = layers.masks.is_empty() && layers.overlap.is_none() && layers.prompt.is_none();
        match gpu::info(ui.ctx()).filter(|info| bare || info.fits_size(self.layout.image())) {
            Some(_) => {
                ui.painter().add(gpu::heat_shape(visible, scene, window));
                if let Some((mask, style)) = layers.prompt {
                    ui.painter().add(gpu::prompt_shape(visible, self.photo.clone(), mask, style, window));
                }
                if let Some((map, mask, style)) = layers.overlap {
                    ui.painter().add(gpu::overlap_shape(visible, map, mask, style, window));
                }
                if !layers.masks.is_empty() {
                    ui.painter().add(gpu::masks_shape(visible, layers.masks, window));
                }
            }
            None => {
                ui.painter().add(fallback::heat_shape(ui.ctx(), response.id, visible, &scene, &layers, &window));
            }
        }
        let painter = ui.painter().with_clip_rect(visible);
        for (patches, square) in [(&self.circled, false), (&self.squared, true)] {
            for patch in patches.iter().filter_map(|pos| self.layout.rect_of(*pos)) {
                mark_patch(&painter, projection.ui_rect(patch), square);
            }
        }
    }
}

/// Wheel, pinch, drag and keys.
fn navigate(ui: &Ui, response: &egui::Response, state: &mut CanvasView, limits: Limits, rect: Rect) {
    let pixels_per_point = ui.pixels_per_point();
    let px = |v: Vec2| [v.x, v.y].map(|c| f64::from(c * pixels_per_point));
    if response.double_clicked() {
        state.fit();
    }
    if response.dragged_by(PointerButton::Primary) || response.dragged_by(PointerButton::Middle) {
        let delta = response.drag_delta();
        if delta != Vec2::ZERO {
            state.pan(px(delta), limits);
        }
        ui.set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    if let Some(at) = response.hover_pos() {
        let (pinch, scroll) = ui.input(|i| (f64::from(i.zoom_delta()), i.smooth_scroll_delta()));
        let ratio = pinch * (f64::from(scroll.y) * ZOOM_PER_POINT).exp();
        if (ratio - 1.0).abs() > 1e-9 {
            state.zoom_around(px(at - rect.center()), ratio, limits);
            // Used up: nothing around the canvas shall scroll as well.
            ui.input_mut(|i| i.smooth_scroll_delta = Vec2::ZERO);
        }
    }
    let attended = response.hovered() || response.has_focus();
    if attended && ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::F)) {
        state.fit();
    }
    if response.has_focus() {
        let pressed = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        if pressed(Key::Num0) {
            state.fit();
        }
        if pressed(Key::Num1) {
            state.one_to_one();
        }
        if pressed(Key::Plus) || pressed(Key::Equals) {
            state.zoom_around([0.0; 2], ZOOM_PER_KEY, limits);
        }
        if pressed(Key::Minus) {
            state.zoom_around([0.0; 2], 1.0 / ZOOM_PER_KEY, limits);
        }
    }
}

/// A circle, or a square inside the patch: light on dark, visible on every photo.
fn mark_patch(painter: &egui::Painter, patch: Rect, square: bool) {
    let lines = [Stroke::new(3.5, theme::MARK_DARK), Stroke::new(1.5, theme::MARK_LIGHT)];
    for stroke in lines {
        if square {
            painter.rect_stroke(patch.shrink(0.28 * patch.width()), 0.0, stroke, StrokeKind::Middle);
        } else {
            painter.circle_stroke(patch.center(), 0.42 * patch.width().min(patch.height()), stroke);
        }
    }
}

/// A thin light line on a dark one: visible on every photo, lighter than a selection.
fn outline_hovered(ui: &Ui, canvas: Rect, patch: Rect) {
    let painter = ui.painter().with_clip_rect(canvas.intersect(ui.clip_rect()));
    let patch = patch.round_to_pixels(ui.pixels_per_point());
    painter.rect_stroke(patch, 0.0, Stroke::new(1.0, theme::MARK_DARK), StrokeKind::Outside);
    painter.rect_stroke(patch, 0.0, Stroke::new(1.0, theme::MARK_LIGHT), StrokeKind::Inside);
}

fn focus_ring(ui: &Ui, response: &egui::Response, rect: Rect) {
    if response.has_focus() {
        ui.painter().rect_stroke(rect, 0.0, ui.visuals().selection.stroke, StrokeKind::Inside);
    }
}
