//! What holds for any attention.

use super::fixture::{Heads, row, trace};
use super::*;
use crate::geometry::{ModelView, PatchGrid};
use crate::ids::{LayerIdx, TokenSpan};
use crate::trace::{AttentionRow, PromptToken, RowPrecision, Trace};
use proptest::prelude::*;
use std::sync::Arc;

/// Softmax rows of 2 layers and 2 heads.
fn heads() -> impl Strategy<Value = Heads> {
    prop::array::uniform2(prop::array::uniform2(prop::array::uniform7(0.001_f32..1.0))).prop_map(|mut heads| {
        for row in heads.iter_mut().flatten() {
            let sum: f32 = row.iter().sum();
            for p in row {
                *p /= sum;
            }
        }
        heads
    })
}

/// Patches of a row as long as a small model's: enough that rounding adds up.
const WIDE: PatchGrid = PatchGrid { rows: 12, cols: 12 };

/// Softmax rows of 2 layers and 2 heads over a first key, the patches and a last key, kept in 16 bits. `text` is what
/// the two text keys get before the softmax: hardly anything, so that the image's part is as close to 1 as it comes.
fn wide_trace(logits: &[f32], text: f32) -> Trace {
    let key_len = WIDE.len() + 2;
    let mut values = Vec::new();
    for row in logits.chunks(key_len) {
        let mut row: Vec<f64> = row.iter().map(|logit| f64::from(*logit).exp()).collect();
        row[0] = f64::from(text);
        row[key_len - 1] = f64::from(text);
        let sum: f64 = row.iter().sum();
        #[expect(clippy::cast_possible_truncation, reason = "as a model computes them")]
        values.extend(row.iter().map(|p| (p / sum) as f32));
    }
    let mut trace = trace(&[[[[0.0; 7]; 2]; 2]]);
    trace.prompt = (0..key_len)
        .map(|at| PromptToken { id: 5, text: String::new(), special: at == 0, image: (1..=WIDE.len()).contains(&at) })
        .collect();
    trace.image_token_span = TokenSpan { start: 1, len: WIDE.len() };
    trace.layout = Arc::new(ModelView { grid: WIDE, ..trace.run.view }.into());
    let patches = values.chunks(key_len).flat_map(|row| row[1..=WIDE.len()].to_vec()).collect();
    let row = AttentionRow::new(2, 2, key_len, values, RowPrecision::F16).expect("the length matches");
    trace.decoder_attention = vec![Arc::new(row)];
    // An encoder whose rows were rounded in the same way.
    let vision = trace.vision.as_mut().map(Arc::make_mut).expect("the fixture has one");
    vision.num_patches = WIDE.len();
    vision.cls_attention = rounded(patches);
    trace
}

fn rounded(values: Vec<f32>) -> Vec<f32> {
    let row = AttentionRow::new(1, 1, values.len(), values, RowPrecision::F16).expect("the length matches");
    row.to_f32().into_owned()
}

fn reduce() -> impl Strategy<Value = Reduce> {
    prop_oneof![Just(Reduce::Mean), Just(Reduce::Max)]
}

fn options() -> impl Strategy<Value = MapOptions> {
    (prop_oneof![Just(Normalisation::Raw), Just(Normalisation::ImageShare)], any::<bool>())
        .prop_map(|(normalisation, suppress_sink)| MapOptions { normalisation, suppress_sink })
}

fn selection() -> impl Strategy<Value = Selection> {
    (reduce(), reduce()).prop_map(|(layers, heads)| Selection { layers: Pick::All(layers), heads: Pick::All(heads) })
}

proptest! {
    #[test]
    fn permuting_heads_changes_nothing_that_takes_all_heads(
        heads in heads(), selection in selection(), options in options(),
    ) {
        let mut swapped = heads;
        for layer in &mut swapped {
            layer.swap(0, 1);
        }
        let of = |heads| decoder_map(&trace(&[heads]), &TokenSet::output(0), selection, options).expect("fits");
        for (a, b) in of(heads).values.iter().zip(&of(swapped).values) {
            prop_assert!((a - b).abs() <= 1e-7, "{} and {}", a, b);
        }
    }

    #[test]
    fn permuting_heads_permutes_the_grid(heads in heads(), options in options()) {
        let mut swapped = heads;
        for layer in &mut swapped {
            layer.swap(0, 1);
        }
        let of = |heads| layer_head_maps(&trace(&[heads]), &TokenSet::output(0), options).expect("fits");
        let (a, b) = (of(heads), of(swapped));
        for layer in 0..2 {
            prop_assert!((a.totals[layer * 2] - b.totals[layer * 2 + 1]).abs() < 1e-12, "layer {}", layer);
            prop_assert_eq!(&a.values[layer * 8..layer * 8 + 4], &b.values[layer * 8 + 4..layer * 8 + 8], "layer \
                {}", layer);
        }
    }

    #[test]
    fn image_shares_sum_to_one(heads in heads(), other in heads(), selection in selection(), tokens in reduce(),
        sink in any::<bool>()) {
        let trace = trace(&[heads, other]);
        let options = MapOptions { normalisation: Normalisation::ImageShare, suppress_sink: sink };
        let map = decoder_map(&trace, &TokenSet::answer(&trace, tokens), selection, options).expect("fits");
        let sum: f64 = map.values.iter().map(|&v| f64::from(v)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-6, "{}", sum);
    }

    #[test]
    fn split_sums_to_one_and_its_image_part_is_the_image_share(heads in heads()) {
        let trace = trace(&[heads]);
        let split = split(&trace, TokenRef::Output(0), Selection::default()).expect("fits");
        prop_assert!((split.parts().iter().sum::<f64>() - 1.0).abs() < 1e-5, "{:?}", split);
        let share = image_share_per_token(&trace, Selection::default()).expect("fits")[0].expect("a row");
        prop_assert!((split.image - f64::from(share)).abs() < 1e-6, "{} and {}", split.image, share);
    }

    #[test]
    fn patches_of_the_whole_grid_hold_all_the_image_attention(heads in heads(), selection in selection()) {
        let trace = trace(&[heads]);
        let all: Vec<_> = (0..4).filter_map(|idx| trace.layout.pos(idx)).collect();
        let found = tokens_for_patches(&trace, &all, selection, MapOptions::default()).expect("fits");
        let found = found.output[0].expect("a row");
        prop_assert!((found.share - 1.0).abs() < 1e-6, "{:?}", found);
    }

    #[test]
    fn half_precision_rows_differ_by_less_than_their_rounding(heads in heads(), selection in selection()) {
        let exact = trace(&[heads]);
        let mut half = exact.clone();
        half.decoder_attention = vec![row(&heads, 0, RowPrecision::F16)];
        let of = |trace| decoder_map(trace, &TokenSet::output(0), selection, MapOptions::default()).expect("fits");
        for (a, b) in of(&exact).values.iter().zip(&of(&half).values) {
            // Half a unit in the last place of an f16 below 1 is 2^-12 at most; relative 2^-11.
            prop_assert!((a - b).abs() <= 2.5e-4, "{} and {}", a, b);
        }
    }

    #[test]
    fn no_sum_of_probabilities_is_above_one(
        logits in prop::collection::vec(-3.0_f32..6.0, 4 * (WIDE.len() + 2)), text in 0.0_f32..1e-3,
            sink in any::<bool>(),
    ) {
        let trace = wide_trace(&logits, text);
        let (token, mean) = (TokenSet::output(0), Selection::default());
        let options = MapOptions { normalisation: Normalisation::Raw, suppress_sink: sink };
        let at_most_one = |sum: f64, what: &str| {
            prop_assert!(sum <= 1.0 + 1e-12, "{}: {}", what, sum);
            Ok(())
        };
        let map = decoder_map(&trace, &token, mean, options).expect("fits");
        at_most_one(map.total, "a map's total")?;
        let grid = layer_head_maps(&trace, &token, options).expect("fits");
        let vision = vision_layer_head_maps(&trace, Normalisation::Raw).expect("fits");
        for total in grid.totals.iter().chain(&vision.totals) {
            at_most_one(*total, "a head's total")?;
        }
        at_most_one(vision_map(&trace, mean, Normalisation::Raw).expect("fits").total, "the encoder's total")?;
        for layer_idx in LayerIdx::all(2) {
            let (decoder, token) = ((MapSource::DECODER, 0), Some(TokenRef::Output(0)));
            let heads = layer_maps(decoder, &trace, token, layer_idx, sink).expect("fits");
            for (head, map) in heads.chunks(WIDE.len()).enumerate() {
                at_most_one(map.iter().sum(), "a head of a layer")?;
                let cell = layer_idx.get() * 2 + head;
                prop_assert!((map.iter().sum::<f64>() - grid.totals[cell]).abs() < 1e-12, "both ways agree");
            }
        }
        let parts = split(&trace, TokenRef::Output(0), mean).expect("fits").parts();
        at_most_one(parts.iter().sum(), "the five parts")?;
        // As they are shown.
        let per_layer = image_share_per_layer(&trace, &token, Pick::default()).expect("fits");
        let of_cls = cls_share_per_layer(&trace, Pick::default()).expect("fits");
        let per_token = image_share_per_token(&trace, mean).expect("fits");
        let all: Vec<_> = (0..WIDE.len()).filter_map(|idx| WIDE.pos(idx)).collect();
        let patches = tokens_for_patches(&trace, &all, mean, options).expect("fits").output[0].expect("a row");
        let shown = per_layer.into_iter().chain(of_cls).chain(per_token.into_iter().flatten());
        for share in shown.chain([patches.sum, patches.share]) {
            prop_assert!(share <= 1.0, "{}", share);
        }
    }
}
