//! Files of several regions, and files from before there were any.

use super::*;
use crate::geometry::{ImageLayout, RectPx, Region, RegionKind};
use std::path::Path;

/// The sample with its four image tokens in two regions over each other and one that covers nothing.
fn in_regions() -> (Trace, Extras) {
    let (mut trace, extras) = sample(RowPrecision::F32);
    let image = trace.run.view.image;
    let (w, h) = (f64::from(image.width_px), f64::from(image.height_px));
    let region = |kind, first_token, cols, row_stride, rect_px| Region {
        kind,
        first_token,
        grid: PatchGrid { rows: 1, cols },
        row_stride,
        rect_px,
        encoder: 0,
    };
    let third = RectPx { x0: -1.0 / 3.0, y0: 0.0, x1: w + 1.0 / 3.0, y1: h };
    let regions = vec![
        region(RegionKind::Photo, 2, 1, 2, Some(third)),
        region(RegionKind::Tile, 0, 1, 1, Some(RectPx { x0: 0.0, y0: 0.0, x1: w / 3.0, y1: h })),
        region(RegionKind::Queries, 3, 1, 1, None),
    ];
    trace.layout = Arc::new(ImageLayout::new(image, 4, regions).expect("a layout"));
    let vision = Arc::make_mut(trace.vision.as_mut().expect("made with it"));
    vision.num_patches = 2;
    vision.cls_attention.truncate(4);
    vision.patch_norms.truncate(4);
    vision.cls_unsplit.truncate(4);
    (trace, extras)
}

#[test]
fn regions_come_back_to_the_last_digit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let (trace, extras) = in_regions();
    write_trace(&path, &trace, &extras).expect("written");
    let read = TraceFile::read(&path).expect("read");
    assert_same(&trace, &read.trace);
    let bytes = std::fs::read(&path).expect("there");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    assert!(tensors.tensor("image_grid").is_err(), "only where there is one region");
    let regions = tensors.tensor("image_regions").expect("version 2");
    let numbers: Vec<i64> = regions.data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
    assert_eq!(regions.shape(), [3, 4], "one row a region");
    assert_eq!(numbers, [4, 1, 1, 2, 2, 1, 1, 1, 5, 1, 1, 1], "first position in the prompt, rows, columns, stride");
    let rects = tensors.tensor("image_region_rects").expect("version 2");
    let edges: Vec<f32> = rects.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert!((edges[0] + 1.0 / 3.0).abs() < 1e-6 && edges[8..].iter().all(|edge| edge.is_nan()), "{edges:?}");
}

#[test]
fn a_file_of_the_first_version_is_one_region() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("t.safetensors");
    let first = changed(false, true, |header, body| {
        for tensor in ["image_regions", "image_region_rects"] {
            reshape(header, body, tensor, &[0, 4]);
            header.as_object_mut().expect("an object").remove(tensor);
        }
        header["__metadata__"]["version"] = "1".into();
        let notes = header["__metadata__"]["notes"].as_str().expect("a string").to_owned();
        let mut notes: serde_json::Value = serde_json::from_str(&notes).expect("JSON");
        notes.as_object_mut().expect("an object").remove("image_regions");
        header["__metadata__"]["notes"] = notes.to_string().into();
    });
    std::fs::write(&path, &first).expect("a writable folder");
    let read = TraceFile::read(&path).expect("still read");
    assert_same(&sample(RowPrecision::F32).0, &read.trace);
}

#[test]
fn regions_of_a_stranger_are_checked() {
    type Change = fn(&mut serde_json::Value, &mut Vec<u8>);
    fn number(header: &serde_json::Value, body: &mut [u8], tensor: &str, idx: usize, bytes: &[u8]) {
        let start = usize::try_from(header[tensor]["data_offsets"][0].as_u64().expect("a place")).expect("small");
        let at = start + idx * bytes.len();
        body[at..at + bytes.len()].copy_from_slice(bytes);
    }
    let changes: [(Change, &str); 8] = [
        (|h, b| number(h, b, "image_regions", 0, &1_i64.to_le_bytes()), "a region from position 2 on"),
        (|h, b| number(h, b, "image_regions", 0, &4_i64.to_le_bytes()), "within 4 image tokens"),
        (|h, b| number(h, b, "image_regions", 1, &i64::MAX.to_le_bytes()), "a grid of 1 to"),
        (|h, b| number(h, b, "image_regions", 3, &1_i64.to_le_bytes()), "rows do not overlap"),
        (|h, b| number(h, b, "image_regions", 3, &i64::MAX.to_le_bytes()), "within 4 image tokens"),
        (|h, b| number(h, b, "image_region_rects", 0, &f32::INFINITY.to_le_bytes()), "a rectangle with an area"),
        (|h, b| number(h, b, "image_region_rects", 0, &0.5_f32.to_le_bytes()), "in the notes"),
        (|h, b| reshape(h, b, "image_regions", &[0, 4]), "image_regions"),
    ];
    for (change, words) in changes {
        let why = refusal(&changed(false, true, change));
        assert!(why.contains(words), "{words}: {why}");
    }
}

/// A file that version 0.1 of the program wrote with `version=1`, of the golden checkpoint `llama3_rope`.
#[test]
fn a_file_that_an_earlier_version_wrote_is_read_as_it_was() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/traces/version_1.safetensors");
    let first = TraceFile::read(&path).expect("an earlier version's file");
    let sole = first.trace.layout.sole().expect("one region");
    assert_eq!((sole.grid, sole.rect_px), (first.trace.run.view.grid, first.trace.run.view.rect_px), "the run's view");
    assert_eq!(first.trace.layout.num_tokens(), first.trace.image_token_span.len, "every image token");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let again = folder.path().join("t.safetensors");
    write_trace(&again, &first.trace, &first.extras).expect("written as version 2");
    let second = TraceFile::read(&again).expect("read");
    assert_same(&first.trace, &second.trace);
    assert_eq!(first.extras, second.extras, "what was kept besides comes back");
    let [old, new] = [&path, &again].map(|path| std::fs::read(path).expect("there"));
    let [old, new] = [&old, &new].map(|bytes| safetensors::SafeTensors::deserialize(bytes).expect("safetensors"));
    for name in old.names() {
        let [a, b] = [&old, &new].map(|file| file.tensor(name).expect("every tensor of the first"));
        assert_eq!((a.dtype(), a.shape(), a.data()), (b.dtype(), b.shape(), b.data()), "{name} to the bit");
    }
}
