//! POPE's own files: questions as we word them, and the rules they were made by.

use crate::shared;
use gazelens::analysis::pope::{Label, Negatives, ObjectStatistics, PopeOptions, Template, questions};
use gazelens::data::pope::Questions;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn read(path: &Path) -> Questions {
    Questions::open(path, &mut |_| {}, &AtomicBool::new(false)).expect("the published questions are read")
}

/// The object of "Is there a dog in the image?".
fn object(text: &str) -> &str {
    let rest =
        text.strip_prefix("Is there a").and_then(|rest| rest.strip_suffix(" in the image?")).expect("the template");
    rest.split_once(' ').expect("an article").1
}

#[test]
fn our_wording_is_that_of_the_nine_thousand_published_questions() {
    for split in Negatives::ALL {
        let Some(path) = shared(&format!("pope/coco_pope_{}.json", split.id())) else { continue };
        let file = read(&path);
        assert_eq!(file.questions().len(), 3000, "{}", split.id());
        for question in file.questions() {
            // Written by hand into one question of one file.
            let expected = question.text.replace("an traffic light", "a traffic light");
            let ours = Template::Shipped.question(object(&question.text));
            assert_eq!(ours, expected, "question {} of {}", question.question_id, split.id());
        }
    }
}

/// 500 images with three present objects each, enough to make questions of the same shape as the published ones.
#[test]
fn generated_questions_have_the_shape_of_the_published_ones() {
    let Some(path) = shared("pope/coco_pope_random.json") else { return };
    let file = read(&path);
    let mut present: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for question in file.questions().iter().filter(|question| question.label == Label::Yes) {
        present.entry(&question.image).or_default().push(object(&question.text));
    }
    let statistics = ObjectStatistics::new(present.values());
    assert_eq!(present.len(), 500, "images");
    for negatives in Negatives::ALL {
        let options = PopeOptions { negatives, most_positives: Some(3), seed: 42, ..PopeOptions::default() };
        for objects in present.values() {
            let made = questions(objects, &statistics, &options);
            let labels: Vec<Label> = made.iter().map(|question| question.label).collect();
            assert_eq!(labels, [Label::Yes, Label::No].repeat(3), "{negatives:?}: they alternate");
            let asked: BTreeSet<&str> = made.iter().map(|question| question.category.as_str()).collect();
            assert_eq!(asked.len(), 6, "{negatives:?}: six objects");
        }
    }
}
