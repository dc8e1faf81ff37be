//! What to draw, before it is known by whom.

use super::{HeatMap, HeatStyle, PhotoTexture};
use crate::geometry::{ModelView, PatchGrid, PatchPos, RectPx};
use std::collections::BTreeSet;

/// A photo, what the model saw of it, and what is laid over it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The photo.
    pub photo: PhotoTexture,
    /// Where the patches lie on it.
    pub view: ModelView,
    /// Values and how they are coloured; `None` shows the bare photo.
    pub heat: Option<(HeatMap, HeatStyle)>,
    /// Lines and outlines.
    pub marks: Marks,
}

/// Lines and outlines on top; their width does not depend on the zoom.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// Patches with an outline; neighbours share one.
    pub selected: BTreeSet<PatchPos>,
    /// Lines between patches; they fade out where patches are a few pixels small.
    pub grid_lines: bool,
    /// Mark the limits of what the model saw: photo outside darkened, padding tinted, a line between.
    pub border: bool,
}

/// The part of the photo's plane that is drawn, and into how many pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// In pixels of the photo; may reach beyond it.
    pub rect_px: RectPx,
    /// Columns and rows of the drawn picture.
    pub out_size: [u32; 2],
    /// Width of lines in drawn pixels: 1, or 2 on a screen with two pixels per point.
    pub line_px: f32,
}

impl Window {
    /// All that there is to see (the photo and the padding around it) at `scale` drawn pixels per photo pixel.
    pub fn whole(view: &ModelView, scale: f64) -> Self {
        let rect_px = content_rect_px(view);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of pictures, at least 1")]
        let side = |length: f64| (length * scale).round().max(1.0) as u32;
        Self { rect_px, out_size: [side(rect_px.x1 - rect_px.x0), side(rect_px.y1 - rect_px.y0)], line_px: 1.0 }
    }
}

/// The photo and, where the model saw more than the photo, that too.
pub(crate) fn content_rect_px(view: &ModelView) -> RectPx {
    let (w, h) = (f64::from(view.image.width_px), f64::from(view.image.height_px));
    let r = view.rect_px;
    RectPx { x0: r.x0.min(0.0), y0: r.y0.min(0.0), x1: r.x1.max(w), y1: r.y1.max(h) }
}

/// One byte per patch, row-major: 1 where selected.
pub fn selection_mask(grid: PatchGrid, selected: &BTreeSet<PatchPos>) -> Vec<u8> {
    let mut mask = vec![0; grid.len()];
    for pos in selected.iter().filter(|pos| pos.row < grid.rows && pos.col < grid.cols) {
        if let Some(cell) = mask.get_mut(grid.idx(*pos)) {
            *cell = 1;
        }
    }
    mask
}
