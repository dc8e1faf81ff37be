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
    for segmentation in [
        r#"{"size": [3, 4], "counts": [0, 2, 7, 1, 2]}"#,
        r#"{"counts": "027OK", "size": [3, 4]}"#,
        r#"{"size": [3.0, "4"], "counts": [0, 2.0, "7", 1e0, 2]}"#,
        r#"{"counts": "027OK", "size": ["3", 4.0], "score": NaN}"#,
    ] {
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
    let quoted = mask_of(r#"[["1", "1.0", 3e0, 1, 3, 3, 1, 3]]"#).expect("a mask");
    assert_eq!(rows(&quoted), ["....", ".##.", ".##."], "however numbers are written");
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
        (r#"{"size": [3, 4], "counts": [12, NaN]}"#, "found `NaN"),
        (r#"{"size": [3, NaN], "counts": [12]}"#, "`size` as height and width"),
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
        (r#"{"id": 9, "category_id": 1}"#, "annotation 1: expected `image_id`, found a record without it"),
        (r#"{"id": 9, "image_id": 7}"#, "annotation 1: expected `category_id`, found a record without it"),
        (
            r#"{"id": 9, "image_id": 7, "segments_info": []}"#,
            "annotation 1: expected `category_id`, found `segments_info` in its place: a panoptic file",
        ),
        (
            r#"{"id": 9, "image_id": "a.jpg", "category_id": 1}"#,
            "annotation 1: expected `image_id` as a whole number from 0, or as COCO's name for a file, found \
                `\"a.jpg\"`",
        ),
        (
            r#"{"id": 9, "image_id": 7, "category_id": "dog"}"#,
            "annotation 1: expected `category_id` as a whole number from 0, found `\"dog\"`",
        ),
        (
            r#"{"id": 9, "image_id": 7.5, "category_id": 1}"#,
            "annotation 1: expected `image_id` as a whole number from 0",
        ),
        (r#"{"id": 9, "image_id": 7, "category_id": NaN}"#, "annotation 1: expected `category_id` as a whole number"),
        ("{\"id\": 9, \"x\": [1, 2}", "annotation 1: expected brackets that match"),
        ("{\"id\": 9 \"x\": 2}", "annotation 1: expected a comma or the end of the object, found `\"x\": 2}`"),
        ("17", "annotation 1: expected an object, found `17`"),
        (
            r#"{"id": 9, "image_id": 7, "category_id": 2}"#,
            "annotation 1: expected the number of a category of the file, found 2",
        ),
    ] {
        let instances = open(&file(IMAGE, &format!("{}, {bad}, {}", good(1), good(3)))).expect(bad);
        let ids: Vec<u64> = instances.annotations_of(0).iter().map(|one| one.id).collect();
        assert_eq!(ids, [1, 3], "the others load: {bad}");
        let problems: Vec<String> = instances.problems().listed().iter().map(ToString::to_string).collect();
        assert!(problems.first().is_some_and(|first| first.starts_with(reason)), "{bad}: {problems:?}");
        assert_eq!((instances.problems().total(), instances.problems().total_of(Cost::Record)), (1, 1), "{bad}");
    }
    let unclosed = open(&file(IMAGE, &format!("{}, {{\"id\": 9, \"x\": [[1}}, {}", good(1), good(3)))).expect("opens");
    assert_eq!(unclosed.annotations().len(), 2, "one record's brackets do not swallow the next");
    let last = open(&file(IMAGE, &format!("{}, {{\"id\": 9, [}}", good(1)))).expect("opens");
    assert_eq!((last.annotations().len(), last.problems().total()), (1, 1), "nor the end of the list");
    let bad_image = open(&file(&format!("{{\"id\": -1}}, {IMAGE}"), &good(1))).expect("opens");
    assert_eq!((bad_image.images().len(), bad_image.problems().total_of(Cost::Record)), (1, 1), "a bad image");
}

#[test]
fn what_a_number_does_not_need_costs_no_record() {
    for (more, cost) in [
        (r#""id": "x""#, Some(Cost::Nothing)),
        (r#""id": -1"#, Some(Cost::Nothing)),
        (r#""id": null"#, None),
        (r#""area": -1"#, Some(Cost::Area)),
        (r#""area": NaN, "bbox": [0, 0, 2, 3]"#, Some(Cost::Area)),
        (r#""area": [600.0], "bbox": [null, null, null, null]"#, Some(Cost::Area)),
        (r#""area": null, "bbox": null"#, None),
        (r#""bbox": [1]"#, None),
        (r#""iscrowd": 2"#, Some(Cost::Crowd)),
        (r#""iscrowd": "1.0""#, None),
        (r#""score": NaN, "x": [-Infinity, {"y": Infinity}], "z": 1e400"#, None),
        (r#""segmentation": "x""#, Some(Cost::Mask)),
    ] {
        let text = file(IMAGE, &format!(r#"{{"image_id": 7.0, "category_id": "1", {more}}}"#));
        let instances = open(&text).expect(more);
        assert_eq!(instances.annotations().len(), 1, "{more}: {:?}", instances.problems());
        let costs: Vec<Cost> = instances.problems().listed().iter().map(|problem| problem.cost).collect();
        assert_eq!(costs, Vec::from_iter(cost), "{more}");
    }
}

#[test]
fn an_area_that_cannot_be_used_is_that_of_the_box_or_unknown() {
    for (more, area) in [
        (r#""area": 5.5, "bbox": [0, 0, 2, 3]"#, Some(5.5)),
        (r#""area": "5.5""#, Some(5.5)),
        (r#""area": NaN, "bbox": [0, 0, 2, 3]"#, Some(6.0)),
        (r#""bbox": [0, 0, 2, 3.0]"#, Some(6.0)),
        (r#""area": [5.5], "bbox": [0, 0, -2, -3]"#, None),
        (r#""area": NaN, "bbox": [0, 0, NaN, 3]"#, None),
        (r#""area": 1e400"#, None),
        (r#""iscrowd": 0"#, None),
    ] {
        let instances = open(&file(IMAGE, &format!(r#"{{"image_id": 7, "category_id": 1, {more}}}"#))).expect(more);
        assert_eq!(instances.annotations().first().map(|one| one.area_px), Some(area), "{more}");
        assert_eq!(instances.num_without_area(), usize::from(area.is_none()), "{more}");
    }
}

/// The mask of dogs in image 7, where one whole dog stands beside what is given.
fn beside_a_dog(record: &str, crowds: Crowds) -> Result<u64, String> {
    let dog = r#"{"id": 1, "image_id": 7, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}"#;
    let instances = open(&file(IMAGE, &format!("{dog}, {record}")))?;
    instances.category_mask(7, 1, crowds).map(|mask| mask.area_px()).map_err(|err| err.to_string())
}

#[test]
fn a_mask_that_may_lack_an_object_is_refused() {
    let deep = format!(
        r#"{{"id": 2, "segmentation": {}{}, "image_id": 7, "category_id": 1}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    let open_brackets = format!(r#"{{"id": 2, "segmentation": {}, "image_id": 7, "category_id": 1}}"#, "[".repeat(9));
    for (record, said) in [
        (deep.as_str(), "Expected a polygon of at least three points as a list of numbers in annotation 2"),
        (r#"{"id": 2, "image_id": 7, "category_id": 1, "segmentation": []}"#, "found none: a.json"),
        (r#"{"id": 2, "image_id": 7, "category_id": 1}"#, "in annotation 2, found none: a.json"),
        (
            open_brackets.as_str(),
            "may lack an object, because of annotation 1 (counted from 0): expected brackets that match",
        ),
        (
            r#"{"id": 2, "image_id": 7, "category_id": 1, "x": [}"#,
            "because of annotation 1 (counted from 0): expected brackets that match",
        ),
        (r#"{"id": 2, "image_id": 7, "x": [}, "category_id": 1}"#, "because of annotation 1 (counted from 0): "),
        (
            r#"{"id": 2, "image_id": 7}"#,
            "because of annotation 1 (counted from 0): expected `category_id`, found a record without it",
        ),
        (
            r#"{"id": 2, "category_id": 1}"#,
            "because of annotation 1 (counted from 0): expected `image_id`, found a record without it",
        ),
        ("17", "because of annotation 1 (counted from 0): expected an object, found `17`: a.json"),
    ] {
        let refusal = beside_a_dog(record, Crowds::Included).expect_err(said);
        assert!(refusal.contains(said) && refusal.ends_with(": a.json"), "{said}: {refusal}");
    }
    // What names another image or category, or none, is no dog in this image.
    for record in [
        r#"{"id": 2, "image_id": 8, "x": [}"#,
        r#"{"id": 2, "image_id": 7, "category_id": 2, "x": [}"#,
        r#"{"id": 2, "image_id": 7, "category_id": "cat"}"#,
        r#"{"id": 2, "image_id": null, "category_id": 1}"#,
        r#"{"id": 2, "image_id": 7, "category_id": 5}"#,
    ] {
        assert_eq!(beside_a_dog(record, Crowds::Included), Ok(4), "{record}");
    }
    // A mask of nothing else rests on it.
    for record in [r#"{"image_id": 7, "category_id": "dog"}"#, r#"{"image_id": NaN, "category_id": 1}"#] {
        let elsewhere = r#"{"image_id": 8, "category_id": 1}"#;
        let two = format!(r#"{IMAGE}, {{"id": 8, "file_name": "b.jpg", "width": 4, "height": 3}}"#);
        let instances = open(&file(&two, &format!("{record}, {elsewhere}"))).expect("opens");
        let refusal = instances.category_mask(7, 1, Crowds::Included).expect_err(record).to_string();
        assert!(refusal.contains("because of annotation 0 (counted from 0): expected `"), "{refusal}");
    }
    let off_by_one = r#"{"image_id": 7, "category_id": 0}, {"image_id": 8, "category_id": 1}"#;
    let off_by_one = open(&file(IMAGE, off_by_one)).expect("opens");
    let refusal = off_by_one.category_mask(7, 1, Crowds::Included).expect_err("nothing is known").to_string();
    assert!(
        refusal.contains("annotation 0 (counted from 0): expected the number of a category of the file"),
        "{refusal}"
    );
    let maybe =
        r#"{"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 2, "segmentation": [[3, 0, 4, 0, 4, 1, 3, 1]]}"#;
    assert_eq!(beside_a_dog(maybe, Crowds::Included), Ok(5), "a crowd or not");
    let refusal = beside_a_dog(maybe, Crowds::LeftOut).expect_err("nobody knows");
    assert!(refusal.starts_with("Expected `iscrowd` as 0 or 1 in annotation 2"), "{refusal}");
}

#[test]
fn annotations_of_which_none_can_be_used_are_refused() {
    for (annotations, found) in [
        ("{\"image_id\": 7}", "The only annotation is not usable: annotation 0: expected `category_id`"),
        ("{\"image_id\": 7, \"category_id\": 5}", "expected the number of a category of the file, found 5: a.json"),
        (
            "{\"image_id\": 7, \"category_id\": 5}, {}",
            "None of 2 annotations is usable: annotation 1: expected `image_id`",
        ),
    ] {
        let refusal = open(&file(IMAGE, annotations)).expect_err(annotations);
        assert!(refusal.contains(found) && refusal.ends_with(": a.json"), "{refusal}");
    }
    assert!(open(&file(IMAGE, "")).is_ok(), "a file without annotations says so");
    let nameless = file(IMAGE, "{\"image_id\": 7, \"category_id\": 1}").replace("\"dog\"", "null");
    let refusal = open(&nameless).expect_err("no category");
    assert!(
        refusal.contains("found 1 (category 0: expected `name` as a string, found `null`)"),
        "the cause: {refusal}"
    );
}

#[test]
fn objects_of_images_that_are_not_listed_count_for_chair_alone() {
    let text = r#"{"annotations": [{"image_id": 9, "category_id": 1}, {"image_id": 7, "category_id": 1}, {"image_id": 5, "category_id": "x"}],
        "categories": [{"id": 1, "name": "dog"}]"#;
    let instances =
        open(&format!(r#"{text}, "images": [{IMAGE}, {{"id": 5, "file_name": "c.jpg"}}]}}"#)).expect("opens");
    assert_eq!((instances.annotations().len(), instances.num_unlisted()), (1, 1), "one of each");
    assert_eq!(instances.named_objects().collect::<Vec<_>>(), [(7, "dog"), (9, "dog")], "with their images");
    let known = [7, 9, 5, 3].map(|id| instances.says_what_is_in(id));
    assert_eq!(known, [true, true, false, true], "of image 5 every object was left out; of image 3 there is none");
    let alone = open(&format!("{text}}}")).expect("without the list");
    assert_eq!((alone.images().len(), alone.num_unlisted()), (0, 2), "objects without images");
    let refusal = alone.category_mask(9, 1, Crowds::Included).expect_err("no size").to_string();
    let expected = "Expected a list `images` with the size of image 9, found no such list: a.json";
    assert_eq!(refusal, expected, "no mask");
    for (images, found) in
        [(r#"{"7": {"id": 7}}"#, "an object"), ("null", "null"), ("\"a.zip\"", "a text"), ("7", "a number")]
    {
        let other = open(&format!(r#"{text}, "images": {images}}}"#)).expect("objects alone");
        let refusal = other.category_mask(7, 1, Crowds::Included).expect_err("no size").to_string();
        let expected = format!("Expected a list `images` with the size of image 7, found {found}: a.json");
        assert_eq!(refusal, expected, "no list: {images}");
    }
    let listed = open(&file(IMAGE, "")).expect("a list");
    let refusal = listed.category_mask(9, 1, Crowds::Included).expect_err("another image").to_string();
    assert_eq!(refusal, "Expected the id of an image of the file, found 9: a.json", "a list without it");
    let wrong = open(r#"{"annotations": {"1": {}}, "categories": []}"#).expect_err("no list of objects");
    assert!(wrong.contains("found an object as `annotations`"), "{wrong}");
}

#[test]
fn numbers_and_names_given_twice_are_used_as_pycocotools_does() {
    let dog = |id: u32, category: u32, x: u32| {
        format!(
            r#"{{"id": {id}, "image_id": 7, "category_id": {category}, "segmentation": [[{x}, 0, {0}, 0, {0}, 1, {x}, 1]]}}"#,
            x + 1
        )
    };
    let twice = open(&file(IMAGE, &format!("{}, {}", dog(1, 1, 0), dog(1, 1, 2)))).expect("opens");
    let mask = twice.category_mask(7, 1, Crowds::Included).expect("a mask");
    assert_eq!(rows(&mask), ["#.#.", "....", "...."], "both objects");
    let said = twice.problems().sentences(&Cost::ALL);
    let expected = "annotation 1: expected a number of its own, found 1 again: both objects are used";
    assert_eq!(said, [format!("1 record was used with an assumption: {expected} (counted from 0)")], "not left out");
    let later = IMAGE.replace("\"width\": 4", "\"width\": 5").replace("a.jpg", "b.jpg");
    let images = open(&file(&format!("{IMAGE}, {later}"), &dog(1, 1, 0))).expect("opens");
    assert_eq!(images.images().iter().map(|image| image.width_px).collect::<Vec<_>>(), [5], "the last one counts");
    let text = file(IMAGE, &format!("{}, {}", dog(1, 1, 0), dog(2, 4, 2)));
    let text = text.replace(
        r#"{"id": 1, "name": "dog"}"#,
        r#"{"id": 0, "name": "dog"}, {"id": 1, "name": "cat"}, {"id": 4, "name": "dog"}"#,
    );
    let text = text.replace(r#""category_id": 1"#, r#""category_id": 0"#);
    let named = open(&text).expect("opens");
    assert_eq!(named.categories().len(), 2, "one of each name: {:?}", named.problems());
    let dogs = named.category_named("dog").expect("there").id;
    assert_eq!(rows(&named.category_mask(7, dogs, Crowds::Included).expect("a mask"))[0], "#.#.", "of either number");
    assert_eq!(named.category(4), named.category(0), "both numbers lead there");
}

#[test]
fn names_of_photos_come_from_urls_where_there_is_no_other() {
    let names = |image: &str| {
        let instances = open(&file(image, "")).expect("opens");
        let names = instances.images().iter().map(|image| image.file_name.clone()).collect::<Vec<_>>();
        (names.join(", "), instances.problems().sentences(&Cost::ALL))
    };
    let lvis =
        r#"{"id": 1, "coco_url": "http://images.cocodataset.org/train2017/000000000001.jpg", "neg_category_ids": []}"#;
    assert_eq!(names(lvis), ("000000000001.jpg".to_owned(), vec![]), "LVIS");
    let null = r#"{"id": 1, "file_name": null, "coco_url": "http://host/a%20b.jpg?x=1"}"#;
    assert_eq!(names(null).0, "a b.jpg", "as browsers read it");
    assert_eq!(
        names(r#"{"id": 1, "coco_url": "http://host/b.jpg", "file_name": "a.jpg"}"#).0,
        "a.jpg",
        "the name is first"
    );
    let (name, said) = names(r#"{"id": 1, "file_name": []}"#);
    assert!(name.is_empty() && said[0].starts_with("1 image has no file name: image 0: "), "{said:?}");
    let (_, said) = names(r#"{"id": 1, "file_name": "a", "width": "wide", "height": 4.5}"#);
    assert!(said[0].starts_with("2 records give no mask: image 0: expected `width` as a whole number"), "{said:?}");
}

#[test]
fn a_malformed_file_is_one_sentence() {
    for (text, found) in [
        ("", "found an empty file: a.json"),
        ("<html>", "found `<html>` at byte 0 where one JSON object should be: a.json"),
        ("{", "found the end of the file at byte 1 where a member's name should be: a.json"),
        ("{}", "found no list `annotations`: a.json"),
        ("\0\0\0\0", "found NUL bytes at byte 0 where one JSON object should be: a.json"),
        (r#"{"images": [], "annotations": {}, "categories": []}"#, "found an object as `annotations`: a.json"),
        (r#"{"images": [], "annotations": []}"#, "found no list `categories`: a.json"),
        (
            r#"{"images": [], "annotations": [{"id": 1}, {"id""#,
            "the end of the file inside record 1 of `annotations`: a.json",
        ),
        (r#"{"images": [] "annotations": []}"#, "where a comma or the end of the object should be: a.json"),
        (r#"{"annotations": [], "images": [], "annotations": []}"#, "found the list `annotations` twice: a.json"),
        (
            r#"{"annotations": [], "categories": []}{}"#,
            "found `{}` at byte 37 where the end of the file should be: a.json",
        ),
    ] {
        let refusal = open(text).expect_err(text);
        assert!(refusal.starts_with("Expected a COCO instances file") && refusal.ends_with(found), "{text}: {refusal}");
    }
    let broken = vec!["{\"id\": [}"; 300].join(", ");
    let refusal = open(&file(IMAGE, &broken)).expect_err("too many");
    assert!(refusal.contains("more than 200 broken records"), "{refusal}");
    let utf16: Vec<u8> = file(IMAGE, "").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, found) in [
        ([&b"\xff\xfe"[..], &utf16].concat(), "found UTF-16 text: save it as UTF-8: a.json"),
        (utf16, "found UTF-16 text: save it as UTF-8: a.json"),
        (b"\x1f\x8b\x08\0\0".to_vec(), "found a gzip file: unpack it first: a.json"),
    ] {
        let refusal = Instances::from_bytes(bytes, Path::new("a.json")).expect_err(found).to_string();
        assert!(refusal.ends_with(found), "{refusal}");
    }
}

#[test]
fn what_lies_around_the_object_costs_nothing() {
    let dog = r#"{"id": 1, "image_id": 7, "category_id": 1, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]}"#;
    let text = file(IMAGE, dog);
    for text in [
        format!("\u{feff}{text}"),
        format!("{text}\0\0\0\0"),
        format!("{text}\r\n\0 \0\n"),
        text.replace(' ', "\r\n"),
        text.replace("[{", "[\n\n{"),
    ] {
        let instances = open(&text).expect(&text);
        assert!(instances.problems().is_empty(), "{:?}", instances.problems());
        assert_eq!(instances.category_mask(7, 1, Crowds::Included).map(|mask| mask.area_px()), Ok(4), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success(), "a pipe");
    let nowhere = folder.path().join("nowhere.json");
    for (path, why) in [
        (folder.path(), "it is a folder"),
        (pipe.as_path(), "a device, pipe or socket"),
        (Path::new("/dev/zero"), "a device, pipe or socket"),
        (nowhere.as_path(), "no such file"),
    ] {
        let cancel = AtomicBool::new(false);
        let expected = format!("Cannot open {}: {why}", path.display());
        let instances = Instances::open(path, &mut |_| {}, &cancel).expect_err("no file").to_string();
        let captions = Captions::open(path, &mut |_| {}, &cancel).expect_err("no file").to_string();
        let kind = sniff(path).expect_err("no file").to_string();
        assert_eq!([instances, captions, kind], [expected.clone(), expected.clone(), expected], "{why}");
    }
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
    assert_eq!(
        (one.id, one.area_px, one.bbox_px, one.shape),
        (5, Some(12.5), Some([1.0, 2.0, 3.0, 4.5]), Shape::Missing),
        "read"
    );
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
    let instances = Captions::from_bytes(file(IMAGE, "{\"image_id\": 1}").as_bytes(), Path::new("a.json"));
    let refusal = instances.expect_err("another kind").to_string();
    let expected = "The only caption is not usable: caption 0: expected `caption`, found a record without it: a.json";
    assert_eq!(refusal, expected, "another kind");
}

#[test]
fn captions_are_read_in_every_form() {
    let one = r#"{"image_id": 42.0, "id": NaN, "caption": "a \ud83d dog", "image": null}"#;
    let two = r#"{"caption": "b", "image_id": "COCO_val2014_000000000007.jpg", "area": -Infinity}"#;
    for text in [
        format!(
            r#"{{"annotations": [{one}, {two}], "info": NaN, "images": [{{"id": 7, "width": NaN, "file_name": "a"}}]}}"#
        ),
        format!("[{one}, {two}]"),
        format!("{one}\r\n{two}\r\n\0\0"),
    ] {
        let captions = Captions::from_bytes(text.as_bytes(), Path::new("c.json")).expect(&text);
        assert!(captions.problems().is_empty(), "{text}: {:?}", captions.problems());
        let all: Vec<_> = captions.captions().iter().map(|one| (one.image_id, one.id, one.text.as_str())).collect();
        assert_eq!(all, [(7, 0, "b"), (42, 0, "a \u{fffd} dog")], "{text}");
    }
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
    let lmms = r#"{"question_id": "1", "question": "b", "answer": "yes", "image_source": "a", "score": NaN}"#;
    for text in [format!("[{lmms}]"), format!("[\n{lmms},\n{lmms}\n]"), format!("{lmms}\n{lmms}\n")] {
        assert_eq!(kind(&text), Ok(FileKind::Questions), "{text}");
    }
    assert_eq!(
        kind(r#"{"info": NaN, "annotations": [{"x": [[[}, {"category_id": 1}]}"#),
        Ok(FileKind::Instances),
        "damaged"
    );
    let caption = r#"{"image_id": 1, "caption": "a dog"}"#;
    for (text, found) in [
        ("", "found an empty file"),
        ("{\"a\": 1}", "found an object without a list `annotations`"),
        ("{\"annotations\": [{\"x\": 1}]}", "found annotations such as `{\"x\": 1}`"),
        ("{\"annotations\": []}", "found an empty list `annotations`"),
        ("[1]", "found records such as `1`"),
        ("[]", "found an empty array"),
        ("name,label\na.jpg,dog\n", "found records such as `name,label"),
        (&format!("[{caption}]"), "found captions without a list `annotations`, as models write them"),
        (&format!("{caption}\n{caption}"), "found captions without a list `annotations`, as models write them"),
        ("\u{1f}\u{8b}", "found records such as"),
    ] {
        let refusal = kind(text).expect_err(text);
        assert!(refusal.contains(found) && refusal.ends_with("f.json"), "{text}: {refusal}");
    }
}
