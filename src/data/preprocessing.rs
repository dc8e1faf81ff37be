//! Photo to `pixel_values`.

use super::resample::{Canvas, Window, resize_window};
use super::{Photo, PreprocessError};
use crate::geometry::{Framing, ImageSize, ModelView, PreprocessSpec};

/// Longest edge of a model input that is made.
const MAX_SIDE_PX: u32 = 8192;

/// A model's input and what of the photo it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelValues {
    /// **Shape** `[3, side_px, side_px]`: channel, row, column.
    pub values: Vec<f32>,
    /// Rows and columns.
    pub side_px: u32,
    /// The rectangle of the photo and the patches on it.
    pub view: ModelView,
}

/// Makes the input of a vision encoder with square patches of `patch_px`.
///
/// In order: padding to a square (with [`Framing::Pad`]), resizing, centre crop (with zeros where the image is smaller
/// than the crop), rescaling in f64, normalising in f32.
///
/// **Source**: transformers `CLIPImageProcessorPil` (`image_transforms.py`: `resize`, `center_crop`, `rescale`,
/// `normalize`) and LLaVA's `expand2square`.
pub fn preprocess(photo: &Photo, spec: &PreprocessSpec, patch_px: u32) -> Result<PixelValues, PreprocessError> {
    check_numbers(spec)?;
    // A photo always fills its size, so this canvas exists; an empty one has no side.
    let canvas = Canvas::<3>::new(&photo.rgb, photo.size())
        .ok_or(PreprocessError::BadSide { limit_px: MAX_SIDE_PX, found_px: 0 })?;
    let canvas = match spec.framing {
        Framing::Crop => canvas,
        Framing::Pad => canvas.padded_to_square(spec.pad_colour()),
    };
    let resized = spec.resized(canvas.whole_size());
    if resized.width_px == 0 || resized.height_px == 0 {
        return Err(PreprocessError::BadSide { limit_px: MAX_SIDE_PX, found_px: 0 });
    }
    let (crop_h, crop_w) = spec.crop_px.unwrap_or((resized.height_px, resized.width_px));
    let side_px = checked_side(crop_h, crop_w, patch_px)?;
    let rgb = cropped(&canvas, resized, side_px, spec);
    Ok(PixelValues {
        values: normalised(&rgb, side_px, spec),
        side_px,
        view: ModelView::new(photo.size(), spec, patch_px),
    })
}

fn checked_side(crop_h: u32, crop_w: u32, patch_px: u32) -> Result<u32, PreprocessError> {
    if crop_h != crop_w {
        return Err(PreprocessError::NotSquare { width_px: crop_w, height_px: crop_h });
    }
    if crop_h == 0 || crop_h > MAX_SIDE_PX {
        return Err(PreprocessError::BadSide { limit_px: MAX_SIDE_PX, found_px: crop_h });
    }
    if patch_px == 0 || patch_px > crop_h {
        return Err(PreprocessError::BadPatch { side_px: crop_h, found_px: patch_px });
    }
    Ok(crop_h)
}

fn check_numbers(spec: &PreprocessSpec) -> Result<(), PreprocessError> {
    let named = spec
        .rescale_factor
        .iter()
        .map(|&v| ("rescale_factor", v, false))
        .chain(spec.image_mean.iter().flatten().map(|&v| ("image_mean", v, false)))
        .chain(spec.image_std.iter().flatten().map(|&v| ("image_std", v, true)));
    for (name, found, divides) in named {
        #[expect(clippy::cast_possible_truncation, reason = "what f32 makes of it is what is checked")]
        let as_f32 = found as f32;
        if !as_f32.is_finite() || (divides && as_f32 == 0.0) {
            return Err(PreprocessError::BadNumber { name, divides, found });
        }
    }
    Ok(())
}

/// The crop of the resized canvas, zeros where it reaches beyond. **Shape** `[side, side, 3]`.
fn cropped(canvas: &Canvas<'_, 3>, resized: ImageSize, side_px: u32, spec: &PreprocessSpec) -> Vec<u8> {
    let side = side_px as usize;
    let (x, y) = (Overlap::new(resized.width_px, side_px), Overlap::new(resized.height_px, side_px));
    let window = Window { left_px: x.source, top_px: y.source, size: ImageSize { width_px: x.len, height_px: y.len } };
    let mut out = vec![0; side * side * 3];
    let Some(pixels) = resize_window(canvas, resized, window, spec.resample) else {
        return out; // the resized image is empty: nothing but zeros
    };
    let stride = x.len as usize * 3;
    let left = x.target as usize * 3;
    for (row, out) in pixels.chunks_exact(stride).zip(out.chunks_exact_mut(side * 3).skip(y.target as usize)) {
        out[left..left + stride].copy_from_slice(row);
    }
    out
}

/// Where a centred crop of one axis takes from and puts to.
struct Overlap {
    source: u32,
    target: u32,
    len: u32,
}

impl Overlap {
    /// `(whole - crop) // 2` rounds towards minus infinity: an image one pixel too small starts at 1, not at 0.
    fn new(whole: u32, crop: u32) -> Self {
        if whole >= crop {
            Self { source: (whole - crop) / 2, target: 0, len: crop }
        } else {
            Self { source: 0, target: (crop - whole).div_ceil(2), len: whole }
        }
    }
}

/// Channels first, rescaled and normalised in transformers' order and precision.
fn normalised(rgb: &[u8], side_px: u32, spec: &PreprocessSpec) -> Vec<f32> {
    let plane = side_px as usize * side_px as usize;
    let mut values = Vec::with_capacity(plane * 3);
    for channel in 0..3 {
        let table = channel_table(spec, channel);
        values.extend(rgb.iter().skip(channel).step_by(3).map(|&grey| table[usize::from(grey)]));
    }
    values
}

/// What each grey level becomes in one channel: f64 product rounded to f32, then subtraction and division in f32.
fn channel_table(spec: &PreprocessSpec, channel: usize) -> [f32; 256] {
    #[expect(clippy::cast_possible_truncation, reason = "transformers rounds to f32 at the same places")]
    let narrow = |v: f64| v as f32;
    let mean = spec.image_mean.map(|mean| narrow(mean[channel]));
    let std = spec.image_std.map(|std| narrow(std[channel]));
    std::array::from_fn(|grey| {
        let value = grey as f64;
        let value = narrow(spec.rescale_factor.map_or(value, |factor| value * factor));
        let value = mean.map_or(value, |mean| value - mean);
        std.map_or(value, |std| value / std)
    })
}
