//! The photo canvas, driven by pointer, wheel and keys.

use super::fixtures::{gpu_harness, hot_map, noise_map, photo, view};
use eframe::egui::{self, Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use gazelens::geometry::{Framing, ImageLayout, PatchPos};
use gazelens::render::gpu::Gpu;
use gazelens::render::{HeatMap, HeatStyle, PhotoTexture, Resampling};
use gazelens::ui::widgets::canvas::{CanvasView, PhotoCanvas, Zoom};
use std::collections::BTreeSet;
use std::sync::Arc;

struct State {
    photo: PhotoTexture,
    layout: Arc<ImageLayout>,
    heat: Vec<(HeatMap, HeatStyle)>,
    canvas: CanvasView,
    selected: BTreeSet<PatchPos>,
    hovered: Option<PatchPos>,
    hovered_px: Option<(f64, f64)>,
    clicked: Vec<(PatchPos, Modifiers)>,
    photo_rect: Rect,
}

fn state(heat: Vec<(HeatMap, HeatStyle)>) -> State {
    State {
        photo: photo(96, 64),
        layout: Arc::new(view(96, 64, Framing::Crop).into()),
        heat,
        canvas: CanvasView::default(),
        selected: BTreeSet::new(),
        hovered: None,
        hovered_px: None,
        clicked: Vec::new(),
        photo_rect: Rect::NOTHING,
    }
}

/// One canvas per map, side by side, all with the same view.
fn show(ui: &mut egui::Ui, state: &mut State) {
    let count = state.heat.len().max(1);
    let size = Vec2::new(ui.available_width() / count as f32 - 4.0, ui.available_height());
    ui.spacing_mut().item_spacing = Vec2::splat(4.0);
    ui.horizontal(|ui| {
        for i in 0..count {
            let response = PhotoCanvas::new(&state.photo, &state.layout)
                .heat(state.heat.get(i).cloned())
                .selected(&state.selected)
                .show_border(true)
                .label(format!("Photo {i}"))
                .size(size)
                .show(ui, &mut state.canvas);
            state.clicked.extend(response.clicked);
            if i == 0 {
                (state.hovered, state.hovered_px) = (response.hovered, response.hovered_px);
                state.photo_rect = response.photo_rect;
            }
        }
    });
}

fn harness(pixels_per_point: f32, heat: Vec<(HeatMap, HeatStyle)>) -> Option<Harness<'static, State>> {
    let builder = Harness::builder().with_size(Vec2::new(500.0, 300.0)).with_pixels_per_point(pixels_per_point);
    let (mut harness, _) = gpu_harness(builder, show, state(heat))?;
    harness.run();
    Some(harness)
}

fn opaque() -> HeatStyle {
    HeatStyle { opacity: 1.0, alpha_ramp: 0.0, colormap: 1, ..HeatStyle::default() }
}

/// Where a point of the photo is drawn, from the response's rectangle alone.
fn at(harness: &Harness<'_, State>, x_px: f32, y_px: f32) -> Pos2 {
    let rect = harness.state().photo_rect;
    rect.min + Vec2::new(x_px / 96.0, y_px / 64.0) * rect.size()
}

fn wheel(harness: &mut Harness<'_, State>, pos: Pos2, points: f32, modifiers: Modifiers) {
    harness.hover_at(pos);
    harness.run();
    let phase = egui::TouchPhase::Move;
    let (unit, delta, source) = (MouseWheelUnit::Point, Vec2::new(0.0, points), egui::MouseWheelSource::Unknown);
    harness.event(Event::MouseWheel { unit, delta, modifiers, phase, source });
    harness.run();
}

fn drag(harness: &mut Harness<'_, State>, from: Pos2, by: Vec2, button: PointerButton) {
    let press = |pos, pressed| Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE };
    harness.hover_at(from);
    harness.event(press(from, true));
    harness.hover_at(from + by * 0.5);
    harness.hover_at(from + by);
    harness.event(press(from + by, false));
    harness.run();
}

#[test]
fn hovering_and_clicking_find_the_patch() {
    for scale in [1.0, 2.0] {
        let Some(mut harness) = harness(scale, vec![]) else { return };
        // 96 x 64 cropped to 64 x 64 from x = 16 on (15.99 by the truncated resize); 6 patches of 10.67 pixels.
        let target = at(&harness, 16.0 + 10.67 * 4.5, 10.67 * 1.5);
        harness.hover_at(target);
        harness.run();
        assert_eq!(harness.state().hovered, Some(PatchPos { region: 0, row: 1, col: 4 }), "{scale}x: hovered");
        harness.hover_at(at(&harness, 5.0, 30.0));
        harness.run();
        assert_eq!(harness.state().hovered, None, "{scale}x: the model did not see the border");
        assert!(harness.state().hovered_px.is_some_and(|(x, _)| (x - 5.0).abs() < 0.6), "{scale}x: but it is a pixel");
        harness.hover_at(target);
        for pressed in [true, false] {
            let modifiers = Modifiers::SHIFT;
            harness.event(Event::PointerButton { pos: target, button: PointerButton::Primary, pressed, modifiers });
        }
        harness.run();
        let clicked: Vec<_> = harness.state().clicked.iter().map(|(pos, _)| *pos).collect();
        assert_eq!(clicked, [PatchPos { region: 0, row: 1, col: 4 }], "{scale}x: clicked once");
    }
}

#[test]
fn modifiers_of_a_click_are_reported() {
    let Some(mut harness) = harness(1.0, vec![]) else { return };
    harness.get_by_label("Photo 0").click_modifiers(Modifiers::SHIFT);
    harness.run();
    let modifiers: Vec<_> = harness.state().clicked.iter().map(|(_, m)| m.shift).collect();
    assert_eq!(modifiers, [true], "shift was held");
}

#[test]
fn the_wheel_zooms_around_the_pointer() {
    for scale in [1.0, 2.0] {
        let Some(mut harness) = harness(scale, vec![]) else { return };
        let pointer = at(&harness, 30.0, 20.0);
        let before = harness.state().canvas.factor();
        for modifiers in [Modifiers::NONE, Modifiers::COMMAND] {
            wheel(&mut harness, pointer, 90.0, modifiers);
        }
        harness.hover_at(pointer);
        harness.run();
        let after = harness.state().canvas.factor();
        assert!(after > before * 1.3, "{scale}x: zoomed from {before} to {after}");
        let (x, y) = harness.state().hovered_px.unwrap();
        // Pictures lie on whole screen pixels, so half a screen pixel may be lost.
        let slack = 1.0 / before;
        assert!((x - 30.0).abs() < slack && (y - 20.0).abs() < slack, "{scale}x: the point moved to {x}, {y}");
    }
}

#[test]
fn dragging_pans_and_does_not_click() {
    let Some(mut harness) = harness(1.0, vec![]) else { return };
    let pointer = at(&harness, 48.0, 32.0);
    wheel(&mut harness, pointer, 200.0, Modifiers::NONE);
    for button in [PointerButton::Primary, PointerButton::Middle] {
        let before = harness.state().photo_rect.min;
        let from = at(&harness, 48.0, 32.0);
        drag(&mut harness, from, Vec2::new(40.0, -24.0), button);
        let moved = harness.state().photo_rect.min - before;
        assert!((moved - Vec2::new(40.0, -24.0)).length() < 1.5, "{button:?} moved the photo by {moved:?}");
    }
    assert!(harness.state().clicked.is_empty(), "a drag is not a click: {:?}", harness.state().clicked);
}

#[test]
fn double_click_and_ctrl_f_fit() {
    let Some(mut harness) = harness(1.0, vec![]) else { return };
    let pointer = at(&harness, 20.0, 20.0);
    wheel(&mut harness, pointer, 150.0, Modifiers::NONE);
    assert!(matches!(harness.state().canvas.zoom, Zoom::Factor(_)), "zoomed");
    harness.get_by_label("Photo 0").click();
    harness.get_by_label("Photo 0").click();
    harness.run();
    assert_eq!(harness.state().canvas.zoom, Zoom::Fit, "a double click fits");
    let pointer = at(&harness, 20.0, 20.0);
    wheel(&mut harness, pointer, 150.0, Modifiers::NONE);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::F);
    harness.run();
    assert_eq!(harness.state().canvas.zoom, Zoom::Fit, "so does Ctrl+F");
}

#[test]
fn keys_zoom_where_the_focus_is() {
    let Some(mut harness) = harness(1.0, vec![]) else { return };
    harness.get_by_label("Photo 0").focus();
    harness.run();
    let before = harness.state().canvas.factor();
    harness.key_press(Key::Plus);
    harness.run();
    assert!((harness.state().canvas.factor() / before - 1.25).abs() < 1e-6, "+ zooms in");
    harness.key_press(Key::Num1);
    harness.run();
    assert_eq!(harness.state().canvas.zoom, Zoom::Factor(1.0), "1 is pixel for pixel");
    harness.key_press(Key::Num0);
    harness.run();
    assert_eq!(harness.state().canvas.zoom, Zoom::Fit, "0 fits");
}

/// Average colour of a patch's inner half on the screen.
fn patch_colour(
    harness: &mut Harness<'_, State>,
    pixels_per_point: f32,
    offset: f32,
    row: usize,
    col: usize,
) -> [f64; 3] {
    let patch = harness.state().layout.rect_of(PatchPos { region: 0, row, col }).unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "small numbers of a test")]
    let [x0, y0, x1, y1] = [patch.x0, patch.y0, patch.x1, patch.y1].map(|v| v as f32);
    let (min, max) = (at(harness, x0, y0), at(harness, x1, y1));
    let centre = (min + (max - min) * 0.5 + Vec2::new(offset, 0.0)) * pixels_per_point;
    let image = harness.render().unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a point of the window")]
    let pixel = image.get_pixel(centre.x as u32, centre.y as u32).0;
    [0, 1, 2].map(|c| f64::from(pixel[c]))
}

#[test]
fn two_canvases_in_one_frame_show_their_own_maps() {
    for scale in [1.0, 2.0] {
        let view = view(96, 64, Framing::Crop);
        let maps = vec![(hot_map(view, 7), opaque()), (hot_map(view, 22), opaque())];
        let Some(mut harness) = harness(scale, maps) else { return };
        // Second canvas: same size, one width and one gap to the right.
        let step = harness.get_by_label("Photo 1").rect().min.x - harness.get_by_label("Photo 0").rect().min.x;
        for (canvas, hot, cold) in [(0.0, (1, 1), (3, 4)), (step, (3, 4), (1, 1))] {
            let bright = patch_colour(&mut harness, scale, canvas, hot.0, hot.1);
            let dark = patch_colour(&mut harness, scale, canvas, cold.0, cold.1);
            assert!(bright[0] > 240.0, "{scale}x, canvas at {canvas}: the hot patch is {bright:?}");
            assert!(dark[0] < 10.0, "{scale}x, canvas at {canvas}: the other canvas's patch is {dark:?}");
        }
    }
}

#[test]
fn a_canvas_reaching_out_of_the_window_stays_registered() {
    let view = view(96, 64, Framing::Crop);
    let app = |ui: &mut egui::Ui, state: &mut State| {
        // Half of the canvas lies beyond the left edge and some of it beyond the lower one.
        let rect = Rect::from_min_size(Pos2::new(-180.0, 40.0), Vec2::new(480.0, 320.0));
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let canvas = PhotoCanvas::new(&state.photo, &state.layout).heat(state.heat.first().cloned());
        state.photo_rect = canvas.show(&mut child, &mut state.canvas).photo_rect;
    };
    let builder = Harness::builder().with_size(Vec2::new(300.0, 300.0));
    let Some((mut harness, _)) = gpu_harness(builder, app, state(vec![(hot_map(view, 3 * 6 + 4), opaque())])) else {
        return;
    };
    harness.run();
    assert!(patch_colour(&mut harness, 1.0, 0.0, 3, 4)[0] > 240.0, "the hot patch is where it belongs");
    assert!(patch_colour(&mut harness, 1.0, 0.0, 3, 3)[0] < 10.0, "its neighbour is not lit");
    assert!(patch_colour(&mut harness, 1.0, 0.0, 2, 4)[0] < 10.0, "nor the one above");
}

#[test]
fn canvases_draw_the_same_with_and_without_a_graphics_card() {
    let view = view(96, 64, Framing::Crop);
    let make = || {
        let style = HeatStyle { resampling: Resampling::Bicubic, ..HeatStyle::default() };
        let mut state = state(vec![(noise_map(view, 4), style)]);
        state.selected = [PatchPos { region: 0, row: 2, col: 2 }, PatchPos { region: 0, row: 2, col: 3 }].into();
        state
    };
    let size = Vec2::new(420.0, 300.0);
    let Some((mut with, _)) = gpu_harness(Harness::builder().with_size(size), show, make()) else { return };
    let mut without = Harness::builder().with_size(size).wgpu().build_ui_state(show, make());
    with.run();
    without.run();
    let (a, b) = (with.render().unwrap(), without.render().unwrap());
    let worst = a.iter().zip(b.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
    assert!(worst <= 2, "differ by {worst}/255");
}

#[test]
fn sliders_upload_nothing_and_a_new_map_only_itself() {
    let view = view(96, 64, Framing::Crop);
    let builder = Harness::builder().with_size(Vec2::new(300.0, 200.0));
    let maps = vec![(noise_map(view, 1), HeatStyle::default())];
    let Some((mut harness, render_state)) = gpu_harness(builder, show, state(maps)) else { return };
    let uploads = |harness: &mut Harness<'_, State>| {
        harness.run();
        harness.render().unwrap();
        render_state.renderer.read().callback_resources.get::<Gpu>().unwrap().stats().uploads
    };
    let first = uploads(&mut harness);
    assert_eq!(first, 2, "the photo and its map");
    let picture = harness.render().unwrap();
    harness.state_mut().heat[0].1.gamma = 0.4;
    harness.state_mut().heat[0].1.colormap = 3;
    assert_eq!(uploads(&mut harness), first, "colours change without an upload");
    assert_ne!(harness.render().unwrap(), picture, "but the picture changes");
    harness.state_mut().heat[0].0 = noise_map(view, 2);
    assert_eq!(uploads(&mut harness), first + 1, "another token is one more map");
    harness.state_mut().heat[0].0 = noise_map(view, 1);
    assert_eq!(uploads(&mut harness), first + 1, "going back is free");
}
