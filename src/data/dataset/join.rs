//! Sources put together.

use super::coco_image_id;
use super::index::Index;
use super::names::{base_name, find};
use super::{Dataset, PhotoPlace, Row, Unmatched};
use crate::data::coco::{Captions, ImageRecord, Instances};
use crate::data::pope::Questions;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a data set is made of; anything may be missing.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Photos, of any number of folders; [`crate::data::library::list_folder`] lists one.
    pub photos: Vec<PhotoPlace>,
    /// Objects.
    pub instances: Option<Arc<Instances>>,
    /// Descriptions.
    pub captions: Option<Arc<Captions>>,
    /// Yes/no questions.
    pub questions: Option<Arc<Questions>>,
}

#[derive(Debug, Default)]
struct Rows {
    all: Vec<Row>,
    by_name: HashMap<Arc<str>, u32>,
    by_id: HashMap<u64, u32>,
}

impl Rows {
    fn find(&self, name: &str) -> Option<u32> {
        find(&self.by_name, &self.by_id, name)
    }

    fn get_mut(&mut self, row: u32) -> Option<&mut Row> {
        self.all.get_mut(row as usize)
    }

    /// A photo that no row has.
    fn add(&mut self, name: &str, image_id: Option<u64>) -> u32 {
        let place = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let base = base_name(name);
        let mut key: Arc<str> = Arc::from(if self.by_name.contains_key(base) { name } else { base });
        let mut copy = 2;
        while self.by_name.contains_key(&key) {
            key = Arc::from(format!("{name} ({copy})"));
            copy += 1;
        }
        self.by_name.insert(Arc::clone(&key), place);
        if *key != *name {
            self.by_name.entry(Arc::from(name)).or_insert(place);
        }
        if let Some(id) = image_id {
            self.by_id.entry(id).or_insert(place);
        }
        self.all.push(Row { key, image_id, size_px: None, photo: None, instances_row: None });
        place
    }

    fn set_size(&mut self, row: u32, image: &ImageRecord) {
        if let Some(row) = self.get_mut(row)
            && image.width_px > 0
            && image.height_px > 0
        {
            row.size_px.get_or_insert([image.width_px, image.height_px]);
        }
    }
}

pub(super) fn join(sources: Sources) -> Dataset {
    let Sources { photos, instances, captions, questions } = sources;
    let (mut rows, mut unmatched) = (Rows::default(), Unmatched::default());
    for (place, image) in instances.iter().flat_map(|instances| instances.images()).enumerate() {
        let row = rows.add(&name_of(image), Some(image.id));
        rows.set_size(row, image);
        if let Some(row) = rows.get_mut(row) {
            row.instances_row = u32::try_from(place).ok();
        }
    }
    for image in captions.iter().flat_map(|captions| captions.images()) {
        let known = rows.by_id.get(&image.id).copied();
        let row = known.unwrap_or_else(|| rows.add(&name_of(image), Some(image.id)));
        rows.set_size(row, image);
    }
    let listed = rows.all.len();
    add_photos(&mut rows, photos, listed, &mut unmatched);
    if let Some(captions) = &captions {
        let mut before = None;
        for caption in captions.captions() {
            if before != Some(caption.image_id) && !rows.by_id.contains_key(&caption.image_id) {
                unmatched.captions_without_image.add(|| caption.image_id.to_string());
            }
            before = Some(caption.image_id);
        }
    }
    let questions_of = questions.as_ref().map(|questions| add_questions(&mut rows, questions, &mut unmatched));
    let Rows { all: rows, by_name, by_id } = rows;
    let index = Index::new(&rows, instances.as_deref(), captions.as_deref());
    let questions_of = questions_of.unwrap_or_default();
    Dataset { rows, by_name, by_id, instances, captions, questions, questions_of, unmatched, index }
}

/// The name of an image's file, or what stands for it where the annotations give none.
fn name_of(image: &ImageRecord) -> Cow<'_, str> {
    match image.file_name.as_str() {
        "" => Cow::Owned(format!("image {}", image.id)),
        name => Cow::Borrowed(name),
    }
}

/// Gives rows their photos. The first `listed` rows are those that annotations or captions speak of.
fn add_photos(rows: &mut Rows, photos: Vec<PhotoPlace>, listed: usize, unmatched: &mut Unmatched) {
    if photos.is_empty() {
        return;
    }
    for photo in photos {
        let name = photo.file_name();
        let row = rows.find(&name).unwrap_or_else(|| {
            if listed > 0 {
                unmatched.photos_without_image.add(|| name.clone());
            }
            rows.add(&name, coco_image_id(&name))
        });
        match rows.get_mut(row) {
            Some(Row { photo: place @ None, .. }) => *place = Some(photo),
            _ => unmatched.repeated_photos.add(|| match photo {
                PhotoPlace::File(path) => path.display().to_string(),
                PhotoPlace::Bundled(name) => name.to_owned(),
            }),
        }
    }
    for row in rows.all.iter().take(listed).filter(|row| row.photo.is_none()) {
        unmatched.images_without_photo.add(|| row.key.to_string());
    }
}

/// Gives rows their questions; where there is nothing else, the questions' photos are the rows.
fn add_questions(rows: &mut Rows, questions: &Questions, unmatched: &mut Unmatched) -> HashMap<u32, Vec<u32>> {
    let alone = rows.all.is_empty();
    let mut places: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut missing: HashSet<&str> = HashSet::new();
    for (place, question) in questions.questions().iter().enumerate() {
        let mut row = rows.find(&question.image);
        if row.is_none() && alone {
            row = Some(rows.add(&question.image, coco_image_id(&question.image)));
        }
        match (row, u32::try_from(place)) {
            (Some(row), Ok(place)) => places.entry(row).or_default().push(place),
            _ => {
                if missing.insert(&question.image) {
                    unmatched.questions_without_image.add(|| question.image.clone());
                }
            }
        }
    }
    places
}
