//! The yes/no questions of the image looked at, read from the question file or made from its objects. Making them takes
//! the statistics of the whole data set, which are counted once, on a thread of their own.

use crate::analysis::pope::{Negatives, ObjectStatistics, PopeOptions, questions};
use crate::data::coco::Annotation;
use crate::data::dataset::Dataset;
use crate::ui::background::latest::Latest;
use crate::ui::background::link::Waker;
use crate::ui::core::command::PopeItem;
use crate::ui::core::settings::PopeSource;
use crate::ui::features::AppState;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

#[derive(Clone)]
struct Wish {
    dataset: Arc<Dataset>,
    row: usize,
    source: PopeSource,
    options: PopeOptions,
}

impl PartialEq for Wish {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dataset, &other.dataset)
            && (self.row, self.source, self.options) == (other.row, other.source, other.options)
    }
}

/// The yes/no questions of the image looked at, read from the question file or made from its objects.
pub struct QuestionMaker(Latest<Wish, Arc<[PopeItem]>>);

impl QuestionMaker {
    /// Starts the thread; `wake` draws a frame.
    pub(in crate::ui) fn new(wake: &Waker) -> Self {
        let mut counted = None;
        Self(Latest::new("gazelens-questions", wake, move |wish| make(wish, &mut counted)))
    }

    /// Asks for the questions of the image looked at, and takes what has come.
    pub(in crate::ui) fn follow(&mut self, state: &mut AppState) {
        let row = state.current_row().map(|(row, _)| row);
        let source = match state.pope_source() {
            PopeSource::Words => None, // they come from the answer
            source => Some(source),
        };
        let options = state.pope.settings.options;
        let wish = state.browse.dataset.as_ref().zip(row).zip(source);
        let wish = wish.map(|((dataset, row), source)| Wish { dataset: Arc::clone(dataset), row, source, options });
        if self.0.ask(wish) {
            state.pope.questions = None;
        }
        if let Some(questions) = self.0.poll() {
            state.pope.questions = Some(questions);
        }
    }
}

/// Statistics, and the data set they were counted in.
type Counted = Option<(Weak<Dataset>, ObjectStatistics)>;

fn make(wish: &Wish, counted: &mut Counted) -> Arc<[PopeItem]> {
    let Wish { dataset, row, source, options } = wish;
    if *source == PopeSource::File {
        let of_file = dataset.questions_of(*row).map(|question| PopeItem {
            text: question.text.clone(),
            label: Some(question.label),
            kind: question.split.clone().unwrap_or_default(),
        });
        return of_file.collect();
    }
    let names = names(dataset);
    let present = objects(dataset.annotations_of(*row), &names);
    let same = counted.as_ref().is_some_and(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(dataset)));
    if !same {
        let images = (0..dataset.rows().len()).map(|row| objects(dataset.annotations_of(row), &names));
        *counted = Some((Arc::downgrade(dataset), ObjectStatistics::new(images)));
    }
    let Some((_, statistics)) = counted else { return Arc::default() };
    let made = questions(&present, statistics, options).into_iter();
    made.map(|question| PopeItem {
        text: question.text,
        label: Some(question.label),
        kind: kind(question.label, options.negatives).to_owned(),
    })
    .collect()
}

/// How the object of a made question was chosen.
fn kind(label: crate::analysis::pope::Label, negatives: Negatives) -> &'static str {
    match label {
        crate::analysis::pope::Label::Yes => "present",
        crate::analysis::pope::Label::No => negatives.id(),
    }
}

fn names(dataset: &Dataset) -> HashMap<u32, &str> {
    let categories = dataset.instances().map(|instances| instances.categories()).unwrap_or_default();
    categories.iter().map(|category| (category.id, category.name.as_str())).collect()
}

/// The categories of an image, each once, in the order of its annotations.
fn objects<'a>(annotations: &[Annotation], names: &HashMap<u32, &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in annotations.iter().filter_map(|annotation| names.get(&annotation.category_id)) {
        if !seen.contains(name) {
            seen.push(*name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::pope::{Label, Template};
    use crate::ui::features::dataset::opening::{bundled, join};

    fn wish(source: PopeSource, options: PopeOptions) -> Wish {
        Wish { dataset: join(bundled(), None).dataset, row: 0, source, options }
    }

    #[test]
    fn questions_of_the_file_keep_their_labels() {
        let found = make(&wish(PopeSource::File, PopeOptions::default()), &mut None);
        assert!(found.len() > 5, "the first bundled scene has some: {found:?}");
        let first = found.first().expect("there are some");
        assert_eq!(first.text, "Is there an umbrella in the image?", "in the file's order");
        assert_eq!((first.label, first.kind.as_str()), (Some(Label::Yes), "random"), "with its label and its split");
    }

    #[test]
    fn made_questions_ask_about_three_present_objects_and_as_many_absent_ones() {
        for negatives in Negatives::ALL {
            let options =
                PopeOptions { negatives, most_positives: Some(3), template: Template::Shipped, ..Default::default() };
            let mut counted = None;
            let wish = wish(PopeSource::Made, options);
            let found = make(&wish, &mut counted);
            let of = |label| found.iter().filter(|item| item.label == Some(label)).count();
            assert_eq!((of(Label::Yes), of(Label::No)), (3, 3), "three each: {found:?}");
            assert!(found.iter().any(|item| item.kind == negatives.id()), "the absent ones say how they were chosen");
            assert_eq!(make(&wish, &mut counted), found, "the statistics are kept and the seed decides");
        }
    }
}
