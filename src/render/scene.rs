//! What to draw, before it is known by whom.

use super::{HeatMap, HeatStyle, PhotoTexture};
use crate::geometry::{ImageLayout, PatchPos, RectPx};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A photo, what the model saw of it, and what is laid over it.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The photo.
    pub photo: PhotoTexture,
    /// Where the patches lie on it.
    pub layout: Arc<ImageLayout>,
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
    pub fn whole(layout: &ImageLayout, scale: f64) -> Self {
        let rect_px = content_rect_px(layout);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes of pictures, at least 1")]
        let side = |length: f64| (length * scale).round().max(1.0) as u32;
        Self { rect_px, out_size: [side(rect_px.x1 - rect_px.x0), side(rect_px.y1 - rect_px.y0)], line_px: 1.0 }
    }
}

/// The photo and, where the model saw more than the photo, that too.
pub(crate) fn content_rect_px(layout: &ImageLayout) -> RectPx {
    layout.seen_px().around(RectPx::of(layout.image()))
}

/// One byte per cell of a layout: 1 where selected.
pub fn selection_mask(layout: &ImageLayout, selected: &BTreeSet<PatchPos>) -> Vec<u8> {
    let mut mask = vec![0; layout.len()];
    for idx in selected.iter().filter_map(|pos| layout.idx(*pos)) {
        if let Some(cell) = mask.get_mut(idx) {
            *cell = 1;
        }
    }
    mask
}
