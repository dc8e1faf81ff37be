//! How much of a mask lies on each patch: once a mask, then every map of the photo is compared with it patch by patch.

use super::photo_map::patch_of;
use super::ranked::expect_len;
use super::{LocalisationError, SeenRect};
use crate::geometry::{ModelView, PatchGrid};

/// Pixels of the photo, and those of them inside the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// Whose centres lie here.
    pub pixels: u64,
    /// Inside the mask.
    pub inside: u64,
}

/// See the module's documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchCoverage {
    grid: PatchGrid,
    patches: Vec<Covered>,
    unseen: Covered,
}

impl PatchCoverage {
    /// Counts a mask's pixels by the patch that their centres lie in.
    ///
    /// **Shape**: `inside` `[height_px, width_px]` of the view's photo, row-major.
    pub fn new(view: &ModelView, inside: &[bool]) -> Result<Self, LocalisationError> {
        let (width, height) = (view.image.width_px as usize, view.image.height_px as usize);
        expect_len("mask pixels", width.saturating_mul(height), inside.len())?;
        let (r, seen, grid) = (view.rect_px, SeenRect::of(view), view.grid);
        let across = patch_of([seen.x0, seen.x1], [r.x0, r.x1], grid.cols);
        let down = patch_of([seen.y0, seen.y1], [r.y0, r.y1], grid.rows);
        let mut patches = vec![Covered::default(); grid.len()];
        for (y, &row) in (seen.y0 as usize..).zip(&down) {
            let start = y * width + seen.x0 as usize;
            let pixels = inside.get(start..start + across.len()).unwrap_or_default();
            for (&inside, &col) in pixels.iter().zip(&across) {
                if let Some(patch) = patches.get_mut(row * grid.cols + col) {
                    patch.pixels += 1;
                    patch.inside += u64::from(inside);
                }
            }
        }
        let all =
            Covered { pixels: inside.len() as u64, inside: inside.iter().filter(|inside| **inside).count() as u64 };
        let seen = sum(&patches);
        let unseen = Covered { pixels: all.pixels - seen.pixels, inside: all.inside - seen.inside };
        Ok(Self { grid, patches, unseen })
    }

    /// The patches.
    pub fn grid(&self) -> PatchGrid {
        self.grid
    }

    /// **Shape** `[rows, cols]`; padding has no pixels.
    pub fn patches(&self) -> &[Covered] {
        &self.patches
    }

    /// What the model saw.
    pub fn seen(&self) -> Covered {
        sum(&self.patches)
    }

    /// What it did not see.
    pub fn unseen(&self) -> Covered {
        self.unseen
    }
}

fn sum(patches: &[Covered]) -> Covered {
    patches.iter().fold(Covered::default(), |sum, patch| Covered {
        pixels: sum.pixels + patch.pixels,
        inside: sum.inside + patch.inside,
    })
}
