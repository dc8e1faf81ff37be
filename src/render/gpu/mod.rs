//! The screen's path: textures that stay on the graphics card, and paint callbacks for egui.
//!
//! [`install`] puts one [`Gpu`] into egui-wgpu's resources. Widgets then add [`heat_shape`] or [`grid_shape`], and
//! [`masks_shape`], [`overlap_shape`] or [`prompt_shape`] over a photo; each callback carries its own uniform buffer,
//! because egui-wgpu runs every `prepare` before any `paint` and a shared one would hold the last canvas's numbers.
//! Textures are kept under content keys, so that moving a slider uploads some hundred bytes and choosing a token one
//! map.
//!
//! [`Offscreen`] draws with the same pipelines into memory.

mod cache;
mod callback;
mod grid;
mod heat;
mod offscreen;
mod overlay;
mod pipeline;
mod prompt;
mod shaders;

pub use cache::CacheStats;
pub use grid::grid_shape;
pub use heat::heat_shape;
pub use offscreen::{GpuError, Offscreen};
pub use overlay::{masks_shape, overlap_shape};
pub use prompt::prompt_shape;
pub use shaders::{SHADERS, Shader};

use super::{GridMaps, PhotoTexture, colormaps};
use crate::geometry::ImageSize;
use cache::{Image, Key, TextureCache};
use eframe::egui_wgpu::{RenderState, wgpu};
use eframe::{egui, egui_wgpu};
use pipeline::Pipeline;

/// Photos, maps and grids of a long session; beyond this the longest unused goes.
const CACHE_BUDGET_BYTES: u64 = 512 << 20;
/// Width of textures that hold long lists, the least that every device offers. `shaders/grid.wgsl` knows it too.
const LIST_WIDTH: u32 = 2048;

/// Pipelines and textures, one per renderer.
pub struct Gpu {
    heat: Pipeline,
    grid: Pipeline,
    overlap: Pipeline,
    mask_pipeline: Pipeline,
    prompt: Pipeline,
    lut: wgpu::TextureView,
    no_selection: wgpu::TextureView,
    cache: TextureCache,
    max_side_px: u32,
    linear_target: bool,
}

/// What widgets need to know of the graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuInfo {
    /// Longest side of a texture.
    pub max_side_px: u32,
}

impl GpuInfo {
    /// Whether all values of a grid fit one texture.
    pub fn fits(self, maps: &GridMaps) -> bool {
        let texels = maps.layers() * maps.heads() * maps.grid().len();
        texels > 0 && texels.div_ceil(LIST_WIDTH as usize) <= self.max_side_px as usize
    }

    /// Whether a texture holds a photo pixel by pixel, as masks and overlaps need; beyond that, draw them on the CPU.
    pub fn fits_size(self, photo: ImageSize) -> bool {
        photo.width_px.max(photo.height_px) <= self.max_side_px
    }

    /// Says so, if this graphics card shows less than all pixels of a photo.
    pub fn scaled_note(self, photo: &PhotoTexture) -> Option<String> {
        photo.scaled_note(self.max_side_px)
    }
}

/// Makes the pipelines and tells widgets of this context that they may use them. Call it once, where the window is
/// created; `samples` is the window's multisampling (1 if none). Without it, widgets draw on the CPU.
pub fn install(ctx: &egui::Context, state: &RenderState, samples: u32) {
    let gpu = Gpu::new(&state.device, &state.queue, state.target_format, samples);
    let info = GpuInfo { max_side_px: gpu.max_side_px };
    state.renderer.write().callback_resources.insert(gpu);
    ctx.data_mut(|data| data.insert_temp(info_id(), info));
}

/// What [`install`] found; `None` where it was not called.
pub fn info(ctx: &egui::Context) -> Option<GpuInfo> {
    ctx.data(|data| data.get_temp(info_id()))
}

fn info_id() -> egui::Id {
    egui::Id::unique("gazelens::render::gpu")
}

impl Gpu {
    fn new(device: &wgpu::Device, queue: &wgpu::Queue, format: wgpu::TextureFormat, samples: u32) -> Self {
        let luts: Vec<u8> =
            colormaps().iter().flat_map(|map| map.lut.iter().flat_map(|&[r, g, b]| [r, g, b, 255])).collect();
        let rows = u32::try_from(colormaps().len()).unwrap_or(1);
        let lut = Image::single("colour maps", wgpu::TextureFormat::Rgba8Unorm, [256, rows], luts);
        let no_selection = Image::single("no selection", wgpu::TextureFormat::R8Uint, [1, 1], vec![0]);
        Self {
            heat: Pipeline::heat(device, format, samples),
            grid: Pipeline::grid(device, format, samples),
            overlap: Pipeline::overlap(device, format, samples),
            mask_pipeline: Pipeline::mask(device, format, samples),
            prompt: Pipeline::prompt(device, format, samples),
            lut: lut.upload(device, queue),
            no_selection: no_selection.upload(device, queue),
            cache: TextureCache::new(CACHE_BUDGET_BYTES),
            max_side_px: device.limits().max_texture_dimension_2d,
            linear_target: format.is_srgb(),
        }
    }

    /// What lies on the graphics card and how often something was sent there.
    pub fn stats(&self) -> CacheStats {
        self.cache.stats()
    }

    fn photo(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, photo: &PhotoTexture) -> wgpu::TextureView {
        let first = photo.first_level_within(self.max_side_px);
        self.cache.get_or_upload(device, queue, Key::Photo(photo.key()), || Image {
            label: "photo",
            format: wgpu::TextureFormat::Rgba8Unorm,
            levels: photo.levels()[first..].iter().map(|l| (l.size.map(to_u32), l.rgba.as_slice().into())).collect(),
        })
    }

    fn target_flags(&self) -> u32 {
        if self.linear_target { super::uniform::LINEAR_TARGET } else { 0 }
    }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// A visible rectangle in whole pixels of the render target: corner and size, clamped to the target as egui clamps its
/// viewport.
fn viewport_px(rect: egui::Rect, screen: &egui_wgpu::ScreenDescriptor) -> ([i32; 2], [u32; 2]) {
    let viewport = egui::epaint::ViewportInPixels::from_points(&rect, screen.pixels_per_point, screen.size_in_pixels);
    let size = [viewport.width_px, viewport.height_px].map(|n| u32::try_from(n).unwrap_or(0).max(1));
    ([viewport.left_px, viewport.top_px], size)
}

/// Corner of a rectangle in whole pixels of the render target, wherever it lies.
fn corner_px(rect: egui::Rect, screen: &egui_wgpu::ScreenDescriptor) -> [i32; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "positions on or near a screen")]
    [rect.min.x, rect.min.y].map(|v| (v * screen.pixels_per_point).round() as i32)
}
