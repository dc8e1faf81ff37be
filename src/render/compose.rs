//! The CPU twin of `shaders/heat.wgsl`: same uniform, same arithmetic, one pixel after the other.

use super::atlas::{RegionNumbers, region_texels};
use super::colour::{over, to_byte};
use super::uniform::{BORDER, GRID_LINES, HAS_HEAT, SELECTION};
use super::{
    Colouring, GridTexels, HeatUniform, Picture, Resampling, Scene, Window, colormap, missing_values, selection_mask,
};
use crate::geometry::Combine;
use rayon::prelude::*;

/// Brightness left to what the model did not see.
const UNSEEN: f32 = 0.35;
/// Padding: premultiplied tint in the mean colour that CLIP-style models are padded with.
const PADDING: [f32; 4] = [0.1675, 0.1593, 0.1428, 0.35];
/// Outline of selected patches.
const OUTLINE: [f32; 4] = [1.0, 1.0, 1.0, 1.0];
/// Around the outline, so that it stands out on bright photos too.
const OUTLINE_SHADOW: [f32; 4] = [0.0, 0.0, 0.0, 0.75];
/// Inner line of the border.
const BORDER_LINE: [f32; 4] = [0.85, 0.85, 0.85, 0.85];
/// Outer line of the border.
const BORDER_SHADOW: [f32; 4] = [0.0, 0.0, 0.0, 0.6];
/// Opacity of the light and the dark half of a grid line.
const GRID_LIGHT: f32 = 0.45;
const GRID_DARK: f32 = 0.3;
/// Grid lines are gone below the first and whole from the second number of drawn pixels per patch.
const GRID_FADE_PX: [f32; 2] = [4.0, 12.0];
/// Where in its pixel a line is looked for. Odd on purpose: an edge on a pixel boundary, the common case, must not hang
/// on rounding.
const LINE_PHASE: f32 = 0.37;

/// Draws a scene through a window. Pure: same input, same bytes.
pub fn compose(scene: &Scene, window: &Window) -> Picture {
    let twin = Twin::new(scene, window);
    let [w, h] = window.out_size;
    let mut rgba = vec![0_u8; 4 * w as usize * h as usize];
    rgba.par_chunks_exact_mut(4 * w.max(1) as usize).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *pixel = twin.shade([x as f32 + 0.5, y as f32 + 0.5]).map(to_byte);
        }
    });
    let missing = scene.heat.as_ref().map_or(0, |(map, _)| missing_values(scene.layout.len(), &map.values));
    Picture { size: window.out_size, rgba, missing }
}

/// The overlay alone: what [`compose()`] lays over the photo. Clear where there is none.
pub fn compose_heat(scene: &Scene, window: &Window) -> Picture {
    let twin = Twin::new(scene, window);
    let [w, h] = window.out_size;
    let mut rgba = vec![0_u8; 4 * w as usize * h as usize];
    rgba.par_chunks_exact_mut(4 * w.max(1) as usize).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            *pixel = twin.heat([x as f32 + 0.5, y as f32 + 0.5]).map(to_byte);
        }
    });
    let missing = scene.heat.as_ref().map_or(0, |(map, _)| missing_values(scene.layout.len(), &map.values));
    Picture { size: window.out_size, rgba, missing }
}

struct Twin<'a> {
    scene: &'a Scene,
    u: HeatUniform,
    regions: Vec<Region>,
    combine: Combine,
    colouring: Colouring,
}

/// A region in the picture.
struct Region {
    numbers: RegionNumbers,
    texels: GridTexels,
    selected: Vec<u8>,
}

impl Region {
    fn cell(&self, p: [f32; 2]) -> [f32; 2] {
        affine(p, self.numbers.scale, self.numbers.offset)
    }

    fn contains(&self, p: [f32; 2]) -> bool {
        inside(self.cell(p), self.numbers.grid)
    }

    fn is_selected(&self, p: [f32; 2]) -> bool {
        let cell = self.cell(p);
        if !inside(cell, self.numbers.grid) {
            return false;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "inside of the grid")]
        let idx = cell[1] as usize * self.numbers.grid[0] as usize + cell[0] as usize;
        self.selected.get(idx).is_some_and(|s| *s != 0)
    }
}

impl<'a> Twin<'a> {
    fn new(scene: &'a Scene, window: &Window) -> Self {
        let style = scene.heat.as_ref().map(|(_, style)| *style).unwrap_or_default();
        let values: &[f32] = scene.heat.as_ref().map_or(&[], |(map, _)| &map.values);
        let layout = &*scene.layout;
        let numbers = RegionNumbers::all(layout, window, style.combine);
        let selected = selection_mask(layout, &scene.marks.selected);
        let selected = layout.placed().map(|region| region.values(&selected).to_vec());
        let regions = numbers.into_iter().zip(region_texels(layout, values)).zip(selected);
        let region = |((numbers, texels), selected)| Region { numbers, texels, selected };
        Self {
            u: HeatUniform::new(scene, window),
            regions: regions.map(region).collect(),
            combine: style.combine,
            colouring: Colouring::new(&style, colormap(style.colormap)),
            scene,
        }
    }

    /// `fs` of the shader.
    fn shade(&self, p: [f32; 2]) -> [f32; 4] {
        let u = &self.u;
        let photo_px = affine(p, u.photo_scale, u.photo_offset);
        let seen = self.regions.iter().any(|region| region.contains(p));
        let mut out = [0.0; 4];
        if inside(photo_px, u.photo_size) {
            let light = if u.has(BORDER) && !seen { UNSEEN } else { 1.0 };
            let [r, g, b] =
                self.scene.photo.sample([photo_px[0] / u.photo_size[0], photo_px[1] / u.photo_size[1]], u.lod);
            out = [r * light, g * light, b * light, 1.0];
        } else if u.has(BORDER) && seen {
            out = PADDING;
        }
        if seen && u.has(HAS_HEAT) {
            out = over(self.heat(p), out);
        }
        if seen && u.has(GRID_LINES) {
            out = self.grid_lines(p, out);
        }
        if u.has(BORDER) {
            out = self.border(affine(p, u.frame_scale, u.frame_offset), out);
        }
        if u.has(SELECTION) {
            out = self.outline(p, out);
        }
        out
    }

    /// Regions that cover the pixel are put together before they are coloured.
    fn heat(&self, p: [f32; 2]) -> [f32; 4] {
        let resampling = match self.u.resampling {
            0 => Resampling::Nearest,
            1 => Resampling::Bilinear,
            2 => Resampling::Bicubic,
            _ => Resampling::Lanczos,
        };
        let (mut sum, mut count, mut largest) = (0.0_f32, 0.0_f32, f32::MIN);
        for region in self.regions.iter().filter(|region| region.numbers.counts == 1 && region.contains(p)) {
            let Some(value) = region.texels.sample(region.cell(p), resampling) else { continue };
            (sum, count, largest) = (sum + value, count + 1.0, largest.max(value));
        }
        let combined = if self.combine == Combine::Largest { largest } else { sum / count };
        let value = (count > 0.0).then_some(combined);
        value.map_or([0.0; 4], |value| self.colouring.paint(value, colormap(self.u.colormap as usize)))
    }

    /// A light pixel where a patch begins, a dark one before it.
    fn grid_lines(&self, p: [f32; 2], out: [f32; 4]) -> [f32; 4] {
        let u = &self.u;
        let Some(region) = self.finest(p) else { return out };
        let (grid, scale) = (region.numbers.grid, region.numbers.scale);
        let at = |shift: f32| region.cell([p[0] + shift, p[1] + shift]).map(f32::floor);
        // An edge lies on a pixel if the pixel's two sides belong to different patches; the axes are told apart
        // afterwards.
        let (before, here, after) = (at(LINE_PHASE - u.line_px), at(LINE_PHASE), at(LINE_PHASE + u.line_px));
        let edge =
            |a: [f32; 2], b: [f32; 2]| (0..2).any(|i| (a[i] - b[i]).abs() > 0.5 && b[i] > 0.5 && b[i] < grid[i] - 0.5);
        let patch_px = (1.0 / scale[0]).min(1.0 / scale[1]);
        let fade = ((patch_px - GRID_FADE_PX[0]) / (GRID_FADE_PX[1] - GRID_FADE_PX[0])).clamp(0.0, 1.0);
        if edge(before, here) {
            over([GRID_LIGHT * fade; 4], out)
        } else if edge(here, after) {
            over([0.0, 0.0, 0.0, GRID_DARK * fade], out)
        } else {
            out
        }
    }

    /// Of the regions that count and cover the pixel, the first of those with the smallest cells.
    fn finest(&self, p: [f32; 2]) -> Option<&Region> {
        let mut found: Option<&Region> = None;
        let fineness = |region: &Region| region.numbers.scale[0] * region.numbers.scale[1];
        for region in self.regions.iter().filter(|region| region.numbers.counts == 1 && region.contains(p)) {
            if found.is_none_or(|so_far| fineness(region) > fineness(so_far)) {
                found = Some(region);
            }
        }
        found
    }

    /// A light line just inside of what the model saw, a dark one just outside.
    fn border(&self, cell: [f32; 2], out: [f32; 4]) -> [f32; 4] {
        let u = &self.u;
        let depth = |i: usize| cell[i].min(u.frame[i] - cell[i]) / u.frame_scale[i];
        let inwards_px = depth(0).min(depth(1));
        if inwards_px >= u.line_px || inwards_px < -u.line_px {
            out
        } else if inwards_px >= 0.0 {
            over(BORDER_LINE, out)
        } else {
            over(BORDER_SHADOW, out)
        }
    }

    /// A light line along the inner edge of the selection, a dark one around it.
    fn outline(&self, p: [f32; 2], out: [f32; 4]) -> [f32; 4] {
        let inner = self.is_selected(p);
        let reach = if inner { 2.0 * self.u.line_px } else { self.u.line_px };
        let differs = [-1.0, 0.0, 1.0]
            .into_iter()
            .flat_map(|dy| [-1.0, 0.0, 1.0].map(|dx| [p[0] + dx * reach, p[1] + dy * reach]))
            .any(|q| self.is_selected(q) != inner);
        match (differs, inner) {
            (false, _) => out,
            (true, true) => over(OUTLINE, out),
            (true, false) => over(OUTLINE_SHADOW, out),
        }
    }

    fn is_selected(&self, p: [f32; 2]) -> bool {
        self.regions.iter().any(|region| region.is_selected(p))
    }
}

fn affine(p: [f32; 2], scale: [f32; 2], offset: [f32; 2]) -> [f32; 2] {
    [p[0] * scale[0] + offset[0], p[1] * scale[1] + offset[1]]
}

fn inside(p: [f32; 2], size: [f32; 2]) -> bool {
    p[0] >= 0.0 && p[1] >= 0.0 && p[0] < size[0] && p[1] < size[1]
}
