//! Against `NumPy` and scikit-learn (`tests/golden/localisation.py`), and by hand.

use super::*;
use crate::analysis::LayerHeadMaps;
use crate::analysis::Range;
use crate::geometry::{
    Combine, Framing, ImageLayout, ImageSize, ModelView, PatchGrid, PatchPos, PreprocessSpec, RectPx, Region,
    RegionKind, ResizeTo,
};
use crate::ids::{HeadIdx, LayerIdx};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/localisation.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the golden file")).expect("JSON")
}

fn cases(golden: &Value, key: &str) -> Vec<Value> {
    golden[key].as_array().expect("a list of cases").clone()
}

fn bits(case: &Value) -> Vec<bool> {
    case["inside"].as_str().expect("bits").bytes().map(|bit| bit == b'1').collect()
}

#[expect(clippy::cast_possible_truncation, reason = "written from f32 values")]
fn values(case: &Value) -> Vec<f32> {
    case["values"].as_array().expect("values").iter().map(|v| v.as_f64().expect("a number") as f32).collect()
}

/// Counts equal and every figure within 1e-6, defined where the reference defines it.
#[track_caller]
fn assert_figures(ranked: &Ranked, expected: &Value, what: &str) {
    let at = Evaluation::at_mean(ranked);
    let Counts { true_positive, false_positive, false_negative, true_negative } = at.counts;
    for (key, found) in [
        ("mask_area", ranked.mask_area()),
        ("pixels", ranked.pixels()),
        ("tp", true_positive),
        ("fp", false_positive),
        ("fn", false_negative),
        ("tn", true_negative),
    ] {
        assert_eq!(expected[key].as_u64(), Some(found), "{what}: {key}");
    }
    let tau = expected["threshold"].as_f64().expect("a mean");
    assert!((at.threshold - tau).abs() <= 1e-9 * tau.abs().max(1e-9), "{what}: mean {} and {tau}", at.threshold);
    for metric in METRICS {
        let (found, expected) = (metric.value(&at).ok(), expected[metric.id].as_f64());
        let close = match (found, expected) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-6 * b.abs().max(1.0),
            (None, None) => true,
            _ => false,
        };
        assert!(close, "{what}: {} is {found:?}, expected {expected:?}", metric.id);
        if let Some(found) = found {
            let [lo, hi] = metric.range;
            assert!(found >= lo && found <= hi + 1e-12, "{what}: {} is {found}, out of its range", metric.id);
        }
    }
}

#[test]
fn metrics_are_registered_once_with_help_paper_and_a_golden_case() {
    let golden = golden();
    let ids: HashSet<_> = METRICS.iter().map(|metric| metric.id).collect();
    assert_eq!(ids.len(), METRICS.len(), "two metrics share an id");
    for metric in METRICS {
        assert!(!metric.label.is_empty() && !metric.help.is_empty(), "{} has a label and help", metric.id);
        assert!(!metric.paper.is_empty(), "{} has a paper", metric.id);
        assert!(metric.range[0] < metric.range[1], "{} has a range", metric.id);
        let defined = cases(&golden, "pixels").iter().filter(|case| case["figures"][metric.id].is_f64()).count();
        assert!(defined >= 3, "{} has golden cases", metric.id);
        assert!(metric_by_id(metric.id).is_some_and(|found| found.id == metric.id), "{} is found", metric.id);
    }
    assert!(metric_by_id("dreams").is_none(), "no such metric");
}

#[test]
fn figures_are_those_of_numpy_and_scikit_learn() {
    for case in cases(&golden(), "pixels") {
        let ranked = Ranked::of_values(&values(&case), &bits(&case)).expect("finite values");
        let name = case["name"].as_str().expect("a name");
        assert_figures(&ranked, &case["figures"], name);
        let steps: Vec<_> = ranked.steps().collect();
        let expected = case["steps"].as_array().expect("steps");
        assert_eq!(steps.len(), expected.len(), "{name}: as many thresholds as values");
        for (step, expected) in steps.iter().zip(expected) {
            let threshold = expected[0].as_f64().expect("a threshold");
            assert!((step.threshold - threshold).abs() < 1e-12, "{name}: {} and {threshold}", step.threshold);
            let counts = (Some(step.counts.true_positive), Some(step.counts.false_positive));
            assert_eq!(counts, (expected[1].as_u64(), expected[2].as_u64()), "{name}: at {}", step.threshold);
            assert_eq!(ranked.counts(step.threshold), step.counts, "{name}: looked up at {}", step.threshold);
        }
    }
}

/// Shorter edge to 48 pixels, patches of 8: 6 x 6 of them.
fn view(width_px: u32, height_px: u32, framing: Framing) -> ModelView {
    let spec = PreprocessSpec { resize: Some(ResizeTo::ShortestEdge(48)), ..PreprocessSpec::clip(48) };
    ModelView::new(ImageSize { width_px, height_px }, &spec.with_framing(framing), 8)
}

#[test]
fn a_patch_map_lies_on_the_pixels_that_its_patches_were_made_of() {
    for case in cases(&golden(), "views") {
        let side = |idx: usize| u32::try_from(case["size"][idx].as_u64().expect("a size")).expect("small");
        let framing = if case["framing"] == "pad" { Framing::Pad } else { Framing::Crop };
        let (view, values, inside) = (view(side(0), side(1), framing), values(&case), bits(&case));
        let map = PhotoMap::new(&view.into(), &values, Sampling::Nearest, Combine::Mean).expect("36 values");
        let coverage = PatchCoverage::new(&view.into(), &inside, Combine::Mean).expect("the photo's size");
        for counted in [Counted::Seen, Counted::Whole] {
            let what = format!("{} {:?} {}", case["size"], framing, counted.id());
            let slow = Ranked::of_photo_map(&map, &inside, counted).expect("finite values");
            assert_figures(&slow, &case[counted.id()], &what);
            let fast = Ranked::of_patches(&values, &coverage, counted).expect("36 values");
            assert_eq!(fast, slow, "{what}: patches and pixels");
        }
        assert_eq!(coverage.seen().pixels, map.seen.pixels(), "{}: what the model saw", case["size"]);
    }
}

#[test]
fn two_by_two_worked_by_hand() {
    // Values 4 3 / 2 1, the mask takes the left column: mean 2.5, above are 4 and 3.
    let ranked = Ranked::of_values(&[4.0, 3.0, 2.0, 1.0], &[true, false, true, false]).expect("finite values");
    let at = Evaluation::at_mean(&ranked);
    let expected = Counts { true_positive: 1, false_positive: 1, false_negative: 1, true_negative: 1 };
    assert_eq!(at.counts, expected, "one of each");
    // Scaled 1, 2/3, 1/3, 0 against 1, 0, 1, 0: (0 + 4/9 + 4/9 + 0) / 4. Pairs of inside and outside: 4>3, 4>1, 2<3,
    // 2>1: three of four. Precision 1 at the first, 2/3 at the third, half of the recall each.
    let by_hand = [0.5, 0.5, 1.0 / 3.0, 2.0 / 9.0, 0.6, 1.2, 1.0, 0.75, 5.0 / 6.0];
    for (metric, expected) in METRICS.iter().zip(by_hand) {
        let found = metric.value(&at).expect("defined");
        assert!((found - expected).abs() < 1e-12, "{}: {found}, expected {expected}", metric.id);
    }
    let curve = ranked.curve(4);
    let points: Vec<_> = curve.iter().map(|at| (at.threshold, at.counts.true_positive)).collect();
    assert_eq!(points, [(1.0, 2), (2.0, 2), (3.0, 1), (4.0, 1)], "from the smallest to the largest value");
    assert_eq!((ranked.scaled(2.5), ranked.unscaled(0.5)), (Some(0.5), 2.5), "a slider's position, there and back");
}

#[test]
fn bytes_keep_the_published_scale() {
    let heat = [255, 128, 128, 0];
    let inside = [true, false, true, false];
    let ranked = Ranked::of_levels(&heat, 255, &inside).expect("four pixels");
    assert_eq!((ranked.mean(), ranked.range()), (127.75, [0.0, 255.0]), "in grey levels");
    let at = Evaluation::at_mean(&ranked);
    assert_eq!((at.counts.true_positive, at.counts.false_positive), (2, 1), "128 lies above the mean");
    let expected = (2.0 * (128.0_f64 / 255.0).powi(2) - 2.0 * 128.0 / 255.0 + 1.0) / 4.0;
    let mse = metric_by_id("mse").expect("registered").value(&at).expect("defined");
    assert!((mse - expected).abs() < 1e-12, "((128/255)^2 + (128/255 - 1)^2) / 4, found {mse}");
    let constant = Ranked::of_levels(&[51; 4], 255, &inside).expect("four pixels");
    let at = Evaluation::at_mean(&constant);
    assert_eq!(at.counts.true_positive + at.counts.false_positive, 4, "a constant is above its mean everywhere");
    assert_eq!(at.counts.precision(), Some(0.5), "the mask's part of the photo");
    assert!(metric_by_id("mse").expect("registered").value(&at).is_ok(), "bytes have a scale without a range");
}

#[test]
fn figures_that_are_not_defined_say_why() {
    let of = |values: &[f32], inside: &[bool], id: &str| {
        let ranked = Ranked::of_values(values, inside).expect("finite values");
        metric_by_id(id).expect("registered").value(&Evaluation::at_mean(&ranked))
    };
    let ramp = [1.0, 2.0];
    for id in ["recall", "mass_ratio", "pointing_game", "roc_auc", "average_precision"] {
        assert_eq!(of(&ramp, &[false; 2], id), Err(Undefined::EmptyMask), "{id}");
    }
    assert_eq!(of(&ramp, &[true; 2], "roc_auc"), Err(Undefined::FullMask), "nothing to tell it from");
    assert_eq!(of(&[0.5; 2], &[true, false], "mse"), Err(Undefined::ConstantMap), "no scale");
    assert_eq!(of(&[0.0; 2], &[true, false], "mass"), Err(Undefined::ZeroMap), "no attention");
    assert_eq!(of(&[-1.0, 2.0], &[true, false], "mass"), Err(Undefined::NegativeMap), "no share of a sum");
    let ranked = Ranked::of_values(&ramp, &[false; 2]).expect("finite values");
    let above = Evaluation::at(&ranked, f64::INFINITY);
    let reason = metric_by_id("precision").expect("registered").value(&above);
    assert_eq!(reason, Err(Undefined::NothingAbove), "beyond the largest value");
}

#[test]
fn what_cannot_be_compared_is_refused_by_what_it_is() {
    let wrong = Ranked::of_values(&[1.0, 2.0], &[true]).expect_err("two and one").to_string();
    assert_eq!(wrong, "Expected 2 mask pixels, found 1", "lengths are named");
    for bad in [f32::NAN, f32::INFINITY] {
        let found = Ranked::of_values(&[1.0, bad], &[true, false]);
        assert_eq!(found, Err(LocalisationError::NotFinite { found: bad.to_string() }), "never a figure");
    }
    assert_eq!(Ranked::of_values(&[], &[]), Err(LocalisationError::NoPixels), "nothing at all");
    let view = view(97, 61, Framing::Crop);
    assert!(PhotoMap::new(&view.into(), &[0.0; 35], Sampling::Nearest, Combine::Mean).is_err(), "a patch is missing");
    assert!(PhotoMap::new(&view.into(), &[f32::NAN; 36], Sampling::Nearest, Combine::Mean).is_err(), "not a number");
    assert!(PatchCoverage::new(&view.into(), &[true; 10], Combine::Mean).is_err(), "a mask of another photo");
}

#[test]
fn the_seen_part_is_that_of_the_geometry() {
    for (width, height) in [(640, 480), (97, 61), (40, 75), (48, 48), (1, 7)] {
        for framing in [Framing::Crop, Framing::Pad] {
            let view = view(width, height, framing);
            let seen = SeenRect::of(view.image, view.rect_px);
            for y in 0..height {
                for x in 0..width {
                    let expected = view.patch_at(f64::from(x) + 0.5, f64::from(y) + 0.5).is_some();
                    assert_eq!(seen.contains(x, y), expected, "{width} x {height} {framing:?} at {x}, {y}");
                }
            }
        }
    }
}

#[test]
fn every_sampling_keeps_patch_centres_and_constants() {
    // 48 x 48: patches of 8 x 8 pixels, centres between pixels, so an odd multiple: 144 x 144 has patches of 24,
    // centres between 11 and 12.
    let view = view(72, 72, Framing::Crop);
    let values: Vec<f32> = (0..36_u8).map(|v| f32::from(v * 7 % 11)).collect();
    for sampling in Sampling::ALL {
        let flat = PhotoMap::new(&view.into(), &[0.25; 36], sampling, Combine::Mean).expect("36 values");
        assert!(flat.values.iter().all(|v| (v - 0.25).abs() < 1e-6), "{}: a constant stays one", sampling.id());
        let map = PhotoMap::new(&view.into(), &values, sampling, Combine::Mean).expect("36 values");
        // 72 / 6 = 12 pixels a patch; its centre is the corner of four pixels, whose mean is the value up to the
        // curvature.
        if sampling == Sampling::Nearest {
            for (idx, expected) in values.iter().enumerate() {
                let pos = view.grid.pos(idx).expect("in the grid");
                let at = (pos.row * 12 + 5) * 72 + pos.col * 12 + 6;
                assert_eq!(map.values.get(at), Some(expected), "patch {idx}");
            }
        }
    }
}

/// Layers and heads of pseudo-random maps.
fn head_maps(view: &ModelView, layers: usize, heads: usize) -> LayerHeadMaps {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 24) as f32
    };
    let values: Vec<f32> = (0..layers * heads * view.grid.len()).map(|_| next()).collect();
    let range = Range::of(&values).expect("finite values");
    let cells = layers * heads;
    LayerHeadMaps {
        layout: Arc::new((*view).into()),
        num_hidden_layers: layers,
        num_attention_heads: heads,
        values,
        totals: vec![1.0; cells],
        ranges: vec![range; cells],
        shared: range,
    }
}

#[test]
fn the_grid_of_heads_equals_the_slow_way_for_every_metric() {
    for framing in [Framing::Crop, Framing::Pad] {
        let view = view(97, 61, framing);
        let maps = head_maps(&view, 2, 3);
        let inside: Vec<bool> = (0..97 * 61).map(|i| i % 97 > 30 && i / 97 > 20).collect();
        let coverage = PatchCoverage::new(&view.into(), &inside, Combine::Mean).expect("the photo's size");
        for metric in METRICS {
            for counted in [Counted::Seen, Counted::Whole] {
                let grid = MetricGrid::new(&maps, &coverage, counted, metric, &GO_ON).expect("not stopped");
                assert_eq!(grid.values.len(), 6, "one for each head");
                for layer_idx in LayerIdx::all(2) {
                    for head_idx in HeadIdx::all(3) {
                        let map = PhotoMap::new(
                            &view.into(),
                            maps.map(layer_idx, head_idx),
                            Sampling::Nearest,
                            Combine::Mean,
                        );
                        let ranked = Ranked::of_photo_map(&map.expect("36 values"), &inside, counted);
                        let slow = metric.value(&Evaluation::at_mean(&ranked.expect("finite values"))).ok();
                        assert_eq!(grid.at(layer_idx, head_idx), slow, "{} of {layer_idx}, {head_idx}", metric.id);
                    }
                }
            }
        }
    }
}

#[test]
fn a_thousand_heads_take_a_blink_and_can_be_stopped() {
    let view = ModelView::new(ImageSize { width_px: 640, height_px: 480 }, &PreprocessSpec::clip(336), 14);
    let maps = head_maps(&view, 32, 32);
    let inside: Vec<bool> = (0..640 * 480).map(|i| i % 640 > 200 && i / 640 < 300).collect();
    let started = std::time::Instant::now();
    let coverage = PatchCoverage::new(&view.into(), &inside, Combine::Mean).expect("the photo's size");
    let metric = metric_by_id("iou").expect("registered");
    let grid = MetricGrid::new(&maps, &coverage, Counted::Seen, metric, &GO_ON).expect("not stopped");
    let took = started.elapsed();
    assert!(grid.values.iter().all(Option::is_some), "every head has a figure");
    assert!(took.as_secs_f64() < 1.0, "well under a second even on a busy machine, took {took:?}");
    let stopped = MetricGrid::new(&maps, &coverage, Counted::Seen, metric, &AtomicBool::new(true));
    assert_eq!(stopped, Err(LocalisationError::Cancelled), "the flag is asked");
}

#[test]
fn categories_are_ranked_by_their_part_of_the_attention() {
    let view = view(48, 48, Framing::Crop);
    let mut values = vec![0.0; 36];
    (values[0], values[35]) = (0.75, 0.25);
    let mask = |x0: usize, y0: usize, side: usize| -> PatchCoverage {
        let inside: Vec<bool> =
            (0..48 * 48).map(|i| (x0..x0 + side).contains(&(i % 48)) && (y0..y0 + side).contains(&(i / 48))).collect();
        PatchCoverage::new(&view.into(), &inside, Combine::Mean).expect("the photo's size")
    };
    let (corner, half, elsewhere) = (mask(40, 40, 8), mask(0, 0, 4), mask(16, 16, 8));
    let ranked = category_shares(&values, [("cat", &corner), ("dog", &half), ("bus", &elsewhere)]).expect("36 values");
    let shares: Vec<_> = ranked.iter().map(|found| (found.category, found.share)).collect();
    // A quarter of patch 0's pixels lie inside the dog: 0.75 / 4.
    assert_eq!(shares, [("cat", 0.25), ("dog", 0.1875), ("bus", 0.0)], "by share");
    assert_eq!(ranked[0].ratio, Some(9.0), "a quarter of the attention on a 36th of the photo");
    let nothing = category_shares(&[0.0; 36], [("cat", &corner)]).expect("36 values");
    assert_eq!((nothing[0].share, nothing[0].ratio), (0.0, None), "no attention, no number made up");
}

proptest! {
    #[test]
    fn every_threshold_counts_every_pixel_once(
        values in prop::collection::vec(-1.0_f32..1.0, 1..200), seed in any::<u64>(), threshold in -1.5_f64..1.5,
    ) {
        let is_inside = |i: usize| seed.rotate_left(u32::try_from(i).unwrap_or(0)) & 1 == 1;
        let inside: Vec<bool> = (0..values.len()).map(is_inside).collect();
        let ranked = Ranked::of_values(&values, &inside).expect("finite values");
        let counts = ranked.counts(threshold);
        let slow = |above: bool, within: bool| {
            let pairs = values.iter().zip(&inside);
            pairs.filter(|(v, inside)| (f64::from(**v) >= threshold) == above && **inside == within).count() as u64
        };
        let expected = Counts {
            true_positive: slow(true, true),
            false_positive: slow(true, false),
            false_negative: slow(false, true),
            true_negative: slow(false, false),
        };
        prop_assert_eq!(counts, expected);
        for metric in METRICS {
            if let Ok(found) = metric.value(&Evaluation::at(&ranked, threshold)) {
                prop_assert!(found.is_finite(), "{} is {}", metric.id, found);
            }
        }
    }

    #[test]
    fn scaling_a_map_changes_no_figure(values in prop::collection::vec(0.0_f32..1.0, 2..60), seed in any::<u64>()) {
        let inside: Vec<bool> = (0..values.len()).map(|i| seed >> (i % 64) & 1 == 1).collect();
        let half: Vec<f32> = values.iter().map(|v| v / 1024.0).collect();
        let of = |values: &[f32]| Ranked::of_values(values, &inside).expect("finite values");
        let (a, b) = (of(&values), of(&half));
        for metric in METRICS {
            let (a, b) = (metric.value(&Evaluation::at_mean(&a)), metric.value(&Evaluation::at_mean(&b)));
            match (a, b) {
                (Ok(a), Ok(b)) => prop_assert!((a - b).abs() < 1e-9, "{}: {} and {}", metric.id, a, b),
                (a, b) => prop_assert_eq!(a, b, "{}", metric.id),
            }
        }
    }

    #[test]
    fn an_object_s_share_is_that_of_the_metrics(
        w in 6_u32..120, h in 6_u32..120, pad in any::<bool>(), seed in any::<u64>(),
    ) {
        let view = view(w, h, if pad { Framing::Pad } else { Framing::Crop });
        let values: Vec<f32> = (0..36_u32).map(|idx| (seed.rotate_left(idx) & 0xff) as f32).collect();
        let inside: Vec<bool> = (0..w * h).map(|idx| seed.rotate_right(idx % 61) % 4 == 0).collect();
        let coverage = PatchCoverage::new(&view.into(), &inside, Combine::Mean).expect("the photo's size");
        let shares = category_shares(&values, [("cat", &coverage)]).expect("36 values");
        let ranked = Ranked::of_patches(&values, &coverage, Counted::Seen).expect("36 values");
        let at = Evaluation::at_mean(&ranked);
        for (id, found) in [("mass", Some(shares[0].share)), ("mass_ratio", shares[0].ratio)] {
            if let Ok(expected) = metric_by_id(id).expect("registered").value(&at) {
                let found = found.expect("a number too");
                prop_assert!((found - expected).abs() < 1e-9, "{}: {} and {}", id, found, expected);
            }
        }
    }

    #[test]
    fn the_patch_of_every_pixel_is_the_geometry_s(w in 1_u32..120, h in 1_u32..120, pad in any::<bool>()) {
        let view = view(w, h, if pad { Framing::Pad } else { Framing::Crop });
        let values: Vec<f32> = (0..36_u8).map(f32::from).collect();
        let map = PhotoMap::new(&view.into(), &values, Sampling::Nearest, Combine::Mean).expect("36 values");
        for (idx, value) in map.values.iter().enumerate() {
            let (x, y) = (idx % w as usize, idx / w as usize);
            let patch = view.patch_at(x as f64 + 0.5, y as f64 + 0.5);
            let expected = patch.map_or(0.0, |PatchPos { row, col, .. }| values[row * 6 + col]);
            prop_assert_eq!(value.to_bits(), expected.to_bits(), "at {}, {}", x, y);
        }
    }
}

/// Two regions over each other and a third that leaves a gap: not a rectangle in sum.
fn scattered(w: u32, h: u32) -> ImageLayout {
    let (right, bottom) = (f64::from(w), f64::from(h));
    let region = |first_token, [rows, cols]: [usize; 2], [x0, y0, x1, y1]: [f64; 4]| Region {
        kind: RegionKind::Tile,
        first_token,
        grid: PatchGrid { rows, cols },
        row_stride: cols + 1,
        rect_px: Some(RectPx { x0, y0, x1, y1 }),
        encoder: 0,
    };
    let regions = vec![
        region(0, [3, 5], [-0.1 * right, 0.0, 0.8 * right, 0.7 * bottom]),
        region(18, [2, 2], [0.0, 0.0, 0.5 * right, 0.5 * bottom]),
        region(24, [1, 3], [0.6 * right, 0.8 * bottom, right, bottom]),
    ];
    ImageLayout::new(ImageSize { width_px: w, height_px: h }, 28, regions).expect("a layout")
}

#[test]
fn a_region_that_is_not_there_counts_as_the_mean() {
    let layout = scattered(97, 61);
    let values: Vec<f32> = (0..22_u8).map(|v| f32::from(v * 7 % 22) / 22.0).collect();
    let inside: Vec<bool> = (0..97 * 61).map(|at| at % 97 > 32).collect();
    let of = |combine| {
        let map = PhotoMap::new(&layout, &values, Sampling::Nearest, combine).expect("22 values");
        let coverage = PatchCoverage::new(&layout, &inside, combine).expect("the photo's size");
        let pieces = Ranked::of_patches(&values, &coverage, Counted::Seen).expect("pieces");
        (map.values, pieces.steps().collect::<Vec<_>>())
    };
    assert_eq!(of(Combine::Region(9)), of(Combine::Mean), "map and mask");
}

#[test]
fn pieces_of_overlapping_regions_give_the_figures_of_their_pixels() {
    for (w, h) in [(97, 61), (40, 88)] {
        let layout = scattered(w, h);
        let values: Vec<f32> = (0..22_u8).map(|v| f32::from(v * 7 % 22) / 22.0).collect();
        let inside: Vec<bool> = (0..w * h).map(|at| (at % w) > w / 3 && (at / w) < h / 2).collect();
        for combine in [Combine::Mean, Combine::Largest, Combine::Region(0), Combine::Region(2)] {
            let map = PhotoMap::new(&layout, &values, Sampling::Nearest, combine).expect("22 values");
            let coverage = PatchCoverage::new(&layout, &inside, combine).expect("the photo's size");
            for counted in [Counted::Seen, Counted::Whole] {
                let pixels = Ranked::of_photo_map(&map, &inside, counted).expect("pixels");
                let pieces = Ranked::of_patches(&values, &coverage, counted).expect("pieces");
                assert_eq!(pixels.pixels(), pieces.pixels(), "{combine:?}, {counted:?}");
                let [a, b] = [&pixels, &pieces].map(|ranked| ranked.steps().collect::<Vec<_>>());
                assert_eq!(a, b, "{combine:?}, {counted:?}");
            }
            // By plain comparison, pixel by pixel.
            for (at, found) in map.values.iter().enumerate() {
                let (x, y) = ((at % w as usize) as f64 + 0.5, (at / w as usize) as f64 + 0.5);
                let cells = layout.cells_at(x, y).filter(|pos| combine.counts(pos.region));
                let here: Vec<f64> = cells.map(|pos| f64::from(values[layout.idx(pos).expect("a cell")])).collect();
                let expected = match combine {
                    _ if here.is_empty() => 0.0,
                    Combine::Largest => here.iter().copied().fold(f64::MIN, f64::max),
                    Combine::Mean | Combine::Region(_) => here.iter().sum::<f64>() / here.len() as f64,
                };
                assert!((f64::from(*found) - expected).abs() < 1e-6, "{combine:?} at {x}, {y}");
            }
        }
    }
}
