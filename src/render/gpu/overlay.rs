//! Masks, and a map against one, as paint callbacks over a photo that was drawn before.

use super::cache::{Image, Key};
use super::{Gpu, corner_px, wgpu};
use crate::render::mask::MaskUniform;
use crate::render::overlap::OverlapUniform;
use crate::render::{MaskImage, MaskStyle, OverlapMap, OverlapStyle, Window};
use eframe::{egui, egui_wgpu};
use std::sync::OnceLock;

/// Draws a map against a mask over what lies in `rect`, the visible part of a canvas on whole pixels, `window.out_size`
/// of them. Add it after [`super::heat_shape`]; [`super::GpuInfo::fits_size`] must hold for the photo.
pub fn overlap_shape(
    rect: egui::Rect,
    map: OverlapMap,
    mask: MaskImage,
    style: OverlapStyle,
    window: Window,
) -> egui::Shape {
    let callback = OverlapCallback { rect, map, mask, style, window, bindings: OnceLock::new() };
    egui::Shape::Callback(egui_wgpu::Callback::new_paint_callback(rect, callback))
}

/// Draws masks, the first one lowest, over what lies in `rect`; as [`overlap_shape`].
pub fn masks_shape(rect: egui::Rect, masks: Vec<(MaskImage, MaskStyle)>, window: Window) -> egui::Shape {
    let callback = MasksCallback { rect, masks, window, bindings: OnceLock::new() };
    egui::Shape::Callback(egui_wgpu::Callback::new_paint_callback(rect, callback))
}

struct OverlapCallback {
    rect: egui::Rect,
    map: OverlapMap,
    mask: MaskImage,
    style: OverlapStyle,
    window: Window,
    bindings: OnceLock<Option<wgpu::BindGroup>>,
}

struct MasksCallback {
    rect: egui::Rect,
    masks: Vec<(MaskImage, MaskStyle)>,
    window: Window,
    bindings: OnceLock<Vec<wgpu::BindGroup>>,
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
    pub(super) fn bind_overlap(
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
    pub(super) fn bind_mask(
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

    pub(super) fn draw_overlap(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup) {
        self.overlap.draw(pass, bindings);
    }

    pub(super) fn draw_masks(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &[wgpu::BindGroup]) {
        pass.set_pipeline(&self.mask_pipeline.pipeline);
        for mask in bindings {
            pass.set_bind_group(0, mask, &[]);
            pass.draw(0..6, 0..1);
        }
    }
}

impl egui_wgpu::CallbackTrait for OverlapCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            let mut uniform = OverlapUniform::new(&self.map, &self.mask, &self.style, &self.window);
            uniform.origin_px = corner_px(self.rect, screen).map(|v| v as f32);
            self.bindings.get_or_init(|| gpu.bind_overlap(device, queue, (&self.map, &self.mask), uniform));
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &egui_wgpu::CallbackResources,
    ) {
        if let (Some(gpu), Some(Some(bindings))) = (resources.get::<Gpu>(), self.bindings.get()) {
            gpu.draw_overlap(pass, bindings);
        }
    }
}

impl egui_wgpu::CallbackTrait for MasksCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            let origin_px = corner_px(self.rect, screen).map(|v| v as f32);
            self.bindings.get_or_init(|| {
                let bind = |(mask, style): &(MaskImage, MaskStyle)| {
                    let mut uniform = MaskUniform::new(mask, style, &self.window);
                    uniform.origin_px = origin_px;
                    gpu.bind_mask(device, queue, mask, uniform)
                };
                self.masks.iter().filter_map(bind).collect()
            });
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &egui_wgpu::CallbackResources,
    ) {
        if let (Some(gpu), Some(bindings)) = (resources.get::<Gpu>(), self.bindings.get()) {
            gpu.draw_masks(pass, bindings);
        }
    }
}
