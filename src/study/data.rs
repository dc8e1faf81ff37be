//! A study's photos and questions, in the order in which they are asked: the same on every machine.

use super::StudyError;
use super::benchmarks;
use super::file::{DEMO, DataSpec, QuestionSource, QuestionSpec, Study, TemplateId, spaced};
use super::item::{Item, StudyPhoto, hex, label_word};
use super::row::AnswerRow;
use crate::analysis::chair::{Extractor, GroundTruth, Lemmatiser, Marked, Status};
use crate::analysis::pope::{self, Label, Negatives, ObjectStatistics, PopeOptions, Template, suffix};
use crate::data::coco::{Captions, Crowds, Instances, Mask};
use crate::data::dataset::{Dataset, PhotoPlace, Sources, coco_image_id};
use crate::data::library::{list_below, list_folder, path_below, path_from};
use crate::data::questions::{PhotoQuestion, PhotoQuestions};
use crate::data::{demo, pope as pope_file};
use crate::engine::ImageSource;
use crate::prompting::object_of;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Everything that is asked about.
#[derive(Debug)]
pub struct StudyData {
    /// Photos, in natural order.
    pub photos: Vec<StudyPhoto>,
    /// Questions by photo, within a photo in the file's order.
    pub items: Vec<Item>,
    /// Finds object words.
    pub extractor: Extractor,
    /// Objects of each photo, where annotations or captions tell.
    pub truth: Option<GroundTruth>,
    /// What the user should know of the files.
    pub warnings: Vec<String>,
    instances: Option<Arc<Instances>>,
}

impl StudyData {
    /// Opens what a study names. Paths are relative to the folder of `file`.
    pub fn open(study: &Study, file: &Path, cancel: &AtomicBool) -> Result<Self, StudyError> {
        let base = file.parent().unwrap_or(Path::new("")).to_owned();
        Opening { study, file, base, cancel, warnings: Vec::new() }.open()
    }

    /// Finds the object words of a caption and says in its row what CHAIR counts.
    pub(super) fn judge(&self, row: &mut AnswerRow, photo: &StudyPhoto, text: &str) -> Vec<Marked> {
        let objects = photo.image_id.and_then(|id| self.truth.as_ref()?.objects(id));
        let reading = self.extractor.read(text);
        row.num_words = Some(reading.num_words);
        let judged = reading.mentions.into_iter();
        let marked: Vec<Marked> =
            judged.map(|mention| Marked { status: Status::of(mention.category, objects), mention }).collect();
        row.hallucinated = objects.map(|_| marked.iter().any(|one| one.status == Status::Hallucinated));
        row.objects = objects.map(|objects| {
            let named = objects.iter().filter(|object| marked.iter().any(|one| one.mention.category == **object));
            [objects.len(), named.count()]
        });
        marked
    }

    /// The pixels of all objects that a question asks about; `None` where there are none, or no annotations.
    pub fn mask(&self, item: &Item) -> Option<Mask> {
        let photo = self.photos.get(item.photo)?;
        self.category_mask(photo.image_id?, item.category_id?)
    }

    /// The pixels of a category of CHAIR in a photo.
    pub fn mask_of_word(&self, photo: &StudyPhoto, category: &str) -> Option<Mask> {
        let instances = self.instances.as_ref()?;
        let id = instances.categories().iter().find(|one| self.extractor.category(&one.name) == Some(category))?.id;
        self.category_mask(photo.image_id?, id)
    }

    fn category_mask(&self, image_id: u64, category_id: u32) -> Option<Mask> {
        let mask = self.instances.as_ref()?.category_mask(image_id, category_id, Crowds::Included).ok()?;
        (mask.area_px() > 0).then_some(mask)
    }

    /// SHA-256 of all that answers are scored against: names of photos, questions, labels.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for item in &self.items {
            let photo = self.photos.get(item.photo).map_or("", |photo| photo.name.as_str());
            let label = |label: Option<Label>| label.map_or("", label_word);
            for part in
                [photo, &item.text, label(item.label), label(item.relabel), item.expected.as_deref().unwrap_or("")]
            {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part.as_bytes());
            }
        }
        hex(&hash.finalize())
    }
}

struct Opening<'a> {
    study: &'a Study,
    file: &'a Path,
    base: PathBuf,
    cancel: &'a AtomicBool,
    warnings: Vec<String>,
}

/// Files of annotations, opened.
#[derive(Default)]
struct Truth {
    instances: Option<Arc<Instances>>,
    captions: Option<Arc<Captions>>,
}

impl Opening<'_> {
    fn open(mut self) -> Result<StudyData, StudyError> {
        let DataSpec { images, annotations, captions, recursive } = &self.study.data;
        let truth = Truth {
            instances: annotations.as_deref().map(|path| self.instances(path)).transpose()?,
            captions: captions.as_deref().map(|path| self.captions(path)).transpose()?,
        };
        let (photos, below) = self.places(images, *recursive)?;
        let dataset = Dataset::join(Sources {
            photos,
            instances: truth.instances.clone(),
            captions: truth.captions.clone(),
            questions: None,
        });
        let mut photos = Photos::new(&dataset);
        for (name, path) in below {
            photos.listed(&dataset, name, path);
        }
        let extractor = Extractor::new(Lemmatiser::default());
        let mut items = self.items(&mut photos, &dataset, truth.instances.as_deref(), &extractor)?;
        if self.study.questions.file.is_none() {
            for (place, item) in items.iter_mut().enumerate() {
                item.doc_id = place;
            }
        }
        self.draw(&mut items, &photos.all);
        // Questions about one photo are asked together, whatever their order in the file.
        let ranks = photos.ranks();
        items.sort_by_key(|item| ranks.get(item.photo).copied().unwrap_or(usize::MAX));
        for (number, item) in items.iter_mut().enumerate() {
            item.number = number;
            if let Some(instances) = truth.instances.as_deref() {
                describe_object(item, photos.all.get(item.photo), instances, &extractor);
            }
        }
        if items.is_empty() {
            return Err(StudyError::Unfit {
                expected: "at least one question about a photo that is there".to_owned(),
                found: "none".to_owned(),
                path: self.file.to_owned(),
            });
        }
        let truth_of = ground_truth(&truth, &extractor);
        let Truth { instances, .. } = truth;
        Ok(StudyData { photos: photos.all, items, extractor, truth: truth_of, warnings: self.warnings, instances })
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    fn instances(&mut self, path: &Path) -> Result<Arc<Instances>, StudyError> {
        let instances = if path == Path::new(DEMO) {
            Instances::from_bytes(demo::INSTANCES.as_bytes(), Path::new("demo"))?
        } else {
            Instances::open(&self.path(path), &mut |_| {}, self.cancel)?
        };
        self.tell(instances.problems().total(), "record", instances.path());
        Ok(Arc::new(instances))
    }

    fn captions(&mut self, path: &Path) -> Result<Arc<Captions>, StudyError> {
        let captions = if path == Path::new(DEMO) {
            Captions::from_bytes(demo::reference_captions().as_bytes(), Path::new("demo"))?
        } else {
            Captions::open(&self.path(path), &mut |_| {}, self.cancel)?
        };
        self.tell(captions.problems().total(), "record", captions.path());
        Ok(Arc::new(captions))
    }

    fn tell(&mut self, count: usize, what: &str, path: &Path) {
        if count > 0 {
            let s = if count == 1 { "" } else { "s" };
            self.warnings.push(format!("Left out or read in part: {count} {what}{s} of {}", path.display()));
        }
    }

    /// Photos directly in the folder, and those of folders below by their paths from it.
    fn places(&mut self, images: &Path, recursive: bool) -> Result<(Vec<PhotoPlace>, Vec<NamedPath>), StudyError> {
        if images == Path::new(DEMO) {
            let bundled = demo::IMAGES.iter().map(|image| PhotoPlace::Bundled(image.file_name));
            return Ok((bundled.collect(), Vec::new()));
        }
        let folder = self.path(images);
        let listing =
            if recursive { list_below(&folder, self.cancel)? } else { list_folder(&folder, self.cancel, |_| {})? };
        self.warnings.extend(listing.problems.iter().map(ToString::to_string));
        let (mut direct, mut below) = (Vec::new(), Vec::new());
        for path in listing.images {
            match path_from(&folder, &path).filter(|name| name.contains('/')) {
                Some(name) => below.push((name, path)),
                None => direct.push(PhotoPlace::File(path)),
            }
        }
        Ok((direct, below))
    }

    /// The photo that a question names by a path from the folder of photos.
    fn below(&self, photos: &mut Photos, dataset: &Dataset, image: &str) -> Option<usize> {
        let images = &self.study.data.images;
        if !image.contains(['/', '\\']) || images == Path::new(DEMO) {
            return None;
        }
        let folder = self.path(images);
        let path = path_below(&folder, image).filter(|path| path.is_file())?;
        let name = path_from(&folder, &path)?;
        // Another spelling of a name without folders.
        name.contains('/').then(|| photos.below(dataset, name, path))
    }

    fn items(
        &mut self,
        photos: &mut Photos,
        dataset: &Dataset,
        instances: Option<&Instances>,
        extractor: &Extractor,
    ) -> Result<Vec<Item>, StudyError> {
        let questions = &self.study.questions;
        let behind = behind(questions);
        match questions.from {
            QuestionSource::Prompt => {
                let words = questions.prompt.clone().unwrap_or_default() + &behind;
                Ok((0..photos.all.len()).map(|photo| Item::new(photo, words.clone())).collect())
            }
            QuestionSource::Made => {
                let Some(instances) = instances else { return Ok(Vec::new()) };
                Ok(made(questions, photos, instances, extractor, &behind))
            }
            QuestionSource::Pope | QuestionSource::Lines => self.of_file(photos, dataset, &behind),
            QuestionSource::Amber => {
                let file = self.path(questions.file.as_deref().unwrap_or(Path::new("")));
                let labels = questions.labels.as_deref().map(|labels| self.path(labels));
                let read = counted(benchmarks::amber(&file, labels.as_deref())?);
                Ok(self.placed(photos, dataset, read, &behind))
            }
            QuestionSource::Mmvp => {
                let file = self.path(questions.file.as_deref().unwrap_or(Path::new("")));
                let read = counted(benchmarks::mmvp(&file)?);
                Ok(self.placed(photos, dataset, read, &behind))
            }
        }
    }

    fn of_file(&mut self, photos: &mut Photos, dataset: &Dataset, behind: &str) -> Result<Vec<Item>, StudyError> {
        let questions = &self.study.questions;
        let file = questions.file.clone().unwrap_or_default();
        let all = if file == Path::new(DEMO) {
            let read = pope_file::Questions::from_bytes(demo::QUESTIONS.as_bytes(), Path::new(DEMO))?;
            read.questions().iter().enumerate().map(|(idx, one)| bundled(idx + 1, one)).collect()
        } else {
            let path = self.path(&file);
            let read = PhotoQuestions::open(&path, self.cancel)?;
            self.tell(read.problems.total(), "question", &path);
            read.all
        };
        let again = questions.labels.as_deref().map(|labels| self.labels(labels)).transpose()?;
        let named = all.into_iter().map(|one| {
            let PhotoQuestion { number, id, image, text, label, split } = one;
            let relabel = again.as_ref().and_then(|again| again.get(&key(&id, &text)).copied());
            let doc_id = number.saturating_sub(1);
            (image, Item { doc_id, question_id: id, label, relabel, split, ..Item::new(0, text) })
        });
        let named = named.collect();
        Ok(self.placed(photos, dataset, named, behind))
    }

    /// Labels of a second look by number and words of the question.
    fn labels(&mut self, file: &Path) -> Result<HashMap<String, Label>, StudyError> {
        let path = self.path(file);
        let read = PhotoQuestions::open(&path, self.cancel)?;
        self.tell(read.problems.total(), "question", &path);
        Ok(read.all.iter().filter_map(|one| Some((key(&one.id, &one.text), one.label?))).collect())
    }

    /// Questions that name their photos; those of photos that are not there are counted.
    fn placed(
        &mut self,
        photos: &mut Photos,
        dataset: &Dataset,
        named: Vec<(String, Item)>,
        behind: &str,
    ) -> Vec<Item> {
        let (mut items, mut missing) = (Vec::new(), BTreeMap::new());
        for (image, item) in named {
            let below = self.below(photos, dataset, &image);
            let direct = || dataset.row_of_name(&image).and_then(|row| photos.of_row(row));
            let alone = || photos.by_name.get(&image).copied().flatten();
            match below.or_else(direct).or_else(alone) {
                Some(photo) => items.push(Item { photo, text: format!("{}{behind}", item.text), ..item }),
                None => *missing.entry(image).or_insert(0_usize) += 1,
            }
        }
        if let Some((first, _)) = missing.iter().next() {
            let (questions, photos): (usize, usize) = (missing.values().sum(), missing.len());
            let questions = if questions == 1 { "1 question".to_owned() } else { format!("{questions} questions") };
            let photos = if photos == 1 { "1 photo that is".to_owned() } else { format!("{photos} photos that are") };
            self.warnings.push(format!("Left out: {questions} about {photos} not there (such as {first})"));
        }
        items
    }

    /// Keeps the questions of so many photos, drawn by the seed.
    fn draw(&self, items: &mut Vec<Item>, photos: &[StudyPhoto]) {
        let QuestionSpec { photos: Some(most), seed, .. } = &self.study.questions else { return };
        let mut asked: Vec<usize> = items.iter().map(|item| item.photo).collect();
        asked.sort_unstable();
        asked.dedup();
        let name = |photo: &usize| photos.get(*photo).map_or("", |photo| photo.name.as_str());
        asked.sort_by_cached_key(|photo| drawn(*seed, &[name(photo)]));
        asked.truncate(*most);
        items.retain(|item| asked.contains(&item.photo));
    }
}

fn ground_truth(truth: &Truth, extractor: &Extractor) -> Option<GroundTruth> {
    let mut of = GroundTruth::new();
    if let Some(instances) = truth.instances.as_deref() {
        let images = instances.images().iter().map(|image| image.id).filter(|id| instances.says_what_is_in(*id));
        of.add_instances(extractor, images, instances.named_objects());
    }
    if let Some(captions) = truth.captions.as_deref() {
        let texts = captions.captions().iter().map(|caption| (caption.image_id, caption.text.as_str()));
        of.add_captions(extractor, texts);
    }
    (truth.instances.is_some() || truth.captions.is_some()).then_some(of)
}

/// Words behind every question.
fn behind(questions: &QuestionSpec) -> String {
    suffix(&questions.suffix).map_or_else(|| spaced(&questions.suffix), |known| known.text.to_owned())
}

/// Questions with their places in their file.
fn counted(mut named: Vec<(String, Item)>) -> Vec<(String, Item)> {
    for (place, (_, item)) in named.iter_mut().enumerate() {
        item.doc_id = place;
    }
    named
}

fn bundled(number: usize, one: &pope_file::Question) -> PhotoQuestion {
    PhotoQuestion {
        number,
        id: Value::from(one.question_id),
        image: one.image.clone(),
        text: one.text.clone(),
        label: Some(one.label),
        split: one.split.clone(),
    }
}

fn key(id: &Value, text: &str) -> String {
    format!("{id}\n{text}")
}

/// Where something stands in an order that is drawn: the same on every machine, whatever else is drawn.
fn drawn(seed: u64, words: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    for word in words {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word.as_bytes());
    }
    hash.finalize().into()
}

/// A photo by its path from the study's folder.
type NamedPath = (String, PathBuf);

/// Photos that are there.
struct Photos {
    all: Vec<StudyPhoto>,
    by_row: HashMap<usize, usize>,
    /// Those of folders below.
    by_path: HashMap<String, usize>,
    /// The same without folders; none where several have the name.
    by_name: HashMap<String, Option<usize>>,
}

impl Photos {
    fn new(dataset: &Dataset) -> Self {
        let mut photos =
            Self { all: Vec::new(), by_row: HashMap::new(), by_path: HashMap::new(), by_name: HashMap::new() };
        for (row, one) in dataset.rows().iter().enumerate() {
            let Some(place) = &one.photo else { continue };
            photos.by_row.insert(row, photos.all.len());
            let (name, source) = match place {
                PhotoPlace::File(path) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    (name, ImageSource::Path(path.clone()))
                }
                PhotoPlace::Bundled(name) => ((*name).to_owned(), ImageSource::Bundled((*name).to_owned())),
            };
            photos.all.push(StudyPhoto { name, source, image_id: one.image_id });
        }
        photos
    }

    /// Takes a photo of a folder below in, which may be named without its folders.
    fn listed(&mut self, dataset: &Dataset, name: String, path: PathBuf) {
        let base = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let place = self.below(dataset, name, path);
        self.by_name.entry(base).and_modify(|one| *one = None).or_insert(Some(place));
    }

    /// The place of a photo in a folder below.
    fn below(&mut self, dataset: &Dataset, name: String, path: PathBuf) -> usize {
        if let Some(known) = self.by_path.get(&name) {
            return *known;
        }
        let row = dataset.row_of_name(&name).and_then(|row| dataset.rows().get(row));
        let image_id = row.and_then(|row| row.image_id).or_else(|| coco_image_id(&name));
        let place = self.all.len();
        self.by_path.insert(name.clone(), place);
        self.all.push(StudyPhoto { name, source: ImageSource::Path(path), image_id });
        place
    }

    fn of_row(&self, row: usize) -> Option<usize> {
        self.by_row.get(&row).copied()
    }

    /// Place of each photo in the natural order of names.
    fn ranks(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all.len()).collect();
        let name = |idx: &usize| self.all.get(*idx).map_or("", |photo| photo.name.as_str());
        order.sort_by(|a, b| crate::data::library::natural_order(name(a), name(b)));
        let mut ranks = vec![0; order.len()];
        for (rank, idx) in order.into_iter().enumerate() {
            if let Some(slot) = ranks.get_mut(idx) {
                *slot = rank;
            }
        }
        ranks
    }
}

/// Questions of the annotations. With `absent` those of Tomita et al.: every object (or the first `positives`) and so
/// many absent ones, drawn. Otherwise POPE's: an absent object for each present one, for each way of choosing.
fn made(
    questions: &QuestionSpec,
    photos: &Photos,
    instances: &Instances,
    extractor: &Extractor,
    behind: &str,
) -> Vec<Item> {
    let present = |image_id: Option<u64>| -> Vec<&str> {
        let row = image_id.and_then(|id| instances.image_row(id));
        let of_row = row.map(|row| instances.annotations_of(row)).unwrap_or_default();
        let names = of_row.iter().filter_map(|one| instances.category(one.category_id));
        let mut all: Vec<&str> = Vec::new();
        for category in names {
            if !all.contains(&category.name.as_str()) {
                all.push(&category.name);
            }
        }
        all
    };
    let item = |photo: usize, object: &str, label: Label, split: Option<&str>| Item {
        label: Some(label),
        split: split.map(str::to_owned),
        object: Some(object.to_owned()),
        ..Item::new(photo, Template::default().question(object) + behind)
    };
    let known = |photo: &StudyPhoto| photo.image_id.is_some_and(|id| instances.image_row(id).is_some());
    let asked = photos.all.iter().enumerate().filter(|(_, photo)| known(photo));
    let mut items = Vec::new();
    if let Some(absent) = questions.absent {
        for (idx, photo) in asked {
            let there = present(photo.image_id);
            let most = questions.positives.unwrap_or(usize::MAX);
            items.extend(there.iter().take(most).map(|object| item(idx, object, Label::Yes, None)));
            let mut free: Vec<&str> = instances.categories().iter().map(|one| one.name.as_str()).collect();
            free.retain(|name| !there.contains(name));
            free.sort_by_cached_key(|name| drawn(questions.seed, &[&photo.name, name]));
            items.extend(free.into_iter().take(absent).map(|object| item(idx, object, Label::No, None)));
        }
        return items;
    }
    let _ = extractor;
    let statistics = ObjectStatistics::new(photos.all.iter().map(|photo| present(photo.image_id)));
    let named: Vec<Negatives> = questions.negatives.iter().filter_map(|id| Negatives::by_id(id)).collect();
    let ways = if named.is_empty() { &Negatives::ALL[..] } else { &named };
    for (idx, photo) in asked {
        for way in ways {
            let seed =
                u64::from_le_bytes(drawn(questions.seed, &[&photo.name]).first_chunk().copied().unwrap_or_default());
            let options = PopeOptions {
                negatives: *way,
                template: Template::default(),
                most_positives: Some(questions.positives.unwrap_or(3)),
                seed,
            };
            let all = pope::questions(&present(photo.image_id), &statistics, &options);
            items.extend(all.iter().map(|one| item(idx, &one.category, one.label, Some(way.id()))));
        }
    }
    items
}

/// Finds what a question asks about in the annotations.
fn describe_object(item: &mut Item, photo: Option<&StudyPhoto>, instances: &Instances, extractor: &Extractor) {
    let Some(object) = item.object.clone().or_else(|| object_of(asked_part(&item.text))) else { return };
    let category = instances.category_named(&object).or_else(|| {
        let meant = extractor.category(&object.to_lowercase())?;
        instances.categories().iter().find(|one| extractor.category(&one.name) == Some(meant))
    });
    let Some(category) = category.filter(|_| item.label.is_some()) else { return };
    item.object = Some(category.name.clone());
    item.category_id = Some(category.id);
    let row = photo.and_then(|photo| photo.image_id).and_then(|id| instances.image_row(id));
    let Some((row, image)) = row.and_then(|row| Some((row, instances.images().get(row)?))) else { return };
    let areas = instances.annotations_of(row).iter().filter(|one| one.category_id == category.id);
    let areas: Option<Vec<f64>> = areas.map(|one| one.area_px).collect();
    let Some(areas) = areas.filter(|areas| !areas.is_empty()) else { return };
    let pixels = f64::from(image.width_px) * f64::from(image.height_px);
    item.object_area = (pixels > 0.0).then(|| areas.iter().sum::<f64>() / pixels);
    let largest = areas.iter().copied().fold(0.0, f64::max);
    item.object_size = Some(match largest {
        area if area < 32.0 * 32.0 => "small",
        area if area < 96.0 * 96.0 => "medium",
        _ => "large",
    });
}

/// The question without the words behind it.
fn asked_part(text: &str) -> &str {
    text.find('?').map_or(text, |end| text.get(..=end).unwrap_or(text))
}

impl TemplateId {
    /// Whether its answers are yes or no.
    pub fn is_yes_no(self) -> bool {
        matches!(self, Self::Tomita | Self::Pope | Self::Amber | Self::Repope)
    }
}
