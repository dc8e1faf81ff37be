//! The numbers that a shader and its CPU twin start from, computed once for both.

use super::atlas::{RegionNumbers, affine, narrow};
use super::photo::CRISP_FROM;
use super::{Colouring, GridLayout, GridMaps, HeatStyle, Scene, Window, colormap};
use crate::geometry::{Combine, ImageLayout};
use crate::render::Resampling;

/// The photo is drawn where the pixel lies on it; without this flag there is no overlay.
pub(super) const HAS_HEAT: u32 = 1;
/// The colour map's middle is 0.
pub(super) const DIVERGING: u32 = 2;
/// Lines between patches.
pub(super) const GRID_LINES: u32 = 4;
/// Darken what the model did not see, tint padding, line between.
pub(super) const BORDER: u32 = 8;
/// Some patches are selected.
pub(super) const SELECTION: u32 = 16;
/// The target stores linear light: convert at the end. The CPU twin never does.
pub(super) const LINEAR_TARGET: u32 = 32;

/// Uniform of `shaders/heat.wgsl`. Points are measured in drawn pixels from the picture's top left corner.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HeatUniform {
    /// Where the picture's corner lies in the render target.
    pub(super) origin_px: [f32; 2],
    /// Size of the photo.
    pub(super) photo_size: [f32; 2],
    /// Drawn pixels to pixels of the photo: factor.
    pub(super) photo_scale: [f32; 2],
    /// Drawn pixels to pixels of the photo: offset.
    pub(super) photo_offset: [f32; 2],
    /// Drawn pixels to cells of the frame, which is all that the model saw (of one region, its own cells): factor.
    pub(super) frame_scale: [f32; 2],
    /// Drawn pixels to cells of the frame: offset.
    pub(super) frame_offset: [f32; 2],
    /// Columns and rows of the frame.
    pub(super) frame: [f32; 2],
    /// Raw value of the lowest colour.
    pub(super) lo: f32,
    /// 1 / width of the range.
    pub(super) inv_width: f32,
    /// Exponent on the position.
    pub(super) gamma: f32,
    /// Of the overlay.
    pub(super) opacity: f32,
    /// How much opacity follows the position.
    pub(super) alpha_ramp: f32,
    /// Level of the photo's halvings, below 0 for squares.
    pub(super) lod: f32,
    /// Width of lines in drawn pixels.
    pub(super) line_px: f32,
    /// 0 nearest, 1 bilinear, 2 bicubic, 3 Lanczos.
    pub(super) resampling: u32,
    /// Row of the colour map texture.
    pub(super) colormap: u32,
    /// The flags of this module.
    pub(super) flags: u32,
    /// Regions with pixels.
    pub(super) regions: u32,
    /// What regions that overlap become: 0 their mean, 1 the largest value.
    pub(super) combine: u32,
    /// An array begins at a multiple of 16 bytes.
    padding: [u32; 2],
    /// The first `regions` count.
    pub(super) region: [RegionNumbers; ImageLayout::MOST_REGIONS],
}

impl HeatUniform {
    /// Resolves a scene in a window. Positions are computed in double precision and narrowed last, so that deep zooms
    /// stay registered.
    pub fn new(scene: &Scene, window: &Window) -> Self {
        let (r, layout) = (window.rect_px, &*scene.layout);
        let [out_w, out_h] = window.out_size.map(|n| f64::from(n.max(1)));
        let (step_x, step_y) = ((r.x1 - r.x0) / out_w, (r.y1 - r.y0) / out_h);
        let frame = layout.sole().map_or([1, 1], |sole| [sole.grid.cols, sole.grid.rows]);
        let (frame_scale, frame_offset) = affine(window, layout.seen_px(), frame);
        let photo = layout.image();
        let style = scene.heat.as_ref().map_or_else(HeatStyle::default, |(_, style)| *style);
        let colouring = Colouring::new(&style, colormap(style.colormap));
        let numbers = RegionNumbers::all(layout, window, style.combine);
        let mut region = [RegionNumbers::default(); ImageLayout::MOST_REGIONS];
        for (to, from) in region.iter_mut().zip(&numbers) {
            *to = *from;
        }
        Self {
            origin_px: [0.0; 2],
            photo_size: [photo.width_px as f32, photo.height_px as f32],
            photo_scale: narrow([step_x, step_y]),
            photo_offset: narrow([r.x0, r.y0]),
            frame_scale,
            frame_offset,
            frame: frame.map(|cells| cells as f32),
            lo: colouring.lo,
            inv_width: colouring.inv_width,
            gamma: colouring.gamma,
            opacity: colouring.opacity,
            alpha_ramp: colouring.alpha_ramp,
            lod: lod(step_x.max(step_y)),
            line_px: window.line_px.max(1.0).round(),
            resampling: match style.resampling {
                Resampling::Nearest => 0,
                Resampling::Bilinear => 1,
                Resampling::Bicubic => 2,
                Resampling::Lanczos => 3,
            },
            colormap: lut_row(style.colormap),
            flags: flags(scene, colouring.diverging),
            regions: u32::try_from(numbers.len()).unwrap_or(u32::MAX),
            combine: u32::from(style.combine == Combine::Largest),
            padding: [0; 2],
            region,
        }
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

fn flags(scene: &Scene, diverging: bool) -> u32 {
    let when = |condition: bool, flag: u32| if condition { flag } else { 0 };
    let photo = scene.layout.image();
    let (w, h) = (f64::from(photo.width_px), f64::from(photo.height_px));
    let r = scene.layout.seen_px();
    // A square photo that the model saw whole has no border to show.
    let partial = [r.x0, r.y0, r.x1 - w, r.y1 - h].iter().any(|gap| gap.abs() > 0.75);
    when(scene.heat.is_some() && !scene.layout.is_empty(), HAS_HEAT)
        | when(diverging, DIVERGING)
        | when(scene.marks.grid_lines, GRID_LINES)
        | when(scene.marks.border && partial, BORDER)
        | when(!scene.marks.selected.is_empty(), SELECTION)
}

/// Which halving suits this many photo pixels per drawn pixel; half a level sharper than the textbook, as photos look
/// better.
pub(super) fn lod(step: f64) -> f32 {
    if step * CRISP_FROM <= 1.0 {
        return -1.0;
    }
    narrow([(step.log2() - 0.5).max(0.0)])[0]
}

/// Row of the colour map texture, which has all registered maps.
fn lut_row(idx: usize) -> u32 {
    super::colormaps().get(idx).map_or(0, |_| u32::try_from(idx).unwrap_or(0))
}

/// Uniform of `shaders/grid.wgsl`. Whole pixels, so that maps are equally large and sharp.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct GridUniform {
    /// Corner of the visible part in the render target.
    pub(super) viewport_min: [i32; 2],
    /// Size of the visible part.
    pub(super) viewport_size: [u32; 2],
    /// Corner of the first map in the render target; may lie outside of the visible part.
    pub(super) first_px: [i32; 2],
    /// From one map to the next.
    pub(super) pitch_px: [u32; 2],
    /// Size of one map.
    pub(super) cell_px: [u32; 2],
    /// Columns and rows of patches.
    pub(super) grid: [u32; 2],
    /// Maps per row.
    pub(super) heads: u32,
    /// Row of the colour map texture.
    pub(super) colormap: u32,
    /// `f32` bits of the exponent on the position.
    pub(super) gamma: u32,
    /// The flags of this module.
    pub(super) flags: u32,
    /// Whether all maps have the range of map 0.
    pub(super) shared_range: u32,
    /// The size is a multiple of 16 bytes.
    pub(super) padding: u32,
}

impl GridUniform {
    /// Resolves maps on a layout; `origin_px` is where the layout's corner lies in the render target, `viewport` the
    /// visible part (corner, size) there.
    pub fn new(maps: &GridMaps, layout: &GridLayout, origin_px: [i32; 2], viewport: ([i32; 2], [u32; 2])) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let map = colormap(layout.colormap);
        let gamma = if layout.gamma.is_finite() { layout.gamma.clamp(0.05, 20.0) } else { 1.0 };
        Self {
            viewport_min: viewport.0,
            viewport_size: viewport.1,
            first_px: origin_px,
            pitch_px: [layout.cell_px[0] + layout.gap_px, layout.cell_px[1] + layout.gap_px],
            cell_px: layout.cell_px,
            grid: [count(maps.grid().cols), count(maps.grid().rows)],
            heads: count(maps.heads()),
            colormap: lut_row(layout.colormap),
            gamma: gamma.to_bits(),
            flags: if map.diverging { DIVERGING } else { 0 },
            shared_range: u32::from(maps.ranges().len() == 1),
            padding: 0,
        }
    }
}
