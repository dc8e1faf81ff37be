//! The shader equals its CPU twin within 2/255 at every pixel.

use super::fixtures::{hot_map, noise_map, photo, render_state, scene, tiles, view, with_offscreen, worst};
use eframe::egui_wgpu::wgpu;
use gazelens::geometry::{Combine, Framing, ModelView, PatchPos, RectPx};
use gazelens::render::gpu::Offscreen;
use gazelens::render::{HeatMap, HeatStyle, Marks, Resampling, Scene, Window, colormaps, compose};
use std::sync::Arc;

const BOUND: u8 = 2;
const RESAMPLINGS: [Resampling; 4] =
    [Resampling::Nearest, Resampling::Bilinear, Resampling::Bicubic, Resampling::Lanczos];

/// Portrait and landscape, cropped and padded; odd sizes, so that nothing falls on whole pixels.
fn views() -> [ModelView; 4] {
    [view(97, 61, Framing::Crop), view(53, 90, Framing::Crop), view(97, 61, Framing::Pad), view(53, 90, Framing::Pad)]
}

fn check(offscreen: &mut Offscreen, scene: &Scene, window: &Window, what: &str) {
    let (shader, twin) = (offscreen.heat(scene, window).unwrap(), compose(scene, window));
    let (difference, at) = worst(&shader, &twin);
    let pixel = |p: &gazelens::render::Picture| {
        let start = 4 * (at[1] * p.size[0] as usize + at[0]);
        p.rgba[start..start + 4].to_vec()
    };
    assert!(difference <= BOUND, "{what}: {difference}/255 at {at:?}, {:?} and {:?}", pixel(&shader), pixel(&twin));
    let colours: std::collections::BTreeSet<_> = twin.rgba.chunks(4).collect();
    assert!(colours.len() > 100, "{what}: the picture is nearly empty, which proves nothing");
}

#[test]
fn every_resampling_and_colormap_agrees() {
    with_offscreen(|offscreen| {
        for (view_idx, view) in views().into_iter().enumerate() {
            for (colormap, map) in colormaps().iter().enumerate() {
                for resampling in RESAMPLINGS {
                    let ramp = [0.0, 0.35, 1.0][(view_idx + colormap) % 3];
                    let gamma = [1.0, 0.45, 2.2][(view_idx + 2 * colormap) % 3];
                    let style = HeatStyle {
                        colormap,
                        range: [0.1, 0.8],
                        gamma,
                        opacity: 0.85,
                        alpha_ramp: ramp,
                        resampling,
                        ..HeatStyle::default()
                    };
                    let scene = scene(view, Some((noise_map(view, 7 + colormap as u64), style)));
                    let window = Window::whole(&view.into(), 1.37);
                    check(offscreen, &scene, &window, &format!("{} {resampling:?}, view {view_idx}", map.id));
                }
            }
        }
    });
}

#[test]
fn signed_values_and_missing_values_agree() {
    with_offscreen(|offscreen| {
        let view = view(97, 61, Framing::Crop);
        let mut values: Vec<f32> = noise_map(view, 3).values.iter().map(|v| v - 0.5).collect();
        values[7] = f32::NAN;
        values[20] = f32::INFINITY;
        let map = HeatMap { layout: Arc::new(view.into()), values: values.into(), key: 33 };
        for resampling in RESAMPLINGS {
            let style = HeatStyle { colormap: 6, range: [-0.3, 0.5], gamma: 0.6, resampling, ..Default::default() };
            let scene = scene(view, Some((map.clone(), style)));
            let window = Window::whole(&view.into(), 2.0);
            check(offscreen, &scene, &window, &format!("{resampling:?}"));
            assert_eq!(compose(&scene, &window).missing, 2, "missing values are counted");
        }
    });
}

#[test]
fn every_zoom_of_the_photo_agrees() {
    with_offscreen(|offscreen| {
        let view = view(640, 427, Framing::Crop);
        // Far out, out, 1:1, in (smooth), and in where photo pixels become squares; at odd corners.
        for (width_px, x0) in
            [(2000.0, -700.3), (640.0, 0.0), (400.0, 33.7), (160.0, 81.9), (70.0, 200.2), (20.0, 300.01)]
        {
            let rect_px = RectPx { x0, y0: x0 / 2.0, x1: x0 + width_px, y1: x0 / 2.0 + width_px * 0.75 };
            let window = Window { rect_px, out_size: [160, 120], line_px: 1.0 };
            let style = HeatStyle { resampling: Resampling::Bilinear, ..HeatStyle::default() };
            let scene = Scene {
                photo: photo(640, 427),
                layout: Arc::new(view.into()),
                heat: Some((noise_map(view, 5), style)),
                marks: Marks::default(),
            };
            check(offscreen, &scene, &window, &format!("{width_px} pixels wide"));
        }
    });
}

#[test]
fn lines_and_outlines_agree() {
    with_offscreen(|offscreen| {
        for (view_idx, view) in views().into_iter().enumerate() {
            for (scale, line_px) in [(0.7, 1.0), (2.0, 1.0), (4.3, 2.0)] {
                let selected =
                    [(0, 0), (2, 2), (2, 3), (3, 2), (5, 5)].map(|(row, col)| PatchPos { region: 0, row, col });
                let scene = Scene {
                    marks: Marks { selected: selected.into(), grid_lines: true, border: true },
                    ..scene(view, Some((hot_map(view, 9), HeatStyle::default())))
                };
                let window = Window { line_px, ..Window::whole(&view.into(), scale) };
                check(offscreen, &scene, &window, &format!("view {view_idx} at {scale}"));
            }
        }
    });
}

#[test]
fn photos_beyond_the_texture_limit_are_drawn_from_a_smaller_level() {
    let Some(state) = render_state(Some(2048)) else { return };
    let mut offscreen = Offscreen::new(&state.device, &state.queue);
    let view = view(2501, 70, Framing::Pad);
    let scene = scene(view, None);
    // Shown so small that the missing full-size level is not needed.
    let window = Window::whole(&view.into(), 0.2);
    check(&mut offscreen, &scene, &window, "a photo of 2501 pixels on a card of 2048");
    let note = scene.photo.scaled_note(2048).unwrap();
    assert!(note.contains("1250 x 35 of 2501 x 70"), "the user is told: {note}");
}

#[test]
fn targets_of_linear_light_store_the_same_colours() {
    let Some(state) = render_state(None) else { return };
    let mut offscreen = Offscreen::with_format(&state.device, &state.queue, wgpu::TextureFormat::Rgba8UnormSrgb);
    let view = view(97, 61, Framing::Crop);
    let scene = scene(view, Some((noise_map(view, 8), HeatStyle::default())));
    check(&mut offscreen, &scene, &Window::whole(&view.into(), 2.0), "an sRGB target");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        cases: 96,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn any_scene_agrees(
        (width, height) in (20_u32..300, 20_u32..300),
        (padded, tiled) in (proptest::bool::ANY, proptest::bool::ANY),
        (zoom, left, top) in (0.15_f64..30.0, -0.3_f64..0.9, -0.3_f64..0.9),
        (colormap, resampling, combine) in (0_usize..7, 0_usize..4, 0_usize..3),
        (lo, hi) in (-0.2_f32..0.4, 0.5_f32..1.2),
        (gamma, opacity, alpha_ramp) in (0.2_f32..3.0, 0.0_f32..1.0, 0.0_f32..1.0),
        (grid_lines, border, line_px) in (proptest::bool::ANY, proptest::bool::ANY, 1_u8..3),
        picked in proptest::collection::btree_set((0_usize..6, 0_usize..6), 0..8),
    ) {
        with_offscreen(|offscreen| {
            let view = view(width, height, if padded { Framing::Pad } else { Framing::Crop });
            let resampling = RESAMPLINGS[resampling];
            let combine = [Combine::Mean, Combine::Largest, Combine::Region(1)][combine];
            let style = HeatStyle { colormap, range: [lo, hi], gamma, opacity, alpha_ramp, resampling, combine };
            let layout = if tiled { tiles(view.image) } else { view.into() };
            let region = usize::from(tiled);
            let selected = picked.iter().map(|&(row, col)| PatchPos { region, row, col }).collect();
            let map = noise_map(layout.clone(), u64::from(width * 1_000 + height));
            let scene = Scene { marks: Marks { selected, grid_lines, border }, ..scene(layout, Some((map, style))) };
            let (x0, y0) = (left * f64::from(width), top * f64::from(height));
            let rect_px = RectPx { x0, y0, x1: x0 + 96.0 / zoom, y1: y0 + 72.0 / zoom };
            let window = Window { rect_px, out_size: [96, 72], line_px: f32::from(line_px) };
            let (difference, at) = worst(&offscreen.heat(&scene, &window).unwrap(), &compose(&scene, &window));
            assert!(difference <= BOUND, "{difference}/255 at {at:?}");
        });
    }
}
