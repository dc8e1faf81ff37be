//! Photos that annotations name, looked for where people keep them.

use super::names::{base_name, subset_of};
use super::{Dataset, Sources};
use crate::data::coco::{ImageRecord, coco_image_id};
use crate::data::library::list_folder;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Images whose photos are looked for in each place.
const SAMPLE: usize = 40;
/// Folders of photos in the best place that are listed.
const MOST_FOLDERS: usize = 20;

/// Photos that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhotosBeside {
    /// Those that the annotations name, in order of their folders and names.
    pub photos: Vec<PathBuf>,
    /// Where they lie.
    pub folders: Vec<PathBuf>,
}

/// Looks for the photos that annotations name in the folders beside the files: `images`, those of COCO's subsets (the
/// one that the file or its images are named after first), the file's own, and the same one level up. A place counts by
/// how many of a sample of the images lie there; of the best one all photos that the annotations name are taken.
pub fn photos_beside(sources: &Sources, files: &[PathBuf], cancel: &AtomicBool) -> Option<PhotosBeside> {
    let named = named(sources);
    let step = named.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<&Named> = named.iter().step_by(step).collect();
    let mut best: Option<(usize, BTreeMap<PathBuf, usize>)> = None;
    for place in places(files, &sample) {
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
        let mut hits = BTreeMap::new();
        for image in &sample {
            if let Some(folder) = image.folder_in(&place) {
                *hits.entry(folder).or_default() += 1;
            }
        }
        let total = hits.values().sum();
        if total > best.as_ref().map_or(0, |(best, _)| *best) {
            best = Some((total, hits));
        }
        if total == sample.len() {
            break;
        }
    }
    let (_, hits) = best?;
    // Without photos: which of them are known is what is asked.
    let known = Dataset::join(Sources { photos: Vec::new(), ..sources.clone() });
    let mut found = PhotosBeside::default();
    for folder in hits.into_keys().take(MOST_FOLDERS) {
        let Ok(listing) = list_folder(&folder, cancel, |_| ()) else { continue };
        found.photos.extend(listing.images.into_iter().filter(|path| known.row_of_photo(path).is_some()));
        found.folders.push(folder);
    }
    (!found.photos.is_empty()).then_some(found)
}

/// An image by its name, its number, or both.
#[derive(Debug)]
struct Named {
    name: String,
    id: Option<u64>,
}

impl Named {
    fn of(image: &ImageRecord) -> Self {
        Self { name: image.file_name.clone(), id: Some(image.id) }
    }

    /// The folder of its photo, looked for from here.
    fn folder_in(&self, place: &Path) -> Option<PathBuf> {
        let name = Path::new(&self.name);
        // The name is a stranger's: it leads down, never up or elsewhere.
        let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        let whole = (is_plain && !self.name.is_empty()).then(|| place.join(name));
        let base = base_name(&self.name);
        let is_name = !base.is_empty() && base != "." && base != "..";
        let id = coco_image_id(base).or(self.id.filter(|_| self.name.is_empty()));
        let numbered = id.into_iter().flat_map(|id| {
            let subset = place.file_name().and_then(|name| subset_of(&name.to_string_lossy()).map(str::to_owned));
            let long = subset.map(|subset| format!("COCO_{subset}_{id:012}.jpg"));
            [Some(format!("{id:012}.jpg")), long, Some(format!("COCO_val2014_{id:012}.jpg"))].into_iter().flatten()
        });
        let mut paths = whole.into_iter().chain(is_name.then(|| place.join(base)));
        let found = paths.find(|path| path.is_file());
        let found = found.or_else(|| numbered.map(|name| place.join(name)).find(|path| path.is_file()));
        found.and_then(|path| path.parent().map(Path::to_owned))
    }
}

/// Every image that anything speaks of.
fn named(sources: &Sources) -> Vec<Named> {
    let instances = sources.instances.iter().flat_map(|file| file.images()).map(Named::of);
    let captions = sources.captions.iter().flat_map(|file| file.images()).map(Named::of);
    let mut named: Vec<Named> = instances.chain(captions).collect();
    if named.is_empty() {
        let of_captions = sources.captions.iter().flat_map(|file| file.captions());
        named.extend(of_captions.map(|caption| Named { name: String::new(), id: Some(caption.image_id) }));
        let of_questions = sources.questions.iter().flat_map(|file| file.questions());
        named.extend(of_questions.map(|question| Named { name: question.image.clone(), id: None }));
    }
    named
}

/// Folders in which people keep the photos of such files, the likeliest first.
fn places(files: &[PathBuf], sample: &[&Named]) -> Vec<PathBuf> {
    let mut names = vec!["images".to_owned()];
    let of_files = files.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    let of_images = sample.iter().map(|image| image.name.clone());
    names.extend(of_files.chain(of_images).filter_map(|name| subset_of(&name).map(str::to_owned)).take(8));
    for subset in ["val2014", "val2017", "train2014", "train2017", "test2015", "test2017", "photos"] {
        names.push(subset.to_owned());
    }
    let mut places: Vec<PathBuf> = Vec::new();
    for file in files {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let above = folder.canonicalize().ok().and_then(|folder| folder.parent().map(Path::to_owned));
        for base in std::iter::once(folder.to_owned()).chain(above) {
            places.extend(names.iter().map(|name| base.join(name)));
            places.extend(names.iter().skip(1).map(|name| base.join("images").join(name)));
            places.push(base);
        }
    }
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| place.is_dir() && seen.insert(place.clone()));
    places
}
