//! What happens to a photo before the model sees it, as numbers (read from a processor's configuration, carried out by
//! `data`).

use super::ImageSize;
use super::outside::{GeometryError, refused};
use serde::{Deserialize, Serialize};

/// A resampling filter, numbered as Pillow numbers them in processor configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// Pillow 0.
    Nearest,
    /// Pillow 1.
    Lanczos,
    /// Pillow 2.
    Bilinear,
    /// Pillow 3 (a = -0.5), what CLIP uses.
    #[default]
    Bicubic,
    /// Pillow 4.
    Box,
    /// Pillow 5.
    Hamming,
}

/// The size a photo is brought to before the crop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResizeTo {
    /// The shorter edge gets this length; the longer one is scaled and truncated.
    ShortestEdge(u32),
    /// Both edges, whatever the photo's shape.
    Exact {
        /// Rows.
        height_px: u32,
        /// Columns.
        width_px: u32,
    },
}

/// How a photo that is not square meets a model that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Hugging Face: shorter edge to size, centre crop. The model does not see the borders.
    #[default]
    Crop,
    /// The original LLaVA's `image_aspect_ratio=pad`: the photo centred on a square of the mean colour.
    Pad,
}

/// Every step from photo to `pixel_values`, in order. One that a file names has sizes that images can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Spec")]
pub struct PreprocessSpec {
    /// Crop or pad.
    pub framing: Framing,
    /// Resizing, when the processor does it.
    pub resize: Option<ResizeTo>,
    /// Its filter.
    pub resample: Resample,
    /// Centre crop as (rows, columns), when the processor does it.
    pub crop_px: Option<(u32, u32)>,
    /// Factor from 8-bit grey levels, when the processor rescales.
    pub rescale_factor: Option<f64>,
    /// Per-channel mean, when the processor normalises.
    pub image_mean: Option<[f64; 3]>,
    /// Per-channel standard deviation, when the processor normalises.
    pub image_std: Option<[f64; 3]>,
}

impl PreprocessSpec {
    /// `CLIPImageProcessor`'s defaults at an input of `size_px` (as for LLaVA-1.5 with 336).
    pub fn clip(size_px: u32) -> Self {
        Self {
            framing: Framing::Crop,
            resize: Some(ResizeTo::ShortestEdge(size_px)),
            resample: Resample::Bicubic,
            crop_px: Some((size_px, size_px)),
            rescale_factor: Some(1.0 / 255.0),
            image_mean: Some([0.481_454_66, 0.457_827_5, 0.408_210_73]),
            image_std: Some([0.268_629_54, 0.261_302_58, 0.275_777_11]),
        }
    }

    /// The same processor with the other framing.
    #[must_use]
    pub fn with_framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// The colour LLaVA pads with: `int(255 * mean)` a channel.
    pub fn pad_colour(&self) -> [u8; 3] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=255 first; truncation is LLaVA's int()"
        )]
        self.image_mean.unwrap_or([0.0; 3]).map(|m| (255.0 * m).clamp(0.0, 255.0) as u8)
    }
}

/// See [`PreprocessSpec`].
#[derive(Deserialize)]
struct Spec {
    framing: Framing,
    resize: Option<ResizeTo>,
    resample: Resample,
    crop_px: Option<(u32, u32)>,
    rescale_factor: Option<f64>,
    image_mean: Option<[f64; 3]>,
    image_std: Option<[f64; 3]>,
}

impl TryFrom<Spec> for PreprocessSpec {
    type Error = GeometryError;

    fn try_from(spec: Spec) -> Result<Self, GeometryError> {
        let Spec { framing, resize, resample, crop_px, rescale_factor, image_mean, image_std } = spec;
        let resized = resize.map(|to| match to {
            ResizeTo::ShortestEdge(edge) => (edge, edge),
            ResizeTo::Exact { height_px, width_px } => (height_px, width_px),
        });
        for (what, (rows, cols)) in
            [("resize", resized), ("crop", crop_px)].into_iter().filter_map(|(w, s)| Some((w, s?)))
        {
            if [rows, cols].iter().any(|side| !(1..=ImageSize::MOST_PX).contains(side)) {
                let expected = format!("a {what} to 1 to {} pixels a side", ImageSize::MOST_PX);
                return refused(expected, format!("{rows} rows and {cols} columns"));
            }
        }
        Ok(Self { framing, resize, resample, crop_px, rescale_factor, image_mean, image_std })
    }
}
