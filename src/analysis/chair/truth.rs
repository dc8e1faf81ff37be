//! What is in each image.

use super::Extractor;
use std::collections::{BTreeMap, BTreeSet};

/// Categories in an image.
pub type Objects = BTreeSet<&'static str>;

/// Objects by image, from instance annotations, reference captions, or both.
///
/// An image that no annotation file lists has no ground truth: what is said about it is neither right nor wrong. An
/// image that is listed without any object is empty, and every object said to be there is hallucinated.
///
/// **Source**: `get_annotations` of `chair.py`: the union of both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroundTruth {
    objects: BTreeMap<u64, Objects>,
    /// Images of the instance file; `None` before [`GroundTruth::add_instances`].
    listed: Option<BTreeSet<u64>>,
    num_reference_captions: usize,
    unmapped: BTreeSet<String>,
}

impl GroundTruth {
    /// Nothing known about any image.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in an instance file: every image it lists, and (image, category name) of every annotation. Names are
    /// mapped through the table; names that CHAIR does not know are kept in [`GroundTruth::unmapped`] and cannot be
    /// mentioned.
    pub fn add_instances<'n>(
        &mut self,
        extractor: &Extractor,
        images: impl IntoIterator<Item = u64>,
        annotations: impl IntoIterator<Item = (u64, &'n str)>,
    ) {
        let listed = self.listed.get_or_insert_default();
        for image_id in images {
            listed.insert(image_id);
            self.objects.entry(image_id).or_default();
        }
        for (image_id, name) in annotations {
            listed.insert(image_id);
            let objects = self.objects.entry(image_id).or_default();
            // LVIS writes `dining_table`, other sets `Dog`.
            let same = || extractor.category(&name.replace('_', " ").to_lowercase());
            match extractor.category(name).or_else(same) {
                Some(category) => drop(objects.insert(category)),
                None if self.unmapped.contains(name) => {}
                None => drop(self.unmapped.insert(name.to_owned())),
            }
        }
    }

    /// Takes in reference captions: the objects they mention are in the image.
    pub fn add_captions<'t>(&mut self, extractor: &Extractor, captions: impl IntoIterator<Item = (u64, &'t str)>) {
        for (image_id, text) in captions {
            self.num_reference_captions += 1;
            let found = extractor.mentions(text).into_iter().map(|mention| mention.category);
            self.objects.entry(image_id).or_default().extend(found);
        }
    }

    /// The objects of an image; `None` without ground truth. With instances, an image of which there are only captions
    /// has none: captions leave out most of what is in a picture.
    pub fn objects(&self, image_id: u64) -> Option<&Objects> {
        let known = self.listed.as_ref().is_none_or(|listed| listed.contains(&image_id));
        if known { self.objects.get(&image_id) } else { None }
    }

    /// Whether there is an object in any image.
    pub fn has_objects(&self) -> bool {
        self.objects.values().any(|objects| !objects.is_empty())
    }

    /// Whether instance annotations were used.
    pub fn has_instances(&self) -> bool {
        self.listed.is_some()
    }

    /// Reference captions that were used.
    pub fn num_reference_captions(&self) -> usize {
        self.num_reference_captions
    }

    /// Category names that are not among CHAIR's 80.
    pub fn unmapped(&self) -> &BTreeSet<String> {
        &self.unmapped
    }

    /// What it was made from, in words: belongs to every figure.
    pub fn sources(&self) -> &'static str {
        match (self.has_instances(), self.num_reference_captions > 0) {
            (true, true) => "instances and reference captions",
            (true, false) => "instances",
            (false, true) => "reference captions",
            (false, false) => "nothing",
        }
    }
}
