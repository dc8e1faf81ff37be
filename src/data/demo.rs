//! The bundled scenes: images, what the demo model says about them, and yes/no questions.
//!
//! The scenes are generated (`assets/demo/make`), so what is in them is known exactly.

use super::{Photo, PhotoError};
use serde::Deserialize;
use std::path::Path;

/// A bundled image, still as the bytes of a PNG file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoImage {
    /// Its name, the same in every annotation file.
    pub file_name: &'static str,
    /// The file.
    pub png: &'static [u8],
}

impl DemoImage {
    /// Decodes it.
    pub fn photo(&self) -> Result<Photo, PhotoError> {
        Photo::from_bytes(self.png, Path::new(self.file_name))
    }
}

macro_rules! bundled {
    ($($name:literal,)*) => {
        &[$(DemoImage { file_name: $name, png: include_bytes!(concat!("../../assets/demo/images/", $name)) }),*]
    };
}

/// Every bundled image, in order.
pub const IMAGES: &[DemoImage] = bundled![
    "demo_01_beach.png",
    "demo_02_beach.png",
    "demo_03_beach.png",
    "demo_04_park.png",
    "demo_05_park.png",
    "demo_06_park.png",
    "demo_07_street.png",
    "demo_08_street.png",
    "demo_09_street.png",
    "demo_10_street.png",
    "demo_11_room.png",
    "demo_12_room.png",
    "demo_13_room.png",
    "demo_14_kitchen.png",
    "demo_15_kitchen.png",
    "demo_16_kitchen.png",
    "demo_17_office.png",
    "demo_18_office.png",
    "demo_19_office.png",
    "demo_20_office.png",
    "demo_21_lake.png",
    "demo_22_lake.png",
    "demo_23_lake.png",
    "demo_24_lake.png",
];

/// The bundled image of that name.
pub fn image(file_name: &str) -> Option<&'static DemoImage> {
    IMAGES.iter().find(|image| image.file_name == file_name)
}

/// What the demo model said about a scene when it was chosen, and what of it is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DemoCaption {
    /// File name of the image.
    pub image: String,
    /// The model's description.
    pub caption: String,
    /// Categories in the scene.
    pub present: Vec<String>,
    /// Categories the description names that are not in the scene.
    pub hallucinated: Vec<String>,
    /// Categories in the scene that the description does not name.
    pub missed: Vec<String>,
}

/// A yes/no question about a scene.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DemoQuestion {
    /// Unique number.
    pub question_id: u32,
    /// File name of the image.
    pub image: String,
    /// The question.
    pub text: String,
    /// `yes` or `no`.
    pub label: String,
    /// How the object was chosen: `random`, `popular`, `adversarial`.
    pub split: String,
}

/// What is drawn in a scene.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DemoScene {
    /// File name of the image.
    pub file_name: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Kind of place: `beach`, `street`.
    pub scene: String,
    /// Short true descriptions.
    pub captions: Vec<String>,
}

#[derive(Deserialize)]
struct Instances {
    images: Vec<DemoScene>,
}

/// The model's descriptions, one a scene.
pub fn captions() -> Result<Vec<DemoCaption>, serde_json::Error> {
    serde_json::from_str(include_str!("../../assets/demo/captions.json"))
}

/// Yes/no questions, one JSON object a line.
pub const QUESTIONS: &str = include_str!("../../assets/demo/pope.jsonl");

/// The scenes' true descriptions as a COCO captions file.
pub fn reference_captions() -> String {
    let instances: serde_json::Value = serde_json::from_str(INSTANCES).unwrap_or_default();
    let images = instances["images"].as_array().cloned().unwrap_or_default();
    let mut captions = Vec::new();
    for image in &images {
        for caption in image["captions"].as_array().into_iter().flatten() {
            let id = captions.len() + 1;
            captions.push(serde_json::json!({ "id": id, "image_id": image["id"], "caption": caption }));
        }
    }
    serde_json::json!({ "images": images, "annotations": captions }).to_string()
}

/// The questions of every scene.
pub fn questions() -> Result<Vec<DemoQuestion>, serde_json::Error> {
    let lines = QUESTIONS.lines();
    lines.filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect()
}

/// What is drawn, one a scene.
pub fn scenes() -> Result<Vec<DemoScene>, serde_json::Error> {
    serde_json::from_str::<Instances>(INSTANCES).map(|instances| instances.images)
}

/// Annotations in COCO form with a mask for every object.
pub const INSTANCES: &str = include_str!("../../assets/demo/instances.json");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_annotation_names_a_bundled_image_and_every_image_is_annotated() {
        let images: BTreeSet<&str> = IMAGES.iter().map(|image| image.file_name).collect();
        assert_eq!(images.len(), IMAGES.len(), "names are unique");
        let (captions, questions, scenes) = (
            captions().expect("captions parse"),
            questions().expect("questions parse"),
            scenes().expect("scenes parse"),
        );
        assert_eq!(captions.iter().map(|c| c.image.as_str()).collect::<BTreeSet<_>>(), images, "captions");
        assert_eq!(questions.iter().map(|q| q.image.as_str()).collect::<BTreeSet<_>>(), images, "questions");
        assert_eq!(scenes.iter().map(|s| s.file_name.as_str()).collect::<BTreeSet<_>>(), images, "scenes");
        assert!(questions.iter().all(|q| q.label == "yes" || q.label == "no"), "labels are yes or no");
    }

    #[test]
    fn every_bundled_image_decodes_to_its_annotated_size() {
        for scene in scenes().expect("scenes parse") {
            let photo = image(&scene.file_name).expect("is bundled").photo().expect("decodes");
            assert_eq!((photo.width_px, photo.height_px), (scene.width, scene.height), "{}", scene.file_name);
        }
    }
}
