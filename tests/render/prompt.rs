//! Darkened photos: the shader against its CPU twin, and both against the picture that the model is asked about.

use super::fixtures::{photo, render_state, view, with_offscreen, worst};
use eframe::egui_wgpu::wgpu;
use gazelens::geometry::{Framing, ImageSize, RectPx};
use gazelens::prompting::blend;
use gazelens::render::gpu::Offscreen;
use gazelens::render::{PhotoTexture, Picture, PromptMask, PromptStyle, Window, paint_prompt};

const SIZE: ImageSize = ImageSize { width_px: 98, height_px: 62 };
/// Rounding in single precision on either side of a grey level.
const BOUND: u8 = 1;

/// All levels, most of them between white and black.
fn levels() -> Vec<u8> {
    let at = |i: u32| u8::try_from((i % 98 * 5 + i / 98 * 3) % 256).unwrap();
    (0..SIZE.width_px * SIZE.height_px).map(at).collect()
}

fn twin(photo: &PhotoTexture, mask: &PromptMask, style: PromptStyle, window: &Window) -> Picture {
    let [w, h] = window.out_size;
    let mut picture = Picture { size: [w, h], rgba: vec![0; 4 * w as usize * h as usize], missing: 0 };
    paint_prompt(&mut picture, photo, mask, style, window);
    picture
}

#[test]
fn darkened_photos_agree_in_every_window() {
    with_offscreen(|offscreen| {
        let (photo, mask) = (photo(98, 62), PromptMask::new(SIZE, levels()));
        let view = view(98, 62, Framing::Pad);
        let part = RectPx { x0: 11.3, y0: -4.7, x1: 59.3, y1: 31.3 };
        let windows = [
            Window::whole(&view.into(), 1.0),
            Window::whole(&view.into(), 0.43),
            Window::whole(&view.into(), 2.6),
            Window { rect_px: part, out_size: [480, 360], line_px: 1.0 },
        ];
        for style in [PromptStyle::Darkened { grey: 0 }, PromptStyle::Darkened { grey: 200 }, PromptStyle::Mask] {
            for (idx, window) in windows.iter().enumerate() {
                let shader = offscreen.prompt(&photo, &mask, style, window).unwrap();
                let twin = twin(&photo, &mask, style, window);
                // An edge between two texels of the mask may fall on either side of a drawn pixel's middle.
                let apart = shader.rgba.iter().zip(&twin.rgba).filter(|(a, b)| a.abs_diff(**b) > BOUND).count();
                let (difference, at) = worst(&shader, &twin);
                assert!(apart * 1000 <= twin.rgba.len(), "{style:?} window {idx}: {difference}/255 at {at:?}");
            }
        }
    });
}

#[test]
fn at_full_size_the_picture_is_the_one_that_the_model_gets() {
    with_offscreen(|offscreen| {
        let rgb: Vec<u8> = (0..98 * 62 * 3_u32).map(|i| u8::try_from(i * 7 % 256).unwrap()).collect();
        let photo = PhotoTexture::new(77, SIZE, &rgb).unwrap();
        let mask = PromptMask::new(SIZE, levels());
        let rect_px = RectPx { x0: 0.0, y0: 0.0, x1: 98.0, y1: 62.0 };
        let window = Window { rect_px, out_size: [98, 62], line_px: 1.0 };
        for grey in [0, 3, 128, 200, 255] {
            let expected = blend(&rgb, &levels(), grey);
            let expected = expected.chunks(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect();
            let expected = Picture { size: [98, 62], rgba: expected, missing: 0 };
            let style = PromptStyle::Darkened { grey };
            let shader = offscreen.prompt(&photo, &mask, style, &window).unwrap();
            for (what, found) in [("shader", shader), ("twin", twin(&photo, &mask, style, &window))] {
                let (difference, at) = worst(&found, &expected);
                assert!(difference <= BOUND, "{what}, grey {grey}: {difference}/255 at {at:?}");
            }
        }
    });
}

#[test]
fn darkened_photos_are_stored_alike_in_linear_light() {
    let Some(state) = render_state(None) else { return };
    let mut offscreen = Offscreen::with_format(&state.device, &state.queue, wgpu::TextureFormat::Rgba8UnormSrgb);
    let (photo, mask) = (photo(98, 62), PromptMask::new(SIZE, levels()));
    let window = Window::whole(&view(98, 62, Framing::Crop).into(), 1.0);
    let style = PromptStyle::Darkened { grey: 40 };
    let shader = offscreen.prompt(&photo, &mask, style, &window).unwrap();
    let (difference, at) = worst(&shader, &twin(&photo, &mask, style, &window));
    assert!(difference <= BOUND, "an sRGB target: {difference}/255 at {at:?}");
}

#[test]
fn a_photo_that_no_texture_holds_is_left_to_the_cpu() {
    let Some(state) = render_state(Some(2048)) else { return };
    let mut offscreen = Offscreen::new(&state.device, &state.queue);
    let size = ImageSize { width_px: 2501, height_px: 3 };
    let photo = PhotoTexture::new(5, size, &vec![9; 2501 * 9]).unwrap();
    let rect_px = RectPx { x0: 0.0, y0: 0.0, x1: 25.0, y1: 3.0 };
    let window = Window { rect_px, out_size: [25, 3], line_px: 1.0 };
    let refused = offscreen.prompt(&photo, &PromptMask::new(size, Vec::new()), PromptStyle::Mask, &window);
    assert!(refused.unwrap_err().to_string().contains("2501"), "the size is named");
}
