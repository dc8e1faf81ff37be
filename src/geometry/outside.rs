//! Sizes, rectangles and grids as files name them: what none can be is refused before anybody counts with it.

use super::{Framing, ImageSize, ModelView, PatchGrid, PreprocessSpec, RectPx, Resample, ResizeTo};
use serde::Deserialize;

/// Why numbers of a file were refused: what was expected, what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct GeometryError {
    /// What must hold.
    pub expected: String,
    /// What is there.
    pub found: String,
}

pub(super) fn refused<T>(expected: impl Into<String>, found: impl Into<String>) -> Result<T, GeometryError> {
    Err(GeometryError { expected: expected.into(), found: found.into() })
}

/// See [`ImageSize`].
#[derive(Deserialize)]
pub(super) struct Size {
    width_px: u32,
    height_px: u32,
}

impl TryFrom<Size> for ImageSize {
    type Error = GeometryError;

    fn try_from(Size { width_px, height_px }: Size) -> Result<Self, GeometryError> {
        if [width_px, height_px].iter().all(|side| (1..=Self::MOST_PX).contains(side)) {
            return Ok(Self { width_px, height_px });
        }
        refused(format!("an image of 1 to {} pixels a side", Self::MOST_PX), format!("{width_px} x {height_px}"))
    }
}

/// See [`RectPx`].
#[derive(Deserialize)]
pub(super) struct Rect {
    x0: f64,
    y0: f64,
    x1: f64,
    y1: f64,
}

impl TryFrom<Rect> for RectPx {
    type Error = GeometryError;

    fn try_from(Rect { x0, y0, x1, y1 }: Rect) -> Result<Self, GeometryError> {
        Self::checked(x0, y0, x1, y1)
    }
}

impl RectPx {
    /// A rectangle with an area, no edge further than [`Self::FURTHEST_PX`] away.
    pub fn checked(x0: f64, y0: f64, x1: f64, y1: f64) -> Result<Self, GeometryError> {
        let is_near = [x0, y0, x1, y1].iter().all(|edge| edge.abs() <= Self::FURTHEST_PX);
        if is_near && x0 < x1 && y0 < y1 {
            return Ok(Self { x0, y0, x1, y1 });
        }
        let expected = format!("a rectangle with an area and edges within {:e} pixels", Self::FURTHEST_PX);
        refused(expected, format!("{x0:?}, {y0:?} to {x1:?}, {y1:?}"))
    }
}

/// See [`PatchGrid`].
#[derive(Deserialize)]
pub(super) struct Grid {
    rows: usize,
    cols: usize,
}

impl TryFrom<Grid> for PatchGrid {
    type Error = GeometryError;

    fn try_from(Grid { rows, cols }: Grid) -> Result<Self, GeometryError> {
        Self::checked(rows, cols)
            .map_or_else(|| refused(format!("a grid of 1 to {} patches", Self::MOST), format!("{rows} x {cols}")), Ok)
    }
}

/// See [`ModelView`].
#[derive(Deserialize)]
pub(super) struct View {
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

/// See [`PreprocessSpec`].
#[derive(Deserialize)]
pub(super) struct Spec {
    framing: Framing,
    resize: Option<ResizeTo>,
    resample: Resample,
    crop_px: Option<(u32, u32)>,
    rescale_factor: Option<f64>,
    image_mean: Option<[f64; 3]>,
    image_std: Option<[f64; 3]>,
}

impl TryFrom<Spec> for PreprocessSpec {
    type Error = GeometryError;

    fn try_from(spec: Spec) -> Result<Self, GeometryError> {
        let Spec { framing, resize, resample, crop_px, rescale_factor, image_mean, image_std } = spec;
        let resized = resize.map(|to| match to {
            ResizeTo::ShortestEdge(edge) => (edge, edge),
            ResizeTo::Exact { height_px, width_px } => (height_px, width_px),
        });
        for (what, (rows, cols)) in
            [("resize", resized), ("crop", crop_px)].into_iter().filter_map(|(w, s)| Some((w, s?)))
        {
            if [rows, cols].iter().any(|side| !(1..=ImageSize::MOST_PX).contains(side)) {
                let expected = format!("a {what} to 1 to {} pixels a side", ImageSize::MOST_PX);
                return refused(expected, format!("{rows} rows and {cols} columns"));
            }
        }
        Ok(Self { framing, resize, resample, crop_px, rescale_factor, image_mean, image_std })
    }
}
