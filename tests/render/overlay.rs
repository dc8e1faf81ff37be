//! Masks and overlaps: the shaders against their CPU twins, and the map on the photo against what is painted.

use super::fixtures::{noise_map, render_state, view, with_offscreen, worst};
use eframe::egui_wgpu::wgpu;
use gazelens::analysis::localisation::{Counted, PhotoMap, Ranked, Sampling};
use gazelens::geometry::{Combine, Framing, ImageSize, ModelView, RectPx};
use gazelens::render::gpu::Offscreen;
use gazelens::render::{
    GridTexels, MaskImage, MaskStyle, OverlapMap, OverlapPalette, OverlapStyle, Picture, Resampling, Window,
    category_colour, overlap_image, paint_masks,
};

/// Blending in bytes rounds once a layer.
const BOUND: u8 = 2;

fn disc(photo: ImageSize, [cx, cy, r]: [f64; 3]) -> Vec<bool> {
    let (w, h) = (photo.width_px, photo.height_px);
    let pixels = (0..h).flat_map(|y| (0..w).map(move |x| (f64::from(x) + 0.5, f64::from(y) + 0.5)));
    // A ring, so that the outline has an inner edge too.
    pixels.map(|(x, y)| (0.3..1.0).contains(&((x - cx).hypot(y - cy) / r))).collect()
}

fn windows(view: &ModelView) -> Vec<Window> {
    let part = RectPx { x0: 11.3, y0: -4.7, x1: 59.3, y1: 31.3 };
    vec![
        Window::whole(&(*view).into(), 1.0),
        Window::whole(&(*view).into(), 0.43),
        Window { line_px: 2.0, ..Window::whole(&(*view).into(), 3.7) },
        Window { rect_px: part, out_size: [480, 360], line_px: 1.0 },
    ]
}

fn assert_alike(shader: &Picture, twin: &Picture, what: &str) {
    let (difference, at) = worst(shader, twin);
    assert!(difference <= BOUND, "{what}: {difference}/255 at {at:?}");
    let drawn = twin.rgba.chunks(4).filter(|pixel| pixel[3] > 0).count();
    assert!(drawn * 50 > twin.rgba.len() / 4, "{what}: the picture is nearly empty, which proves nothing");
}

#[test]
fn overlaps_agree_in_every_palette_and_window() {
    with_offscreen(|offscreen| {
        for framing in [Framing::Crop, Framing::Pad] {
            let view = view(98, 62, framing);
            let inside = disc(view.image, [45.0, 30.0, 28.0]);
            let mask = MaskImage::new(view.image, &inside);
            for (sampling, counted) in Sampling::ALL.into_iter().zip([Counted::Seen, Counted::Whole, Counted::Seen]) {
                let map = PhotoMap::new(&view.into(), &noise_map(view, 5).values, sampling, Combine::Mean).unwrap();
                let threshold = Ranked::of_photo_map(&map, &inside, counted).unwrap().mean();
                let map = OverlapMap::new(&map, counted);
                for palette in OverlapPalette::ALL {
                    let style = OverlapStyle { threshold, palette, opacity: 0.6 };
                    for (idx, window) in windows(&view).iter().enumerate() {
                        let shader = offscreen.overlap(&map, &mask, &style, window).unwrap();
                        let twin = overlap_image(&map, &mask, &style, window);
                        assert_alike(&shader, &twin, &format!("{framing:?} {} window {idx}", sampling.id()));
                    }
                }
            }
        }
    });
}

#[test]
fn masks_agree_filled_and_outlined() {
    with_offscreen(|offscreen| {
        let view = view(98, 62, Framing::Pad);
        let masks: Vec<_> = [[30.0, 30.0, 25.0], [60.0, 25.0, 22.0], [80.0, 55.0, 30.0], [0.0, 0.0, 0.0]]
            .into_iter()
            .zip([(0.5, 1.0), (0.35, 0.0), (0.0, 0.9), (1.0, 1.0)])
            .zip(1_u64..)
            .map(|((at, (fill, outline)), id)| {
                let style = MaskStyle { colour: category_colour(id), fill, outline };
                (MaskImage::new(view.image, &disc(view.image, at)), style)
            })
            .collect();
        for (idx, window) in windows(&view).iter().enumerate() {
            let shader = offscreen.masks(&masks, window).unwrap();
            let [w, h] = window.out_size;
            let mut twin = Picture { size: [w, h], rgba: vec![0; 4 * w as usize * h as usize], missing: 0 };
            paint_masks(&mut twin, &masks, window);
            assert_alike(&shader, &twin, &format!("window {idx}"));
        }
    });
}

#[test]
fn opaque_colours_are_stored_alike_in_linear_light() {
    let Some(state) = render_state(None) else { return };
    let mut offscreen = Offscreen::with_format(&state.device, &state.queue, wgpu::TextureFormat::Rgba8UnormSrgb);
    let view = view(98, 62, Framing::Crop);
    let mask = MaskImage::new(view.image, &disc(view.image, [45.0, 30.0, 28.0]));
    let style = OverlapStyle { threshold: 0.5, palette: OverlapPalette::ColourBlindSafe, opacity: 1.0 };
    let map = PhotoMap::new(&view.into(), &noise_map(view, 5).values, Sampling::Nearest, Combine::Mean).unwrap();
    let (map, window) = (OverlapMap::new(&map, Counted::Seen), Window::whole(&view.into(), 2.0));
    let shader = offscreen.overlap(&map, &mask, &style, &window).unwrap();
    assert_alike(&shader, &overlap_image(&map, &mask, &style, &window), "an sRGB target");
}

#[test]
fn a_photo_that_no_texture_holds_is_refused_and_not_drawn_wrongly() {
    let Some(state) = render_state(Some(2048)) else { return };
    let mut offscreen = Offscreen::new(&state.device, &state.queue);
    let photo = ImageSize { width_px: 2501, height_px: 3 };
    let map = OverlapMap::of_values(photo, &vec![0.5; 7503]);
    let style = OverlapStyle { threshold: 0.5, palette: OverlapPalette::default(), opacity: 1.0 };
    let window = Window { rect_px: RectPx { x0: 0.0, y0: 0.0, x1: 25.0, y1: 3.0 }, out_size: [25, 3], line_px: 1.0 };
    let refused = offscreen.overlap(&map, &MaskImage::new(photo, &vec![true; 7503]), &style, &window);
    assert!(refused.unwrap_err().to_string().contains("2501"), "the size is named");
}

/// The metric's values and the picture's lie on the same pixels, whatever the sampling.
#[test]
fn the_map_that_is_measured_is_the_map_that_is_drawn() {
    for framing in [Framing::Crop, Framing::Pad] {
        let view = view(98, 62, framing);
        let values = noise_map(view, 12).values;
        let texels = GridTexels::new(view.grid, &values);
        let samplings = Sampling::ALL.into_iter().zip([Resampling::Nearest, Resampling::Bilinear, Resampling::Bicubic]);
        for (sampling, resampling) in samplings {
            let map = PhotoMap::new(&view.into(), &values, sampling, Combine::Mean).unwrap();
            let mut seen = 0;
            for (idx, value) in map.values.iter().enumerate() {
                let (x, y) = (idx % 98, idx / 98);
                if !map.seen.contains(u32::try_from(x).unwrap(), u32::try_from(y).unwrap()) {
                    continue;
                }
                seen += 1;
                let r = view.rect_px;
                let cell =
                    |px: usize, start: f64, end: f64, n: usize| (px as f64 + 0.5 - start) / (end - start) * n as f64;
                let at = [cell(x, r.x0, r.x1, view.grid.cols), cell(y, r.y0, r.y1, view.grid.rows)];
                #[expect(clippy::cast_possible_truncation, reason = "the shader computes in single precision")]
                let drawn = texels.sample(at.map(|v| v as f32), resampling).unwrap();
                assert!((value - drawn).abs() < 1e-5, "{framing:?} {} at {x}, {y}: {value} and {drawn}", sampling.id());
            }
            assert!(seen > 3000, "{framing:?}: most of the photo was compared, found {seen}");
        }
    }
}
