//! Photos and questions of a study.

use crate::analysis::pope::Label;
use crate::engine::ImageSource;
use serde_json::Value;

/// A photo of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyPhoto {
    /// Name of its file, or its path from the study's folder of photos where it lies in one below.
    pub name: String,
    /// Where it is.
    pub source: ImageSource,
    /// COCO's number.
    pub image_id: Option<u64>,
}

/// One question about one photo, as every setting asks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its place, from 0.
    pub number: usize,
    /// Its place in its file, from 0, questions that are left out counted: lmms-eval's `doc_id`.
    pub doc_id: usize,
    /// Place of its photo.
    pub photo: usize,
    /// Its name in the file of questions; null where it has none.
    pub question_id: Value,
    /// The words, with those behind every question.
    pub text: String,
    /// The right answer.
    pub label: Option<Label>,
    /// The right answer after a second look, where the study has such labels: `None` also where it was left out.
    pub relabel: Option<Label>,
    /// The right choice of several, such as `(a)`.
    pub expected: Option<String>,
    /// The part of the set that it belongs to.
    pub split: Option<String>,
    /// The category asked about, by the name of the annotations where they have it.
    pub object: Option<String>,
    /// That category's number in the annotations.
    pub category_id: Option<u32>,
    /// Part of the photo that its objects take, by the annotators' count.
    pub object_area: Option<f64>,
    /// COCO's size of the largest of them: `small`, `medium`, `large`.
    pub object_size: Option<&'static str>,
    /// Questions with the same number are right together only.
    pub pair: Option<u64>,
}

impl Item {
    pub(super) fn new(photo: usize, text: String) -> Self {
        Self {
            number: 0,
            doc_id: 0,
            photo,
            question_id: Value::Null,
            text,
            label: None,
            relabel: None,
            expected: None,
            split: None,
            object: None,
            category_id: None,
            object_area: None,
            object_size: None,
            pair: None,
        }
    }
}

/// `yes` or `no`.
pub(super) fn label_word(label: Label) -> &'static str {
    match label {
        Label::Yes => "yes",
        Label::No => "no",
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
