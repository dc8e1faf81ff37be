//! A darkened photo as a paint callback over the photo that was drawn before.

use super::cache::{Image, Key};
use super::{Gpu, corner_px, wgpu};
use crate::render::prompt::{LINEAR_TARGET, PromptUniform};
use crate::render::{PhotoTexture, PromptMask, PromptStyle, Window};
use eframe::{egui, egui_wgpu};
use std::sync::OnceLock;

/// Draws the photo darkened by a mask, or the mask alone, over what lies in `rect`, the visible part of a canvas on
/// whole pixels, `window.out_size` of them. Add it after [`super::heat_shape`]; [`super::GpuInfo::fits_size`] must hold
/// for the photo.
pub fn prompt_shape(
    rect: egui::Rect,
    photo: PhotoTexture,
    mask: PromptMask,
    style: PromptStyle,
    window: Window,
) -> egui::Shape {
    let callback = PromptCallback { rect, photo, mask, style, window, bindings: OnceLock::new() };
    egui::Shape::Callback(egui_wgpu::Callback::new_paint_callback(rect, callback))
}

struct PromptCallback {
    rect: egui::Rect,
    photo: PhotoTexture,
    mask: PromptMask,
    style: PromptStyle,
    window: Window,
    bindings: OnceLock<Option<wgpu::BindGroup>>,
}

impl Gpu {
    /// Sends what is not there yet and binds it; `None` for a photo that no texture holds.
    pub(super) fn bind_prompt(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        (photo, mask): (&PhotoTexture, &PromptMask),
        mut uniform: PromptUniform,
    ) -> Option<wgpu::BindGroup> {
        if !self.fits(mask.size_px()) {
            return None;
        }
        if self.linear_target {
            uniform.flags |= LINEAR_TARGET;
        }
        let photo = self.photo(device, queue, photo);
        let mask = self.cache.get_or_upload(device, queue, Key::Prompt(mask.key()), || Image {
            label: "mask of a darkened photo",
            format: wgpu::TextureFormat::R8Uint,
            levels: vec![(mask.size_px(), mask.texels().into())],
        });
        Some(self.prompt.bind(device, bytemuck::bytes_of(&uniform), &[&photo, &mask]))
    }

    pub(super) fn draw_prompt(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup) {
        self.prompt.draw(pass, bindings);
    }
}

impl egui_wgpu::CallbackTrait for PromptCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            let mut uniform = PromptUniform::new(&self.mask, self.style, &self.window);
            uniform.origin_px = corner_px(self.rect, screen).map(|v| v as f32);
            self.bindings.get_or_init(|| gpu.bind_prompt(device, queue, (&self.photo, &self.mask), uniform));
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
            gpu.draw_prompt(pass, bindings);
        }
    }
}
