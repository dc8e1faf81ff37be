//! The render pipelines, one a shader.

use super::shaders::{self, Shader};
use super::wgpu;
use wgpu::util::DeviceExt as _;

/// A pipeline and the layout of its bindings.
pub(super) struct Pipeline {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
}

const FLOATS: wgpu::TextureSampleType = wgpu::TextureSampleType::Float { filterable: false };

impl Pipeline {
    pub(super) fn heat(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        Self::new(device, &shaders::HEAT, &[FLOATS, FLOATS, FLOATS, wgpu::TextureSampleType::Uint], format, samples)
    }

    pub(super) fn grid(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        Self::new(device, &shaders::GRID, &[FLOATS, FLOATS, FLOATS], format, samples)
    }

    pub(super) fn overlap(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        Self::new(device, &shaders::OVERLAP, &[FLOATS, wgpu::TextureSampleType::Uint], format, samples)
    }

    pub(super) fn mask(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        Self::new(device, &shaders::MASK, &[wgpu::TextureSampleType::Uint], format, samples)
    }

    pub(super) fn prompt(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        Self::new(device, &shaders::PROMPT, &[FLOATS, wgpu::TextureSampleType::Uint], format, samples)
    }

    /// Binding 0 is the uniform, the textures follow; they are read by `textureLoad` only, so no sampler is bound.
    fn new(
        device: &wgpu::Device,
        shader: &Shader,
        textures: &[wgpu::TextureSampleType],
        format: wgpu::TextureFormat,
        samples: u32,
    ) -> Self {
        let label = shader.name;
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(label),
            source: wgpu::ShaderSource::Wgsl(shader.source()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some(label),
            entries: &layout_entries(textures),
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(label),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(label),
            layout: Some(&pipeline_layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vs"),
                buffers: &[],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("fs"),
                targets: &[Some(wgpu::ColorTargetState {
                    format,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
                compilation_options: wgpu::PipelineCompilationOptions::default(),
            }),
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState { count: samples.max(1), ..Default::default() },
            multiview_mask: None,
            cache: None,
        });
        Self { pipeline, layout }
    }

    /// Draws one triangle that covers everything.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.draw(0..3, 0..1);
    }

    /// Draws so many rectangles.
    pub(super) fn draw_rectangles(&self, pass: &mut wgpu::RenderPass<'_>, bindings: &wgpu::BindGroup, count: u32) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, bindings, &[]);
        pass.draw(0..6, 0..count);
    }

    /// Binds a uniform of its own and the textures. A uniform per callback: they are all prepared before the first is
    /// painted.
    pub(super) fn bind(
        &self,
        device: &wgpu::Device,
        uniform: &[u8],
        textures: &[&wgpu::TextureView],
    ) -> wgpu::BindGroup {
        let buffer = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("uniform"),
            contents: uniform,
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let uniform = wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() };
        let textures = (1..).zip(textures).map(|(binding, view)| wgpu::BindGroupEntry {
            binding,
            resource: wgpu::BindingResource::TextureView(view),
        });
        let entries: Vec<_> = std::iter::once(uniform).chain(textures).collect();
        device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout: &self.layout, entries: &entries })
    }
}

fn layout_entries(textures: &[wgpu::TextureSampleType]) -> Vec<wgpu::BindGroupLayoutEntry> {
    let uniform = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let textures = textures.iter().map(|sample_type| wgpu::BindingType::Texture {
        sample_type: *sample_type,
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    });
    let types = std::iter::once(uniform).chain(textures);
    (0..)
        .zip(types)
        .map(|(binding, ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty,
            count: None,
        })
        .collect()
}
