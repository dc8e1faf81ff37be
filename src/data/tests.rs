//! Registration, limits and fuzzing.

use super::resample::{Canvas, Window, resize_rgb, resize_window};
use super::*;
use crate::geometry::{Framing, ImageSize, PatchPos, PreprocessSpec, Resample, ResizeTo};
use proptest::prelude::*;
use std::path::Path;

fn size(width_px: u32, height_px: u32) -> ImageSize {
    ImageSize { width_px, height_px }
}

/// A grey photo in which the pixels whose centres `inside` accepts are white.
fn marked(width_px: u32, height_px: u32, inside: impl Fn(f64, f64) -> bool) -> Photo {
    let mut rgb = Vec::new();
    for y in 0..height_px {
        for x in 0..width_px {
            let white = inside(f64::from(x) + 0.5, f64::from(y) + 0.5);
            rgb.extend([if white { 255 } else { 90 }; 3]);
        }
    }
    Photo::from_rgb(width_px, height_px, rgb).expect("the length matches")
}

#[test]
fn the_rectangle_of_a_patch_is_what_the_patch_was_made_of() {
    for (w, h) in [(640, 480), (480, 641), (427, 640), (300, 37), (61, 61), (200, 133)] {
        for framing in [Framing::Crop, Framing::Pad] {
            let spec = PreprocessSpec::clip(56).with_framing(framing);
            let plain = preprocess(&marked(w, h, |_, _| false), &spec, 14).expect("preprocesses");
            for (row, col) in [(0, 0), (1, 1), (1, 2), (2, 1), (3, 3), (2, 0)] {
                let rect = plain.view.patch_rect_px(PatchPos { region: 0, row, col });
                let photo = marked(w, h, |x, y| x > rect.x0 && x < rect.x1 && y > rect.y0 && y < rect.y1);
                if photo.rgb.chunks_exact(3).filter(|pixel| pixel[0] == 255).count() < 4 {
                    continue; // padding
                }
                let found = preprocess(&photo, &spec, 14).expect("preprocesses");
                let mut change = [0.0; 16];
                for (idx, (a, b)) in found.values.iter().zip(&plain.values).enumerate() {
                    let (x, y) = (idx % 56, idx / 56 % 56);
                    change[y / 14 * 4 + x / 14] += f64::from((a - b).abs());
                }
                let (own, all) = (change[row * 4 + col], change.iter().sum::<f64>());
                assert!(
                    own / all > 0.8,
                    "{w} x {h}, {framing:?}, row {row}, column {col}: {:.2} of the change",
                    own / all
                );
            }
        }
    }
}

#[test]
fn zeros_of_a_crop_beyond_the_photo_lie_where_the_view_says() {
    for (w, h) in [(25, 28), (28, 25), (13, 14), (27, 40), (40, 27)] {
        let spec = PreprocessSpec { resize: None, image_mean: None, image_std: None, ..PreprocessSpec::clip(28) };
        let found = preprocess(&marked(w, h, |_, _| true), &spec, 14).expect("preprocesses");
        for (idx, &value) in found.values.iter().take(28 * 28).enumerate() {
            let x = found.view.rect_px.x0 + (idx % 28) as f64 + 0.5;
            let y = found.view.rect_px.y0 + (idx / 28) as f64 + 0.5;
            let inside = x > 0.0 && x < f64::from(w) && y > 0.0 && y < f64::from(h);
            assert_eq!(value > 0.0, inside, "{w} x {h}, model pixel {idx}");
        }
    }
}

#[test]
fn photos_that_lose_much_height_are_resized_vertically_first() {
    let noise =
        |size: ImageSize| (0..size.width_px * size.height_px * 3).map(|k| (k * k % 251).to_le_bytes()[0]).collect();
    // Cases and their order as found with Pillow 13.0; the golden checkpoints hold its pixels.
    let cases = [
        ((50, 149), (45, 134), true),
        ((50, 149), (45, 140), false),
        ((62, 110), (22, 30), false),
        ((10, 10), (12, 9), true),
    ];
    for ((from_w, from_h), (to_w, to_h), vertical_first) in cases {
        let (from, to) = (size(from_w, from_h), size(to_w, to_h));
        let pixels: Vec<u8> = noise(from);
        let resize = |pixels: &[u8], from, to| resize_rgb(pixels, from, to, Resample::Bicubic).expect("sizes match");
        let through = |middle| resize(&resize(&pixels, from, middle), middle, to);
        let (vertical, horizontal) = (through(size(from_w, to_h)), through(size(to_w, from_h)));
        assert_ne!(vertical, horizontal, "{from:?} to {to:?}: the order shows");
        let expected = if vertical_first { vertical } else { horizontal };
        assert_eq!(resize(&pixels, from, to), expected, "{from:?} to {to:?}");
    }
}

#[test]
fn strips_on_their_square_take_no_memory_for_the_square() {
    let photo = Photo::from_rgb(1, 60_000, vec![200; 180_000]).expect("the length matches");
    for framing in [Framing::Crop, Framing::Pad] {
        let found = preprocess(&photo, &PreprocessSpec::clip(28).with_framing(framing), 14).expect("preprocesses");
        assert_eq!(found.values.len(), 3 * 28 * 28, "{framing:?}");
    }
}

#[test]
fn specifications_that_make_no_input_are_refused() {
    let photo = Photo::from_rgb(4, 3, vec![9; 36]).expect("the length matches");
    let clip = PreprocessSpec::clip(28);
    for (spec, patch_px, expected) in [
        (
            PreprocessSpec { crop_px: None, ..clip.clone() },
            14,
            "Expected a square model input, found 37 x 28 pixels after resizing and cropping",
        ),
        (
            PreprocessSpec { crop_px: Some((0, 0)), ..clip.clone() },
            14,
            "Expected a model input of 1 to 8192 pixels an edge, found 0",
        ),
        (
            PreprocessSpec { resize: Some(ResizeTo::ShortestEdge(0)), ..clip.clone() },
            14,
            "Expected a model input of 1 to 8192 pixels an edge, found 0",
        ),
        (clip.clone(), 0, "Expected patches of 1 to 28 pixels, found 0"),
        (clip.clone(), 29, "Expected patches of 1 to 28 pixels, found 29"),
        (
            PreprocessSpec { image_std: Some([1.0, 0.0, 1.0]), ..clip.clone() },
            14,
            "Expected image_std to be finite and not 0, found 0",
        ),
        (
            PreprocessSpec { rescale_factor: Some(f64::NAN), ..clip.clone() },
            14,
            "Expected rescale_factor to be finite, found NaN",
        ),
    ] {
        assert_eq!(preprocess(&photo, &spec, patch_px).expect_err(expected).to_string(), expected);
    }
    assert!(Photo::from_rgb(2, 2, vec![0; 11]).is_err(), "a byte short");
    assert!(Photo::from_rgb(0, 2, vec![]).is_err(), "no columns");
}

#[test]
fn a_jpeg_photo_from_a_broken_off_download_is_an_error_at_any_length() {
    let whole = include_bytes!("../../tests/golden/photos/jpeg_420_progressive.jpg");
    assert!(Photo::from_bytes(whole, Path::new("whole.jpg")).is_ok(), "all of it");
    for len in 3..whole.len() - 2 {
        let found = Photo::from_bytes(&whole[..len], Path::new("part.jpg"));
        assert!(
            matches!(found, Err(PhotoError::Corrupt { .. })),
            "the first {len} of {} bytes: {found:?}",
            whole.len()
        );
    }
}

fn filter() -> impl Strategy<Value = Resample> {
    prop_oneof![
        Just(Resample::Nearest),
        Just(Resample::Box),
        Just(Resample::Bilinear),
        Just(Resample::Hamming),
        Just(Resample::Bicubic),
        Just(Resample::Lanczos)
    ]
}

/// A progressive grey picture with this many refining scans, all of them empty.
fn many_scans(side: u16, scans: usize) -> Vec<u8> {
    let segment = |marker: u8, body: &[u8]| {
        let len = u16::try_from(body.len() + 2).expect("a short segment").to_be_bytes();
        [&[0xff, marker], &len[..], body].concat()
    };
    let frame = [&[8][..], &side.to_be_bytes(), &side.to_be_bytes(), &[1, 1, 0x11, 0]].concat();
    let mut file = vec![0xff, 0xd8];
    file.extend(segment(0xdb, &[&[0][..], &[1; 64]].concat()));
    file.extend(segment(0xc2, &frame));
    file.extend(segment(0xc4, &[&[0, 1][..], &[0; 16]].concat()));
    file.extend(segment(0xc4, &[&[0x10, 1][..], &[0; 15], &[0xe0]].concat()));
    file.extend(segment(0xda, &[1, 1, 0, 0, 0, 0]));
    for nth in 1..scans {
        let low = u8::try_from(13 - (nth - 1) % 13).expect("at most 13") - 1;
        file.extend(segment(0xda, &[1, 1, 0, 1, 63, (low + 1) << 4 | low]));
    }
    file.extend([0xff, 0xd9]);
    file
}

#[test]
fn the_larger_a_jpeg_photo_the_fewer_scans_it_may_have() {
    for (side, scans, refused) in [
        (64, 256, None),
        (64, 257, Some("more than 256 scans")),
        (4000, 250, None),
        (4000, 251, Some("more than 250 scans")),
        (13_312, 1300, Some("more than 22 scans")),
        (13_312, 23, Some("more than 22 scans")),
    ] {
        let started = std::time::Instant::now();
        let found = Photo::from_bytes(&many_scans(side, scans), Path::new("scans.jpg"));
        match refused {
            None => assert!(found.is_ok(), "{scans} scans of {side} x {side}: {found:?}"),
            Some(words) => {
                let sentence = found.expect_err("too many scans").to_string();
                assert!(sentence.contains(words) && sentence.ends_with("scans.jpg"), "{sentence}");
                assert!(started.elapsed().as_secs() < 2, "at once: {:?}", started.elapsed());
            }
        }
    }
}

const FILES: &[(&str, &[u8])] = &[
    ("a.jpg", include_bytes!("../../tests/golden/photos/jpeg_420.jpg")),
    ("b.jpg", include_bytes!("../../tests/golden/photos/jpeg_422_progressive.jpg")),
    ("c.jpg", include_bytes!("../../tests/golden/photos/jpeg_restart.jpg")),
    ("d.jpg", include_bytes!("../../tests/golden/photos/jpeg_cmyk.jpg")),
    ("e.jpg", include_bytes!("../../tests/golden/photos/exif_6.jpg")),
    ("f.png", include_bytes!("../../tests/golden/photos/png_palette_alpha.png")),
    ("g.png", include_bytes!("../../tests/golden/photos/png_16_rgba.png")),
    ("h.webp", include_bytes!("../../tests/golden/photos/webp_lossy.webp")),
    ("i.webp", include_bytes!("../../tests/golden/photos/webp_alpha.webp")),
    ("j.gif", include_bytes!("../../tests/golden/photos/gif_animated.gif")),
    ("k.bmp", include_bytes!("../../tests/golden/photos/bmp_palette.bmp")),
    ("l.tif", include_bytes!("../../tests/golden/photos/tiff_tiff_lzw.tif")),
    ("m.tif", include_bytes!("../../tests/golden/photos/tiff_palette.tif")),
    ("n.tif", include_bytes!("../../tests/golden/photos/exif_3.tif")),
    ("o.jpg", include_bytes!("../../tests/golden/photos/jpeg_restart_progressive.jpg")),
    ("p.gif", include_bytes!("../../tests/golden/photos/gif_transparent.gif")),
    ("q.png", include_bytes!("../../tests/golden/photos/exif_6.png")),
    ("r.bmp", include_bytes!("../../tests/golden/photos/bmp_rgba.bmp")),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_never_panic_and_what_decodes_fills_its_size(
        file in 0..FILES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (name, bytes) = FILES[file];
        let mut bytes = bytes.to_vec();
        for (at, value) in edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let limits = PhotoLimits { max_pixels: 1 << 18, ..PhotoLimits::default() };
        match Photo::from_bytes_within(&bytes, Path::new(name), limits) {
            Ok(photo) => prop_assert_eq!(photo.rgb.len(), photo.width_px as usize * photo.height_px as usize * 3),
            Err(err) => prop_assert!(err.to_string().ends_with(name), "{}", err),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_window_equals_the_same_part_of_the_whole(
        (w, h, ow, oh) in (1_u32..40, 1_u32..40, 1_u32..40, 1_u32..40),
        at in (0_u32..1000, 0_u32..1000), filter in filter(), seed in any::<u8>(), pad in any::<bool>(),
    ) {
        let pixels: Vec<u8> = (0..w * h * 3).map(|i| i.wrapping_mul(97).to_le_bytes()[0] ^ seed).collect();
        let canvas = Canvas::<3>::new(&pixels, size(w, h)).expect("the length matches");
        let canvas = if pad { canvas.padded_to_square([122, 116, 104]) } else { canvas };
        let whole_window = Window { left_px: 0, top_px: 0, size: size(ow, oh) };
        let whole = resize_window(&canvas, size(ow, oh), whole_window, filter).expect("sizes are not empty");
        let (left, top) = (at.0 * ow / 1000, at.1 * oh / 1000);
        let window = Window { left_px: left, top_px: top, size: size(ow - left, oh - top) };
        let part = resize_window(&canvas, size(ow, oh), window, filter).expect("inside");
        for y in top..oh {
            let row = |pixels: &[u8], y: u32, x: u32, width: u32| {
                let start = ((y * width + x) * 3) as usize;
                pixels[start..start + ((ow - left) * 3) as usize].to_vec()
            };
            prop_assert_eq!(row(&whole, y, left, ow), row(&part, y - top, 0, ow - left));
        }
    }

    #[test]
    fn one_colour_stays_one_colour(
        (w, h, ow, oh) in (1_u32..200, 1_u32..60, 1_u32..60, 1_u32..200), filter in filter(), grey in any::<u8>(),
    ) {
        let pixels = vec![grey; (w * h * 3) as usize];
        let resized = resize_rgb(&pixels, size(w, h), size(ow, oh), filter).expect("sizes are not empty");
        prop_assert!(resized.iter().all(|&v| v == grey), "{:?}", filter);
    }
}
