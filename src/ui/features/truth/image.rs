//! The ground truth of one image, ready to be painted and scored.

use crate::analysis::chair::{Extractor, GroundTruth, Objects};
use crate::data::coco::{Instances, Mask};
use crate::geometry::ImageSize;
use crate::render::MaskImage;
use std::sync::Arc;

/// One annotated object.
#[derive(Debug, Clone)]
pub struct ObjectTruth {
    /// The annotation's number.
    pub id: u64,
    /// Its category's number.
    pub category_id: u32,
    /// Whether it is a group whose members were not told apart.
    pub is_crowd: bool,
    /// Pixels by the annotators' count or of the box; `None` where the annotations say neither.
    pub area_px: Option<f64>,
    /// Its pixels, or why there are none: one sentence.
    pub mask: Result<Arc<Mask>, String>,
    /// The same, to be painted.
    pub picture: Option<MaskImage>,
}

/// All objects of one category.
#[derive(Debug, Clone)]
pub struct CategoryTruth {
    /// Its number.
    pub id: u32,
    /// Its name in the annotations.
    pub name: String,
    /// What it belongs to.
    pub supercategory: String,
    /// How many there are.
    pub count: usize,
    /// The pixels of all of them, crowds included, or why they are not known: one sentence. One object that cannot be
    /// drawn is enough.
    pub mask: Result<Arc<Mask>, String>,
    /// The same, to be painted.
    pub picture: Option<MaskImage>,
}

/// The ground truth of one image, ready to be painted and scored.
#[derive(Debug, Clone, Default)]
pub struct ImageTruth {
    /// The image's number in the annotations.
    pub image_id: u64,
    /// Width and height that the annotations state; the masks have them.
    pub size_px: [u32; 2],
    /// Whether an instances file lists it and says what is in it.
    pub listed: bool,
    /// Its objects, in the file's order.
    pub objects: Vec<ObjectTruth>,
    /// Its categories, those with most pixels first.
    pub categories: Vec<CategoryTruth>,
    /// What people wrote about it.
    pub captions: Vec<String>,
    /// CHAIR's categories in it; `None` without ground truth.
    pub chair: Option<Objects>,
    /// What `chair` was made from.
    pub sources: &'static str,
}

impl ImageTruth {
    /// Reads everything that is known about an image. Takes as long as drawing its masks: some milliseconds.
    pub fn look(image_id: u64, instances: Option<&Instances>, captions: &[&str], extractor: &Extractor) -> Self {
        let mut truth = Self {
            image_id,
            captions: captions.iter().map(|caption| caption.trim().to_owned()).collect(),
            ..Self::default()
        };
        let mut chair = GroundTruth::new();
        if let Some((instances, row)) =
            instances.and_then(|instances| Some((instances, instances.image_row(image_id)?)))
        {
            truth.listed = instances.says_what_is_in(image_id);
            truth.take_objects(instances, row);
            let names = truth.categories.iter().map(|category| (image_id, category.name.as_str()));
            if truth.listed {
                chair.add_instances(extractor, [image_id], names);
            }
        }
        chair.add_captions(extractor, truth.captions.iter().map(|caption| (image_id, caption.as_str())));
        truth.sources = chair.sources();
        truth.chair = chair.objects(image_id).cloned();
        truth
    }

    fn take_objects(&mut self, instances: &Instances, row: usize) {
        if let Some(image) = instances.images().get(row) {
            self.size_px = [image.width_px, image.height_px];
        }
        let annotations = instances.annotations_of(row);
        self.objects = annotations
            .iter()
            .map(|annotation| {
                let mask = instances.mask(annotation).map(Arc::new).map_err(|err| err.to_string());
                ObjectTruth {
                    id: annotation.id,
                    category_id: annotation.category_id,
                    is_crowd: annotation.is_crowd == Some(true),
                    area_px: annotation.area_px,
                    picture: mask.as_ref().ok().map(|mask| picture(mask)),
                    mask,
                }
            })
            .collect();
        for category in instances.categories() {
            let members: Vec<&ObjectTruth> =
                self.objects.iter().filter(|object| object.category_id == category.id).collect();
            if members.is_empty() {
                continue;
            }
            let all = instances.expect_all_objects(self.image_id, category.id).map_err(|err| err.to_string());
            let mask = all.and_then(|()| union(members.iter().map(|object| &object.mask)));
            self.categories.push(CategoryTruth {
                id: category.id,
                name: category.name.clone(),
                supercategory: category.supercategory.clone(),
                count: members.len(),
                picture: mask.as_ref().ok().map(|mask| picture(mask)),
                mask,
            });
        }
        let area = |category: &CategoryTruth| category.mask.as_ref().map_or(0, |mask| mask.area_px());
        // Those without a mask last.
        self.categories.sort_by_key(|category| (std::cmp::Reverse(area(category)), category.id));
    }

    /// The category with that number.
    pub fn category(&self, id: u32) -> Option<&CategoryTruth> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The category that CHAIR knows by this name.
    pub fn category_named(&self, name: &str) -> Option<&CategoryTruth> {
        self.categories.iter().find(|category| category.name == name)
    }

    /// Whether masks belong to a photo of this size. Where sizes differ they would lie on the wrong pixels, and are not
    /// used.
    pub fn fits(&self, photo: ImageSize) -> bool {
        self.size_px == [photo.width_px, photo.height_px]
    }

    /// Objects of a category, with their places among those of their kind.
    pub fn objects_of(&self, category_id: u32) -> impl Iterator<Item = &ObjectTruth> {
        self.objects.iter().filter(move |object| object.category_id == category_id)
    }
}

fn picture(mask: &Mask) -> MaskImage {
    MaskImage::new(ImageSize { width_px: mask.width_px(), height_px: mask.height_px() }, mask.pixels())
}

fn union<'a>(mut masks: impl Iterator<Item = &'a Result<Arc<Mask>, String>>) -> Result<Arc<Mask>, String> {
    let first = masks.next().ok_or_else(|| "No objects".to_owned())?.as_ref().map_err(Clone::clone)?;
    let mut all: Option<Mask> = None;
    for mask in masks {
        let mask = mask.as_ref().map_err(Clone::clone)?;
        // Masks of one image have one size.
        let _ = all.get_or_insert_with(|| Mask::clone(first)).unite(mask);
    }
    Ok(all.map_or_else(|| Arc::clone(first), Arc::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::demo;
    use std::path::Path;

    #[test]
    fn the_first_bundled_scene_is_known() {
        let instances =
            Instances::from_bytes(demo::INSTANCES.as_bytes(), Path::new("instances.json")).expect("bundled");
        let extractor = Extractor::default();
        let truth = ImageTruth::look(1, Some(&instances), &["A cat by a lake."], &extractor);
        assert!(truth.listed && !truth.objects.is_empty(), "it is annotated");
        assert!(truth.objects.iter().all(|object| object.mask.is_ok()), "every mask can be drawn");
        let areas: Vec<u64> =
            truth.categories.iter().filter_map(|c| c.mask.as_ref().ok()).map(|m| m.area_px()).collect();
        assert_eq!(areas.len(), truth.categories.len(), "every category has pixels");
        assert!(areas.is_sorted_by(|a, b| a >= b), "largest first: {areas:?}");
        let chair = truth.chair.expect("there is ground truth");
        assert!(chair.contains("cat") && chair.contains("umbrella"), "from captions and from instances: {chair:?}");
        assert_eq!(truth.sources, "instances and reference captions", "both are named");
    }

    #[test]
    fn a_category_with_an_object_that_cannot_be_drawn_has_no_mask_to_score() {
        let square = "[[0, 0, 2, 0, 2, 2, 0, 2]]";
        let read = |second: &str| {
            let text = format!(
                r#"{{"images": [{{"id": 1, "file_name": "a.jpg", "width": 4, "height": 3}}], "categories": [{{"id": 1, "name": "dog"}}],
                "annotations": [{{"id": 5, "image_id": 1, "category_id": 1, "segmentation": {square}}}, {second}]}}"#
            );
            let instances = Instances::from_bytes(text.into_bytes(), Path::new("i.json")).expect("read");
            ImageTruth::look(1, Some(&instances), &[], &Extractor::default())
        };
        for (second, why) in [
            (
                r#"{"id": 6, "image_id": 1, "category_id": 1, "segmentation": [[NaN, 1, 2, 3, 4, 5]]}"#,
                "in annotation 6",
            ),
            (r#"{"id": 6, "image_id": 1, "x": [}"#, "because of annotation 1"),
        ] {
            let truth = read(second);
            let said = truth.categories[0].mask.as_ref().expect_err("not known");
            assert!(said.contains(why) && truth.categories[0].picture.is_none(), "{said}");
            assert!(truth.objects[0].mask.is_ok(), "the other object is drawn");
        }
        let truth = read(r#"{"id": 6, "image_id": 1, "category_id": 9}"#);
        assert_eq!(truth.categories[0].mask.as_ref().map(|mask| mask.area_px()), Ok(4), "another category's damage");
    }

    #[test]
    fn an_image_that_nobody_annotated_has_no_ground_truth() {
        let truth = ImageTruth::look(1, None, &[], &Extractor::default());
        assert!(!truth.listed && truth.chair.is_none() && truth.sources == "nothing", "nothing is known: {truth:?}");
    }
}
