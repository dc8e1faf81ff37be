//! Where patches lie, worked by hand and for any size.

use super::*;
use proptest::prelude::*;

fn size(width_px: u32, height_px: u32) -> ImageSize {
    ImageSize { width_px, height_px }
}

fn view(width_px: u32, height_px: u32, framing: Framing) -> ModelView {
    ModelView::new(size(width_px, height_px), &PreprocessSpec::clip(336).with_framing(framing), 14)
}

#[track_caller]
fn assert_rect(found: RectPx, [x0, y0, x1, y1]: [f64; 4], what: &str) {
    for (a, b) in [(found.x0, x0), (found.y0, y0), (found.x1, x1), (found.y1, y1)] {
        assert!((a - b).abs() < 1e-9, "{what}: found {found:?}, expected {:?}", [x0, y0, x1, y1]);
    }
}

#[test]
fn cropping_a_landscape_loses_its_left_and_right() {
    let view = view(640, 480, Framing::Crop);
    assert_eq!(view.grid, PatchGrid { rows: 24, cols: 24 }, "336 / 14");
    // 448 x 336, 56 columns cut on each side: 80 columns of the photo.
    assert_rect(view.rect_px, [80.0, 0.0, 560.0, 480.0], "the crop");
    assert_rect(
        view.patch_rect_px(PatchPos { region: 0, row: 0, col: 0 }),
        [80.0, 0.0, 100.0, 20.0],
        "the first patch",
    );
    assert_rect(
        view.patch_rect_px(PatchPos { region: 0, row: 23, col: 23 }),
        [540.0, 460.0, 560.0, 480.0],
        "the last patch",
    );
    assert_eq!(view.patch_at(79.9, 200.0), None, "left of the crop");
    assert_eq!(view.patch_at(560.0, 200.0), None, "right of the crop");
    assert_eq!(view.patch_at(80.0, 0.0), Some(PatchPos { region: 0, row: 0, col: 0 }), "the first pixel of the crop");
}

#[test]
fn cropping_a_portrait_loses_its_top_and_bottom() {
    let view = view(480, 640, Framing::Crop);
    assert_rect(view.rect_px, [0.0, 80.0, 480.0, 560.0], "the crop");
    assert_eq!(view.patch_at(240.0, 79.9), None, "above the crop");
    assert_eq!(
        view.patch_at(479.9, 559.9),
        Some(PatchPos { region: 0, row: 23, col: 23 }),
        "the last pixel of the crop"
    );
}

#[test]
fn padding_a_landscape_leaves_three_rows_at_either_end_that_are_no_photo() {
    let view = view(640, 480, Framing::Pad);
    assert_rect(view.rect_px, [0.0, -80.0, 640.0, 560.0], "the square around the photo");
    for row in 0..24 {
        let rect = view.patch_rect_px(PatchPos { region: 0, row, col: 5 });
        let visible = rect.y1.min(480.0) - rect.y0.max(0.0);
        assert_eq!(visible <= 1e-9, matches!(row, 0..3 | 21..24), "row {row} shows {visible} pixel rows");
    }
    assert_eq!(
        view.patch_at(0.0, -80.0),
        Some(PatchPos { region: 0, row: 0, col: 0 }),
        "padding belongs to patches too"
    );
    assert_eq!(view.patch_at(0.0, -80.1), None, "beyond the padding");
}

#[test]
fn odd_differences_round_down_as_python_does() {
    // LLaVA's expand2square: (641 - 480) // 2 = 80 above, 81 below.
    assert_rect(view(641, 480, Framing::Pad).rect_px, [0.0, -80.0, 641.0, 561.0], "padding");
    // 338 x 337 is resized to int(336 * 338 / 337) = 336 + 0: nothing to cut.
    assert_rect(view(338, 337, Framing::Crop).rect_px, [0.0, 0.0, 338.0, 337.0], "truncated to a square");
    // 339 x 336: (339 - 336) // 2 = 1 column on the left, 2 on the right.
    assert_rect(view(339, 336, Framing::Crop).rect_px, [1.0, 0.0, 337.0, 336.0], "crop");
    // No resizing, crop larger than the photo: (25 - 28) // 2 = -2, so two columns of zeros on the left, one on the
    // right.
    let spec = PreprocessSpec { resize: None, ..PreprocessSpec::clip(28) };
    let small = ModelView::new(size(25, 28), &spec, 14);
    assert_rect(small.rect_px, [-2.0, 0.0, 26.0, 28.0], "a crop beyond the photo");
}

#[test]
fn each_axis_has_its_own_scale_because_the_longer_edge_is_truncated() {
    // 500 x 375: int(336 * 500 / 375) = 448, exact; 427 x 640: int(336 * 640 / 427) = 503 of 503.6.
    let view = view(427, 640, Framing::Crop);
    let offset = f64::from((503 - 336) / 2);
    let scale = 640.0 / 503.0;
    assert_rect(view.rect_px, [0.0, offset * scale, 427.0, (offset + 336.0) * scale], "rows by 640 / 503");
}

#[test]
fn a_remainder_that_fills_no_patch_is_not_covered() {
    let view = ModelView::new(size(100, 100), &PreprocessSpec::clip(50), 12);
    assert_eq!(view.grid, PatchGrid { rows: 4, cols: 4 }, "50 / 12");
    assert_rect(view.rect_px, [0.0, 0.0, 96.0, 96.0], "four patches of 24 pixels");
}

#[test]
fn grid_positions_and_indices_are_row_major() {
    let grid = PatchGrid { rows: 2, cols: 3 };
    assert_eq!(grid.pos(4), Some(PatchPos { region: 0, row: 1, col: 1 }), "the fifth");
    assert_eq!(grid.pos(6), None, "past the end");
    assert_eq!(PatchGrid { rows: 0, cols: 0 }.pos(0), None, "an empty grid");
    for idx in 0..grid.len() {
        assert_eq!(grid.pos(idx).map(|pos| grid.idx(pos)), Some(idx), "there and back");
    }
}

#[test]
fn numbers_of_files_that_nothing_can_have_are_refused() {
    let said = |refused: Result<ModelView, serde_json::Error>| refused.expect_err("must be refused").to_string();
    let good = serde_json::to_value(view(640, 480, Framing::Pad)).expect("plain data");
    let read = serde_json::from_value::<ModelView>(good.clone()).expect("as written");
    assert_eq!(read, view(640, 480, Framing::Pad), "as it was");
    let most = serde_json::json!(u64::MAX);
    for (place, value, words) in [
        ("/grid/rows", most.clone(), "a grid of 1 to 1048576 patches, found 18446744073709551615 x 24"),
        ("/grid/cols", 0.into(), "found 24 x 0"),
        ("/grid/rows", 50_000.into(), "found 50000 x 24"),
        ("/image/width_px", 0.into(), "an image of 1 to 1048576 pixels a side, found 0 x 480"),
        ("/image/height_px", u32::MAX.into(), "found 640 x 4294967295"),
        ("/rect_px/x1", 1e308.into(), "1e308"),
        ("/rect_px/x1", (-5.0).into(), "a rectangle with an area"),
        ("/rect_px/y1", (-80.0).into(), "a rectangle with an area"),
        ("/rect_px/x0", 639.0.into(), ""),
        ("/rect_px/x0", 640.0.into(), "a rectangle with an area"),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(place).expect("a field") = value;
        let read = serde_json::from_value::<ModelView>(changed);
        if words.is_empty() {
            assert!(read.is_ok(), "{place}: {read:?}");
        } else {
            let why = said(read);
            assert!(why.contains(words) && why.starts_with("expected "), "{place}: {why}");
        }
    }
    let mut beside = good;
    for (edge, at) in [("x0", 700.0), ("x1", 900.0)] {
        beside["rect_px"][edge] = at.into();
    }
    assert!(said(serde_json::from_value(beside)).contains("a part of the photo of 640 x 480 pixels"), "far outside");
    let spec = |change: fn(&mut PreprocessSpec)| {
        let mut spec = PreprocessSpec::clip(336);
        change(&mut spec);
        serde_json::from_value::<PreprocessSpec>(serde_json::to_value(spec).expect("plain data"))
    };
    assert_eq!(spec(|_| {}).expect("as written"), PreprocessSpec::clip(336), "as written");
    for change in [
        (|spec| spec.crop_px = Some((336, 0))) as fn(&mut PreprocessSpec),
        |spec| spec.resize = Some(ResizeTo::ShortestEdge(0)),
        |spec| spec.resize = Some(ResizeTo::Exact { height_px: 3, width_px: u32::MAX }),
    ] {
        let why = spec(change).expect_err("must be refused").to_string();
        assert!(why.contains("1 to 1048576 pixels a side"), "{why}");
    }
}

#[test]
fn grids_and_positions_never_overflow() {
    let grid = PatchGrid { rows: usize::MAX, cols: 3 };
    assert_eq!(grid.len(), usize::MAX, "as many as can be counted");
    assert_eq!(grid.idx(PatchPos { region: 0, row: usize::MAX, col: 2 }), usize::MAX, "nowhere");
    assert_eq!(PatchGrid::checked(usize::MAX, 3), None, "no grid of a file");
    assert_eq!(PatchGrid::checked(1024, 1024), Some(PatchGrid { rows: 1024, cols: 1024 }), "the largest");
}

#[test]
fn a_view_that_the_preprocessing_does_not_give_is_found() {
    for framing in [Framing::Crop, Framing::Pad] {
        let spec = PreprocessSpec::clip(336).with_framing(framing);
        let seen = view(641, 480, framing);
        assert!(seen.is_made_by(&spec), "its own: {seen:?}");
        let near = RectPx { x0: seen.rect_px.x0 + 0.005, ..seen.rect_px };
        assert!(ModelView { rect_px: near, ..seen }.is_made_by(&spec), "rounding");
        let other = spec.clone().with_framing(if framing == Framing::Crop { Framing::Pad } else { Framing::Crop });
        assert!(!seen.is_made_by(&other), "the other framing");
        for rect_px in [
            RectPx { x1: 1e308, ..seen.rect_px },
            RectPx { x0: seen.rect_px.x1, x1: seen.rect_px.x0, ..seen.rect_px },
            RectPx { x0: seen.rect_px.x0 + 1.0, x1: seen.rect_px.x1 + 1.0, ..seen.rect_px },
            RectPx { x0: f64::NAN, ..seen.rect_px },
            RectPx { x1: seen.rect_px.x0, ..seen.rect_px },
        ] {
            assert!(!ModelView { rect_px, ..seen }.is_made_by(&spec), "{rect_px:?}");
        }
        for grid in
            [PatchGrid { rows: 24, cols: 23 }, PatchGrid { rows: 0, cols: 24 }, PatchGrid { rows: 337, cols: 337 }]
        {
            assert!(!ModelView { grid, ..seen }.is_made_by(&spec), "{grid:?}");
        }
    }
}

fn framing() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Crop), Just(Framing::Pad)]
}

proptest! {
    /// Also where patches do not fill the input, and several sizes give as many.
    #[test]
    fn what_preprocessing_makes_is_known_as_made_by_it(
        w in 1_u32..3000, h in 1_u32..3000, framing in framing(), crop in (1_u32..400, 1_u32..400),
        patch in 1_u32..40, resize in any::<bool>(),
    ) {
        let resize = resize.then_some(ResizeTo::ShortestEdge(crop.0));
        let spec = PreprocessSpec { crop_px: Some(crop), resize, framing, ..PreprocessSpec::clip(336) };
        let view = ModelView::new(size(w, h), &spec, patch);
        if !view.grid.is_empty() {
            prop_assert!(view.is_made_by(&spec), "{:?} of {:?}, patches of {}", view, spec, patch);
        }
    }

    #[test]
    fn the_patch_at_the_middle_of_a_patch_is_that_patch(
        w in 1_u32..3000, h in 1_u32..3000, framing in framing(), row in 0_usize..24, col in 0_usize..24,
    ) {
        let view = view(w, h, framing);
        let rect = view.patch_rect_px(PatchPos { region: 0, row, col });
        let found = view.patch_at(f64::midpoint(rect.x0, rect.x1), f64::midpoint(rect.y0, rect.y1));
        prop_assert_eq!(found, Some(PatchPos { region: 0, row, col }));
    }

    #[test]
    fn a_crop_lies_inside_the_photo_and_a_pad_around_it(w in 1_u32..3000, h in 1_u32..3000) {
        let (crop, pad) = (view(w, h, Framing::Crop).rect_px, view(w, h, Framing::Pad).rect_px);
        let (w, h) = (f64::from(w), f64::from(h));
        prop_assert!(crop.x0 >= 0.0 && crop.y0 >= 0.0 && crop.x1 <= w + 1e-6 && crop.y1 <= h + 1e-6, "{:?}", crop);
        prop_assert!(pad.x0 <= 0.0 && pad.y0 <= 0.0 && pad.x1 >= w - 1e-6 && pad.y1 >= h - 1e-6, "{:?}", pad);
        prop_assert!(((pad.x1 - pad.x0) - (pad.y1 - pad.y0)).abs() < 1e-6, "a square: {:?}", pad);
    }

    #[test]
    fn integer_truncation_equals_python_s_through_floats(w in 1_u32..20_000, h in 1_u32..20_000, edge in 1_u32..1024) {
        let spec = PreprocessSpec { resize: Some(ResizeTo::ShortestEdge(edge)), ..PreprocessSpec::clip(224) };
        let found = spec.resized(size(w, h));
        let long = f64::from(edge) * f64::from(w.max(h)) / f64::from(w.min(h));
        prop_assert!((f64::from(found.width_px.max(found.height_px)) - long.floor()).abs() < 0.5, "{:?}", found);
        prop_assert_eq!(found.width_px.min(found.height_px), edge);
    }
}

fn region(first_token: usize, [rows, cols, row_stride]: [usize; 3], edges: Option<[f64; 4]>) -> Region {
    let rect_px = edges.map(|[x0, y0, x1, y1]| RectPx { x0, y0, x1, y1 });
    Region { kind: RegionKind::Tile, first_token, grid: PatchGrid { rows, cols }, row_stride, rect_px, encoder: 0 }
}

#[test]
fn a_run_of_tokens_is_told_from_scattered_ones() {
    let edges = Some([0.0, 0.0, 60.0, 40.0]);
    for (regions, run) in [
        (vec![region(1, [2, 3, 3], edges)], Some(1..7)),
        (vec![region(1, [2, 3, 4], edges)], None),       // separators
        (vec![region(1, [1, 3, 4], edges)], Some(1..4)), // no row behind the separator
        (vec![region(0, [2, 3, 3], edges), region(6, [2, 2, 2], edges)], Some(0..10)),
        (vec![region(0, [2, 3, 3], edges), region(7, [2, 2, 2], edges)], None), // a token between them
        (vec![region(4, [2, 3, 3], edges), region(0, [2, 2, 2], edges)], None), // the other way round
        (vec![region(0, [1, 2, 2], None), region(2, [2, 2, 2], edges)], Some(2..6)),
        (vec![region(0, [1, 2, 2], None)], None), // no pixel
    ] {
        let layout = ImageLayout::new(size(60, 40), 16, regions).expect("a layout");
        let tokens: Vec<usize> = layout.tokens().collect();
        assert_eq!(layout.token_run(), run, "{:?}", layout.regions());
        let first = tokens.first().copied().unwrap_or(0);
        let is_run = !tokens.is_empty() && tokens.iter().copied().eq(first..first + tokens.len());
        assert_eq!(run.is_some(), is_run, "as the tokens themselves say: {tokens:?}");
    }
}

#[test]
fn tokens_cells_and_pixels_find_each_other() {
    // One token without pixels, 2 x 3 cells with a separator after each row, one cell over the middle, a query.
    let whole = region(1, [2, 3, 4], Some([-30.0, 0.0, 90.0, 40.0]));
    let middle = region(9, [1, 1, 1], Some([20.0, 10.0, 40.0, 30.0]));
    let layout = ImageLayout::new(size(60, 40), 12, vec![whole, middle, region(10, [1, 2, 2], None)]);
    let layout = layout.expect("a layout");
    assert_eq!((layout.len(), layout.num_tokens(), layout.num_unplaced()), (7, 12, 5), "cells and the rest");
    assert_eq!(layout.tokens().collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 9], "separators are left out");
    for (idx, token) in layout.tokens().enumerate() {
        let pos = layout.pos(idx).expect("a cell");
        assert_eq!((layout.idx(pos), layout.pos_of_token(token)), (Some(idx), Some(pos)), "there and back");
        let rect = layout.rect_of(pos).expect("pixels");
        let (x, y) = (f64::midpoint(rect.x0, rect.x1), f64::midpoint(rect.y0, rect.y1));
        assert!(layout.cells_at(x, y).any(|found| found == pos), "cell {idx} is under its own middle");
    }
    for token in [0, 4, 8, 10, 11, 12] {
        assert_eq!(layout.pos_of_token(token), None, "token {token} covers no pixel");
    }
    assert_eq!((layout.pos(7), layout.idx(PatchPos { region: 2, row: 0, col: 0 })), (None, None), "no further cell");
    let at = |combine| layout.cell_at(30.0, 20.0, combine).map(|pos| pos.region);
    assert_eq!(
        (at(Combine::Mean), at(Combine::Region(0))),
        (Some(1), Some(0)),
        "the smallest, or the one that is shown"
    );
    assert_eq!(layout.cell_at(5.0, 20.0, Combine::Region(1)), None, "not there");
    assert_rect(layout.seen_px(), [-30.0, 0.0, 90.0, 40.0], "everything");
    assert!(layout.overlaps() && layout.sole().is_none(), "the middle lies on the whole");
    assert_eq!(layout.words(), "2 x 3 and 1 x 1 and 1 x 2 patches", "in words");
    let view = view(640, 480, Framing::Crop);
    let one = ImageLayout::of_view(&view, 1);
    assert_eq!((one.num_tokens(), one.num_unplaced(), one.overlaps()), (577, 1, false), "[CLS] and one grid");
    assert_rect(
        one.rect_of(PatchPos { region: 0, row: 23, col: 23 }).expect("the last"),
        [540.0, 460.0, 560.0, 480.0],
        "it",
    );
}

#[test]
fn layouts_that_cannot_be_are_refused() {
    let some = Some([0.0, 0.0, 60.0, 40.0]);
    for (tokens, regions, words) in [
        (4, vec![], "1 to 128 regions, found 0"),
        (4, vec![region(0, [2, 2, 2], some); 129], "1 to 128 regions, found 129"),
        (3, vec![region(0, [2, 2, 2], some)], "within 3 image tokens"),
        (4, vec![region(0, [2, 2, 1], some)], "rows do not overlap"),
        (4, vec![region(0, [0, 2, 2], some)], "a grid of 1 to"),
        (4, vec![region(usize::MAX, [1, 1, 1], some)], "within 4 image tokens"),
        (4, vec![region(0, [2, 2, usize::MAX], some)], "within 4 image tokens"),
        (4, vec![region(0, [1, 2, 2], some), region(1, [1, 2, 2], some)], "each image token in one region"),
        (4, vec![region(0, [2, 2, 2], Some([70.0, 0.0, 90.0, 40.0]))], "a part of the photo of 60 x 40 pixels"),
    ] {
        let why = ImageLayout::new(size(60, 40), tokens, regions).expect_err("must be refused").to_string();
        assert!(why.contains(words), "{words}: {why}");
    }
    let large = region(0, [1024, 1024, 1024], some);
    let two = vec![large, Region { first_token: 1 << 20, ..large }];
    let why = ImageLayout::new(size(60, 40), 1 << 21, two).expect_err("too many").to_string();
    assert!(why.contains("at most 1048576 cells"), "{why}");
}

#[test]
fn a_region_that_a_layout_lacks_acts_as_the_mean() {
    let whole = region(0, [2, 3, 3], Some([0.0, 0.0, 60.0, 40.0]));
    let middle = region(6, [1, 1, 1], Some([20.0, 10.0, 40.0, 30.0]));
    let layout = ImageLayout::new(size(60, 40), 9, vec![whole, middle, region(7, [1, 2, 2], None)]);
    let layout = layout.expect("a layout");
    for there in [Combine::Mean, Combine::Largest, Combine::Region(0), Combine::Region(1)] {
        assert_eq!(layout.in_force(there), there, "a choice");
    }
    let values: Vec<f32> = (0_u8..7).map(f32::from).collect();
    let mean = Flattening::new(&layout, Combine::Mean);
    for lacking in [Combine::Region(2), Combine::Region(3), Combine::Region(usize::MAX)] {
        assert_eq!(
            layout.in_force(lacking),
            Combine::Mean,
            "{lacking:?}: queries lie on no pixel, others are not there"
        );
        let pointed = layout.cell_at(30.0, 20.0, lacking);
        assert_eq!(pointed, layout.cell_at(30.0, 20.0, Combine::Mean), "{lacking:?} under the pointer");
        assert_eq!(Flattening::new(&layout, lacking).of(&values), mean.of(&values), "{lacking:?} on one grid");
    }
}

#[test]
fn what_is_no_number_stays_none_on_one_grid_and_gaps_are_zero() {
    let left = region(0, [1, 1, 1], Some([0.0, 0.0, 20.0, 40.0]));
    let right = region(1, [1, 1, 1], Some([40.0, 0.0, 60.0, 40.0]));
    let over = region(2, [1, 1, 1], Some([40.0, 0.0, 60.0, 40.0]));
    let layout = ImageLayout::new(size(60, 40), 3, vec![left, right, over]).expect("a layout");
    let even = |combine, values: [f32; 3]| {
        let found = Flattening::new(&layout, combine).without_gaps(&values);
        found.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(even(Combine::Mean, [1.0, 2.0, 4.0]), "1 0 3", "nothing lies between");
    for combine in [Combine::Mean, Combine::Largest] {
        assert_eq!(even(combine, [1.0, f32::NAN, 4.0]), "1 0 NaN", "{combine:?}: the other value does not hide it");
    }
    assert_eq!(even(Combine::Region(2), [f32::INFINITY, f32::NAN, 4.0]), "0 0 4", "a region alone");
    let one = ImageLayout::of_view(&view(640, 480, Framing::Crop), 0);
    let values = [f32::NAN; 576];
    assert!(
        Flattening::new(&one, Combine::Mean).without_gaps(&values).iter().all(|value| value.is_nan()),
        "one region"
    );
}
