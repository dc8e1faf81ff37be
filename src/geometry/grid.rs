//! Sizes, rectangles, grids and places in them.

use super::outside::{GeometryError, refused};
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

/// See [`ImageSize`].
#[derive(Deserialize)]
struct Size {
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
struct Rect {
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
struct Grid {
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
