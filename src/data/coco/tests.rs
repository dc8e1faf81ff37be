//! Small files by hand.

use super::*;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn open(text: &str) -> Result<Instances, String> {
    Instances::from_bytes(text.as_bytes().to_vec(), Path::new("a.json")).map_err(|err| err.to_string())
}

/// A file with these records.
fn file(images: &str, annotations: &str) -> String {
    format!(r#"{{"images": [{images}], "annotations": [{annotations}], "categories": [{{"id": 1, "name": "dog"}}]}}"#)
}

const IMAGE: &str = r#"{"id": 7, "file_name": "a.jpg", "width": 4, "height": 3}"#;

fn rows(mask: &Mask) -> Vec<String> {
    let row = |row: &[bool]| row.iter().map(|inside| if *inside { '#' } else { '.' }).collect();
    mask.pixels().chunks_exact(mask.width_px() as usize).map(row).collect()
}

/// The mask of an annotation with this segmentation in an image of 4 x 3 pixels.
fn mask_of(segmentation: &str) -> Result<Mask, String> {
    let annotation = format!(r#"{{"id": 1, "image_id": 7, "category_id": 1, "segmentation": {segmentation}}}"#);
    let instances = open(&file(IMAGE, &annotation))?;
    if let Some(problem) = instances.problems().listed().first() {
        return Err(problem.to_string());
    }
    let annotation = instances.annotations().first().expect("one annotation");
    instances.mask(annotation).map_err(|err| err.to_string())
}

#[test]
fn run_lengths_go_down_the_columns() {
    let expected = ["#..#", "#...", "...."];
    for segmentation in [r#"{"size": [3, 4], "counts": [0, 2, 7, 1, 2]}"#, r#"{"counts": "027OK", "size": [3, 4]}"#] {
        let mask = mask_of(segmentation).expect("a mask");
        assert_eq!(rows(&mask), expected, "{segmentation}");
        assert_eq!(mask.area_px(), 3, "{segmentation}");
    }
}

#[test]
fn a_square_polygon_covers_its_pixels() {
    let mask = mask_of("[[1, 1, 3, 1, 3, 3, 1, 3]]").expect("a mask");
    assert_eq!(rows(&mask), ["....", ".##.", ".##."], "pixel corners are whole numbers");
    assert!(mask.contains(1, 1) && !mask.contains(0, 0) && !mask.contains(4, 0) && !mask.contains(0, 9), "by pixel");
    let parts = mask_of("[[0,0,1,0,1,1,0,1], [3,2,4,2,4,3,3,3]]").expect("a mask");
    assert_eq!(rows(&parts), ["#...", "....", "...#"], "parts are united");
}

#[test]
fn runs_that_do_not_fill_the_image_are_refused() {
    for (segmentation, found) in [
        (r#"{"size": [3, 4], "counts": [0, 2]}"#, "found a sum of 2 for 4 x 3 pixels"),
        (r#"{"size": [3, 4], "counts": [0, 13]}"#, "found a sum of 13"),
        (r#"{"size": [4, 3], "counts": [12]}"#, "found 3 x 4"),
        (r#"{"size": [3, 4], "counts": [5, -5, 12]}"#, "found `-5`"),
        (r#"{"size": [3, 4], "counts": [4294967296]}"#, "found `4294967296`"),
        (r#"{"size": [3, 4], "counts": [1.5, 10.5]}"#, "found `1.5`"),
        (r#"{"size": [3, 4], "counts": "ooooooo0"}"#, "found a count above 2^32 at character 7"),
        (r#"{"size": [3, 4], "counts": "N"}"#, "found a count below 0 or above 2^32 at character 0"),
        (r#"{"size": [3, 4], "counts": "o"}"#, "found the end inside a count"),
        (r#"{"size": [3, 4], "counts": "\u0007"}"#, "found another character at character 0"),
        (r#"{"size": [65535, 65536], "counts": [4294901760]}"#, "found 65536 x 65535"),
        (r#"{"size": [3], "counts": [12]}"#, "`size` as height and width"),
        (r#"{"size": [3, 4]}"#, "found none"),
    ] {
        let refusal = mask_of(segmentation).expect_err(segmentation);
        assert!(refusal.contains(found), "{segmentation}: {refusal}");
    }
}

#[test]
fn hostile_polygons_are_refused() {
    for (segmentation, found) in [
        ("[[1e30, 0, 3, 0, 3, 3]]", "found 1000000000000000000000000000000, 0"),
        ("[[0, 0, 3e8, 0, 3e8, 3e8, 0, 3e8]]", "a boundary of at most 13 million pixels"),
        ("[[NaN, 0, 3, 0, 3, 3]]", "found `NaN"),
        ("[[1e999, 0, 3, 0, 3, 3]]", "found `1e999`"),
        ("[[0, 0, 3, 3]]", "a polygon of at least three points"),
        ("[[]]", "a polygon of at least three points"),
        ("[1, 2, 3, 4, 5, 6]", "a polygon of at least three points"),
        ("\"x\"", "found `\"x\"`"),
        ("[]", "found none"),
        ("null", "found none"),
    ] {
        let refusal = mask_of(segmentation).expect_err(segmentation);
        assert!(refusal.contains(found), "{segmentation}: {refusal}");
    }
}

#[test]
fn an_image_beyond_reason_has_no_mask() {
    for image in [
        r#"{"id": 7, "file_name": "a", "width": 40000, "height": 40000}"#,
        r#"{"id": 7, "file_name": "a", "width": 4294967295, "height": 4294967295}"#,
        r#"{"id": 7, "file_name": "a"}"#,
    ] {
        let annotation = r#"{"id": 1, "image_id": 7, "category_id": 1, "segmentation": [[0, 0, 3, 0, 3, 3]]}"#;
        let instances = open(&file(image, annotation)).expect("opens");
        let refusal = instances.category_mask(7, 1, Crowds::Included).expect_err("no mask").to_string();
        assert!(refusal.contains("Expected an image of 1 to 178956970 pixels"), "{refusal}");
    }
}

#[test]
fn a_malformed_record_is_told_by_its_index_and_the_rest_loads() {
    let good = |id: u32| format!(r#"{{"id": {id}, "image_id": 7, "category_id": 1, "area": 5, "bbox": [0, 0, 2, 2]}}"#);
    for (bad, reason) in [
        (
            r#"{"id": "x", "image_id": 7, "category_id": 1}"#,
            "annotation 1: expected `id` as a whole number, found `\"x\"`",
        ),
        (r#"{"image_id": 7, "category_id": 1}"#, "annotation 1: expected `id`, found a record without it"),
        ("{\"id\": 9, \"x\": [1, 2}", "annotation 1: expected brackets that match"),
        ("{\"id\": 9 \"x\": 2}", "annotation 1: expected a comma or the end of the object, found `\"x\": 2}`"),
        ("17", "annotation 1: expected an object, found `17`"),
        (
            r#"{"id": 9, "image_id": 8, "category_id": 1}"#,
            "annotation 1: expected the number of an image of the file, found 8",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 2}"#,
            "annotation 1: expected the number of a category of the file, found 2",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 1, "area": -1}"#,
            "annotation 1: expected `area` as a number from 0",
        ),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "bbox": [1]}"#, "annotation 1: expected `bbox` as four numbers"),
        (r#"{"id": 9, "image_id": 7, "category_id": 1, "iscrowd": 2}"#, "annotation 1: expected `iscrowd` as 0 or 1"),
    ] {
        let instances = open(&file(IMAGE, &format!("{}, {bad}, {}", good(1), good(3)))).expect(bad);
        let ids: Vec<u64> = instances.annotations_of(0).iter().map(|one| one.id).collect();
        assert_eq!(ids, [1, 3], "the others load: {bad}");
        let problems: Vec<String> = instances.problems().listed().iter().map(ToString::to_string).collect();
        assert!(problems.first().is_some_and(|first| first.starts_with(reason)), "{bad}: {problems:?}");
        assert_eq!(instances.problems().total(), 1, "{bad}: {problems:?}");
    }
    let unclosed = open(&file(IMAGE, &format!("{}, {{\"id\": 9, \"x\": [[1}}, {}", good(1), good(3)))).expect("opens");
    assert_eq!(unclosed.annotations().len(), 2, "one record's brackets do not swallow the next");
    let last = open(&file(IMAGE, &format!("{}, {{\"id\": 9, [}}", good(1)))).expect("opens");
    assert_eq!((last.annotations().len(), last.problems().total()), (1, 1), "nor the end of the list");
    let bad_image = open(&file(&format!("{{\"id\": -1}}, {IMAGE}, {IMAGE}"), &good(1))).expect("opens");
    assert_eq!(
        (bad_image.images().len(), bad_image.problems().total()),
        (1, 2),
        "a bad one and a second one of that number"
    );
    let twice = open(&file(IMAGE, &format!("{}, {}", good(1), good(1)))).expect("opens");
    assert_eq!((twice.annotations().len(), twice.problems().total()), (2, 1), "both are kept, as pycocotools does");
}

#[test]
fn a_malformed_file_is_one_sentence() {
    for (text, found) in [
        ("", "found an empty file: a.json"),
        ("<html>", "found `<html>` at byte 0 where one JSON object should be: a.json"),
        ("{", "found the end of the file at byte 1 where a member's name should be: a.json"),
        ("{}", "found no list `images`: a.json"),
        (r#"{"images": {}, "annotations": [], "categories": []}"#, "found no list `images`: a.json"),
        (
            r#"{"images": [], "annotations": [{"id": 1}, {"id""#,
            "the end of the file inside record 1 of `annotations`: a.json",
        ),
        (r#"{"images": [] "annotations": []}"#, "where a comma or the end of the object should be: a.json"),
    ] {
        let refusal = open(text).expect_err(text);
        assert!(refusal.starts_with("Expected a COCO instances file") && refusal.ends_with(found), "{text}: {refusal}");
    }
    let broken = vec!["{\"id\": [}"; 300].join(", ");
    let refusal = open(&file(IMAGE, &broken)).expect_err("too many");
    assert!(refusal.contains("more than 200 broken records"), "{refusal}");
}

#[test]
fn members_come_in_any_order_with_escapes_and_unknown_ones() {
    let text = "\u{feff}{\"categories\":[{\"name\":\"caf\\u00e9\",\"id\":1,\"keypoints\":[\"a\",\"]\"]}],\"annotations\":[{\"image_id\":7,
        \"note\":\"} ] , {\\\"\",\"\\u0069d\":5,\"category_id\":1,\"area\":12.5,\"bbox\":[1,2,3,4.5]}],\"licenses\":[[{}]],
        \"images\":[{\"id\":7,\"file_name\":\"a.jpg\"}]} ";
    let instances = open(text).expect("opens");
    assert!(instances.problems().is_empty(), "{:?}", instances.problems());
    assert_eq!(instances.category_named("caf\u{e9}").map(|category| category.id), Some(1), "escapes are resolved");
    let one = instances.annotations().first().expect("one annotation");
    assert_eq!((one.id, one.area_px, one.bbox_px, one.shape), (5, 12.5, [1.0, 2.0, 3.0, 4.5], Shape::Missing), "read");
}

#[test]
fn records_longer_than_a_window_are_read_whole() {
    let long = "1, 1, 3, 1, 3, 3, ".repeat(150_000) + "1, 3";
    let annotation =
        |id: u32| format!(r#"{{"id": {id}, "image_id": 7, "category_id": 1, "segmentation": [[{long}]]}}"#);
    let text = file(IMAGE, &format!("{}, {}", annotation(1), annotation(2)));
    let mut told = Vec::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.json");
    std::fs::write(&path, &text).expect("can be written");
    let instances =
        Instances::open(&path, &mut |progress| told.push(progress), &AtomicBool::new(false)).expect("opens");
    assert!(instances.problems().is_empty() && instances.annotations().len() == 2, "{:?}", instances.problems());
    for one in instances.annotations() {
        let mask = instances.mask(one).expect("a mask");
        assert_eq!((mask.width_px(), mask.height_px()), (4, 3), "of the image's size");
    }
    assert!(told.len() > 5, "told about every megabyte");
    assert!(told.windows(2).all(|pair| pair[0].done_bytes <= pair[1].done_bytes), "forwards");
    assert_eq!(told.last().map(|last| last.done_bytes), Some(text.len() as u64), "to the end");
    let cancel = AtomicBool::new(false);
    let stopped = Instances::open(&path, &mut |_| cancel.store(true, Ordering::Relaxed), &cancel);
    assert!(matches!(stopped, Err(CocoError::Cancelled { .. })), "stopped within a megabyte");
    std::fs::write(&path, text.replace("\"id\": 1,", "\"id\": 3,")).expect("can be written");
    let moved = instances.mask(instances.annotations().first().expect("one")).expect_err("another record").to_string();
    assert!(moved.contains("the file has changed"), "{moved}");
}

#[test]
fn masks_unite_and_have_outlines() {
    let from = |text: &str| {
        let inside = text.bytes().filter(|byte| *byte != b' ').map(|byte| byte == b'#').collect();
        Mask::from_pixels(4, 4, inside).expect("16 pixels")
    };
    let mut mask = from("#### #### ##.. ....");
    assert_eq!(rows(&mask.outline()), ["####", "#.##", "##..", "...."], "pixels inside that touch the outside");
    assert!(mask.unite(&from(".... .... ..## ..##")), "of one size");
    assert_eq!(mask.area_px(), 14, "pixels of either");
    assert!(!mask.unite(&Mask::empty(4, 3).expect("small")), "another size changes nothing");
    let bright: usize = mask.to_grey().iter().map(|grey| usize::from(*grey)).sum();
    assert_eq!(bright, 14 * 255, "255 inside, 0 outside");
    assert!(Mask::empty(0, 4).is_none() && Mask::empty(u32::MAX, u32::MAX).is_none(), "no mask of such a size");
}

#[test]
fn captions_are_found_by_image() {
    let text =
        br#"{"annotations": [{"image_id": 9, "id": 2, "caption": "b"}, {"image_id": 7, "id": 1, "caption": "a \u00e9"},
        {"image_id": 9, "caption": "c"}, {"image_id": 9}]}"#;
    let captions = Captions::from_bytes(text, Path::new("c.json")).expect("opens");
    let of = |id| captions.of(id).iter().map(|caption| caption.text.as_str()).collect::<Vec<_>>();
    assert_eq!((of(9), of(7), of(8)), (vec!["b", "c"], vec!["a \u{e9}"], vec![]), "in the file's order");
    let problem = captions.problems().listed().first().map(ToString::to_string);
    assert_eq!(problem.as_deref(), Some("caption 3: expected `caption`, found a record without it"), "told");
    let instances = Captions::from_bytes(file(IMAGE, "{\"id\": 1}").as_bytes(), Path::new("a.json"));
    assert!(instances.is_err_and(|err| err.to_string().contains("found no record with an `image_id`")), "another kind");
}

#[test]
fn files_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let kind = |text: &str| {
        let path = folder.path().join("f.json");
        std::fs::write(&path, text).expect("can be written");
        sniff(&path).map_err(|err| err.to_string())
    };
    assert_eq!(kind(&file(IMAGE, r#"{"id": 1, "image_id": 7, "category_id": 1}"#)), Ok(FileKind::Instances), "objects");
    assert_eq!(kind(r#"{"annotations": [{"image_id": 7, "caption": "a"}]}"#), Ok(FileKind::Captions), "descriptions");
    let question = "\r\n{\"question_id\": 1, \"image\": \"a\", \"text\": \"b\", \"label\": \"yes\"}\r\n";
    assert_eq!(kind(question), Ok(FileKind::Questions), "questions");
    for (text, found) in [
        ("", "found an empty file"),
        ("{\"a\": 1}", "found an object without a list `annotations`"),
        ("{\"annotations\": [{\"x\": 1}]}", "found annotations such as `{\"x\": 1}`"),
        ("{\"annotations\": []}", "found an empty list `annotations`"),
        ("[1]", "found `[1]` at byte 0"),
    ] {
        let refusal = kind(text).expect_err(text);
        assert!(refusal.contains(found) && refusal.ends_with("f.json"), "{text}: {refusal}");
    }
}
