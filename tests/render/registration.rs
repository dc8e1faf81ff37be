//! One hot patch lights exactly its pixels. The expected pixels come from the preprocessing's own numbers, not from `ModelView`.

use super::fixtures::{hot_map, scene, with_offscreen};
use gazelens::geometry::{Framing, ImageSize, ModelView, PreprocessSpec, RectPx};
use gazelens::render::{HeatStyle, Picture, Resampling, Window, compose};
use std::collections::BTreeSet;

/// LLaVA-1.5: 336 pixels, patches of 14, 24 x 24.
const INPUT: u32 = 336;
const PATCH: u32 = 14;

/// Pixels of the photo whose centre the patch was made of, by the formulas of the two pipelines (`CLIPImageProcessor`'s resize and centre
/// crop; `expand2square` and resize).
fn expected(width: u32, height: u32, framing: Framing, row: u32, col: u32) -> BTreeSet<(i64, i64)> {
    let (w, h) = (f64::from(width), f64::from(height));
    let input = f64::from(INPUT);
    let inside = |px: f64, n: u32| px >= f64::from(n * PATCH) && px < f64::from((n + 1) * PATCH);
    let to_input = |x: f64, y: f64| match framing {
        Framing::Crop => {
            let short = w.min(h);
            let (resized_w, resized_h) = ((input * w / short).floor(), (input * h / short).floor());
            let (left, top) = (((resized_w - input) / 2.0).floor(), ((resized_h - input) / 2.0).floor());
            (x * resized_w / w - left, y * resized_h / h - top)
        }
        Framing::Pad => {
            let side = w.max(h);
            let (left, top) = (((side - w) / 2.0).floor(), ((side - h) / 2.0).floor());
            ((x + left) * input / side, (y + top) * input / side)
        }
    };
    let (beyond_x, beyond_y) = (i64::from(height), i64::from(width));
    (-beyond_y..i64::from(height) + beyond_y)
        .flat_map(|y| (-beyond_x..i64::from(width) + beyond_x).map(move |x| (x, y)))
        .filter(|&(x, y)| {
            let (ix, iy) = to_input(x as f64 + 0.5, y as f64 + 0.5);
            inside(ix, col) && inside(iy, row)
        })
        .collect()
}

/// Pixels that differ between two pictures, in pixels of the photo.
fn lit(with: &Picture, without: &Picture, corner: (i64, i64)) -> BTreeSet<(i64, i64)> {
    let width = i64::from(with.size[0]);
    let pixels = with.rgba.chunks(4).zip(without.rgba.chunks(4)).enumerate();
    pixels
        .filter(|(_, (a, b))| a != b)
        .map(|(i, _)| (i64::try_from(i).unwrap() % width + corner.0, i64::try_from(i).unwrap() / width + corner.1))
        .collect()
}

#[test]
fn one_hot_patch_lights_exactly_its_pixels() {
    let style = HeatStyle {
        opacity: 1.0,
        alpha_ramp: 1.0,
        resampling: Resampling::Nearest,
        colormap: 3,
        ..HeatStyle::default()
    };
    // No pixel centre of these sizes lies exactly on an edge between patches, where either would be right.
    for (width, height) in [(640_u32, 480_u32), (96, 129), (101, 67), (64, 64)] {
        for framing in [Framing::Crop, Framing::Pad] {
            let view = ModelView::new(
                ImageSize { width_px: width, height_px: height },
                &PreprocessSpec::clip(INPUT).with_framing(framing),
                PATCH,
            );
            for (row, col) in [(0_u32, 0_u32), (11, 5), (23, 23)] {
                let hot = hot_map(view.grid, (row * 24 + col) as usize);
                let (with, without) = (scene(view, Some((hot, style))), scene(view, None));
                // One drawn pixel per photo pixel, with room around for padding.
                let corner = (-90_i64, -90_i64);
                let (w, h) = (width + 180, height + 180);
                let rect_px = RectPx { x0: -90.0, y0: -90.0, x1: f64::from(w) - 90.0, y1: f64::from(h) - 90.0 };
                let window = Window { rect_px, out_size: [w, h], line_px: 1.0 };
                let what = format!("{width} x {height} {framing:?}, row {row}, column {col}");
                let expected = expected(width, height, framing, row, col);
                assert!(!expected.is_empty(), "{what}: the patch covers pixels");
                let found = lit(&compose(&with, &window), &compose(&without, &window), corner);
                assert_eq!(found, expected, "{what}, CPU");
                with_offscreen(|offscreen| {
                    let pictures =
                        (offscreen.heat(&with, &window).unwrap(), offscreen.heat(&without, &window).unwrap());
                    assert_eq!(lit(&pictures.0, &pictures.1, corner), expected, "{what}, shader");
                });
            }
        }
    }
}
