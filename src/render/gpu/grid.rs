//! All maps of a grid as one paint callback.

use super::cache::{Image, Key};
use super::callback::{self, Painted, Target};
use super::heat::content_key;
use super::{Gpu, LIST_WIDTH, corner_px, to_u32, viewport_px, wgpu};
use crate::render::{GridLayout, GridMaps, GridUniform};
use eframe::egui;

/// Draws the maps on `layout` from the corner `origin` on; `visible` is the part of it inside of the window and of
/// scrolling.
pub fn grid_shape(visible: egui::Rect, origin: egui::Pos2, maps: GridMaps, layout: GridLayout) -> egui::Shape {
    callback::shape(visible, GridPicture { visible, origin, maps, layout })
}

/// The maps of a grid, of which a part is visible.
pub(super) struct GridPicture {
    pub(super) visible: egui::Rect,
    pub(super) origin: egui::Pos2,
    pub(super) maps: GridMaps,
    pub(super) layout: GridLayout,
}

impl Gpu {
    /// Sends what is not there yet and binds it.
    fn bind_grid(
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

impl Painted for GridPicture {
    type Bound = wgpu::BindGroup;

    fn bind(&self, gpu: &mut Gpu, target: &Target<'_>) -> Option<Self::Bound> {
        let (maps, layout) = (&self.maps, &self.layout);
        let (origin, viewport) = match target.screen {
            Some(screen) => (
                corner_px(egui::Rect::from_min_size(self.origin, egui::Vec2::ZERO), screen),
                viewport_px(self.visible, screen),
            ),
            None => ([0; 2], ([0; 2], layout.size_px(maps))),
        };
        let uniform = GridUniform::new(maps, layout, origin, viewport);
        Some(gpu.bind_grid(target.device, target.queue, maps, layout, uniform))
    }

    fn draw(&self, gpu: &Gpu, pass: &mut wgpu::RenderPass<'_>, bound: &Self::Bound) {
        gpu.grid.draw_rectangles(pass, bound, to_u32(self.maps.layers() * self.maps.heads()));
    }
}
