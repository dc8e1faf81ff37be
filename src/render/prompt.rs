//! A photo darkened where a mask says so: the CPU twin of `shaders/prompt.wgsl`.
//!
//! At one drawn pixel per photo pixel both draw what attention prompting hands to the model, within a grey level: the
//! product of the photo and the mask, truncated to 8 bits.

use super::mask::{paint_pixels, photo_affine};
use super::uniform::lod;
use super::{PhotoTexture, Picture, Window};
use crate::geometry::ImageSize;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

/// The target stores linear light: convert at the end. The CPU twin never does.
pub(super) const LINEAR_TARGET: u32 = 1;
/// The mask's own grey levels.
const MASK_ALONE: u32 = 2;
/// Below what two different grey levels can be apart, above the rounding of single precision.
const TRUNCATION_SLACK: f32 = 0.001;

/// How much of every pixel of a photo stays, as a texture holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptMask {
    key: u64,
    size_px: [u32; 2],
    texels: Arc<[u8]>,
}

impl PromptMask {
    /// A mask of the photo's size, of 255; pixels that are not given stay. Its key is its content.
    ///
    /// **Shape**: `levels` `[height_px, width_px]`, row-major.
    pub fn new(photo: ImageSize, mut levels: Vec<u8>) -> Self {
        levels.resize(photo.width_px as usize * photo.height_px as usize, u8::MAX);
        let mut hasher = DefaultHasher::new();
        hasher.write_u32(photo.width_px);
        hasher.write(&levels);
        Self { key: hasher.finish(), size_px: [photo.width_px, photo.height_px], texels: levels.into() }
    }

    /// Equal keys mean equal masks.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Columns and rows of the photo.
    pub fn size_px(&self) -> [u32; 2] {
        self.size_px
    }

    /// Row-major.
    pub fn texels(&self) -> &[u8] {
        &self.texels
    }
}

/// How a mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PromptStyle {
    /// The photo, darkened to this grey level.
    Darkened {
        /// 0 is black.
        grey: u8,
    },
    /// The mask alone: white stays, black goes.
    Mask,
}

/// Uniform of `shaders/prompt.wgsl`.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct PromptUniform {
    /// Where the picture's corner lies in the render target.
    pub(super) origin_px: [f32; 2],
    photo_size: [f32; 2],
    photo_scale: [f32; 2],
    photo_offset: [f32; 2],
    grey: f32,
    lod: f32,
    pub(super) flags: u32,
    padding: u32,
}

impl PromptUniform {
    pub(super) fn new(mask: &PromptMask, style: PromptStyle, window: &Window) -> Self {
        let (photo_scale, photo_offset) = photo_affine(window);
        let r = window.rect_px;
        let [out_w, out_h] = window.out_size.map(|n| f64::from(n.max(1)));
        let (grey, flags) = match style {
            PromptStyle::Darkened { grey } => (f32::from(grey) / 255.0, 0),
            PromptStyle::Mask => (0.0, MASK_ALONE),
        };
        Self {
            origin_px: [0.0; 2],
            photo_size: mask.size_px.map(|v| v as f32),
            photo_scale,
            photo_offset,
            grey,
            lod: lod(((r.x1 - r.x0) / out_w).max((r.y1 - r.y0) / out_h)),
            flags,
            padding: 0,
        }
    }

    /// `fs` of the shader.
    fn shade(&self, photo: &PhotoTexture, mask: &PromptMask, p: [f32; 2]) -> [f32; 4] {
        let at = [0, 1].map(|i| p[i] * self.photo_scale[i] + self.photo_offset[i]);
        if !(0..2).all(|i| at[i] >= 0.0 && at[i] < self.photo_size[i]) {
            return [0.0; 4];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the photo")]
        let [x, y] = at.map(|v| v as usize);
        let level = mask.texels.get(y * mask.size_px[0] as usize + x).copied().unwrap_or(u8::MAX);
        let stays = f32::from(level) / 255.0;
        if self.flags & MASK_ALONE != 0 {
            return [stays, stays, stays, 1.0];
        }
        let uv = [0, 1].map(|i| at[i] / self.photo_size[i]);
        let mixed = photo.sample(uv, self.lod).map(|v| v * stays + self.grey * (1.0 - stays));
        let [r, g, b] = mixed.map(|v| (v * 255.0 + TRUNCATION_SLACK).floor() / 255.0);
        [r, g, b, 1.0]
    }
}

/// Draws the darkened photo, or the mask, over a picture of the same window.
pub fn paint_prompt(
    picture: &mut Picture,
    photo: &PhotoTexture,
    mask: &PromptMask,
    style: PromptStyle,
    window: &Window,
) {
    let uniform = PromptUniform::new(mask, style, window);
    paint_pixels(picture, |p| uniform.shade(photo, mask, p));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::RectPx;

    const SIZE: ImageSize = ImageSize { width_px: 3, height_px: 2 };

    fn painted(style: PromptStyle) -> Vec<u8> {
        let photo = PhotoTexture::new(1, SIZE, &[200; 18]).expect("six pixels");
        let mask = PromptMask::new(SIZE, vec![255, 128, 0, 255]);
        let rect_px = RectPx { x0: 0.0, y0: 0.0, x1: 4.0, y1: 2.0 };
        let window = Window { rect_px, out_size: [4, 2], line_px: 1.0 };
        let mut picture = Picture { size: [4, 2], rgba: vec![0; 32], missing: 0 };
        paint_prompt(&mut picture, &photo, &mask, style, &window);
        picture.rgba.chunks(4).map(|pixel| if pixel[3] == 0 { 1 } else { pixel[0] }).collect()
    }

    #[test]
    fn a_photo_is_darkened_by_its_mask_and_nothing_is_drawn_beside_it() {
        // 200 * 128 / 255 + 10 * 127 / 255 = 105.37
        let found = painted(PromptStyle::Darkened { grey: 10 });
        assert_eq!(found, [200, 105, 10, 1, 200, 200, 200, 1], "all, half, nothing, beside; missing ones stay");
        assert_eq!(painted(PromptStyle::Mask), [255, 128, 0, 1, 255, 255, 255, 1], "the mask's own levels");
    }

    #[test]
    fn keys_are_content() {
        let mask = |levels: &[u8]| PromptMask::new(SIZE, levels.to_vec()).key();
        assert_eq!(mask(&[1, 2]), mask(&[1, 2, 255, 255, 255, 255]), "what is missing stays");
        assert_ne!(mask(&[1, 2]), mask(&[2, 1]), "another mask");
    }
}
