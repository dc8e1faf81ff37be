//! Worked by hand on the fixture: 2 layers, 2 heads, 2 x 2 patches.

use super::fixture::{FIRST, Heads, PROMPT_LEN, SECOND, trace, vision};
use super::*;
use crate::geometry::{
    Combine, Flattening, ImageLayout, ImageSize, ModelView, PatchGrid, PatchPos, RectPx, Region, RegionKind,
};
use crate::ids::{HeadIdx, LayerIdx, TokenSpan};
use crate::trace::{RowPrecision, Trace};
use std::sync::Arc;

fn layer(idx: usize) -> Pick<LayerIdx> {
    Pick::One(LayerIdx::new(idx, 2).expect("two layers"))
}

fn head(idx: usize) -> Pick<HeadIdx> {
    Pick::One(HeadIdx::new(idx, 2).expect("two heads"))
}

fn selection(layers: Pick<LayerIdx>, heads: Pick<HeadIdx>) -> Selection {
    Selection { layers, heads }
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: lengths");
    let off = found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(off < 1e-6, "{what}: found {found:?}, expected {expected:?}");
}

fn map(trace: &Trace, tokens: &TokenSet, selection: Selection, options: MapOptions) -> PatchMap {
    decoder_map(trace, tokens, selection, options).expect("the selection fits")
}

const RAW: MapOptions = MapOptions { normalisation: Normalisation::Raw, suppress_sink: false };
const SHARE: MapOptions = MapOptions { normalisation: Normalisation::ImageShare, suppress_sink: false };
const ALL_MEAN: Selection = Selection { layers: Pick::All(Reduce::Mean), heads: Pick::All(Reduce::Mean) };

#[test]
fn heads_then_layers_are_put_together() {
    let trace = trace(&[FIRST]);
    let token = TokenSet::output(0);
    let (mean, max) = (Reduce::Mean, Reduce::Max);
    let span = |first: usize, last: usize| Pick::Span {
        first: LayerIdx::new(first, 2).expect("a layer"),
        last: LayerIdx::new(last, 2).expect("a layer"),
        reduce: Reduce::Mean,
    };
    for (layers, heads, expected) in [
        (layer(0), head(0), [0.1, 0.0, 0.2, 0.0]),
        (layer(1), head(1), [0.3, 0.1, 0.0, 0.0]),
        (layer(0), Pick::All(mean), [0.15, 0.2, 0.2, 0.1]),
        (layer(1), Pick::All(mean), [0.15, 0.05, 0.0, 0.1]),
        (Pick::All(mean), Pick::All(mean), [0.15, 0.125, 0.1, 0.1]),
        (Pick::All(max), Pick::All(mean), [0.15, 0.2, 0.2, 0.1]),
        (Pick::All(mean), Pick::All(max), [0.25, 0.25, 0.1, 0.2]),
        (Pick::All(max), Pick::All(max), [0.3, 0.4, 0.2, 0.2]),
        (Pick::All(mean), head(1), [0.25, 0.25, 0.1, 0.1]),
        (span(1, 1), Pick::All(mean), [0.15, 0.05, 0.0, 0.1]),
        (span(0, 1), Pick::All(mean), [0.15, 0.125, 0.1, 0.1]),
    ] {
        let found = map(&trace, &token, selection(layers, heads), RAW);
        assert_close(&found.values, &expected, &format!("layers {layers:?}, heads {heads:?}"));
        assert!((found.total - expected.iter().sum::<f64>()).abs() < 1e-6, "the total is the sum of the map");
    }
}

#[test]
fn tokens_come_last() {
    let trace = trace(&[FIRST, SECOND]);
    let both = |reduce| TokenSet::new([TokenRef::Output(1), TokenRef::Output(0), TokenRef::Output(1)], reduce);
    let found = map(&trace, &both(Reduce::Mean), ALL_MEAN, RAW);
    assert_close(&found.values, &[0.2, 0.1875, 0.175, 0.175], "mean over tokens; a repeated token counts once");
    let found = map(&trace, &both(Reduce::Max), ALL_MEAN, RAW);
    assert_close(&found.values, &[0.25; 4], "maximum over tokens");
    assert_eq!(both(Reduce::Max), TokenSet::answer(&trace, Reduce::Max), "the whole answer");
}

#[test]
fn image_shares_divide_by_the_map_s_own_sum_at_the_end() {
    let trace = trace(&[FIRST]);
    let found = map(&trace, &TokenSet::output(0), ALL_MEAN, SHARE);
    let expected = [0.15 / 0.475, 0.125 / 0.475, 0.1 / 0.475, 0.1 / 0.475];
    assert_close(&found.values, &expected, "shares");
    assert!((found.total - 0.475).abs() < 1e-6, "the denominator is kept: {}", found.total);
    let share = found.share(PatchPos { region: 0, row: 0, col: 1 }).expect("inside the grid");
    assert!((share - 0.125 / 0.475).abs() < 1e-6, "a patch's share: {share}");
    assert_eq!(found.at(PatchPos { region: 0, row: 2, col: 0 }), None, "outside the grid");
}

#[test]
fn a_head_that_never_looks_at_the_image_stays_zero() {
    let blind: Heads = [[[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]; 2]; 2];
    let trace = trace(&[blind]);
    for options in [RAW, SHARE, MapOptions { suppress_sink: true, ..SHARE }] {
        let found = map(&trace, &TokenSet::output(0), ALL_MEAN, options);
        assert_eq!(found.values, [0.0; 4], "{options:?}");
    }
}

#[test]
fn sink_suppression_drops_the_first_key_of_every_head_before_anything_else() {
    let trace = trace(&[FIRST]);
    let token = TokenSet::output(0);
    let suppressed = MapOptions { suppress_sink: true, ..RAW };
    let found = map(&trace, &token, selection(layer(1), head(0)), suppressed);
    assert_close(&found.values, &[0.0, 0.0, 0.0, 1.0], "0.2 of the 0.2 that is left");
    let found = map(&trace, &token, selection(layer(0), Pick::All(Reduce::Mean)), suppressed);
    assert_close(&found.values, &[0.2, 0.2, 0.3, 0.1], "one head doubled, the other as it was");
    for idx in 0..2 {
        let one = selection(layer(0), head(idx));
        let (with, without) =
            (map(&trace, &token, one, MapOptions { suppress_sink: true, ..SHARE }), map(&trace, &token, one, SHARE));
        let expected: Vec<f64> = without.values.iter().map(|&v| f64::from(v)).collect();
        assert_close(&with.values, &expected, "shares of a single head do not change");
    }
}

#[test]
fn a_cls_token_before_the_patches_is_skipped_in_maps_and_counts_as_image() {
    let mut trace = trace(&[FIRST]);
    trace.image_token_span = TokenSpan { start: 1, len: 5 };
    trace.layout = Arc::new(ImageLayout::of_view(&trace.run.view, 1));
    let keys = ImageKeys::of(&trace).expect("one more than the grid");
    assert_eq!((keys.num_cells(), keys.num_unplaced()), (4, 1), "[CLS] covers no pixels");
    let found = map(&trace, &TokenSet::output(0), ALL_MEAN, RAW);
    assert_close(&found.values, &[0.15, 0.125, 0.1, 0.1], "the same patches");
    let shares = image_share_per_layer(&trace, &TokenSet::output(0), Pick::All(Reduce::Mean)).expect("fits");
    assert_close(&shares, &[0.7, 0.4], "with [CLS]");
}

#[test]
fn a_prompt_row_before_the_end_of_the_image_sees_only_what_precedes_it() {
    let mut trace = trace(&[]);
    let values = [0.5, 0.1, 0.3, 0.1].repeat(4);
    let row = crate::trace::AttentionRow::new(2, 2, 4, values, RowPrecision::F32).expect("the length matches");
    trace.prompt_attention = vec![(3, Arc::new(row))];
    let found = map(&trace, &TokenSet::new([TokenRef::Prompt(3)], Reduce::Mean), ALL_MEAN, RAW);
    assert_close(&found.values, &[0.3, 0.1, 0.0, 0.0], "two patches so far");
}

#[test]
fn image_shares_by_layer_and_by_token() {
    let trace = trace(&[FIRST, SECOND]);
    let token = TokenSet::output(0);
    for (heads, expected) in
        [(Pick::All(Reduce::Mean), [0.65, 0.3]), (Pick::All(Reduce::Max), [1.0, 0.4]), (head(0), [0.3, 0.2])]
    {
        let found = image_share_per_layer(&trace, &token, heads).expect("fits");
        assert_close(&found, &expected, &format!("heads {heads:?}"));
    }
    let found = image_share_per_token(&trace, ALL_MEAN).expect("fits");
    assert_close(&found.into_iter().flatten().collect::<Vec<_>>(), &[0.475, 1.0], "by token");
}

#[test]
fn cls_shares_are_worked_by_hand() {
    let mut trace = trace(&[FIRST]);
    trace.vision = Some(std::sync::Arc::new(super::fixture::vision()));
    let mean = super::cls_share_per_layer(&trace, Pick::default()).expect("there is an encoder");
    assert_close(&mean, &[f64::midpoint(1.0, 0.8), f64::midpoint(1.0, 0.75)], "mean over heads");
    let second = super::cls_share_per_layer(&trace, head(1)).expect("there is an encoder");
    assert_close(&second, &[0.8, 0.75], "the second head");
}

#[test]
fn tokens_whose_rows_were_left_out_have_no_share() {
    let mut trace = trace(&[FIRST, SECOND]);
    trace.decoder_attention.truncate(1);
    let found = image_share_per_token(&trace, ALL_MEAN).expect("fits");
    assert!(found[0].is_some() && found[1].is_none(), "{found:?}");
    let error = decoder_map(&trace, &TokenSet::output(1), ALL_MEAN, RAW).expect_err("no row");
    assert_eq!(error.to_string(), "Expected the attention row of answer token 1, found none kept in this trace");
    let patches = [PatchPos { region: 0, row: 0, col: 0 }];
    let found = tokens_for_patches(&trace, &patches, ALL_MEAN, RAW).expect("fits");
    assert_eq!(found.output.len(), 2, "one a token");
    assert_eq!(found.output[1], None, "no row");
}

#[test]
fn attention_is_split_among_first_token_text_image_question_and_answer() {
    let trace = trace(&[FIRST]);
    let parts = split(&trace, TokenRef::Output(0), ALL_MEAN).expect("fits").parts();
    for (found, expected) in parts.into_iter().zip([0.375, 0.075, 0.475, 0.075, 0.0]) {
        assert!((found - expected).abs() < 1e-6, "{parts:?}");
    }
    let mut trace = trace;
    let values = [0.1, 0.0, 0.2, 0.0, 0.0, 0.0, 0.3, 0.4].repeat(4);
    let row = crate::trace::AttentionRow::new(2, 2, PROMPT_LEN + 1, values, RowPrecision::F32).expect("fits");
    trace.decoder_attention = vec![Arc::new(row)];
    let found = split(&trace, TokenRef::Output(0), ALL_MEAN).expect("fits");
    assert!((found.answer - 0.4).abs() < 1e-6, "the key behind the prompt is the answer: {found:?}");
    assert!((found.parts().iter().sum::<f64>() - 1.0).abs() < 1e-6, "parts sum to 1");
}

#[test]
fn tokens_are_ranked_by_what_they_gave_to_the_patches() {
    let trace = trace(&[FIRST, SECOND]);
    let corner = PatchPos { region: 0, row: 0, col: 0 };
    let found = tokens_for_patches(&trace, &[corner, corner], ALL_MEAN, SHARE).expect("fits");
    let (sums, shares): (Vec<f32>, Vec<f32>) = found.output.iter().flatten().map(|a| (a.sum, a.share)).unzip();
    assert_close(&sums, &[0.15, 0.25], "sums are raw, whatever the normalisation; a repeated patch counts once");
    assert_close(&shares, &[0.15 / 0.475, 0.25], "shares");
    let error =
        tokens_for_patches(&trace, &[PatchPos { region: 0, row: 2, col: 0 }], ALL_MEAN, RAW).expect_err("outside");
    assert_eq!(error.to_string(), "Expected a patch below 4, found 4");
}

#[test]
fn received_attention_takes_the_place_of_cls_and_is_not_taken_for_it() {
    let mut trace = trace(&[FIRST]);
    let mut vision = vision();
    let expected = vision_map(&trace, ALL_MEAN, Normalisation::Raw).expect("fits").values;
    let expected: Vec<f64> = expected.into_iter().map(f64::from).collect();
    vision.received_attention = std::mem::take(&mut vision.cls_attention);
    trace.vision = Some(Arc::new(vision));
    let found = vision_map(&trace, ALL_MEAN, Normalisation::Raw).expect("fits").values;
    assert_close(&found, &expected, "the same values");
    let of = |source| MapRequest { source, ..MapRequest::default() }.compute(&trace).map(|map| map.values);
    assert_eq!(of(MapSource::RECEIVED).ok(), Some(found.clone()), "by its name");
    assert_eq!(of(MapSource::VISION), Err(AnalysisError::NoVision), "and not by that of [CLS]");
    let refused = cls_map(&trace, LayerIdx::new(0, 2).expect("a layer"), ClsVariant::HeadMean)
        .expect_err("there is no [CLS]")
        .to_string();
    assert_eq!(refused, "Expected [CLS] attention of the vision encoder, found none in this trace", "named");
    let norms = norms_map(&trace, Pick::All(Reduce::Max)).expect("fits");
    assert_close(&norms.values, &[5.0, 6.0, 7.0, 8.0], "the largest of both layers");
    let norms = norms_map(&trace, Pick::All(Reduce::Mean)).expect("fits");
    assert_close(&norms.values, &[3.0, 4.0, 5.0, 6.0], "their mean");
}

#[test]
fn vision_maps_and_norms_are_read_by_layer_and_head() {
    let trace = trace(&[]);
    let found = vision_map(&trace, ALL_MEAN, Normalisation::Raw).expect("fits");
    assert_close(&found.values, &[0.1875, 0.2875, 0.25, 0.1625], "all means");
    let found = vision_map(&trace, selection(layer(1), head(1)), Normalisation::ImageShare).expect("fits");
    assert_close(&found.values, &[0.0, 0.5 / 0.75, 0.25 / 0.75, 0.0], "[CLS] itself is no part of the shares");
    let found = norm_map(&trace, LayerIdx::new(1, 2).expect("a layer")).expect("fits");
    assert_eq!(found.values, [5.0, 6.0, 7.0, 8.0], "norms as they are");
    assert_eq!(found.range, Range { min: 5.0, max: 8.0 }, "and their range");
}

#[test]
fn the_grid_holds_every_layer_and_head_with_totals_and_ranges() {
    let trace = trace(&[FIRST]);
    let found = layer_head_maps(&trace, &TokenSet::output(0), RAW).expect("fits");
    let totals: Vec<f32> = found.totals.iter().map(|&t| share::narrow(t)).collect();
    assert_close(&totals, &[0.3, 1.0, 0.2, 0.4], "totals");
    let (l1, h1) = (LayerIdx::new(1, 2).expect("a layer"), HeadIdx::new(1, 2).expect("a head"));
    assert_close(found.map(l1, h1), &[0.3, 0.1, 0.0, 0.0], "the last cell");
    assert_eq!(found.ranges[3], Range { min: 0.0, max: 0.3 }, "its range");
    assert_eq!(found.shared, Range { min: 0.0, max: 0.4 }, "one range for all");
    let found = vision_layer_head_maps(&trace, Normalisation::Raw).expect("fits");
    assert_close(found.map(l1, h1), &[0.0, 0.5, 0.25, 0.0], "vision");
    let beyond = LayerIdx::new(5, 6).expect("of a larger model");
    assert!(found.map(beyond, h1).is_empty() && found.cell(beyond, h1).is_none(), "a layer of another model");
}

#[test]
fn requests_make_the_maps_that_they_name_and_say_what_is_not_there() {
    let trace = trace(&[FIRST, SECOND]);
    let request = MapRequest {
        layers: Pick::Span { first: 0, last: 1, reduce: Reduce::Mean },
        heads: Pick::One(1),
        tokens: vec![TokenRef::Output(1), TokenRef::Output(0)],
        together: Reduce::Max,
        suppress_sink: true,
        ..MapRequest::default()
    };
    let tokens = TokenSet::new([TokenRef::Output(0), TokenRef::Output(1)], Reduce::Max);
    let options = MapOptions { suppress_sink: true, ..RAW };
    let expected = map(&trace, &tokens, selection(Pick::All(Reduce::Mean), head(1)), options);
    assert_eq!(request.compute(&trace), Ok(expected), "the decoder's");
    let vision = MapRequest { source: MapSource::VISION, layers: Pick::One(1), ..MapRequest::default() };
    let expected = vision_map(&trace, selection(layer(1), Pick::All(Reduce::Mean)), Normalisation::Raw);
    assert_eq!(vision.compute(&trace), expected, "the encoder's");
    let beyond = MapRequest { layers: Pick::Span { first: 1, last: 7, reduce: Reduce::Mean }, ..request.clone() };
    let error = beyond.compute(&trace).expect_err("two layers").to_string();
    assert_eq!(error, "Expected a layer below 2, found 7", "the number that is not there");
    let text = serde_json::to_string(&request).expect("plain data");
    assert_eq!(
        text,
        r#"{"source":"decoder","layers":{"span":{"first":0,"last":1,"together":"mean"}},"heads":{"one":1},"tokens":[{"Output":1},{"Output":0}],"together":"max","normalisation":"raw","suppress_sink":true}"#
    );
    assert_eq!(serde_json::from_str::<MapRequest>(&text).expect("as written"), request, "read back");
    assert_eq!(serde_json::from_str::<MapRequest>("{}").expect("all of it"), MapRequest::default(), "all is optional");
}

#[test]
fn what_does_not_fit_is_named() {
    let good = trace(&[FIRST]);
    let token = TokenSet::output(0);
    let of = |trace: &Trace, tokens: &TokenSet, selection| decoder_map(trace, tokens, selection, RAW).map(|_| ());
    let beyond = Pick::One(LayerIdx::new(7, 8).expect("of a larger model"));
    let mut no_vision = good.clone();
    no_vision.vision = None;
    let mut narrow = good.clone();
    narrow.layout = Arc::new(ModelView { grid: PatchGrid { rows: 3, cols: 3 }, ..good.run.view }.into());
    let mut outside = good.clone();
    outside.image_token_span.start = usize::MAX - 2;
    let mut heads = FIRST;
    heads[0][0][3] = f32::NAN;
    for (found, expected) in [
        (of(&good, &TokenSet::default(), ALL_MEAN), "Expected at least one token, found none selected"),
        (of(&good, &token, selection(beyond, head(0))), "Expected a layer below 2, found 7"),
        (of(&narrow, &token, ALL_MEAN), "Expected 9 image tokens, as many as lie on the photo and beside it, found 4"),
        (of(&outside, &token, ALL_MEAN), "Expected rows of 7 prompt positions, found 18446744073709551615"),
        (of(&trace(&[heads]), &token, ALL_MEAN), "Expected finite attention, found NaN at patch 1"),
        (
            vision_map(&no_vision, ALL_MEAN, Normalisation::Raw).map(|_| ()),
            "Expected [CLS] attention of the vision encoder, found none in this trace",
        ),
        (
            of(&good, &TokenSet::new([TokenRef::Prompt(3)], Reduce::Mean), ALL_MEAN),
            "Expected the attention row of prompt position 3, found none kept in this trace",
        ),
    ] {
        assert_eq!(found.expect_err(expected).to_string(), expected);
    }
}

/// The fixture's four image tokens: the whole photo in one, a separator, and its left half in two, the lower one first.
fn overlapping() -> ImageLayout {
    let image = ImageSize { width_px: 40, height_px: 20 };
    let region = |first_token, [rows, cols, row_stride]: [usize; 3], rect_px| Region {
        kind: RegionKind::Tile,
        first_token,
        grid: PatchGrid { rows, cols },
        row_stride,
        rect_px: Some(rect_px),
        encoder: 0,
    };
    let left = RectPx { x0: 0.0, y0: 0.0, x1: 20.0, y1: 20.0 };
    let regions = vec![region(3, [1, 1, 1], RectPx::of(image)), region(0, [2, 1, 2], left)];
    ImageLayout::new(image, 4, regions).expect("a layout")
}

#[test]
fn maps_follow_the_layout_and_tokens_without_pixels_count_as_image() {
    let mut trace = trace(&[FIRST]);
    trace.layout = Arc::new(overlapping());
    // Keys 2 to 5: 0.15, 0.125, 0.1, 0.1 as means over layers and heads. 2 and 4 are the left half, 5 the photo.
    let found = map(&trace, &TokenSet::output(0), ALL_MEAN, RAW);
    assert_close(&found.values, &[0.1, 0.15, 0.1], "region by region");
    let at = |region, row| found.at(PatchPos { region, row, col: 0 });
    assert_eq!([at(0, 0), at(1, 0), at(1, 1)].map(|v| v.is_some()), [true; 3], "by place");
    assert!((f64::from(at(1, 0).expect("a cell")) - 0.15).abs() < 1e-6, "the upper left is the first token");
    assert_eq!(at(0, 1), None, "one row");
    let keys = ImageKeys::of(&trace).expect("fits");
    assert_eq!((keys.num_cells(), keys.num_unplaced()), (3, 1), "a separator");
    let split = split(&trace, TokenRef::Output(0), Selection::default()).expect("a row");
    assert!((split.image - 0.475).abs() < 1e-6, "the separator too: {}", split.image);
    assert!((split.parts().iter().sum::<f64>() - 1.0).abs() < 1e-6, "everything adds up");
}

#[test]
fn one_even_grid_of_regions_weighs_by_area() {
    let layout = overlapping();
    for (combine, expected) in [
        // Cells of 20 x 10: the left column is under both regions.
        (Combine::Mean, [2.5, 4.0, 3.0, 4.0]),
        (Combine::Largest, [4.0, 4.0, 4.0, 4.0]),
        (Combine::Region(0), [4.0; 4]),
    ] {
        let flat = Flattening::new(&layout, combine);
        assert_eq!(flat.grid(), PatchGrid { rows: 2, cols: 2 }, "as fine as the finest");
        assert_eq!(*flat.of(&[4.0, 1.0, 2.0]), expected, "{combine:?}");
    }
    let left = Flattening::new(&layout, Combine::Region(1)).of(&[4.0, 1.0, 2.0]).into_owned();
    assert!(
        left[0].to_bits() == 1.0_f32.to_bits() && left[2].to_bits() == 2.0_f32.to_bits() && left[1].is_nan(),
        "no region, no value: {left:?}"
    );
    let one = ImageLayout::from(trace(&[]).run.view);
    let values = [0.1, 0.2, 0.3, 0.4];
    assert_eq!(*Flattening::new(&one, Combine::Mean).of(&values), values, "one region is itself");
}
