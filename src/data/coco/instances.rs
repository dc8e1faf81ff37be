//! `instances_*.json`.

use super::error::{CocoError, MaskError, Mismatch, Problems};
use super::json::{members, whole};
use super::lists::{Progress, Record, Watch, What, read_lists};
use super::mask::Mask;
use super::near::near;
use super::records::{self, Annotation, Category, ImageRecord};
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
    images: Vec<ImageRecord>,
    /// In the order of `images`, within one image in the file's.
    annotations: Vec<Annotation>,
    /// Where each image's annotations end.
    ends: Vec<u32>,
    row_of_image: HashMap<u64, u32>,
    problems: Problems,
}

impl Instances {
    /// Reads a file; `progress` is called about every megabyte, and setting `cancel` stops within one.
    pub fn open(path: &Path, progress: &mut dyn FnMut(Progress), cancel: &AtomicBool) -> Result<Self, CocoError> {
        let source = Source::open(path, EXPECTED)?;
        Self::read(source, &mut Watch { progress, cancel })
    }

    /// Reads a file's bytes; `name` is for messages only.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>, name: &Path) -> Result<Self, CocoError> {
        let cancel = AtomicBool::new(false);
        Self::read(Source::bytes(bytes.into(), name), &mut Watch { progress: &mut |_| {}, cancel: &cancel })
    }

    fn read(source: Source, watch: &mut Watch<'_>) -> Result<Self, CocoError> {
        let what = What { expected: EXPECTED, path: source.path(), total_bytes: source.len() };
        let (mut categories, mut images) = (Vec::new(), Vec::new());
        let mut annotations: Vec<Annotation> = Vec::new();
        let mut problems = Problems::default();
        let mut input = source.reader();
        let seen = read_lists(&mut *input, what, &LISTS, watch, &mut |record| {
            let Record { list, index, offset, bytes } = record;
            let kind = ["image", "annotation", "category"].get(list).copied().unwrap_or_default();
            let read = bytes.and_then(|bytes| match list {
                0 => records::image(bytes).map(|image| images.push((index, image))),
                1 => records::annotation(bytes, index, offset).map(|(annotation, problem)| {
                    if let Some(problem) = problem {
                        problems.add(kind, index, format_args!("its mask cannot be read: {problem}"));
                    }
                    annotations.push(annotation);
                }),
                _ => records::category(bytes).map(|category| categories.push((index, category))),
            });
            if let Err(reason) = read {
                problems.add(kind, index, reason);
            }
        })?;
        drop(input);
        if let Some((name, _)) = LISTS.iter().zip(seen).find(|(_, seen)| !seen) {
            let found = format!("no list `{name}`");
            return Err(CocoError::Malformed { expected: EXPECTED, found, path: source.path().to_owned() });
        }
        Ok(Self::joined(source, categories, images, annotations, problems))
    }

    /// Sorts the annotations to their images; those that name what is not there, and numbers given twice, are problems.
    fn joined(
        source: Source,
        categories: Vec<(usize, Category)>,
        images: Vec<(usize, ImageRecord)>,
        mut annotations: Vec<Annotation>,
        mut problems: Problems,
    ) -> Self {
        let (categories, row_of_category) =
            distinct("category", categories, |category| u64::from(category.id), &mut problems);
        let (images, row_of_image) = distinct("image", images, |image| image.id, &mut problems);
        report_repeated(&annotations, &mut problems);
        annotations.retain_mut(|annotation| {
            let unknown = |what, id: u64| format!("expected the number of {what} of the file, found {id}");
            let index = annotation.row as usize;
            let reason = match row_of_image.get(&annotation.image_id) {
                None => unknown("an image", annotation.image_id),
                Some(_) if !row_of_category.contains_key(&u64::from(annotation.category_id)) => {
                    unknown("a category", annotation.category_id.into())
                }
                Some(row) => {
                    annotation.row = *row;
                    return true;
                }
            };
            problems.add("annotation", index, reason);
            false
        });
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
        Self { source, categories, images, annotations, ends, row_of_image, problems }
    }

    /// The file, or the name the bytes were given.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Kinds of objects, in the file's order.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The category with that number.
    pub fn category(&self, id: u32) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The category with exactly that name.
    pub fn category_named(&self, name: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.name == name)
    }

    /// Names of categories that were perhaps meant, the nearest first.
    pub fn near_categories(&self, name: &str) -> Vec<&str> {
        near(name, self.categories.iter().map(|category| category.name.as_str()))
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
        let record =
            self.source.bytes_at(annotation.offset, annotation.len as usize).map_err(|err| moved(err.to_string()))?;
        let (mut id, mut read) = (None, Err(Mismatch::new("`segmentation`", "none")));
        let walked = members(&record, |member, value| {
            match member {
                "id" => id = whole(value),
                "segmentation" => read = segmentation::parse(value),
                _ => {}
            }
            Ok(())
        });
        if walked.is_err() || id != Some(annotation.id) {
            return Err(moved("something else: the file has changed".to_owned()));
        }
        read.map_err(|mismatch| self.no_mask(annotation, mismatch))
    }

    /// An object's pixels, as many as its image has.
    pub fn mask(&self, annotation: &Annotation) -> Result<Mask, MaskError> {
        let image = self.image_row(annotation.image_id).and_then(|row| self.images.get(row));
        let image = image.ok_or_else(|| self.unknown_image(annotation.image_id))?;
        let segmentation = self.segmentation(annotation)?;
        segmentation.mask(image.width_px, image.height_px).map_err(|mismatch| self.no_mask(annotation, mismatch))
    }

    /// The pixels of all objects of a category in an image; none inside where the image shows no such object.
    pub fn category_mask(&self, image_id: u64, category_id: u32, crowds: Crowds) -> Result<Mask, MaskError> {
        let row = self.image_row(image_id).ok_or_else(|| self.unknown_image(image_id))?;
        let image = self.images.get(row).ok_or_else(|| self.unknown_image(image_id))?;
        let mut union = Mask::empty(image.width_px, image.height_px).ok_or_else(|| MaskError::ImageSize {
            image_id,
            found: format!("{} x {} pixels", image.width_px, image.height_px),
            path: self.source.path().to_owned(),
        })?;
        let counts = |one: &&Annotation| one.category_id == category_id && !(one.is_crowd && crowds == Crowds::LeftOut);
        for annotation in self.annotations_of(row).iter().filter(counts) {
            // Both are of the image's size.
            let _ = union.unite(&self.mask(annotation)?);
        }
        Ok(union)
    }

    fn unknown_image(&self, image_id: u64) -> MaskError {
        MaskError::UnknownImage { image_id, path: self.source.path().to_owned() }
    }

    fn no_mask(&self, annotation: &Annotation, Mismatch { expected, found }: Mismatch) -> MaskError {
        let path = self.source.path().to_owned();
        MaskError::Segmentation { annotation_id: annotation.id, expected, found, path }
    }
}

/// The records with numbers of their own, and where each number stands; the later of two with one number is a problem.
pub(super) fn distinct<T>(
    kind: &'static str,
    records: Vec<(usize, T)>,
    id: impl Fn(&T) -> u64,
    problems: &mut Problems,
) -> (Vec<T>, HashMap<u64, u32>) {
    let mut rows = HashMap::with_capacity(records.len());
    let mut kept = Vec::with_capacity(records.len());
    for (index, record) in records {
        let number = id(&record);
        match rows.entry(number) {
            Entry::Occupied(_) => {
                problems.add(kind, index, format_args!("expected a number of its own, found {number} again"));
            }
            Entry::Vacant(place) => {
                place.insert(u32::try_from(kept.len()).unwrap_or(u32::MAX));
                kept.push(record);
            }
        }
    }
    (kept, rows)
}

/// Objects with a number that another one has are kept, as pycocotools does, and reported.
fn report_repeated(annotations: &[Annotation], problems: &mut Problems) {
    let mut ids: Vec<(u64, u32)> = annotations.iter().map(|one| (one.id, one.row)).collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if let [(first, _), (second, index)] = pair
            && first == second
        {
            let reason = format_args!("expected a number of its own, found {second} again");
            problems.add("annotation", *index as usize, reason);
        }
    }
}
