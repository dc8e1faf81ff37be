//! Photos, resizes and `pixel_values` against Pillow and transformers (`tests/golden/preprocess.py`).
//!
//! Everything is compared bit for bit: decoding, resampling and normalising are ports, not approximations. Lossy WebP is the exception.

use gazelens::data::resample::{resize_grey, resize_rgb};
use gazelens::data::{Photo, PhotoError, PhotoLimits, preprocess};
use gazelens::geometry::{Framing, ImageSize, PreprocessSpec, Resample, ResizeTo};
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name)).unwrap_or_else(|err| panic!("tests/golden/{name}: {err}"))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An image tensor `[height, width, ..]` of 8 bits.
fn image(tensors: &SafeTensors<'_>, name: &str) -> (ImageSize, Vec<u8>) {
    let tensor = tensors.tensor(name).unwrap_or_else(|err| panic!("{name}: {err}"));
    assert_eq!(tensor.dtype(), Dtype::U8, "{name}");
    let edge = |axis: usize| u32::try_from(tensor.shape()[axis]).expect("a small image");
    (ImageSize { width_px: edge(1), height_px: edge(0) }, tensor.data().to_vec())
}

fn floats(tensors: &SafeTensors<'_>, name: &str) -> Vec<f32> {
    let tensor = tensors.tensor(name).unwrap_or_else(|err| panic!("{name}: {err}"));
    assert_eq!(tensor.dtype(), Dtype::F32, "{name}");
    tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Largest difference and how many differ.
fn difference(a: &[u8], b: &[u8]) -> (u8, usize) {
    assert_eq!(a.len(), b.len(), "lengths");
    let off = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b));
    (off.clone().max().unwrap_or(0), off.filter(|&d| d > 0).count())
}

#[test]
fn photos_of_every_kind_decode_as_pillow_decodes_them() {
    let stored = bytes("photos.safetensors");
    let tensors = SafeTensors::deserialize(&stored).expect("a valid file");
    let mut wrong = Vec::new();
    for name in tensors.names() {
        let (size, expected) = image(&tensors, name);
        match Photo::open(&golden("photos").join(name)) {
            // The one kind that is refused, with a sentence that says so.
            Err(PhotoError::Unsupported { .. }) if name == "tiff_palette.tif" => {}
            Err(err) => wrong.push(format!("{name}: {err}")),
            Ok(photo) if photo.size() != size => wrong.push(format!("{name}: {:?}, not {size:?}", photo.size())),
            Ok(photo) => {
                let (most, count) = difference(&photo.rgb, &expected);
                if most > 0 {
                    wrong.push(format!("{name}: {count} of {} values differ by up to {most}", expected.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} photos:\n{}", wrong.len(), tensors.len(), wrong.join("\n"));
    assert!(tensors.len() > 60, "only {} photos", tensors.len());
}

#[test]
fn sixteen_bit_grey_keeps_its_high_byte() {
    for name in ["png_16_grey.png", "tiff_16_grey.tif"] {
        let photo = Photo::open(&golden("photos").join(name)).expect("decodes");
        let grey: Vec<u8> = photo.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect();
        assert_eq!(grey, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 3, 128, 255, 255], "{name}: high bytes, not clipped at 255");
    }
}

#[test]
fn broken_files_are_refused_in_one_sentence_with_the_path_last() {
    let mut names: Vec<String> = std::fs::read_dir(golden("photos"))
        .expect("the folder is there")
        .map(|entry| entry.expect("can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("broken_"))
        .collect();
    names.push("not_there.png".to_owned());
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let path = golden("photos").join(&name);
        let message = Photo::open(&path).expect_err(&name).to_string();
        assert!(message.starts_with("Expected ") && message.contains(", found "), "{message}");
        assert!(message.ends_with(&path.display().to_string()), "the path comes last: {message}");
        assert!(!message.contains('\n'), "one line: {message}");
        println!("{}", message.replace(&path.display().to_string(), &name));
    }
}

#[test]
fn limits_are_checked_before_memory_is_taken() {
    let limits = PhotoLimits { max_file_bytes: 100, ..PhotoLimits::default() };
    let path = golden("photos").join("png_rgba.png");
    assert!(matches!(Photo::open_within(&path, limits), Err(PhotoError::FileTooLarge { .. })), "a long file");
    let limits = PhotoLimits { max_pixels: 15 * 9 - 1, ..PhotoLimits::default() };
    for name in ["png_rgba.png", "jpeg_420.jpg"] {
        let found = Photo::open_within(&golden("photos").join(name), limits);
        assert!(matches!(found, Err(PhotoError::TooManyPixels { .. })), "{name}: {found:?}");
    }
    let found = Photo::open(&golden("photos"));
    assert!(matches!(found, Err(PhotoError::Unreadable { .. })), "a folder");
}

#[test]
fn resizes_equal_pillow_for_every_filter() {
    let stored = bytes("preprocess.safetensors");
    let tensors = SafeTensors::deserialize(&stored).expect("a valid file");
    let filters = [
        ("nearest", Resample::Nearest),
        ("lanczos", Resample::Lanczos),
        ("bilinear", Resample::Bilinear),
        ("bicubic", Resample::Bicubic),
        ("box", Resample::Box),
        ("hamming", Resample::Hamming),
    ];
    for n in 0..9 {
        let (from, rgb) = image(&tensors, &format!("in.{n}"));
        let green: Vec<u8> = rgb.chunks_exact(3).map(|pixel| pixel[1]).collect();
        for (name, filter) in filters {
            let (to, expected) = image(&tensors, &format!("out.{n}.rgb.{name}"));
            let found = resize_rgb(&rgb, from, to, filter).expect("sizes match");
            assert_eq!(difference(&found, &expected), (0, 0), "rgb, {from:?} to {to:?}, {name}");
            let (to, expected) = image(&tensors, &format!("out.{n}.grey.{name}"));
            let found = resize_grey(&green, from, to, filter).expect("sizes match");
            assert_eq!(difference(&found, &expected), (0, 0), "grey, {from:?} to {to:?}, {name}");
        }
    }
}

fn sized(size_px: u32, crop_px: u32) -> PreprocessSpec {
    PreprocessSpec {
        resize: Some(ResizeTo::ShortestEdge(size_px)),
        crop_px: Some((crop_px, crop_px)),
        ..PreprocessSpec::clip(size_px)
    }
}

#[test]
fn pixel_values_equal_the_clip_processor() {
    let stored = bytes("preprocess.safetensors");
    let tensors = SafeTensors::deserialize(&stored).expect("a valid file");
    let plain = PreprocessSpec {
        rescale_factor: None,
        image_mean: None,
        image_std: None,
        resample: Resample::Bilinear,
        ..PreprocessSpec::clip(14)
    };
    let specs = [
        ("crop", PreprocessSpec::clip(28)),
        ("pad", PreprocessSpec::clip(28).with_framing(Framing::Pad)),
        ("small", sized(11, 28)),
        ("odd", sized(25, 14)),
        ("plain", plain),
    ];
    let names: Vec<String> =
        tensors.names().iter().filter_map(|name| name.strip_prefix("photo.")).map(str::to_owned).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    for name in names {
        let (size, rgb) = image(&tensors, &format!("photo.{name}"));
        let photo = Photo::from_rgb(size.width_px, size.height_px, rgb).expect("the length matches");
        for (kind, spec) in &specs {
            let expected = floats(&tensors, &format!("pixel_values.{kind}.{name}"));
            let found = preprocess(&photo, spec, 14).unwrap_or_else(|err| panic!("{name}, {kind}: {err}"));
            assert_eq!(found.values.len(), expected.len(), "{name}, {kind}");
            let off = found.values.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert_eq!(off, 0.0, "{name}, {kind}: bit for bit");
            assert_eq!(found.side_px as usize, (expected.len() / 3).isqrt(), "{name}, {kind}");
        }
    }
}

#[test]
fn real_photos_equal_pillow_and_the_clip_processor() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/coco/images");
    if !folder.is_dir() {
        println!("NOT RUN: no real photos at ../shared/data/coco/images");
        return;
    }
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&bytes("coco.json")).expect("a valid file");
    let digest = |values: &[f32]| hex(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    let mut checked = 0;
    for row in &rows {
        let field = |name: &str| row[name].as_str().expect("a string");
        let path = folder.join(field("file"));
        if !path.exists() {
            println!("NOT RUN: {} is not there", path.display());
            continue;
        }
        let photo = Photo::open(&path).expect("decodes");
        assert_eq!(hex(&photo.rgb), field("rgb"), "{}: decoded", field("file"));
        let spec = PreprocessSpec::clip(336);
        let crop = preprocess(&photo, &spec, 14).expect("preprocesses");
        assert_eq!(digest(&crop.values), field("crop"), "{}: crop", field("file"));
        let pad = preprocess(&photo, &spec.with_framing(Framing::Pad), 14).expect("preprocesses");
        assert_eq!(digest(&pad.values), field("pad"), "{}: pad", field("file"));
        checked += 1;
    }
    println!("{checked} real photos, bit for bit");
}
