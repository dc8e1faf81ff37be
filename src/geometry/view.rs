//! Patches on the photo.

use super::outside::{Grid, Rect, Size, View};
use super::{Framing, PlacedRegion, PreprocessSpec, ResizeTo};
use serde::{Deserialize, Serialize};

/// Size of an image in pixels. One that a file names has from 1 to [`Self::MOST_PX`] pixels a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Size")]
pub struct ImageSize {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
}

impl ImageSize {
    /// Longest side of an image that a file may name.
    pub const MOST_PX: u32 = 1 << 20;
}

/// A rectangle in pixels of the photo; edges, not centres, and it may reach beyond the photo (padding). One that a file
/// names has finite edges in order, at most [`Self::FURTHEST_PX`] away.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Rect")]
pub struct RectPx {
    /// Left edge.
    pub x0: f64,
    /// Top edge.
    pub y0: f64,
    /// Right edge.
    pub x1: f64,
    /// Bottom edge.
    pub y1: f64,
}

impl RectPx {
    /// Furthest edge that a file may name, in either direction.
    pub const FURTHEST_PX: f64 = 4.0 * (1_u32 << 20) as f64;

    /// Left, top, right, bottom.
    pub fn edges(self) -> [f64; 4] {
        [self.x0, self.y0, self.x1, self.y1]
    }

    /// Whether something of a photo of this size lies in it.
    pub fn shows_some_of(self, photo: ImageSize) -> bool {
        let (w, h) = (f64::from(photo.width_px), f64::from(photo.height_px));
        self.x0 < w && self.x1 > 0.0 && self.y0 < h && self.y1 > 0.0
    }

    /// All of a photo.
    pub fn of(photo: ImageSize) -> Self {
        Self { x0: 0.0, y0: 0.0, x1: f64::from(photo.width_px), y1: f64::from(photo.height_px) }
    }

    /// The smallest rectangle around two.
    #[must_use]
    pub fn around(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// **Units** square pixels.
    pub fn area(self) -> f64 {
        (self.x1 - self.x0) * (self.y1 - self.y0)
    }

    /// Whether no edge lies further from the other's than this.
    pub fn is_near(self, other: Self, most_px: f64) -> bool {
        self.edges().iter().zip(other.edges()).all(|(a, b)| (a - b).abs() <= most_px)
    }
}

/// How the image tokens lie: row-major, `rows * cols` of them. Numbers of a file go through [`Self::checked`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Grid")]
pub struct PatchGrid {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
}

impl PatchGrid {
    /// Most patches of a grid that a file may name: 1024 x 1024.
    pub const MOST: usize = 1 << 20;

    /// A grid of from 1 to [`Self::MOST`] patches.
    pub fn checked(rows: usize, cols: usize) -> Option<Self> {
        let count = rows.checked_mul(cols)?;
        (1..=Self::MOST).contains(&count).then_some(Self { rows, cols })
    }

    /// Number of patches.
    pub fn len(self) -> usize {
        self.rows.saturating_mul(self.cols)
    }

    /// No patches at all.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Position of image token `idx`.
    pub fn pos(self, idx: usize) -> Option<PatchPos> {
        (idx < self.len()).then(|| PatchPos { region: 0, row: idx / self.cols, col: idx % self.cols })
    }

    /// Image token at a position.
    pub fn idx(self, pos: PatchPos) -> usize {
        pos.row.saturating_mul(self.cols).saturating_add(pos.col)
    }
}

/// A patch by row and column, 0-based from the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PatchPos {
    /// Region of the layout that it belongs to; 0 where there is one.
    pub region: usize,
    /// Row.
    pub row: usize,
    /// Column.
    pub col: usize,
}

/// What of the photo the model saw, and how its patches lie on it. One that a file names shows some of the photo.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "View")]
pub struct ModelView {
    /// The photo.
    pub image: ImageSize,
    /// The part of the photo that the whole patch grid covers.
    pub rect_px: RectPx,
    /// The patches on it.
    pub grid: PatchGrid,
    /// Crop or pad.
    pub framing: Framing,
}

/// Edges that differ by less are the same, computed elsewhere.
pub(super) const SAME_PX: f64 = 0.01;

impl ModelView {
    /// Follows `spec` for a photo of this size and a model with square patches of `patch_px`.
    ///
    /// **Differs** from the common `1 / s` with one factor for both axes: the resized edge is truncated to whole pixels, so each axis has
    /// its own factor (less than a pixel apart).
    pub fn new(image: ImageSize, spec: &PreprocessSpec, patch_px: u32) -> Self {
        let (pad_x, pad_y, canvas) = match spec.framing {
            Framing::Crop => (0, 0, image),
            Framing::Pad => {
                let side = image.width_px.max(image.height_px);
                (
                    (side - image.width_px) / 2,
                    (side - image.height_px) / 2,
                    ImageSize { width_px: side, height_px: side },
                )
            }
        };
        let resized = spec.resized(canvas);
        let (crop_h, crop_w) = spec.crop_px.unwrap_or((resized.height_px, resized.width_px));
        let offset = |resized: u32, crop: u32| (i64::from(resized) - i64::from(crop)).div_euclid(2);
        let (off_x, off_y) = (offset(resized.width_px, crop_w), offset(resized.height_px, crop_h));
        let grid = PatchGrid { rows: (crop_h / patch_px.max(1)) as usize, cols: (crop_w / patch_px.max(1)) as usize };
        let (sx, sy) = (
            f64::from(canvas.width_px) / f64::from(resized.width_px),
            f64::from(canvas.height_px) / f64::from(resized.height_px),
        );
        let x = |px: f64| (px + off_x as f64) * sx - f64::from(pad_x);
        let y = |px: f64| (px + off_y as f64) * sy - f64::from(pad_y);
        let covered = |n: usize| n as f64 * f64::from(patch_px);
        Self {
            image,
            rect_px: RectPx { x0: x(0.0), y0: y(0.0), x1: x(covered(grid.cols)), y1: y(covered(grid.rows)) },
            grid,
            framing: spec.framing,
        }
    }

    /// What `spec` makes of this photo with this many patches; of the patch sizes that give so many, the one whose
    /// rectangle comes nearest. `None` where no size gives so many.
    pub fn made_by(&self, spec: &PreprocessSpec) -> Option<Self> {
        let whole = Self::new(self.image, spec, 1).grid;
        // The largest size that gives enough patches in both directions is one of those that give as many, if there is
        // any.
        let largest = whole.rows.checked_div(self.grid.rows)?.min(whole.cols.checked_div(self.grid.cols)?);
        let largest = u32::try_from(largest).ok().filter(|patch_px| *patch_px > 0)?;
        let of = |patch_px: u32| Some(Self::new(self.image, spec, patch_px)).filter(|view| view.grid == self.grid);
        let most = of(largest)?;
        let ratio = (self.rect_px.x1 - self.rect_px.x0) / (most.rect_px.x1 - most.rect_px.x0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float becomes the nearest number"
        )]
        let nearest = (f64::from(largest) * ratio).round() as u32;
        of(nearest.clamp(1, largest)).or(Some(most))
    }

    /// Whether this is what `spec` makes of the photo, for some size of patches. A hundredth of a pixel is rounding.
    pub fn is_made_by(&self, spec: &PreprocessSpec) -> bool {
        self.made_by(spec).is_some_and(|made| self.is_like(&made))
    }

    /// Whether the same patches lie on the same pixels; a hundredth of a pixel is rounding.
    pub fn is_like(&self, other: &Self) -> bool {
        let Self { image, rect_px, grid, framing } = self;
        (image, grid, framing) == (&other.image, &other.grid, &other.framing) && rect_px.is_near(other.rect_px, SAME_PX)
    }

    /// Its only region.
    pub fn region(&self) -> PlacedRegion {
        PlacedRegion { idx: 0, first_cell: 0, grid: self.grid, rect_px: self.rect_px }
    }

    /// The pixels of the photo that a patch was made of.
    pub fn patch_rect_px(&self, pos: PatchPos) -> RectPx {
        self.region().cell_rect_px(pos.row, pos.col)
    }

    /// The patch under a point of the photo, `None` where the model saw nothing.
    pub fn patch_at(&self, x_px: f64, y_px: f64) -> Option<PatchPos> {
        self.region().pos_at(x_px, y_px)
    }
}

impl PreprocessSpec {
    /// Size after resizing, before the crop. Longer edges are truncated, as `CLIPImageProcessor` does.
    pub fn resized(&self, canvas: ImageSize) -> ImageSize {
        match self.resize {
            None => canvas,
            Some(ResizeTo::Exact { height_px, width_px }) => ImageSize { width_px, height_px },
            Some(ResizeTo::ShortestEdge(edge)) => {
                let (w, h) = (u64::from(canvas.width_px), u64::from(canvas.height_px));
                let (short, long) = (w.min(h).max(1), w.max(h));
                // transformers computes int(size * long / short): exact in integers.
                let long = u32::try_from(u64::from(edge) * long / short).unwrap_or(u32::MAX);
                if w <= h {
                    ImageSize { width_px: edge, height_px: long }
                } else {
                    ImageSize { width_px: long, height_px: edge }
                }
            }
        }
    }
}
