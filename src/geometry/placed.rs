//! A region of a layout, as far as it lies on the photo.

use super::{PatchGrid, PatchPos, RectPx};

/// A region with pixels, and where its cells lie in a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedRegion {
    /// Number of the region in its layout.
    pub idx: usize,
    /// Place of its first cell in a map.
    pub first_cell: usize,
    /// Its cells.
    pub grid: PatchGrid,
    /// What they cover.
    pub rect_px: RectPx,
}

impl PlacedRegion {
    /// One past its last cell in a map.
    pub fn end_cell(&self) -> usize {
        self.first_cell.saturating_add(self.grid.len())
    }

    /// Its part of a map's values; empty if they are too few.
    pub fn values<'a, T>(&self, values: &'a [T]) -> &'a [T] {
        values.get(self.first_cell..self.end_cell()).unwrap_or_default()
    }

    /// The pixels of the photo that a cell covers.
    pub fn cell_rect_px(&self, row: usize, col: usize) -> RectPx {
        let r = self.rect_px;
        let (cw, ch) = ((r.x1 - r.x0) / self.grid.cols as f64, (r.y1 - r.y0) / self.grid.rows as f64);
        RectPx {
            x0: r.x0 + cw * col as f64,
            y0: r.y0 + ch * row as f64,
            x1: r.x0 + cw * (col + 1) as f64,
            y1: r.y0 + ch * (row + 1) as f64,
        }
    }

    /// The cell that covers a point of the photo.
    pub fn pos_at(&self, x_px: f64, y_px: f64) -> Option<PatchPos> {
        let r = self.rect_px;
        let (u, v) = ((x_px - r.x0) / (r.x1 - r.x0), (y_px - r.y0) / (r.y1 - r.y0));
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 <= u < 1, so the product is within the grid"
        )]
        let at = |t: f64, n: usize| ((t * n as f64) as usize).min(n.saturating_sub(1));
        Some(PatchPos { region: self.idx, row: at(v, self.grid.rows), col: at(u, self.grid.cols) })
    }
}
