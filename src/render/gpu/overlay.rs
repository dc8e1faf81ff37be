//! Masks, and a map against one, as paint callbacks over a photo that was drawn before.

use super::cache::{Image, Key};
use super::callback::{self, Painted, Target};
use super::{Gpu, wgpu};
use crate::render::mask::MaskUniform;
use crate::render::overlap::OverlapUniform;
use crate::render::{MaskImage, MaskStyle, OverlapMap, OverlapStyle, Window};
use eframe::egui;

/// Draws a map against a mask over what lies in `rect`, the visible part of a canvas on whole pixels, `window.out_size`
/// of them. Add it after [`super::heat_shape`]; [`super::GpuInfo::fits_size`] must hold for the photo.
pub fn overlap_shape(
    rect: egui::Rect,
    map: OverlapMap,
    mask: MaskImage,
    style: OverlapStyle,
    window: Window,
) -> egui::Shape {
    callback::shape(rect, OverlapPicture { rect, map, mask, style, window })
}

/// Draws masks, the first one lowest, over what lies in `rect`; as [`overlap_shape`].
pub fn masks_shape(rect: egui::Rect, masks: Vec<(MaskImage, MaskStyle)>, window: Window) -> egui::Shape {
    callback::shape(rect, MasksPicture { rect, masks, window })
}

/// A map against a mask, through a window.
pub(super) struct OverlapPicture {
    pub(super) rect: egui::Rect,
    pub(super) map: OverlapMap,
    pub(super) mask: MaskImage,
    pub(super) style: OverlapStyle,
    pub(super) window: Window,
}

/// Masks, through a window.
pub(super) struct MasksPicture {
    pub(super) rect: egui::Rect,
    pub(super) masks: Vec<(MaskImage, MaskStyle)>,
    pub(super) window: Window,
}

impl Gpu {
    pub(super) fn fits(&self, size_px: [u32; 2]) -> bool {
        size_px.iter().all(|side| (1..=self.max_side_px).contains(side))
    }

    fn mask(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, mask: &MaskImage) -> wgpu::TextureView {
        self.cache.get_or_upload(device, queue, Key::Mask(mask.key()), || Image {
            label: "mask",
            format: wgpu::TextureFormat::R8Uint,
            levels: vec![(mask.size_px(), mask.texels().into())],
        })
    }

    /// Sends what is not there yet and binds it; `None` for a photo that no texture holds.
    fn bind_overlap(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        (map, mask): (&OverlapMap, &MaskImage),
        mut uniform: OverlapUniform,
    ) -> Option<wgpu::BindGroup> {
        if !self.fits(map.size_px()) {
            return None;
        }
        uniform.colours = uniform.colours.map(|colour| self.target_colour(colour));
        let heat = self.cache.get_or_upload(device, queue, Key::Overlap(map.key()), || Image {
            label: "map on the photo",
            format: wgpu::TextureFormat::R32Float,
            levels: vec![(map.size_px(), bytemuck::cast_slice(map.texels()).into())],
        });
        let mask = self.mask(device, queue, mask);
        Some(self.overlap.bind(device, bytemuck::bytes_of(&uniform), &[&heat, &mask]))
    }

    /// The same for one mask.
    fn bind_mask(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        mask: &MaskImage,
        mut uniform: MaskUniform,
    ) -> Option<wgpu::BindGroup> {
        if !self.fits(mask.size_px()) {
            return None;
        }
        for colour in [&mut uniform.fill, &mut uniform.outline, &mut uniform.shadow] {
            *colour = self.target_colour(*colour);
        }
        let mask = self.mask(device, queue, mask);
        Some(self.mask_pipeline.bind(device, bytemuck::bytes_of(&uniform), &[&mask]))
    }

    /// A premultiplied colour as the target stores it.
    fn target_colour(&self, [r, g, b, alpha]: [f32; 4]) -> [f32; 4] {
        if !self.linear_target || alpha <= 0.0 {
            return [r, g, b, alpha];
        }
        let linear = |c: f32| {
            let c = c / alpha;
            alpha * if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        [linear(r), linear(g), linear(b), alpha]
    }
}

impl Painted for OverlapPicture {
    type Bound = wgpu::BindGroup;

    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound> {
        let mut uniform = OverlapUniform::new(&self.map, &self.mask, &self.style, &self.window);
        uniform.origin_px = target.origin_px(self.rect);
        gpu.bind_overlap(target.device, target.queue, (&self.map, &self.mask), uniform)
    }

    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound) {
        gpu.overlap.draw(pass, bound);
    }
}

impl Painted for MasksPicture {
    type Bound = Vec<wgpu::BindGroup>;

    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound> {
        let origin_px = target.origin_px(self.rect);
        let bind = |(mask, style): &(MaskImage, MaskStyle)| {
            let mut uniform = MaskUniform::new(mask, style, &self.window);
            uniform.origin_px = origin_px;
            gpu.bind_mask(target.device, target.queue, mask, uniform)
        };
        // All of them are of one photo: either it fits a texture, or none is drawn.
        self.masks.iter().map(bind).collect()
    }

    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound) {
        for mask in bound {
            gpu.mask_pipeline.draw_rectangles(pass, mask, 1);
        }
    }
}
