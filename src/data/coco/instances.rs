//! `instances_*.json`.

use super::error::{CocoError, MaskError, Mismatch};
use super::left_out::LeftOuts;
use super::lists::{Progress, Record, Watch, What, read_lists};
use super::mask::Mask;
use super::problems::{Cost, Problem, Problems};
use super::records::{self, Annotation, Category, ImageRecord, LeftOut, Named, Owner, Usable};
use super::segmentation::{self, Segmentation};
use super::source::Source;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What an instances file must be.
const EXPECTED: &str =
    "a COCO instances file (one JSON object with the lists `images`, `annotations` and `categories`)";
const LISTS: [&str; 3] = ["images", "annotations", "categories"];
/// Far more than any published file: Objects365 has 6 GB.
const MOST_BYTES: u64 = 64 << 30;
const KINDS: [&str; 3] = ["image", "annotation", "category"];
const ANNOTATION: &str = KINDS[1];

/// Whether groups whose members were not told apart count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Crowds {
    /// They do.
    #[default]
    Included,
    /// They do not.
    LeftOut,
}

/// An opened instances file. Cheap to keep: masks are read from the file when they are asked for, from any thread.
#[derive(Debug)]
pub struct Instances {
    source: Source,
    categories: Vec<Category>,
    /// Where a category stands; several numbers may stand for one.
    place_of_category: HashMap<u32, u32>,
    images: Vec<ImageRecord>,
    /// In the order of `images`, within one image in the file's.
    annotations: Vec<Annotation>,
    /// Where each image's annotations end.
    ends: Vec<u32>,
    row_of_image: HashMap<u64, u32>,
    /// Image and category of the objects in images that are not in the list, by image.
    unlisted: Vec<(u64, u32)>,
    left_out: LeftOuts,
    problems: Problems,
    /// What stands in the place of the list of images, where the file has none.
    no_images: Option<&'static str>,
}

/// The records of a file, one list after another.
#[derive(Debug, Default)]
struct Records {
    categories: Vec<(usize, Category)>,
    images: Vec<(usize, ImageRecord)>,
    annotations: Vec<Annotation>,
    num_annotations: usize,
    left_out: LeftOuts,
    problems: Problems,
}

impl Records {
    fn take(&mut self, Record { list, index, offset, bytes, .. }: Record<'_>) {
        let kind = KINDS.get(list).copied().unwrap_or_default();
        let problems = &mut self.problems;
        let mut note = |found: Vec<(Cost, String)>| {
            for (cost, reason) in found {
                problems.add(kind, index, cost, reason);
            }
        };
        let read = match (list, bytes) {
            (1, bytes) => {
                self.num_annotations += 1;
                let read = bytes.map_or_else(
                    |broken| Err(LeftOut { owner: records::owner_of_broken(broken.head), why: broken.why }),
                    |bytes| records::annotation(bytes, index, offset),
                );
                match read {
                    Ok(Usable { record, problems }) => {
                        note(problems);
                        self.annotations.push(record);
                        return;
                    }
                    Err(LeftOut { owner, why }) => {
                        self.left_out.add(owner, index);
                        Err(why)
                    }
                }
            }
            (_, Err(broken)) => Err(broken.why),
            (0, Ok(bytes)) => records::image(bytes).map(|Usable { record, problems }| {
                note(problems);
                self.images.push((index, record));
            }),
            (_, Ok(bytes)) => records::category(bytes).map(|category| self.categories.push((index, category))),
        };
        if let Err(why) = read {
            note(vec![(Cost::Record, why.to_string())]);
        }
    }
}

impl Instances {
    /// Reads a file; `progress` is called about every megabyte, and setting `cancel` stops within one.
    ///
    /// **Errors** for a file that is none, and where there are annotations of which none can be used. What single
    /// records lack is in [`Self::problems`].
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        Self::read(Source::open(path)?, &mut Watch { progress, cancel })
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>, name: &Path) -> Result<Self, CocoError> {
        let cancel = AtomicBool::new(false);
        Self::read(Source::bytes(bytes.into(), name), &mut Watch { progress: &mut |_| {}, cancel: &cancel })
    }

    fn read(source: Source, watch: &mut Watch<'_>) -> Result<Self, CocoError> {
        let what = What { expected: EXPECTED, lists: &LISTS, keyed: false, loose: None, most_bytes: MOST_BYTES };
        let mut records = Records::default();
        let found = read_lists(&source, what, watch, &mut |record| records.take(record))?;
        // Objects name their images, which the list gives names and sizes.
        if let Some((name, _)) = LISTS.iter().zip(&found.seen).skip(1).find(|(_, seen)| !**seen) {
            let place = LISTS.iter().position(|list| list == name).unwrap_or_default();
            let found = match found.instead.get(place).copied().flatten() {
                Some(instead) => format!("{instead} as `{name}`"),
                None => format!("no list `{name}`"),
            };
            return Err(CocoError::Malformed { expected: EXPECTED, found, path: source.path().to_owned() });
        }
        let total = records.num_annotations;
        let mut instances = Self::joined(source, records);
        if found.seen.first() == Some(&false) {
            instances.no_images = Some(found.instead.first().copied().flatten().unwrap_or("no such list"));
        }
        if total > 0 && instances.annotations.is_empty() && instances.unlisted.is_empty() {
            let first =
                instances.problems.listed().iter().find(|one| one.kind == ANNOTATION && one.cost == Cost::Record);
            let first = first.map_or_else(|| "no reason".to_owned(), ToString::to_string);
            let path = instances.path().to_owned();
            return Err(CocoError::NoneUsable { record: ANNOTATION, total, first, path });
        }
        Ok(instances)
    }

    /// Sorts the annotations to their images; numbers given twice, and numbers of categories that are not there, are
    /// problems.
    fn joined(source: Source, records: Records) -> Self {
        let Records { categories, images, mut annotations, mut left_out, mut problems, .. } = records;
        let (categories, place_of_category) = one_of_each_name(categories, &mut problems);
        let (images, row_of_image) = distinct("image", images, |image| image.id, &mut problems);
        report_repeated(&annotations, &mut problems);
        let mut unlisted = Vec::new();
        let lost = first_lost(&problems, KINDS[2]);
        annotations.retain_mut(|annotation| {
            let category = place_of_category.get(&annotation.category_id);
            let Some(category) = category.and_then(|place| categories.get(*place as usize)) else {
                let index = annotation.row as usize;
                let found = annotation.category_id;
                let reason = format_args!("expected the number of a category of the file, found {found}{lost}");
                problems.add(ANNOTATION, index, Cost::Record, reason);
                let (image, category) = (Named::Is(annotation.image_id), Named::Is(annotation.category_id));
                left_out.add(Owner { image, category }, index);
                return false;
            };
            annotation.category_id = category.id;
            match row_of_image.get(&annotation.image_id) {
                None => unlisted.push((annotation.image_id, category.id)),
                Some(row) => annotation.row = *row,
            }
            row_of_image.contains_key(&annotation.image_id)
        });
        unlisted.sort_unstable();
        // Stable: within an image the file's order stays.
        annotations.sort_by_key(|annotation| annotation.row);
        annotations.shrink_to_fit();
        let mut ends = vec![0_u32; images.len()];
        for annotation in &annotations {
            if let Some(count) = ends.get_mut(annotation.row as usize) {
                *count += 1;
            }
        }
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        left_out.finish();
        Self {
            source,
            categories,
            place_of_category,
            images,
            annotations,
            ends,
            row_of_image,
            unlisted,
            left_out,
            problems,
            no_images: None,
        }
    }

    /// The file, or the name the bytes were given.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Kinds of objects, in the file's order.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The category with that number; of two with one name, the first has the numbers of both.
    pub fn category(&self, id: u32) -> Option<&Category> {
        self.place_of_category.get(&id).and_then(|place| self.categories.get(*place as usize))
    }

    /// The category with exactly that name.
    pub fn category_named(&self, name: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.name == name)
    }

    /// The first category that was left out, in brackets; empty where there is none.
    pub fn lost_category(&self) -> String {
        first_lost(&self.problems, KINDS[2])
    }

    /// Names of categories that were perhaps meant, the nearest first.
    pub fn near_categories(&self, name: &str) -> Vec<&str> {
        crate::names::near(name, self.categories.iter().map(|category| category.name.as_str()))
    }

    /// Photos, in the file's order; their places are the rows that other functions take.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// Where the image with that number stands in [`Self::images`].
    pub fn image_row(&self, image_id: u64) -> Option<usize> {
        self.row_of_image.get(&image_id).map(|row| *row as usize)
    }

    /// Every object, by image in the order of [`Self::images`], within an image in the file's order.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// The objects of an image by its row; none for a row that does not exist.
    pub fn annotations_of(&self, image_row: usize) -> &[Annotation] {
        let Some(end) = self.ends.get(image_row) else { return &[] };
        let start = image_row.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.annotations.get(start as usize..*end as usize).unwrap_or_default()
    }

    /// Image and name of the category of every object, also of those in images that are not in the list: all that CHAIR
    /// needs.
    pub fn named_objects(&self) -> impl Iterator<Item = (u64, &str)> {
        let listed = self.annotations.iter().map(|one| (one.image_id, one.category_id));
        let all = listed.chain(self.unlisted.iter().copied());
        all.filter_map(|(image_id, category_id)| Some((image_id, self.category(category_id)?.name.as_str())))
    }

    /// How many objects are in images that are not in the list: they have neither a mask nor a place in a data set.
    pub fn num_unlisted(&self) -> usize {
        self.unlisted.len()
    }

    /// How many objects have neither an area nor a box.
    pub fn num_without_area(&self) -> usize {
        self.annotations.iter().filter(|annotation| annotation.area_px.is_none()).count()
    }

    /// Whether the file says which objects are in an image: it does not where every one of them was left out.
    pub fn says_what_is_in(&self, image_id: u64) -> bool {
        let listed = self.image_row(image_id).is_some_and(|row| !self.annotations_of(row).is_empty());
        let at = self.unlisted.partition_point(|(other, _)| *other < image_id);
        listed
            || self.unlisted.get(at).is_some_and(|(other, _)| *other == image_id)
            || self.left_out.first_in(image_id).is_none()
    }

    /// What was wrong with single records.
    pub fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Reads an object's outlines or run lengths.
    pub fn segmentation(&self, annotation: &Annotation) -> Result<Segmentation, MaskError> {
        let moved = |found: String| MaskError::Moved {
            annotation_id: annotation.id,
            found,
            path: self.source.path().to_owned(),
        };
        let record = self.source.bytes_at(annotation.offset, annotation.len as usize);
        let record = record.map_err(|err| moved(crate::files::reason(&err)))?;
        let is_its = |id: u32| self.category(id).is_some_and(|category| category.id == annotation.category_id);
        let value = records::segmentation_of(&record, annotation, is_its);
        let value = value.ok_or_else(|| moved("something else: the file has changed".to_owned()))?;
        segmentation::parse(value).map_err(|mismatch| self.no_mask(annotation, mismatch))
    }

    /// An object's pixels, as many as its image has.
    pub fn mask(&self, annotation: &Annotation) -> Result<Mask, MaskError> {
        let image = self.image_row(annotation.image_id).and_then(|row| self.images.get(row));
        let image = image.ok_or_else(|| self.unknown_image(annotation.image_id))?;
        let segmentation = self.segmentation(annotation)?;
        segmentation.mask(image.width_px, image.height_px).map_err(|mismatch| self.no_mask(annotation, mismatch))
    }

    /// The pixels of all objects of a category in an image; none inside where the image shows no such object.
    ///
    /// **Errors** where an object gives no mask, where `crowds` are left out and an object may be one, and where a
    /// record that was left out may be such an object.
    pub fn category_mask(&self, image_id: u64, category_id: u32, crowds: Crowds) -> Result<Mask, MaskError> {
        let row = self.image_row(image_id).ok_or_else(|| self.unknown_image(image_id))?;
        let image = self.images.get(row).ok_or_else(|| self.unknown_image(image_id))?;
        let category_id = self.category(category_id).map_or(category_id, |category| category.id);
        self.expect_all_objects(image_id, category_id)?;
        let objects = self.annotations_of(row).iter().filter(|one| one.category_id == category_id);
        let mut union = Mask::empty(image.width_px, image.height_px).ok_or_else(|| MaskError::ImageSize {
            image_id,
            found: format!("{} x {} pixels", image.width_px, image.height_px),
            path: self.source.path().to_owned(),
        })?;
        for annotation in objects {
            match (crowds, annotation.is_crowd) {
                (Crowds::LeftOut, Some(true)) => continue,
                (Crowds::LeftOut, None) => {
                    return Err(self.no_mask(annotation, Mismatch::new("`iscrowd` as 0 or 1", "something else")));
                }
                _ => {}
            }
            // Both are of the image's size.
            let _ = union.unite(&self.mask(annotation)?);
        }
        Ok(union)
    }

    /// **Errors** where a record that was left out may be an object of this category in this image, and where all of
    /// the image's were.
    pub fn expect_all_objects(&self, image_id: u64, category_id: u32) -> Result<(), MaskError> {
        let is_one = |id| self.category(id).is_some_and(|category| category.id == category_id);
        let objects = self.image_row(image_id).map(|row| self.annotations_of(row)).unwrap_or_default();
        let has_others = objects.iter().any(|one| one.category_id == category_id);
        // Of an image whose objects were all left out nobody knows what it does not show.
        let all = || self.left_out.first_in(image_id).filter(|_| !self.says_what_is_in(image_id));
        let Some(index) = self.left_out.perhaps(image_id, is_one, has_others).or_else(all) else { return Ok(()) };
        let is_it = |one: &&Problem| (one.kind, one.cost, one.index) == (ANNOTATION, Cost::Record, index);
        let problem = self.problems.listed().iter().find(is_it);
        let why = problem.map_or("it was left out", |problem| problem.reason.as_str());
        let annotation = format!("{ANNOTATION} {index} (counted from 0): {why}");
        Err(MaskError::LeftOut { image_id, annotation, path: self.source.path().to_owned() })
    }

    fn unknown_image(&self, image_id: u64) -> MaskError {
        if let Some(found) = self.no_images {
            return MaskError::NoImages { image_id, found: found.to_owned(), path: self.source.path().to_owned() };
        }
        let lost = first_lost(&self.problems, KINDS[0]);
        MaskError::UnknownImage { image_id, lost, path: self.source.path().to_owned() }
    }

    fn no_mask(&self, annotation: &Annotation, Mismatch { expected, found }: Mismatch) -> MaskError {
        let path = self.source.path().to_owned();
        MaskError::Segmentation { annotation_id: annotation.id, expected, found, path }
    }
}

/// The first record of a kind that was left out, in brackets: perhaps the one that is missed.
fn first_lost(problems: &Problems, kind: &str) -> String {
    let lost = problems.listed().iter().find(|one| one.kind == kind && one.cost == Cost::Record);
    lost.map_or_else(String::new, |problem| format!(" ({problem})"))
}

/// The records with numbers of their own, and where each number stands. Of several with one number the last counts.
///
/// **Source** pycocotools 2.0.11, `coco.py` `createIndex`.
pub(super) fn distinct<T>(
    kind: &'static str,
    records: Vec<(usize, T)>,
    id: impl Fn(&T) -> u64,
    problems: &mut Problems,
) -> (Vec<T>, HashMap<u64, u32>) {
    let mut rows = HashMap::with_capacity(records.len());
    let mut kept: Vec<T> = Vec::with_capacity(records.len());
    for (index, record) in records {
        let number = id(&record);
        match rows.entry(number) {
            Entry::Occupied(row) => {
                let reason = format_args!("expected a number of its own, found {number} again: the last one counts");
                problems.add(kind, index, Cost::Nothing, reason);
                if let Some(place) = kept.get_mut(*row.get() as usize) {
                    *place = record;
                }
            }
            Entry::Vacant(place) => {
                place.insert(u32::try_from(kept.len()).unwrap_or(u32::MAX));
                kept.push(record);
            }
        }
    }
    (kept, rows)
}

/// The categories with names of their own, and where each number stands: those with one name are one, as pycocotools
/// finds all of them.
///
/// **Source** pycocotools 2.0.11, `coco.py` `getCatIds`.
fn one_of_each_name(categories: Vec<(usize, Category)>, problems: &mut Problems) -> (Vec<Category>, HashMap<u32, u32>) {
    let (all, places) = distinct("category", categories, |category| category.id.into(), problems);
    let mut kept: Vec<Category> = Vec::with_capacity(all.len());
    let (mut of_name, mut of_place) = (HashMap::new(), Vec::with_capacity(all.len()));
    for (index, category) in all.into_iter().enumerate() {
        let next = u32::try_from(kept.len()).unwrap_or(u32::MAX);
        let place = *of_name.entry(category.name.clone()).or_insert(next);
        of_place.push(place);
        match kept.get(place as usize) {
            Some(first) => {
                let (id, name, first) = (category.id, &category.name, first.id);
                let reason = format_args!("categories {first} and {id} are both named `{name}` and taken as one");
                problems.add("category", index, Cost::Nothing, reason);
            }
            None => kept.push(category),
        }
    }
    let places =
        places.into_iter().filter_map(|(id, row)| Some((u32::try_from(id).ok()?, *of_place.get(row as usize)?)));
    (kept, places.collect())
}

/// Objects with a number that another one has are used, as pycocotools does over its list, and reported.
fn report_repeated(annotations: &[Annotation], problems: &mut Problems) {
    let given = annotations.iter().filter(|one| one.has_id);
    let mut ids: Vec<(u64, u32)> = given.map(|one| (one.id, one.row)).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if let [(first, _), (second, index)] = pair
            && first == second
        {
            let reason = format_args!("expected a number of its own, found {second} again: both objects are used");
            problems.add(ANNOTATION, *index as usize, Cost::Nothing, reason);
        }
    }
}
