//! Pictures as the writers of vector files embed them: every layer cell by cell or pixel by pixel, never resampled to
//! the page.

use super::scene::{Cells, OverlapPixels, PhotoPixels, Picture, Pixels, Rect};
use crate::data::resample::resize_rgb;
use crate::geometry::{ImageSize, PatchGrid, RectPx, Resample};
use crate::render::{
    GridTexels, HeatStyle, Marks, Resampling, Scene, Window, colormap, colour, compose_heat, overlap_image,
};
use std::sync::Arc;

/// A photo is embedded with at most so many pixels an inch of paper.
const MOST_PPI: f64 = 600.0;
/// Maps are embedded at least this wide or high: their cells become blocks.
const BLOCKS_PX: usize = 384;
/// Regions that lie on each other are embedded with at most so many pixels a side.
const MOST_REGION_PX: u32 = 1536;
/// Steps of a patch where values between centres are smooth.
const STEPS: usize = 12;

/// One image to embed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Embedded {
    /// On the page.
    pub(super) rect: Rect,
    /// Columns and rows.
    pub(super) size: [u32; 2],
    /// **Shape** `[rows, columns, 3]`.
    pub(super) rgb: Vec<u8>,
    /// **Shape** `[rows, columns]`; opaque where there is none.
    pub(super) alpha: Option<Vec<u8>>,
    /// Shown smooth when enlarged: a photo. Cells of a map keep their edges.
    pub(super) smooth: bool,
    /// Equal for equal pixels of a photo that several panels show; embedded once.
    pub(super) shared: Option<String>,
}

/// Its layers, bottom to top.
pub(super) fn embedded(picture: &Picture) -> Vec<Embedded> {
    match &picture.pixels {
        Pixels::Photo(pixels) => photo(pixels, picture.rect),
        Pixels::Overlap(pixels) => vec![overlap(pixels, picture.rect)],
        Pixels::Cells(cells) => vec![of_cells(cells, picture.rect)],
    }
}

fn photo(pixels: &PhotoPixels, rect: Rect) -> Vec<Embedded> {
    let size = pixels.photo.size();
    let whole = RectPx { x0: 0.0, y0: 0.0, x1: f64::from(size.width_px), y1: f64::from(size.height_px) };
    let at = place(pixels.window_px, rect, whole);
    let most = whole_px(at.w / 72.0 * MOST_PPI);
    let mut layers = Vec::new();
    let (to, rgb) = if size.width_px > most {
        let height = whole_px(f64::from(size.height_px) * f64::from(most) / f64::from(size.width_px));
        let to = ImageSize { width_px: most, height_px: height };
        let smaller = resize_rgb(&pixels.photo.rgb, size, to, Resample::Lanczos);
        smaller.map_or_else(|| (size, pixels.photo.rgb.to_vec()), |rgb| (to, rgb))
    } else {
        (size, pixels.photo.rgb.to_vec())
    };
    let shared = Some(format!("{}-{}", pixels.photo.sha256, to.width_px));
    layers.push(Embedded { rect: at, size: [to.width_px, to.height_px], rgb, alpha: None, smooth: true, shared });
    if let Some((map, style)) = &pixels.heat {
        let at = place(pixels.window_px, rect, pixels.layout.seen_px());
        layers.push(match pixels.layout.sole() {
            Some(sole) => heat(sole.grid, &map.values, style, at),
            None => regions(pixels, at),
        });
    }
    layers
}

/// One pixel a patch, or several where the space between centres is filled.
fn heat(grid: PatchGrid, values: &[f32], style: &HeatStyle, rect: Rect) -> Embedded {
    let steps = if style.resampling == Resampling::Nearest { 1 } else { STEPS };
    let texels = GridTexels::new(grid, values);
    let (rows, cols) = (grid.rows * steps, grid.cols * steps);
    let (mut rgb, mut alpha) = (Vec::with_capacity(rows * cols * 3), Vec::with_capacity(rows * cols));
    let map = colormap(style.colormap);
    for idx in 0..rows * cols {
        let at = |place: usize| (place as f32 + 0.5) / steps as f32;
        let value = texels.sample([at(idx % cols.max(1)), at(idx / cols.max(1))], style.resampling);
        let [r, g, b, a] = value.map_or([0.0; 4], |value| colour(value, style, map));
        rgb.extend([r, g, b].map(|c| byte(if a > 0.0 { c / a } else { 0.0 })));
        alpha.push(byte(a));
    }
    let size = [cols, rows].map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    in_blocks(Embedded { rect, size, rgb, alpha: Some(alpha), smooth: false, shared: None })
}

/// Regions that lie on each other, at the photo's resolution.
fn regions(pixels: &PhotoPixels, rect: Rect) -> Embedded {
    let seen = pixels.layout.seen_px();
    let out_size = [seen.x1 - seen.x0, seen.y1 - seen.y0].map(|side| whole_px(side).min(MOST_REGION_PX));
    let window = Window { rect_px: seen, out_size, line_px: 1.0 };
    let scene = Scene {
        photo: pixels.texture.clone(),
        layout: Arc::clone(&pixels.layout),
        heat: pixels.heat.clone(),
        marks: Marks::default(),
    };
    let picture = compose_heat(&scene, &window);
    let [rgb, alpha] = straight(&picture.rgba);
    Embedded { rect, size: picture.size, rgb, alpha: Some(alpha), smooth: false, shared: None }
}

/// Every pixel as a block of equal ones, so that programs that smooth whatever they enlarge (librsvg does, and viewers
/// of PDF) blur a small part of a cell's edge and not the map. It costs next to nothing: equal pixels deflate well.
fn in_blocks(image: Embedded) -> Embedded {
    let [w, h] = image.size.map(|side| side as usize);
    let block = BLOCKS_PX.div_ceil(w.max(h).max(1));
    if block == 1 {
        return image;
    }
    let wide = |row: &[u8], bytes: usize| -> Vec<u8> {
        row.chunks_exact(bytes).flat_map(|pixel| std::iter::repeat_n(pixel, block).flatten().copied()).collect()
    };
    let blocks = |pixels: &[u8], bytes: usize| -> Vec<u8> {
        let rows = pixels.chunks_exact((w * bytes).max(1)).map(|row| wide(row, bytes));
        rows.flat_map(|row| std::iter::repeat_n(row, block).flatten()).collect()
    };
    let size = [w, h].map(|side| u32::try_from(side * block).unwrap_or(u32::MAX));
    let (rgb, alpha) = (blocks(&image.rgb, 3), image.alpha.as_ref().map(|alpha| blocks(alpha, 1)));
    Embedded { size, rgb, alpha, ..image }
}

/// At the photo's resolution: that is what is counted.
fn overlap(pixels: &OverlapPixels, rect: Rect) -> Embedded {
    let ImageSize { width_px, height_px } = pixels.size;
    let whole = RectPx { x0: 0.0, y0: 0.0, x1: f64::from(width_px), y1: f64::from(height_px) };
    let window = Window { rect_px: whole, out_size: [width_px, height_px], line_px: 1.0 };
    let picture = overlap_image(&pixels.map, &pixels.mask, &pixels.style, &window);
    let [rgb, alpha] = straight(&picture.rgba);
    let rect = place(pixels.window_px, rect, whole);
    Embedded { rect, size: picture.size, rgb, alpha: Some(alpha), smooth: false, shared: None }
}

fn of_cells(cells: &Cells, rect: Rect) -> Embedded {
    let pixels = cells.rgba.as_chunks::<4>().0;
    let rgb = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
    let alpha: Vec<u8> = pixels.iter().map(|[.., a]| *a).collect();
    let alpha = alpha.iter().any(|a| *a < 255).then_some(alpha);
    let image = Embedded { rect, size: cells.size, rgb, alpha, smooth: false, shared: None };
    // A colour bar has one row: it is a slope, not cells.
    if cells.size[1] == 1 { image } else { in_blocks(image) }
}

/// Colours and opacities of premultiplied pixels.
fn straight(rgba: &[u8]) -> [Vec<u8>; 2] {
    let pixels = rgba.as_chunks::<4>().0;
    let colour = |c: u8, a: u8| if a == 0 { 0 } else { byte(f32::from(c) / f32::from(a)) };
    let rgb = pixels.iter().flat_map(|[r, g, b, a]| [*r, *g, *b].map(|c| colour(c, *a))).collect();
    [rgb, pixels.iter().map(|[.., a]| *a).collect()]
}

/// Where a part of the photo's plane lies, when `window` fills `rect`.
pub(super) fn place(window: RectPx, rect: Rect, part: RectPx) -> Rect {
    let (sx, sy) = (rect.w / (window.x1 - window.x0), rect.h / (window.y1 - window.y0));
    Rect {
        x: rect.x + (part.x0 - window.x0) * sx,
        y: rect.y + (part.y0 - window.y0) * sy,
        w: (part.x1 - part.x0) * sx,
        h: (part.y1 - part.y0) * sy,
    }
}

fn byte(x: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255 first")]
    let byte = (x.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    byte
}

/// At least 1.
fn whole_px(length: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
    let px = length.round().clamp(1.0, 65_535.0) as u32;
    px
}
