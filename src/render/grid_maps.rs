//! Many maps side by side (layers x heads), and the CPU twin of `shaders/grid.wgsl`.

use super::colour::{origin_and_scale, to_byte};
use super::resample::texel;
use super::{Colouring, HeatStyle, Picture, colormap, missing_values, value_range};
use crate::geometry::PatchGrid;
use std::sync::Arc;

/// Which raw values the ends of the colour map mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum GridRange {
    /// Each map has its own: structure is visible in every one, brightness does not compare.
    PerMap,
    /// All maps share the range of all values.
    Shared,
    /// All maps have this one.
    Fixed([f32; 2]),
}

/// One map per layer and head, with ranges. Clones share the values.
#[derive(Debug, Clone, PartialEq)]
pub struct GridMaps {
    key: u64,
    layers: usize,
    heads: usize,
    grid: PatchGrid,
    values: Arc<[f32]>,
    ranges: Arc<[[f32; 2]]>,
}

/// What one map amounts to, for a tooltip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapSummary {
    /// Largest finite value.
    pub max: f32,
    /// Where it is, as an index of the patch.
    pub argmax: usize,
    /// Sum of the finite values, in double precision.
    pub total: f64,
    /// Patches without a finite value.
    pub missing: usize,
}

/// Where the maps lie in a picture, in whole pixels, and how they are coloured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GridLayout {
    /// Columns and rows of one map.
    pub cell_px: [u32; 2],
    /// Between maps.
    pub gap_px: u32,
    /// Index into the colour map registry.
    pub colormap: usize,
    /// Exponent on the position.
    pub gamma: f32,
}

impl GridMaps {
    /// **Shape** of `values`: (layers, heads, rows, cols). Values that are not there count as missing.
    ///
    /// `key` names the values' content. Ranges are computed here, over all values: call it when the selection changes,
    /// not every frame.
    pub fn new(key: u64, [layers, heads]: [usize; 2], grid: PatchGrid, values: Arc<[f32]>, range: GridRange) -> Self {
        let patches = grid.len().max(1);
        let ranges: Arc<[[f32; 2]]> = match range {
            GridRange::Fixed(range) => [range].into(),
            GridRange::Shared => [value_range(&values).map_or([0.0, 1.0], from_zero)].into(),
            GridRange::PerMap => {
                let maps = values.chunks(patches).chain(std::iter::repeat::<&[f32]>(&[]));
                maps.take(layers * heads).map(|map| value_range(map).map_or([0.0, 1.0], from_zero)).collect()
            }
        };
        Self { key, layers, heads, grid, values, ranges }
    }

    /// Content key of the values.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Rows of maps.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Columns of maps.
    pub fn heads(&self) -> usize {
        self.heads
    }

    /// Patches of one map.
    pub fn grid(&self) -> PatchGrid {
        self.grid
    }

    /// One range per map, or one for all.
    pub fn ranges(&self) -> &[[f32; 2]] {
        &self.ranges
    }

    /// All values as textures hold them.
    pub(super) fn texels(&self) -> impl Iterator<Item = f32> {
        (0..self.layers * self.heads * self.grid.len()).map(|i| texel(self.values.get(i)))
    }

    /// Lowest value and 1 / width of each range, as textures hold them.
    pub(super) fn scales(&self, colormap_idx: usize) -> Vec<[f32; 2]> {
        let map = colormap(colormap_idx);
        self.ranges.iter().map(|range| origin_and_scale(map.effective_range(*range))).collect()
    }

    /// Patches of all maps without a finite value.
    pub fn missing(&self) -> usize {
        missing_values(self.layers * self.heads * self.grid.len(), &self.values)
    }

    /// The values of one map.
    pub fn map(&self, layer_idx: usize, head_idx: usize) -> Option<&[f32]> {
        if layer_idx >= self.layers || head_idx >= self.heads {
            return None;
        }
        let start = (layer_idx * self.heads + head_idx) * self.grid.len();
        self.values.get(start..start + self.grid.len())
    }

    /// The range one map is coloured with.
    pub fn range(&self, layer_idx: usize, head_idx: usize) -> Option<[f32; 2]> {
        let idx = if self.ranges.len() == 1 { 0 } else { layer_idx * self.heads + head_idx };
        self.ranges.get(idx).copied()
    }

    /// Maximum, its place, and the sum of one map.
    pub fn summary(&self, layer_idx: usize, head_idx: usize) -> Option<MapSummary> {
        let values = self.map(layer_idx, head_idx)?;
        let missing = missing_values(self.grid.len(), values);
        let finite = || values.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
        let (argmax, max) = finite().reduce(|best, next| if next.1 > best.1 { next } else { best })?;
        Some(MapSummary { max, argmax, total: finite().map(|(_, v)| f64::from(v)).sum(), missing })
    }
}

/// Attention starts at 0 whatever its smallest value is; only signed maps reach below.
fn from_zero([lo, hi]: [f32; 2]) -> [f32; 2] {
    [lo.min(0.0), hi]
}

impl GridLayout {
    /// Columns and rows of the picture of all maps, without a gap after the last.
    pub fn size_px(&self, maps: &GridMaps) -> [u32; 2] {
        let side = |n: usize, cell: u32| {
            let n = u32::try_from(n).unwrap_or(u32::MAX);
            n.saturating_mul(cell.saturating_add(self.gap_px)).saturating_sub(self.gap_px)
        };
        [side(maps.heads, self.cell_px[0]), side(maps.layers, self.cell_px[1])]
    }
}

/// The patches that pixel `i` of `cell` pixels shows, of `n`: the one under its centre, or, where patches are smaller
/// than pixels, all that it touches, so that a single hot patch cannot fall between pixels. Whole numbers, exact on
/// every device.
fn patches_under(i: u32, cell: u32, n: u32) -> std::ops::Range<u32> {
    let cell = cell.max(1);
    if n <= cell {
        let at = (2 * i + 1) * n / (2 * cell);
        at..at + 1
    } else {
        i * n / cell..((i + 1) * n).div_ceil(cell)
    }
}

/// Draws all maps. Pure: same input, same bytes.
pub fn compose_grid(maps: &GridMaps, layout: &GridLayout) -> Picture {
    let [w, h] = layout.size_px(maps);
    let mut rgba = vec![0_u8; 4 * w as usize * h as usize];
    let [pitch_x, pitch_y] = layout.cell_px.map(|c| (c + layout.gap_px).max(1));
    let map = colormap(layout.colormap);
    let style = HeatStyle { gamma: layout.gamma, opacity: 1.0, alpha_ramp: 0.0, ..HeatStyle::default() };
    let (scales, side) = (maps.scales(layout.colormap), |n: usize| u32::try_from(n).unwrap_or(u32::MAX));
    let (cols, rows) = (side(maps.grid.cols), side(maps.grid.rows));
    for (idx, pixel) in rgba.as_chunks_mut::<4>().0.iter_mut().enumerate() {
        let idx = side(idx);
        let (x, y) = (idx % w, idx / w);
        if x % pitch_x >= layout.cell_px[0] || y % pitch_y >= layout.cell_px[1] {
            continue;
        }
        let map_idx = (y / pitch_y) as usize * maps.heads + (x / pitch_x) as usize;
        let first = map_idx * maps.grid.len();
        let values = patches_under(y % pitch_y, layout.cell_px[1], rows).flat_map(|row| {
            patches_under(x % pitch_x, layout.cell_px[0], cols)
                .map(move |col| first + row as usize * maps.grid.cols + col as usize)
        });
        let peak = values.filter_map(|i| maps.values.get(i)).copied().filter(|v| v.is_finite()).reduce(f32::max);
        let scale = scales.get(if scales.len() == 1 { 0 } else { map_idx });
        if let (Some(peak), Some(&[lo, inv_width])) = (peak, scale) {
            let colouring = Colouring { lo, inv_width, ..Colouring::new(&style, map) };
            *pixel = colouring.paint(peak, map).map(to_byte);
        }
    }
    Picture { size: [w, h], rgba, missing: maps.missing() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: PatchGrid = PatchGrid { rows: 2, cols: 2 };

    fn maps(range: GridRange) -> GridMaps {
        let values = [0.0, 0.1, 0.2, 0.4, 0.0, 0.0, 0.0, 0.8];
        GridMaps::new(1, [1, 2], GRID, values.as_slice().into(), range)
    }

    #[test]
    fn ranges_are_per_map_shared_or_fixed() {
        assert_eq!(maps(GridRange::PerMap).ranges(), [[0.0, 0.4], [0.0, 0.8]], "each its own");
        assert_eq!(maps(GridRange::Shared).ranges(), [[0.0, 0.8]], "one for all");
        assert_eq!(maps(GridRange::Fixed([0.0, 2.0])).range(0, 1), Some([0.0, 2.0]), "as given");
    }

    #[test]
    fn summaries_name_maximum_place_and_total() {
        let summary = maps(GridRange::PerMap).summary(0, 0);
        assert!(
            summary.is_some_and(|s| s.argmax == 3 && (s.total - 0.7).abs() < 1e-6 && (s.max - 0.4).abs() < 1e-6),
            "{summary:?}"
        );
        assert_eq!(maps(GridRange::PerMap).summary(1, 0), None, "there is no second layer");
    }

    #[test]
    fn every_patch_shows_however_small_the_map_is() {
        for (cell, n) in [(3_u32, 24_u32), (12, 24), (24, 24), (7, 24), (50, 24), (1, 1)] {
            let shown: std::collections::BTreeSet<u32> = (0..cell).flat_map(|i| patches_under(i, cell, n)).collect();
            assert_eq!(shown, (0..n).collect(), "{cell} pixels for {n} patches");
        }
    }

    #[test]
    fn a_composed_grid_has_maps_gaps_and_their_colours() {
        let layout = GridLayout { cell_px: [4, 4], gap_px: 2, colormap: 5, gamma: 1.0 };
        let picture = compose_grid(&maps(GridRange::PerMap), &layout);
        assert_eq!(picture.size, [10, 4], "two maps and a gap");
        let at = |x: usize, y: usize| picture.rgba[4 * (y * 10 + x)..][..4].to_vec();
        assert_eq!(at(3, 3), [255; 4], "the largest value of the first map is white");
        assert_eq!(at(0, 0), [0, 0, 0, 255], "its smallest is black");
        assert_eq!(at(4, 0), [0; 4], "the gap is clear");
        assert_eq!(at(9, 3), [255; 4], "so is the second map's own maximum");
    }
}
