//! One hot patch lights exactly its pixels. The expected pixels come from the preprocessing's own numbers, not from
//! `ModelView`.

use super::fixtures::{hot_map, scene, tiles, with_offscreen};
use gazelens::geometry::{Combine, Framing, ImageSize, ModelView, PreprocessSpec, RectPx};
use gazelens::render::{HeatStyle, Picture, Resampling, Window, compose};
use std::collections::BTreeSet;

/// LLaVA-1.5: 336 pixels, patches of 14, 24 x 24.
const INPUT: u32 = 336;
const PATCH: u32 = 14;

/// Pixels of the photo whose centre the patch was made of, by the formulas of the two pipelines (`CLIPImageProcessor`'s
/// resize and centre crop; `expand2square` and resize).
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
                let hot = hot_map(view, (row * 24 + col) as usize);
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

/// Pixels whose centres lie between four edges, by plain comparison.
fn between([x0, y0, x1, y1]: [f64; 4], (from, to): ((i64, i64), (i64, i64))) -> BTreeSet<(i64, i64)> {
    let inside = |at: i64, low: f64, high: f64| (low..high).contains(&(at as f64 + 0.5));
    let pixels = (from.1..to.1).flat_map(|y| (from.0..to.0).map(move |x| (x, y)));
    pixels.filter(|(x, y)| inside(*x, x0, x1) && inside(*y, y0, y1)).collect()
}

#[test]
fn one_hot_token_lights_exactly_its_rectangle_in_every_layout() {
    let style = HeatStyle { opacity: 1.0, alpha_ramp: 1.0, colormap: 3, ..HeatStyle::default() };
    // Landscape and portrait; edges between cells fall between pixels, or on no pixel's centre.
    for (width, height) in [(160_u32, 96_u32), (96, 131), (64, 64)] {
        let image = ImageSize { width_px: width, height_px: height };
        let layout = tiles(image);
        let (w, h) = (f64::from(width), f64::from(height));
        // By the definition of the layout: place in the prompt, edges of the region, row and column of how many.
        let cells = [
            (1_usize, [-0.125 * w, 0.0, 1.125 * w, h], [0, 0], [3, 5]),
            (1 + 5 + 2, [-0.125 * w, 0.0, 1.125 * w, h], [1, 2], [3, 5]),
            (16, [0.0, 0.0, 0.5 * w, h], [0, 0], [4, 4]),
            (16 + 2 * 5 + 3, [0.0, 0.0, 0.5 * w, h], [2, 3], [4, 4]),
            (36 + 3 * 5, [0.5 * w, 0.0, w, h], [3, 0], [4, 4]),
        ];
        for (token, [x0, y0, x1, y1], [row, col], [rows, cols]) in cells {
            let pos = layout.pos_of_token(token).unwrap();
            assert_eq!((pos.row, pos.col), (row, col), "token {token}");
            let (cw, ch) = (
                (x1 - x0) / f64::from(u32::try_from(cols).unwrap()),
                (y1 - y0) / f64::from(u32::try_from(rows).unwrap()),
            );
            let at = |idx: usize, size: f64, from: f64| from + size * f64::from(u32::try_from(idx).unwrap());
            let edges = [at(col, cw, x0), at(row, ch, y0), at(col + 1, cw, x0), at(row + 1, ch, y0)];
            let hot = hot_map(layout.clone(), layout.idx(pos).unwrap());
            let combines = [Combine::Mean, Combine::Largest, Combine::Region(pos.region)];
            for combine in combines {
                let heat = Some((hot.clone(), HeatStyle { combine, ..style }));
                let blank = hot_map(layout.clone(), usize::MAX);
                let (with, without) =
                    (scene(layout.clone(), heat), scene(layout.clone(), Some((blank, HeatStyle { combine, ..style }))));
                let corner = (-40_i64, -10_i64);
                let out_size = [width + 80, height + 20];
                let rect_px = RectPx { x0: -40.0, y0: -10.0, x1: w + 40.0, y1: h + 10.0 };
                let window = Window { rect_px, out_size, line_px: 1.0 };
                let to = (i64::from(width) + 40, i64::from(height) + 10);
                let expected = between(edges, (corner, to));
                assert!(!expected.is_empty(), "token {token} covers pixels");
                let what = format!("{width} x {height}, token {token}, {combine:?}");
                let found = lit(&compose(&with, &window), &compose(&without, &window), corner);
                assert_eq!(found, expected, "{what}, CPU");
                with_offscreen(|offscreen| {
                    let pictures =
                        (offscreen.heat(&with, &window).unwrap(), offscreen.heat(&without, &window).unwrap());
                    assert_eq!(lit(&pictures.0, &pictures.1, corner), expected, "{what}, shader");
                });
            }
            // One that the layout lacks (a choice made for another model), or that lies on no pixel, is the mean.
            for lacking in [Combine::Region(3), Combine::Region(77)] {
                let window = Window::whole(&layout, 1.0);
                let of = |combine| scene(layout.clone(), Some((hot.clone(), HeatStyle { combine, ..style })));
                assert_eq!(compose(&of(lacking), &window), compose(&of(Combine::Mean), &window), "{lacking:?}, CPU");
                with_offscreen(|offscreen| {
                    let mut drawn = |combine| offscreen.heat(&of(combine), &window).unwrap();
                    assert_eq!(drawn(lacking), drawn(Combine::Mean), "{lacking:?}, shader");
                });
            }
            // Another region alone does not show it.
            let other = Combine::Region(if pos.region == 1 { 2 } else { 1 });
            let heat = Some((hot, HeatStyle { combine: other, ..style }));
            let blank = Some((hot_map(layout.clone(), usize::MAX), HeatStyle { combine: other, ..style }));
            let window = Window::whole(&layout, 1.0);
            let [with, without] = [heat, blank].map(|heat| compose(&scene(layout.clone(), heat), &window));
            assert_eq!(with, without, "token {token} in {other:?}");
        }
        for token in [0, 20, 35, 56, 59] {
            assert_eq!(layout.pos_of_token(token), None, "token {token} covers no pixel");
        }
    }
}
