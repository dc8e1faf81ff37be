//! Masks of objects, filled and outlined: the CPU twin of `shaders/mask.wgsl`.

use super::atlas::narrow;
use super::colour::{over, to_byte};
use super::{Picture, Window};
use crate::geometry::ImageSize;
use rayon::prelude::*;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Opacity of the dark line around an outline, as a part of the outline's.
const SHADOW: f32 = 0.6;

/// A mask cut to the rectangle around it, as a texture holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskImage {
    key: u64,
    first_px: [u32; 2],
    size_px: [u32; 2],
    /// 1 inside; one texel of 0 for an empty mask.
    texels: Arc<[u8]>,
}

impl MaskImage {
    /// A mask of the photo's size; pixels that are not given lie outside. Its key is its content.
    ///
    /// **Shape**: `inside` `[height_px, width_px]`, row-major.
    pub fn new(photo: ImageSize, inside: &[bool]) -> Self {
        let rows = || (0_u32..photo.height_px).zip(inside.chunks(photo.width_px.max(1) as usize));
        let mut bounds: Option<[u32; 4]> = None;
        for (y, row) in rows() {
            let xs = || (0_u32..).zip(row).filter(|(_, inside)| **inside).map(|(x, _)| x);
            if let (Some(first), Some(last)) = (xs().next(), xs().last()) {
                let [x0, y0, x1, _] = bounds.unwrap_or([first, y, last, y]);
                bounds = Some([x0.min(first), y0, x1.max(last), y]);
            }
        }
        let [x0, y0, x1, y1] = bounds.unwrap_or([0; 4]);
        let cut = rows().skip(y0 as usize).take((y1 - y0) as usize + 1);
        let mut texels: Vec<u8> = cut
            .flat_map(|(_, row)| row.get(x0 as usize..=x1 as usize).unwrap_or_default())
            .map(|v| u8::from(*v))
            .collect();
        let size_px = [x1 - x0 + 1, y1 - y0 + 1];
        texels.resize(size_px[0] as usize * size_px[1] as usize, 0);
        let mut hasher = DefaultHasher::new();
        (x0, y0, size_px, &texels).hash(&mut hasher);
        Self { key: hasher.finish(), first_px: [x0, y0], size_px, texels: texels.into() }
    }

    /// Equal keys mean equal masks.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Left and top of the rectangle around the mask.
    pub fn first_px(&self) -> [u32; 2] {
        self.first_px
    }

    /// Columns and rows of that rectangle, at least 1.
    pub fn size_px(&self) -> [u32; 2] {
        self.size_px
    }

    /// **Shape** `[size_px[1], size_px[0]]`: 1 inside, 0 outside.
    pub fn texels(&self) -> &[u8] {
        &self.texels
    }

    /// `in_mask` of the shaders, at a whole pixel of the photo.
    pub(super) fn contains(&self, photo_px: [f32; 2]) -> bool {
        let at = [0, 1].map(|i| photo_px[i] - self.first_px[i] as f32);
        if !(0..2).all(|i| at[i] >= 0.0 && at[i] < self.size_px[i] as f32) {
            return false;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the rectangle")]
        let [x, y] = at.map(|v| v as usize);
        self.texels.get(y * self.size_px[0] as usize + x).is_some_and(|texel| *texel != 0)
    }
}

/// How a mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskStyle {
    /// Gamma-space red, green, blue; [`category_colour`] has one for every category.
    pub colour: [u8; 3],
    /// Opacity of the inside, 0..=1.
    pub fill: f32,
    /// Opacity of the line along the inner edge, 0..=1; a dark line runs along the outer one.
    pub outline: f32,
}

/// A colour that depends on the category's number and on nothing else: neighbouring numbers are far apart on the colour
/// circle, and lightness takes turns, so that eighty categories can be told from each other as far as eyes allow.
pub fn category_colour(category_id: u64) -> [u8; 3] {
    // Steps of the golden ratio never come near an earlier colour for long.
    let hue = (category_id % 100_000) as f32 * 0.618_034 % 1.0 * 6.0;
    let (lightest, darkest) = [(1.0, 0.25), (0.85, 0.05), (1.0, 0.5)][usize::try_from(category_id % 3).unwrap_or(0)];
    let channel = |shift: f32| {
        let distance = ((hue + shift).rem_euclid(6.0) - 3.0).abs();
        to_byte(darkest + (lightest - darkest) * (distance - 1.0).clamp(0.0, 1.0))
    };
    [channel(0.0), channel(4.0), channel(2.0)]
}

/// Uniform of `shaders/mask.wgsl`. Points are measured in drawn pixels from the picture's top left corner.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct MaskUniform {
    /// Premultiplied colours.
    pub(super) fill: [f32; 4],
    pub(super) outline: [f32; 4],
    pub(super) shadow: [f32; 4],
    /// Where the picture's corner lies in the render target.
    pub(super) origin_px: [f32; 2],
    photo_scale: [f32; 2],
    photo_offset: [f32; 2],
    mask_first: [f32; 2],
    mask_size: [f32; 2],
    out_size: [f32; 2],
    bounds_min: [f32; 2],
    bounds_max: [f32; 2],
    line_px: f32,
    padding: [u32; 3],
}

impl MaskUniform {
    pub(super) fn new(mask: &MaskImage, style: &MaskStyle, window: &Window) -> Self {
        let (photo_scale, photo_offset) = photo_affine(window);
        let line_px = window.line_px.max(1.0).round();
        let bounds = [0, 1].map(|i| {
            let (scale, offset) = (f64::from(photo_scale[i]), f64::from(photo_offset[i]));
            let edge = |px: u32| (f64::from(px) - offset) / scale;
            let reach = f64::from(line_px) + 1.0;
            let limit = f64::from(window.out_size[i]);
            let (first, past) = (edge(mask.first_px[i]), edge(mask.first_px[i] + mask.size_px[i]));
            [(first - reach).floor().clamp(0.0, limit), (past + reach).ceil().clamp(0.0, limit)]
        });
        let [r, g, b] = style.colour.map(|c| f32::from(c) / 255.0);
        let (fill, outline) = (unit(style.fill), unit(style.outline));
        Self {
            fill: [r * fill, g * fill, b * fill, fill],
            outline: [r * outline, g * outline, b * outline, outline],
            shadow: [0.0, 0.0, 0.0, SHADOW * outline],
            origin_px: [0.0; 2],
            photo_scale,
            photo_offset,
            mask_first: mask.first_px.map(|v| v as f32),
            mask_size: mask.size_px.map(|v| v as f32),
            out_size: window.out_size.map(|v| v.max(1) as f32),
            bounds_min: narrow(bounds.map(|b| b[0])),
            bounds_max: narrow(bounds.map(|b| b[1])),
            line_px,
            padding: [0; 3],
        }
    }

    /// `in_mask` of the shader.
    fn inside(&self, mask: &MaskImage, p: [f32; 2]) -> bool {
        mask.contains([0, 1].map(|i| (p[i] * self.photo_scale[i] + self.photo_offset[i]).floor()))
    }

    /// `fs` of the shader.
    fn shade(&self, mask: &MaskImage, p: [f32; 2]) -> [f32; 4] {
        let inner = self.inside(mask, p);
        let reach = if inner { 2.0 * self.line_px } else { self.line_px };
        let steps = [-1.0, 0.0, 1.0];
        let differs = steps
            .iter()
            .any(|j| steps.iter().any(|i| self.inside(mask, [p[0] + i * reach, p[1] + j * reach]) != inner));
        let line = if inner { self.outline } else { self.shadow };
        over(if differs { line } else { [0.0; 4] }, if inner { self.fill } else { [0.0; 4] })
    }
}

/// 0..=1, whatever a session file says.
pub(super) fn unit(value: f32) -> f32 {
    if value.is_finite() { value.clamp(0.0, 1.0) } else { 1.0 }
}

/// Drawn pixels to pixels of the photo: factor and offset.
pub(super) fn photo_affine(window: &Window) -> ([f32; 2], [f32; 2]) {
    let r = window.rect_px;
    let [out_w, out_h] = window.out_size.map(|n| f64::from(n.max(1)));
    (narrow([(r.x1 - r.x0) / out_w, (r.y1 - r.y0) / out_h]), narrow([r.x0, r.y0]))
}

/// Draws over every pixel of a picture.
pub(super) fn paint_pixels(picture: &mut Picture, shade: impl Fn([f32; 2]) -> [f32; 4] + Sync) {
    let width = picture.size[0].max(1) as usize;
    picture.rgba.par_chunks_exact_mut(4 * width).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let colour = shade([x as f32 + 0.5, y as f32 + 0.5]);
            if colour[3] > 0.0 {
                *pixel = over(colour, pixel.map(|v| f32::from(v) / 255.0)).map(to_byte);
            }
        }
    });
}

/// Draws masks over a picture of the same window, the first one lowest.
pub fn paint_masks(picture: &mut Picture, masks: &[(MaskImage, MaskStyle)], window: &Window) {
    for (mask, style) in masks {
        let u = MaskUniform::new(mask, style, window);
        let ([x0, y0], [x1, y1]) = (u.bounds_min, u.bounds_max);
        paint_pixels(picture, |p| {
            let within = p[0] > x0 && p[0] < x1 && p[1] > y0 && p[1] < y1;
            if within { u.shade(mask, p) } else { [0.0; 4] }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::RectPx;
    use std::collections::HashSet;

    const PHOTO: ImageSize = ImageSize { width_px: 5, height_px: 4 };

    fn bits(picture: &str) -> Vec<bool> {
        picture.split_whitespace().flat_map(str::bytes).map(|c| c == b'#').collect()
    }

    #[test]
    fn a_mask_is_cut_to_the_rectangle_around_it() {
        let mask = MaskImage::new(PHOTO, &bits("..... ..#.. .#.#. ....."));
        assert_eq!((mask.first_px(), mask.size_px()), ([1, 1], [3, 2]), "around the three pixels");
        assert_eq!(mask.texels(), [0, 1, 0, 1, 0, 1], "row by row");
        for (idx, inside) in bits("..... ..#.. .#.#. .....").into_iter().enumerate() {
            let at = [(idx % 5) as f32, (idx / 5) as f32];
            assert_eq!(mask.contains(at), inside, "at {at:?}");
        }
        assert!(!mask.contains([-1.0, 0.0]), "beyond the photo");
        let empty = MaskImage::new(PHOTO, &[]);
        assert_eq!((empty.size_px(), empty.texels()), ([1, 1], &[0_u8][..]), "nothing is one clear texel");
    }

    #[test]
    fn keys_are_content() {
        let a = MaskImage::new(PHOTO, &bits("#.... ..... ..... ....."));
        let b = MaskImage::new(PHOTO, &bits(".#... ..... ..... ....."));
        assert_ne!(a.key(), b.key(), "the same shape elsewhere");
        assert_eq!(a.key(), MaskImage::new(PHOTO, &bits("#.... ..... ..... .....")).key(), "the same mask");
    }

    #[test]
    fn an_object_is_filled_and_outlined_inside_its_own_pixels() {
        let photo = ImageSize { width_px: 12, height_px: 12 };
        let inside: Vec<bool> = (0..144).map(|i| (2..10).contains(&(i % 12)) && (2..10).contains(&(i / 12))).collect();
        let window =
            Window { rect_px: RectPx { x0: 0.0, y0: 0.0, x1: 12.0, y1: 12.0 }, out_size: [12, 12], line_px: 1.0 };
        let mut picture = Picture { size: [12, 12], rgba: vec![0; 576], missing: 0 };
        let style = MaskStyle { colour: [255, 0, 0], fill: 0.2, outline: 1.0 };
        paint_masks(&mut picture, &[(MaskImage::new(photo, &inside), style)], &window);
        let at = |x: usize, y: usize| &picture.rgba[4 * (12 * y + x)..][..4];
        assert_eq!(at(2, 5), [255, 0, 0, 255], "the edge");
        assert_eq!(at(3, 5), [255, 0, 0, 255], "two pixels wide");
        assert_eq!(at(5, 5), [51, 0, 0, 51], "the inside, premultiplied");
        assert_eq!(at(1, 5), [0, 0, 0, 153], "a dark line outside");
        assert_eq!(at(0, 5), [0; 4], "clear elsewhere");
    }

    #[test]
    fn colours_of_categories_do_not_depend_on_order_and_differ() {
        let colours: HashSet<_> = (1..=90).map(category_colour).collect();
        assert_eq!(colours.len(), 90, "COCO's numbers have colours of their own");
        assert_eq!(category_colour(18), category_colour(18), "the number alone decides");
    }
}
