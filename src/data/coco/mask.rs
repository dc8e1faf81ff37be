//! Which pixels of a photo belong to an object.

/// Most pixels a mask may have: as many as a photo.
const MOST_PIXELS: u64 = 178_956_970;

/// The pixels of one object, or of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width_px: u32,
    height_px: u32,
    inside: Vec<bool>,
}

impl Mask {
    /// With every pixel outside; `None` for no pixels, or more than any photo that is read.
    pub fn empty(width_px: u32, height_px: u32) -> Option<Self> {
        let pixels = u64::from(width_px) * u64::from(height_px);
        if pixels == 0 || pixels > MOST_PIXELS {
            return None;
        }
        Some(Self { width_px, height_px, inside: vec![false; usize::try_from(pixels).ok()?] })
    }

    /// From pixels, **shape** `[height_px, width_px]`; `None` where their number is another.
    #[cfg(test)]
    pub(super) fn from_pixels(width_px: u32, height_px: u32, inside: Vec<bool>) -> Option<Self> {
        let pixels = u64::from(width_px) * u64::from(height_px);
        (pixels > 0 && inside.len() as u64 == pixels).then_some(Self { width_px, height_px, inside })
    }

    /// Columns.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Rows.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Whether each pixel belongs to the object, **shape** `[height_px, width_px]`.
    pub fn pixels(&self) -> &[bool] {
        &self.inside
    }

    /// Whether this pixel belongs to the object; none outside the image does.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        x < self.width_px && self.inside.get(self.index(x, y)).copied().unwrap_or(false)
    }

    /// Number of pixels inside.
    pub fn area_px(&self) -> u64 {
        self.inside.iter().map(|inside| u64::from(*inside)).sum()
    }

    /// Takes in another mask's pixels; `false`, and nothing changes, where it has another size.
    #[must_use]
    pub fn unite(&mut self, other: &Self) -> bool {
        let same = (self.width_px, self.height_px) == (other.width_px, other.height_px);
        if same {
            for (inside, also) in self.inside.iter_mut().zip(&other.inside) {
                *inside |= also;
            }
        }
        same
    }

    /// The pixels inside that touch, by an edge, one outside or the image's border.
    #[must_use]
    pub fn outline(&self) -> Self {
        let mut outline = self.clone();
        let width = self.width_px as usize;
        for (y, row) in outline.inside.chunks_exact_mut(width.max(1)).enumerate() {
            let line = |y: usize| self.inside.get(y * width..(y + 1) * width);
            let above = y.checked_sub(1).and_then(line);
            let (Some(here), below) = (line(y), line(y + 1)) else { continue };
            let at = |row: Option<&[bool]>, x: Option<usize>| -> bool {
                x.and_then(|x| row?.get(x).copied()).unwrap_or(false)
            };
            for (x, pixel) in row.iter_mut().enumerate() {
                let surrounded = at(above, Some(x))
                    && at(below, Some(x))
                    && at(Some(here), x.checked_sub(1))
                    && at(Some(here), Some(x + 1));
                *pixel &= !surrounded;
            }
        }
        outline
    }

    /// Grey levels, 255 inside and 0 outside, **shape** `[height_px, width_px]`.
    pub fn to_grey(&self) -> Vec<u8> {
        self.inside.iter().map(|inside| if *inside { 255 } else { 0 }).collect()
    }

    fn index(&self, x: u32, y: u32) -> usize {
        y as usize * self.width_px as usize + x as usize
    }

    /// Puts a run of pixels inside, counted down the columns; what lies behind the last pixel is left out.
    pub(super) fn fill_by_columns(&mut self, from: u32, to: u32) {
        let (mut x, mut y) = (from / self.height_px, from % self.height_px);
        for _ in from..to {
            let index = self.index(x, y);
            if x < self.width_px
                && let Some(inside) = self.inside.get_mut(index)
            {
                *inside = true;
            }
            y += 1;
            if y == self.height_px {
                (x, y) = (x + 1, 0);
            }
        }
    }
}
