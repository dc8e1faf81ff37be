//! Joining and searching.

use super::*;
use std::collections::HashSet;

const INSTANCES: &str = r#"{"images": [{"id": 1, "file_name": "val/b10.jpg", "width": 4, "height": 3}, {"id": 2, "file_name": "b9.jpg"},
        {"id": 3, "file_name": "000000000003.jpg"}, {"id": 4, "file_name": "A.jpg"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": 1024}, {"id": 2, "image_id": 1, "category_id": 1, "area": 9216.5},
        {"id": 3, "image_id": 2, "category_id": 1, "area": 1023}, {"id": 4, "image_id": 2, "category_id": 5, "area": 20000},
        {"id": 5, "image_id": 3, "category_id": 9, "area": 5000}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 5, "name": "cat"}, {"id": 9, "name": "hat"}]}"#;
const CAPTIONS: &str = r#"{"images": [{"id": 2, "file_name": "b9.jpg"}, {"id": 8, "file_name": "new.jpg"}], "annotations": [
    {"image_id": 1, "caption": "A DOG"}, {"image_id": 1, "caption": "by the sea"}, {"image_id": 2, "caption": "\u00c9clair and a cat"},
    {"image_id": 77, "caption": "nowhere"}]}"#;
const QUESTIONS: &str = r#"{"image": "b9.jpg", "text": "Is there a cat?", "label": "yes"}
{"image": "COCO_val2014_000000000003.jpg", "text": "Is there a hat?", "label": "yes"}
{"image": "b9.jpg", "text": "Is there a hat?", "label": "no"}
{"image": "gone.jpg", "text": "Is there a hat?", "label": "no"}"#;

fn dataset(photos: &[&str]) -> Dataset {
    let name = Path::new("x.json");
    Dataset::join(Sources {
        photos: photos.iter().map(|name| PhotoPlace::File(name.into())).collect(),
        instances: Some(Arc::new(Instances::from_bytes(INSTANCES.as_bytes(), name).expect("instances"))),
        captions: Some(Arc::new(Captions::from_bytes(CAPTIONS.as_bytes(), name).expect("captions"))),
        questions: Some(Arc::new(Questions::from_bytes(QUESTIONS.as_bytes(), name).expect("questions"))),
    })
}

fn keys(dataset: &Dataset, query: &Query) -> Vec<String> {
    keys_with(dataset, query, &Notes::in_memory(), &[])
}

fn keys_with(dataset: &Dataset, query: &Query, notes: &Notes, asked: &[&str]) -> Vec<String> {
    let asked: HashSet<String> = asked.iter().map(|key| (*key).to_owned()).collect();
    let found = dataset.find(query, notes, &asked);
    found.iter().map(|row| dataset.rows()[*row as usize].key.to_string()).collect()
}

#[test]
fn sources_are_joined_and_what_is_missing_is_told() {
    let dataset = dataset(&["p/b10.jpg", "p/COCO_train2014_000000000003.jpg", "q/b10.jpg", "p/other.png"]);
    let rows: Vec<&str> = dataset.rows().iter().map(|row| &*row.key).collect();
    assert_eq!(rows, ["b10.jpg", "b9.jpg", "000000000003.jpg", "A.jpg", "new.jpg", "other.png"], "in this order");
    let unmatched = dataset.unmatched();
    assert_eq!(unmatched.images_without_photo.listed, ["b9.jpg", "A.jpg", "new.jpg"], "no photo");
    assert_eq!(unmatched.photos_without_image.listed, ["other.png"], "no annotation");
    assert_eq!(unmatched.repeated_photos.listed, ["q/b10.jpg"], "a second photo");
    assert_eq!(unmatched.captions_without_image.listed, ["77"], "captions of nothing");
    assert_eq!(unmatched.questions_without_image.listed, ["gone.jpg"], "questions about nothing");
    assert_eq!(dataset.row_of_name("val/b10.jpg"), Some(0), "by the annotations' name");
    assert_eq!(dataset.row_of_photo(Path::new("/p/COCO_val2014_000000000003.jpg")), Some(2), "by number");
    assert_eq!((dataset.row_of_id(8), dataset.row_of_id(9)), (Some(4), None), "jump to a number");
    assert_eq!(dataset.questions_of(1).count(), 2, "questions of a photo");
    assert_eq!(dataset.captions_of(0).len(), 2, "captions of a photo");
    assert_eq!(dataset.rows()[0].size_px, Some([4, 3]), "the annotations' size");
    let dogs = dataset.category_counts().first().copied();
    assert_eq!(dogs, Some(CategoryCount { category_id: 1, images: 2, objects: 3 }), "counted");
}

#[test]
fn any_source_alone_makes_a_data_set() {
    let photos = Dataset::join(Sources {
        photos: vec![PhotoPlace::Bundled("demo_01_beach.png"), PhotoPlace::File("a/000000000012.jpg".into())],
        ..Sources::default()
    });
    assert_eq!(photos.rows().len(), 2, "photos");
    assert_eq!(photos.unmatched(), &Unmatched::default(), "nothing is missing where nothing was to be matched");
    assert_eq!(photos.row_of_id(12), Some(1), "a number from a name");
    let questions = Questions::from_bytes(QUESTIONS.as_bytes(), Path::new("q.jsonl")).expect("questions");
    let questions = Dataset::join(Sources { questions: Some(Arc::new(questions)), ..Sources::default() });
    let rows: Vec<&str> = questions.rows().iter().map(|row| &*row.key).collect();
    assert_eq!(rows, ["b9.jpg", "COCO_val2014_000000000003.jpg", "gone.jpg"], "photos that questions name");
    assert!(Dataset::join(Sources::default()).rows().is_empty(), "nothing");
}

#[test]
fn rows_are_filtered_by_what_they_show() {
    let dataset = dataset(&["b10.jpg"]);
    let query = Query::default;
    assert_eq!(keys(&dataset, &Query { any_of: vec![5, 9], ..query() }), ["b9.jpg", "000000000003.jpg"], "any");
    assert_eq!(keys(&dataset, &Query { all_of: vec![1, 5], ..query() }), ["b9.jpg"], "all");
    assert_eq!(
        keys(&dataset, &Query { none_of: vec![1], ..query() }),
        ["000000000003.jpg", "A.jpg", "new.jpg"],
        "none"
    );
    assert!(keys(&dataset, &Query { any_of: vec![77], ..query() }).is_empty(), "a category that does not exist");
    assert_eq!(keys(&dataset, &Query { objects: 2..=2, ..query() }), ["b10.jpg", "b9.jpg"], "number of objects");
    let sizes = |small, medium, large| SizeClasses { small, medium, large };
    assert_eq!(keys(&dataset, &Query { sizes: sizes(true, false, false), ..query() }), ["b10.jpg", "b9.jpg"], "small");
    let medium = Query { sizes: sizes(false, true, false), ..query() };
    assert_eq!(keys(&dataset, &medium), ["b10.jpg", "000000000003.jpg"], "32 x 32 is small and medium");
    let large_dog = Query { sizes: sizes(false, false, true), any_of: vec![1], ..query() };
    assert_eq!(keys(&dataset, &large_dog), ["b10.jpg"], "a large object of the chosen category");
    assert_eq!(keys(&dataset, &Query { has_photo: Some(true), ..query() }), ["b10.jpg"], "with a photo");
    assert_eq!(
        keys(&dataset, &Query { has_questions: Some(true), ..query() }),
        ["b9.jpg", "000000000003.jpg"],
        "with questions"
    );
}

#[test]
fn rows_are_filtered_by_what_is_said_about_them() {
    let dataset = dataset(&[]);
    for (text, found) in [("dog", "b10.jpg"), (" THE Sea ", "b10.jpg"), ("\u{e9}CLAIR", "b9.jpg")] {
        assert_eq!(keys(&dataset, &Query { caption: text.to_owned(), ..Query::default() }), [found], "{text}");
    }
    assert_eq!(
        keys(&dataset, &Query { name: "B".to_owned(), ..Query::default() }),
        ["b10.jpg", "b9.jpg"],
        "part of a name"
    );
    let asked = |wanted| Query { asked: Some(wanted), ..Query::default() };
    assert_eq!(keys_with(&dataset, &asked(true), &Notes::in_memory(), &["A.jpg"]), ["A.jpg"], "asked");
    assert_eq!(keys_with(&dataset, &asked(false), &Notes::in_memory(), &["A.jpg"]).len(), 4, "not asked");
    let mut notes = Notes::in_memory();
    notes.edit("b9.jpg", |notes| notes.star = true);
    notes.edit("b9.jpg", |notes| notes.tags.extend(["blurred".to_owned()]));
    notes.edit("A.jpg", |notes| notes.star = true);
    let tags = vec![Tag::Star, Tag::Own("blurred".to_owned())];
    assert_eq!(keys_with(&dataset, &Query { tags, ..Query::default() }, &notes, &[]), ["b9.jpg"], "each of the tags");
}

#[test]
fn rows_are_sorted_both_ways() {
    let dataset = dataset(&["other.png"]);
    let sorted = |sort, order| keys(&dataset, &Query { sort, order, ..Query::default() });
    let by_name = ["000000000003.jpg", "A.jpg", "b9.jpg", "b10.jpg", "new.jpg", "other.png"];
    assert_eq!(sorted(Sort::Name, Order::Ascending), by_name, "as people count");
    let by_id = ["b10.jpg", "b9.jpg", "000000000003.jpg", "A.jpg", "new.jpg", "other.png"];
    assert_eq!(sorted(Sort::ImageId, Order::Ascending), by_id, "by number");
    assert_eq!(sorted(Sort::ImageId, Order::Descending).last().map(String::as_str), Some("other.png"), "none: last");
    let by_area = ["b9.jpg", "b10.jpg", "000000000003.jpg"];
    assert_eq!(sorted(Sort::TotalArea, Order::Descending)[..3], by_area, "by area");
    assert_eq!(sorted(Sort::Objects, Order::Descending)[..3], by_id[..3], "equals stay");
    assert_eq!(sorted(Sort::Categories, Order::Descending)[..1], ["b9.jpg"], "different categories");
    assert_eq!(sorted(Sort::Given, Order::Descending)[0], "other.png", "backwards");
}

#[test]
fn objects_of_unknown_size_are_of_no_size_and_sorted_last() {
    let text = r#"{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "area": NaN}, {"id": 2, "image_id": 1, "category_id": 1, "area": 9},
            {"id": 3, "image_id": 2, "category_id": 1, "area": [5], "bbox": [0, 0, 40, 40]}, {"id": 4, "image_id": 3, "category_id": 1, "area": 7}],
        "categories": [{"id": 1, "name": "dog"}]}"#;
    let instances = Instances::from_bytes(text.as_bytes(), Path::new("x.json")).expect("instances");
    let dataset = Dataset::join(Sources { instances: Some(Arc::new(instances)), ..Sources::default() });
    for (order, expected) in
        [(Order::Ascending, ["image 3", "b.jpg", "a.jpg"]), (Order::Descending, ["b.jpg", "image 3", "a.jpg"])]
    {
        assert_eq!(keys(&dataset, &Query { sort: Sort::TotalArea, order, ..Query::default() }), expected, "{order:?}");
    }
    let sized = |small, medium| Query { sizes: SizeClasses { small, medium, large: false }, ..Query::default() };
    assert_eq!(keys(&dataset, &sized(true, false)), ["a.jpg", "image 3"], "small, by their own areas");
    assert_eq!(keys(&dataset, &sized(false, true)), ["b.jpg"], "medium, by the area of the box");
}
