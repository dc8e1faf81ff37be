//! Textures under content keys, within a budget.

use super::wgpu;
use std::borrow::Cow;
use std::collections::HashMap;

/// What a texture holds. Equal keys mean equal content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A photo with its halvings.
    Photo(u64),
    /// One map: its key and that of its grids.
    Heat(u64, u64),
    /// Which patches are selected.
    Selection(u64),
    /// All maps of a grid: their key and the number of values.
    GridValues(u64, usize),
    /// Their ranges.
    GridRanges(u64),
    /// A mask of an object.
    Mask(u64),
    /// A map on the photo's pixels.
    Overlap(u64),
    /// How much of each pixel of a photo stays.
    Prompt(u64),
}

/// What lies on the graphics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Textures.
    pub textures: usize,
    /// Their size.
    pub bytes: u64,
    /// Textures sent since the start.
    pub uploads: u64,
}

/// Pixels on their way to a texture.
pub(super) struct Image<'a> {
    pub(super) label: &'static str,
    pub(super) format: wgpu::TextureFormat,
    /// Size and bytes; the full size first, then each half of the one before.
    pub(super) levels: Vec<([u32; 2], Cow<'a, [u8]>)>,
}

struct Entry {
    view: wgpu::TextureView,
    bytes: u64,
    last_used: u64,
}

/// Forgets the longest unused texture when the budget is exceeded; callbacks that still draw it keep it alive.
pub(super) struct TextureCache {
    entries: HashMap<Key, Entry>,
    budget_bytes: u64,
    clock: u64,
    uploads: u64,
}

impl Image<'_> {
    pub(super) fn single(label: &'static str, format: wgpu::TextureFormat, size: [u32; 2], bytes: Vec<u8>) -> Self {
        Self { label, format, levels: vec![(size, bytes.into())] }
    }

    fn bytes(&self) -> u64 {
        self.levels.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    pub(super) fn upload(&self, device: &wgpu::Device, queue: &wgpu::Queue) -> wgpu::TextureView {
        let [width, height] = self.levels.first().map_or([1, 1], |(size, _)| *size);
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some(self.label),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: super::to_u32(self.levels.len().max(1)),
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: self.format,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let texel_bytes = self.format.block_copy_size(None).unwrap_or(4);
        for (mip_level, ([width, height], bytes)) in (0..).zip(&self.levels) {
            queue.write_texture(
                wgpu::TexelCopyTextureInfo { mip_level, ..texture.as_image_copy() },
                bytes,
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(width * texel_bytes),
                    rows_per_image: None,
                },
                wgpu::Extent3d { width: *width, height: *height, depth_or_array_layers: 1 },
            );
        }
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    }
}

impl TextureCache {
    pub(super) fn new(budget_bytes: u64) -> Self {
        Self { entries: HashMap::new(), budget_bytes, clock: 0, uploads: 0 }
    }

    /// The texture of a key; `image` runs only if it is not there.
    pub(super) fn get_or_upload<'a>(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        key: Key,
        image: impl FnOnce() -> Image<'a>,
    ) -> wgpu::TextureView {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.last_used = self.clock;
            return entry.view.clone();
        }
        let image = image();
        let view = image.upload(device, queue);
        self.uploads += 1;
        let bytes = image.bytes();
        self.make_room(bytes);
        self.entries.insert(key, Entry { view: view.clone(), bytes, last_used: self.clock });
        view
    }

    fn make_room(&mut self, incoming_bytes: u64) {
        while self.stats().bytes + incoming_bytes > self.budget_bytes {
            let Some(oldest) = self.entries.iter().min_by_key(|(_, e)| e.last_used).map(|(key, _)| *key) else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn stats(&self) -> CacheStats {
        CacheStats {
            textures: self.entries.len(),
            bytes: self.entries.values().map(|e| e.bytes).sum(),
            uploads: self.uploads,
        }
    }
}
