//! A darkened photo as a paint callback over the photo that was drawn before.

use super::cache::{Image, Key};
use super::callback::{self, Painted, Target};
use super::{Gpu, wgpu};
use crate::render::prompt::{LINEAR_TARGET, PromptUniform};
use crate::render::{PhotoTexture, PromptMask, PromptStyle, Window};
use eframe::egui;

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
    callback::shape(rect, PromptPicture { rect, photo, mask, style, window })
}

/// A darkened photo, through a window.
pub(super) struct PromptPicture {
    pub(super) rect: egui::Rect,
    pub(super) photo: PhotoTexture,
    pub(super) mask: PromptMask,
    pub(super) style: PromptStyle,
    pub(super) window: Window,
}

impl Gpu {
    /// Sends what is not there yet and binds it; `None` for a photo that no texture holds.
    fn bind_prompt(
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
}

impl Painted for PromptPicture {
    type Bound = wgpu::BindGroup;

    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound> {
        let mut uniform = PromptUniform::new(&self.mask, self.style, &self.window);
        uniform.origin_px = target.origin_px(self.rect);
        gpu.bind_prompt(target.device, target.queue, (&self.photo, &self.mask), uniform)
    }

    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound) {
        gpu.prompt.draw(pass, bound);
    }
}
