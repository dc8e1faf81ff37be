//! How much of a mask lies on each patch: once a mask, then every map of the photo is compared with it patch by patch.

use super::error::expect_len;
use super::photo_map::patch_of;
use super::{LocalisationError, SeenRect};
use crate::geometry::{Combine, ImageLayout, PlacedRegion};
use std::collections::HashMap;

/// Pixels of the photo, and those of them inside the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// Whose centres lie here.
    pub pixels: u64,
    /// Inside the mask.
    pub inside: u64,
}

/// Pixels that have the same cells of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fragment {
    /// (region, cell) of each region that covers them.
    cells: Vec<(usize, usize)>,
    covered: Covered,
}

/// How much of a mask lies on each patch: once a mask, then every map of the photo is compared with it patch by patch.
/// Where regions overlap, it is counted by the pieces into which they cut each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchCoverage {
    num_cells: usize,
    combine: Combine,
    fragments: Vec<Fragment>,
    unseen: Covered,
}

/// The cell of every seen pixel of a region, by column and by row.
struct Columns {
    region: PlacedRegion,
    seen: SeenRect,
    across: Vec<usize>,
    down: Vec<usize>,
}

impl Columns {
    fn new(layout: &ImageLayout, region: PlacedRegion) -> Self {
        let (r, seen) = (region.rect_px, SeenRect::of(layout.image(), region.rect_px));
        let across = patch_of([seen.x0, seen.x1], [r.x0, r.x1], region.grid.cols);
        let down = patch_of([seen.y0, seen.y1], [r.y0, r.y1], region.grid.rows);
        Self { region, seen, across, down }
    }

    fn cell(&self, x: u32, y: u32) -> Option<usize> {
        let at = |line: &[usize], px: u32, first: u32| line.get(px.checked_sub(first)? as usize).copied();
        let (row, col) = (at(&self.down, y, self.seen.y0)?, at(&self.across, x, self.seen.x0)?);
        Some(self.region.first_cell + row * self.region.grid.cols + col)
    }
}

impl PatchCoverage {
    /// Counts a mask's pixels by the cells that their centres lie in.
    ///
    /// **Shape**: `inside` `[height_px, width_px]` of the layout's photo, row-major.
    pub fn new(layout: &ImageLayout, inside: &[bool], combine: Combine) -> Result<Self, LocalisationError> {
        let (width, height) = (layout.image().width_px as usize, layout.image().height_px as usize);
        expect_len("mask pixels", width.saturating_mul(height), inside.len())?;
        let combine = layout.in_force(combine);
        let counted = layout.placed().filter(|region| combine.counts(region.idx));
        let regions: Vec<Columns> = counted.map(|region| Columns::new(layout, region)).collect();
        let fragments = match regions.as_slice() {
            [one] => of_one(one, inside, width),
            several => of_several(several, inside, width),
        };
        let all =
            Covered { pixels: inside.len() as u64, inside: inside.iter().filter(|inside| **inside).count() as u64 };
        let seen = sum(&fragments);
        let unseen = Covered { pixels: all.pixels - seen.pixels, inside: all.inside - seen.inside };
        Ok(Self { num_cells: layout.len(), combine, fragments, unseen })
    }

    /// Values of the maps that it goes with.
    pub fn num_cells(&self) -> usize {
        self.num_cells
    }

    /// A map's value on every piece of the photo, and how much of the mask lies there; cells of padding have no pixels.
    ///
    /// **Errors**: a map of another number of cells.
    pub fn with<'a>(
        &'a self,
        values: &'a [f32],
    ) -> Result<impl Iterator<Item = (f32, Covered)> + 'a, LocalisationError> {
        if values.len() != self.num_cells {
            return Err(LocalisationError::WrongGrid { expected: self.num_cells, found: values.len() });
        }
        let at = |cell: usize| values.get(cell).copied().unwrap_or(0.0);
        Ok(self.fragments.iter().map(move |fragment| {
            let value = match fragment.cells.as_slice() {
                [(_, cell)] => at(*cell),
                several => {
                    let parts = several.iter().map(|(region, cell)| (*region, f64::from(at(*cell)), 1.0));
                    super::photo_map::narrow(self.combine.of(parts).unwrap_or(0.0))
                }
            };
            (value, fragment.covered)
        }))
    }

    /// What the model saw.
    pub fn seen(&self) -> Covered {
        sum(&self.fragments)
    }

    /// What it did not see.
    pub fn unseen(&self) -> Covered {
        self.unseen
    }
}

/// A fragment for each cell.
fn of_one(one: &Columns, inside: &[bool], width: usize) -> Vec<Fragment> {
    let cells = one.region.first_cell..one.region.end_cell();
    let mut fragments: Vec<Fragment> =
        cells.map(|cell| Fragment { cells: vec![(one.region.idx, cell)], covered: Covered::default() }).collect();
    for (y, &row) in (one.seen.y0 as usize..).zip(&one.down) {
        let start = y * width + one.seen.x0 as usize;
        let pixels = inside.get(start..start + one.across.len()).unwrap_or_default();
        for (&inside, &col) in pixels.iter().zip(&one.across) {
            if let Some(fragment) = fragments.get_mut(row * one.region.grid.cols + col) {
                fragment.covered.pixels += 1;
                fragment.covered.inside += u64::from(inside);
            }
        }
    }
    fragments
}

fn of_several(regions: &[Columns], inside: &[bool], width: usize) -> Vec<Fragment> {
    let mut places: HashMap<Vec<(usize, usize)>, usize> = HashMap::new();
    let mut fragments: Vec<Fragment> = Vec::new();
    for (y, row) in (0_u32..).zip(inside.chunks_exact(width.max(1))) {
        for (x, &inside) in (0_u32..).zip(row) {
            let here = regions.iter().filter_map(|region| Some((region.region.idx, region.cell(x, y)?)));
            let here: Vec<(usize, usize)> = here.collect();
            if here.is_empty() {
                continue;
            }
            let place = places.entry(here).or_insert_with_key(|cells| {
                fragments.push(Fragment { cells: cells.clone(), covered: Covered::default() });
                fragments.len() - 1
            });
            if let Some(fragment) = fragments.get_mut(*place) {
                fragment.covered.pixels += 1;
                fragment.covered.inside += u64::from(inside);
            }
        }
    }
    fragments
}

fn sum(fragments: &[Fragment]) -> Covered {
    fragments.iter().fold(Covered::default(), |sum, fragment| Covered {
        pixels: sum.pixels + fragment.covered.pixels,
        inside: sum.inside + fragment.covered.inside,
    })
}
