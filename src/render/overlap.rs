//! A map against a mask in three colours: the CPU twin of `shaders/overlap.wgsl`.
//!
//! Painted is what the figures of [`crate::analysis::localisation`] count: the same value at the same pixel of the
//! photo, the same comparison.

use super::mask::{MaskImage, paint_pixels, photo_affine, unit};
use super::resample::{MISSING, texel};
use super::{Picture, Window};
use crate::analysis::localisation::{Counted, PhotoMap};
use crate::geometry::ImageSize;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

/// Anything above this is missing.
const MISSING_ABOVE: f32 = 1.0e38;

/// Colours of the three ways in which a pixel can be positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverlapPalette {
    /// Green, yellow, red.
    #[default]
    TrafficLight,
    /// Blue, yellow, vermilion of Okabe and Ito: told apart with every kind of colour vision, and by lightness.
    ColourBlindSafe,
}

impl OverlapPalette {
    /// Both.
    pub const ALL: [Self; 2] = [Self::TrafficLight, Self::ColourBlindSafe];

    /// Name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::TrafficLight => "Green, yellow, red",
            Self::ColourBlindSafe => "Blue, yellow, vermilion (colour-blind safe)",
        }
    }

    /// What each colour says, for a legend: true positive, false positive, false negative.
    pub fn legend(self) -> [(&'static str, [u8; 3]); 3] {
        let [a, b, c] = match self {
            Self::TrafficLight => [[0, 176, 80], [255, 214, 0], [220, 30, 40]],
            Self::ColourBlindSafe => [[0, 114, 178], [240, 228, 66], [213, 94, 0]],
        };
        [("Looked at, object", a), ("Looked at, no object", b), ("Object, not looked at", c)]
    }
}

/// How the overlap is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OverlapStyle {
    /// Pixels at or above it are positive; in the map's own numbers, as
    /// [`crate::analysis::localisation::Ranked::counts`] takes it.
    pub threshold: f64,
    /// Colours.
    pub palette: OverlapPalette,
    /// 0..=1.
    pub opacity: f32,
}

/// One value a pixel of the photo, as a texture holds them.
#[derive(Debug, Clone, PartialEq)]
pub struct OverlapMap {
    key: u64,
    size_px: [u32; 2],
    texels: Arc<[f32]>,
}

impl OverlapMap {
    /// A map on the photo. With [`Counted::Seen`] what the model did not see stays clear; with [`Counted::Whole`] it
    /// counts as 0.
    pub fn new(map: &PhotoMap, counted: Counted) -> Self {
        let width = map.size.width_px.max(1);
        let counts = |idx: usize| {
            let idx = u32::try_from(idx).unwrap_or(u32::MAX);
            counted == Counted::Whole || map.seen.contains(idx % width, idx / width)
        };
        let texels = map.values.iter().enumerate().map(|(idx, v)| if counts(idx) { texel(Some(v)) } else { MISSING });
        Self::of_texels(map.size, texels.collect())
    }

    /// Any values of the photo's size; those that are not there or not finite stay clear.
    ///
    /// **Shape**: `[height_px, width_px]`, row-major.
    pub fn of_values(photo: ImageSize, values: &[f32]) -> Self {
        let len = photo.width_px as usize * photo.height_px as usize;
        Self::of_texels(photo, (0..len).map(|idx| texel(values.get(idx))).collect())
    }

    fn of_texels(photo: ImageSize, texels: Vec<f32>) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(photo.width_px);
        hasher.write(bytemuck::cast_slice(&texels));
        Self { key: hasher.finish(), size_px: [photo.width_px, photo.height_px], texels: texels.into() }
    }

    /// Equal keys mean equal values.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Columns and rows of the photo.
    pub fn size_px(&self) -> [u32; 2] {
        self.size_px
    }

    /// Row-major; missing ones marked.
    pub fn texels(&self) -> &[f32] {
        &self.texels
    }
}

/// Uniform of `shaders/overlap.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct OverlapUniform {
    /// Premultiplied: true positive, false positive, false negative.
    pub(super) colours: [[f32; 4]; 3],
    /// Where the picture's corner lies in the render target.
    pub(super) origin_px: [f32; 2],
    photo_scale: [f32; 2],
    photo_offset: [f32; 2],
    photo_size: [f32; 2],
    mask_first: [f32; 2],
    mask_size: [f32; 2],
    threshold: f32,
    padding: [u32; 3],
}

impl OverlapUniform {
    pub(super) fn new(map: &OverlapMap, mask: &MaskImage, style: &OverlapStyle, window: &Window) -> Self {
        let (photo_scale, photo_offset) = photo_affine(window);
        let alpha = unit(style.opacity);
        let colours = style.palette.legend().map(|(_, colour)| {
            let [r, g, b] = colour.map(|c| f32::from(c) / 255.0 * alpha);
            [r, g, b, alpha]
        });
        Self {
            colours,
            origin_px: [0.0; 2],
            photo_scale,
            photo_offset,
            photo_size: map.size_px.map(|v| v as f32),
            mask_first: mask.first_px().map(|v| v as f32),
            mask_size: mask.size_px().map(|v| v as f32),
            threshold: single_precision(style.threshold),
            padding: [0; 3],
        }
    }

    /// `fs` of the shader.
    fn shade(&self, map: &OverlapMap, mask: &MaskImage, p: [f32; 2]) -> [f32; 4] {
        let photo_px = [0, 1].map(|i| (p[i] * self.photo_scale[i] + self.photo_offset[i]).floor());
        if !(0..2).all(|i| photo_px[i] >= 0.0 && photo_px[i] < self.photo_size[i]) {
            return [0.0; 4];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the photo")]
        let [x, y] = photo_px.map(|v| v as usize);
        let value = map.texels.get(y * map.size_px[0] as usize + x).copied().unwrap_or(MISSING);
        if value > MISSING_ABOVE {
            return [0.0; 4];
        }
        let [true_positive, false_positive, false_negative] = self.colours;
        match (value >= self.threshold, mask.contains(photo_px)) {
            (true, true) => true_positive,
            (true, false) => false_positive,
            (false, true) => false_negative,
            (false, false) => [0.0; 4],
        }
    }
}

/// The smallest f32 not below a threshold: an f32 value reaches it exactly if it reaches the threshold.
fn single_precision(threshold: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "brought up again below")]
    let nearest = threshold.clamp(-f64::from(MISSING), f64::from(MISSING)) as f32;
    if f64::from(nearest) < threshold { nearest.next_up() } else { nearest }
}

/// Draws the overlap over a picture of the same window.
pub fn paint_overlap(picture: &mut Picture, map: &OverlapMap, mask: &MaskImage, style: &OverlapStyle, window: &Window) {
    let uniform = OverlapUniform::new(map, mask, style, window);
    paint_pixels(picture, |p| uniform.shade(map, mask, p));
}

/// The overlap alone, clear elsewhere.
pub fn overlap_image(map: &OverlapMap, mask: &MaskImage, style: &OverlapStyle, window: &Window) -> Picture {
    let [w, h] = window.out_size;
    let mut picture = Picture { size: window.out_size, rgba: vec![0; 4 * w as usize * h as usize], missing: 0 };
    paint_overlap(&mut picture, map, mask, style, window);
    picture
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::localisation::{Counts, Ranked, Sampling};
    use crate::geometry::{Framing, ModelView, PreprocessSpec};

    #[test]
    fn what_is_painted_is_what_is_counted() {
        for framing in [Framing::Crop, Framing::Pad] {
            for (sampling, counted) in [(Sampling::Nearest, Counted::Seen), (Sampling::Bicubic, Counted::Whole)] {
                let photo = ImageSize { width_px: 97, height_px: 61 };
                let view = ModelView::new(photo, &PreprocessSpec::clip(48).with_framing(framing), 8);
                let values: Vec<f32> = (0..36_u16).map(|v| f32::from(v * 37 % 41) / 40.0).collect();
                let inside: Vec<bool> = (0..97 * 61).map(|i| i % 97 > 40 && i / 97 < 33).collect();
                let map =
                    PhotoMap::new(&view.into(), &values, sampling, crate::geometry::Combine::Mean).expect("36 values");
                let ranked = Ranked::of_photo_map(&map, &inside, counted).expect("finite values");
                let style =
                    OverlapStyle { threshold: ranked.mean(), palette: OverlapPalette::TrafficLight, opacity: 1.0 };
                let rect_px = crate::geometry::RectPx { x0: 0.0, y0: 0.0, x1: 97.0, y1: 61.0 };
                let window = Window { rect_px, out_size: [97, 61], line_px: 1.0 };
                let mask = MaskImage::new(photo, &inside);
                let picture = overlap_image(&OverlapMap::new(&map, counted), &mask, &style, &window);
                let count =
                    |[r, g, b]: [u8; 3]| picture.rgba.chunks(4).filter(|p| **p == [r, g, b, 255]).count() as u64;
                let [painted_tp, painted_fp, painted_fn] = style.palette.legend().map(|(_, colour)| count(colour));
                let Counts { true_positive, false_positive, false_negative, .. } = ranked.counts(style.threshold);
                let expected = (true_positive, false_positive, false_negative);
                assert_eq!((painted_tp, painted_fp, painted_fn), expected, "{framing:?} {}", sampling.id());
                assert!(painted_tp > 0 && painted_fp > 0 && painted_fn > 0, "each of the three is there");
            }
        }
    }

    #[test]
    fn a_threshold_between_two_singles_is_rounded_up() {
        let value = 0.1_f32;
        for (threshold, reaches) in [(f64::from(value), true), (f64::from(value) + 1e-12, false), (0.1, true)] {
            assert_eq!(value >= single_precision(threshold), reaches, "{threshold}");
            assert_eq!(f64::from(value) >= threshold, reaches, "the same in double precision");
        }
        assert!(single_precision(f64::INFINITY).is_finite(), "a number that any card compares");
    }
}
