//! From the maps of a layer to one value a patch: how much of the photo stays.

use super::attribution::{RawMaps, Unlike, narrow};
use super::normalise::{box_filtered, enhanced, stretched, turned_round};
use super::{Attribution, PromptOptions, PromptingError};
use crate::geometry::PatchGrid;

/// How much of the photo stays on every patch, 0 (nothing) to 1 (all).
#[derive(Debug, Clone, PartialEq)]
pub struct GridMask {
    /// The patches.
    pub grid: PatchGrid,
    /// **Shape**: `[rows, cols]`.
    pub values: Vec<f32>,
    /// The maps had no differences, so nothing is darkened. (The published formulas divide 0 by 0 there.)
    pub is_flat: bool,
}

impl GridMask {
    /// Eight bits a patch, truncated as torchvision's `ToPILImage` does it.
    pub fn levels(&self) -> Vec<u8> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped; truncation is the format"
        )]
        let level = |value: f32| (255.0 * value.clamp(0.0, 1.0)) as u8;
        self.values.iter().map(|value| level(*value)).collect()
    }
}

/// Makes the mask of the patches.
///
/// CLIP: with `A` the stretched and enhanced contributions and `B` how little each patch itself resembles the query,
/// both box-filtered, the mask is `A + B - A B` stretched to 0..1: a patch goes dark only where it says nothing to
/// `[CLS]` *and* looks like the query. LLaVA: the mask is `A`.
///
/// **Source**: `API_CLIP/main.py:32-46, 114-132`, `API_LLaVA/main.py:39-70`. **Differs** for maps without differences,
/// which are NaN there (test `a_map_without_differences_darkens_nothing`).
pub fn grid_mask(attribution: &Attribution, options: &PromptOptions) -> Result<GridMask, PromptingError> {
    options.check()?;
    let grid = attribution.grid();
    let RawMaps { looked, unlike } = attribution.raw(options.layer_idx, options.formula)?;
    let smooth = |values: Vec<f64>| box_filtered(&values, grid, options.kernel);
    // A coefficient of 0 would make every patch a half: no differences either.
    let enhanced = if options.enhance > 0.0 { enhanced(&looked, options.enhance) } else { None };
    let looked = enhanced.map(smooth);
    let joined = match unlike {
        None => looked,
        Some(unlike) => {
            let unlike = match unlike {
                Unlike::Similarity(values) => turned_round(&values),
                Unlike::OneMinusCosine(values) => Some(values),
            };
            let none = || vec![0.0; grid.len()];
            let (looked, unlike) = (looked.unwrap_or_else(none), unlike.map_or_else(none, smooth));
            let either = looked.iter().zip(&unlike).map(|(a, b)| a + b - a * b);
            stretched(&either.collect::<Vec<_>>())
        }
    };
    let is_flat = joined.is_none();
    let values = joined.map_or_else(|| vec![1.0; grid.len()], |values| values.into_iter().map(narrow).collect());
    Ok(GridMask { grid, values, is_flat })
}
