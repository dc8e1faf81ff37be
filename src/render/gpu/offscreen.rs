//! The screen's pipelines into memory, for tests and for pictures of what the screen shows.

use super::{Gpu, wgpu};
use crate::render::mask::MaskUniform;
use crate::render::overlap::OverlapUniform;
use crate::render::prompt::PromptUniform;
use crate::render::{
    GridLayout, GridMaps, GridUniform, HeatUniform, MaskImage, MaskStyle, OverlapMap, OverlapStyle, PhotoTexture,
    Picture, PromptMask, PromptStyle, Scene, Window, missing_values,
};

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
        let uniform = HeatUniform::new(scene, window);
        let bindings = self.gpu.bind_heat(&self.device, &self.queue, scene, uniform);
        let missing = scene.heat.as_ref().map_or(0, |(map, _)| missing_values(scene.layout.len(), &map.values));
        let rgba = self.draw(window.out_size, |gpu, pass| gpu.draw_heat(pass, &bindings))?;
        Ok(Picture { size: window.out_size, rgba, missing })
    }

    /// What [`crate::render::compose_grid`] draws, by the shader.
    pub fn grid(&mut self, maps: &GridMaps, layout: &GridLayout) -> Result<Picture, GpuError> {
        let size = layout.size_px(maps);
        let uniform = GridUniform::new(maps, layout, [0; 2], ([0; 2], size));
        let bindings = self.gpu.bind_grid(&self.device, &self.queue, maps, layout, uniform);
        Ok(Picture {
            size,
            rgba: self.draw(size, |gpu, pass| gpu.draw_grid(pass, &bindings, maps))?,
            missing: maps.missing(),
        })
    }

    /// What [`crate::render::overlap_image`] draws, by the shader.
    pub fn overlap(
        &mut self,
        map: &OverlapMap,
        mask: &MaskImage,
        style: &OverlapStyle,
        window: &Window,
    ) -> Result<Picture, GpuError> {
        let uniform = OverlapUniform::new(map, mask, style, window);
        let [width_px, height_px] = map.size_px();
        let too_large = GpuError::TooLarge { max_side_px: self.gpu.max_side_px, width_px, height_px };
        let bindings = self.gpu.bind_overlap(&self.device, &self.queue, (map, mask), uniform).ok_or(too_large)?;
        let rgba = self.draw(window.out_size, |gpu, pass| gpu.draw_overlap(pass, &bindings))?;
        Ok(Picture { size: window.out_size, rgba, missing: 0 })
    }

    /// What [`crate::render::paint_masks`] draws over nothing, by the shader.
    pub fn masks(&mut self, masks: &[(MaskImage, MaskStyle)], window: &Window) -> Result<Picture, GpuError> {
        let mut bindings = Vec::with_capacity(masks.len());
        for (mask, style) in masks {
            let uniform = MaskUniform::new(mask, style, window);
            let [width_px, height_px] = mask.size_px();
            let too_large = GpuError::TooLarge { max_side_px: self.gpu.max_side_px, width_px, height_px };
            bindings.push(self.gpu.bind_mask(&self.device, &self.queue, mask, uniform).ok_or(too_large)?);
        }
        let rgba = self.draw(window.out_size, |gpu, pass| gpu.draw_masks(pass, &bindings))?;
        Ok(Picture { size: window.out_size, rgba, missing: 0 })
    }

    /// What [`crate::render::paint_prompt`] draws over nothing, by the shader.
    pub fn prompt(
        &mut self,
        photo: &PhotoTexture,
        mask: &PromptMask,
        style: PromptStyle,
        window: &Window,
    ) -> Result<Picture, GpuError> {
        let uniform = PromptUniform::new(mask, style, window);
        let [width_px, height_px] = mask.size_px();
        let too_large = GpuError::TooLarge { max_side_px: self.gpu.max_side_px, width_px, height_px };
        let bindings = self.gpu.bind_prompt(&self.device, &self.queue, (photo, mask), uniform).ok_or(too_large)?;
        let rgba = self.draw(window.out_size, |gpu, pass| gpu.draw_prompt(pass, &bindings))?;
        Ok(Picture { size: window.out_size, rgba, missing: 0 })
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
