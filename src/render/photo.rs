//! A photo ready for drawing at any scale.

use super::colour::to_byte;
use crate::geometry::ImageSize;
use rayon::prelude::*;
use std::sync::Arc;

/// From this many screen pixels per photo pixel on, photo pixels are drawn as sharp squares.
pub(super) const CRISP_FROM: f64 = 4.0;

/// Why a photo cannot be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhotoError {
    /// The pixels do not fill the size.
    #[error(
        "Expected {expected_bytes} bytes of red, green, blue for {width_px} x {height_px} pixels, found {found_bytes}"
    )]
    WrongLength {
        /// Columns.
        width_px: u32,
        /// Rows.
        height_px: u32,
        /// 3 per pixel.
        expected_bytes: u64,
        /// What came.
        found_bytes: usize,
    },
}

/// A photo and its halvings (a mip chain), so that a large photo shown small does not shimmer.
///
/// Making one walks all pixels: do it where the photo is decoded, not in the window's thread. Clones share the pixels.
#[derive(Debug, Clone)]
pub struct PhotoTexture {
    key: u64,
    size: ImageSize,
    levels: Arc<[Level]>,
}

/// One halving: gamma-encoded red, green, blue, 255.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) size: [usize; 2],
    pub(super) rgba: Vec<u8>,
}

impl PhotoTexture {
    /// Takes row-major 8-bit RGB. `key` names the content: equal keys mean equal pixels, so nothing is uploaded twice.
    pub fn new(key: u64, size: ImageSize, rgb: &[u8]) -> Result<Self, PhotoError> {
        let expected_bytes = 3 * u64::from(size.width_px) * u64::from(size.height_px);
        if expected_bytes == 0 || rgb.len() as u64 != expected_bytes {
            return Err(PhotoError::WrongLength {
                width_px: size.width_px,
                height_px: size.height_px,
                expected_bytes,
                found_bytes: rgb.len(),
            });
        }
        let rgba = rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
        let mut levels = vec![Level { size: [size.width_px as usize, size.height_px as usize], rgba }];
        while let Some(smaller) = levels.last().and_then(Level::halved) {
            levels.push(smaller);
        }
        Ok(Self { key, size, levels: levels.into() })
    }

    /// Content key.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Size in pixels.
    pub fn size(&self) -> ImageSize {
        self.size
    }

    /// The full size first, then each half of the one before.
    pub(super) fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// First level that fits a texture of this side: 0 for all but very large photos.
    pub(super) fn first_level_within(&self, max_side_px: u32) -> usize {
        let fits = |level: &Level| level.size.iter().all(|side| *side <= max_side_px as usize);
        self.levels.iter().position(fits).unwrap_or(self.levels.len() - 1)
    }

    /// Says so, if a graphics card with this limit shows less than all pixels.
    pub fn scaled_note(&self, max_side_px: u32) -> Option<String> {
        let level = self.first_level_within(max_side_px);
        let [w, h] = self.levels.get(level)?.size;
        let ImageSize { width_px, height_px } = self.size;
        (level > 0).then(|| {
            format!(
                "Shown at {w} x {h} of {width_px} x {height_px} pixels: this graphics card draws {max_side_px} at most"
            )
        })
    }

    /// Colour at a point in 0..1 of the photo's sides, with the arithmetic of `shaders/heat.wgsl`.
    ///
    /// `lod` is the level between the halvings; below 0 the photo's pixels are drawn as squares.
    pub(super) fn sample(&self, at: [f32; 2], lod: f32) -> [f32; 3] {
        if lod < 0.0 {
            return self.level(0).nearest(at);
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and few levels")]
        let below = lod.floor() as usize;
        let f = lod - lod.floor();
        let fine = self.level(below).bilinear(at);
        if f == 0.0 {
            return fine;
        }
        let coarse = self.level(below + 1).bilinear(at);
        [0, 1, 2].map(|c| fine[c] * (1.0 - f) + coarse[c] * f)
    }

    fn level(&self, idx: usize) -> &Level {
        &self.levels[idx.min(self.levels.len() - 1)]
    }
}

impl Level {
    fn texel(&self, x: f32, y: f32) -> [f32; 3] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped into the level; NaN becomes 0"
        )]
        let clamped = |v: f32, n: usize| (v.max(0.0) as usize).min(n - 1);
        let at = 4 * (clamped(y, self.size[1]) * self.size[0] + clamped(x, self.size[0]));
        [0, 1, 2].map(|c| f32::from(self.rgba[at + c]) / 255.0)
    }

    fn nearest(&self, [u, v]: [f32; 2]) -> [f32; 3] {
        self.texel((u * self.size[0] as f32).floor(), (v * self.size[1] as f32).floor())
    }

    fn bilinear(&self, [u, v]: [f32; 2]) -> [f32; 3] {
        let (x, y) = (u * self.size[0] as f32 - 0.5, v * self.size[1] as f32 - 0.5);
        let (bx, by) = (x.floor(), y.floor());
        let (fx, fy) = (x - bx, y - by);
        let (a, b) = (self.texel(bx, by), self.texel(bx + 1.0, by));
        let (c, d) = (self.texel(bx, by + 1.0), self.texel(bx + 1.0, by + 1.0));
        [0, 1, 2].map(|i| (a[i] * (1.0 - fx) + b[i] * fx) * (1.0 - fy) + (c[i] * (1.0 - fx) + d[i] * fx) * fy)
    }

    /// Half the size, each pixel the area average of what it covers, `None` for a single pixel.
    fn halved(&self) -> Option<Self> {
        let [w, h] = self.size;
        if w == 1 && h == 1 {
            return None;
        }
        let (xs, ys) = (taps(w), taps(h));
        let mut rgba = vec![255; 4 * xs.len() * ys.len()];
        rgba.par_chunks_exact_mut(4 * xs.len()).zip(&ys).for_each(|(row, tap_y)| {
            for (pixel, tap_x) in row.as_chunks_mut::<4>().0.iter_mut().zip(&xs) {
                let [r, g, b] = self.area(*tap_x, *tap_y);
                *pixel = [to_byte(r), to_byte(g), to_byte(b), 255];
            }
        });
        Some(Self { size: [xs.len(), ys.len()], rgba })
    }

    /// Weighted mean of up to 3 x 3 pixels.
    fn area(&self, (x0, wx): Taps, (y0, wy): Taps) -> [f32; 3] {
        let mut sum = [0.0_f32; 3];
        for (j, wy) in wy.into_iter().enumerate().filter(|(_, w)| *w > 0.0) {
            for (i, wx) in wx.into_iter().enumerate().filter(|(_, w)| *w > 0.0) {
                let at = 4 * ((y0 + j) * self.size[0] + x0 + i);
                for (c, sum) in sum.iter_mut().enumerate() {
                    *sum += wx * wy * f32::from(self.rgba[at + c]) / 255.0;
                }
            }
        }
        sum
    }
}

/// First source pixel and the weights of it and the next two.
type Taps = (usize, [f32; 3]);

/// First source pixel and three weights for each pixel of half the length; odd lengths give each target pixel its exact
/// share, so that no level is shifted against another.
fn taps(n: usize) -> Vec<Taps> {
    let m = (n / 2).max(1);
    let weights = |k: usize| match n {
        1 => [1.0, 0.0, 0.0],
        _ if n.is_multiple_of(2) => [0.5, 0.5, 0.0],
        _ => [(m - k) as f32 / n as f32, m as f32 / n as f32, (k + 1) as f32 / n as f32],
    };
    (0..m).map(|k| (2 * k, weights(k))).collect()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact: copied, or 0 and 1")]
mod tests {
    use super::*;

    fn photo(w: u32, h: u32, rgb: &[u8]) -> PhotoTexture {
        PhotoTexture::new(0, ImageSize { width_px: w, height_px: h }, rgb).unwrap_or_else(|err| panic!("{err}"))
    }

    #[test]
    fn halving_averages_areas_without_shift() {
        let p = photo(3, 1, &[0, 0, 0, 90, 90, 90, 240, 240, 240]);
        assert_eq!(p.levels().len(), 2, "3 x 1 halves once");
        assert_eq!(p.levels()[1].rgba, [110, 110, 110, 255], "the mean of all three");
        let p = photo(5, 2, &[[10_u8; 15], [30; 15]].concat());
        assert_eq!(p.levels()[1].size, [2, 1], "halves are rounded down, as graphics cards do");
        assert_eq!(&p.levels()[1].rgba, &[20, 20, 20, 255, 20, 20, 20, 255], "rows are averaged");
    }

    #[test]
    fn pixel_centres_keep_their_colours() {
        let p = photo(2, 2, &[255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255]);
        for lod in [-1.0, 0.0] {
            assert_eq!(p.sample([0.25, 0.25], lod), [1.0, 0.0, 0.0], "top left, level {lod}");
            assert_eq!(p.sample([0.75, 0.75], lod), [1.0, 1.0, 1.0], "bottom right, level {lod}");
        }
        assert_eq!(p.sample([0.45, 0.05], -1.0), [1.0, 0.0, 0.0], "squares have no gradient");
    }

    #[test]
    fn photos_beyond_the_limit_start_at_a_smaller_level() {
        let p = photo(9, 3, &[7; 81]);
        assert_eq!(p.first_level_within(16), 0, "fits");
        assert_eq!(p.scaled_note(16), None, "nothing to say");
        assert_eq!(p.first_level_within(4), 1, "one halving");
        assert!(p.scaled_note(4).is_some_and(|n| n.contains("4 x 1 of 9 x 3")), "and a note");
    }

    #[test]
    fn wrong_lengths_are_refused() {
        let size = ImageSize { width_px: 2, height_px: 2 };
        let err = PhotoTexture::new(0, size, &[0; 11]).err().map(|e| e.to_string());
        assert_eq!(
            err.as_deref(),
            Some("Expected 12 bytes of red, green, blue for 2 x 2 pixels, found 11"),
            "names both"
        );
    }
}
