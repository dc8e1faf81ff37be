//! Pictures made on the CPU, for contexts without a graphics card: the widget is never empty.

use crate::render::{
    MaskImage, MaskStyle, OverlapMap, OverlapStyle, Picture, PromptMask, PromptStyle, Scene, Window, compose,
    paint_masks, paint_overlap, paint_prompt,
};
use eframe::egui::{self, Color32, Rect};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The last picture of one widget.
#[derive(Clone)]
struct Cached {
    key: u64,
    texture: egui::TextureHandle,
}

/// What lies over the heat map.
pub(super) struct Layers {
    /// A darkened photo, below everything else.
    pub(super) prompt: Option<(PromptMask, PromptStyle)>,
    /// Objects, the first one lowest.
    pub(super) masks: Vec<(MaskImage, MaskStyle)>,
    /// Hits and misses, below the objects.
    pub(super) overlap: Option<(OverlapMap, MaskImage, OverlapStyle)>,
}

/// `scene` and what lies over it through `window`, composed again only when one of them changed.
pub(super) fn heat_shape(
    ctx: &egui::Context,
    id: egui::Id,
    rect: Rect,
    scene: &Scene,
    layers: &Layers,
    window: &Window,
) -> egui::Shape {
    let key = layers_key(layers, scene_key(scene, window));
    picture_shape(ctx, id, rect, key, || draw(scene, layers, window))
}

/// `scene` and what lies over it through `window`.
pub(super) fn draw(scene: &Scene, layers: &Layers, window: &Window) -> Picture {
    let mut picture = compose(scene, window);
    if let Some((mask, style)) = &layers.prompt {
        paint_prompt(&mut picture, &scene.photo, mask, *style, window);
    }
    if let Some((map, mask, style)) = &layers.overlap {
        paint_overlap(&mut picture, map, mask, style, window);
    }
    paint_masks(&mut picture, &layers.masks, window);
    picture
}

fn layers_key(layers: &Layers, below: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    below.hash(&mut hasher);
    if let Some((mask, style)) = &layers.prompt {
        (mask.key(), style).hash(&mut hasher);
    }
    for (mask, style) in &layers.masks {
        (mask.key(), style.colour, style.fill.to_bits(), style.outline.to_bits()).hash(&mut hasher);
    }
    if let Some((map, mask, style)) = &layers.overlap {
        let style = (style.threshold.to_bits(), style.palette, style.opacity.to_bits());
        (map.key(), mask.key(), style).hash(&mut hasher);
    }
    hasher.finish()
}

/// A picture as a shape, made again only when `key` changed.
pub(crate) fn picture_shape(
    ctx: &egui::Context,
    id: egui::Id,
    rect: Rect,
    key: u64,
    picture: impl FnOnce() -> Picture,
) -> egui::Shape {
    let cached = ctx.data(|data| data.get_temp::<Cached>(id)).filter(|cached| cached.key == key);
    let cached = cached.unwrap_or_else(|| {
        let Picture { size, rgba, .. } = picture();
        let image = egui::ColorImage::from_rgba_premultiplied(size.map(|n| n as usize), &rgba);
        let texture = ctx.load_texture("composed", image, egui::TextureOptions::NEAREST);
        let cached = Cached { key, texture };
        ctx.data_mut(|data| data.insert_temp(id, cached.clone()));
        cached
    });
    let uv = Rect::from_min_max(egui::Pos2::ZERO, egui::Pos2::new(1.0, 1.0));
    egui::Shape::image(cached.texture.id(), rect, uv, Color32::WHITE)
}

fn scene_key(scene: &Scene, window: &Window) -> u64 {
    let mut hasher = DefaultHasher::new();
    let bits = |r: crate::geometry::RectPx| [r.x0, r.y0, r.x1, r.y1].map(f64::to_bits);
    scene.photo.key().hash(&mut hasher);
    for region in scene.layout.placed() {
        (bits(region.rect_px), region.grid).hash(&mut hasher);
    }
    if let Some((map, style)) = &scene.heat {
        map.key.hash(&mut hasher);
        (style.colormap, style.resampling, style.combine).hash(&mut hasher);
        let [lo, hi] = style.range;
        [lo, hi, style.gamma, style.opacity, style.alpha_ramp].map(f32::to_bits).hash(&mut hasher);
    }
    (&scene.marks.selected, scene.marks.grid_lines, scene.marks.border).hash(&mut hasher);
    (bits(window.rect_px), window.out_size, window.line_px.to_bits()).hash(&mut hasher);
    hasher.finish()
}
