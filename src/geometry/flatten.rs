//! Maps of several regions as one even grid, for pictures that are too small for more.

use super::{Combine, ImageLayout, PatchGrid, PlacedRegion, RectPx};

/// Most rows and columns of a flattened grid.
const MOST_SIDE: usize = 96;
/// A cell that covers less of another than this covers it by rounding.
const LEAST_PART: f64 = 1e-9;

/// How a map of a layout becomes one even grid over all that the model saw.
///
/// One region is its own grid and keeps its values to the bit. Several become a grid whose cells are as small as the
/// smallest of theirs (at most 96 a side), each with the values of the cells that it overlaps, by area.
#[derive(Debug, Clone, PartialEq)]
pub struct Flattening {
    grid: PatchGrid,
    combine: Combine,
    /// (region, cell, part of the target cell) of each target cell; `None` for a grid that is one already.
    parts: Option<Vec<Vec<(usize, usize, f64)>>>,
}

impl Flattening {
    /// Finds what overlaps.
    pub fn new(layout: &ImageLayout, combine: Combine) -> Self {
        let (placed, combine): (Vec<PlacedRegion>, _) = (layout.placed().collect(), layout.in_force(combine));
        let [one] = placed.as_slice() else { return Self::over(layout, &placed, combine) };
        Self { grid: one.grid, combine, parts: None }
    }

    fn over(layout: &ImageLayout, placed: &[PlacedRegion], combine: Combine) -> Self {
        let seen = layout.seen_px();
        let size = |of: fn(RectPx) -> f64| {
            let cells = placed.iter().map(|region| of(region.cell_rect_px(0, 0)));
            count(of(seen) / cells.fold(f64::INFINITY, f64::min))
        };
        let grid = PatchGrid { rows: size(|r| r.y1 - r.y0), cols: size(|r| r.x1 - r.x0) };
        let whole = PlacedRegion { idx: 0, first_cell: 0, grid, rect_px: seen };
        let mut parts = vec![Vec::new(); grid.len()];
        for region in placed {
            let down =
                overlaps(whole.grid.rows, [seen.y0, seen.y1], region.grid.rows, [region.rect_px.y0, region.rect_px.y1]);
            let across =
                overlaps(whole.grid.cols, [seen.x0, seen.x1], region.grid.cols, [region.rect_px.x0, region.rect_px.x1]);
            for (target_row, rows) in down.iter().enumerate() {
                for (target_col, cols) in across.iter().enumerate() {
                    let Some(target) = parts.get_mut(target_row * grid.cols + target_col) else { continue };
                    for (row, height) in rows {
                        for (col, width) in cols {
                            target.push((region.idx, region.first_cell + row * region.grid.cols + col, height * width));
                        }
                    }
                }
            }
        }
        Self { grid, combine, parts: Some(parts) }
    }

    /// Of the flattened maps.
    pub fn grid(&self) -> PatchGrid {
        self.grid
    }

    /// One map for sums over neighbours. **Shape**: a value for each cell of the layout, to `[rows, cols]`; 0 where no
    /// region lies, and no number (NaN) wherever a value that would count is none.
    pub fn without_gaps(&self, values: &[f32]) -> Vec<f32> {
        let Some(parts) = &self.parts else { return values.to_vec() };
        #[expect(clippy::cast_possible_truncation, reason = "between values that are f32")]
        let value = |parts: &Vec<(usize, usize, f64)>| {
            let counted = parts.iter().filter(|(region, _, _)| self.combine.counts(*region));
            let here = counted.map(|(region, cell, part)| {
                (*region, values.get(*cell).map_or(f64::NAN, |value| f64::from(*value)), *part)
            });
            let here: Vec<_> = here.collect();
            let is_number = here.iter().all(|(_, value, _)| value.is_finite());
            if is_number { self.combine.of(here).map_or(0.0, |value| value as f32) } else { f32::NAN }
        };
        parts.iter().map(value).collect()
    }

    /// One map. **Shape**: a value for each cell of the layout, to `[rows, cols]`; NaN where no region lies.
    pub fn of<'a>(&self, values: &'a [f32]) -> std::borrow::Cow<'a, [f32]> {
        let Some(parts) = &self.parts else { return values.into() };
        let at = |(region, cell, part): &(usize, usize, f64)| {
            values.get(*cell).filter(|value| value.is_finite()).map(|value| (*region, f64::from(*value), *part))
        };
        #[expect(clippy::cast_possible_truncation, reason = "between values that are f32")]
        let value = |parts: &Vec<(usize, usize, f64)>| {
            self.combine.of(parts.iter().filter_map(at)).map_or(f32::NAN, |value| value as f32)
        };
        parts.iter().map(value).collect::<Vec<_>>().into()
    }
}

fn count(ratio: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a small whole number")]
    let cells = (ratio - 1e-6).ceil().clamp(1.0, MOST_SIDE as f64) as usize;
    cells
}

/// For each of `targets` even cells between two edges: the cells of another axis that lie on it, and how much of it.
fn overlaps(targets: usize, [t0, t1]: [f64; 2], cells: usize, [c0, c1]: [f64; 2]) -> Vec<Vec<(usize, f64)>> {
    let (target, cell) = ((t1 - t0) / targets as f64, (c1 - c0) / cells as f64);
    let of = |idx: usize| {
        let [start, end] = [idx, idx + 1].map(|at| t0 + target * at as f64);
        let part = |at: usize| {
            let covered = (c0 + cell * (at + 1) as f64).min(end) - (c0 + cell * at as f64).max(start);
            covered / target
        };
        (0..cells).map(|at| (at, part(at))).filter(|(_, part)| *part > LEAST_PART).collect()
    };
    (0..targets).map(of).collect()
}
