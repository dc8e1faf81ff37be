//! What holds for any attention.

use super::fixture::{Heads, row, trace};
use super::*;
use crate::trace::RowPrecision;
use proptest::prelude::*;

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
            prop_assert_eq!(&a.values[layer * 8..layer * 8 + 4], &b.values[layer * 8 + 4..layer * 8 + 8], "layer {}", layer);
        }
    }

    #[test]
    fn image_shares_sum_to_one(heads in heads(), other in heads(), selection in selection(), tokens in reduce(), sink in any::<bool>()) {
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
        let all: Vec<_> = (0..4).filter_map(|idx| trace.image_grid.pos(idx)).collect();
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
}
