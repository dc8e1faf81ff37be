//! All maps of a grid as one paint callback.

use super::cache::{Image, Key};
use super::heat::content_key;
use super::{Gpu, LIST_WIDTH, corner_px, to_u32, viewport_px, wgpu};
use crate::render::{GridLayout, GridMaps, GridUniform};
use eframe::{egui, egui_wgpu};
use std::sync::OnceLock;

/// Draws the maps on `layout` from the corner `origin` on; `visible` is the part of it inside of the window and of
/// scrolling.
pub fn grid_shape(visible: egui::Rect, origin: egui::Pos2, maps: GridMaps, layout: GridLayout) -> egui::Shape {
    let callback = GridCallback { visible, origin, maps, layout, bindings: OnceLock::new() };
    egui::Shape::Callback(egui_wgpu::Callback::new_paint_callback(visible, callback))
}

struct GridCallback {
    visible: egui::Rect,
    origin: egui::Pos2,
    maps: GridMaps,
    layout: GridLayout,
    bindings: OnceLock<wgpu::BindGroup>,
}

impl Gpu {
    /// Sends what is not there yet and binds it.
    pub(super) fn bind_grid(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        maps: &GridMaps,
        layout: &GridLayout,
        mut uniform: GridUniform,
    ) -> wgpu::BindGroup {
        uniform.flags |= self.target_flags();
        let texels = maps.layers() * maps.heads() * maps.grid().len();
        let values = self.cache.get_or_upload(device, queue, Key::GridValues(maps.key(), texels), || {
            list("grid values", wgpu::TextureFormat::R32Float, maps.texels().collect::<Vec<f32>>(), 0.0)
        });
        let scales = maps.scales(layout.colormap);
        let bits: Vec<[u32; 2]> = scales.iter().map(|s| s.map(f32::to_bits)).collect();
        let ranges = self.cache.get_or_upload(device, queue, Key::GridRanges(content_key(&bits)), || {
            list("grid ranges", wgpu::TextureFormat::Rg32Float, scales, [0.0; 2])
        });
        self.grid.bind(device, bytemuck::bytes_of(&uniform), &[&values, &ranges, &self.lut])
    }

    pub(super) fn draw_grid(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup, maps: &GridMaps) {
        pass.set_pipeline(&self.grid.pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.draw(0..6, 0..to_u32(maps.layers() * maps.heads()));
    }
}

/// A list as a texture of fixed width.
fn list<T: bytemuck::Pod>(
    label: &'static str,
    format: wgpu::TextureFormat,
    mut texels: Vec<T>,
    filler: T,
) -> Image<'static> {
    let width = LIST_WIDTH as usize;
    let rows = texels.len().div_ceil(width).max(1);
    texels.resize(rows * width, filler);
    Image::single(label, format, [LIST_WIDTH, to_u32(rows)], bytemuck::cast_slice(&texels).to_vec())
}

impl egui_wgpu::CallbackTrait for GridCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &egui_wgpu::ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut egui_wgpu::CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(gpu) = resources.get_mut::<Gpu>() {
            let origin = corner_px(egui::Rect::from_min_size(self.origin, egui::Vec2::ZERO), screen);
            let uniform = GridUniform::new(&self.maps, &self.layout, origin, viewport_px(self.visible, screen));
            self.bindings.get_or_init(|| gpu.bind_grid(device, queue, &self.maps, &self.layout, uniform));
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
            gpu.draw_grid(pass, bindings, &self.maps);
        }
    }
}
