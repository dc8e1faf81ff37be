//! A photo with its overlay as a paint callback.

use super::cache::{Image, Key};
use super::callback::{self, Painted, Target};
use super::{Gpu, to_u32, wgpu};
use crate::render::atlas::Atlas;
use crate::render::{HeatUniform, Scene, Window, selection_mask};
use eframe::egui;
use std::hash::{DefaultHasher, Hasher as _};

/// Draws `scene` through `window` into `rect`, which is the visible part of a canvas on whole pixels, `window.out_size`
/// of them.
pub fn heat_shape(rect: egui::Rect, scene: Scene, window: Window) -> egui::Shape {
    callback::shape(rect, HeatPicture { rect, scene, window })
}

/// A photo with its overlay, through a window.
pub(super) struct HeatPicture {
    pub(super) rect: egui::Rect,
    pub(super) scene: Scene,
    pub(super) window: Window,
}

impl Gpu {
    /// Sends what is not there yet and binds it.
    fn bind_heat(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        scene: &Scene,
        mut uniform: HeatUniform,
    ) -> wgpu::BindGroup {
        uniform.flags |= self.target_flags();
        // Levels are counted from the largest one that this card takes.
        let skipped = scene.photo.first_level_within(self.max_side_px);
        if skipped > 0 && uniform.lod >= 0.0 {
            uniform.lod = (uniform.lod - skipped as f32).max(0.0);
        }
        let photo = self.photo(device, queue, &scene.photo);
        let layout = &*scene.layout;
        let atlas = Atlas::new(layout);
        let size = atlas.size.map(to_u32);
        let grids = content_key(&layout.placed().map(|region| region.grid).collect::<Vec<_>>());
        let heat = scene.heat.as_ref().filter(|_| !layout.is_empty()).map(|(map, _)| {
            self.cache.get_or_upload(device, queue, Key::Heat(map.key, grids), || {
                let bytes = bytemuck::cast_slice(&atlas.heat(layout, &map.values)).to_vec();
                Image::single("heat", wgpu::TextureFormat::R32Float, size, bytes)
            })
        });
        let selection = (!scene.marks.selected.is_empty() && !layout.is_empty()).then(|| {
            let key = Key::Selection(content_key(&(grids, &scene.marks.selected)));
            self.cache.get_or_upload(device, queue, key, || {
                let mask = selection_mask(layout, &scene.marks.selected);
                let texels = atlas.texels(layout, |cell| mask.get(cell).copied().unwrap_or(0), 0);
                Image::single("selection", wgpu::TextureFormat::R8Uint, size, texels)
            })
        });
        // Never read without its flag, but something must be bound: any float texture does.
        let heat = heat.unwrap_or_else(|| self.lut.clone());
        let selection = selection.unwrap_or_else(|| self.no_selection.clone());
        self.heat.bind(device, bytemuck::bytes_of(&uniform), &[&photo, &heat, &self.lut, &selection])
    }
}

/// A key for content that has none.
pub(super) fn content_key(content: &impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

impl Painted for HeatPicture {
    type Bound = wgpu::BindGroup;

    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound> {
        let mut uniform = HeatUniform::new(&self.scene, &self.window);
        uniform.origin_px = target.origin_px(self.rect);
        Some(gpu.bind_heat(target.device, target.queue, &self.scene, uniform))
    }

    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound) {
        gpu.heat.draw(pass, bound);
    }
}
