//! From patches to the pixels of the photo, and which of those the model saw.

use super::LocalisationError;
use crate::geometry::{Combine, ImageLayout, ImageSize, PlacedRegion, RectPx};

/// What lies between the centres of patches. The same definitions as on the screen, in double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sampling {
    /// The patch's own value on all of its pixels: what the model really has.
    #[default]
    Nearest,
    /// Linear between the four nearest patches, edges clamped.
    Bilinear,
    /// Catmull-Rom (a = -0.5, as Pillow's bicubic) over sixteen, edges clamped; may leave the range of the map.
    Bicubic,
}

impl Sampling {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nearest, Self::Bilinear, Self::Bicubic];

    /// Name in output and on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Nearest => "nearest",
            Self::Bilinear => "bilinear",
            Self::Bicubic => "bicubic",
        }
    }
}

/// Which pixels of the photo count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Counted {
    /// Those that the model saw: a crop's borders are left out of the map and of the mask.
    #[default]
    Seen,
    /// The whole photo, as in the published figures; what the model did not see has the value 0.
    Whole,
}

impl Counted {
    /// Name in output: `seen` and, for the published variant, `paper`.
    pub fn id(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Whole => "paper",
        }
    }
}

/// Pixels of the photo whose centres the model saw, half open: `x0..x1`, `y0..y1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct SeenRect {
    /// First column.
    pub x0: u32,
    /// First row.
    pub y0: u32,
    /// One past the last column.
    pub x1: u32,
    /// One past the last row.
    pub y1: u32,
}

impl SeenRect {
    /// The whole photo.
    pub fn whole(size: ImageSize) -> Self {
        Self { x0: 0, y0: 0, x1: size.width_px, y1: size.height_px }
    }

    /// What a rectangle shows of a photo.
    pub fn of(photo: ImageSize, r: RectPx) -> Self {
        let [x0, x1] = seen_range(photo.width_px, [r.x0, r.x1]);
        let [y0, y1] = seen_range(photo.height_px, [r.y0, r.y1]);
        Self { x0, y0, x1, y1 }
    }

    /// Whether a pixel lies in it.
    pub fn contains(self, x: u32, y: u32) -> bool {
        (self.x0..self.x1).contains(&x) && (self.y0..self.y1).contains(&y)
    }

    /// Pixels in it.
    pub fn pixels(self) -> u64 {
        u64::from(self.x1.saturating_sub(self.x0)) * u64::from(self.y1.saturating_sub(self.y0))
    }
}

/// Pixels of an axis whose centres lie between two edges: the first, and one past the last.
fn seen_range(len_px: u32, [start, end]: [f64; 2]) -> [u32; 2] {
    // A centre at k + 0.5 lies inside from k >= start - 0.5 on. Comparing the pixels themselves keeps to
    // `PlacedRegion::pos_at`.
    let inside = |px: &u32| along(f64::from(*px) + 0.5, [start, end]).is_some();
    let first = (0..len_px).find(inside).unwrap_or(len_px);
    let past = (first..len_px).find(|px| !inside(px)).unwrap_or(len_px);
    [first, past]
}

/// Position between two edges as a part of their distance, as [`PlacedRegion::pos_at`] has it.
fn along(at_px: f64, [start, end]: [f64; 2]) -> Option<f64> {
    let part = (at_px - start) / (end - start);
    (0.0..1.0).contains(&part).then_some(part)
}

/// Patch of each seen pixel along one axis.
pub(super) fn patch_of(seen: [u32; 2], edges: [f64; 2], cells: usize) -> Vec<usize> {
    let cell = |px: u32| floor(along(f64::from(px) + 0.5, edges).unwrap_or(0.0) * cells as f64, cells);
    (seen[0]..seen[1]).map(cell).collect()
}

/// The cell that a coordinate lies in, the nearest one beyond the ends.
fn floor(at: f64, cells: usize) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not below 0, and clamped to the cells"
    )]
    let cell = at.max(0.0) as usize;
    cell.min(cells.saturating_sub(1))
}

/// A map with one value for every pixel of the photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoMap {
    /// Of the photo.
    pub size: ImageSize,
    /// **Shape** `[height_px, width_px]`, row-major; 0 where the model saw nothing.
    pub values: Vec<f32>,
    /// Where it saw something: the smallest rectangle around it.
    pub seen: SeenRect,
    /// Whether each pixel was seen, where that is not all of the rectangle. **Shape** as `values`.
    covered: Option<Vec<bool>>,
    /// How the values were made.
    pub sampling: Sampling,
}

impl PhotoMap {
    /// Lays a map on the pixels that its patches were made of.
    ///
    /// **Shape**: `values` one for each cell of the layout, finite.
    pub fn new(
        layout: &ImageLayout,
        values: &[f32],
        sampling: Sampling,
        combine: Combine,
    ) -> Result<Self, LocalisationError> {
        if values.len() != layout.len() || values.is_empty() {
            return Err(LocalisationError::WrongGrid { expected: layout.len(), found: values.len() });
        }
        if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
            return Err(LocalisationError::NotFinite { found: bad.to_string() });
        }
        let size = layout.image();
        let combine = layout.in_force(combine);
        let placed: Vec<PlacedRegion> = layout.placed().filter(|region| combine.counts(region.idx)).collect();
        let lay = |region: &PlacedRegion| {
            let mut pixels = vec![0.0; size.width_px as usize * size.height_px as usize];
            let seen = SeenRect::of(size, region.rect_px);
            stretch(region, values, sampling, seen, size, &mut pixels);
            (region.idx, seen, pixels)
        };
        if let [one] = placed.as_slice() {
            let (_, seen, pixels) = lay(one);
            return Ok(Self { size, values: pixels.into_iter().map(narrow).collect(), seen, covered: None, sampling });
        }
        let layers: Vec<_> = placed.iter().map(lay).collect();
        let seen = SeenRect::of(size, layout.seen_px());
        let (mut pixels, mut covered) = (Vec::new(), Vec::new());
        for (y, x) in (0..size.height_px).flat_map(|y| (0..size.width_px).map(move |x| (y, x))) {
            let at = pixels.len();
            let here = layers.iter().filter(|(_, seen, _)| seen.contains(x, y));
            let parts = here.map(|(idx, _, pixels)| (*idx, pixels.get(at).copied().unwrap_or(0.0), 1.0));
            let value = combine.of(parts);
            covered.push(value.is_some());
            pixels.push(narrow(value.unwrap_or(0.0)));
        }
        let is_whole = covered.iter().filter(|covered| **covered).count() as u64 == seen.pixels();
        Ok(Self { size, values: pixels, seen, covered: (!is_whole).then_some(covered), sampling })
    }

    /// Whether the model saw the pixel at a place of `values` that lies in `seen`.
    pub(super) fn is_covered(&self, at: usize) -> bool {
        self.covered.as_ref().is_none_or(|covered| covered.get(at).copied().unwrap_or(false))
    }
}

/// One region's values on the pixels that it shows.
fn stretch(
    region: &PlacedRegion,
    values: &[f32],
    sampling: Sampling,
    seen: SeenRect,
    size: ImageSize,
    pixels: &mut [f64],
) {
    let (r, width) = (region.rect_px, size.width_px as usize);
    let across = taps([seen.x0, seen.x1], [r.x0, r.x1], region.grid.cols, sampling);
    let down = taps([seen.y0, seen.y1], [r.y0, r.y1], region.grid.rows, sampling);
    // One row of patches becomes one row of pixels once; pixel rows then mix at most four of those.
    let wide: Vec<Vec<f64>> =
        region.values(values).chunks_exact(region.grid.cols).map(|row| stretched(row, &across)).collect();
    let rows = pixels.chunks_exact_mut(width.max(1)).skip(seen.y0 as usize);
    for (pixels, tap) in rows.zip(&down) {
        let pixels = pixels.get_mut(seen.x0 as usize..seen.x1 as usize).unwrap_or_default();
        for (x, pixel) in pixels.iter_mut().enumerate() {
            let at = |cell: usize| wide.get(cell).and_then(|row| row.get(x)).copied().unwrap_or(0.0);
            *pixel = tap.mix(at);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "between the map's own f32 values, or a little beyond")]
pub(super) fn narrow(value: f64) -> f32 {
    value as f32
}

fn stretched(row: &[f32], taps: &[Tap]) -> Vec<f64> {
    taps.iter().map(|tap| tap.mix(|cell| row.get(cell).copied().map_or(0.0, f64::from))).collect()
}

/// Cells that a pixel's value is made of, and their weights; unused ones weigh 0.
struct Tap {
    cells: [usize; 4],
    weights: [f64; 4],
}

impl Tap {
    fn mix(&self, value: impl Fn(usize) -> f64) -> f64 {
        let parts = self.cells.iter().zip(self.weights).filter(|(_, weight)| *weight != 0.0);
        parts.map(|(&cell, weight)| weight * value(cell)).sum()
    }
}

fn taps(seen: [u32; 2], edges: [f64; 2], cells: usize, sampling: Sampling) -> Vec<Tap> {
    let tap = |px: u32| {
        let at = along(f64::from(px) + 0.5, edges).unwrap_or(0.0) * cells as f64;
        if sampling == Sampling::Nearest {
            return Tap { cells: [floor(at, cells); 4], weights: [1.0, 0.0, 0.0, 0.0] };
        }
        // The first cell's centre is at 0.5.
        let (base, t) = ((at - 0.5).floor(), (at - 0.5).rem_euclid(1.0));
        let weights = match sampling {
            Sampling::Nearest | Sampling::Bilinear => [0.0, 1.0 - t, t, 0.0],
            Sampling::Bicubic => catmull_rom(t),
        };
        Tap { cells: [-1.0, 0.0, 1.0, 2.0].map(|step| floor(base + step, cells)), weights }
    };
    (seen[0]..seen[1]).map(tap).collect()
}

/// Weights of the four cells around a point `t` past the second.
///
/// **Source**: Keys, Cubic Convolution Interpolation, 1981, with a = -0.5.
fn catmull_rom(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [-0.5 * t3 + t2 - 0.5 * t, 1.5 * t3 - 2.5 * t2 + 1.0, -1.5 * t3 + 2.0 * t2 + 0.5 * t, 0.5 * t3 - 0.5 * t2]
}
