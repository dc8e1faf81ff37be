//! The layer x head grid.

use super::fixtures::{gpu_harness, noise_map, with_offscreen, worst};
use eframe::egui::{self, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::geometry::{Framing, ImageSize, ModelView, PatchGrid, RectPx};
use gazelens::render::{GridLayout, GridMaps, GridRange, colormaps, compose_grid};
use gazelens::ui::widgets::head_grid::HeadGrid;

const GRID: PatchGrid = PatchGrid { rows: 24, cols: 24 };

/// So many cells in a row.
fn list(cells: usize) -> ModelView {
    let image = ImageSize { width_px: 64, height_px: 64 };
    let grid = PatchGrid { rows: 1, cols: cells };
    ModelView { image, rect_px: RectPx::of(image), grid, framing: Framing::Crop }
}

fn maps(layers: usize, heads: usize, range: GridRange) -> GridMaps {
    let all = noise_map(list(layers * heads * GRID.len()), 11);
    // Small values, so that per-map and shared ranges differ from 0..1.
    let values = all.values.iter().enumerate().map(|(i, v)| v * 0.01 * (1 + i / GRID.len()) as f32).collect();
    GridMaps::new(11, [layers, heads], GRID, values, range)
}

#[test]
fn grid_shader_equals_its_cpu_twin() {
    with_offscreen(|offscreen| {
        for (cell, gap_px) in [([9, 9], 1), ([24, 24], 2), ([61, 50], 3)] {
            for colormap in 0..colormaps().len() {
                for range in [GridRange::PerMap, GridRange::Shared, GridRange::Fixed([-0.01, 0.02])] {
                    let maps = maps(3, 4, range);
                    let layout = GridLayout { cell_px: cell, gap_px, colormap, gamma: 0.6 };
                    let (shader, twin) = (offscreen.grid(&maps, &layout).unwrap(), compose_grid(&maps, &layout));
                    let (difference, at) = worst(&shader, &twin);
                    assert!(difference <= 2, "{cell:?}, map {colormap}, {range:?}: {difference}/255 at {at:?}");
                }
            }
        }
    });
}

#[test]
fn one_hot_patch_shows_in_its_own_small_map_only() {
    let (layers, heads) = (4, 5);
    let mut values = vec![0.0; layers * heads * GRID.len()];
    values[(2 * heads + 3) * GRID.len() + 5 * 24 + 20] = 1.0;
    let maps = GridMaps::new(77, [layers, heads], GRID, values.into(), GridRange::Shared);
    let layout = GridLayout { cell_px: [12, 12], gap_px: 1, colormap: 5, gamma: 1.0 };
    with_offscreen(|offscreen| {
        for picture in [offscreen.grid(&maps, &layout).unwrap(), compose_grid(&maps, &layout)] {
            let width = picture.size[0] as usize;
            let bright = |(i, p): (usize, &[u8])| (p[0] > 128).then_some((i % width, i / width));
            let found: Vec<_> = picture.rgba.chunks(4).enumerate().filter_map(bright).collect();
            // Half-sized maps: row 5 and column 20 of 24 are pixels 2 and 10 of 12.
            assert_eq!(found, [(3 * 13 + 10, 2 * 13 + 2)], "one pixel, in layer 2, head 3");
        }
    });
}

struct State {
    maps: GridMaps,
    current: Option<(usize, usize)>,
    clicked: Option<(usize, usize)>,
}

fn show(ui: &mut egui::Ui, state: &mut State) {
    if let Some(clicked) = HeadGrid::new(&state.maps, state.current).label("Decoder heads").show(ui) {
        state.clicked = Some(clicked);
        state.current = Some(clicked);
    }
}

fn state(layers: usize, heads: usize) -> State {
    State { maps: maps(layers, heads, GridRange::PerMap), current: Some((0, 0)), clicked: None }
}

#[test]
fn cells_are_named_and_clickable() {
    let builder = || Harness::builder().with_size(Vec2::new(420.0, 420.0)).with_pixels_per_point(2.0);
    let Some((mut harness, _)) = gpu_harness(builder(), show, state(6, 8)) else { return };
    harness.run();
    harness.get_by_label("Decoder heads");
    harness.get_by_label("Layer 3, head 5").click();
    harness.run();
    assert_eq!(harness.state().clicked, Some((3, 5)), "a click jumps");
    harness.get_by_label("Layer 5, head 0").click_accesskit();
    harness.run();
    assert_eq!(harness.state().clicked, Some((5, 0)), "so does a screen reader's");
    harness.get_by_label("Layer 2, head 7").hover();
    // Tooltips wait a moment.
    harness.run_steps(60);
    harness.get_by_label_contains("total ");
    harness.get_by_label_contains("max ");
}

#[test]
fn grid_widgets_draw_the_same_with_and_without_a_graphics_card() {
    let size = Vec2::new(300.0, 260.0);
    let Some((mut with, _)) = gpu_harness(Harness::builder().with_size(size), show, state(4, 6)) else { return };
    let mut without = Harness::builder().with_size(size).wgpu().build_ui_state(show, state(4, 6));
    with.run();
    without.run();
    let (a, b) = (with.render().unwrap(), without.render().unwrap());
    let worst = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 2, "differ by {worst}/255");
    let colours: std::collections::BTreeSet<_> = a.pixels().map(|p| p.0).collect();
    assert!(colours.len() > 200, "maps are drawn, found {} colours", colours.len());
}

#[test]
fn maps_that_come_back_look_as_they_did_before() {
    let builder = Harness::builder().with_size(Vec2::new(300.0, 260.0));
    let Some((mut harness, _)) = gpu_harness(builder, show, state(4, 6)) else { return };
    let mut picture = |key: u64| {
        let values = noise_map(list(4 * 6 * GRID.len()), key).values;
        harness.state_mut().maps = GridMaps::new(key, [4, 6], GRID, values, GridRange::PerMap);
        harness.run();
        harness.render().unwrap()
    };
    let (first, other, again) = (picture(1), picture(2), picture(1));
    assert_ne!(first, other, "other maps look different");
    assert_eq!(first, again, "and the first ones are shown again, not what was drawn last");
}

#[test]
fn a_tall_grid_scrolls_and_stays_registered() {
    let builder = Harness::builder().with_size(Vec2::new(300.0, 200.0));
    let Some((mut harness, _)) = gpu_harness(builder, show, state(40, 8)) else { return };
    harness.run();
    harness.get_by_label("Layer 0, head 0").hover();
    harness.run();
    let scroll = egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: Vec2::new(0.0, -150.0),
        modifiers: egui::Modifiers::NONE,
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
    };
    harness.event(scroll);
    harness.run();
    let cell = harness.get_by_label("Layer 7, head 2").rect();
    assert!(cell.max.y < 200.0, "layer 7 scrolled into view, found {cell:?}");
    harness.get_by_label("Layer 7, head 2").click();
    harness.run();
    assert_eq!(harness.state().clicked, Some((7, 2)), "clicks follow the scrolled maps");
}

/// Whole frames with a 32 x 32 grid stay under 4 ms (`cargo bench --bench frame`); the grid's own part has to be small.
#[test]
fn a_steady_frame_with_1024_maps_costs_under_a_millisecond() {
    let mut state = state(32, 32);
    let ctx = egui::Context::default();
    let input = || egui::RawInput {
        screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(900.0, 900.0))),
        ..Default::default()
    };
    // Without a graphics card here: the composed picture is cached under its content, as the GPU's textures are.
    let frame = |state: &mut State| {
        let start = std::time::Instant::now();
        let mut output = ctx.run_ui(input(), |ui| show(ui, state));
        let elapsed = start.elapsed();
        output.textures_delta.clear();
        elapsed
    };
    for _ in 0..3 {
        frame(&mut state);
    }
    let best = (0..60).map(|_| frame(&mut state)).min().unwrap();
    println!("steady frame with a 32 x 32 grid: {best:?}");
    assert!(best.as_secs_f64() < 1e-3, "took {best:?}");
    // A screen reader costs 1024 nodes a frame; that too has to leave room in the 4 ms.
    ctx.enable_accesskit();
    let best = (0..60).map(|_| frame(&mut state)).min().unwrap();
    println!("the same with accessible nodes: {best:?}");
    assert!(best.as_secs_f64() < 2.5e-3, "took {best:?} with accessible nodes");
}
