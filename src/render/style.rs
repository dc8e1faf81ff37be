//! What a heat map looks like.

use crate::geometry::{Combine, ImageLayout};
use std::sync::Arc;

/// Raw values on the cells of a layout. `key` names the content: equal keys mean equal values, so nothing is uploaded
/// twice.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Where they lie.
    pub layout: Arc<ImageLayout>,
    /// Raw values, one a cell.
    pub values: Arc<[f32]>,
    /// Content key.
    pub key: u64,
}

/// How values between cell centres are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resampling {
    /// The cell's own value: what the model really has.
    #[default]
    Nearest,
    /// Linear between the four nearest.
    Bilinear,
    /// Catmull-Rom over sixteen.
    Bicubic,
    /// Lanczos with three lobes over thirty-six.
    Lanczos,
}

/// Colouring of raw values; the same numbers drive the shader and its CPU twin.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HeatStyle {
    /// Index into the colour map registry, [`crate::render`].
    pub colormap: usize,
    /// Raw values at the two ends of the colour map.
    pub range: [f32; 2],
    /// Exponent on the 0..=1 position: below 1 lifts small values.
    pub gamma: f32,
    /// 0..=1, of the whole overlay.
    pub opacity: f32,
    /// 0: the same opacity everywhere; 1: opacity grows linearly with the position, low values stay clear.
    pub alpha_ramp: f32,
    /// Between the cells.
    pub resampling: Resampling,
    /// Where regions overlap.
    #[serde(default)]
    pub combine: Combine,
}

impl Default for HeatStyle {
    fn default() -> Self {
        Self {
            colormap: 0,
            range: [0.0, 1.0],
            gamma: 1.0,
            opacity: 0.75,
            alpha_ramp: 0.85,
            resampling: Resampling::Nearest,
            combine: Combine::Mean,
        }
    }
}
