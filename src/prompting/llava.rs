//! An answer's attention as an attribution.
//!
//! The authors' code takes the decoder's masked scores of the image's keys and applies a softmax over those alone. That
//! is the ordinary attention divided by its sum over the image, so the rows of a trace are all that is needed, and no
//! forward pass is made for it.

use super::attribution::narrow;
use super::{Attribution, LlavaMaps, Maps, PromptingError};
use crate::analysis::ImageKeys;
use crate::geometry::{Combine, Flattening, ModelView};
use crate::ids::{HeadIdx, LayerIdx};
use crate::trace::{AttentionRow, Trace};

impl LlavaMaps {
    /// The maps of the first `most_tokens` answer tokens (published: 20). Interventions that were active in the run are
    /// in its rows.
    ///
    /// A head that puts nothing on the image, as far as its numbers reach, counts as one that looks everywhere alike
    /// where it is divided by what it spends there.
    ///
    /// **Source**: `API_LLaVA/hook.py`, `functions.py`: the row that predicts each generated token, the end token
    /// included; means over heads, then over tokens.
    pub fn from_trace(trace: &Trace, most_tokens: usize) -> Result<Attribution, PromptingError> {
        if !trace.has_decoder() {
            return Err(PromptingError::NoRows { found: "a model without a decoder" });
        }
        let keys = ImageKeys::of(trace).map_err(|_| {
            let (expected, found) = (trace.layout.num_tokens(), trace.image_token_span.len);
            PromptingError::Size { what: "the image's tokens", expected, found }
        })?;
        let flat = Flattening::new(&trace.layout, Combine::default());
        let view = ModelView { rect_px: trace.layout.seen_px(), grid: flat.grid(), ..trace.run.view };
        let rows = trace.decoder_attention.iter().take(most_tokens);
        let mut maps = Self {
            num_layers: trace.num_hidden_layers,
            num_tokens: 0,
            attention: Vec::new(),
            image_attention: Vec::new(),
        };
        for row in rows {
            maps.num_tokens += 1;
            for layer_idx in LayerIdx::all(trace.num_hidden_layers) {
                let [plain, divided] = layer(row, layer_idx, &keys, trace.prompt.len())?;
                maps.attention.extend(even(&flat, &plain));
                maps.image_attention.extend(even(&flat, &divided));
            }
        }
        if maps.num_tokens == 0 {
            return Err(PromptingError::NoRows { found: "no row of any token" });
        }
        Ok(Attribution { view, maps: Maps::Llava(maps) })
    }
}

/// A map on one even grid: prompting smooths over neighbours. Where no region lies there is no attention; what is no
/// number stays none, and [`Attribution::map`] refuses its layer.
fn even(flat: &Flattening, values: &[f64]) -> Vec<f32> {
    flat.without_gaps(&values.iter().map(|value| narrow(*value)).collect::<Vec<_>>())
}

/// Means over the heads of a layer: of attention, and of attention divided by what each head spends on the image.
fn layer(
    row: &AttentionRow,
    layer_idx: LayerIdx,
    image_keys: &ImageKeys,
    prompt_len: usize,
) -> Result<[Vec<f64>; 2], PromptingError> {
    let patches = image_keys.num_cells();
    let num_heads = row.num_attention_heads();
    let (mut plain, mut divided) = (vec![0.0; patches], vec![0.0; patches]);
    for head_idx in HeadIdx::all(num_heads) {
        let keys = row.head(layer_idx, head_idx);
        if keys.len() < prompt_len {
            let (expected, found) = (prompt_len, keys.len());
            return Err(PromptingError::Size { what: "an attention row", expected, found });
        }
        let image = image_keys.values(&keys);
        let total: f64 = image.iter().sum();
        for ((plain, divided), value) in plain.iter_mut().zip(&mut divided).zip(image) {
            *plain += value / num_heads as f64;
            let share = if total > 0.0 || total.is_nan() { value / total } else { 1.0 / patches as f64 };
            *divided += share / num_heads as f64;
        }
    }
    Ok([plain, divided])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Framing, ImageLayout, ImageSize, PatchGrid, RectPx};
    use crate::ids::TokenSpan;
    use crate::trace::RowPrecision;

    /// One layer of two heads over a system token, two patches and a word; the second head ignores the image.
    fn row() -> AttentionRow {
        let values = vec![0.4, 0.1, 0.3, 0.2, 1.0, 0.0, 0.0, 0.0];
        AttentionRow::new(1, 2, 4, values, RowPrecision::F32).expect("the length matches")
    }

    fn keys() -> ImageKeys {
        let image = ImageSize { width_px: 28, height_px: 14 };
        let grid = PatchGrid { rows: 1, cols: 2 };
        let view = ModelView { image, rect_px: RectPx::of(image), grid, framing: Framing::Crop };
        ImageKeys::new(TokenSpan { start: 1, len: 2 }, &ImageLayout::of_view(&view, 0))
    }

    #[test]
    fn a_head_that_ignores_the_image_looks_everywhere_alike() {
        let first = LayerIdx::new(0, 1).expect("a layer");
        let [plain, divided] = layer(&row(), first, &keys(), 4).expect("a layer");
        let close = |found: &[f64], expected: [f64; 2]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close(&plain, [0.05, 0.15]), "the mean of both heads: {plain:?}");
        assert!(close(&divided, [0.375, 0.625]), "the mean of 1/4, 3/4 and 1/2, 1/2: {divided:?}");
    }

    #[test]
    fn what_is_no_number_stays_none_in_both_maps() {
        let values = vec![0.4, f32::NAN, 0.3, 0.2, 1.0, 0.0, 0.0, 0.0];
        let row = AttentionRow::new(1, 2, 4, values, RowPrecision::F32).expect("the length matches");
        let [plain, divided] = layer(&row, LayerIdx::new(0, 1).expect("a layer"), &keys(), 4).expect("a layer");
        assert!(plain[0].is_nan() && plain[1].is_finite(), "the one value: {plain:?}");
        assert!(divided.iter().all(|value| value.is_nan()), "parts of a sum that is none: {divided:?}");
        let image = ImageSize { width_px: 28, height_px: 14 };
        let grid = PatchGrid { rows: 1, cols: 2 };
        let view = ModelView { image, rect_px: RectPx::of(image), grid, framing: Framing::Crop };
        let flat = Flattening::new(&ImageLayout::of_view(&view, 0), Combine::default());
        assert!(even(&flat, &plain)[0].is_nan(), "on the grid");
        let maps = LlavaMaps {
            num_layers: 1,
            num_tokens: 1,
            attention: even(&flat, &plain),
            image_attention: even(&flat, &divided),
        };
        let attribution = Attribution { view, maps: Maps::Llava(maps) };
        let error = attribution.map(Some(0), crate::prompting::Formula::Paper).expect_err("no map").to_string();
        assert_eq!(error, "Expected finite numbers in the attribution map, found NaN at patch 0", "and it is said");
        let written = serde_json::to_string(&attribution).expect("plain data");
        let read: Attribution = serde_json::from_str(&written).expect("a session opens");
        assert_eq!(
            read.map(Some(0), crate::prompting::Formula::Paper).expect_err("no map").to_string(),
            error,
            "again"
        );
    }

    #[test]
    fn a_row_that_ends_before_the_prompt_does_is_refused() {
        let first = LayerIdx::new(0, 1).expect("a layer");
        let found = layer(&row(), first, &keys(), 5);
        assert_eq!(found, Err(PromptingError::Size { what: "an attention row", expected: 5, found: 4 }), "too short");
    }
}
