//! Photos, resizes and `pixel_values` against Pillow and transformers (`tests/golden/preprocess.py`).
//!
//! Everything is compared bit for bit: decoding, resampling and normalising are ports, not approximations. Lossy WebP
//! is the exception.

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
    Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
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
fn sixteen_bit_grey_is_clipped_as_pillow_clips_it_and_says_so() {
    for name in ["png_16_grey.png", "tiff_16_grey.tif"] {
        let photo = Photo::open(&golden("photos").join(name)).expect("decodes");
        let grey: Vec<u8> = photo.rgb.chunks_exact(3).map(|pixel| pixel[0]).collect();
        assert_eq!(grey, [0, 1, 127, 128, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255], "{name}");
        let warning = photo.warnings.first().expect("9 of 14 levels are lost");
        assert!(warning.contains("the 65 % of them above 255 are white") && warning.ends_with(name), "{warning}");
    }
}

/// What Pillow reads and we refuse, by name: what the sentence says.
const REFUSED_BY_NAME: [(&str, &str); 5] = [
    ("float_32.tif", "floating-point samples of 32 bits"),
    ("grey_0_16.tif", "grey counted from white with samples of 16 bits"),
    ("lab.tif", "Lab colour"),
    ("signed_16.tif", "samples of 16 bits with signs"),
    ("unsigned_32.tif", "grey with samples of 32 bits"),
];

/// What Pillow refuses and we read: metadata or an end marker alone are wrong, or it has no picture where there is one.
fn is_read_without_pillow(name: &str) -> bool {
    let kinds = ["exif_prefix_", "profile_", "rgb_8_extra_", "fields_rgba_"];
    let files = ["big_be.tif", "grey_4.bmp"];
    kinds.iter().any(|kind| name.starts_with(kind)) || files.contains(&name) || name.ends_with("_no_eoi.jpg")
}

/// What is damaged so that it is seen: the rest carries no warning.
fn is_damaged(name: &str) -> bool {
    let kinds = ["_eoi_", "_lost", "_changed", "_more", "_marker", "jpeg_damaged.tif"];
    kinds.iter().any(|kind| name.contains(kind)) && !name.ends_with("_no_eoi.jpg")
}

#[test]
fn photo_files_of_every_kind_are_read_as_pillow_reads_them() {
    use base64::Engine as _;
    let rows: serde_json::Value = serde_json::from_slice(&bytes("photo_files.json")).expect("a valid file");
    let rows = rows.as_object().expect("files by name");
    let (mut wrong, mut damaged) = (Vec::new(), 0);
    for (name, row) in rows {
        let file = row["file"].as_str().expect("Base64");
        let file = base64::engine::general_purpose::STANDARD.decode(file).expect("Base64");
        let found = Photo::from_bytes(&file, Path::new(name));
        let refusal = REFUSED_BY_NAME.iter().find(|(known, _)| known == name).map(|(_, words)| *words);
        match (found, row["rgb"].as_str(), refusal) {
            (Err(err @ PhotoError::Unsupported { .. }), Some(_), Some(words)) if err.to_string().contains(words) => {}
            (Err(err), Some(_), _) => wrong.push(format!("{name}: {err}")),
            (Err(err), None, _) => assert!(err.to_string().ends_with(name.as_str()), "the file comes last: {err}"),
            (Ok(_), None, _) if is_read_without_pillow(name) => {}
            (Ok(_), None, _) if name == "420_lost.jpg" => {}
            (Ok(_), None, _) => wrong.push(format!("{name}: read, and Pillow refuses it")),
            (Ok(photo), Some(expected), _) => {
                let size = serde_json::json!([photo.width_px, photo.height_px]);
                if size != row["size"] || !hex(&photo.rgb).starts_with(expected) {
                    wrong.push(format!("{name}: {size} for {}, or other pixels", row["size"]));
                }
                damaged += usize::from(is_damaged(name) && !photo.warnings.is_empty());
                let is_clipped = photo.warnings.iter().any(|warning| warning.contains("of 16 bits"));
                let is_animated = photo.warnings.iter().any(|warning| warning.starts_with("Only the first frame"));
                assert!(!is_animated || name.starts_with("animated"), "{name} has one frame: {:?}", photo.warnings);
                if !is_damaged(name) && !is_clipped && !is_animated && !photo.warnings.is_empty() {
                    wrong.push(format!("{name}: {:?}", photo.warnings));
                }
                assert!(photo.warnings.iter().all(|warning| warning.ends_with(name.as_str())), "{:?}", photo.warnings);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    assert!(rows.len() > 900 && damaged > 60, "{} files, {damaged} of them damaged", rows.len());
}

/// Of the files that people have, Pillow's RGB: the first 16 digits of its SHA-256, and whether the photo says that
/// something is wrong.
const CASES: [(&str, &str, bool); 15] = [
    ("gif_inter_9x9_1.gif", "2e741208baf034b6", false),
    ("gif_partial.gif", "4aedbf4ee47c6b52", false),
    ("jpeg_exif6.jpg", "f68bcf7fdc25ed2c", false),
    ("jpeg_exif_long6.jpg", "f68bcf7fdc25ed2c", false),
    ("jpeg_lost_last_bytes_eoi.jpg", "c211f0d2db1eef76", true),
    ("jpeg_premature_eoi.jpg", "6f9a5a77e4e1dfb9", true),
    ("jpeg_restart_missing.jpg", "b5d1f381282ce8c9", true),
    ("png_exif_plain6.png", "0ce6419c0ae3d738", false),
    ("png_exif_prefix6.png", "0ce6419c0ae3d738", false),
    ("png_no_iend.png", "765b788beb4f1ed0", false),
    ("png_rawprofile6.png", "0ce6419c0ae3d738", false),
    ("tiff_palette.tif", "9263761e70532b63", false),
    ("tiff_ycbcr_jpeg.tif", "ba5e1d3916848b0d", false),
    ("webp_exif_plain6.webp", "0ce6419c0ae3d738", false),
    ("webp_exif_prefix6.webp", "0ce6419c0ae3d738", false),
];

#[test]
fn files_that_people_have_are_read_as_pillow_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/img");
    if !folder.is_dir() {
        println!("not run: no files at ../shared/cases/img");
        return;
    }
    for (name, expected, warns) in CASES {
        let photo = Photo::open(&folder.join(name)).unwrap_or_else(|err| panic!("{err}"));
        assert!(hex(&photo.rgb).starts_with(expected), "{name}: {} x {}", photo.width_px, photo.height_px);
        assert_eq!(!photo.warnings.is_empty(), warns, "{name}: {:?}", photo.warnings);
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
        if name == "not_there.png" {
            assert_eq!(message, format!("Cannot open {}: no such file", path.display()), "as people say it");
            continue;
        }
        assert!(message.starts_with("Expected ") || message.starts_with("Cannot read the "), "{message}");
        assert!(message.ends_with(&path.display().to_string()), "the path comes last: {message}");
        assert!(!message.contains('"'), "no words of a library: {message}");
        let is_cut = name.contains("truncated") || name == "broken_header.jpg";
        assert_eq!(is_cut, message.contains("the file is truncated"), "{message}");
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
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(&found.values), bits(&expected), "{name}, {kind}: bit for bit");
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
