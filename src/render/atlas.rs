//! The values of several regions in one texture, and where each region lies in a drawn picture.

use super::{GridTexels, Window, resample::texel};
use crate::geometry::{Combine, ImageLayout, PlacedRegion, RectPx};

/// Rows of a column of regions: every device has textures of twice as many.
const MOST_ROWS: usize = 4096;

/// Where the texels of each region begin: one below the other, in as many columns as are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Atlas {
    /// Columns and rows, at least one.
    pub(super) size: [usize; 2],
    /// Column and row of the first texel of each placed region.
    pub(super) places: Vec<[usize; 2]>,
}

impl Atlas {
    pub(super) fn new(layout: &ImageLayout) -> Self {
        let width = layout.placed().map(|region| region.grid.cols).max().unwrap_or(1);
        let (mut at, mut rows) = ([0, 0], 1);
        let mut places = Vec::new();
        for region in layout.placed() {
            if at[1] > 0 && at[1] + region.grid.rows > MOST_ROWS {
                at = [at[0] + width, 0];
            }
            places.push(at);
            at[1] += region.grid.rows;
            rows = rows.max(at[1]);
        }
        Self { size: [at[0] + width, rows], places }
    }

    /// The texels of a value for each cell of the layout.
    pub(super) fn texels<T: Copy>(&self, layout: &ImageLayout, values: impl Fn(usize) -> T, rest: T) -> Vec<T> {
        let mut texels = vec![rest; self.size[0].saturating_mul(self.size[1])];
        for (region, [x, y]) in layout.placed().zip(&self.places) {
            for row in 0..region.grid.rows {
                let start = (y + row) * self.size[0] + x;
                let line = texels.get_mut(start..start + region.grid.cols).unwrap_or_default();
                for (col, texel) in line.iter_mut().enumerate() {
                    *texel = values(region.first_cell + row * region.grid.cols + col);
                }
            }
        }
        texels
    }

    /// Values of a map, missing ones marked.
    pub(super) fn heat(&self, layout: &ImageLayout, values: &[f32]) -> Vec<f32> {
        self.texels(layout, |cell| texel(values.get(cell)), super::resample::MISSING)
    }
}

/// A region as `shaders/heat.wgsl` reads it.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Default, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct RegionNumbers {
    /// Drawn pixels to cells: factor.
    pub(super) scale: [f32; 2],
    /// Drawn pixels to cells: offset.
    pub(super) offset: [f32; 2],
    /// Columns and rows.
    pub(super) grid: [f32; 2],
    /// Column and row of its first texel.
    pub(super) first: [f32; 2],
    /// Whether its values count: 1.
    pub(super) counts: u32,
    /// The size is a multiple of 16 bytes.
    padding: [u32; 3],
}

impl RegionNumbers {
    /// Of every placed region, in double precision and narrowed last, so that deep zooms stay registered.
    pub(super) fn all(layout: &ImageLayout, window: &Window, combine: Combine) -> Vec<Self> {
        let (atlas, combine) = (Atlas::new(layout), layout.in_force(combine));
        let of = |(region, first): (PlacedRegion, &[usize; 2])| {
            let (scale, offset) = affine(window, region.rect_px, [region.grid.cols, region.grid.rows]);
            let grid = narrow([region.grid.cols as f64, region.grid.rows as f64]);
            let (first, counts) = (first.map(|at| at as f32), u32::from(combine.counts(region.idx)));
            Self { scale, offset, grid, first, counts, padding: [0; 3] }
        };
        layout.placed().zip(&atlas.places).map(of).collect()
    }
}

/// Drawn pixels to `cells` (columns, rows) of a rectangle: factor and offset.
pub(super) fn affine(window: &Window, rect: RectPx, cells: [usize; 2]) -> ([f32; 2], [f32; 2]) {
    let r = window.rect_px;
    let [out_w, out_h] = window.out_size.map(|n| f64::from(n.max(1)));
    let (step_x, step_y) = ((r.x1 - r.x0) / out_w, (r.y1 - r.y0) / out_h);
    let [cols, rows] = cells.map(|n| n.max(1) as f64);
    let (cell_w, cell_h) = ((rect.x1 - rect.x0) / cols, (rect.y1 - rect.y0) / rows);
    (narrow([step_x / cell_w, step_y / cell_h]), narrow([(r.x0 - rect.x0) / cell_w, (r.y0 - rect.y0) / cell_h]))
}

/// The texels of every placed region, for the CPU.
pub(super) fn region_texels(layout: &ImageLayout, values: &[f32]) -> Vec<GridTexels> {
    layout.placed().map(|region| GridTexels::new(region.grid, region.values(values))).collect()
}

pub(super) fn narrow<const N: usize>(values: [f64; N]) -> [f32; N] {
    #[expect(clippy::cast_possible_truncation, reason = "the shader computes in single precision")]
    values.map(|v| v as f32)
}
