//! Which objects a map lies on: where the attention of a hallucinated word went.

use super::{LocalisationError, PatchCoverage};

/// One category's part of a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CategoryShare<K> {
    /// Which.
    pub category: K,
    /// Part of the image attention inside its mask, 0..=1. Masks may overlap, so shares need not sum to 1.
    pub share: f64,
    /// Part of what the model saw of the photo that the mask takes.
    pub area_share: f64,
    /// `share / area_share`, 1 is chance; `None` for a mask that the model did not see any of.
    pub ratio: Option<f64>,
}

/// Categories by their part of a map, largest first; equal parts in the order given.
///
/// Each pixel that the model saw has the attention of its patch, as in the metrics of a map against a mask: the same
/// share, and the same ratio to chance. Attention on padding has no pixel and does not count.
pub fn category_shares<'a, K>(
    values: &[f32],
    categories: impl IntoIterator<Item = (K, &'a PatchCoverage)>,
) -> Result<Vec<CategoryShare<K>>, LocalisationError> {
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        return Err(LocalisationError::NotFinite { found: bad.to_string() });
    }
    let mut shares = Vec::new();
    for (category, coverage) in categories {
        let (mut inside, mut total) = (0.0, 0.0);
        for (value, covered) in coverage.with(values)? {
            inside += f64::from(value) * covered.inside as f64;
            total += f64::from(value) * covered.pixels as f64;
        }
        let seen = coverage.seen();
        let area_share = if seen.pixels > 0 { seen.inside as f64 / seen.pixels as f64 } else { 0.0 };
        let share = if total > 0.0 { inside / total } else { 0.0 };
        let ratio = (area_share > 0.0 && total > 0.0).then(|| share / area_share);
        shares.push(CategoryShare { category, share, area_share, ratio });
    }
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    Ok(shares)
}
