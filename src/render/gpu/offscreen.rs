//! The screen's pipelines into memory, for tests and for pictures of what the screen shows.

use super::callback::{Painted, Target};
use super::grid::GridPicture;
use super::heat::HeatPicture;
use super::overlay::{MasksPicture, OverlapPicture};
use super::prompt::PromptPicture;
use super::{Gpu, wgpu};
use crate::render::{
    GridLayout, GridMaps, MaskImage, MaskStyle, OverlapMap, OverlapStyle, PhotoTexture, Picture, PromptMask,
    PromptStyle, Scene, Window, missing_values,
};
use eframe::egui;

/// Why a picture did not come back from the graphics card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// It does not fit a texture.
    #[error("Expected a picture of at most {max_side_px} pixels a side, found {width_px} x {height_px}")]
    TooLarge {
        /// Longest side of a texture.
        max_side_px: u32,
        /// Columns asked for.
        width_px: u32,
        /// Rows asked for.
        height_px: u32,
    },
    /// The device was lost or is out of memory.
    #[error("Expected a picture from the graphics card, found: {reason}")]
    Readback {
        /// The driver's words.
        reason: String,
    },
}

/// Draws into memory with the pipelines of the screen.
pub struct Offscreen {
    device: wgpu::Device,
    queue: wgpu::Queue,
    gpu: Gpu,
    format: wgpu::TextureFormat,
}

impl Offscreen {
    /// Makes the pipelines on a device.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        Self::with_format(device, queue, wgpu::TextureFormat::Rgba8Unorm)
    }

    /// The same into any target of four bytes per pixel; the picture's bytes are those of the target.
    pub fn with_format(device: &wgpu::Device, queue: &wgpu::Queue, format: wgpu::TextureFormat) -> Self {
        let gpu = Gpu::new(device, queue, format, 1);
        Self { device: device.clone(), queue: queue.clone(), gpu, format }
    }

    /// What [`crate::render::compose()`] draws, by the shader.
    pub fn heat(&mut self, scene: &Scene, window: &Window) -> Result<Picture, GpuError> {
        let missing = scene.heat.as_ref().map_or(0, |(map, _)| missing_values(scene.layout.len(), &map.values));
        let picture = HeatPicture { rect: egui::Rect::ZERO, scene: scene.clone(), window: *window };
        Ok(Picture { missing, ..self.paint(&picture, window.out_size, window.out_size)? })
    }

    /// What [`crate::render::compose_grid`] draws, by the shader.
    pub fn grid(&mut self, maps: &GridMaps, layout: &GridLayout) -> Result<Picture, GpuError> {
        let (size, missing) = (layout.size_px(maps), maps.missing());
        let (maps, layout) = (maps.clone(), *layout);
        let picture = GridPicture { visible: egui::Rect::ZERO, origin: egui::Pos2::ZERO, maps, layout };
        Ok(Picture { missing, ..self.paint(&picture, size, size)? })
    }

    /// What [`crate::render::overlap_image`] draws, by the shader.
    pub fn overlap(
        &mut self,
        map: &OverlapMap,
        mask: &MaskImage,
        style: &OverlapStyle,
        window: &Window,
    ) -> Result<Picture, GpuError> {
        let photo = map.size_px();
        let (map, mask, style, window) = (map.clone(), mask.clone(), *style, *window);
        self.paint(&OverlapPicture { rect: egui::Rect::ZERO, map, mask, style, window }, photo, window.out_size)
    }

    /// What [`crate::render::paint_masks`] draws over nothing, by the shader.
    pub fn masks(&mut self, masks: &[(MaskImage, MaskStyle)], window: &Window) -> Result<Picture, GpuError> {
        let sizes = masks.iter().map(|(mask, _)| mask.size_px());
        let photo = sizes.max_by_key(|size| size.iter().max().copied()).unwrap_or([1; 2]);
        let picture = MasksPicture { rect: egui::Rect::ZERO, masks: masks.to_vec(), window: *window };
        self.paint(&picture, photo, window.out_size)
    }

    /// What [`crate::render::paint_prompt`] draws over nothing, by the shader.
    pub fn prompt(
        &mut self,
        photo: &PhotoTexture,
        mask: &PromptMask,
        style: PromptStyle,
        window: &Window,
    ) -> Result<Picture, GpuError> {
        let (size, photo, mask, window) = (mask.size_px(), photo.clone(), mask.clone(), *window);
        self.paint(&PromptPicture { rect: egui::Rect::ZERO, photo, mask, style, window }, size, window.out_size)
    }

    /// Binds and draws; `photo` is what may not fit a texture.
    fn paint<P: Painted>(
        &mut self,
        picture: &P,
        [width_px, height_px]: [u32; 2],
        size: [u32; 2],
    ) -> Result<Picture, GpuError> {
        let too_large = GpuError::TooLarge { max_side_px: self.gpu.max_side_px, width_px, height_px };
        let target = Target { device: &self.device, queue: &self.queue, screen: None };
        let bound = picture.bind(&mut self.gpu, &target).ok_or(too_large)?;
        let rgba = self.draw(size, |gpu, pass| picture.draw(gpu, pass, &bound))?;
        Ok(Picture { size, rgba, missing: 0 })
    }

    fn draw(
        &self,
        [width, height]: [u32; 2],
        paint: impl FnOnce(&Gpu, &mut wgpu::RenderPass<'_>),
    ) -> Result<Vec<u8>, GpuError> {
        let max_side_px = self.gpu.max_side_px;
        if width == 0 || height == 0 || width > max_side_px || height > max_side_px {
            return Err(GpuError::TooLarge { max_side_px, width_px: width, height_px: height });
        }
        let target = self.target(width, height);
        let row_bytes = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: u64::from(row_bytes) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let view = target.create_view(&wgpu::TextureViewDescriptor::default());
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("offscreen"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            });
            paint(&self.gpu, &mut pass);
        }
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row_bytes), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            target.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            target.size(),
        );
        self.queue.submit([encoder.finish()]);
        let padded = self.read(&buffer)?;
        Ok(padded.chunks_exact(row_bytes as usize).flat_map(|row| &row[..width as usize * 4]).copied().collect())
    }

    fn target(&self, width: u32, height: u32) -> wgpu::Texture {
        self.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("offscreen"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        })
    }

    fn read(&self, buffer: &wgpu::Buffer) -> Result<Vec<u8>, GpuError> {
        let failed = |reason: String| GpuError::Readback { reason };
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        buffer.map_async(wgpu::MapMode::Read, .., move |result| {
            // The receiver outlives the poll below.
            let _ = sender.send(result);
        });
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|err| failed(err.to_string()))?;
        receiver.recv().map_err(|err| failed(err.to_string()))?.map_err(|err| failed(err.to_string()))?;
        let range = buffer.get_mapped_range(..).map_err(|err| failed(err.to_string()))?;
        Ok(range.to_vec())
    }
}
