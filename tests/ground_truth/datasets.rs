//! The real subset as a person would open it.

use crate::shared;
use gazelens::data::coco::{Captions, FileKind, Instances, sniff};
use gazelens::data::dataset::{Dataset, Notes, Order, PhotoPlace, Query, Sort, Sources};
use gazelens::data::library::list_folder;
use gazelens::data::pope::{Label, Questions};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

fn photos(folder: &Path) -> Vec<PhotoPlace> {
    let listing = list_folder(folder, &AtomicBool::new(false), |_| {}).expect("a readable folder");
    listing.images.into_iter().map(PhotoPlace::File).collect()
}

#[test]
fn the_real_subset_joins_photos_annotations_captions_and_questions() {
    let (Some(coco), Some(pope)) = (shared("coco"), shared("pope/coco_pope_popular.json")) else { return };
    let cancel = AtomicBool::new(false);
    let [instances, captions] = ["instances.json", "captions.json"].map(|name| coco.join(name));
    assert_eq!(sniff(&instances).ok(), Some(FileKind::Instances), "objects");
    assert_eq!(sniff(&captions).ok(), Some(FileKind::Captions), "descriptions");
    assert_eq!(sniff(&pope).ok(), Some(FileKind::Questions), "questions");
    let questions = Questions::open(&pope, &mut |_| {}, &cancel).expect("questions");
    assert_eq!((questions.questions().len(), questions.problems().total()), (3000, 0), "as published");
    let yes = questions.questions().iter().filter(|question| question.label == Label::Yes).count();
    assert_eq!(yes, 1500, "half of them");
    let dataset = Dataset::join(Sources {
        photos: photos(&coco.join("images")),
        instances: Some(Arc::new(Instances::open(&instances, &mut |_| {}, &cancel).expect("instances"))),
        captions: Some(Arc::new(Captions::open(&captions, &mut |_| {}, &cancel).expect("captions"))),
        questions: Some(Arc::new(questions)),
    });
    assert_eq!(dataset.rows().len(), 128, "one row a photo");
    let unmatched = dataset.unmatched();
    assert_eq!(unmatched.images_without_photo.total + unmatched.photos_without_image.total, 0, "{unmatched:?}");
    assert_eq!(unmatched.captions_without_image.total, 0, "{unmatched:?}");
    let asked_about = (0..dataset.rows().len()).filter(|row| dataset.questions_of(*row).count() == 6).count();
    assert_eq!(
        asked_about + unmatched.questions_without_image.total,
        500,
        "POPE names 500 photos by their val2014 names"
    );
    assert!(asked_about > 0, "some photos of the subset are among them");
    let row = dataset.row_of_id(139).expect("the first photo");
    assert_eq!(dataset.row_of_name("COCO_val2014_000000000139.jpg"), Some(row), "by the other naming");
    assert_eq!((dataset.annotations_of(row).len(), dataset.captions_of(row).len()), (20, 5), "as the index says");

    let find = |query: Query| dataset.find(&query, &Notes::in_memory(), &HashSet::new());
    let without = find(Query { objects: 0..=0, ..Query::default() });
    assert_eq!(without.len(), 2, "two photos have no annotation");
    let counted = dataset.category_counts().iter().map(|count| count.objects).sum::<u32>();
    assert_eq!(counted, 1141, "every object is counted");
    for count in dataset.category_counts() {
        let found = find(Query { any_of: vec![count.category_id], ..Query::default() });
        assert_eq!(found.len(), count.images as usize, "category {}", count.category_id);
    }
    let most = find(Query { sort: Sort::Objects, order: Order::Descending, ..Query::default() });
    let objects = |row: u32| dataset.annotations_of(row as usize).len();
    assert!(most.windows(2).all(|pair| objects(pair[0]) >= objects(pair[1])), "sorted by number of objects");
}

#[test]
fn photos_of_the_other_naming_are_matched_by_number() {
    let Some(instances) = shared("coco/instances.json") else { return };
    let instances = Instances::open(&instances, &mut |_| {}, &AtomicBool::new(false)).expect("instances");
    let photos = ["a/COCO_val2014_000000000139.jpg", "b/000000000139.jpg", "b/000000999999.jpg", "b/holiday.jpg"];
    let dataset = Dataset::join(Sources {
        photos: photos.iter().map(|name| PhotoPlace::File(name.into())).collect(),
        instances: Some(Arc::new(instances)),
        ..Sources::default()
    });
    let unmatched = dataset.unmatched();
    let row = &dataset.rows()[dataset.row_of_id(139).expect("is there")];
    assert_eq!(row.photo, Some(PhotoPlace::File(photos[0].into())), "the first that fits");
    assert_eq!(unmatched.repeated_photos.listed, [photos[1]], "the second is told");
    assert_eq!(unmatched.photos_without_image.listed, ["000000999999.jpg", "holiday.jpg"], "shown all the same");
    assert_eq!(unmatched.images_without_photo.total, 127, "counted");
    assert_eq!(dataset.rows().len(), 130, "nothing is lost");
}
