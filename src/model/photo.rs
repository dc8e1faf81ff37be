//! From a photo to what an encoder takes, without any weight.

use crate::data::{self, Photo, PreprocessError};
use crate::geometry::{ImageLayout, ImageSize, ModelView, PreprocessSpec};
use candle_core::{Device, Tensor};
use std::sync::Arc;

/// What happens to a photo on its way to a model, and where its image tokens lie: known from its size alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Framed {
    /// Every step.
    pub preprocessing: PreprocessSpec,
    /// Which rectangle of the photo the model sees.
    pub view: ModelView,
    /// Where the image tokens lie on it, or the encoder's patches where there is no decoder.
    pub layout: ImageLayout,
}

impl Framed {
    /// One grid of square patches of `patch_size` pixels, behind so many image tokens that there are `num_tokens` of
    /// them.
    pub fn one_grid(photo: ImageSize, spec: &PreprocessSpec, patch_size: usize, num_tokens: usize) -> Self {
        let view = ModelView::new(photo, spec, patch_px(patch_size));
        Self::of_view(view, spec, num_tokens)
    }

    fn of_view(view: ModelView, spec: &PreprocessSpec, num_tokens: usize) -> Self {
        // `[CLS]` among the image tokens covers no pixels.
        let before = num_tokens.saturating_sub(view.grid.len());
        Self { preprocessing: spec.clone(), view, layout: ImageLayout::of_view(&view, before) }
    }
}

/// A photo as a model takes it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// How it was made.
    pub framed: Framed,
    /// Its values in the family's own shape, whose last two axes are rows and columns of pixels.
    pub pixel_values: Tensor,
    /// The same as numbers: what an image is known by.
    pub values: Arc<[f32]>,
}

impl Prepared {
    /// The square input of one grid of patches, see [`Framed::one_grid`]. **Shape** `[3, side, side]`.
    ///
    /// **Errors**: a processor that makes no such input.
    pub fn one_grid(
        photo: &Photo,
        spec: &PreprocessSpec,
        patch_size: usize,
        num_tokens: usize,
    ) -> Result<Self, PreprocessError> {
        let pixels = data::preprocess(photo, spec, patch_px(patch_size))?;
        let side_px = pixels.side_px as usize;
        let bad_side = |_| PreprocessError::BadSide { limit_px: pixels.side_px, found_px: 0 };
        let pixel_values = Tensor::from_slice(&pixels.values, (3, side_px, side_px), &Device::Cpu).map_err(bad_side)?;
        let framed = Framed::of_view(pixels.view, spec, num_tokens);
        Ok(Self { framed, pixel_values, values: pixels.values.into() })
    }
}

fn patch_px(patch_size: usize) -> u32 {
    u32::try_from(patch_size).unwrap_or(u32::MAX)
}
