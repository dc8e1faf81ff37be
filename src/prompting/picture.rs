//! From patches to pixels.

use super::{Attribution, GridMask, MaskGeometry, PromptOptions, PromptingError, grid_mask};
use crate::data::Photo;
use crate::data::resample::{Canvas, Window, resize_window};
use crate::geometry::{ImageSize, ModelView, Resample};

/// What prompting made of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompted {
    /// One value a patch.
    pub grid: GridMask,
    /// How much of each pixel stays, of 255. **Shape** `[height_px, width_px]`.
    pub mask: Vec<u8>,
    /// The darkened photo, **shape** `[height_px, width_px, 3]`.
    pub rgb: Vec<u8>,
}

/// All steps from the maps to the prompted photo. The model is not needed: call it again for every change of an option.
pub fn prompt_image(
    photo: &Photo,
    attribution: &Attribution,
    options: &PromptOptions,
) -> Result<Prompted, PromptingError> {
    let grid = grid_mask(attribution, options)?;
    let mask = photo_mask(&grid, &attribution.view, photo.size(), options.resample, options.geometry)?;
    let rgb = blend(&photo.rgb, &mask, options.grey);
    Ok(Prompted { grid, mask, rgb })
}

/// Brings the mask of the patches, as 8 bits, to the size of the photo with Pillow's resampling. **Shape**:
/// `[height_px, width_px]`.
///
/// `size` is the photo's; it may be another than `view` was made for (a thumbnail), then the mask is laid out for that.
pub fn photo_mask(
    mask: &GridMask,
    view: &ModelView,
    size: ImageSize,
    resample: Resample,
    geometry: MaskGeometry,
) -> Result<Vec<u8>, PromptingError> {
    let levels = mask.levels();
    let edge = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let from = ImageSize { width_px: edge(mask.grid.cols), height_px: edge(mask.grid.rows) };
    let unfit =
        || PromptingError::Size { what: "the mask", expected: mask.grid.len().max(1), found: mask.values.len() };
    let canvas = Canvas::<1>::new(&levels, from).ok_or_else(unfit)?;
    let whole = Window { left_px: 0, top_px: 0, size };
    match geometry {
        MaskGeometry::Official => resize_window(&canvas, size, whole, resample).ok_or_else(unfit),
        MaskGeometry::Aligned => aligned(&canvas, view, size, resample).ok_or_else(unfit),
    }
}

/// Laid over the part of the photo that the patches cover, edges rounded to whole pixels; 255 elsewhere.
fn aligned(canvas: &Canvas<'_, 1>, view: &ModelView, size: ImageSize, resample: Resample) -> Option<Vec<u8>> {
    let scale = |edge: f64, to: u32, of: u32| edge * f64::from(to) / f64::from(of.max(1));
    let (w, h) = (view.image.width_px, view.image.height_px);
    let rect = view.rect_px;
    let x = Span::new(scale(rect.x0, size.width_px, w), scale(rect.x1, size.width_px, w), size.width_px)?;
    let y = Span::new(scale(rect.y0, size.height_px, h), scale(rect.y1, size.height_px, h), size.height_px)?;
    let mut out = vec![255; size.width_px as usize * size.height_px as usize];
    if x.shown_px == 0 || y.shown_px == 0 {
        return Some(out);
    }
    let to = ImageSize { width_px: x.whole_px, height_px: y.whole_px };
    let shown = ImageSize { width_px: x.shown_px, height_px: y.shown_px };
    let window = Window { left_px: x.skipped_px, top_px: y.skipped_px, size: shown };
    let seen = resize_window(canvas, to, window, resample)?;
    let rows = out.chunks_exact_mut(size.width_px as usize).skip(y.start_px as usize);
    for (row, seen) in rows.zip(seen.chunks_exact(x.shown_px as usize)) {
        let start = x.start_px as usize;
        if let Some(part) = row.get_mut(start..start + seen.len()) {
            part.copy_from_slice(seen);
        }
    }
    Some(out)
}

/// One axis of the rectangle that the patches cover.
#[expect(clippy::struct_field_names, reason = "units stand in names")]
struct Span {
    /// Of the rectangle.
    whole_px: u32,
    /// Of it before the photo begins.
    skipped_px: u32,
    /// Where it begins in the photo.
    start_px: u32,
    /// Of it in the photo.
    shown_px: u32,
}

impl Span {
    /// `None` where the edges are no numbers, or lie further apart than any photo.
    fn new(from: f64, to: f64, edge_px: u32) -> Option<Self> {
        const FURTHEST: f64 = 1e9;
        let within = |edge: f64| edge.is_finite() && edge.abs() < FURTHEST;
        if !within(from) || !within(to) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let (from, to) = (from.round() as i64, to.round() as i64);
        let (to, edge) = (to.max(from + 1), i64::from(edge_px));
        let (start, end) = (from.clamp(0, edge), to.clamp(0, edge));
        let px = |length: i64| u32::try_from(length).ok();
        Some(Self {
            whole_px: px(to - from)?,
            skipped_px: px(start - from)?,
            start_px: px(start)?,
            shown_px: px(end - start)?,
        })
    }
}

/// `trunc(pixel m + grey (1 - m))` with `m = mask / 255`, a pixel and channel at a time. **Shape**: `rgb` `[height_px,
/// width_px, 3]`, `mask` `[height_px, width_px]`; what one has more than the other is left out.
///
/// **Source**: `API_CLIP/main.py:24-30`: in f64, truncated to 8 bits.
pub fn blend(rgb: &[u8], mask: &[u8], grey: u8) -> Vec<u8> {
    // Every case there is, once: a table of 64 KiB instead of a product a value.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a mean of two bytes is in 0..=255")]
    let blended = |value: usize, level: usize| {
        let share = level as f64 / 255.0;
        (value as f64 * share + (1.0 - share) * f64::from(grey)) as u8
    };
    let table: Vec<[u8; 256]> = (0..256).map(|level| std::array::from_fn(|value| blended(value, level))).collect();
    let mut out = Vec::with_capacity(rgb.len());
    for (pixel, level) in rgb.as_chunks::<3>().0.iter().zip(mask) {
        let mixed = |row: &[u8; 256]| pixel.map(|value| row[usize::from(value)]);
        // Every level has a row.
        out.extend_from_slice(&table.get(usize::from(*level)).map_or(*pixel, mixed));
    }
    out
}
