//! Patches on the photo.

use super::outside::{GeometryError, refused};
use super::{Framing, ImageSize, PatchGrid, PatchPos, PlacedRegion, PreprocessSpec, RectPx, ResizeTo};
use serde::{Deserialize, Serialize};

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
    /// **Differs** from the common `1 / s` with one factor for both axes: the resized edge is truncated to whole
    /// pixels, so each axis has its own factor (less than a pixel apart).
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

/// See [`ModelView`].
#[derive(Deserialize)]
struct View {
    image: ImageSize,
    rect_px: RectPx,
    grid: PatchGrid,
    framing: Framing,
}

impl TryFrom<View> for ModelView {
    type Error = GeometryError;

    fn try_from(View { image, rect_px, grid, framing }: View) -> Result<Self, GeometryError> {
        if rect_px.shows_some_of(image) {
            return Ok(Self { image, rect_px, grid, framing });
        }
        let [x0, y0, x1, y1] = rect_px.edges();
        let ImageSize { width_px: w, height_px: h } = image;
        refused(format!("a part of the photo of {w} x {h} pixels"), format!("{x0:?}, {y0:?} to {x1:?}, {y1:?}"))
    }
}
